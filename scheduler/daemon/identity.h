/* SPDX-License-Identifier: Apache-2.0 */
/* identity.h - who reeved is: its directory, the user it runs as, the files beside it. */
#ifndef REEVE_IDENTITY_H
#define REEVE_IDENTITY_H

#include "daemon/settings.h"

/* Make the state directory (0700), become an unprivileged user when started as root (the directory becomes
 * his), and take its lock, which *ret_lock holds until the process ends: one reeved per directory. */
int identity_settle(struct settings *s, int *ret_lock, struct err *err);

/* Fill connector and worker_dir, when not set, from where this program lies. */
int identity_find_programs(struct settings *s, struct err *err);

#endif
