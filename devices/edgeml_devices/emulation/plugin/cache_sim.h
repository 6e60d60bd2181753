/* SPDX-License-Identifier: Apache-2.0
 *
 * A data cache hierarchy of one to three levels: LRU, write-allocate, write-back, not inclusive.
 * It knows nothing of QEMU, so that a test can drive it alone.
 */
#ifndef EDGEML_CACHE_SIM_H
#define EDGEML_CACHE_SIM_H

#include <stdbool.h>
#include <stdint.h>

#define CACHE_LEVELS_MAX 3

struct cache_shape {
    uint64_t bytes;
    uint64_t ways;
};

struct cache_counts {
    uint64_t accesses;    /* reads and writes from above, write-backs not among them */
    uint64_t misses;      /* accesses that had to fetch the line from below */
    uint64_t write_backs; /* modified lines handed to the level below, or to memory */
};

struct cache_sim;

/* Returns NULL when a shape has no whole number of sets, or memory is short. */
struct cache_sim *cache_sim_new(unsigned levels, const struct cache_shape *shapes,
                                unsigned line_bytes);
void cache_sim_free(struct cache_sim *sim);
void cache_sim_access(struct cache_sim *sim, uint64_t address, unsigned bytes, bool store);
/* Zeroes the counters; the contents of the caches stay. */
void cache_sim_zero(struct cache_sim *sim);
unsigned cache_sim_levels(const struct cache_sim *sim);
struct cache_counts cache_sim_counts(const struct cache_sim *sim, unsigned level);

#endif
