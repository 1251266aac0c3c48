/* SPDX-License-Identifier: Apache-2.0 */
/* store_templates.h - jobs with parameters that people keep, for themselves or for a project. */
#ifndef REEVE_STORE_TEMPLATES_H
#define REEVE_STORE_TEMPLATES_H

#include "store/store_jobs.h"

struct template_reader {
        struct visible who;
        int32_t user; /* whose own ones are seen, too; 0: nobody's */
};

struct template_row {
        int64_t project;                                   /* 0: its maker alone */
        const char *name, *description, *parameters, *job; /* the last two are JSON */
};

/* Those that the reader may see, by name, own ones first; name, project: NULL or 0 any. id, name,
 * description, project (name; null: none), project_id, by, user_id, version, made_at, changed_at, parameters
 * (JSON). */
int store_templates_list(struct db *db, const struct template_reader *r, const char *name, int64_t project,
                         int limit, struct rows **ret, struct err *err);
/* One with its `job` (JSON); no row when the reader may not see it. */
int store_template_show(struct db *db, const struct template_reader *r, int64_t id, struct rows **ret,
                        struct err *err);

/* 1 made, *ret_id its number; 0: its maker, or its project, has `most` already; ERR_CONFLICT: the name is
 * taken. In a transaction of the caller. */
int store_template_add(struct db *db, int32_t user, const struct template_row *t, int64_t most,
                       int64_t *ret_id, struct err *err);
/* 1 changed; 0 somebody was faster: it is not `version` any more. version 0: whichever. */
int store_template_change(struct db *db, int64_t id, int64_t version, const struct template_row *t,
                          struct err *err);
int store_template_remove(struct db *db, int64_t id, struct err *err);

#endif
