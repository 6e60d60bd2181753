/* SPDX-License-Identifier: Apache-2.0 */
#include "timeline.h"

#include "blocks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct slice {
    struct clock_read end;
    struct cache_counts caches[CACHE_LEVELS_MAX];
    struct block_changes changes;
};

static struct slice *slices;
static size_t slice_count;
static size_t slice_room;
static struct cache_counts last[CACHE_LEVELS_MAX];

static void remember_caches(const struct cache_sim *caches)
{
    for (unsigned i = 0; caches != NULL && i < cache_sim_levels(caches); i++)
        last[i] = cache_sim_counts(caches, i);
}

void timeline_begin(const struct cache_sim *caches)
{
    struct block_changes forgotten = blocks_changes();

    free(forgotten.entries);
    for (size_t i = 0; i < slice_count; i++)
        free(slices[i].changes.entries);
    slice_count = 0;
    memset(last, 0, sizeof last);
    remember_caches(caches);
}

void timeline_cut(const struct cache_sim *caches, struct clock_read read)
{
    struct slice *slice;

    if (slice_count == slice_room) {
        slice_room = slice_room ? 2 * slice_room : 256;
        slices = realloc(slices, slice_room * sizeof *slices);
        if (slices == NULL)
            abort();
    }
    slice = &slices[slice_count++];
    memset(slice, 0, sizeof *slice);
    slice->end = read;
    slice->changes = blocks_changes();
    for (unsigned i = 0; caches != NULL && i < cache_sim_levels(caches); i++) {
        struct cache_counts now = cache_sim_counts(caches, i);

        slice->caches[i].accesses = now.accesses - last[i].accesses;
        slice->caches[i].misses = now.misses - last[i].misses;
        slice->caches[i].write_backs = now.write_backs - last[i].write_backs;
    }
    remember_caches(caches);
}

static void slice_write(FILE *file, const struct slice *slice, unsigned levels)
{
    fprintf(file, "{\"clock\": %" PRId64 ", \"seconds\": %" PRId64 ", \"nanoseconds\": %" PRId64
                  ", \"caches\": [",
            slice->end.clock, slice->end.seconds, slice->end.nanoseconds);
    for (unsigned i = 0; i < levels; i++)
        fprintf(file, "%s[%" PRIu64 ", %" PRIu64 ", %" PRIu64 "]", i == 0 ? "" : ", ",
                slice->caches[i].accesses, slice->caches[i].misses, slice->caches[i].write_backs);
    fputs("], \"blocks\": [", file);
    for (size_t i = 0; i < slice->changes.count; i++)
        fprintf(file, "%s[%" PRIu32 ", %" PRIu64 "]", i == 0 ? "" : ", ",
                slice->changes.entries[i].id, slice->changes.entries[i].executions);
    fputs("]}", file);
}

void timeline_write(FILE *file, const struct cache_sim *caches)
{
    for (size_t i = 0; i < slice_count; i++) {
        fputs(i == 0 ? "\n" : ",\n", file);
        slice_write(file, &slices[i], caches == NULL ? 0 : cache_sim_levels(caches));
    }
}
