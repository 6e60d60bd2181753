/* SPDX-License-Identifier: Apache-2.0
 *
 * The counts as a JSON document, ``edgeml.counts/1``, which appears whole or not at all.
 */
#ifndef EDGEML_REPORT_H
#define EDGEML_REPORT_H

#include "cache_sim.h"

#include <stdint.h>

#define REPORT_THREADS_MAX 256

struct report {
    const char *path;
    const char *target; /* QEMU's name of the guest */
    int api_version;
    uint64_t call_instructions;
    unsigned main_thread;
    uint64_t thread_instructions[REPORT_THREADS_MAX];
    const struct cache_sim *caches;             /* NULL without a simulation */
    const struct cache_counts *cache_baseline; /* subtracted, one a level */
};

/* Writes the report; blocks and slices are those of blocks.h and timeline.h. */
void report_write(const struct report *report);

#endif
