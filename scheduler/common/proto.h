/* SPDX-License-Identifier: Apache-2.0 */
/* proto.h - the frames that engine, connector and worker exchange. docs/protocol.md is the specification.
 *
 * A frame is u32 length (of what follows), u8 type, payload; all numbers little-endian. Two conversations
 * use it: engine <-> worker (types P_...), carried through the connector unread, and engine <-> connector
 * (types C_...) on a socket pair. Agent and keeper, the two halves of the worker, use K_... types.
 *
 * Writing:  size_t at = frame_begin(b, P_ACK); buf_u32(b, n); ... frame_end(b, at);
 * Reading:  while ((rc = frame_next(in, &f, err)) > 0) { reader over f.payload ...; frame_done(in, &f); }
 */
#ifndef REEVE_PROTO_H
#define REEVE_PROTO_H

#include "buf.h"
#include "err.h"
#include "ids.h"
#include "progress.h"

#define PROTO_VERSION        1
#define PROTO_MAGIC          "REEVE-ATTACH-1\n" /* the relay prints it before the first frame */
#define PROTO_MAGIC_SKIP_MAX 65536              /* bytes of login banner tolerated before the magic */
#define FRAME_MAX            (1u << 20)         /* type and payload; a longer frame ends the connection */
#define FRAME_QUEUE_MAX      (64u << 20)  /* bytes a sender may hold for a slow peer before it gives up */
#define CHUNK_MAX            (256u << 10) /* bytes of file or log in one frame */

/* Limits of a template and of results; a peer that exceeds one breaks the protocol. */
#define TEMPLATE_ARGS_MAX      4096
#define TEMPLATE_ENV_MAX       4096
#define TEMPLATE_STRING_MAX    (128u << 10)
#define TEMPLATE_SCRIPT_MAX    (512u << 10)
#define TEMPLATE_INPUTS_MAX    256
#define TEMPLATE_OUTPUTS_MAX   64
#define TEMPLATE_CUSTOM_MAX    16
#define TEMPLATE_TASK_ENV_MAX  64
#define TEMPLATE_TASK_TEXT_MAX 1024
#define RESULT_TEXT_MAX        512
#define RESULT_FILES_MAX       10000 /* output files of one task */
#define PATH_TEXT_MAX          4096
#define BATCH_MAX              4096 /* keys in one frame */

#define PROGRESS_EVERY_MS 1000 /* of one attempt at most one report in this time */

enum proto_type {
        /* engine -> worker */
        P_HELLO = 1,
        P_TEMPLATE = 2,
        P_FORGET = 3,
        P_LAUNCH = 4,
        P_CANCEL = 5,
        P_ACK = 6,
        P_GRANT = 7,
        P_READ = 8,
        P_SCAN = 9,
        P_STOP = 10,
        P_PING = 11,
        P_PART = 12,
        /* worker -> engine */
        P_WELCOME = 65,
        P_FENCED = 66,
        P_SNAPSHOT = 67,
        P_SNAPSHOT_END = 68,
        P_STARTED = 69,
        P_OUTPUTS = 70,
        P_ENDED = 71,
        P_RENEW = 72,
        P_DATA = 73,
        P_SCANNED = 74,
        P_SCAN_END = 75,
        P_HEALTH = 76,
        P_PONG = 77,
        P_FINISHING = 78,
        P_PROGRESS = 79,

        /* engine -> connector */
        C_CONFIG = 129,
        C_EXEC = 130,
        C_STDIN = 131,
        C_STDIN_END = 132,
        C_ATTACH = 133,
        C_SEND = 134,
        C_STREAM = 135,
        /* connector -> engine */
        C_STEP = 193,
        C_HOSTKEY = 194,
        C_READY = 195,
        C_OUT = 196,
        C_EXEC_END = 197,
        C_ATTACHED = 198,
        C_RECV = 199,
        C_CLOSED = 200,
        C_FAILED = 201,
};

struct frame {
        uint8_t type;
        const uint8_t *payload; /* borrows from the buffer until frame_done */
        size_t len;
        size_t whole; /* bytes in the buffer, header included */
};

/* Start a frame; returns a mark for frame_end, which writes the length. */
size_t frame_begin(struct buf *b, uint8_t type);
void frame_end(struct buf *b, size_t mark);

/* 1: *ret is the first whole frame in `in`; 0: not yet; -1: the length is impossible. */
int frame_next(const struct buf *in, struct frame *ret, struct err *err);
void frame_done(struct buf *in, const struct frame *f);

void put_key(struct buf *b, struct attempt_key k); /* u64 job, u32 task, u32 attempt */
struct attempt_key get_key(struct reader *r);

/* Resources: what a task needs, what a worker offers. */
struct proto_custom {
        char name[64];
        uint32_t count;
};
struct proto_resources {
        uint32_t cpus;
        uint32_t gpus;
        uint64_t memory; /* bytes; 0 = not said */
        uint32_t custom_count;
        struct proto_custom custom[TEMPLATE_CUSTOM_MAX];
};
void put_resources(struct buf *b, const struct proto_resources *res);
void get_resources(struct reader *r, struct proto_resources *ret);

struct proto_pair {
        char *name, *value; /* owned */
};

/* What every task of a job shares; sent once per job and connection (P_TEMPLATE). */
struct proto_template {
        int64_t job;
        char *name;    /* owned; job name, for people */
        char *project; /* owned */
        char *site;    /* owned; where it runs */
        char **argv;   /* owned, argc strings; with a script: its arguments (may be 0) */
        uint32_t argc;
        char *script; /* owned, NULL when argv is a command; starts with #! or is run by /bin/sh */
        struct proto_pair *env;
        uint32_t env_count;
        char *workdir; /* owned, NULL = the attempt's own directory */
        struct proto_resources resources;
        uint64_t time_limit_ms;      /* 0 = none */
        uint32_t kill_grace_ms;      /* between SIGTERM and SIGKILL */
        uint64_t log_head, log_tail; /* bytes kept of each of stdout and stderr */
        uint64_t disk_limit;         /* bytes in the attempt's directory; 0 = none */
        uint32_t process_limit;      /* 0 = none */
        struct proto_pair *inputs;   /* dataset name, absolute path at this site */
        uint32_t input_count;
        char **outputs; /* owned glob patterns relative to the working directory */
        uint32_t output_count;
        char *output_dataset; /* owned; directory name in the site's store; NULL without outputs */
        /* What differs from task to task: task_text.h. */
        struct proto_pair *task_env; /* one whose value comes out empty is not set */
        uint32_t task_env_count;
        char *stdio[3];    /* owned; files of standard input, output and error; NULL: nothing, and the logs */
        bool stdio_append; /* add to what is there */
        uint8_t warn_signal; /* sent to the program `warn_ms` before its time limit; 0: none */
        uint32_t warn_ms;
};
/* One of task_env has this name: each task has a list of files of its own (P_PART). */
#define PART_VARIABLE      "REEVE_INPUT_FILES"
#define PART_FILE_VARIABLE "REEVE_INPUT_FILE" /* the file itself, where the list has just one */
#define PART_FIRST         1u                 /* P_PART: a piece that begins the list; one that ends it */
#define PART_LAST          2u
#define PART_PIECE_MAX     (512u << 10)
void proto_template_release(struct proto_template *t);
void put_template(struct buf *b, const struct proto_template *t); /* payload of P_TEMPLATE */
int get_template(struct reader *r, struct proto_template *ret, struct err *err);

/* One ended attempt, in P_ENDED. */
struct proto_result {
        struct attempt_key key;
        uint8_t outcome;                    /* enum outcome */
        int32_t code;                       /* exit code, signal number or errno, by outcome */
        int64_t start_wall_ms, end_wall_ms; /* site's clock; 0 when it never started */
        uint64_t wall_us, user_us, system_us;
        uint64_t memory_peak; /* bytes, largest process or cgroup peak */
        uint64_t read_bytes, write_bytes;
        uint64_t stdout_bytes, stderr_bytes; /* as written, before any cut */
        uint8_t log_cut;                     /* bit 0 stdout, bit 1 stderr lost their middle */
        uint32_t output_count;               /* files sent before in P_OUTPUTS */
        char text[RESULT_TEXT_MAX];          /* reason in words, may be empty */
};
void put_result(struct buf *b, const struct proto_result *res);
void get_result(struct reader *r, struct proto_result *ret);

/* How far one running attempt says it is, in P_PROGRESS. The text comes from the job. */
void put_progress(struct buf *b, struct attempt_key key, const struct progress *p);
struct attempt_key get_progress(struct reader *r, struct progress *ret);

/* One output or scanned file. */
struct proto_file {
        char *path; /* owned; relative, no "..", UTF-8 not guaranteed */
        uint64_t size;
        uint8_t sha256[32];
};
void put_file(struct buf *b, const struct proto_file *f);
void get_file(struct reader *r, struct proto_file *ret);

enum read_what { READ_STDOUT, READ_STDERR, READ_STORE, READ_PATH };
enum read_status { READ_OK, READ_NOT_FOUND, READ_FAILED };
enum stop_mode { STOP_WHEN_IDLE, STOP_NOW };
enum snapshot_state { SNAP_QUEUED, SNAP_RUNNING, SNAP_FINISHING, SNAP_ENDED };

/* Steps of reaching a host, in C_STEP and C_FAILED; names are shown to people. */
#define CONNECT_STEPS(X)                                                                                     \
        X(STEP_RESOLVE, "resolve", "look the address up")                                                    \
        X(STEP_REACH, "reach", "open a TCP connection")                                                      \
        X(STEP_ALGORITHMS, "algorithms", "agree on algorithms")                                              \
        X(STEP_HOSTKEY, "host key", "compare the host key with the pinned one")                              \
        X(STEP_LOGIN, "login", "log in with the site's key")                                                 \
        X(STEP_SESSION, "session", "open a session")                                                         \
        X(STEP_CRASH, "connector", "keep the connector running")
#define STEP_ENUM_(sym, ...) sym,
enum connect_step { CONNECT_STEPS(STEP_ENUM_) CONNECT_STEP_COUNT };
const char *connect_step_name(enum connect_step s);
const char *connect_step_sentence(enum connect_step s);

enum connect_failure {
        FAIL_UNREACHABLE, /* may work later */
        FAIL_ALGORITHMS,  /* this back end cannot agree with the server; the text names what is missing */
        FAIL_HOSTKEY_CHANGED,
        FAIL_HOSTKEY_UNKNOWN,
        FAIL_REFUSED, /* login refused */
        FAIL_KEY,     /* the private key cannot be used with this back end */
        FAIL_OTHER,
};

enum connect_backend { BACKEND_LIBSSH2, BACKEND_OPENSSH };

struct proto_hop {
        char *user, *host; /* owned */
        uint16_t port;
        /* Pinned host keys in SSH wire format (RFC 4253 6.6), owned; none in probe mode. */
        struct {
                uint8_t *data;
                size_t len;
        } keys[4];
        uint32_t key_count;
};
#define HOPS_MAX 4
struct proto_config {
        uint8_t backend; /* enum connect_backend */
        uint8_t probe;   /* 1: report the host keys (C_HOSTKEY for each hop), do not log in to the last hop */
        uint32_t timeout_ms;
        uint32_t hop_count; /* jump hosts first, the site's host last */
        struct proto_hop hops[HOPS_MAX];
        char *private_key; /* owned, OpenSSH format, unencrypted; wiped by proto_config_release */
};
void proto_config_release(struct proto_config *c);
void put_config(struct buf *b, const struct proto_config *c);
int get_config(struct reader *r, struct proto_config *ret, struct err *err);

#endif
