/* SPDX-License-Identifier: Apache-2.0 */
/* access.h - may this principal use this route? The one place that says so, from the route table alone.
 *
 * Whether a thing in the path may be seen is decided with the thing, by whom it belongs to: handlers look for
 * it among what the principal sees.
 */
#ifndef REEVE_ACCESS_H
#define REEVE_ACCESS_H

#include "web/routes.h"

/* What the check needs to know of the path. */
struct access_object {
        const char *project; /* of the path, or NULL */
        const char *site;    /* of the path, or the one of its worker; NULL: none */
        const char *to_site; /* of a link, the other end; NULL: none */
};

/* 200; 403 or 404 with *ret_why, a sentence for people. */
unsigned access_check(const struct route *r, const struct principal *p, const struct access_object *o,
                      const char **ret_why);

/* The scope of a route by its path and method; SCOPE_COUNT: none that a limited token can have. */
enum scope access_scope(const char *method, const char *pattern);

/* What the path is about: `{name}` of /v1/projects and /v1/sites. */
void access_object_of(const struct request *rq, struct access_object *ret);

#endif
