/* SPDX-License-Identifier: Apache-2.0 */
/* engine_transfers.h - transfers between the plan and the remote part (engine_transfers.c). */
#ifndef REEVE_ENGINE_TRANSFERS_H
#define REEVE_ENGINE_TRANSFERS_H

#include "daemon/engine_priv.h"

/* A leadership begins: links and open transfers, after jobs and sites; and its end, before links go. */
int transfers_load(struct engine *e, struct err *err);
void transfers_unload(struct engine *e);
/* People changed the world: budgets of links. */
int transfers_world_changed(struct engine *e, struct err *err);
/* Opened and started transfers of the plan into the commit; after it, the orders. */
void transfers_record_plan(struct engine *e);
void transfers_act(struct engine *e);
/* Somebody asks for a copy; one that is on its way already is theirs too. Returns its id. */
int64_t transfers_ask(struct engine *e, struct m_dataset *d, int32_t to, const char *by);
/* Stop one: its end follows, with the next commit or later. */
void transfers_stop(struct engine *e, struct m_transfer *t);
/* Its link goes. */
void transfers_worker_gone(struct engine *e, const struct engine_worker *ew);

/* Its link is up, and it is one of the site. */
bool transfers_can_talk(const struct engine_worker *ew, int32_t site);
/* A worker of the site that can take or give data of the project now, of several another with each try; NULL:
 * there is none. */
struct engine_worker *transfers_pick_worker(const struct engine *e, int32_t site, int32_t project,
                                            int32_t tries);

#endif
