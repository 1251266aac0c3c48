/* SPDX-License-Identifier: Apache-2.0 */
/* assets.h - the dashboard's files: built in, or from a directory while somebody works on them.
 *
 * A file may have precompressed copies beside it (.br, .gz); the client's Accept-Encoding chooses. A path
 * that names no file and has no dot in its last part is the page itself: the dashboard routes it in the
 * browser.
 */
#ifndef REEVE_ASSETS_H
#define REEVE_ASSETS_H

#include "web/web_priv.h"

struct assets;

/* dir NULL: the built-in files. */
struct assets *assets_new(const char *dir);
void assets_free(struct assets *a);
/* Fill the reply for GET rq->path: 200 or 304, or false when there is no such file. */
bool assets_reply(struct assets *a, struct request *rq, const char *accept_encoding,
                  const char *if_none_match);
#define ETAG_MAX 40
/* A strong tag of the bytes, quotes included. */
void etag_make(const void *data, size_t n, char ret[ETAG_MAX]);
/* Does an If-None-Match header name this tag? */
bool etag_matches(const char *if_none_match, const char *etag);

#endif
