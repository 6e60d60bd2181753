/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

#include <stdlib.h>

#define RECENT (1u << 12)
#define FIRST_SIZE (1u << 12)

struct translation {
    uint64_t page; /* + 1, so that 0 is an empty one */
    uint64_t frame;
};

struct frames {
    struct translation recent[RECENT]; /* direct-mapped, for speed */
    struct translation *table;         /* open addressing, at most half full */
    uint64_t size;
    uint64_t given;
};

struct frames *frames_new(void)
{
    struct frames *frames = calloc(1, sizeof *frames);

    if (frames == NULL)
        return NULL;
    frames->size = FIRST_SIZE;
    frames->table = calloc(frames->size, sizeof *frames->table);
    if (frames->table == NULL) {
        free(frames);
        return NULL;
    }
    return frames;
}

void frames_free(struct frames *frames)
{
    if (frames == NULL)
        return;
    free(frames->table);
    free(frames);
}

static struct translation *find(struct translation *table, uint64_t size, uint64_t wanted)
{
    uint64_t place = (wanted * UINT64_C(0x9e3779b97f4a7c15)) >> 20;

    for (;; place++) {
        struct translation *entry = &table[place & (size - 1)];

        if (entry->page == wanted || entry->page == 0)
            return entry;
    }
}

static void grow(struct frames *frames)
{
    uint64_t size = 2 * frames->size;
    struct translation *larger = calloc(size, sizeof *larger);

    if (larger == NULL)
        abort();
    for (uint64_t i = 0; i < frames->size; i++) {
        if (frames->table[i].page != 0)
            *find(larger, size, frames->table[i].page) = frames->table[i];
    }
    free(frames->table);
    frames->table = larger;
    frames->size = size;
}

uint64_t frames_of(struct frames *frames, uint64_t page)
{
    struct translation *near = &frames->recent[page & (RECENT - 1)];
    struct translation *entry;

    if (near->page == page + 1)
        return near->frame;
    if (2 * frames->given >= frames->size)
        grow(frames);
    entry = find(frames->table, frames->size, page + 1);
    if (entry->page == 0) {
        entry->page = page + 1;
        entry->frame = frames->given++;
    }
    *near = *entry;
    return entry->frame;
}
