/* SPDX-License-Identifier: Apache-2.0 */
/* put_files.h - the files that a command line names, as a dataset has them.
 *
 * A single directory stands for what is below it; several words for themselves: their last part comes before
 * what is below them. Links below a directory, and what is no regular file, are left out and counted.
 */
#ifndef REEVE_CLI_PUT_FILES_H
#define REEVE_CLI_PUT_FILES_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct put_file {
        char *path;  /* within the dataset, as the catalog writes it; owned */
        char *local; /* owned */
        int64_t size, received;
        bool named, complete; /* at the server */
        char sha256[65];      /* of what is here, once it was read; "" */
};

struct put_files {
        struct put_file *files; /* by path */
        size_t count, cap, left_out;
        int64_t bytes;
};

int put_files_find(const char *const *words, size_t n, struct put_files *ret, struct err *err);
struct put_file *put_files_get(const struct put_files *l, const char *path);
void put_files_release(struct put_files *l);

#endif
