/* SPDX-License-Identifier: Apache-2.0 */
/* engine_arrivals.h - data that comes in: files sent to this server, or to be fetched, brought to a site. */
#ifndef REEVE_ENGINE_ARRIVALS_H
#define REEVE_ENGINE_ARRIVALS_H

#include "daemon/engine_priv.h"

/* A few times a second: what waits is begun, what was removed is stopped. */
int arrivals_tick(struct engine *e, int64_t now, struct err *err);
/* Its link goes: what it took is taken up again over the next one. */
void arrivals_worker_gone(struct engine *e, const struct engine_worker *ew);
void arrivals_unload(struct engine *e);

#endif
