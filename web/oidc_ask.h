/* SPDX-License-Identifier: Apache-2.0 */
/* oidc_ask.h - one question to the OpenID provider by HTTP, answered by a JSON object. */
#ifndef REEVE_OIDC_ASK_H
#define REEVE_OIDC_ASK_H

#include "common/err.h"

#include <jansson.h>
#include <stdbool.h>

struct oidc_ask {
        const char *what;            /* for messages: "the provider's keys" */
        const char *url;             /* checked by oidc_url_is_good */
        const char *form;            /* POST this, application/x-www-form-urlencoded; NULL: GET */
        const char *user, *password; /* HTTP Basic, already form-encoded; may be NULL */
        const char *bearer;          /* Authorization: Bearer; may be NULL */
};

/* An object (owned). -1: ERR_UNAVAILABLE when it did not answer or is broken, ERR_DENIED when it refused. */
int oidc_ask(const struct oidc_ask *a, json_t **ret, struct err *err);

#endif
