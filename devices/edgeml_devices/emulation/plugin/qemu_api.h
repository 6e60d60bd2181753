/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of QEMU's plugin interface that the counter uses, declared by hand from its documentation
 * so that neither QEMU's development files nor their licence are needed.
 *
 * Interface versions: 1 is QEMU up to 8.x, 2 is 9.0, and so on. All of these functions are the same in
 * every version, but for qemu_plugin_insn_data, which is therefore reached through a cast.
 */
#ifndef EDGEML_QEMU_API_H
#define EDGEML_QEMU_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLUGIN_EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
typedef uint32_t memory_info;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

struct qemu_info {
    const char *target_name;
    struct {
        int min;
        int cur;
    } version;
    bool system_emulation;
    struct {
        int smp_vcpus;
        int max_vcpus;
    } system;
};

enum { CALLBACK_READS_NO_REGISTERS = 0 };
enum { MEMORY_READ_WRITE = 3 };

typedef void (*simple_callback)(plugin_id id);
typedef void (*translation_callback)(plugin_id id, struct qemu_plugin_tb *block);
typedef void (*execution_callback)(unsigned vcpu, void *data);
typedef void (*memory_callback)(unsigned vcpu, memory_info info, uint64_t address, void *data);
typedef void (*syscall_callback)(plugin_id id, unsigned vcpu, int64_t number, uint64_t a1,
                                 uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6,
                                 uint64_t a7, uint64_t a8);
typedef void (*syscall_return_callback)(plugin_id id, unsigned vcpu, int64_t number,
                                        int64_t result);

void qemu_plugin_reset(plugin_id id, simple_callback callback);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, translation_callback callback);
void qemu_plugin_register_vcpu_syscall_cb(plugin_id id, syscall_callback callback);
typedef void (*exit_callback)(plugin_id id, void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, exit_callback callback, void *data);
void qemu_plugin_register_vcpu_syscall_ret_cb(plugin_id id, syscall_return_callback callback);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, execution_callback callback,
                                          int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction,
                                      memory_callback callback, int flags, int direction,
                                      void *data);
unsigned qemu_plugin_mem_size_shift(memory_info info);
bool qemu_plugin_mem_is_store(memory_info info);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *instruction);

/* Versions 1 and 2 return a pointer to the bytes; later ones copy them. */
void qemu_plugin_insn_data(void);
typedef const void *(*insn_data_pointer)(const struct qemu_plugin_insn *instruction);
typedef size_t (*insn_data_copy)(const struct qemu_plugin_insn *instruction, void *target,
                                 size_t bytes);

/* Only their presence is of interest: each tells that the interface is at least of a version. */
__attribute__((weak)) void qemu_plugin_scoreboard_new(void);    /* 2 */
__attribute__((weak)) void qemu_plugin_read_memory_vaddr(void); /* 4 */
__attribute__((weak)) void qemu_plugin_translate_vaddr(void);   /* 5 */

#endif
