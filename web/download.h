/* SPDX-License-Identifier: Apache-2.0 */
/* download.h - a file at a site as one stream: GET /v1/datasets/{name}/download.
 *
 * A thread of its own asks the engine for the pieces, several at once (DOWNLOAD_AHEAD), and puts them in
 * order into a bounded buffer; libmicrohttpd takes from there, suspended while it is empty. A client that
 * reads slowly stops the asking. Whatever goes wrong after the head of the reply was sent ends the connection
 * before its length.
 */
#ifndef REEVE_DOWNLOAD_H
#define REEVE_DOWNLOAD_H

#include "web/web_priv.h"

#define DOWNLOADS_MAX    16           /* of one server: each has a thread and a database connection */
#define DOWNLOAD_AHEAD   32           /* pieces asked for and not handed on */
#define DOWNLOAD_PIECE   (256 * 1024) /* bytes of one: the largest that a worker answers with */
#define DOWNLOAD_WAIT_MS 30000        /* for one piece */

struct download;

struct download_source {
        int32_t site;
        int64_t worker, from, size; /* bytes from `from` on */
        const char *path;           /* absolute, as the catalog has it */
        const char *actor;
};
/* NULL with *err: ERR_LIMIT when there are too many. Owned by the request until it is its response. Nothing
 * is asked before the first byte is wanted. */
struct download *download_new(struct web *w, struct link *link, const struct download_source *s,
                              struct err *err);
void download_free(struct download *d); /* NULL is fine */
struct MHD_Response *download_response(struct download *d, struct MHD_Connection *con);
/* Stop all; before the event loops are stopped. */
void downloads_stop(struct web *w);

#endif
