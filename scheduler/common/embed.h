/* SPDX-License-Identifier: Apache-2.0 */
/* embed.h - files carried inside a program; the tables are made by packaging/embed. */
#ifndef REEVE_EMBED_H
#define REEVE_EMBED_H

#include <stdint.h>

struct embedded {
        const char *name;    /* path in the source or build tree */
        const uint8_t *data; /* followed by a zero byte that does not count */
        uint64_t size;
};

extern const struct embedded migration_files[]; /* sql/NNNN_name.sql, in order */
extern const uint64_t migration_files_count;
extern const struct embedded asset_files[]; /* the built dashboard */
extern const uint64_t asset_files_count;

#endif
