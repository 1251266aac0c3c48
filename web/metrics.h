/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h - counts and times of requests, by route and status, for /metrics. */
#ifndef REEVE_METRICS_H
#define REEVE_METRICS_H

#include "web/web_priv.h"

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
/* route NULL: no such path. */
void metrics_count(struct metrics *m, const struct route *route, unsigned status, int64_t took_us);
void metrics_write(struct buf *b, const struct metrics *m);

#endif
