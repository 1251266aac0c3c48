/* SPDX-License-Identifier: Apache-2.0 */
/* transfers.h - what engine and worker tell each other about moving files (docs/protocol.md, "Transfers").
 *
 * One transfer is a list of files, one source, one destination. The source's worker is told what it offers,
 * the destination's worker what it pulls; both know the files by their place in the same list. Everything is
 * checked when it is decoded: a path that may not be makes the reader bad.
 */
#ifndef REEVE_TRANSFERS_H
#define REEVE_TRANSFERS_H

#include "proto.h"

#include <stdbool.h>

#define TRANSFER_FILES_MAX    100000       /* of one transfer: split larger sets */
#define TRANSFER_BATCH_MAX    (256u << 10) /* bytes of a list in one frame; a longer list goes in several */
#define TRANSFER_SIZE_UNKNOWN UINT64_MAX
#define FETCH_PREFIXES_MAX    64 /* of one fetch */

/* Types of frames between engine and worker, beside those of proto.h. */
enum transfer_frame {
        /* engine -> worker */
        P_OFFER = 32,
        P_OFFER_FILES = 33,
        P_PULL = 34,
        P_PULL_FILES = 35,
        P_WITHDRAW = 36,
        P_REMOVE = 37,
        P_PULL_URLS = 38,
        /* worker -> engine */
        P_OFFERED = 96,
        P_PULLING = 97,
        P_PULLED = 98,
        P_PULL_END = 99,
        P_REMOVED = 100,
};

/* How a transfer ended; whose fault is what the engine learns from. Rows: name, blame, may the same source be
 * tried again, what people read. */
#define MOVE_ENDS(X)                                                                                         \
        X(MOVE_DONE, "done", NOBODY, false, "every file is there and verified")                              \
        X(MOVE_CANCELLED, "cancelled", NOBODY, false, "it was cancelled")                                    \
        X(MOVE_SOURCE_GONE, "source_gone", SOURCE, false, "a file is not at its source any more")            \
        X(MOVE_SOURCE_CHANGED, "source_changed", SOURCE, false,                                              \
          "a file at the source is not what was registered")                                                 \
        X(MOVE_SOURCE_REFUSED, "source_refused", SOURCE, true, "the source could not offer the files")       \
        X(MOVE_SOURCE_AWAY, "source_away", SOURCE, true, "the source cannot be reached")                     \
        X(MOVE_NO_SPACE, "no_space", DESTINATION, false, "there is no room at the destination")              \
        X(MOVE_DESTINATION, "destination", DESTINATION, true, "the destination could not keep a file")       \
        X(MOVE_DESTINATION_AWAY, "destination_away", DESTINATION, true, "the destination cannot be reached") \
        X(MOVE_BROKEN, "broken", LINK, true, "the stream between the sites broke")                           \
        X(MOVE_STALLED, "stalled", LINK, true, "no byte came for too long")                                  \
        X(MOVE_SLOW, "slow", LINK, false, "the link is slower than this transfer can wait")                  \
        X(MOVE_INTERRUPTED, "interrupted", LINK, true, "a process of the transfer ended")
#define MOVE_END_ENUM_(sym, ...) sym,
enum move_end { MOVE_ENDS(MOVE_END_ENUM_) MOVE_END_COUNT };
enum move_blame { BLAMES_NOBODY, BLAMES_SOURCE, BLAMES_DESTINATION, BLAMES_LINK };

const char *move_end_name(enum move_end k);
const char *move_end_sentence(enum move_end k);
enum move_blame move_end_blame(enum move_end k);
bool move_end_retries(enum move_end k);

enum transfer_way { WAY_LOCAL, WAY_DIRECT, WAY_RELAY, WAY_FETCH };
const char *transfer_way_name(enum transfer_way w);

/* A path that names something strictly below a directory: relative, 1 to PATH_TEXT_MAX - 1 bytes, no empty
 * part, no "." or "..", no part that begins with TRANSFER_HIDDEN (that is where files are written aside). */
#define TRANSFER_HIDDEN ".reeve-"
bool transfer_path_is_valid(const char *path);

/* One file of the list. In an offer only path and size say something. */
struct transfer_entry {
        char *path;    /* owned */
        char *url;     /* owned; of a fetch, else NULL */
        uint64_t size; /* of a fetch also TRANSFER_SIZE_UNKNOWN */
        bool has_sha256;
        uint8_t sha256[32];
};

struct transfer_list {
        struct transfer_entry *entries; /* owned */
        uint32_t count, cap;
};
void transfer_list_release(struct transfer_list *l);
void transfer_list_add(struct transfer_list *l, const char *path, uint64_t size, const uint8_t *sha256);
/* Entries from *at on, as many as fit a frame: u32 n, n × entry; *at moves. */
void put_transfer_entries(struct buf *b, const struct transfer_list *l, uint32_t *at);
/* Append what a frame holds; at most `total` in all, else the reader is bad. */
void get_transfer_entries(struct reader *r, struct transfer_list *l, uint32_t total);
/* Does one of them have a size that is not known? */
bool transfer_list_is_vague(const struct transfer_list *l);
/* The URLs of entries from *at on, as above: u32 n, n × str. Each is checked when it is decoded (url_check).
 */
void put_transfer_urls(struct buf *b, const struct transfer_list *l, uint32_t *at);
void get_transfer_urls(struct reader *r, struct transfer_list *l, uint32_t *at);

/* P_OFFER: what the source's worker may send. The list follows in P_OFFER_FILES. */
struct transfer_offer {
        uint64_t id;
        uint32_t turn;    /* of this order, in the answer */
        uint32_t seconds; /* it is good for */
        char *from;       /* owned, absolute */
        bool is_file;
        char *public_key;      /* owned, "ssh-ed25519 AAAA..."; "": no key is let in */
        char *authorized_keys; /* owned; "": ~/.ssh/authorized_keys */
        uint32_t total;        /* entries that follow */
};
void transfer_offer_release(struct transfer_offer *o);
void put_transfer_offer(struct buf *b, const struct transfer_offer *o);
void get_transfer_offer(struct reader *r, struct transfer_offer *ret);
/* The file transfers/<id>.offer that `reeve-worker send` serves. */
#define TRANSFER_OFFERS_DIR "transfers"
#define TRANSFER_OFFER_FILE TRANSFER_OFFERS_DIR "/%llu.offer"
void put_transfer_offer_file(struct buf *b, int64_t until_wall_ms, const struct transfer_offer *o,
                             const struct transfer_list *l);
/* False when it does not decode; what was decoded is to be released then too. */
bool get_transfer_offer_file(const struct buf *b, int64_t *ret_until, struct transfer_offer *ret,
                             struct transfer_list *ret_list);

/* P_PULL: what the destination's worker fetches. The list follows in P_PULL_FILES. */
#define PULL_KEYS_MAX 4
struct transfer_pull {
        uint64_t id;
        uint32_t turn; /* of this order, in every answer to it */
        uint8_t way;   /* enum transfer_way */
        char *to;      /* owned, relative to data/ */
        uint64_t room, keep_free, rate_limit, least_rate;
        uint32_t stall_ms;
        uint32_t total;
        /* WAY_DIRECT only */
        char *host, *user; /* owned */
        uint16_t port;
        char *host_keys[PULL_KEYS_MAX]; /* owned, "ssh-ed25519 AAAA..." */
        uint32_t host_key_count;
        char *private_key; /* owned, OpenSSH format; wiped at release */
        /* WAY_FETCH only */
        bool private_hosts;                 /* private and local addresses may be asked */
        char *prefixes[FETCH_PREFIXES_MAX]; /* owned; every URL and every redirect begins with one of them */
        uint32_t prefix_count;
};
void transfer_pull_release(struct transfer_pull *p);
void put_transfer_pull(struct buf *b, const struct transfer_pull *p);
void get_transfer_pull(struct reader *r, struct transfer_pull *ret);

/* P_PULLING */
struct transfer_report {
        uint64_t id;
        uint32_t turn;
        bool streams; /* the way is proved: the other side has spoken */
        uint64_t bytes_done, bytes_moved, bytes_per_s;
        uint32_t files_done;
};
void put_transfer_report(struct buf *b, const struct transfer_report *s);
void get_transfer_report(struct reader *r, struct transfer_report *ret);

/* One published file, in P_PULLED. */
struct transfer_pulled {
        uint32_t index;
        bool present;
        uint64_t size;
        uint8_t sha256[32];
};
void put_transfer_pulled(struct buf *b, const struct transfer_pulled *f);
void get_transfer_pulled(struct reader *r, struct transfer_pulled *ret);

/* P_OFFERED and P_PULL_END */
struct transfer_close {
        uint64_t id;
        uint32_t turn;
        uint8_t kind;  /* enum move_end */
        uint32_t file; /* UINT32_MAX: none */
        uint64_t bytes_moved, busy_ms;
        char text[RESULT_TEXT_MAX];
        char root[PATH_TEXT_MAX]; /* of a pull that is done: where it lies */
};
void put_transfer_close(struct buf *b, const struct transfer_close *c);
void get_transfer_close(struct reader *r, struct transfer_close *ret);

#endif
