/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz.h - what the fuzz targets share.
 *
 * A target is LLVMFuzzerTestOneInput and, where an encoder of ours can make good inputs, fuzz_seeds. Started
 * with FUZZ_SEEDS=DIR in its environment it writes these into DIR and ends.
 */
#ifndef REEVE_FUZZ_H
#define REEVE_FUZZ_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Make the seeds, by calls of the following. */
void fuzz_seeds(void) __attribute__((weak));
void fuzz_seed(const void *p, size_t n);
void fuzz_seed_text(const char *s);
/* A first byte that chooses what is read, then what is in the buffer, which is released. */
void fuzz_seed_buf(uint8_t choice, struct buf *b);

/* What must hold for every input. */
void must(bool true_thing);

#endif
