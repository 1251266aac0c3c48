/* SPDX-License-Identifier: Apache-2.0 */
/* ask.h - ask the person at the terminal, also when standard input or output is something else. */
#ifndef REEVE_CLI_ASK_H
#define REEVE_CLI_ASK_H

#include "common/err.h"

#include <stddef.h>

#define ASK_MAX 2048 /* bytes of an answer */

/* An answer, with echo: owned, may be "". -1: there is no terminal, or its end. */
int ask_line(const char *prompt, char **ret, struct err *err);
/* The same without echo, for what nobody may see; "" is refused. */
int ask_secret(const char *prompt, char **ret, struct err *err);
/* Wiped before it is freed; NULL is fine. */
void secret_free(char *text);

static inline void secret_auto_(char **text)
{
        secret_free(*text);
}
#define AUTO_SECRET __attribute__((cleanup(secret_auto_)))

#endif
