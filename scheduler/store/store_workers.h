/* SPDX-License-Identifier: Apache-2.0 */
/* store_workers.h - workers, and the hosts and accounts they come from, as people see and change them.
 *
 * Changes run in the caller's transaction.
 */
#ifndef REEVE_STORE_WORKERS_H
#define REEVE_STORE_WORKERS_H

#include "store/db.h"

/* Workers in the order of their sites (by name, bytewise) and numbers, of one site (NULL: all), or one (id 0:
 * all): site (name), id, host, user, link, link_text, since, hostname, cpus, memory, gpus (as offered),
 * offer_cpus, offer_memory, offer_gpus, offer_slots, offer_custom, disk_free, disk_total, memory_available,
 * load, clock_skew_ms, running, seen_at, intent, intent_by, intent_at, intent_why, used_cpus, used_memory,
 * used_gpus, used_tasks. */
int store_workers_list(struct db *db, const char *site, int64_t id, struct rows **ret, struct err *err);
/* open or draining: 1 changed, 0 no such worker. */
int store_worker_intent(struct db *db, int64_t id, const char *intent, const char *by, const char *why,
                        struct err *err);

enum taken_out { TAKEN_OUT, TAKEN_OUT_UNKNOWN, TAKEN_OUT_BUSY };
/* Take a host or an account out of the site, with its workers. Busy: attempts are open there. project 0: the
 * account of any project. */
int store_host_remove(struct db *db, int32_t site, const char *address, int64_t port, enum taken_out *ret,
                      struct err *err);
int store_account_remove(struct db *db, int32_t site, const char *user, int32_t project, enum taken_out *ret,
                         struct err *err);

#endif
