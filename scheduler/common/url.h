/* SPDX-License-Identifier: Apache-2.0 */
/* url.h - HTTP addresses of files, as strictly as an allow list needs them.
 *
 * A URL that passes url_check means to every program the same as its text: lower-case scheme and host, no
 * name and password, no part of its path that programs take away ("." and "..", also written with %2e),
 * nothing that has to be written with %XX, no fragment. So "begins with" is a sound rule.
 */
#ifndef REEVE_URL_H
#define REEVE_URL_H

#include "common/err.h"

#include <stdbool.h>

#define URL_MAX 4096 /* bytes */

/* "http://" or "https://", host, maybe ":port", and a path. */
int url_check(const char *url, struct err *err);
/* A prefix is a URL that ends with a slash and has no query. */
int url_check_prefix(const char *prefix, struct err *err);
/* Both were checked. */
bool url_has_prefix(const char *url, const char *prefix);
/* The last part of the path, decoded; malloc'd. NULL: there is none, or it could not name a file. */
char *url_file_name(const char *url);

#endif
