/* SPDX-License-Identifier: Apache-2.0
 *
 * The run cut into slices at the guest's own clock reads. An engine's profiler reads the clock
 * around each operator, so the slices between two of its time stamps are that operator.
 */
#ifndef EDGEML_TIMELINE_H
#define EDGEML_TIMELINE_H

#include "cache_sim.h"

#include <stdint.h>
#include <stdio.h>

/* What the guest was told at a clock read; clock is -1 at the end of the run. */
struct clock_read {
    int64_t clock;
    int64_t seconds;
    int64_t nanoseconds;
};

/* Forgets all slices; the next one begins here. */
void timeline_begin(const struct cache_sim *caches);
/* Ends a slice: what blocks and caches did since the last cut. */
void timeline_cut(const struct cache_sim *caches, struct clock_read read);
/* Writes the slices as the elements of a JSON array. */
void timeline_write(FILE *file, const struct cache_sim *caches);

#endif
