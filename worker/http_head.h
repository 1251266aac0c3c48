/* SPDX-License-Identifier: Apache-2.0 */
/* http_head.h - what comes before the bytes of an HTTP answer, and where a redirect leads.
 *
 * Pure: no I/O. Everything here was said by a server that is not ours.
 */
#ifndef REEVE_WORKER_HTTP_HEAD_H
#define REEVE_WORKER_HTTP_HEAD_H

#include "common/err.h"
#include "common/url.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX (64u << 10) /* bytes of an answer's head */
#define HTTP_TAG_MAX  256         /* of an entity tag; a longer one is none */

struct http_head {
        int status;
        bool has_length, has_range;
        uint64_t length;        /* of the body */
        uint64_t range_from;    /* of a part: where it begins */
        char location[URL_MAX]; /* "" when there is none, or one that is too long */
        char tag[HTTP_TAG_MAX]; /* a strong entity tag in its quotes, or "" */
        bool has_trailer;       /* fields are said to follow the body */
};

/* Read the head at p; heads of interim answers (100 to 199) before it are skipped.
 * Returns its bytes, the empty line included; 0: it is not complete; -1: it is none. */
long http_head_read(const char *p, size_t n, struct http_head *ret);

/* The URL that `location`, said in answer to `base`, stands for; it passed url_check. */
int http_redirect(const char *base, const char *location, char ret[URL_MAX + 1], struct err *err);

/* Scheme, host and port of a URL that passed url_check. `ret_host` without brackets. */
void http_host(const char *url, char ret_host[256], int *ret_port);

#endif
