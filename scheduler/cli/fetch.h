/* SPDX-License-Identifier: Apache-2.0 */
/* fetch.h - write one file of a dataset below a directory, whole and verified.
 *
 * The bytes go to "NAME.reeve-part", which an interrupted fetch leaves behind and the next one goes on with;
 * when the SHA-256 is right the file is published by rename. Paths come from jobs: no part of one may be
 * "..", and links below the directory are not followed.
 */
#ifndef REEVE_CLI_FETCH_H
#define REEVE_CLI_FETCH_H

#include "cli.h"

#include <stdint.h>

/* The path as it will stand below the directory: "%XX" of the catalog undone, checked; owned, or NULL. */
char *fetch_path(const char *listed, struct err *err);

/* Told after each piece: how much of this file is there. */
typedef void fetch_progress(struct cli *c, int64_t bytes, void *arg);

enum fetch_result { FETCH_FAILED = -1, FETCH_DONE, FETCH_HAD };

/* `dir` is an open directory; `file` is an item of the dataset's list. FETCH_HAD: it was there, complete,
 * already. A different file in its place is an error unless `force`. */
enum fetch_result fetch_file(struct cli *c, int dir, const char *dataset, const json_t *file, bool force,
                             fetch_progress *progress, void *arg, struct err *err);

#endif
