/* SPDX-License-Identifier: Apache-2.0 */
/* replies.h - what each route answers: status, object, and the problems it can have beside those that its
 * flags bring with them. */
#ifndef REEVE_REPLIES_H
#define REEVE_REPLIES_H

#include "web/routes.h"
#include "web/shapes.h"

struct reply_row {
        route_handler handler;
        unsigned status;
        const struct shape *shape; /* NULL: no JSON; see type */
        const char *type;          /* its content type; NULL with status 204: nothing */
        const char *problems;      /* further statuses, with spaces between */
};

/* Another status that a route answers with, where there is one. */
struct other_row {
        route_handler handler;
        unsigned status;
        const struct shape *shape; /* NULL: as reply_row's type says */
};
const struct other_row *other_of(const struct route *r); /* NULL: there is none */

/* The row of a route; NULL when there is none, which a test forbids. */
const struct reply_row *reply_of(const struct route *r);

/* A parameter of paths and queries: its schema and what it is. NULL: not known, which a test forbids. */
struct parameter_row {
        const char *name, *schema, *doc;
};
const struct parameter_row *parameter_of(const char *name, size_t n);

/* Everything that may go wrong with the route, as statuses in rising order; at most `max`. Returns how many.
 */
size_t problems_of(const struct route *r, unsigned *ret, size_t max);

#endif
