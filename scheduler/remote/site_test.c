/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/site_test.h"

#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define TEST_JOB      INT64_MAX /* no job of a user has this id */
#define LONG_TASK     1         /* is to outlive the first connection */
#define SHORT_TASK    2
#define WORD          "reeve-site-test"
#define SETTLE_MS     2000 /* after hanging up: what ends a user's processes with the session needs a moment */
#define PART_MS       60000 /* each part of the test that waits for the worker */
#define STOP_MS       5000  /* for the test's worker to end */
#define DISK_WARN     (1ull << 30)
#define DISK_FAIL     (128ull << 20)
#define CLOCK_WARN_MS 5000
#define LEASE_MS      60000
#define BEAT_MS       2000

enum part { PART_CONNECT, PART_START, PART_SETTLE, PART_RETURN, PART_SHORT, PART_READ, PART_STOP, PART_OVER };

struct site_test {
        struct worker_link_settings s; /* pointers owned below */
        struct worker_link *link;
        const struct site_test_events *events;
        void *arg;
        uv_timer_t timer;
        bool freed;
        enum part part;
        int64_t part_since;
        int32_t attempt;
        uint8_t spool[16], boot[16];
        bool same_worker, still_runs;
        struct site_test_report report;
        /* Owned copies: the link copies too, but a second link may be needed. */
        char name[128], root[256];
        char *connector_path, *worker_dir, *private_key;
        struct proto_hop hops[HOPS_MAX];
};

static void finish(struct site_test *t);
static void conclude(struct site_test *t);

/* ---- names ---- */

#define STEP_NAME_(sym, name, sentence)     [sym] = name,
#define STEP_SENTENCE_(sym, name, sentence) [sym] = sentence,
static const char *const step_names[] = {SITE_TEST_STEPS(STEP_NAME_)};
static const char *const step_sentences[] = {SITE_TEST_STEPS(STEP_SENTENCE_)};
static const char *const state_names[] = {[SITE_TEST_WAITING] = "waiting",
                                          [SITE_TEST_PASSED] = "passed",
                                          [SITE_TEST_WARNED] = "warned",
                                          [SITE_TEST_FAILED] = "failed"};

const char *site_test_step_name(enum site_test_step s)
{
        return step_names[s];
}

const char *site_test_step_sentence(enum site_test_step s)
{
        return step_sentences[s];
}

const char *site_test_state_name(enum site_test_state s)
{
        return state_names[s];
}

/* ---- results ---- */

static void result(struct site_test *t, enum site_test_step step, enum site_test_state state,
                   uint32_t elapsed_ms, const char *fix, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
static void result(struct site_test *t, enum site_test_step step, enum site_test_state state,
                   uint32_t elapsed_ms, const char *fix, const char *fmt, ...)
{
        struct site_test_result *r = &t->report.steps[step];
        va_list ap;

        r->step = step;
        r->state = state;
        r->elapsed_ms += elapsed_ms;
        va_start(ap, fmt);
        vsnprintf(r->text, sizeof r->text, fmt, ap);
        va_end(ap);
        text_make_printable(r->text);
        snprintf(r->fix, sizeof r->fix, "%s", fix ? fix : "");
        if (!t->freed && t->events->on_step)
                t->events->on_step(t->arg, r);
}

static uint32_t part_ms(const struct site_test *t)
{
        return (uint32_t)(clock_boot_ms() - t->part_since);
}

static void on_part_timeout(uv_timer_t *timer);

static void part_begin(struct site_test *t, enum part part, uint64_t limit_ms, uv_timer_cb on_limit)
{
        t->part = part;
        t->part_since = clock_boot_ms();
        uv_timer_start(&t->timer, on_limit, limit_ms, 0);
}

/* ---- the two tasks ---- */

static int send_task(struct site_test *t, int32_t task, struct err *err)
{
        struct proto_template tpl = {
            .job = TEST_JOB,
            .name = "site-test",
            .project = "reeve",
            .script = "#!/bin/sh\nif test \"$REEVE_TASK\" = 1; then exec sleep 600; fi\necho " WORD "\n",
            .resources = {.cpus = 1},
            .kill_grace_ms = 1000,
            .log_head = 4096,
            .log_tail = 4096,
        };
        struct link_launch run = {task, 1, t->attempt};

        if (worker_link_template(t->link, &tpl, err) < 0)
                return -1;
        return worker_link_launch(t->link, TEST_JOB, &run, 1, err);
}

static struct attempt_key key_of(const struct site_test *t, int32_t task)
{
        return (struct attempt_key){TEST_JOB, task, t->attempt};
}

/* ---- events of the link ---- */

static const struct {
        const char *link_step;
        enum site_test_step step;
} link_steps[] = {
    {"resolve", SITE_TEST_REACH},    {"reach", SITE_TEST_REACH},   {"algorithms", SITE_TEST_ALGORITHMS},
    {"host key", SITE_TEST_HOSTKEY}, {"login", SITE_TEST_LOGIN},   {"session", SITE_TEST_SESSION},
    {"shell", SITE_TEST_SHELL},      {"upload", SITE_TEST_UPLOAD}, {"worker", SITE_TEST_WORKER},
};

static void on_step(void *arg, struct worker_link *l, const char *step, uint32_t elapsed_ms, const char *text)
{
        struct site_test *t = arg;

        (void)l;
        if (t->part != PART_CONNECT)
                return;
        for (size_t i = 0; i < ARRAY_LEN(link_steps); i++) {
                if (strcmp(link_steps[i].link_step, step) == 0 && strcmp(step, "resolve") != 0)
                        result(t, link_steps[i].step, SITE_TEST_PASSED, elapsed_ms, NULL, "%s", text);
        }
}

static void check_disk(struct site_test *t, const struct link_welcome *w)
{
        char free_text[32], total_text[32];
        enum site_test_state state = w->disk_free < DISK_FAIL   ? SITE_TEST_FAILED
                                     : w->disk_free < DISK_WARN ? SITE_TEST_WARNED
                                                                : SITE_TEST_PASSED;

        num_format_size((int64_t)(w->disk_free & INT64_MAX), free_text);
        num_format_size((int64_t)(w->disk_total & INT64_MAX), total_text);
        result(t, SITE_TEST_DISK, state, 0,
               state == SITE_TEST_PASSED ? NULL
                                         : "free some space, or configure another directory for the worker",
               "%s free of %s", free_text, total_text);
}

static void check_clock(struct site_test *t, const struct link_welcome *w)
{
        int64_t off = w->clock_off_ms, size = off < 0 ? -off : off;
        char text[32];

        num_format_duration(size, text);
        result(t, SITE_TEST_CLOCK, size > CLOCK_WARN_MS ? SITE_TEST_WARNED : SITE_TEST_PASSED, 0,
               size > CLOCK_WARN_MS
                   ? "let the host keep time by NTP; nothing depends on it but the times that are shown"
                   : NULL,
               "%s %s", text, off < 0 ? "behind ours" : "ahead of ours");
}

static void on_welcome(void *arg, struct worker_link *l, const struct link_welcome *w)
{
        struct site_test *t = arg;
        struct site_test_report *r = &t->report;

        (void)l;
        if (t->part == PART_RETURN) {
                t->same_worker = memcmp(w->spool, t->spool, 16) == 0 && memcmp(w->boot, t->boot, 16) == 0;
                return;
        }
        memcpy(t->spool, w->spool, 16);
        memcpy(t->boot, w->boot, 16);
        snprintf(r->hostname, sizeof r->hostname, "%s", w->hostname);
        snprintf(r->os, sizeof r->os, "%s", w->os);
        snprintf(r->machine, sizeof r->machine, "%s", w->machine);
        snprintf(r->features, sizeof r->features, "%s", w->features);
        r->cpus = w->cpus;
        r->memory = w->memory;
        r->disk_free = w->disk_free;
        r->disk_total = w->disk_total;
        r->clock_off_ms = w->clock_off_ms;
        check_disk(t, w);
        if (!t->freed)
                check_clock(t, w);
}

static void on_snapshot(void *arg, struct worker_link *l, const struct link_snapshot_item *items, size_t n)
{
        struct site_test *t = arg;

        (void)l;
        t->still_runs = false;
        for (size_t i = 0; i < n; i++)
                t->still_runs |=
                    attempt_key_equal(items[i].key, key_of(t, LONG_TASK)) && items[i].state == SNAP_RUNNING;
}

static void fail_step(struct site_test *t, enum site_test_step step, const char *fix, const char *text)
{
        result(t, step, SITE_TEST_FAILED, part_ms(t), fix, "%s", text);
        if (!t->freed)
                finish(t);
}

static void judge_survival(struct site_test *t)
{
        static const char fix[] = "let the account's processes outlive its sessions: \"loginctl "
                                  "enable-linger USER\" as root at the host";
        int linger = worker_link_linger(t->link);

        if (!t->same_worker)
                fail_step(t, SITE_TEST_SURVIVAL,
                          "the site may give every login another host: register one host by name",
                          "the second connection found another worker than the first");
        else if (!t->still_runs)
                fail_step(t, SITE_TEST_SURVIVAL, fix, "the task was ended together with the connection");
        else
                result(t, SITE_TEST_SURVIVAL, linger == 0 ? SITE_TEST_WARNED : SITE_TEST_PASSED, part_ms(t),
                       linger == 0 ? fix : NULL, "the task ran on while nobody was connected%s",
                       linger == 0 ? ", but systemd is configured to end processes after the last session"
                                   : "");
}

static void on_ready(struct site_test *t)
{
        struct attempt_key key = key_of(t, LONG_TASK);
        struct err err;
        int rc;

        if (t->part == PART_CONNECT) {
                part_begin(t, PART_START, PART_MS, on_part_timeout);
                rc = send_task(t, LONG_TASK, &err);
        } else {
                judge_survival(t);
                if (t->freed || t->part >= PART_STOP)
                        return;
                part_begin(t, PART_SHORT, PART_MS, on_part_timeout);
                rc = worker_link_cancel(t->link, &key, 1, 0, OUTCOME_CANCELLED, &err);
                if (rc == 0)
                        rc = send_task(t, SHORT_TASK, &err);
        }
        if (rc < 0)
                fail_step(t, SITE_TEST_TASK, "", err.text);
}

static void on_settled(uv_timer_t *timer)
{
        struct site_test *t = timer->data;

        t->part = PART_RETURN;
        uv_timer_start(&t->timer, on_part_timeout, PART_MS, 0);
        worker_link_start(t->link);
}

static void on_started(void *arg, struct worker_link *l, const struct link_started *items, size_t n)
{
        struct site_test *t = arg;

        for (size_t i = 0; i < n; i++) {
                if (t->part != PART_START || !attempt_key_equal(items[i].key, key_of(t, LONG_TASK)))
                        continue;
                part_begin(t, PART_SETTLE, SETTLE_MS, on_settled);
                worker_link_stop(l);
                return;
        }
}

static void short_ended(struct site_test *t, const struct proto_result *r)
{
        char text[RESULT_TEXT_MAX + 200];
        uint32_t request;
        struct err err;

        if (r->outcome != OUTCOME_SUCCEEDED) {
                snprintf(text, sizeof text, "the test task %s (code %d)%s%s", outcome_sentence(r->outcome),
                         r->code, r->text[0] ? ": " : "", r->text);
                fail_step(t, SITE_TEST_TASK, "look at worker.log in the worker's directory at the site",
                          text);
                return;
        }
        t->part = PART_READ;
        if (worker_link_read(t->link, READ_STDOUT, r->key, NULL, 0, 4096, &request, &err) < 0)
                fail_step(t, SITE_TEST_TASK, "", err.text);
}

static void on_ended(void *arg, struct worker_link *l, const struct proto_result *results, size_t n)
{
        struct site_test *t = arg;
        char text[RESULT_TEXT_MAX + 200];
        struct err err;

        for (size_t i = 0; i < n && !t->freed && t->part < PART_STOP; i++) {
                const struct proto_result *r = &results[i];

                if (r->key.job != TEST_JOB)
                        continue;
                /* Results of this test and of earlier ones; the log can still be read after this. */
                worker_link_ack(l, &r->key, 1, &err);
                if (t->part == PART_START && attempt_key_equal(r->key, key_of(t, LONG_TASK))) {
                        snprintf(text, sizeof text, "a task that should run for long ended at once: %s %s",
                                 outcome_sentence(r->outcome), r->text);
                        fail_step(t, SITE_TEST_TASK,
                                  "look at worker.log in the worker's directory at the site", text);
                } else if (t->part == PART_SHORT && attempt_key_equal(r->key, key_of(t, SHORT_TASK))) {
                        short_ended(t, r);
                }
        }
}

static void on_data(void *arg, struct worker_link *l, uint32_t request, const struct link_data *d)
{
        struct site_test *t = arg;

        (void)l;
        (void)request;
        if (t->part != PART_READ)
                return;
        if (d->status != READ_OK || d->len < strlen(WORD) || memcmp(d->data, WORD, strlen(WORD)) != 0) {
                fail_step(t, SITE_TEST_TASK, "look at worker.log in the worker's directory at the site",
                          "the test task ran, but its output could not be read back");
                return;
        }
        result(t, SITE_TEST_TASK, SITE_TEST_PASSED, part_ms(t), NULL, "ran and its output was read back");
        if (!t->freed)
                finish(t);
}

/* ---- failures ---- */

static const enum site_test_step step_of[] = {
    [STEP_RESOLVE] = SITE_TEST_REACH,         [STEP_REACH] = SITE_TEST_REACH,
    [STEP_ALGORITHMS] = SITE_TEST_ALGORITHMS, [STEP_HOSTKEY] = SITE_TEST_HOSTKEY,
    [STEP_LOGIN] = SITE_TEST_LOGIN,           [STEP_SESSION] = SITE_TEST_SESSION,
    [STEP_CRASH] = SITE_TEST_REACH,
};

static enum site_test_step failed_step(const struct site_test *t, const struct link_failure *why)
{
        if (t->part == PART_RETURN)
                return SITE_TEST_SURVIVAL;
        if (t->part != PART_CONNECT)
                return SITE_TEST_TASK;
        if (why->where == LINK_DIALING || why->where == LINK_AUTHENTICATING)
                return step_of[why->step];
        for (enum site_test_step s = SITE_TEST_SESSION; s < SITE_TEST_WORKER; s++) {
                if (t->report.steps[s].state != SITE_TEST_PASSED)
                        return s;
        }
        return SITE_TEST_WORKER;
}

static int link_begin(struct site_test *t, struct err *err)
{
        if (worker_link_new(&t->s, &t->link, err) < 0)
                return -1;
        worker_link_start(t->link);
        return 0;
}

static void try_openssh(struct site_test *t, const struct link_failure *why)
{
        struct err err;

        worker_link_free(MOVE(t->link));
        t->s.backend = t->report.backend = BACKEND_OPENSSH;
        snprintf(t->report.backend_why, sizeof t->report.backend_why, "%s", why->text);
        memset(t->report.steps, 0, sizeof t->report.steps);
        for (int i = 0; i < SITE_TEST_STEP_COUNT; i++)
                t->report.steps[i].step = (enum site_test_step)i;
        if (link_begin(t, &err) < 0)
                fail_step(t, SITE_TEST_REACH, "", err.text);
}

static void on_state(void *arg, struct worker_link *l, enum link_state s, const struct link_failure *why)
{
        struct site_test *t = arg;

        (void)l;
        if (t->part == PART_STOP && s == LINK_ABSENT)
                conclude(t);
        if (t->part >= PART_STOP)
                return;
        if (s == LINK_READY)
                on_ready(t);
        if (s != LINK_ABSENT || !why)
                return;
        t->report.hostkey_changed = why->kind == FAIL_HOSTKEY_CHANGED && why->where != LINK_READY;
        if (t->part == PART_CONNECT && t->s.backend == BACKEND_LIBSSH2 &&
            (why->kind == FAIL_ALGORITHMS || why->kind == FAIL_KEY))
                try_openssh(t, why);
        else
                fail_step(t, failed_step(t, why), why->fix, why->text);
}

static void on_part_timeout(uv_timer_t *timer)
{
        struct site_test *t = timer->data;

        if (t->part == PART_RETURN)
                fail_step(t, SITE_TEST_SURVIVAL, "the host may limit connections: try again later",
                          "could not connect a second time in time");
        else
                fail_step(t, SITE_TEST_TASK, "the host may be overloaded: try again later",
                          "the test task did not get done in time");
}

static const struct worker_link_events link_events = {
    .on_state = on_state,
    .on_step = on_step,
    .on_welcome = on_welcome,
    .on_snapshot = on_snapshot,
    .on_started = on_started,
    .on_ended = on_ended,
    .on_data = on_data,
};

/* ---- beginning and end ---- */

static void conclude(struct site_test *t)
{
        t->part = PART_OVER;
        uv_timer_stop(&t->timer);
        worker_link_stop(t->link);
        if (!t->freed)
                t->events->on_done(t->arg, &t->report);
}

static void on_stop_timeout(uv_timer_t *timer)
{
        conclude(timer->data);
}

/* The test's worker is told to end, and hangs up when it does. */
static void finish(struct site_test *t)
{
        struct err err;

        if (t->part >= PART_STOP)
                return;
        t->report.passed = true;
        for (int i = 0; i < SITE_TEST_STEP_COUNT; i++)
                t->report.passed &= t->report.steps[i].state == SITE_TEST_PASSED ||
                                    t->report.steps[i].state == SITE_TEST_WARNED;
        if (t->link && worker_link_stop_worker(t->link, STOP_NOW, &err) == 0)
                part_begin(t, PART_STOP, STOP_MS, on_stop_timeout);
        else
                conclude(t);
}

static void settings_copy(struct site_test *t, const struct worker_link_settings *s)
{
        t->s = *s;
        snprintf(t->name, sizeof t->name, "%s", s->name);
        if (s->root) {
                snprintf(t->root, sizeof t->root, "%s", s->root);
        } else {
                char usual[64];

                link_default_root(s->instance, s->worker_id, usual);
                snprintf(t->root, sizeof t->root, "%s-test", usual);
        }
        t->connector_path = xstrdup(s->connector_path);
        t->worker_dir = xstrdup(s->worker_dir);
        t->private_key = xstrdup(s->private_key);
        for (uint32_t i = 0; i < s->hop_count && i < HOPS_MAX; i++) {
                t->hops[i] = s->hops[i];
                t->hops[i].user = xstrdup(s->hops[i].user);
                t->hops[i].host = xstrdup(s->hops[i].host);
                for (uint32_t k = 0; k < s->hops[i].key_count; k++) {
                        t->hops[i].keys[k].data = xmalloc(s->hops[i].keys[k].len);
                        memcpy(t->hops[i].keys[k].data, s->hops[i].keys[k].data, s->hops[i].keys[k].len);
                }
        }
        t->s.name = t->name;
        t->s.root = t->root;
        t->s.connector_path = t->connector_path;
        t->s.worker_dir = t->worker_dir;
        t->s.private_key = t->private_key;
        t->s.hops = t->hops;
        t->s.gate = NULL;
        t->s.events = &link_events;
        t->s.arg = t;
        t->s.offer = (struct proto_resources){.cpus = 2};
        t->s.slots = 0;
        t->s.grant_until_ms = INT64_MAX;
        t->s.lease_ms = LEASE_MS;
        t->s.heartbeat_ms = BEAT_MS;
}

int site_test_start(const struct worker_link_settings *settings, const struct site_test_events *events,
                    void *arg, struct site_test **ret, struct err *err)
{
        struct site_test *t = xcalloc(1, sizeof *t);

        settings_copy(t, settings);
        t->events = events;
        t->arg = arg;
        t->report.backend = t->s.backend;
        for (int i = 0; i < SITE_TEST_STEP_COUNT; i++)
                t->report.steps[i].step = (enum site_test_step)i;
        /* Fresh keys in every test, for a worker remembers the old ones. */
        t->attempt = (int32_t)(clock_wall_ms() / 1000 & INT32_MAX);
        uv_timer_init(t->s.loop, &t->timer);
        t->timer.data = t;
        if (link_begin(t, err) < 0) {
                site_test_free(t);
                return -1;
        }
        t->part_since = clock_boot_ms();
        *ret = t;
        return 0;
}

static void on_timer_closed(uv_handle_t *h)
{
        struct site_test *t = h->data;

        for (uint32_t i = 0; i < t->s.hop_count && i < HOPS_MAX; i++) {
                free(t->hops[i].user);
                free(t->hops[i].host);
                for (uint32_t k = 0; k < t->hops[i].key_count; k++)
                        free(t->hops[i].keys[k].data);
        }
        explicit_bzero(t->private_key, strlen(t->private_key));
        free(t->private_key);
        free(t->connector_path);
        free(t->worker_dir);
        free(t);
}

void site_test_free(struct site_test *t)
{
        if (!t || t->freed)
                return;
        t->freed = true;
        t->part = PART_OVER;
        worker_link_free(t->link);
        uv_close((uv_handle_t *)&t->timer, on_timer_closed);
}
