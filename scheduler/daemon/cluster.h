/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.h - the private PostgreSQL that reeved keeps when no database is configured.
 *
 * Everything is below one directory: data/ (the cluster), log (bounded), reserve (space set aside),
 * tuning.conf (settings of the operator, read after ours; may be absent). It listens on a Unix socket in that
 * directory, which only this account can enter, and on no network; so whoever may connect is who may enter.
 * When the path is too long for a socket, or has unusual characters, the socket is in a directory of its own
 * below XDG_RUNTIME_DIR or /tmp.
 *
 * The server is in a session of its own and outlives a killed reeved, which adopts it when it starts again.
 * The programs are those of the newest version below /usr/lib/postgresql (or the usual places of other
 * systems), of the data's version once there is data; the environment variable REEVE_PG_BIN names another
 * folder.
 */
#ifndef REEVE_CLUSTER_H
#define REEVE_CLUSTER_H

#include "common/err.h"

#include <stdint.h>

#define CLUSTER_RESERVE (64LL << 20)

/* Make it if there is none, start it if it does not run, wait until it answers (also through the recovery
 * after a crash, saying so once a few seconds passed), and return how to connect, malloc'd. Quick when it
 * runs. Refuses to run as root: PostgreSQL does. One caller at a time. */
int cluster_start(const char *dir, char **ret_conninfo, struct err *err);

/* Stop it, ending its connections, and wait until it is gone. Fine when it does not run. */
int cluster_stop(const char *dir, struct err *err);

/* Bytes that are free where it lies. A server that cannot write its log panics, so before that the reserve
 * is given up (and made again when there is room): 0 fine, 1 almost full and the reserve is gone, refuse new
 * work; -1 error. Also keeps the server's log short. For every minute or so. */
int cluster_disk_check(const char *dir, int64_t *ret_free, struct err *err);

#endif
