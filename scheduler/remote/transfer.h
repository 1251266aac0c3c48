/* SPDX-License-Identifier: Apache-2.0 */
/* transfer.h - move files to a worker: from another worker by the best way there is, from this host, or from
 * HTTP servers.
 *
 * The engine says what and between whom; this part chooses the way, sets both sides up, watches, cleans up:
 *
 *     start -> on_progress ... on_files ... -> on_end, exactly once; then transfer_free
 *
 * Ways, tried in this order, each only when it can be:
 *   local    source and destination are one worker: it copies
 *   direct   the destination's worker logs in to the source's host with its own `ssh`, with a key made for
 *            this transfer that can run one command at the source: send the files of this transfer. Only
 *            where the source site's admin allows it. It must prove itself by logging in within a few
 *            seconds; if it does not, the relay takes over, and on_way says why
 *   relay    two connectors back to back: the bytes pass this host, but not this process
 *
 * Without a source there are two more kinds, each with one way:
 *   files of this host (`spool` is set): a relay with one connector, and `reeve-worker send` as a child of
 * this process at its other end fetch    files with URLs: the destination's worker fetches them with the
 * `curl` of its site, one after the other. Only what begins with one of `prefixes`, redirects included, and
 * no address that is private or local unless `private_hosts`. Sizes and checksums may be unknown: on_files
 * tells them. Workers that cannot say so before anything is asked of them
 *
 * At the destination a file is written aside, checksummed while it is written, flushed, and published by
 * rename below <root>/data/<to>/: what has its name there is whole and verified. What was written before a
 * break is kept (by checksum, so also for another try from another source) and taken up again after it was
 * read and checksummed once more. Doing a transfer again that was done finds everything present and ends well
 * at once: after any doubt, a restart included, start it again.
 *
 * One transfer's trouble is its own. Pulls run at the worker in a process of their own and outlive the link:
 * when the link to the destination breaks, on_end says so (blame link, retry), and starting the same id again
 * joins the pull that is still running there.
 *
 * Everything happens on the links' uv loop. Callbacks come from the loop, never from inside a call.
 */
#ifndef REEVE_REMOTE_TRANSFER_H
#define REEVE_REMOTE_TRANSFER_H

#include "common/err.h"
#include "common/transfers.h"
#include "remote/worker_link.h"

#include <stdbool.h>
#include <stdint.h>

struct transfer;

struct transfer_file {
        const char *path; /* bytes as at the site (catalog_decode'd); relative to the source's root and to the
                             destination's directory: no "..", no empty part */
        uint64_t size;    /* as the catalog has it; of a fetch also TRANSFER_SIZE_UNKNOWN */
        const uint8_t *sha256; /* 32 bytes; NULL: not known, what was read is reported */
        const char *url;       /* of a fetch; NULL else. It passed url_check */
};

struct transfer_order {
        uint64_t id;                     /* of the transfer; the same id again goes on where it stopped */
        struct worker_link *source;      /* ready; NULL: files of this host, or a fetch */
        struct worker_link *destination; /* ready; the same link: a local copy */
        const char
            *from;    /* absolute path at the source: a directory, or with is_file the file; NULL: a fetch */
        bool is_file; /* `from` is the one file itself; its path names it at the destination */
        const char *to; /* relative directory below <root>/data of the destination */
        const struct transfer_file *files;
        size_t file_count;

        bool direct;                 /* the source site's admin allows keys of short life in its account */
        const char *authorized_keys; /* file they go to at the source, absolute or "~/..."; NULL:
                                        ~/.ssh/authorized_keys */
        const char *direct_host;     /* how the destination reaches the source; NULL: as the engine does */
        uint16_t direct_port;        /* 0: as the engine does */

        const char *spool; /* files of this host: an absolute directory of reeved's where their list is kept
                              while they move (<spool>/transfers/<id>.offer) */
        const char *const *prefixes; /* of a fetch: what every URL and every redirect begins with, at most
                                        FETCH_PREFIXES_MAX; each passed url_check_prefix */
        size_t prefix_count;
        bool private_hosts; /* of a fetch: addresses that are private or local may be asked */

        bool own_backend; /* a relay logs in by each site's own back end; else by this host's ssh where there
                             is one: twice as fast as libssh2, in a wider sandbox */

        uint64_t room;       /* most bytes that may be added at the destination (quota); 0: no limit */
        uint64_t keep_free;  /* bytes that must stay free on its file system; 0: 64 MiB */
        uint64_t rate_limit; /* bytes a second; 0: none */
        uint64_t least_rate; /* slower than this over stall_ms ends it (MOVE_SLOW); 0: never */
        uint32_t stall_ms;   /* without one byte; 0: 60 s */
};

/* How a transfer ended and by which way: common/transfers.h. */

struct transfer_progress {
        uint64_t bytes_done, bytes_total; /* what lay there already counts as done */
        uint64_t bytes_moved;             /* over the link in this run */
        uint64_t bytes_per_s;             /* over the last seconds; 0: none came */
        uint32_t files_done, files_total;
};

/* One file: published and flushed at the destination. */
struct transfer_file_done {
        uint32_t index; /* in the order */
        bool present;   /* it lay there already, verified now */
        uint64_t size;
        uint8_t sha256[32];
};

struct transfer_end {
        enum move_end kind;
        enum transfer_way way; /* that was used last */
        uint32_t file;         /* index of the file it is about, or UINT32_MAX */
        uint64_t bytes_moved;  /* over the link, for learning its rate */
        uint64_t busy_ms;      /* from the first byte to the last */
        const char *text;      /* what happened, printable */
        const char *root;      /* when done: absolute directory at the destination that holds the files */
};

/* Any member may be NULL. Arguments are borrowed. Inside a callback transfer_free may be called. */
struct transfer_events {
        /* The way is decided and the stream runs; `why` says why not a better one ("" else). */
        void (*on_way)(void *arg, struct transfer *t, enum transfer_way way, const char *why);
        void (*on_progress)(void *arg, struct transfer *t,
                            const struct transfer_progress *p); /* each second */
        void (*on_files)(void *arg, struct transfer *t, const struct transfer_file_done *files, size_t n);
        void (*on_end)(void *arg, struct transfer *t, const struct transfer_end *e);
};

/* The order is copied. -1 with ERR_BAD_INPUT (a path that may not be), ERR_LIMIT (too many files),
 * ERR_UNAVAILABLE (a link is not ready). */
int transfer_start(const struct transfer_order *o, const struct transfer_events *events, void *arg,
                   struct transfer **ret, struct err *err);

/* End it: on_end (cancelled) follows. What was written aside stays for a while, in case it is wanted again.
 */
void transfer_cancel(struct transfer *t);

/* Forget it: no callback after this. A run that has not ended is ended at both workers, if they can be
 * reached. NULL is fine. */
void transfer_free(struct transfer *t);

/* ---- what lies in a worker's data directory ------------------------------------------------------------
 * Files that transfers wrote, and nothing else: a dataset registered in place never lies there.
 */

/* Delete files of <root>/data/<to>; no paths: the whole directory. Answered by
 * worker_link_events.on_removed. What is not there counts as removed. ERR_LIMIT
 * when the list is longer than 256 KiB: order it in parts. */
int transfer_remove(struct worker_link *l, const char *to, const char *const *paths, size_t n,
                    uint32_t *ret_request, struct err *err);

/* Verifying a replica is worker_link_scan of its absolute root: on_scanned tells each file's checksum. */

#endif
