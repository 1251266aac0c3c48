/* SPDX-License-Identifier: Apache-2.0 */
/* transfer.h - movements of datasets to sites, in the model.
 *
 * One open transfer moves what is missing of one dataset at one site; everybody who wants it there joins it.
 * decide() opens transfers (queued), chooses their source and starts them as budgets allow (active), and
 * cancels what nobody wants any more. Whoever drives the model (the engine, the simulator) moves the bytes
 * and tells:
 *
 *     plan.transfers  opened in this pass          record them
 *     plan.starts     turned active in this pass   move them: t->from is final until the try ends
 *     plan.cancels    to be stopped                stop them, then model_transfer_close(TRANSFER_CANCELLED)
 *
 *     model_transfer_progress   bytes moved so far
 *     model_transfer_done       the copy is complete and published: the site holds the dataset from now on
 *     model_transfer_failed     this try failed; it is queued again with a pause and looks for another source
 * first model_transfer_close      the end without success
 *
 * A transfer may be of some of the files only, for tasks that share them (parts.h): it makes or extends a
 * copy that is not whole. While it is queued it can become one of all that is missing.
 *
 * A queued transfer's source is an estimate; the choice is made when it starts, so that a copy that was made
 * meanwhile serves too and a hot dataset spreads as a tree. Space at the destination is pledged while open.
 */
#ifndef REEVE_TRANSFER_H
#define REEVE_TRANSFER_H

#include "core/model.h"

#define TRANSFER_TRIES_MAX   8 /* failed tries after which it is closed as failed, unless tasks wait for it */
#define TRANSFER_BACKOFF_MS  5000 /* pause after the first failed try, doubled each time up to */
#define TRANSFER_BACKOFF_MAX 1500000
#define TRANSFER_PRIORITY_MS 300000 /* one step of priority is worth so much age */
#define TRANSFER_LINK_MAX    2      /* active at once: on a link */
#define TRANSFER_SITE_MAX    8      /* out of a site, and into a site */
#define TRANSFER_SMALL_TIMES 4      /* so many times as many, when all of them are small: see below */
#define TRANSFER_SOON_S      5.0 /* what a link ends in so long does not keep what is arranged from starting */
#define TRANSFER_DATASET_MAX 4   /* out of one site, of one dataset */
/* Where there is a budget, each transfer is given a part of it when it starts and keeps that: so much more
 * than its link was seen to do; and none starts with less than so small a part. */
#define TRANSFER_HEADROOM   2.0
#define TRANSFER_SHARE_PART 8.0
#define TRANSFER_SLOW_PART                                                                                   \
        20.0 /* slower than so small a part of what was expected, another source is tried */

/* The open transfer of the dataset to the site; NULL = none. */
struct m_transfer *model_transfer_to(const struct model *m, const struct m_dataset *d, int32_t to);
struct m_transfer *model_transfer(const struct model *m, int64_t id);
/* Open one (there is none to that site). from: the source as estimated, 0 = not known yet. Bytes and files
 * are what is missing there now. */
struct m_transfer *model_transfer_open(struct model *m, int64_t id, struct m_dataset *d, int32_t from,
                                       int32_t to, enum transfer_why why);
/* Of one that is queued: it moves these files (`only` is taken), with so many bytes; all that is missing. */
void model_transfer_narrow(struct model *m, struct m_transfer *t, struct spans *only, int64_t bytes);
void model_transfer_widen(struct model *m, struct m_transfer *t);
void model_transfer_start(struct model *m, struct m_transfer *t, int32_t from);
void model_transfer_progress(struct model *m, struct m_transfer *t, int64_t moved);
/* root: where the copy lies. Frees t, and the dataset when nobody else uses it. */
void model_transfer_done(struct model *m, struct m_transfer *t, const char *root);
enum transfer_fault { FAULT_SOURCE, FAULT_DESTINATION, FAULT_LINK, FAULT_US };
/* True: it is queued again; false: that was the last try and t is gone. */
bool model_transfer_failed(struct model *m, struct m_transfer *t, enum transfer_fault fault);
void model_transfer_close(struct model *m, struct m_transfer *t);

/* May the dataset lie at the site (and be read there)? */
bool dataset_may_be_at(const struct m_dataset *d, const struct m_site *site);
/* Can copies be read from the site now: open or draining, and a worker of it is connected? */
bool site_is_source(const struct m_site *site);
/* Bytes that may still be put there, with what can be evicted; 0 when it takes no data. */
int64_t site_space(const struct m_site *site);

/* Tasks that wait for a place now and read it; of its readers the first so many are looked at, once a pass.
 */
#define READERS_SEEN 64
double dataset_wanted(const struct model *m, struct m_dataset *d);

/* Bytes of it that were moved for tasks, of late: they count half after a day. */
double dataset_heat(const struct model *m, const struct m_dataset *d);

/* Seconds until the dataset is complete at the site, and how.
 * where it is: 0; on its way: when it arrives; else by the best source, behind all that is promised on that
 * link. INFINITY: it cannot be brought there. */
struct way {
        double seconds;
        double moving; /* of that: bytes over rate */
        int64_t bytes; /* still to be moved */
        int32_t from;  /* source; 0 = none, or it is there */
        bool on_its_way;
        bool pledged; /* it is to set out, but there is room kept for it: an open transfer was forgotten */
        bool to_come; /* the source is itself being supplied: nothing can start yet */
};
void dataset_way(const struct model *m, const struct m_dataset *d, const struct m_site *to, struct way *ret);
/* The same for so many bytes of it. */
void dataset_part_way(const struct model *m, const struct m_dataset *d, const struct m_site *to,
                      int64_t bytes, struct way *ret);

/* A transfer is small where beginning it takes longer than moving its bytes: then the link idles most of the
 * time, and more of them at once end sooner. So what a small one adds to the queue of its link is its bytes
 * and a part of the time that beginning takes. */
bool transfer_is_small(const struct model *m, int64_t bytes, int32_t from, int32_t to);
/* Seconds of the link that go to beginning a transfer. */
double transfer_turn_s(const struct model *m, int32_t from, int32_t to);

/* It waits to start, and the last pass found nobody to want it: it promises nothing and does not start. When
 * it is wanted again before decide() cancels it, it goes on as if nothing had been. */
bool transfer_is_forgotten(const struct model *m, const struct m_transfer *t);
/* Somebody wants it in this pass. */
void transfer_wanted(struct model *m, struct m_transfer *t);

/* Bytes per second below which it is better given up for another source; 0: there is none, or no matter. */
double transfer_least_rate(const struct model *m, const struct m_transfer *t);

/* For decide(), now and then: would it be there much sooner from another site that holds the data by now?
 * Then it had better be cancelled; what was moved stays at its destination and counts when it is sent for
 * again. */
#define TRANSFER_LOOK_MS  5000 /* between two looks at one transfer */
#define TRANSFER_BETTER   1.5  /* how much sooner: so many times */
#define TRANSFER_BETTER_S 30.0 /* and so many seconds */
bool transfer_has_better_source(struct model *m, struct m_transfer *t);

/* For decide(): start what may start, in order of priority, then age. on_start is told of each. */
void transfers_start(struct model *m, void (*on_start)(void *ctx, struct m_transfer *t), void *ctx);

#endif
