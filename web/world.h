/* SPDX-License-Identifier: Apache-2.0 */
/* world.h - sites and workers as last read, to say at submission that a job could never run.
 *
 * A snapshot is immutable and counted. It is read again when older than WORLD_TTL_MS; answers taken from it
 * are warnings only, so its age does no harm.
 */
#ifndef REEVE_WORLD_H
#define REEVE_WORLD_H

#include "store/db.h"
#include "web/job_spec.h"

#define WORLD_TTL_MS 2000

struct world;
struct world_view;

struct world *world_new(void);
void world_free(struct world *w);
/* A counted view; fresh: read it now. */
int world_get(struct world *w, struct db *db, bool fresh, struct world_view **ret, struct err *err);
void world_unref(struct world_view *v);

bool world_has_site(const struct world_view *v, const char *name);
/* Why no worker there is now could ever take it: a wait reason's code and a sentence, or false. */
bool world_never(const struct world_view *v, const struct job_spec *s, int32_t project, const char **ret_code,
                 char ret_text[256]);

#endif
