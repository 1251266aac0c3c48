/* SPDX-License-Identifier: Apache-2.0 */
/* profile.h - where the server is and who we are: ~/.config/reeve/config.yaml, overridden by the environment.
 *
 * REEVE_URL, REEVE_TOKEN and REEVE_TOKEN_FILE go before the file (url:, token:, format:), which only its
 * owner may read.
 */
#ifndef REEVE_CLI_PROFILE_H
#define REEVE_CLI_PROFILE_H

#include "common/err.h"

#include <stdbool.h>

#define PROFILE_URL_DEFAULT "http://127.0.0.1:8080"

/* Where a value comes from. */
enum profile_source { PROFILE_NONE, PROFILE_DEFAULT, PROFILE_FILE, PROFILE_ENVIRONMENT, PROFILE_OPTION };

struct profile {
        char *url;    /* owned, never NULL after profile_load */
        char *token;  /* owned; NULL: none */
        char *format; /* of output, as the file says; owned; NULL: it does not */
        enum profile_source url_from, token_from;
        bool file_exists;
};

/* Where the file is or would be: owned, NULL when HOME is not set. */
char *profile_path(void);
int profile_load(struct profile *ret, struct err *err);
/* The file alone, without the environment; everything may be NULL. */
int profile_load_file(struct profile *ret, struct err *err);
/* Write the file anew, mode 0600, whole or not at all; *ret_path (owned) says where. */
int profile_save(const struct profile *p, char **ret_path, struct err *err);
void profile_release(struct profile *p);

/* One line of a file or of standard input ("-"), without its newline. Owned. */
int profile_read_secret(const char *path, char **ret, struct err *err);

#endif
