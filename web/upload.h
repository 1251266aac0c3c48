/* SPDX-License-Identifier: Apache-2.0 */
/* upload.h - one piece of a file on its way from a client to the spool: PUT /v1/datasets/{name}/files.
 *
 * upload_begin runs once the head of the request is there and may refuse it (the problem is written then);
 * upload_take gets the body as it comes, which is never held in memory; the handler answers when it ended.
 * upload_free ends it however it ended: what came stays.
 */
#ifndef REEVE_UPLOAD_H
#define REEVE_UPLOAD_H

#include "web/web_priv.h"

#define UPLOAD_PIECE_MAX BODY_BIG_MAX /* bytes of one request */
#define UPLOAD_SLOW_MS   15000 /* for each 64 KiB, else the connection is cut, and the file free for others */

/* -1 with the problem written. */
int upload_begin(struct request *rq);
void upload_take(struct request *rq, const char *data, size_t n);
void upload_free(struct request *rq);

/* The directories of datasets that do not arrive any more are removed by a thread of its own. */
#define UPLOAD_SWEEP_MS 60000
int upload_sweeper_start(struct web *w, struct err *err);
void upload_sweeper_stop(struct web *w);

#endif
