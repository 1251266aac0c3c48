/* SPDX-License-Identifier: Apache-2.0 */
/* listing.h - lists of files as people have them: CSV with a header line (path,size,sha256 or
 * url,path,size,sha256 in any order; without a header path,size,sha256), or one JSON object a line.
 */
#ifndef REEVE_CLI_LISTING_H
#define REEVE_CLI_LISTING_H

#include "common/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define LISTING_COLUMNS  8
#define LISTING_LINE_MAX 65536 /* bytes */

struct listing {
        FILE *from;
        const char *name; /* for messages */
        size_t line;
        bool json, begun;
        char columns[LISTING_COLUMNS][16]; /* of CSV */
        size_t column_count;
        char *text; /* owned */
        size_t cap;
};

void listing_init(struct listing *l, FILE *from, const char *name);
/* The next file as {"path","size","sha256","url"}, what is said of it: 1 and *ret (owned), 0 at the end, -1.
 */
int listing_next(struct listing *l, json_t **ret, struct err *err);
void listing_release(struct listing *l);

#endif
