/* SPDX-License-Identifier: Apache-2.0 */
/* files.h - small file habits of the worker. */
#ifndef REEVE_WORKER_FILES_H
#define REEVE_WORKER_FILES_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int file_write_all(int fd, const void *p, size_t n);

/* Make a directory and its missing parents, mode 0700. */
int dir_make_all(const char *path, struct err *err);

/* Open `path` below dir_fd without following any link and without leaving it; -1 with errno. */
int file_open_beneath(int dir_fd, const char *path, int flags);

/* Remove a directory and everything in it, never following a link. Missing is fine. */
int dir_remove(int at_fd, const char *path);

/* The host's boot id; zeros where there is none. */
void boot_id_read(uint8_t ret[16]);

/* Free and total bytes of the file system that holds the current directory, as an ordinary user may use them.
 */
void disk_space(uint64_t *ret_free, uint64_t *ret_total);

#endif
