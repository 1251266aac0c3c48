/* SPDX-License-Identifier: Apache-2.0 */
/* spans.h - a set of whole numbers as ranges: which files of a dataset, by their place in the order of their
 * paths. The ranges are sorted, do not touch, and are kept as PostgreSQL writes an int4multirange:
 * "{[0,5),[10,12)}".
 */
#ifndef REEVE_SPANS_H
#define REEVE_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span { /* from..to - 1 */
        int32_t from, to;
};
struct spans {
        struct span *at;
        size_t n, cap;
};

void spans_release(struct spans *s); /* and empty, ready for use */
void spans_add(struct spans *s, int32_t from, int32_t to);
void spans_join(struct spans *s, const struct spans *other);
void spans_move(struct spans *to, struct spans *from); /* takes it; what `to` held is gone */
/* Are all of from..to - 1 in it? */
bool spans_has(const struct spans *s, int32_t from, int32_t to);
int64_t spans_count(const struct spans *s);

/* malloc'd. */
char *spans_text(const struct spans *s);
/* -1: the text is none, *ret is untouched. NULL is the empty set. */
int spans_parse(const char *text, struct spans *ret);

#endif
