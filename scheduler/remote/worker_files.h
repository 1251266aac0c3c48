/* SPDX-License-Identifier: Apache-2.0 */
/* worker_files.h - the worker binaries that this installation can upload, by machine, with their SHA-256. */
#ifndef REEVE_WORKER_FILES_H
#define REEVE_WORKER_FILES_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

#define WORKER_FILES_MAX 8
#define WORKER_FILE_MAX  (64u << 20)

struct worker_file {
        char machine[32]; /* as uname -m says */
        char sha256[65];
        uint8_t *data; /* owned */
        size_t size;
};

struct worker_files {
        struct worker_file files[WORKER_FILES_MAX];
        size_t count;
};

/* Read them all. An error when there is none. */
int worker_files_load(const char *dir, struct worker_files *ret, struct err *err);
void worker_files_release(struct worker_files *w);
const struct worker_file *worker_files_find(const struct worker_files *w, const char *machine);

#endif
