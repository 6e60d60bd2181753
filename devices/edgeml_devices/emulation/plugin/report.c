/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "blocks.h"
#include "timeline.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t beyond(uint64_t count, uint64_t baseline)
{
    return count > baseline ? count - baseline : 0;
}

static void write_caches(FILE *file, const struct report *report)
{
    static const char *const names[CACHE_LEVELS_MAX] = {"l1d", "l2", "l3"};

    for (unsigned i = 0; report->caches != NULL && i < cache_sim_levels(report->caches); i++) {
        struct cache_counts counts = cache_sim_counts(report->caches, i);
        struct cache_counts base = report->cache_baseline[i];

        fprintf(file, "%s\"%s\": {\"accesses\": %" PRIu64 ", \"misses\": %" PRIu64
                      ", \"write_backs\": %" PRIu64 "}",
                i == 0 ? "" : ", ", names[i], beyond(counts.accesses, base.accesses),
                beyond(counts.misses, base.misses), beyond(counts.write_backs, base.write_backs));
    }
}

static void write_threads(FILE *file, const struct report *report)
{
    const char *separator = "";

    for (unsigned i = 0; i < REPORT_THREADS_MAX; i++) {
        if (report->thread_instructions[i] == 0)
            continue;
        fprintf(file, "%s\"%u\": %" PRIu64, separator, i, report->thread_instructions[i]);
        separator = ", ";
    }
}

static void write_document(FILE *file, const struct report *report)
{
    fprintf(file, "{\"schema\": \"edgeml.counts/1\", \"target\": \"%s\", \"api_version\": %d,\n",
            report->target, report->api_version);
    fprintf(file, "\"run_instructions\": %" PRIu64 ", \"call_instructions\": %" PRIu64 ",\n",
            blocks_instructions(), report->call_instructions);
    fprintf(file, "\"main_vcpu\": %u, \"vcpus\": {", report->main_thread);
    write_threads(file, report);
    fputs("},\n\"caches\": {", file);
    write_caches(file, report);
    fputs("},\n\"blocks\": [", file);
    blocks_write(file);
    fputs("\n],\n\"slices\": [", file);
    timeline_write(file, report->caches);
    fputs("\n]}\n", file);
}

void report_write(const struct report *report)
{
    char partial[4096];
    FILE *file = NULL;
    bool failed;

    if (snprintf(partial, sizeof partial, "%s.partial", report->path) < (int)sizeof partial)
        file = fopen(partial, "w");
    if (file == NULL) {
        fprintf(stderr, "edgeml_count: cannot write %s\n", report->path);
        return;
    }
    write_document(file, report);
    failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed || rename(partial, report->path) != 0) {
        fprintf(stderr, "edgeml_count: cannot write %s\n", report->path);
        remove(partial);
    }
}
