/* SPDX-License-Identifier: Apache-2.0 */
#include "web/password.h"

#include "common/util.h"
#include "web/request.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int hash(const char *password, char ret[crypto_pwhash_STRBYTES])
{
        return crypto_pwhash_str(ret, password, strlen(password), PASSWORD_PASSES, PASSWORD_MEMORY);
}

/* What a name without a password is compared with: of nobody's knowledge, and as slow. */
static char nobodys[crypto_pwhash_STRBYTES];
static pthread_once_t nobodys_once = PTHREAD_ONCE_INIT;

static void nobodys_make(void)
{
        char random[65];
        uint8_t bytes[32];

        randombytes_buf(bytes, sizeof bytes);
        sodium_bin2hex(random, sizeof random, bytes, sizeof bytes);
        if (hash(random, nobodys) < 0)
                nobodys[0] = '\0';
}

static void work(void *arg)
{
        struct password_work *w = arg;

        pthread_once(&nobodys_once, nobodys_make);
        if (w->given) {
                bool has = w->stored[0] != '\0';
                int rc = crypto_pwhash_str_verify(has ? w->stored : nobodys, w->given, strlen(w->given));

                w->matches = has && rc == 0;
        }
        if (w->wanted && (!w->given || w->matches) && hash(w->wanted, w->made) < 0)
                w->made[0] = '\0';
}

static void forget(char *text)
{
        if (text)
                sodium_memzero(text, strlen(text));
        free(text);
}

static void release(void *arg)
{
        struct password_work *w = arg;

        forget(w->given);
        forget(w->wanted);
        free(w);
}

int password_start(struct errands *p, struct request *rq, int32_t user, const char *given, const char *stored,
                   const char *wanted, struct err *err)
{
        struct password_work *w = xcalloc(1, sizeof *w);

        w->user = user;
        w->given = xstrdup(given);
        w->wanted = xstrdup(wanted);
        if (stored)
                snprintf(w->stored, sizeof w->stored, "%s", stored);
        return errand_start(p, rq, work, release, w, err) < 0 ? -1 : REQUEST_WAIT;
}

void password_check(struct issues *is, const char *pointer, const char *name, const char *password)
{
        size_t n = strlen(password);

        if (n < PASSWORD_MIN || n > PASSWORD_MAX)
                issue_add(is, pointer, "range", "must have %d to %d bytes", PASSWORD_MIN, PASSWORD_MAX);
        else if (strspn(password, (char[]){password[0], '\0'}) == n)
                issue_add(is, pointer, "format", "is one character, many times");
        else if (name && strcasestr(password, name) && n < 2 * strlen(name) + PASSWORD_MIN)
                issue_add(is, pointer, "format", "has the name in it");
}
