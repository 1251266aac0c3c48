/* SPDX-License-Identifier: Apache-2.0 */
/* oidc_claims.h - what a provider says of a person, and what that means here. Pure.
 *
 * Nothing of it is believed before its signature and all of oidc_claims_check were.
 */
#ifndef REEVE_OIDC_CLAIMS_H
#define REEVE_OIDC_CLAIMS_H

#include "common/err.h"
#include "web/principal.h"

#include <jansson.h>

#define OIDC_SKEW_S     60   /* by which clocks may differ */
#define OIDC_SUBJECT    255  /* bytes of a subject, as the standard has it */
#define OIDC_RULES_MAX  1000 /* of a mapping of groups */
#define OIDC_GROUPS_MAX 1000 /* groups of a person that are looked at */
#define OIDC_NAME_MAX   64
#define OIDC_THEN_MAX   1000 /* bytes of a path to come back to */

/* ---- the token -------------------------------------------------------------------------------------------
 */

struct oidc_expect {
        const char *issuer, *client, *nonce;
        int64_t now_s;
};

/* Issuer, audience, times, nonce and subject of an ID token whose signature was checked. */
int oidc_claims_check(const json_t *claims, const struct oidc_expect *e, struct err *err);

/* The login name that a claim stands for: as it is, or what is before its @; ERR_DENIED when it is none. */
int oidc_claims_name(const json_t *claims, const char *claim, char ret[OIDC_NAME_MAX + 1], struct err *err);

/* ---- groups ----------------------------------------------------------------------------------------------
 */

struct oidc_rule {
        char *group, *project; /* project NULL: the role is the user's altogether */
        enum role role;
};

struct oidc_rules {
        struct oidc_rule *list;
        size_t count;
        bool has_roles; /* some give a role altogether */
};

/* "physics = project atlas submitter; cn=ops,dc=example = role admin": group, the last =, what it gives. */
int oidc_rules_parse(const char *text, struct oidc_rules *ret, struct err *err);
void oidc_rules_release(struct oidc_rules *r);

/* What a person's groups give: the highest of each. */
struct oidc_grants {
        bool has_role;
        enum role role;
        const char **projects; /* borrowed from the rules */
        const char **roles;
        size_t count;
};
/* `groups`: an array of texts, or one text; anything else is no group. */
void oidc_grants_make(const struct oidc_rules *rules, const json_t *groups, struct oidc_grants *ret);
void oidc_grants_release(struct oidc_grants *g);

/* ---- addresses -------------------------------------------------------------------------------------------
 */

/* May the server be asked there? https, or http when the issuer is http itself, which it may be on this
 * machine only. */
bool oidc_url_is_good(const char *issuer, const char *url);
/* A path of ours to come back to, and nothing that a browser takes for another host. */
bool oidc_then_is_good(const char *then);

#endif
