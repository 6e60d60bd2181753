/* SPDX-License-Identifier: Apache-2.0 */
#include "blocks.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS (1u << 16)

static struct block *buckets[BUCKETS];
static uint32_t block_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct block *block_new(uint64_t address, uint32_t instructions, const unsigned char *code,
                               uint32_t code_bytes)
{
    struct block *block = malloc(sizeof *block + code_bytes);

    if (block == NULL) {
        fputs("edgeml_count: out of memory\n", stderr);
        abort();
    }
    block->address = address;
    block->executions = 0;
    block->baseline = 0;
    block->seen = 0;
    block->id = block_count++;
    block->instructions = instructions;
    block->code_bytes = code_bytes;
    memcpy(block->code, code, code_bytes);
    return block;
}

struct block *blocks_find(uint64_t address, uint32_t instructions, const unsigned char *code,
                          uint32_t code_bytes)
{
    struct block **bucket = &buckets[(address >> 1) % BUCKETS];
    struct block *block;

    pthread_mutex_lock(&lock);
    for (block = *bucket; block != NULL; block = block->next) {
        if (block->address == address && block->code_bytes == code_bytes &&
            memcmp(block->code, code, code_bytes) == 0)
            break;
    }
    if (block == NULL) {
        block = block_new(address, instructions, code, code_bytes);
        block->next = *bucket;
        *bucket = block;
    }
    pthread_mutex_unlock(&lock);
    return block;
}

void blocks_zero(void)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct block *block = buckets[i]; block != NULL; block = block->next) {
            block->executions = 0;
            block->seen = 0;
        }
    }
    pthread_mutex_unlock(&lock);
}

void blocks_set_baseline(void)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct block *block = buckets[i]; block != NULL; block = block->next)
            block->baseline = block->executions;
    }
    pthread_mutex_unlock(&lock);
}

struct block_changes blocks_changes(void)
{
    struct block_changes changes = {NULL, 0};

    pthread_mutex_lock(&lock);
    changes.entries = malloc((block_count + 1) * sizeof *changes.entries);
    if (changes.entries == NULL)
        abort();
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct block *block = buckets[i]; block != NULL; block = block->next) {
            if (block->executions == block->seen)
                continue;
            changes.entries[changes.count].id = block->id;
            changes.entries[changes.count++].executions = block->executions - block->seen;
            block->seen = block->executions;
        }
    }
    pthread_mutex_unlock(&lock);
    changes.entries = realloc(changes.entries, (changes.count + 1) * sizeof *changes.entries);
    return changes;
}

static uint64_t block_executions(const struct block *block)
{
    return block->executions > block->baseline ? block->executions - block->baseline : 0;
}

uint64_t blocks_instructions(void)
{
    uint64_t total = 0;

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct block *block = buckets[i]; block != NULL; block = block->next)
            total += block_executions(block) * block->instructions;
    }
    pthread_mutex_unlock(&lock);
    return total;
}

static void block_write(FILE *file, const struct block *block)
{
    fprintf(file, "{\"id\": %" PRIu32 ", \"address\": %" PRIu64 ", \"instructions\": %" PRIu32
                  ", \"executions\": %" PRIu64 ", \"code\": \"",
            block->id, block->address, block->instructions, block_executions(block));
    for (uint32_t i = 0; i < block->code_bytes; i++)
        fprintf(file, "%02x", block->code[i]);
    fputs("\"}", file);
}

void blocks_write(FILE *file)
{
    const char *separator = "\n";

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (const struct block *block = buckets[i]; block != NULL; block = block->next) {
            if (block_executions(block) == 0)
                continue;
            fputs(separator, file);
            block_write(file, block);
            separator = ",\n";
        }
    }
    pthread_mutex_unlock(&lock);
}
