/* SPDX-License-Identifier: Apache-2.0
 *
 * The translation blocks seen so far. A block that QEMU translates again keeps its counter.
 */
#ifndef EDGEML_BLOCKS_H
#define EDGEML_BLOCKS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct block {
    struct block *next;
    uint64_t address;
    uint64_t executions;
    uint64_t baseline; /* executions that are subtracted in the end */
    uint64_t seen;     /* executions at the last blocks_changes() */
    uint32_t id;       /* counts up from 0 */
    uint32_t instructions;
    uint32_t code_bytes;
    unsigned char code[];
};

struct block_change {
    uint32_t id;
    uint64_t executions;
};

struct block_changes {
    struct block_change *entries; /* the caller's to free */
    size_t count;
};

/* Returns the block with this address and code, made when new. Safe from several threads. */
struct block *blocks_find(uint64_t address, uint32_t instructions, const unsigned char *code,
                          uint32_t code_bytes);
void blocks_zero(void);
/* Takes the executions so far as those that are subtracted from later ones. */
void blocks_set_baseline(void);
/* Returns the blocks that ran since the last call or since zero, and how often. */
struct block_changes blocks_changes(void);
/* Instructions executed, without the baseline. */
uint64_t blocks_instructions(void);
/* Writes the blocks that were executed beyond the baseline as the elements of a JSON array. */
void blocks_write(FILE *file);

#endif
