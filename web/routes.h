/* SPDX-License-Identifier: Apache-2.0 */
/* routes.h - every path the server knows, as one table: method, pattern, who may, what it does.
 *
 * The table drives matching, checking of rights, queries and bodies, transactions and audit, metrics, the
 * OpenAPI document, and the tests that try each route as each kind of caller. A row without a rule does not
 * compile.
 */
#ifndef REEVE_ROUTES_H
#define REEVE_ROUTES_H

#include "web/request.h"

enum rule {
        RULE_PUBLIC = 1, /* anybody */
        RULE_USER,       /* any login */
        RULE_SUBMITTER,  /* role submitter or admin; what it acts on is in a project where the caller may act
                          */
        RULE_PROJECT_ADMIN, /* admin of the project in the path */
        RULE_SITE_ADMIN,    /* governs the site in the path, or that of the worker in the path */
        RULE_LINK_ADMIN,    /* governs one of the two sites in the path */
        RULE_ADMIN,
};

#define ROUTE_LIST      1u /* takes limit and cursor */
#define ROUTE_WAIT      2u /* takes wait; has an ETag */
#define ROUTE_ETAG      4u
#define ROUTE_TX        8u  /* runs in a transaction with its audit row; takes dry_run, which rolls it back */
#define ROUTE_BIG       16u /* body up to BODY_BIG_MAX */
#define ROUTE_DRY       32u /* takes dry_run and minds it itself */
#define ROUTE_NO_DB     64u /* answers without the database */
#define ROUTE_JOBS      256u  /* made of the jobs of ids=, or of the one in the path, and of nothing else */
#define ROUTE_SINK      512u  /* the body is bytes of a file, which upload.h takes as they come */
#define ROUTE_BYTES     128u  /* replies with bytes of a job or file */
#define ROUTE_UNLIMITED 1024u /* not with a token that is limited to scopes or a project */

#define ROUTE_OPEN 2048u /* takes parameters that it does not know */

#define ALLOW_MAX    64
#define BODY_MAX     (1u << 20)
#define BODY_BIG_MAX (64u << 20)

typedef int (*route_handler)(struct request *rq, struct db *db, struct err *err);

struct route {
        const char *method, *pattern;
        enum rule rule;
        route_handler handler;
        const char *summary;
        const char *query;        /* further parameters, separated by spaces */
        const struct field *body; /* NULL: takes none */
        unsigned flags;
        /* made at start */
        size_t index;                        /* place in the table */
        enum scope scope;                    /* that a limited token needs: access.c */
        const char *parts[REQUEST_SEGMENTS]; /* pattern by segments; NULL for a captured one */
        const char *names[REQUEST_SEGMENTS]; /* name of a captured one */
        size_t part_count;
};

extern struct route routes[];
extern const size_t routes_count;

/* Take the patterns apart; once, before the first match. */
void routes_init(void);
/* The route of rq's method and segments: fills rq->route and rq->captures and returns 200; 404 no such path;
 * 405 and *ret_allow (room for ALLOW_MAX) when the path has other methods. */
int route_match(struct request *rq, char *ret_allow);
/* May the query parameter be given? */
bool route_takes(const struct route *r, const char *parameter);
const char *rule_name(enum rule r);

/* Parameters that the route's flags bring with them: names with spaces between, maybe none; NULL after the
 * last i. */
const char *route_flag_parameters(const struct route *r, size_t i);

/* openapi.c: the OpenAPI document of the table. */
void routes_openapi(struct buf *b, const char *server_url);

#endif
