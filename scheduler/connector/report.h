/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - what the connector tells the engine: C_ frames on descriptor 3 (docs/protocol.md, section 2).
 *
 * Everything is queued and leaves at the end of the loop's turn. After report_closed or report_failed nothing
 * more is accepted: `ended` is set, and the process flushes and exits with `exit_code`.
 */
#ifndef REEVE_REPORT_H
#define REEVE_REPORT_H

#include "common/buf.h"
#include "common/loop.h"
#include "common/proto.h"

#include <stdbool.h>

#define REPORT_ROOM_MAX                                                                                      \
        (512u << 10) /* no more bytes are taken from the site while these wait for the engine */
#define REPORT_DATA_MAX (128u << 10) /* bytes in one C_RECV or C_OUT */

enum report_stream { REPORT_STDOUT = 1, REPORT_STDERR = 2 };

struct report {
        int fd;
        struct buf out;
        struct buf stream;  /* what the site says to stream_fd */
        int stream_fd;      /* -1: what the site says goes to the engine */
        int64_t step_since; /* when the step under way began */
        enum connect_step step;
        bool broken; /* the engine is gone */
        bool ended;
        int exit_code;
};

void report_init(struct report *r, int fd);
void report_release(struct report *r);

/* The step under way is now `step`, from this moment. */
void report_begin(struct report *r, enum connect_step step);
/* The step under way ended well. Text from a server is made printable. */
void report_step(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void report_hostkey(struct report *r, uint32_t hop, const char *type, const uint8_t *key, size_t key_len,
                    const char *fingerprint, const char *algorithms);
void report_ready(struct report *r);
void report_attached(struct report *r);
void report_exec_end(struct report *r, uint32_t id, uint32_t code, const char *signal);
void report_closed(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The step under way failed. `fix` may be NULL. */
void report_failed(struct report *r, enum connect_failure kind, const char *fix, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Bytes from the site, without a copy: take room, fill at most REPORT_DATA_MAX, commit what came (0 is fine).
 * NULL when the engine has enough to read. attached: C_RECV; otherwise C_OUT of command `id`. */
uint8_t *report_data(struct report *r);
void report_data_commit(struct report *r, bool attached, uint32_t id, enum report_stream s, size_t n);

/* From now on what an attached command says goes to this descriptor, as it is. */
void report_stream_to(struct report *r, int fd);

/* Has the engine so much to read that report_data gives no room? */
bool report_is_full(const struct report *r);

/* Write what the engine takes. Sets broken. */
void report_flush(struct report *r);
/* The same, waiting for at most five seconds: before exit. */
void report_flush_last(struct report *r);

/* Free the storage of an empty queue that has grown large. */
void buf_shrink(struct buf *b);

/* The last bytes of something, as text: why a command ended. */
#define TAIL_MAX 400
struct tail {
        char text[TAIL_MAX + 1];
        size_t len;
};
void tail_add(struct tail *t, const uint8_t *p, size_t n);

#endif
