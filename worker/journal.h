/* SPDX-License-Identifier: Apache-2.0 */
/* journal.h - what the keeper must not forget: an append-only file of records, replaced before it grows
 * large.
 *
 * A record is u32 length (of type, sequence and payload), u32 CRC32C of the same, u64 sequence, u8 type,
 * payload. Records are collected in memory and become durable together: one write and one fdatasync per
 * journal_flush. A file ends at the first record that is torn, damaged or out of sequence; that tail is
 * overwritten, never fatal.
 *
 * Files are numbered. journal_rotate writes the live state into the next one and publishes it by rename, so
 * that at any instant the highest number is complete. Space is set aside ahead of use: a full disk stops new
 * work (rotation fails) while there is still room to record how running work ended.
 */
#ifndef REEVE_WORKER_JOURNAL_H
#define REEVE_WORKER_JOURNAL_H

#include "common/buf.h"
#include "common/err.h"

#define JOURNAL_ROTATE_AT   (4u << 20) /* bytes after which the live state moves to a new file */
#define JOURNAL_SET_ASIDE   (8u << 20) /* bytes allocated when a file is made */
#define JOURNAL_PENDING_MAX (256u << 20)

struct journal;

/* One record found while opening. Payload borrows; a record that does not decode is the callback's to refuse
 * (-1). */
typedef int (*journal_replay_cb)(void *arg, uint8_t type, struct reader *r, struct err *err);
/* Append records for everything that still matters. */
typedef void (*journal_live_cb)(void *arg, struct journal *j);

/* Open the journal in directory `dir` (made when missing) and replay it. */
int journal_open(const char *dir, journal_replay_cb replay, void *arg, struct journal **ret, struct err *err);
void journal_free(struct journal *j);

/* Append a record: fill the returned buffer, then journal_end. Nothing is durable before journal_flush. */
struct buf *journal_begin(struct journal *j, uint8_t type);
void journal_end(struct journal *j);
bool journal_is_dirty(const struct journal *j);

/* Make everything appended durable. After a failure the records stay, and only journal_rotate can help. */
int journal_flush(struct journal *j, struct err *err);

bool journal_wants_rotation(const struct journal *j);
/* Start the next file with what `live` appends; includes everything not flushed yet. */
int journal_rotate(struct journal *j, journal_live_cb live, void *arg, struct err *err);

/* CRC32C (Castagnoli), starting from 0. */
uint32_t crc32c(const void *p, size_t n);

#endif
