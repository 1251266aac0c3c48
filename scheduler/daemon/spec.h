/* SPDX-License-Identifier: Apache-2.0 */
/* spec.h - the stored form of a job (docs/api.md, "The stored spec"), as the engine and the worker need it.
 */
#ifndef REEVE_SPEC_H
#define REEVE_SPEC_H

#include "common/err.h"
#include "common/proto.h"
#include "core/model.h"

/* What the model needs. Site names are borrowed from *ret_doc, which spec_release frees. */
struct spec {
        struct res need;
        int64_t time_limit_ms;
        int32_t throttle;
        struct retry_policy retry;
        int64_t deadline;   /* wall ms, INT64_MIN = none */
        int64_t not_before; /* wall ms, 0 = at any time */
        const char *const *sites;
        size_t site_count;
        void *doc; /* owned */
};

/* Countables get an index in the model; one too many is ERR_LIMIT. */
int spec_parse(struct model *m, const char *json, struct spec *ret, struct err *err);
void spec_release(struct spec *s);

/* The template that workers of one site get: command, environment, limits, and where the inputs lie there. */
int spec_template(const struct m_job *j, const struct m_site *site, struct proto_template *ret,
                  struct err *err);

/* Do the job's tasks share the files of an input? Their lists go before their launches. */
bool spec_has_parts(const char *json);

/* Resources as the wire has them, and back. */
void res_to_proto(const struct model *m, const struct res *r, struct proto_resources *ret);

/* Countables a worker offers: {"licence_x": 4}. Unreadable or surplus ones are left out. */
void res_add_custom(struct model *m, const char *json, struct res *to);

#endif
