/* SPDX-License-Identifier: Apache-2.0 */
/* engine_storage.h - what sites keep of data: room for copies, evictions, places that are suspect. */
#ifndef REEVE_ENGINE_STORAGE_H
#define REEVE_ENGINE_STORAGE_H

#include "daemon/engine_priv.h"

#define COPY_DIRECTORY                                                                                       \
        "d%lld" /* of the copy of a dataset, below the data directory; evictions name it too                 \
                 */

int storage_load(struct engine *e, struct err *err);
/* Remove what expired, count, evict, have deleted what left the catalog; a few times a minute. */
int storage_tick(struct engine *e, int64_t now, struct err *err);
/* Evict the copies that the last plan lets go. */
int storage_leave(struct engine *e, struct err *err);
/* The next look is at the next tick. */
void storage_look(struct engine *e);
/* Policies or sites changed, or a transfer was stopped by one: look for what it left behind. */
void storage_sweep(struct engine *e);
/* The quota of a site as far as its workers and its admin said. */
void storage_quota(struct engine *e, struct m_site *s);
/* A transfer found no room there. */
void storage_is_full(struct engine *e, struct m_site *s);
/* The dataset's places at the site are not to be used, unless they are the last good ones. True: they are
 * suspect now. */
bool storage_suspect(struct engine *e, struct m_dataset *d, int32_t site, const char *why);
/* What the commit that is being built says of a dataset that was just read again from the record. */
void storage_apply_pending(const struct engine *e, struct m_dataset *d);
/* Are the site's workers deleting an earlier copy of the dataset? */
bool storage_is_removing(const struct engine *e, int32_t site, int64_t dataset);
/* An attempt found an input missing or unreadable. */
void storage_input_missing(struct engine *e, const struct m_attempt *a, const char *text);
/* Answers of workers, and the end of a link that owes some. */
void storage_on_removed(struct engine *e, struct engine_worker *ew, uint32_t request, bool ok);
void storage_worker_gone(struct engine *e, const struct engine_worker *ew);
void storage_unload(struct engine *e);

#endif
