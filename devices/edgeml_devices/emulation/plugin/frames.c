/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

#include <stdlib.h>

#define RECENT (1u << 12)

struct translation {
    uint64_t page; /* + 1, so that 0 is an empty one */
    uint64_t frame;
};

static struct translation recent[RECENT]; /* direct-mapped, for speed */
static struct translation *table;         /* open addressing, at most half full */
static uint64_t table_size;
static uint64_t frames_given;

static struct translation *find(struct translation *entries, uint64_t size, uint64_t wanted)
{
    uint64_t place = (wanted * UINT64_C(0x9e3779b97f4a7c15)) >> 20;

    for (;; place++) {
        struct translation *entry = &entries[place & (size - 1)];

        if (entry->page == wanted || entry->page == 0)
            return entry;
    }
}

static void grow(void)
{
    uint64_t size = table_size ? 2 * table_size : 1u << 16;
    struct translation *larger = calloc(size, sizeof *larger);

    if (larger == NULL)
        abort();
    for (uint64_t i = 0; i < table_size; i++) {
        if (table[i].page != 0)
            *find(larger, size, table[i].page) = table[i];
    }
    free(table);
    table = larger;
    table_size = size;
}

uint64_t frame_of(uint64_t page)
{
    struct translation *near = &recent[page & (RECENT - 1)];
    struct translation *entry;

    if (near->page == page + 1)
        return near->frame;
    if (2 * frames_given >= table_size)
        grow();
    entry = find(table, table_size, page + 1);
    if (entry->page == 0) {
        entry->page = page + 1;
        entry->frame = frames_given++;
    }
    *near = *entry;
    return entry->frame;
}
