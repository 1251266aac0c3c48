/* SPDX-License-Identifier: Apache-2.0 */
/* oidc.h - the server's side of OpenID Connect: asks the provider where things are (discovery), keeps its
 * keys, and exchanges codes for what it says of a person.
 *
 * The provider is the one that the settings name, so its address may be any; what it answers is bounded in
 * time and size, redirects are not followed, and everything it names must be reached as safely as itself.
 * What blocks (oidc_meet, oidc_exchange) is for errands; one provider serves all threads.
 */
#ifndef REEVE_OIDC_H
#define REEVE_OIDC_H

#include "web/oidc_claims.h"
#include "web/web.h"

#include <stdint.h>

#define OIDC_REPLY_MAX  (512 * 1024)     /* bytes of one answer of the provider */
#define OIDC_CONNECT_MS 5000             /* to be reached */
#define OIDC_ASK_MS     8000             /* for one answer */
#define OIDC_KNOWN_MS   (60 * 60 * 1000) /* after this it is asked anew where things are */
#define OIDC_AT_ONCE    4                /* questions to the provider, of one server */
#define OIDC_CODE_MAX   2048             /* bytes of a code */

struct oidc;

/* NULL in *ret when no issuer is named. -1: a setting is wrong, which the text says. */
int oidc_new(const struct oidc_settings *s, const char *public_url, struct oidc **ret, struct err *err);
void oidc_free(struct oidc *o);

const char *oidc_label(const struct oidc *o);
const char *oidc_issuer(const struct oidc *o);
const struct oidc_rules *oidc_rules_of(const struct oidc *o);
enum oidc_new_users { OIDC_NEW_NO, OIDC_NEW_INVITED, OIDC_NEW_YES };
enum oidc_new_users oidc_new_users_of(const struct oidc *o);
enum role oidc_role_of(const struct oidc *o); /* of somebody new whom no group gives one */

/* Find out where things are, unless that is known. */
int oidc_meet(struct oidc *o, struct err *err);
/* Is it known now? */
bool oidc_is_met(struct oidc *o);
/* Where the browser goes; malloc'd. NULL: it is not known. */
char *oidc_go_url(struct oidc *o, const char *state, const char *nonce, const char *verifier);
/* Must the answer that came back say who it is of (RFC 9207)? */
bool oidc_names_itself(struct oidc *o);

/* Who came. */
struct oidc_person {
        char subject[OIDC_SUBJECT + 1];
        char name[OIDC_NAME_MAX + 1]; /* "": none that could be one; see why */
        struct err why;
        json_t *groups; /* owned; NULL: none were said */
};
void oidc_person_release(struct oidc_person *p);

/* Exchange a code. -1: ERR_DENIED, what it says is not to be believed; ERR_UNAVAILABLE, it does not answer.
 */
int oidc_exchange(struct oidc *o, const char *code, const char *nonce, const char *verifier,
                  struct oidc_person *ret, struct err *err);

#endif
