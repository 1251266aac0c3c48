/* SPDX-License-Identifier: Apache-2.0 */
/* world.h - sites, projects and workers as last read, to say at submission that a job could never run.
 *
 * A snapshot is a model as the engine has it (core/model.h) without jobs, so that both judge alike; it is
 * immutable and counted. It is read again when older than WORLD_TTL_MS; answers taken from it are warnings,
 * so its age does no harm.
 */
#ifndef REEVE_WORLD_H
#define REEVE_WORLD_H

#include "store/db.h"
#include "web/job_spec.h"

#define WORLD_TTL_MS   2000
#define WORLD_TEXT_MAX 512

struct world;
struct world_view;

struct world *world_new(void);
void world_free(struct world *w);
/* A counted view; fresh: read it now. */
int world_get(struct world *w, struct db *db, bool fresh, struct world_view **ret, struct err *err);
void world_unref(struct world_view *v);

/* Names of the countables that a registered site offers, beside cpus, memory and gpus. Borrowed. */
const char *const *world_countables(const struct world_view *v, size_t *ret_n);
bool world_has_site(const struct world_view *v, const char *name);

struct world_never {                   /* why nothing that is registered could ever take a job */
        const char *code;              /* too_large, no_site, project_limit */
        const char *pointer;           /* member of the job that would have to change, "/resources/cpus" */
        char sentence[WORLD_TEXT_MAX]; /* with the smallest change that would do */
        char fix[WORLD_TEXT_MAX *
                 4]; /* that change as JSON; "null": it is not the job that would have to change */
};
/* True, and why, when no worker there is now could ever take it. */
bool world_never(const struct world_view *v, const struct job_spec *s, int32_t project,
                 struct world_never *ret);

#endif
