/* SPDX-License-Identifier: Apache-2.0 */
/* Questions asked by the web through the table calls: to sites, read bytes, scan a directory, probe host
 * keys, test a site; about jobs, explain; about data, where it is, copy it, evict it, stop a transfer.
 *
 * A call is taken up once (queued -> running) and answered once. One that was running when a leadership ended
 * is answered as failed by the next one: asking again is cheap, and nothing of it is kept.
 */
#include "daemon/engine_priv.h"

#include "common/catalog.h"
#include "common/log.h"
#include "common/num.h"
#include "common/util.h"
#include "remote/host_probe.h"
#include "remote/site_test.h"
#include "remote/ssh_key.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define CALLS_MAX      512          /* running at once; the others stay queued */
#define SCAN_FILES_MAX 1000000      /* files of one dataset */
#define SCAN_STEP_MS   500          /* between two writes of a scan's progress */
#define SCAN_NAMES_MAX (256u << 20) /* bytes of the names of all files being scanned */
#define SCAN_SILENT_MS 600000       /* a scan that says nothing for so long is given up */
#define READ_SILENT_MS 40000        /* a read likewise; nobody waits longer for it */
#define PATIENCE_MS    8000         /* for a worker that is about to be there */
#define PROBE_TIMEOUT  15000
#define JSON_MAX       (1u << 20)
#define EXPLAIN_US                                                                                           \
        25000 /* spent on explanations between two ticks; who asks beyond it waits for the next              \
               */

struct engine_call {
        struct engine_call *next;
        struct engine *e;
        int64_t id;
        char *kind, *actor;
        int32_t site;
        json_t *args;
        struct engine_worker *worker; /* of read and scan */
        void (*start)(struct engine_call *c);
        int64_t patience_until; /* boot ms */
        bool waits;             /* for a worker, or its turn: started again by the tick */
        bool shown;             /* as running, in the record */
        uint32_t request;
        int64_t heard_at; /* boot ms: begun, or last word of the worker */
        bool over;        /* answered: freed at the next tick, when nothing of it is on the stack */
        /* scan */
        struct scan_file *files; /* paths and sums owned */
        size_t file_n, file_cap, name_bytes;
        int64_t step_at;
        /* probe: one host after the other */
        struct load_worker *rows; /* of the site */
        size_t row_n, row_next;
        struct host_probe *probe;
        struct proto_config config; /* of the probe; borrowed by it until its end */
        int probed;                 /* keys in the result */
        struct buf result;
        /* test: one worker after the other; steps is the JSON so far, step_now of the worker under test */
        struct site_test *test;
        struct buf steps;
        size_t steps_kept;
        bool tested, test_failed; /* any worker at all; one of them badly */
        char backend_why[600];
        enum connect_backend backend;
};

static void probe_config_clear(struct engine_call *c)
{
        ssh_key_wipe(c->config.private_key);
        world_hops_release(c->config.hops, c->config.hop_count);
        c->config = (struct proto_config){0};
}

static void files_clear(struct engine_call *c)
{
        for (size_t i = 0; i < c->file_n; i++) {
                free((char *)(uintptr_t)c->files[i].path);
                free((uint8_t *)(uintptr_t)c->files[i].sha256);
        }
        c->file_n = 0;
}

static void call_free(struct engine_call *c)
{
        host_probe_free(c->probe);
        probe_config_clear(c);
        site_test_free(c->test);
        buf_release(&c->steps);
        files_clear(c);
        free(c->files);
        store_free_workers(c->rows, c->row_n);
        buf_release(&c->result);
        json_decref(c->args);
        free(c->kind);
        free(c->actor);
        free(c);
}

void calls_unload(struct engine *e)
{
        struct engine_call *c;

        while ((c = e->calls)) {
                e->calls = c->next;
                call_free(c);
        }
}

/* The record refused: the leadership goes, and the call with it, but not under our feet. */
static void check(struct engine_call *c, int rc, const struct err *err)
{
        if (rc < 0)
                log_warn("call=%lld could not be written: %s", (long long)c->id, err->text);
}

static void call_end(struct engine_call *c, const char *result, const char *message)
{
        struct err err;

        if (c->over)
                return;
        c->over = true;
        check(c,
              store_call_state(c->e->db, c->e->epoch, c->id, message ? "failed" : "done", NULL, result,
                               message, &err),
              &err);
}

static void call_fail(struct engine_call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void call_fail(struct engine_call *c, const char *fmt, ...)
{
        char text[800];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        call_end(c, NULL, text);
}

static const char *arg_text(const struct engine_call *c, const char *name)
{
        return json_string_value(json_object_get(c->args, name));
}

static int64_t arg_int(const struct engine_call *c, const char *name, int64_t absent)
{
        const json_t *v = json_object_get(c->args, name);

        return json_is_integer(v) ? json_integer_value(v) : absent;
}

/* The worker asked for, or any connected one of the site that may serve the project. */
static struct engine_worker *pick_worker(const struct engine_call *c, int32_t id, int32_t project)
{
        struct m_site *s = model_site(c->e->m, c->site);
        struct engine_worker *ew = world_worker(c->e, id);

        if (id)
                return ew && ew->site == c->site && ew->w->ready ? ew : NULL;
        for (size_t i = 0; s && i < s->worker_count; i++) {
                struct m_worker *w = s->workers[i];

                if (w->ready && (!w->project || !project || w->project == project))
                        return world_worker(c->e, w->id);
        }
        return NULL;
}

/* A site that was just opened, or whose link broke a moment ago, is waited for. */
static void fail_unreachable(struct engine_call *c)
{
        const struct m_site *s = model_site(c->e->m, c->site);

        if (s && s->intent == SITE_OPEN && !s->alarm && clock_boot_ms() < c->patience_until) {
                c->waits = true;
                return;
        }
        call_fail(c, "site %s does not answer now: %s; see: reeve site show %s", s ? s->name : "(removed)",
                  s ? site_health_name(s->health) : "removed", s ? s->name : "NAME");
}

/* ---- read
 * ------------------------------------------------------------------------------------------------------ */

static void read_start(struct engine_call *c)
{
        struct attempt_key key = {arg_int(c, "job", 0), (int32_t)arg_int(c, "task", 0),
                                  (int32_t)arg_int(c, "attempt", 0)};
        const char *what = arg_text(c, "what");
        enum read_what kind = !what || strcmp(what, "path") == 0 ? READ_PATH
                              : strcmp(what, "stderr") == 0      ? READ_STDERR
                                                                 : READ_STDOUT;
        int64_t limit = arg_int(c, "limit", CHUNK_MAX);
        const char *text = kind == READ_PATH ? arg_text(c, "path") : NULL;
        AUTO_FREE char *path = text ? catalog_decode(text) : NULL;
        struct err err;

        c->worker = pick_worker(c, (int32_t)arg_int(c, "worker", 0), 0);
        if (!c->worker) {
                fail_unreachable(c);
                return;
        }
        if (kind == READ_PATH && !path) {
                call_fail(c, "the path is not in catalog form");
                return;
        }
        if (limit < 1 || limit > (int64_t)CHUNK_MAX)
                limit = CHUNK_MAX;
        if (worker_link_read(c->worker->link, kind, key, path, (uint64_t)arg_int(c, "offset", 0),
                             (uint32_t)limit, &c->request, &err) < 0)
                call_fail(c, "%s", err.text);
}

static struct engine_call *call_of(struct engine *e, const struct engine_worker *ew, uint32_t request)
{
        for (struct engine_call *c = e->calls; c; c = c->next) {
                if (c->worker == ew && c->request == request && !c->over)
                        return c;
        }
        return NULL;
}

void calls_on_data(struct engine *e, struct engine_worker *ew, uint32_t request, const struct link_data *d)
{
        struct engine_call *c = call_of(e, ew, request);
        char result[300];
        struct err err;

        if (!c)
                return;
        if (d->status != READ_OK) {
                char *text =
                    xasprintf("%s: %.*s", d->status == READ_NOT_FOUND ? "not there" : "could not be read",
                              (int)(d->len < 300 ? d->len : 300), (const char *)d->data);

                call_end(c, d->status == READ_NOT_FOUND ? "{\"not_found\":true}" : NULL, text);
                free(text);
                return;
        }
        snprintf(result, sizeof result,
                 "{\"offset\":%llu,\"size\":%llu,\"gap_start\":%llu,\"gap_end\":%llu,\"final\":%s}",
                 (unsigned long long)d->offset, (unsigned long long)d->size, (unsigned long long)d->gap_start,
                 (unsigned long long)d->gap_end, d->final ? "true" : "false");
        c->over = true;
        check(c, store_call_data(e->db, e->epoch, c->id, result, d->data, d->len, &err), &err);
}

/* ---- scan
 * ------------------------------------------------------------------------------------------------------- */

static void scan_start(struct engine_call *c)
{
        const char *path = arg_text(c, "path");
        struct err err;

        c->worker = pick_worker(c, 0, (int32_t)arg_int(c, "project_id", 0));
        if (!c->worker) {
                fail_unreachable(c);
                return;
        }
        if (!path || *path != '/') {
                call_fail(c, "the path must be absolute: /where/the/data/lies");
                return;
        }
        if (worker_link_scan(c->worker->link, path, &c->request, &err) < 0)
                call_fail(c, "%s", err.text);
}

static void scan_add(struct engine_call *c, const struct proto_file *f)
{
        uint8_t *sum = xmalloc(32);
        char *path = catalog_encode(f->path);

        memcpy(sum, f->sha256, 32);
        c->name_bytes += strlen(path);
        c->files = xgrow(c->files, c->file_n, &c->file_cap, sizeof *c->files);
        c->files[c->file_n++] =
            (struct scan_file){.path = path, .size = (int64_t)(f->size & INT64_MAX), .sha256 = sum};
}

static size_t names_held(const struct engine *e)
{
        size_t sum = 0;

        for (const struct engine_call *c = e->calls; c; c = c->next)
                sum += c->name_bytes;
        return sum;
}

void calls_on_scanned(struct engine *e, struct engine_worker *ew, uint32_t request, uint64_t files_done,
                      uint64_t bytes_done, const struct proto_file *files, size_t n)
{
        struct engine_call *c = call_of(e, ew, request);
        int64_t now = clock_boot_ms();
        char steps[128];
        struct err err;

        if (!c)
                return;
        c->heard_at = now;
        for (size_t i = 0; i < n && c->file_n < SCAN_FILES_MAX; i++)
                scan_add(c, &files[i]);
        if (names_held(e) > SCAN_NAMES_MAX) {
                call_fail(c, "too many files are being scanned at once; register parts of it, or try later");
                return;
        }
        if (now - c->step_at < SCAN_STEP_MS)
                return;
        c->step_at = now;
        snprintf(steps, sizeof steps, "[{\"files\":%llu,\"bytes\":%llu}]", (unsigned long long)files_done,
                 (unsigned long long)bytes_done);
        check(c, store_call_state(e->db, e->epoch, c->id, NULL, steps, NULL, NULL, &err), &err);
}

void calls_on_scan_end(struct engine *e, struct engine_worker *ew, uint32_t request, enum read_status status,
                       bool is_file, const char *text)
{
        struct engine_call *c = call_of(e, ew, request);
        const char *name, *path;
        struct err err;
        struct buf b;
        uint64_t bytes = 0;

        if (!c)
                return;
        name = arg_text(c, "name");
        path = arg_text(c, "path");
        if (status != READ_OK) {
                call_fail(c, "%s: %s", path, text);
                return;
        }
        if (!c->file_n || c->file_n >= SCAN_FILES_MAX) {
                call_fail(c,
                          c->file_n ? "%s holds more than a million files; register its parts"
                                    : "%s holds no regular file",
                          path);
                return;
        }
        for (size_t i = 0; i < c->file_n; i++)
                bytes += (uint64_t)c->files[i].size;
        if (store_dataset_register(e->db, e->epoch, name, (int32_t)arg_int(c, "project_id", 0), c->actor,
                                   c->site, path, is_file, c->files, c->file_n, &err) < 0) {
                if (err.code == ERR_DENIED)
                        refusal_of_place(e, name, c->site, c->actor);
                call_fail(c, "%s", err.text);
                return;
        }
        jobs_dataset_moved(e, name);
        buf_init(&b, 1024);
        buf_text(&b, "{\"dataset\":");
        buf_json_str(&b, name, strlen(name));
        buf_printf(&b, ",\"files\":%zu,\"bytes\":%llu}", c->file_n, (unsigned long long)bytes);
        call_end(c, buf_cstr(&b), NULL);
        buf_release(&b);
}

/* ---- probe: ask each host of the site for its keys
 * ------------------------------------------------------------------ */

static void probe_next(struct engine_call *c);

static void put_probed_key(struct engine_call *c, const struct load_worker *row, uint32_t hop,
                           const struct host_probe_key *k)
{
        struct err err;

        if (k->wire_len && store_hostkey_seen(c->e->db, c->e->epoch, row->host, (int)hop, k->type, k->wire,
                                              k->wire_len, k->fingerprint, &err) < 0)
                log_warn("call=%lld host key could not be written: %s", (long long)c->id, err.text);
        buf_text(&c->result, c->probed++ ? ",{\"host\":" : "{\"host\":");
        buf_json_str(&c->result, row->address, strlen(row->address));
        buf_printf(&c->result, ",\"hop\":%u,\"type\":", hop);
        buf_json_str(&c->result, k->type, strlen(k->type));
        buf_text(&c->result, ",\"fingerprint\":");
        buf_json_str(&c->result, k->fingerprint, strlen(k->fingerprint));
        buf_text(&c->result, "}");
}

static void on_probe_done(void *arg, const struct host_probe_result *r)
{
        struct engine_call *c = arg;
        const struct load_worker *row = &c->rows[c->row_next];
        struct err err;

        for (uint32_t hop = 0; hop < r->hop_count; hop++) {
                if (r->keys[hop].seen)
                        put_probed_key(c, row, hop, &r->keys[hop]);
        }
        if (r->reached && r->backend == BACKEND_OPENSSH && !row->openssh &&
            store_account_backend(c->e->db, c->e->epoch, row->account, true, &err) < 0)
                log_warn("call=%lld the back end could not be written: %s", (long long)c->id, err.text);
        /* A jump host that wants our key first still showed its own: a person can confirm that one and ask
         * again. */
        if (!r->reached && !(r->hop_count > 1 && r->keys[0].seen)) {
                call_fail(c, "%s: %s%s%s", row->address, r->text, r->fix[0] ? "; " : "", r->fix);
                return; /* the probe goes with the call */
        }
        host_probe_free(c->probe); /* and r with it */
        c->probe = NULL;
        c->row_next++;
        probe_next(c);
}

static bool host_was_probed(const struct engine_call *c, size_t row)
{
        for (size_t i = 0; i < row; i++) {
                if (c->rows[i].host == c->rows[row].host)
                        return true;
        }
        return false;
}

/* The host itself is asked as if it were new: a changed key is what a person may want to see. */
static void forget_last_pin(struct proto_config *config)
{
        struct proto_hop *last = &config->hops[config->hop_count - 1];

        for (uint32_t i = 0; i < last->key_count; i++)
                free(last->keys[i].data);
        last->key_count = 0;
}

static void probe_next(struct engine_call *c)
{
        struct err err = {0};
        int rc;

        probe_config_clear(c);
        while (c->row_next < c->row_n &&
               (c->rows[c->row_next].site != c->site || host_was_probed(c, c->row_next)))
                c->row_next++;
        if (c->row_next == c->row_n) {
                buf_text(&c->result, "]}");
                call_end(c, buf_cstr(&c->result), NULL);
                return;
        }
        c->config = (struct proto_config){.probe = 1, .timeout_ms = PROBE_TIMEOUT};
        c->config.backend = c->rows[c->row_next].openssh ? BACKEND_OPENSSH : BACKEND_LIBSSH2;
        rc = world_hops(&c->rows[c->row_next], c->config.hops, &c->config.hop_count, &err);
        if (rc == 0) {
                c->config.private_key =
                    c->config.hop_count > 1 ? world_open_key(c->e, &c->rows[c->row_next], &err) : NULL;
                forget_last_pin(&c->config);
                rc = host_probe_start(c->e->loop, c->e->set.connector_path, &c->config, on_probe_done, c,
                                      &c->probe, &err);
        }
        if (rc < 0)
                call_fail(c, "%s", err.text);
}

static void probe_start(struct engine_call *c)
{
        struct err err;

        if (store_load_workers(c->e->db, &c->rows, &c->row_n, &err) < 0) {
                call_fail(c, "%s", err.text);
                return;
        }
        buf_init(&c->result, JSON_MAX);
        buf_text(&c->result, "{\"keys\":[");
        probe_next(c);
}

/* ---- test: everything a site needs, step by step, for each of its workers
 * ----------------------------------- */

static void test_next(struct engine_call *c);

/* The words of docs/api.md for the states of a step. */
static const char *step_word(enum site_test_state s)
{
        switch (s) {
        case SITE_TEST_WAITING:
                return "waiting";
        case SITE_TEST_PASSED:
                return "ok";
        case SITE_TEST_WARNED:
                return "warned";
        case SITE_TEST_FAILED:
                return "failed";
        }
        return "waiting";
}

static void put_step(struct engine_call *c, const char *name, const char *state, uint32_t ms,
                     const char *text, const char *fix)
{
        buf_text(&c->steps, buf_len(&c->steps) > 1 ? ",{\"name\":" : "{\"name\":");
        buf_json_str(&c->steps, name, strlen(name));
        buf_printf(&c->steps, ",\"state\":\"%s\",\"ms\":%u,\"text\":", state, ms);
        buf_json_str(&c->steps, text, strlen(text));
        buf_text(&c->steps, ",\"fix\":");
        if (*fix)
                buf_json_str(&c->steps, fix, strlen(fix));
        else
                buf_text(&c->steps, "null");
        buf_text(&c->steps, "}");
}

static void write_steps(struct engine_call *c)
{
        AUTO_FREE char *text = xasprintf("%s]", buf_cstr(&c->steps));
        struct err err;

        check(c, store_call_state(c->e->db, c->e->epoch, c->id, NULL, text, NULL, NULL, &err), &err);
}

/* With several workers each step says whose it is. */
static void step_name(const struct engine_call *c, enum site_test_step step, char *ret, size_t max)
{
        const struct load_worker *row = &c->rows[c->row_next];
        size_t workers = 0;

        for (size_t i = 0; i < c->row_n; i++)
                workers += c->rows[i].site == c->site;
        if (workers > 1)
                snprintf(ret, max, "%s (%s@%s)", site_test_step_name(step), row->unix_user, row->address);
        else
                snprintf(ret, max, "%s", site_test_step_name(step));
}

static void on_test_step(void *arg, const struct site_test_result *r)
{
        struct engine_call *c = arg;
        char name[300];

        /* A change of back end starts over: what was shown of this worker is shown anew. */
        if (r->step == SITE_TEST_REACH && buf_len(&c->steps) > c->steps_kept)
                c->steps.len = c->steps.head + c->steps_kept;
        step_name(c, r->step, name, sizeof name);
        put_step(c, name, step_word(r->state), r->elapsed_ms, r->text, r->fix);
        write_steps(c);
}

static void test_report(struct engine_call *c, const struct site_test_report *r)
{
        const struct load_worker *row = &c->rows[c->row_next];
        struct engine_worker *ew = world_worker(c->e, row->id);
        bool failed_before = false;
        char name[300];
        struct err err;

        for (int i = 0; i < SITE_TEST_STEP_COUNT; i++) {
                failed_before = failed_before || r->steps[i].state == SITE_TEST_FAILED;
                if (!failed_before || r->steps[i].state != SITE_TEST_WAITING)
                        continue;
                step_name(c, (enum site_test_step)i, name, sizeof name);
                put_step(c, name, "skipped", 0, site_test_step_sentence((enum site_test_step)i), "");
        }
        write_steps(c);
        c->test_failed = c->test_failed || !r->passed;
        if (!r->passed)
                return;
        c->backend = r->backend;
        if (r->backend_why[0])
                snprintf(c->backend_why, sizeof c->backend_why, "%s", r->backend_why);
        if ((r->backend == BACKEND_OPENSSH) != row->openssh &&
            store_account_backend(c->e->db, c->e->epoch, row->account, r->backend == BACKEND_OPENSSH, &err) <
                0)
                log_warn("call=%lld the back end could not be written: %s", (long long)c->id, err.text);
        if (ew && ew->link && worker_link_state(ew->link) == LINK_ABSENT)
                worker_link_retry(ew->link);
        c->e->look_new = true;
        engine_wake(c->e);
}

static void on_test_done(void *arg, const struct site_test_report *r)
{
        struct engine_call *c = arg;

        test_report(c, r);
        site_test_free(c->test);
        c->test = NULL;
        c->row_next++;
        test_next(c);
}

static const struct site_test_events test_events = {.on_step = on_test_step, .on_done = on_test_done};

/* A step that failed before the connection could be tried. */
static void test_refuse(struct engine_call *c, const char *text, const char *fix)
{
        put_step(c, "ready to connect", "failed", 0, text, fix);
        write_steps(c);
        c->test_failed = true;
        c->row_next++;
}

static int test_start_one(struct engine_call *c, const struct load_worker *row, struct engine_worker *ew,
                          struct err *err)
{
        AUTO_FREE char *root = row->root ? xasprintf("%s-test", row->root) : NULL;
        struct worker_link_settings s;
        struct proto_hop hops[HOPS_MAX];
        bool offered = ew->offered;
        char *key = world_open_key(c->e, row, err);
        uint32_t n = 0;
        int rc = -1;

        if (key && world_hops(row, hops, &n, err) == 0) {
                world_link_settings(ew, row, &s);
                ew->offered = offered; /* these settings greet no link of the worker itself */
                s.gate = NULL;
                s.events = NULL;
                s.root = root;
                s.hops = hops;
                s.hop_count = n;
                s.private_key = key;
                rc = site_test_start(&s, &test_events, c, &c->test, err);
                world_hops_release(hops, n);
        }
        ssh_key_wipe(key);
        return rc;
}

static void test_end(struct engine_call *c)
{
        struct buf b;

        if (!c->tested) {
                call_fail(
                    c, "the site has no host with an account to log in to: add one, or wait a moment if it "
                       "was added just now");
                return;
        }
        buf_init(&b, 4096);
        buf_printf(&b, "{\"ok\":%s,\"backend\":\"%s\",\"why\":", c->test_failed ? "false" : "true",
                   c->backend == BACKEND_OPENSSH ? "openssh" : "libssh2");
        if (c->backend_why[0])
                buf_json_str(&b, c->backend_why, strlen(c->backend_why));
        else
                buf_text(&b, "null");
        buf_text(&b, "}");
        call_end(c, buf_cstr(&b), NULL);
        buf_release(&b);
}

static void test_next(struct engine_call *c)
{
        for (; c->row_next < c->row_n; c->row_next++) {
                const struct load_worker *row = &c->rows[c->row_next];
                struct engine_worker *ew = world_worker(c->e, row->id);
                struct err err;

                if (row->site != c->site || !ew)
                        continue;
                c->steps_kept = buf_len(&c->steps);
                c->tested = true;
                if (!row->key_count) {
                        test_refuse(c, "no host key of the host was confirmed yet",
                                    "reeve site pin SITE shows it and asks");
                        c->row_next--;
                        continue;
                }
                if (test_start_one(c, row, ew, &err) == 0)
                        return;
                test_refuse(c, err.text, "");
                c->row_next--;
        }
        test_end(c);
}

static void test_start(struct engine_call *c)
{
        struct err err;

        if (store_load_workers(c->e->db, &c->rows, &c->row_n, &err) < 0) {
                call_fail(c, "%s", err.text);
                return;
        }
        buf_init(&c->steps, JSON_MAX);
        buf_text(&c->steps, "[");
        test_next(c);
}

/* ---- explain ------------------------------------------------------------------------------------ */

static void explain_start(struct engine_call *c)
{
        struct engine *e = c->e;
        uint64_t start = uv_hrtime();
        AUTO_FREE char *answer = NULL;
        struct err err;

        if (e->explain_us > EXPLAIN_US) {
                if (!c->shown)
                        check(c, store_call_state(e->db, e->epoch, c->id, "running", NULL, NULL, NULL, &err),
                              &err);
                c->shown = c->waits = true;
                return;
        }
        answer = explain_answer(e, c->args, &err);
        if (answer)
                call_end(c, answer, NULL);
        else
                call_fail(c, "%s", err.text);
        e->explain_us += (int64_t)(uv_hrtime() - start) / 1000;
}

/* ---- copies ------------------------------------------------------------------------------------- */

static const struct {
        const char *kind;
        char *(*answer)(struct engine *e, int32_t site, const json_t *args, const char *actor,
                        struct err *err);
        bool changes; /* what it did counts from the next commit */
} about_copies[] = {
    {"where", copies_where, false},
    {"copy", copies_copy, true},
    {"evict", copies_evict, false}, /* in the record already */
    {"stop", copies_stop, true},
};

/* The commit that holds it was made: a refused one would have ended the leadership, and the call with it. */
static void copies_committed(struct engine_call *c)
{
        call_end(c, buf_cstr(&c->result), NULL);
}

static void copies_start(struct engine_call *c)
{
        struct err err;

        for (size_t i = 0; i < ARRAY_LEN(about_copies); i++) {
                AUTO_FREE char *answer = NULL;

                if (strcmp(about_copies[i].kind, c->kind) != 0)
                        continue;
                answer = about_copies[i].answer(c->e, c->site, c->args, c->actor, &err);
                if (!answer) {
                        call_fail(c, "%s", err.text);
                } else if (!about_copies[i].changes) {
                        call_end(c, answer, NULL);
                } else {
                        buf_init(&c->result, JSON_MAX);
                        buf_text(&c->result, answer);
                        c->start = copies_committed;
                        c->waits = true;
                }
        }
}

/* ---- taking up --------------------------------------------------------------------------------- */

static const struct {
        const char *kind;
        void (*start)(struct engine_call *c);
} kinds[] = {
    {"read", read_start},   {"scan", scan_start},       {"probe", probe_start},
    {"test", test_start},   {"explain", explain_start}, {"where", copies_start},
    {"copy", copies_start}, {"evict", copies_start},    {"stop", copies_start},
};

static void call_start(struct engine *e, const struct load_call *row)
{
        struct engine_call *c = xcalloc(1, sizeof *c);

        c->e = e;
        c->id = row->id;
        c->kind = xstrdup(row->kind);
        c->actor = xstrdup(row->actor);
        c->site = row->site;
        c->heard_at = clock_boot_ms();
        c->args = json_loads(row->args, 0, NULL);
        c->patience_until = clock_boot_ms() + PATIENCE_MS;
        c->next = e->calls;
        e->calls = c;
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                if (strcmp(kinds[i].kind, row->kind) == 0) {
                        c->start = kinds[i].start;
                        c->start(c);
                        return;
                }
        }
        call_fail(c, "this engine does not answer calls of kind \"%s\"", row->kind);
}

int calls_take_new(struct engine *e, struct err *err)
{
        struct load_call *rows;
        size_t n, running = 0;

        for (struct engine_call *c = e->calls; c; c = c->next)
                running += !c->over;
        if (running >= CALLS_MAX)
                return 0;
        if (store_load_calls(e->db, &rows, &n, err) < 0)
                return -1;
        /* Asked about a site that is younger than our last look at the world. */
        if (n && world_load(e, err) < 0) {
                store_free_calls(rows, n);
                return -1;
        }
        for (size_t i = 0; i < n && running < CALLS_MAX; i++, running++) {
                if (strcmp(rows[i].kind, "explain") != 0 && /* answered at once */
                    store_call_state(e->db, e->epoch, rows[i].id, "running", NULL, NULL, NULL, err) < 0) {
                        store_free_calls(rows, n);
                        return -1;
                }
                call_start(e, &rows[i]);
        }
        store_free_calls(rows, n);
        return 0;
}

/* No answer will come over a link that is given up. */
/* A worker need not be well-behaved: what it does not answer ends all the same. */
static bool is_silent(const struct engine_call *c, int64_t now)
{
        return c->worker &&
               now - c->heard_at > (strcmp(c->kind, "scan") == 0 ? SCAN_SILENT_MS : READ_SILENT_MS);
}

/* Its link goes without a word to those who asked something over it: they are asked again over the next one.
 */
void calls_worker_gone(struct engine *e, const struct engine_worker *ew)
{
        for (struct engine_call *c = e->calls; c; c = c->next) {
                if (c->worker != ew || c->over)
                        continue;
                files_clear(c);
                c->worker = NULL;
                c->request = 0;
                c->patience_until = clock_boot_ms() + PATIENCE_MS;
                c->waits = true;
        }
}

void calls_tick(struct engine *e, int64_t now)
{
        e->explain_us = 0;
        for (struct engine_call **at = &e->calls; *at;) {
                struct engine_call *c = *at;

                if (c->waits) {
                        c->waits = false;
                        c->start(c);
                }
                if (!c->over && is_silent(c, now))
                        call_fail(c, "the worker does not answer; try again later");
                if (!c->over) {
                        at = &c->next;
                        continue;
                }
                *at = c->next;
                call_free(c);
        }
}
