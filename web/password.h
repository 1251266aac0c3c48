/* SPDX-License-Identifier: Apache-2.0 */
/* password.h - Argon2id by libsodium: 19 MiB and two passes for each look. The work is an errand. */
#ifndef REEVE_PASSWORD_H
#define REEVE_PASSWORD_H

#include "web/errand.h"
#include "web/fields.h"

#include <sodium.h>

#define PASSWORD_MIN      12
#define PASSWORD_MAX      1024
#define PASSWORD_PASSES   2
#define PASSWORD_MEMORY   (19 << 20)
#define PASSWORDS_AT_ONCE 4

struct password_work {
        /* asked */
        char *given;                         /* to be compared; NULL: nothing is */
        char stored[crypto_pwhash_STRBYTES]; /* with this; "": with one that nobody has */
        char *wanted;                        /* to be hashed; NULL: nothing is */
        int32_t user;                        /* for the handler */
        /* answered */
        bool matches;
        char made[crypto_pwhash_STRBYTES]; /* "": could not */
};

/* Compare `given` with what is stored of the user (NULL: there is nothing, which takes as long and never
 * matches), and hash `wanted`. Either may be NULL. Starts the errand; returns REQUEST_WAIT or -1. */
int password_start(struct errands *p, struct request *rq, int32_t user, const char *given, const char *stored,
                   const char *wanted, struct err *err);

/* Note what is wrong with a password that somebody chose. */
void password_check(struct issues *is, const char *pointer, const char *name, const char *password);

#endif
