/* SPDX-License-Identifier: Apache-2.0 */
/* cards.h - jobs as lists show them, remembered for those who ask for the same ones again and again.
 *
 * Scripts that watch thousands of jobs ask with the ETag they have. While a few of the jobs change in each
 * second, every such list is a new one; but most of what is in it was written for the list before. A card is
 * right as long as the job was not named as changed since it was begun (fresh.h).
 *
 * Bounded in number and bytes; what does not fit is asked of the database.
 */
#ifndef REEVE_CARDS_H
#define REEVE_CARDS_H

#include "common/buf.h"
#include "web/auth.h"
#include "web/fresh.h"

#define CARDS_MAX   131072 /* remembered */
#define CARDS_WAYS  8      /* of them one job may take the place of */
#define CARDS_BYTES (96u << 20)

struct cards;

struct cards *cards_new(struct fresh *f);
void cards_free(struct cards *c);

/* Append the card and a NUL, if there is one that is right and `who` sees the job's project. */
bool cards_get(struct cards *c, int64_t job, const struct principal *who, struct buf *b);
/* Remember it: made from what was asked after `begun` (fresh_now). */
void cards_put(struct cards *c, int64_t job, const char *project, const char *text, size_t n, uint64_t begun);

#endif
