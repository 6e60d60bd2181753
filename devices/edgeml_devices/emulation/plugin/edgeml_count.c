/* SPDX-License-Identifier: Apache-2.0
 *
 * A QEMU plugin that counts block executions and simulates the data caches between markers.
 *
 * A guest program marks with sched_get_priority_max(MARKER + n), which the kernel answers with
 * EINVAL and which needs no library of ours:
 *
 *   MARKER + 0  attach: translate anew, from here on with counters and caches (they warm up)
 *   MARKER + 1  call begins: count the instructions of the main thread
 *   MARKER + 2  run begins: zero all counters, count blocks and cache events
 *   MARKER + 3  run ends: stop counting them
 *   MARKER + 4  call ends: write the report, detach
 *   MARKER + 5  baseline: what the last run counted is subtracted from the report (an empty run, so
 *               that the guest's own code next to the markers does not count)
 *
 * Within a run, each clock read of the main thread ends a slice of the timeline (timeline.h).
 *
 * Before the first and after the last marker nothing but system calls is watched, so start-up runs
 * at full speed. The main thread is the one that attaches; only its blocks and accesses count, as
 * engines keep helper threads whose work depends on the host.
 *
 * With from_start=1 everything from the first instruction on is one run, up to the marker "call ends" or
 * the end of the program, and the markers of a run cut it into slices: so a cold start is counted.
 *
 * Arguments: out=FILE, from_start=1, line=BYTES, l1d=BYTES:WAYS, l2=BYTES:WAYS, l3=BYTES:WAYS (without l1d no
 * caches are simulated).
 */
#include "blocks.h"
#include "cache_sim.h"
#include "qemu_api.h"
#include "report.h"
#include "timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define MARKER UINT64_C(0x0EDCE100)
#define VCPUS_MAX REPORT_THREADS_MAX
#define INSTRUCTION_BYTES_MAX 4
/* The widest access that QEMU reports at once. */
#define ACCESS_BYTES_MAX 32

enum { ATTACH, CALL_BEGIN, RUN_BEGIN, RUN_END, CALL_END, BASELINE };

PLUGIN_EXPORT int qemu_plugin_version = 1;

/* One cache line each, as each thread writes its own. */
static struct {
    uint64_t instructions;
    uint64_t padding[7];
} vcpus[VCPUS_MAX];

static char *report_path;
static int64_t marker_syscall;
static int64_t clock_syscall;
static uint64_t clock_arguments[2];
static int api_version;
static const char *target_name;
static struct cache_sim *caches;
static unsigned line_bytes = 64;
static bool attached;
static bool from_start;
static bool counting;
static unsigned main_vcpu;
static uint64_t call_begin_instructions;
static struct cache_counts cache_baseline[CACHE_LEVELS_MAX];

/* QEMU accepts a plugin of its own version or an older one down to a minimum that rises with time,
 * so name the newest version whose presence can be seen. */
__attribute__((constructor)) static void choose_version(void)
{
    if (qemu_plugin_translate_vaddr)
        qemu_plugin_version = 5;
    else if (qemu_plugin_read_memory_vaddr)
        qemu_plugin_version = 4;
    else if (qemu_plugin_scoreboard_new)
        qemu_plugin_version = 2;
}

static uint64_t *vcpu_instructions(unsigned vcpu)
{
    return &vcpus[vcpu < VCPUS_MAX ? vcpu : VCPUS_MAX - 1].instructions;
}

static void on_block(unsigned vcpu, void *data)
{
    struct block *block = data;

    *vcpu_instructions(vcpu) += block->instructions;
    if (counting && vcpu == main_vcpu)
        block->executions++;
}

static void on_access(unsigned vcpu, memory_info info, uint64_t address, void *data)
{
    unsigned bytes = 1;

    (void)data;
    if (vcpu != main_vcpu)
        return;
    /* The size matters only where the access may reach into the next line. */
    if ((address & (line_bytes - 1)) > line_bytes - ACCESS_BYTES_MAX)
        bytes = 1u << qemu_plugin_mem_size_shift(info);
    cache_sim_access(caches, address, bytes, qemu_plugin_mem_is_store(info));
}

/* Returns the bytes written. QEMU 7.2 reports up to 6 for some Thumb instructions; none has over 4. */
static size_t instruction_bytes(const struct qemu_plugin_insn *instruction, unsigned char *target)
{
    insn_data_pointer pointer = (insn_data_pointer)qemu_plugin_insn_data;
    insn_data_copy copy = (insn_data_copy)qemu_plugin_insn_data;
    size_t bytes = qemu_plugin_insn_size(instruction);

    if (bytes > INSTRUCTION_BYTES_MAX)
        bytes = INSTRUCTION_BYTES_MAX;
    if (api_version >= 3)
        return copy(instruction, target, bytes);
    memcpy(target, pointer(instruction), bytes);
    return bytes;
}

static void on_translation(plugin_id id, struct qemu_plugin_tb *tb)
{
    size_t instructions = qemu_plugin_tb_n_insns(tb);
    unsigned char *code = malloc(instructions * INSTRUCTION_BYTES_MAX + 1);
    uint32_t code_bytes = 0;
    struct block *block;

    (void)id;
    if (code == NULL)
        abort();
    for (size_t i = 0; i < instructions; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(tb, i);

        code_bytes += (uint32_t)instruction_bytes(instruction, code + code_bytes);
        /* One callback for both directions: with one for each, QEMU 7.2 calls both for stores. */
        if (caches != NULL)
            qemu_plugin_register_vcpu_mem_cb(instruction, on_access, CALLBACK_READS_NO_REGISTERS,
                                             MEMORY_READ_WRITE, NULL);
    }
    block = blocks_find(qemu_plugin_tb_vaddr(tb), (uint32_t)instructions, code, code_bytes);
    free(code);
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, CALLBACK_READS_NO_REGISTERS, block);
}

static void write_counts(uint64_t call_instructions)
{
    struct report report = {.path = report_path,
                            .target = target_name,
                            .api_version = api_version,
                            .call_instructions = call_instructions,
                            .main_thread = main_vcpu,
                            .caches = caches,
                            .cache_baseline = cache_baseline};

    for (unsigned i = 0; i < VCPUS_MAX; i++)
        report.thread_instructions[i] = vcpus[i].instructions;
    report_write(&report);
}

static void on_syscall(plugin_id id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2,
                       uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7,
                       uint64_t a8);

static void on_syscall_return(plugin_id id, unsigned vcpu, int64_t number, int64_t result);

static void begin_counting(plugin_id id)
{
    qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
    qemu_plugin_register_vcpu_syscall_ret_cb(id, on_syscall_return);
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
}

static void end_counting(plugin_id id)
{
    (void)id; /* a reset took all callbacks away, and nothing is left to watch */
}

static void finish(plugin_id id)
{
    timeline_cut(caches, (struct clock_read){-1, 0, 0});
    counting = false;
    write_counts(*vcpu_instructions(main_vcpu) - call_begin_instructions);
    attached = false;
    qemu_plugin_reset(id, end_counting);
}

static void on_program_end(plugin_id id, void *data)
{
    (void)id, (void)data;
    if (!attached)
        return;
    timeline_cut(caches, (struct clock_read){-1, 0, 0});
    write_counts(*vcpu_instructions(main_vcpu));
}

static void set_baseline(void)
{
    blocks_set_baseline();
    for (unsigned i = 0; caches != NULL && i < cache_sim_levels(caches); i++)
        cache_baseline[i] = cache_sim_counts(caches, i);
}

static void on_marker(plugin_id id, unsigned vcpu, unsigned marker)
{
    if (marker == ATTACH && !attached) {
        attached = true;
        main_vcpu = vcpu;
        qemu_plugin_reset(id, begin_counting);
        return;
    }
    if (!attached || vcpu != main_vcpu)
        return;
    if (from_start) {
        if (marker == CALL_END)
            finish(id);
        else if (marker == RUN_BEGIN || marker == RUN_END)
            timeline_cut(caches, (struct clock_read){-1, 0, 0});
        return;
    }
    switch (marker) {
    case CALL_BEGIN:
        call_begin_instructions = *vcpu_instructions(vcpu);
        break;
    case RUN_BEGIN:
        blocks_zero();
        if (caches != NULL)
            cache_sim_zero(caches);
        timeline_begin(caches);
        counting = true;
        break;
    case RUN_END:
        timeline_cut(caches, (struct clock_read){-1, 0, 0});
        counting = false;
        break;
    case BASELINE:
        set_baseline();
        break;
    case CALL_END:
        write_counts(*vcpu_instructions(vcpu) - call_begin_instructions);
        qemu_plugin_reset(id, end_counting);
        break;
    default:
        break;
    }
}

static void on_syscall(plugin_id id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2,
                       uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7,
                       uint64_t a8)
{
    (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if (number == marker_syscall && a1 >= MARKER && a1 <= MARKER + BASELINE)
        on_marker(id, vcpu, (unsigned)(a1 - MARKER));
    if (number == clock_syscall && counting && !from_start && vcpu == main_vcpu) {
        clock_arguments[0] = a1;
        clock_arguments[1] = a2;
    }
}

/* The time that the guest was given is in its memory by now. An address of the guest is one of ours,
 * as a 64-bit guest is mapped at 0; if it is not, the copy fails and the time stays 0. */
static void on_syscall_return(plugin_id id, unsigned vcpu, int64_t number, int64_t result)
{
    int64_t given[2] = {0, 0};
    struct iovec here = {given, sizeof given};
    struct iovec there = {(void *)(uintptr_t)clock_arguments[1], sizeof given};

    (void)id;
    if (number != clock_syscall || result != 0 || !counting || from_start || vcpu != main_vcpu)
        return;
    if (syscall(SYS_process_vm_readv, getpid(), &here, 1, &there, 1, 0) != (long)sizeof given)
        given[0] = given[1] = 0;
    timeline_cut(caches, (struct clock_read){(int64_t)clock_arguments[0], given[0], given[1]});
}

static bool parse_shape(const char *text, struct cache_shape *shape)
{
    return sscanf(text, "%" SCNu64 ":%" SCNu64, &shape->bytes, &shape->ways) == 2;
}

/* Fills shapes in the order of the names; returns false for an argument that is not understood. */
static bool parse_argument(const char *argument, struct cache_shape *shapes)
{
    if (strncmp(argument, "out=", 4) == 0) {
        free(report_path);
        report_path = strdup(argument + 4);
        return report_path != NULL;
    }
    if (strcmp(argument, "from_start=1") == 0)
        return from_start = true;
    if (strncmp(argument, "line=", 5) == 0)
        return sscanf(argument + 5, "%u", &line_bytes) == 1 && line_bytes >= ACCESS_BYTES_MAX;
    if (strncmp(argument, "l1d=", 4) == 0)
        return parse_shape(argument + 4, &shapes[0]);
    if (strncmp(argument, "l2=", 3) == 0)
        return parse_shape(argument + 3, &shapes[1]);
    if (strncmp(argument, "l3=", 3) == 0)
        return parse_shape(argument + 3, &shapes[2]);
    return false;
}

static bool make_caches(const struct cache_shape *shapes)
{
    unsigned levels = 0;

    while (levels < CACHE_LEVELS_MAX && shapes[levels].bytes != 0)
        levels++;
    if (levels == 0)
        return true;
    caches = cache_sim_new(levels, shapes, line_bytes);
    return caches != NULL;
}

PLUGIN_EXPORT int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc,
                                      char **argv)
{
    struct cache_shape shapes[CACHE_LEVELS_MAX] = {{0, 0}};

    for (int i = 0; i < argc; i++) {
        if (!parse_argument(argv[i], shapes)) {
            fprintf(stderr, "edgeml_count: bad argument %s\n", argv[i]);
            return -1;
        }
    }
    if (report_path == NULL || !make_caches(shapes) || info->system_emulation) {
        fputs("edgeml_count: needs out=FILE, whole cache shapes and user mode\n", stderr);
        return -1;
    }
    api_version = info->version.cur;
    target_name = strdup(info->target_name);
    marker_syscall = strcmp(info->target_name, "arm") == 0 ? 159 : 125;
    clock_syscall = strcmp(info->target_name, "arm") == 0 ? 403 : 113;
    if (from_start) {
        attached = counting = true;
        begin_counting(id);
        qemu_plugin_register_atexit_cb(id, on_program_end, NULL);
    } else {
        qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
    }
    return 0;
}
