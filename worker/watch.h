/* SPDX-License-Identifier: Apache-2.0 */
/* watch.h - a helper of the agent that notices what running attempts report about their progress.
 *
 * Once in PROGRESS_EVERY_MS it looks whether an attempt's progress file or standard output grew, reads what
 * is new and not more than the end of it, and says the newest report in P_PROGRESS frames. A log is thus read
 * once at most, and of a log that grows fast only the ends. With very many attempts each is looked at less
 * often.
 */
#ifndef REEVE_WORKER_WATCH_H
#define REEVE_WORKER_WATCH_H

#include "common/buf.h"
#include "common/ids.h"
#include "common/loop.h"
#include "common/progress.h"

#define WATCH_TAIL_MAX (64u << 10) /* bytes of a log read in one look */
#define WATCH_PER_LOOK 2000        /* attempts */

struct watch;

/* Called with each P_PROGRESS frame; false: later (watch_resume). */
struct frame;
typedef bool (*watch_frame_cb)(void *arg, const struct frame *f);

struct watch *watch_new(struct loop *l, watch_frame_cb on_frame, void *arg);
void watch_free(struct watch *w);

/* An attempt runs in a directory below the root; it ended. */
void watch_add(struct watch *w, struct attempt_key key, const char *dir);
void watch_drop(struct watch *w, struct attempt_key key);
/* Say the newest of each again: there is a new listener. */
void watch_again(struct watch *w);
void watch_resume(struct watch *w);

/* ---- for tests: one attempt's files, looked at directly ---- */

struct watched {
        struct attempt_key key;
        char dir[64];
        uint64_t log_at;  /* bytes of the log that were dealt with */
        uint64_t log_end; /* its size when last looked at */
        int64_t file_ns;  /* modification time and size of the file when last read */
        uint64_t file_size;
        struct progress newest;
        bool known, news; /* something was reported; and was not said yet */
};
/* Directories are relative to the open directory `root`. */
void watched_look(struct watched *w, int root);

#endif
