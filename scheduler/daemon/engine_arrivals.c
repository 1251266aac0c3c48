/* SPDX-License-Identifier: Apache-2.0 */
/* Data that comes in, from the server's spool (or from HTTP servers) to a site.
 *
 *     a row waits -> a site with room and a worker there -> batch after batch: files of the record, the order
 * to the remote part, the files that lie there now on record -> with the last one the dataset is sealed
 *
 * Nothing of it is in the model but the room that it takes: nobody can read the dataset before it is sealed.
 * What is under way at a restart is begun again from the record: files that lie there are found whole.
 *
 * A file whose checksum is not what was said is to be sent again. Anything else that fails is tried again,
 * after a pause, elsewhere if no site was asked for and none has a part of it yet.
 */
#include "daemon/engine_arrivals.h"

#include "common/catalog.h"
#include "common/log.h"
#include "common/transfers.h"
#include "common/url.h"
#include "common/util.h"
#include "core/transfer.h"
#include "daemon/engine_storage.h"
#include "daemon/engine_transfers.h"
#include "remote/transfer.h"
#include "store/engine_arrivals.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS      500
#define TIDY_MS      60000
#define SHOW_MS      2000  /* between two writes of progress */
#define ACTIVE_MAX   4     /* under way at once: each has a connector and a process that reads */
#define BATCH_FILES  20000 /* of one order */
#define TRIES_MAX    20    /* then somebody has to look */
#define PAUSE_MS     5000  /* after the first failed try, doubled each time up to */
#define PAUSE_MAX_MS (25 * 60 * 1000)

struct arrival { /* on its way */
        struct engine *e;
        struct load_arrival row; /* strings owned */
        struct transfer *remote;
        struct engine_worker *worker;
        int32_t site;
        struct load_arrival_file *files; /* the batch */
        size_t count;
        struct arrival_landed *landed; /* as far as the worker told; path NULL: not yet */
        uint8_t (*sums)[32];
        int64_t batch_bytes, pledged;
        int64_t shown_at; /* boot ms */
        const char *way;  /* not on record yet; NULL: it is */
        bool seen;        /* in the record at the last look */
        struct arrival *next;
};

/* ---- one arrival ---- */

static void batch_free(struct arrival *a)
{
        transfer_free(a->remote);
        a->remote = NULL;
        store_free_arrival_files(a->files, a->count);
        a->files = NULL;
        a->count = 0;
        free(MOVE(a->landed));
        free(MOVE(a->sums));
}

static void pledge(struct arrival *a, int64_t bytes)
{
        struct m_site *s = model_site(a->e->m, a->site);

        if (s)
                s->storage.pledged += bytes - a->pledged;
        a->pledged = bytes;
}

static void drop(struct arrival *a)
{
        struct arrival **at = &a->e->arrivals;

        while (*at != a)
                at = &(*at)->next;
        *at = a->next;
        pledge(a, 0);
        batch_free(a);
        free(a->row.name);
        free(a->row.made_by);
        free(a->row.root);
        free(a);
}

static const char *state_after(const struct arrival *a, enum move_end kind, bool resend)
{
        if (resend)
                return "filling";
        return a->row.tries + 1 >= TRIES_MAX || (a->row.kind == 'f' && kind == MOVE_SOURCE_CHANGED)
                   ? "failed"
                   : "waiting";
}

/* What is there of the file at the server is of no use. */
static void unlink_spooled(const struct arrival *a, const char *catalog_form)
{
        AUTO_FREE char *path = catalog_decode(catalog_form);
        AUTO_FREE char *full =
            path ? xasprintf("%s/d%lld/%s", a->e->set.upload_dir, (long long)a->row.dataset, path) : NULL;

        if (full)
                unlink(full);
}

static void fail(struct arrival *a, enum move_end kind, uint32_t file, const char *text)
{
        struct engine *e = a->e;
        bool resend = a->row.kind == 'u' && kind == MOVE_SOURCE_CHANGED && file < a->count;
        const char *state = state_after(a, kind, resend);
        int64_t pause = PAUSE_MS;
        struct err err;

        for (int32_t i = 0; i < a->row.tries && pause < PAUSE_MAX_MS; i++)
                pause *= 2;
        if (resend)
                unlink_spooled(a, a->files[file].path);
        log_info("arrival=%s %s: %s", a->row.name, state, text);
        if (strcmp(state, "waiting") != 0)
                record_event(e, "data.failed", a->row.made_by, 0, -1, a->site,
                             "%s could not be brought to its site: %s", a->row.name, text);
        if (store_arrival_failed(e->db, e->epoch, &a->row, state,
                                 strcmp(state, "waiting") == 0
                                     ? e->m->wall_ms + (pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS)
                                     : INT64_MIN,
                                 resend ? a->files[file].path : NULL, text, &err) < 0)
                log_warn("arrival=%s: its end is not on record: %s", a->row.name, err.text);
        drop(a);
        engine_wake(e);
}

static bool start_batch(struct arrival *a, struct err *err);

/* Somebody may wait for it. */
static void tell_model(struct engine *e, int64_t dataset)
{
        struct m_dataset *d = model_dataset(e->m, dataset);
        struct err err;

        if (d && jobs_load_datasets(e, &dataset, 1, &err) < 0)
                log_warn("dataset=%s could not be read again: %s", d->name, err.text);
        else if (d)
                model_dataset_changed(e->m, d);
        engine_wake(e);
}

/* All files of the batch lie there: on record, and on with the next. */
static void batch_done(struct arrival *a, const char *root)
{
        struct engine *e = a->e;
        int64_t dataset = a->row.dataset;
        struct m_site *s = model_site(e->m, a->site);
        struct err err = {0};
        int rc;

        for (size_t i = 0; i < a->count; i++) {
                if (!a->landed[i].path) {
                        fail(a, MOVE_INTERRUPTED, UINT32_MAX, "not all files were told of");
                        return;
                }
        }
        rc = store_arrival_landed(e->db, e->epoch, &a->row, a->site, root, a->landed, a->count, &err);
        if (rc < 0 && err.code != ERR_CONFLICT) {
                fail(a, MOVE_INTERRUPTED, UINT32_MAX, err.text);
                return;
        }
        if (s && rc >= 0)
                s->storage.used += a->batch_bytes;
        pledge(a, a->pledged > a->batch_bytes ? a->pledged - a->batch_bytes : 0);
        a->row.moved += a->batch_bytes;
        if (rc == 0) {
                free(a->row.root);
                a->row.root = xstrdup(root);
                batch_free(a);
                if (!start_batch(a, &err))
                        fail(a, MOVE_INTERRUPTED, UINT32_MAX, err.text);
                return;
        }
        log_info("arrival=%s %s", a->row.name, rc > 0 ? "sealed" : "was removed");
        drop(a);
        tell_model(e, dataset);
        storage_look(e);
}

/* ---- what the remote part says ---- */

static void on_files(void *arg, struct transfer *t, const struct transfer_file_done *files, size_t n)
{
        struct arrival *a = arg;

        (void)t;
        for (size_t i = 0; i < n; i++) {
                uint32_t k = files[i].index;

                if (k >= a->count)
                        continue;
                memcpy(a->sums[k], files[i].sha256, 32);
                a->landed[k] = (struct arrival_landed){
                    .path = a->files[k].path, .size = (int64_t)files[i].size, .sha256 = a->sums[k]};
                if (a->files[k].size == INT64_MIN)
                        a->batch_bytes += (int64_t)files[i].size;
        }
}

static void on_way(void *arg, struct transfer *t, enum transfer_way way, const char *why)
{
        struct arrival *a = arg;

        (void)t, (void)why;
        a->way = transfer_way_name(way);
}

static void on_progress(void *arg, struct transfer *t, const struct transfer_progress *p)
{
        struct arrival *a = arg;
        int64_t now = clock_boot_ms();
        struct err err;

        (void)t;
        if (now - a->shown_at < SHOW_MS)
                return;
        a->shown_at = now;
        if (store_arrival_progress(a->e->db, a->e->epoch, &a->row, a->row.moved + (int64_t)p->bytes_done,
                                   (double)p->bytes_per_s, a->way, &err) < 0)
                log_warn("arrival=%s: %s", a->row.name, err.text);
        a->way = NULL;
        (void)db_notify_about(a->e->db, "reeve_web", 0, NULL);
}

static void on_end(void *arg, struct transfer *t, const struct transfer_end *end)
{
        struct arrival *a = arg;
        char why[600];

        (void)t;
        engine_clock(a->e);
        if (end->kind == MOVE_DONE && end->root) {
                AUTO_FREE char *root = xstrdup(end->root);

                batch_done(a, root);
                return;
        }
        if (end->kind == MOVE_NO_SPACE)
                storage_is_full(a->e, model_site(a->e->m, a->site));
        snprintf(why, sizeof why, "%s%s%s", move_end_sentence(end->kind), end->text && *end->text ? ": " : "",
                 end->text ? end->text : "");
        fail(a, end->kind, end->file, why);
}

static const struct transfer_events events = {
    .on_way = on_way, .on_progress = on_progress, .on_files = on_files, .on_end = on_end};

/* ---- orders ---- */

/* The rule that lets the URL be fetched; NULL: there is none. */
static const struct load_prefix *rule_of(const struct load_prefix *all, size_t n, const char *url)
{
        for (size_t i = 0; i < n; i++) {
                if (!all[i].is_redirect && url_has_prefix(url, all[i].prefix))
                        return &all[i];
        }
        return NULL;
}

/* Of a fetch: the files of one order are all of public hosts, or all of those that may be private, so that no
 * public name leads inside. */
static int choose_rules(struct arrival *a, const struct load_prefix *all, size_t n, const char **ret,
                        size_t *ret_n, bool *ret_private, struct err *err)
{
        size_t keep = 0;

        for (; keep < a->count; keep++) {
                const struct load_prefix *p = rule_of(all, n, a->files[keep].url);

                if (!p)
                        return err_set(err, ERR_DENIED, "an admin does not allow \"%.200s\" any more",
                                       a->files[keep].url);
                if (keep == 0)
                        *ret_private = p->private_too;
                else if (p->private_too != *ret_private)
                        break;
        }
        for (size_t i = keep; i < a->count; i++) {
                free(a->files[i].path);
                free(a->files[i].url);
        }
        a->count = keep;
        *ret_n = 0;
        for (size_t i = 0; i < n && *ret_n < FETCH_PREFIXES_MAX; i++) {
                if (all[i].private_too == *ret_private)
                        ret[(*ret_n)++] = all[i].prefix;
        }
        return 0;
}

static int order(struct arrival *a, const struct transfer_file *files, struct err *err)
{
        AUTO_FREE char *to = xasprintf(COPY_DIRECTORY, (long long)a->row.dataset);
        AUTO_FREE char *from = xasprintf("%s/d%lld", a->e->set.upload_dir, (long long)a->row.dataset);
        struct transfer_order o = {.id = (uint64_t)a->row.transfer,
                                   .destination = a->worker->link,
                                   .to = to,
                                   .files = files,
                                   .file_count = a->count,
                                   .keep_free = (uint64_t)a->e->set.disk_reserve};
        const char *prefixes[FETCH_PREFIXES_MAX];
        struct load_prefix *all = NULL;
        size_t n = 0;
        int rc = 0;

        if (a->row.kind == 'u') {
                o.from = from;
                o.spool = a->e->set.upload_dir;
        } else {
                rc = store_load_prefixes(a->e->db, a->site, &all, &n, err);
                if (rc == 0)
                        rc = choose_rules(a, all, n, prefixes, &o.prefix_count, &o.private_hosts, err);
                o.prefixes = prefixes;
                o.file_count = a->count;
        }
        if (rc == 0)
                rc = transfer_start(&o, &events, a, &a->remote, err);
        store_free_prefixes(all, n);
        return rc;
}

/* The next files of the record, ordered. */
static bool start_batch(struct arrival *a, struct err *err)
{
        struct transfer_file *files;
        size_t n;
        int rc = 0;

        if (store_load_arrival_files(a->e->db, a->row.dataset, BATCH_FILES, &a->files, &a->count, err) < 0)
                return false;
        a->landed = xcalloc(a->count + 1, sizeof *a->landed);
        a->sums = xcalloc(a->count + 1, sizeof *a->sums);
        files = xcalloc(a->count + 1, sizeof *files);
        a->batch_bytes = 0;
        n = a->count;
        for (size_t i = 0; i < n && rc == 0; i++) {
                const struct load_arrival_file *f = &a->files[i];

                files[i] =
                    (struct transfer_file){.path = catalog_decode(f->path),
                                           .size = f->size < 0 ? TRANSFER_SIZE_UNKNOWN : (uint64_t)f->size,
                                           .sha256 = f->has_sha256 ? f->sha256 : NULL,
                                           .url = f->url};
                if (!files[i].path)
                        rc = err_set(err, ERR_SYSTEM, "the record holds a path that is none");
        }
        if (rc == 0 && !n)
                rc = err_set(err, ERR_SYSTEM, "the record holds no file of it");
        if (rc == 0)
                rc = order(a, files, err);
        for (size_t i = 0; i < a->count; i++)
                a->batch_bytes += a->files[i].size > 0 ? a->files[i].size : 0;
        for (size_t i = 0; i < n; i++)
                free((char *)(uintptr_t)files[i].path);
        free(files);
        return rc == 0;
}

/* ---- beginning ---- */

/* A worker of the site; where batches lie already, the one that has them. */
static struct engine_worker *worker_for(struct engine *e, const struct load_arrival *row, int32_t site)
{
        if (!row->root)
                return transfers_pick_worker(e, site, row->project, row->tries);
        for (size_t i = 0; i < e->worker_cap; i++) {
                struct engine_worker *ew = e->workers[i];
                AUTO_FREE char *root =
                    ew ? xasprintf("%s/data/" COPY_DIRECTORY, ew->root, (long long)row->dataset) : NULL;

                if (root && strcmp(root, row->root) == 0 && transfers_can_talk(ew, site))
                        return ew;
        }
        return NULL;
}

static bool may_take(struct engine *e, const struct load_arrival *row, struct m_site *s)
{
        storage_quota(e, s);
        return (!row->site || row->site == s->id) && site_is_source(s) &&
               site_space(s) >= row->bytes - row->moved && !storage_is_removing(e, s->id, row->dataset) &&
               worker_for(e, row, s->id);
}

/* Where it goes: as asked, else where most room is, but where the last try failed only if there is no other;
 * 0 nowhere now. */
static int32_t choose_site(struct engine *e, const struct load_arrival *row, struct err *err)
{
        AUTO_FREE int32_t *ids = NULL;
        int32_t best = 0;
        int64_t most = -1;
        size_t n;

        if (store_arrival_sites(e->db, row->dataset, &ids, &n, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                struct m_site *s = model_site(e->m, ids[i]);
                int64_t room;

                if (!s || s->gone || !may_take(e, row, s))
                        continue;
                room = row->tries && s->id == row->last_site ? 0 : site_space(s);
                if (room > most) {
                        most = room;
                        best = s->id;
                }
        }
        return best;
}

/* Take the row over; its strings are the arrival's then. */
static int begin(struct engine *e, struct load_arrival *row, struct err *err)
{
        int32_t site = choose_site(e, row, err);
        struct err why = {0};
        struct arrival *a;

        if (site <= 0)
                return site;
        a = xcalloc(1, sizeof *a);
        a->e = e;
        a->row = *row;
        a->site = site;
        a->worker = worker_for(e, row, site);
        a->seen = true;
        a->next = e->arrivals;
        e->arrivals = a;
        row->name = row->made_by = row->root = NULL;
        if (!a->row.transfer)
                a->row.transfer = e->m->next_transfer++;
        if (store_arrival_begin(e->db, e->epoch, &a->row, site, err) < 0) {
                drop(a);
                return -1;
        }
        pledge(a, a->row.bytes - a->row.moved);
        /* The policy may have changed since the site was chosen. */
        if (store_transfer_allowed(e->db, a->row.dataset, site, &why) == 0)
                err_set(&why, ERR_UNAVAILABLE, "its policy does not allow it there any more");
        if (why.code || !start_batch(a, &why))
                fail(a, why.code == ERR_DENIED ? MOVE_SOURCE_CHANGED : MOVE_INTERRUPTED, UINT32_MAX,
                     why.text);
        return 0;
}

static struct arrival *find(const struct engine *e, int64_t dataset)
{
        struct arrival *a = e->arrivals;

        while (a && a->row.dataset != dataset)
                a = a->next;
        return a;
}

/* ---- now and then ---- */

/* Removed meanwhile: what lies at the site already goes. */
static void stop_unseen(struct engine *e)
{
        struct arrival *a = e->arrivals, *next;

        for (; a; a = next) {
                next = a->next;
                if (!a->seen)
                        drop(a);
        }
}

static int look(struct engine *e, struct err *err)
{
        struct load_arrival *rows;
        size_t n, active = 0;
        int rc = 0;

        if (store_load_arrivals(e->db, &rows, &n, err) < 0)
                return -1;
        for (struct arrival *a = e->arrivals; a; a = a->next, active++)
                a->seen = n == ARRIVALS_LOADED_MAX;
        for (size_t i = 0; i < n && rc == 0; i++) {
                struct arrival *a = find(e, rows[i].dataset);

                if (a)
                        a->seen = true;
                else if (active < ACTIVE_MAX &&
                         (rows[i].not_before == INT64_MIN || rows[i].not_before <= e->m->wall_ms) &&
                         (rows[i].kind == 'f' || e->set.upload_dir)) {
                        rc = begin(e, &rows[i], err);
                        active++;
                }
        }
        store_free_arrivals(rows, n);
        stop_unseen(e);
        return rc;
}

int arrivals_tick(struct engine *e, int64_t now, struct err *err)
{
        if (now >= e->arrivals_tidy_at) {
                e->arrivals_tidy_at = now + TIDY_MS;
                if (store_arrivals_tidy(e->db, e->epoch, err) < 0)
                        return -1;
        }
        if (now < e->arrivals_at)
                return 0;
        e->arrivals_at = now + LOOK_MS;
        engine_clock(e);
        return look(e, err);
}

void arrivals_worker_gone(struct engine *e, const struct engine_worker *ew)
{
        struct arrival *a = e->arrivals, *next;

        for (; a; a = next) {
                next = a->next;
                if (a->worker == ew)
                        fail(a, MOVE_DESTINATION_AWAY, UINT32_MAX, "the connection to the worker was closed");
        }
}

void arrivals_unload(struct engine *e)
{
        while (e->arrivals)
                drop(e->arrivals);
}
