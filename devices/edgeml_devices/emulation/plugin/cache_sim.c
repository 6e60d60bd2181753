/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_sim.h"

#include "frames.h"

#include <stdlib.h>
#include <string.h>

/* A set is a row of entries, the most recently used first. An entry is ((line + 1) << 1) | modified,
 * so that 0 is an empty one. */
struct level {
    uint64_t *entries;
    uint64_t sets;
    uint64_t mask; /* sets - 1 where that is a mask, else 0 */
    uint64_t ways;
    struct cache_counts counts;
};

struct cache_sim {
    struct frames *frames;
    unsigned levels;
    unsigned line_shift;
    struct level level[CACHE_LEVELS_MAX];
};

static bool level_init(struct level *level, const struct cache_shape *shape, unsigned line_bytes)
{
    uint64_t row_bytes = shape->ways * line_bytes;

    if (row_bytes == 0 || shape->bytes == 0 || shape->bytes % row_bytes != 0)
        return false;
    level->ways = shape->ways;
    level->sets = shape->bytes / row_bytes;
    level->mask = (level->sets & (level->sets - 1)) == 0 ? level->sets - 1 : 0;
    level->entries = calloc(level->sets * level->ways, sizeof *level->entries);
    return level->entries != NULL;
}

struct cache_sim *cache_sim_new(unsigned levels, const struct cache_shape *shapes,
                                unsigned line_bytes)
{
    struct cache_sim *sim;

    if (levels == 0 || levels > CACHE_LEVELS_MAX || line_bytes < 16 ||
        line_bytes > (1u << PAGE_SHIFT) || (line_bytes & (line_bytes - 1)) != 0)
        return NULL;
    sim = calloc(1, sizeof *sim);
    if (sim == NULL)
        return NULL;
    sim->levels = levels;
    sim->frames = frames_new();
    if (sim->frames == NULL) {
        cache_sim_free(sim);
        return NULL;
    }
    sim->line_shift = (unsigned)__builtin_ctz(line_bytes);
    for (unsigned i = 0; i < levels; i++) {
        if (!level_init(&sim->level[i], &shapes[i], line_bytes)) {
            cache_sim_free(sim);
            return NULL;
        }
    }
    return sim;
}

void cache_sim_free(struct cache_sim *sim)
{
    if (sim == NULL)
        return;
    for (unsigned i = 0; i < sim->levels; i++)
        free(sim->level[i].entries);
    frames_free(sim->frames);
    free(sim);
}

static inline uint64_t *level_row(struct level *level, uint64_t line)
{
    uint64_t set = level->mask != 0 ? line & level->mask : line % level->sets;

    return level->entries + set * level->ways;
}

/* Makes the line the most recent of its set. True when it was there; else *victim is what it replaced. */
static inline bool level_touch(struct level *level, uint64_t line, bool modify, uint64_t *victim)
{
    uint64_t *row = level_row(level, line);
    uint64_t wanted = line + 1;
    uint64_t found = wanted << 1;
    uint64_t last = level->ways - 1;
    bool hit = false;
    uint64_t way;

    for (way = 0; way <= last; way++) {
        if (row[way] >> 1 == wanted) {
            found = row[way];
            hit = true;
            break;
        }
    }
    if (!hit) {
        way = last;
        *victim = row[last];
    }
    memmove(row + 1, row, way * sizeof *row);
    row[0] = found | (modify ? 1 : 0);
    return hit;
}

/* A modified line from above. It arrives whole, so that a level without it need not fetch it. */
static void write_back(struct cache_sim *sim, unsigned index, uint64_t line)
{
    while (index < sim->levels) {
        uint64_t victim = 0;

        if (level_touch(&sim->level[index], line, true, &victim) || !(victim & 1))
            return;
        sim->level[index].counts.write_backs++;
        line = (victim >> 1) - 1;
        index++;
    }
}

static void fetch(struct cache_sim *sim, unsigned index, uint64_t line)
{
    for (; index < sim->levels; index++) {
        struct level *level = &sim->level[index];
        uint64_t victim = 0;

        level->counts.accesses++;
        if (level_touch(level, line, false, &victim))
            return;
        level->counts.misses++;
        if (victim & 1) {
            level->counts.write_backs++;
            write_back(sim, index + 1, (victim >> 1) - 1);
        }
    }
}

static inline void access_line(struct cache_sim *sim, uint64_t line, bool store)
{
    struct level *first = &sim->level[0];
    uint64_t *recent = level_row(first, line);
    uint64_t victim = 0;

    first->counts.accesses++;
    if (*recent >> 1 == line + 1) { /* most accesses, and nothing moves */
        *recent |= store ? 1 : 0;
        return;
    }
    if (level_touch(first, line, store, &victim))
        return;
    first->counts.misses++;
    if (victim & 1) {
        first->counts.write_backs++;
        write_back(sim, 1, (victim >> 1) - 1);
    }
    if (sim->levels > 1)
        fetch(sim, 1, line);
}

/* Physically indexed and tagged at every level, as these cores' caches are or behave. */
static uint64_t physical_line(const struct cache_sim *sim, uint64_t line)
{
    unsigned shift = PAGE_SHIFT - sim->line_shift;

    return frames_of(sim->frames, line >> shift) << shift | (line & ((UINT64_C(1) << shift) - 1));
}

void cache_sim_access(struct cache_sim *sim, uint64_t address, unsigned bytes, bool store)
{
    uint64_t line = address >> sim->line_shift;
    uint64_t last = (address + bytes - 1) >> sim->line_shift;

    for (; line <= last; line++)
        access_line(sim, physical_line(sim, line), store);
}

void cache_sim_zero(struct cache_sim *sim)
{
    for (unsigned i = 0; i < sim->levels; i++)
        memset(&sim->level[i].counts, 0, sizeof sim->level[i].counts);
}

unsigned cache_sim_levels(const struct cache_sim *sim)
{
    return sim->levels;
}

struct cache_counts cache_sim_counts(const struct cache_sim *sim, unsigned level)
{
    return sim->level[level].counts;
}
