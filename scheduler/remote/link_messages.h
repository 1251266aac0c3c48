/* SPDX-License-Identifier: Apache-2.0 */
/* link_messages.h - what a worker says, decoded and checked. Pure.
 *
 * A worker runs at a site we do not own: every count, state and path is checked here, once, and every text is
 * made printable. All return -1 with ERR_PROTOCOL when a payload does not decode exactly.
 */
#ifndef REEVE_LINK_MESSAGES_H
#define REEVE_LINK_MESSAGES_H

#include "remote/worker_link.h"

#define SNAPSHOT_MAX (4u << 20) /* attempts that one worker may claim to hold */

bool attempt_key_is_sane(struct attempt_key k);

/* The strings of a welcome; release them after use, success or not. */
struct link_welcome_text {
        char *hostname, *os, *machine, *root, *features;
};
int get_welcome(struct reader *r, uint16_t *ret_version, struct link_welcome *ret,
                struct link_welcome_text *ret_text, struct err *err);
void link_welcome_text_release(struct link_welcome_text *t);

/* Append one P_SNAPSHOT to a growing array, which is the caller's. */
int get_snapshot(struct reader *r, struct link_snapshot_item **items, size_t *count, size_t *cap,
                 struct err *err);

/* Arrays of n, malloc'd. */
int get_started(struct reader *r, struct link_started **ret, size_t *ret_n, struct err *err);
int get_reported(struct reader *r, struct link_progress **ret, size_t *ret_n, struct err *err);
int get_keys(struct reader *r, struct attempt_key **ret, size_t *ret_n, struct err *err);
int get_results(struct reader *r, struct proto_result **ret, size_t *ret_n, struct err *err);

/* u32 n and n files. Paths are relative and do not climb. */
int get_files(struct reader *r, struct proto_file **ret, size_t *ret_n, struct err *err);
void files_free(struct proto_file *files, size_t n);

int get_health(struct reader *r, struct link_health *ret, struct err *err);

/* The bytes borrow from the input. */
int get_data(struct reader *r, uint32_t *ret_request, struct link_data *ret, struct err *err);

#endif
