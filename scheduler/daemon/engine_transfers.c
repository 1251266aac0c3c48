/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers that decide() asked for, from plan to published copy.
 *
 *     decide opens and starts them -> rows in the commit -> after it, the order to the remote part
 *     -> progress into the model -> its end: the copy, the link and the transfer's row in the next commit
 *
 * The remote part takes an order again at any time (it goes on where it stopped), so that a restart needs
 * nothing special: what the record has open is queued in the model, and started anew as links come up. A copy
 * counts from the commit that says so. A failed try goes back into the queue with a pause, and looks for
 * another source.
 *
 * The files of a transfer lie at one place or at several (a job's outputs are where its tasks ran): they are
 * ordered place by place, one order after the other, into the same directory. Of a dataset with very many
 * files a page is in memory at a time.
 */
#include "daemon/engine_transfers.h"

#include "common/catalog.h"
#include "common/log.h"
#include "common/transfers.h"
#include "common/util.h"
#include "core/link.h"
#include "core/transfer.h"
#include "daemon/engine_storage.h"
#include "remote/transfer.h"
#include "store/store_direct.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOW_MS    2000  /* between two writes of a transfer's progress */
#define ACTIVE_MAX 64    /* under way at once: a relay takes two connectors */
#define PAGE_FILES 16384 /* of a dataset that are in memory, and in one order */
_Static_assert(PAGE_FILES <= TRANSFER_FILES_MAX, "a page is one order");

struct move { /* a transfer that was ordered */
        struct engine *e;
        int64_t id;
        struct transfer *remote; /* of the part under way */
        struct engine_worker *source, *destination;
        struct load_file *rows;         /* a page of its files, by place */
        size_t row_count, first, count; /* the part under way */
        char *after;                    /* the last path of that page, as the record orders them */
        size_t seen;                    /* files of all pages so far */
        bool full;                      /* that page may not be the last */
        int32_t site;                   /* of the first file; `gathered`: there are others */
        bool gathered;
        uint64_t before, moved,
            busy_ms;    /* bytes of parts that are done; of them over links, and for how long */
        char *asked_by; /* who joined it, where it moves some files only and he wants all; NULL = nobody */
        char *file;     /* of a dataset that is one file: its path, as at the site */
        uint64_t rate;
        int64_t shown_at;  /* boot ms */
        struct move *next; /* of those that are over */
};

static struct move *move_of(const struct engine *e, int64_t id)
{
        return map_get(&e->moves, (uint64_t)id);
}

static void move_free(struct move *v)
{
        transfer_free(v->remote);
        store_free_files(v->rows, v->row_count);
        free(v->file);
        free(v->after);
        free(v->asked_by);
        free(v);
}

static void drop(struct engine *e, struct move *v)
{
        map_del(&e->moves, (uint64_t)v->id);
        move_free(v);
}

/* ---- rows ------------------------------------------------------------------------------------------------
 */

static const char *why_word(enum transfer_why why)
{
        return why == WHY_JOB ? "job" : why == WHY_COPY ? "copy" : "person";
}

/* Who asked for it stands in the commit once: its later rows there say so too. */
static const char *who_asked(const struct engine *e, const struct m_transfer *t)
{
        if (t->why != WHY_PERSON)
                return NULL;
        for (size_t i = 0; i < e->commit.transfers_n; i++) {
                if (e->commit.transfers[i].id == t->id && e->commit.transfers[i].asked_by)
                        return e->commit.transfers[i].asked_by;
        }
        return NULL;
}

/* The numbers of the files it moves, for the record; NULL: all that is missing. */
static const char *only_text(struct engine *e, const struct m_transfer *t)
{
        AUTO_FREE char *text = t->only.n ? spans_text(&t->only) : NULL;

        return text ? arena_strdup(&e->arena, text) : NULL;
}

static void record(struct engine *e, const struct m_transfer *t, enum transfer_state state, const char *way,
                   const char *message, double rate)
{
        bool ended = state == TRANSFER_DONE || state == TRANSFER_FAILED || state == TRANSFER_CANCELLED;

        COMMIT_ADD(e, transfers,
                   (struct commit_transfer){
                       .id = t->id,
                       .dataset = t->dataset->id,
                       .from = t->from,
                       .to = t->to,
                       .priority = t->priority,
                       .files = t->files,
                       .tries = t->tries,
                       .why = why_word(t->why),
                       .asked_by = who_asked(e, t),
                       .way = way,
                       .message = message ? arena_strdup(&e->arena, message) : NULL,
                       .only = only_text(e, t),
                       .state = state,
                       .total = t->bytes,
                       .bytes = t->moved,
                       .asked_at = t->asked_at,
                       .not_before = t->not_before > 0 ? t->not_before : TIME_NONE,
                       .started_at = t->started_at,
                       .ended_at = ended ? e->m->wall_ms : TIME_NONE,
                       .rate = rate,
                   });
}

void transfers_record_plan(struct engine *e)
{
        const struct plan *p = &e->plan;

        for (size_t i = 0; i < p->transfer_count; i++) {
                const struct m_storage *to = &model_site(e->m, p->transfers[i]->to)->storage;

                record(e, p->transfers[i], TRANSFER_QUEUED, NULL, NULL, 0);
                if (to->used + to->pledged > to->quota)
                        storage_look(e); /* it counts on what can be evicted */
        }
        for (size_t i = 0; i < p->start_count; i++)
                record(e, p->starts[i], TRANSFER_ACTIVE, NULL, NULL, 0);
}

/* ---- ends ------------------------------------------------------------------------------------------------
 */

static void give_up(struct engine *e, struct m_transfer *t, enum transfer_state state, const char *why)
{
        record(e, t, state, NULL, why, 0);
        if (!dataset_may_be_at(t->dataset, model_site(e->m, t->to)))
                storage_sweep(e);
        model_transfer_close(e->m, t);
        engine_wake(e);
}

/* This try is over without success. */
static void try_failed(struct engine *e, struct m_transfer *t, enum transfer_fault fault, const char *why)
{
        struct m_transfer was;

        log_warn("transfer=%lld dataset=%s from=%s to=%s: %s", (long long)t->id, t->dataset->name,
                 t->from ? model_site(e->m, t->from)->name : "-", model_site(e->m, t->to)->name, why);
        record_event(e, "transfer.failed", NULL, 0, -1, t->to, "%s could not be brought to %s: %.600s",
                     t->dataset->name, model_site(e->m, t->to)->name, why);
        was = *t;
        was.tries++;
        was.only = (struct spans){0}; /* it may be gone by then */
        t->dataset->users++;          /* it may lose its last one, and its name is still needed */
        if (model_transfer_failed(e->m, t, fault)) {
                if (t->only.n && t->why == WHY_PERSON)
                        model_transfer_widen(e->m, t);
                record(e, t, TRANSFER_QUEUED, NULL, why, 0);
        } else {
                record(e, &was, TRANSFER_FAILED, NULL, why, 0);
        }
        model_dataset_drop(e->m, was.dataset);
        engine_wake(e);
}

/* Where the copy lies: the directory, or with a dataset of one file that file. */
static char *copy_root(struct engine *e, const struct move *v, const char *directory)
{
        return v->file ? arena_printf(&e->arena, "%s/%s", directory, v->file)
                       : arena_strdup(&e->arena, directory);
}

static void learned(struct engine *e, int32_t from, int32_t to, int64_t bytes)
{
        struct m_link *l = model_link(e->m, from, to);

        if (!l)
                return;
        l->dirty = false;
        COMMIT_ADD(
            e, links,
            (struct commit_link){from, to, exp(l->log_rate), l->latency, l->weight, e->m->wall_ms, bytes});
}

static void tell_done(struct engine *e, const struct m_transfer *t, bool gathered, enum transfer_way way)
{
        char some[40] = "";

        if (t->only.n)
                snprintf(some, sizeof some, "%lld files of ", (long long)spans_count(&t->only));
        record_event(e, "transfer.done", NULL, 0, -1, t->to, "%s%s %s at %s now: %lld bytes from %s%s, %s",
                     some, t->dataset->name, t->only.n ? "are" : "is", model_site(e->m, t->to)->name,
                     (long long)t->bytes, model_site(e->m, t->from)->name, gathered ? " and other sites" : "",
                     transfer_way_name(way));
}

static void done(struct engine *e, struct move *v, struct m_transfer *t, const struct transfer_end *end)
{
        const char *root = copy_root(e, v, end->root);
        int32_t from = t->from, to = t->to;
        struct m_dataset *d = t->dataset;
        const char *by;
        double rate = v->busy_ms ? (double)v->moved * 1000.0 / (double)v->busy_ms : 0;

        if (strlen(root) > STORE_ROOT_MAX) {
                try_failed(e, t, FAULT_DESTINATION, "the path of the copy is too long for the catalog");
                return;
        }
        t->moved = t->bytes;
        record(e, t, TRANSFER_DONE, transfer_way_name(end->way), NULL, rate);
        insight_moved(e, to, t->bytes);
        COMMIT_ADD(e, copies,
                   (struct commit_copy){.dataset = d->id,
                                        .site = to,
                                        .root = root,
                                        .is_file = v->file != NULL,
                                        .only = only_text(e, t),
                                        .bytes = t->bytes});
        tell_done(e, t, v->gathered, end->way);
        by = t->only.n && v->asked_by ? arena_strdup(&e->arena, v->asked_by) : NULL;
        d->users++;
        model_transfer_done(e->m, t, root);
        if (by)
                transfers_ask(e, d, to, by);
        if (!v->gathered && from != to)
                learned(e, from, to, (int64_t)v->moved);
        model_dataset_changed(e->m, d);
        model_dataset_drop(e->m, d);
        engine_wake(e);
}

/* The source showed something else than what was registered: its place counts no more, unless it is the last.
 */
static void source_is_wrong(struct engine *e, const struct move *v, const struct m_transfer *t,
                            enum move_end kind)
{
        if (kind == MOVE_SOURCE_GONE || kind == MOVE_SOURCE_CHANGED)
                storage_suspect(e, t->dataset, v->rows[v->first].site, move_end_sentence(kind));
}

static enum transfer_fault fault_of(enum move_end kind)
{
        switch (move_end_blame(kind)) {
        case BLAMES_SOURCE:
                return FAULT_SOURCE;
        case BLAMES_DESTINATION:
                return FAULT_DESTINATION;
        case BLAMES_LINK:
                return FAULT_LINK;
        case BLAMES_NOBODY:
                break;
        }
        return FAULT_US;
}

/* Are there files after the part under way? A page that is full may be the last. */
static bool has_more(const struct move *v)
{
        return v->first + v->count < v->row_count || v->full;
}

static void next_part(struct engine *e, struct move *v, struct m_transfer *t, const struct transfer_end *end);

static void on_end(void *arg, struct transfer *remote, const struct transfer_end *end)
{
        struct move *v = arg;
        struct engine *e = v->e;
        struct m_transfer *t = model_transfer(e->m, v->id);
        char why[600];

        (void)remote;
        engine_clock(e);
        v->moved += end->bytes_moved;
        v->busy_ms += end->busy_ms;
        if (t && end->kind == MOVE_DONE && !t->cancelling && has_more(v)) {
                next_part(e, v, t, end);
                return;
        }
        if (t && end->kind == MOVE_DONE) {
                done(e, v, t, end);
        } else if (t && (end->kind == MOVE_CANCELLED || t->cancelling)) {
                give_up(e, t, TRANSFER_CANCELLED, NULL);
        } else if (t) {
                source_is_wrong(e, v, t, end->kind);
                if (end->kind == MOVE_NO_SPACE)
                        storage_is_full(e, model_site(e->m, t->to));
                snprintf(why, sizeof why, "%s%s%s", move_end_sentence(end->kind),
                         end->text && *end->text ? ": " : "", end->text ? end->text : "");
                try_failed(e, t, fault_of(end->kind), why);
        }
        drop(e, v);
}

static void on_way(void *arg, struct transfer *remote, enum transfer_way way, const char *why)
{
        struct move *v = arg;
        struct m_transfer *t = model_transfer(v->e->m, v->id);

        (void)remote;
        if (t)
                record(v->e, t, TRANSFER_ACTIVE, transfer_way_name(way), *why ? why : NULL, 0);
        log_info("transfer=%lld way=%s %s", (long long)v->id, transfer_way_name(way), why);
}

static void on_progress(void *arg, struct transfer *remote, const struct transfer_progress *p)
{
        struct move *v = arg;
        struct engine *e = v->e;
        struct m_transfer *t = model_transfer(e->m, v->id);
        int64_t now = clock_boot_ms();

        (void)remote;
        if (!t)
                return;
        engine_clock(e);
        model_transfer_progress(e->m, t, (int64_t)(v->before + p->bytes_done));
        v->rate = p->bytes_per_s;
        if (now - v->shown_at < SHOW_MS)
                return;
        v->shown_at = now;
        record(e, t, TRANSFER_ACTIVE, NULL, NULL, (double)v->rate);
        engine_wake(e);
}

static const struct transfer_events events = {.on_way = on_way, .on_progress = on_progress, .on_end = on_end};

/* ---- orders ----------------------------------------------------------------------------------------------
 */

bool transfers_can_talk(const struct engine_worker *ew, int32_t site)
{
        return ew && ew->site == site && !ew->w->gone && ew->link &&
               worker_link_state(ew->link) == LINK_READY;
}

/* A worker of the site: one that serves the dataset's project before one for all, before any other; of equal
 * ones another with each try. */
struct engine_worker *transfers_pick_worker(const struct engine *e, int32_t site, int32_t project,
                                            int32_t tries)
{
        struct engine_worker *found[16];
        size_t n = 0;

        for (int pass = 0; pass < 3 && !n; pass++) {
                for (size_t i = 0; i < e->worker_cap && n < ARRAY_LEN(found); i++) {
                        struct engine_worker *ew = e->workers[i];
                        int fits = !ew ? -1 : ew->w->project == project ? 0 : !ew->w->project ? 1 : 2;

                        if (fits == pass && transfers_can_talk(ew, site))
                                found[n++] = ew;
                }
        }
        return n ? found[(size_t)tries % n] : NULL;
}

static void files_release(struct transfer_file *files, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free((char *)(uintptr_t)files[i].path);
        free(files);
}

/* The dataset's files as the remote part wants them; they borrow the checksums of `rows`. */
static int files_of(const struct load_file *rows, size_t n, struct transfer_file **ret, struct err *err)
{
        struct transfer_file *files = xcalloc(n ? n : 1, sizeof *files);

        for (size_t i = 0; i < n; i++) {
                files[i].path = catalog_decode(rows[i].path);
                files[i].size = (uint64_t)rows[i].size;
                files[i].sha256 = rows[i].sha256;
                if (!files[i].path) {
                        files_release(files, n);
                        return err_set(err, ERR_SYSTEM, "the catalog holds a path that is none");
                }
        }
        *ret = files;
        return 0;
}

static int by_place(const void *a, const void *b)
{
        const struct load_file *x = a, *y = b;
        int order = (x->site > y->site) - (x->site < y->site);

        if (!order)
                order = strcmp(x->root, y->root);
        return order ? order : strcmp(x->path, y->path);
}

/* Take out what the copy there has already. */
static void leave_out(struct move *v, const struct m_transfer *t)
{
        size_t kept = 0;

        for (size_t i = 0; i < v->row_count; i++) {
                if (v->rows[i].site == t->to && v->rows[i].copy) {
                        free(v->rows[i].path);
                        free(v->rows[i].root);
                } else {
                        v->rows[kept++] = v->rows[i];
                }
        }
        v->row_count = kept;
}

static size_t files_expected(const struct m_transfer *t)
{
        return t->only.n ? (size_t)spans_count(&t->only) : (size_t)t->dataset->files;
}

static int page_read(struct engine *e, struct move *v, const struct m_transfer *t, struct err *err)
{
        AUTO_FREE char *only = t->only.n ? spans_text(&t->only) : NULL;

        store_free_files(v->rows, v->row_count);
        v->rows = NULL;
        v->row_count = v->first = v->count = 0;
        if (store_load_files(e->db, t->dataset->id, t->from, t->to, only, v->after, PAGE_FILES, &v->rows,
                             &v->row_count, err) < 0)
                return -1;
        v->full = v->row_count == PAGE_FILES;
        v->seen += v->row_count;
        if (v->row_count) {
                free(v->after);
                v->after = xstrdup(v->rows[v->row_count - 1].path);
        }
        leave_out(v, t);
        return 0;
}

/* The next page of its files. 1: there is one; 0: that were all; -1. */
static int page_load(struct engine *e, struct move *v, const struct m_transfer *t, struct err *err)
{
        do {
                if (page_read(e, v, t, err) < 0)
                        return -1;
        } while (!v->row_count && v->full);
        if (v->row_count && !v->site)
                v->site = v->rows[0].site;
        for (size_t i = 0; i < v->row_count; i++)
                v->gathered |= v->rows[i].site != v->site;
        qsort(v->rows, v->row_count, sizeof *v->rows, by_place);
        if (!v->full && v->seen < files_expected(t))
                return err_set(err, ERR_NOT_FOUND, "some of its files are at no site any more");
        return v->row_count > 0;
}

/* The part under way is done. */
static void part_done(struct move *v)
{
        for (size_t i = v->first; i < v->first + v->count; i++)
                v->before += (uint64_t)v->rows[i].size;
        v->first += v->count;
        v->count = 0;
}

/* The next part of the page: the files of one place. */
static void part_take(struct move *v)
{
        const struct load_file *first = &v->rows[v->first];

        while (v->first + v->count < v->row_count && v->rows[v->first + v->count].site == first->site &&
               strcmp(v->rows[v->first + v->count].root, first->root) == 0)
                v->count++;
}

static int order(struct engine *e, struct move *v, const struct m_transfer *t, struct err *err)
{
        const struct load_file *at = &v->rows[v->first];
        const struct m_link *l = model_link(e->m, at->site, t->to);
        AUTO_FREE char *to = xasprintf(COPY_DIRECTORY, (long long)t->dataset->id);
        struct transfer_order o = {.id = (uint64_t)t->id,
                                   .source = v->source->link,
                                   .destination = v->destination->link,
                                   .from = at->root,
                                   .is_file = at->is_file,
                                   .to = to,
                                   .file_count = v->count,
                                   .direct = l && l->direct,
                                   .rate_limit = (uint64_t)t->given,
                                   .least_rate = (uint64_t)transfer_least_rate(e->m, t),
                                   .keep_free = (uint64_t)e->set.disk_reserve};
        struct direct_way way = {0};
        struct transfer_file *files = NULL;
        int rc;

        if ((o.direct && store_direct_way(e->db, at->site, &way, err) < 0) ||
            files_of(at, v->count, &files, err) < 0) {
                direct_way_release(&way);
                return -1;
        }
        o.files = files;
        o.direct_host = way.host;
        o.direct_port = way.port;
        o.authorized_keys = way.keys;
        if (at->is_file && v->count == 1)
                v->file = xstrdup(files[0].path);
        rc = transfer_start(&o, &events, v, &v->remote, err);
        files_release(files, v->count);
        direct_way_release(&way);
        return rc;
}

/* Take up the next part with workers that are there. False: this try is over, as it was said; v lives. */
static bool start_part(struct engine *e, struct move *v, struct m_transfer *t)
{
        struct err err = {0};

        part_take(v);
        v->source = transfers_pick_worker(e, v->rows[v->first].site, t->dataset->project, t->tries);
        v->destination = transfers_pick_worker(e, t->to, t->dataset->project, t->tries);
        /* What lies at the site already is copied by who is there. */
        if (v->destination && v->rows[v->first].site == t->to)
                v->source = v->destination;
        if (!v->source || !v->destination) {
                try_failed(e, t, v->source ? FAULT_DESTINATION : FAULT_SOURCE,
                           "no worker is connected there");
                return false;
        }
        if (order(e, v, t, &err) < 0) {
                try_failed(e, t, FAULT_US, err.text);
                return false;
        }
        return true;
}

/* The end of one part, and more to come, or not. */
static void next_part(struct engine *e, struct move *v, struct m_transfer *t, const struct transfer_end *end)
{
        struct err err = {0};
        int rc = 1;

        part_done(v);
        if (v->first == v->row_count)
                rc = page_load(e, v, t, &err);
        if (rc < 0)
                try_failed(e, t, err.code == ERR_NOT_FOUND ? FAULT_SOURCE : FAULT_US, err.text);
        if (rc == 0)
                done(e, v, t, end);
        if (rc > 0) {
                transfer_free(v->remote);
                v->remote = NULL;
        }
        if (rc <= 0 || !start_part(e, v, t))
                drop(e, v);
}

static void start(struct engine *e, struct m_transfer *t)
{
        struct move *v = xcalloc(1, sizeof *v);
        struct transfer_end end = {.way = WAY_LOCAL};
        struct err err = {0};
        int rc;

        if (storage_is_removing(e, t->to, t->dataset->id)) {
                free(v);
                try_failed(e, t, FAULT_US, "an earlier copy is still being deleted there");
                return;
        }
        v->e = e;
        v->id = t->id;
        rc = page_load(e, v, t, &err);
        if (rc < 0) {
                try_failed(e, t, err.code == ERR_NOT_FOUND ? FAULT_SOURCE : FAULT_US, err.text);
        } else if (rc == 0 && v->seen && model_dataset_some(t->dataset, t->to)) {
                /* All of it lies there by now. */
                t->from = t->from ? t->from : t->to;
                end.root = model_dataset_some(t->dataset, t->to)->root;
                done(e, v, t, &end);
        } else if (rc == 0) {
                try_failed(e, t, FAULT_SOURCE, "none of its files is at a site");
        } else if (start_part(e, v, t)) {
                map_put(&e->moves, (uint64_t)v->id, v);
                return;
        }
        move_free(v);
}

int64_t transfers_ask(struct engine *e, struct m_dataset *d, int32_t to, const char *by)
{
        struct m_transfer *t = model_transfer_to(e->m, d, to);

        if (t && t->why == WHY_JOB && !t->only.n)
                return t->id;
        if (t && t->only.n && t->state == TRANSFER_QUEUED)
                model_transfer_widen(e->m, t);
        if (!t)
                t = model_transfer_open(e->m, e->m->next_transfer, d, 0, to, WHY_PERSON);
        if (t->only.n && move_of(e, t->id) && !move_of(e, t->id)->asked_by)
                move_of(e, t->id)->asked_by = xstrdup(by);
        t->why = WHY_PERSON;
        record(e, t, t->state, NULL, NULL, 0);
        e->commit.transfers[e->commit.transfers_n - 1].asked_by = arena_strdup(&e->arena, by);
        engine_wake(e);
        return t->id;
}

void transfers_stop(struct engine *e, struct m_transfer *t)
{
        struct move *v = move_of(e, t->id);

        t->cancelling = true;
        if (v)
                transfer_cancel(v->remote); /* its end follows */
        else
                give_up(e, t, TRANSFER_CANCELLED, NULL);
}

/* After the commit: order what was started, stop what nobody wants. */
void transfers_act(struct engine *e)
{
        for (size_t i = 0; i < e->plan.start_count; i++)
                start(e, e->plan.starts[i]);
        e->plan.start_count = 0;
        for (size_t i = 0; i < e->plan.cancel_count; i++) {
                struct m_transfer *t = e->plan.cancels[i];

                if (!dataset_may_be_at(t->dataset, model_site(e->m, t->to)))
                        refusal_of_transfer(e, t);
                transfers_stop(e, t);
        }
        e->plan.cancel_count = 0;
}

/* ---- life ------------------------------------------------------------------------------------------------
 */

/* Its link goes: what it moved is taken up again over the next one. */
void transfers_worker_gone(struct engine *e, const struct engine_worker *ew)
{
        struct move *v, *gone = NULL;

        for (size_t i = 0; (v = map_next(&e->moves, &i));) {
                if (v->source != ew && v->destination != ew)
                        continue;
                v->next = gone;
                gone = v;
        }
        while ((v = gone)) {
                struct m_transfer *t = model_transfer(e->m, v->id);

                gone = v->next;
                if (t)
                        try_failed(e, t, v->source == ew ? FAULT_SOURCE : FAULT_DESTINATION,
                                   "the connection to a worker was closed");
                drop(e, v);
        }
}

void transfers_unload(struct engine *e)
{
        struct move *v;

        for (size_t i = 0; (v = map_next(&e->moves, &i));)
                move_free(v);
        map_release(&e->moves);
}

static int load_links(struct engine *e, struct err *err)
{
        struct load_link *rows;
        size_t n;

        if (store_load_links(e->db, &rows, &n, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                bool fresh = !model_link(e->m, rows[i].from, rows[i].to);
                struct m_link *l =
                    model_site(e->m, rows[i].to) ? model_link_put(e->m, rows[i].from, rows[i].to) : NULL;

                if (!l)
                        continue;
                if (fresh && rows[i].weight > 0)
                        link_know(e->m, l, rows[i].rate, rows[i].latency, rows[i].weight, rows[i].learned_at);
                if (l->budget != rows[i].budget || l->max_active != rows[i].max_active)
                        link_set_limits(e->m, l, rows[i].budget, rows[i].max_active);
                l->direct = rows[i].direct;
        }
        store_free_links(rows, n);
        return 0;
}

int transfers_world_changed(struct engine *e, struct err *err)
{
        return load_links(e, err);
}

/* A person who joined one of some files wants them all. */
static void take_only(struct engine *e, struct m_transfer *t, const struct load_transfer *row)
{
        struct spans only = {0};

        if (row->why != 'j' || spans_parse(row->only, &only) < 0 || !only.n)
                return;
        model_transfer_narrow(e->m, t, &only, row->total);
}

static void take_up(struct engine *e, const struct load_transfer *row)
{
        struct m_dataset *d = model_dataset(e->m, row->dataset);
        struct m_transfer *t;

        if (!d || !model_site(e->m, row->to) || model_transfer_to(e->m, d, row->to)) {
                COMMIT_ADD(e, transfers,
                           (struct commit_transfer){.id = row->id,
                                                    .dataset = row->dataset,
                                                    .from = row->from,
                                                    .to = row->to,
                                                    .why = "job",
                                                    .state = TRANSFER_CANCELLED,
                                                    .asked_at = row->asked_at,
                                                    .not_before = TIME_NONE,
                                                    .started_at = TIME_NONE,
                                                    .ended_at = e->m->wall_ms});
                return;
        }
        t = model_transfer_open(e->m, row->id, d, 0, row->to,
                                row->why == 'j'   ? WHY_JOB
                                : row->why == 'c' ? WHY_COPY
                                                  : WHY_PERSON);
        t->priority = row->priority;
        t->tries = row->tries;
        t->asked_at = row->asked_at;
        t->not_before = row->not_before != TIME_NONE ? row->not_before : 0;
        take_only(e, t, row);
        heap_moved(&e->m->queued, t);
}

int transfers_load(struct engine *e, struct err *err)
{
        struct load_transfer *rows;
        int64_t *ids, next;
        size_t n;
        int rc;

        e->m->active_max = ACTIVE_MAX;
        if (load_links(e, err) < 0 || store_next_transfer(e->db, &next, err) < 0 ||
            store_load_transfers(e->db, &rows, &n, err) < 0)
                return -1;
        ids = xcalloc(n ? n : 1, sizeof *ids);
        for (size_t i = 0; i < n; i++)
                ids[i] = rows[i].dataset;
        rc = jobs_load_datasets(e, ids, n, err);
        for (size_t i = 0; i < n && rc == 0; i++)
                take_up(e, &rows[i]);
        free(ids);
        store_free_transfers(rows, n);
        if (e->m->next_transfer < next)
                e->m->next_transfer = next;
        return rc;
}
