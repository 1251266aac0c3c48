/* SPDX-License-Identifier: Apache-2.0 */
/* cluster_priv.h - what the cluster*.c files share; nobody else includes it. */
#ifndef REEVE_CLUSTER_PRIV_H
#define REEVE_CLUSTER_PRIV_H

#include "daemon/cluster.h"

#include <stddef.h>
#include <sys/types.h>

/* Major version of the data below dir, 0 when there is none. */
int cluster_data_version(const char *dir);
/* The folder of the programs for it, malloc'd. */
int cluster_bin_choose(const char *dir, char **ret_bin, struct err *err);
/* initdb into a folder beside, settings, rename: it is there whole or not at all. */
int cluster_data_make(const char *dir, const char *bin, struct err *err);
/* The folder of the socket, malloc'd; made when it is not dir itself. */
int cluster_socket_dir_choose(const char *dir, char **ret, struct err *err);

/* Start a program in a session of its own, output appended to the file `log`, signals as after boot, no
 * descriptor of ours. The process that calls this may be large: posix_spawn does not copy it. */
int cluster_spawn(char *const argv[], const char *log, pid_t *ret_pid, struct err *err);
/* ": " and the last reason in a log, or "". */
void cluster_log_reason(const char *log, char *ret, size_t max);
int cluster_file_write(const char *path, const char *text, struct err *err);

#endif
