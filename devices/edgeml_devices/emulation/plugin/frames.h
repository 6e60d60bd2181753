/* SPDX-License-Identifier: Apache-2.0
 *
 * Physical page frames. A page gets the next frame when it is first touched, as a freshly started
 * Linux hands out neighbouring frames. So the simulated caches depend on the order in which a program
 * touches memory, not on the addresses at which it happens to lie.
 */
#ifndef EDGEML_FRAMES_H
#define EDGEML_FRAMES_H

#include <stdint.h>

#define PAGE_SHIFT 12

struct frames;

/* Returns NULL when memory is short. */
struct frames *frames_new(void);
void frames_free(struct frames *frames);
/* Returns the frame of a page (address >> PAGE_SHIFT). */
uint64_t frames_of(struct frames *frames, uint64_t page);

#endif
