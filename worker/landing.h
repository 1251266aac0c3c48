/* SPDX-License-Identifier: Apache-2.0 */
/* landing.h - where the files of a transfer arrive: data/ in the worker's root (the current directory).
 *
 *     data/<to>/<path>             published: whole, checksummed, flushed, put there by rename
 *     data/.reeve-parts/<name>     written aside; <name> is the checksum it is to have, so that another try,
 *                                  from whatever source, goes on with it. Swept when nobody touched it for a
 * week
 *
 * Per file: landing_look, and if it is not there landing_begin, landing_write..., landing_finish. What is
 * finished is published in batches by landing_settle: one flush serves many small files.
 */
#ifndef REEVE_WORKER_LANDING_H
#define REEVE_WORKER_LANDING_H

#include "common/transfers.h"

#define DATA_DIR          "data"
#define PARTS_DIR         DATA_DIR "/" TRANSFER_HIDDEN "parts"
#define PARTS_KEPT_S      (7 * 86400) /* an abandoned part */
#define KEEP_FREE_DEFAULT (64ull << 20)

struct landing;

/* What went wrong, as the transfer's end. */
struct landing_fault {
        enum move_end kind; /* MOVE_DONE: nothing */
        uint32_t file;
        char text[RESULT_TEXT_MAX];
};

struct landing_events {
        /* Published and flushed. */
        void (*on_published)(void *arg, const struct transfer_pulled *f);
        /* Called while something is read that lies here already: n more bytes were looked at. */
        void (*on_looked)(void *arg, size_t n);
};

int landing_open(const char *to, const struct transfer_list *list, uint64_t transfer,
                 const struct landing_events *events, void *arg, struct landing **ret,
                 struct landing_fault *fault);
/* Closes; parts that can be taken up again stay. */
void landing_free(struct landing *l);

enum landing_found { LANDING_PRESENT, LANDING_PART, LANDING_MISSING };
/* What is there of this file. PRESENT: on_published was called. PART: *ret_offset bytes are there, and their
 * checksum so far is kept for landing_begin. */
enum landing_found landing_look(struct landing *l, uint32_t file, uint64_t *ret_offset);

/* Do `bytes` more fit: within `room` (0: no limit) and with `keep_free` left on the file system? */
bool landing_has_room(struct landing *l, uint64_t bytes, uint64_t room, uint64_t keep_free,
                      struct landing_fault *fault);

/* One file at a time. -1 with *fault. landing_finish returns 1 when a file that began with a part has a wrong
 * checksum: the part is gone, and it is to be fetched again from its start. */
int landing_begin(struct landing *l, uint32_t file, uint64_t offset, struct landing_fault *fault);
int landing_write(struct landing *l, const void *p, size_t n, struct landing_fault *fault);
int landing_finish(struct landing *l, struct landing_fault *fault);
/* Give the space of the file being written back: the disk is full. */
void landing_drop(struct landing *l);

/* Flush and publish what is finished; `now` or when it is enough to be worth it. */
int landing_settle(struct landing *l, bool now, struct landing_fault *fault);

/* Remove parts that nobody has touched since. */
void landing_sweep(int64_t before_s);

/* Delete published files: paths below data/<to>, or all of it when there are none. Directories that become
 * empty go too. -1 with *err when something stays. */
int landing_remove(const char *to, const struct transfer_list *paths, uint64_t *ret_files,
                   uint64_t *ret_bytes, struct err *err);

#endif
