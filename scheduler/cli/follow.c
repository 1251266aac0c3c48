/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"

#include "outcome.h"
#include "sheet.h"
#include "common/util.h"

#include <string.h>

#define READ_MAX     262144    /* bytes the API gives at once */
#define TAIL_MAX     (8 << 20) /* looked at to find the last lines */
#define IDLE_FIRST_S 1         /* a log that is silent is asked again after so long */
#define IDLE_MOST_S  4
#define CALL_SECONDS 10

static int log_read(struct cli *c, int64_t job, int64_t task, const struct log_stream *s, int64_t offset,
                    int64_t limit, struct reply *ret, struct err *err)
{
        AUTO_FREE char *attempt =
            s->attempt < 0 ? xstrdup("") : xasprintf("&attempt=%lld", (long long)s->attempt);
        AUTO_FREE char *path =
            xasprintf("/v1/jobs/%lld/tasks/%lld/log?stream=%s&offset=%lld&limit=%lld%s", (long long)job,
                      (long long)task, s->name, (long long)offset, (long long)limit, attempt);

        return client_call(cli_client(c), &(struct call){.path = path}, ret, err);
}

static void log_write(struct log_stream *s, const void *p, size_t n, bool end)
{
        struct buf b;

        if (s->raw) {
                fwrite(p, 1, n, s->out);
                fflush(s->out);
                return;
        }
        buf_init(&b, 4 * n + 64);
        text_filter_feed(&s->filter, p, n, &b);
        if (end)
                text_filter_end(&s->filter, &b);
        fwrite(buf_bytes(&b), 1, buf_len(&b), s->out);
        fflush(s->out);
        buf_release(&b);
}

static void say_gap(struct cli *c, struct log_stream *s, int64_t from, int64_t to)
{
        char size[32];

        fflush(s->out);
        cli_say(c, "[%s: %s were cut here, bytes %lld to %lld: the log limit keeps head and tail]", s->name,
                num_format_size(to - from, size), (long long)from, (long long)to);
}

/* One read; returns the bytes written, or -1. */
static int64_t pump_once(struct cli *c, int64_t job, int64_t task, struct log_stream *s, struct err *err)
{
        struct reply r;
        int64_t n = -1;

        if (log_read(c, job, task, s, s->offset, READ_MAX, &r, err) < 0) {
                /* No attempt yet: an empty log that will come. */
                n = err->code == ERR_NOT_FOUND && !s->begun && s->attempt < 0 ? 0 : -1;
        } else {
                int64_t from = r.offset >= 0 ? r.offset : s->offset;

                n = (int64_t)buf_len(&r.body);
                if (from > s->offset)
                        say_gap(c, s, s->offset, from);
                s->begun = true;
                if (s->attempt < 0)
                        s->attempt = r.attempt;
                s->offset = from + n;
                s->final = r.final && s->offset >= r.size;
                if (n || s->final)
                        log_write(s, buf_bytes(&r.body), (size_t)n, s->final);
        }
        reply_release(&r);
        return n;
}

int64_t log_pump(struct cli *c, int64_t job, int64_t task, struct log_stream *s, struct err *err)
{
        int64_t n, sum = 0;

        do {
                n = pump_once(c, job, task, s, err);
                if (n < 0)
                        return -1;
                sum += n;
        } while (n > 0 && !s->final);
        return sum;
}

/* Where the last `lines` lines of p begin, or -1 when it has fewer. */
static int64_t tail_start(const uint8_t *p, size_t n, int64_t lines)
{
        if (!lines)
                return (int64_t)n;
        /* A newline at the very end closes the last line. */
        for (size_t i = n ? n - 1 : 0; i > 0; i--) {
                if (p[i - 1] == '\n' && --lines == 0)
                        return (int64_t)i;
        }
        return -1;
}

int log_seek_tail(struct cli *c, int64_t job, int64_t task, struct log_stream *s, int64_t lines,
                  struct err *err)
{
        struct buf seen;
        struct reply r;
        int64_t end, begin, start = -1;

        /* Learn the size; then read backwards, piece by piece in front of what was seen. */
        if (log_read(c, job, task, s, 0, 1, &r, err) < 0) {
                reply_release(&r);
                return err->code == ERR_NOT_FOUND ? 0 : -1;
        }
        end = begin = r.size;
        s->attempt = r.attempt;
        reply_release(&r);
        buf_init(&seen, 2 * TAIL_MAX);
        while (begin > 0 && end - begin < TAIL_MAX && start < 0) {
                int64_t want = begin < READ_MAX ? begin : READ_MAX;
                struct buf more;

                if (log_read(c, job, task, s, begin - want, want, &r, err) < 0) {
                        reply_release(&r);
                        buf_release(&seen);
                        return -1;
                }
                if (r.offset > begin - want) /* the middle was cut: nothing in front of it is a tail */
                        want = begin - r.offset;
                buf_init(&more, 2 * TAIL_MAX);
                buf_put(&more, buf_bytes(&r.body),
                        buf_len(&r.body) < (size_t)want ? buf_len(&r.body) : (size_t)want);
                buf_put(&more, buf_bytes(&seen), buf_len(&seen));
                buf_release(&seen);
                seen = more;
                begin -= want;
                start = tail_start(buf_bytes(&seen), buf_len(&seen), lines);
                if (r.offset > begin || want <= 0 || r.gap_end == begin) {
                        reply_release(&r);
                        break;
                }
                reply_release(&r);
        }
        s->offset = begin + (start > 0 ? start : 0);
        buf_release(&seen);
        return 0;
}

/* An attempt of a task as the API shows it; -1: the newest. NULL when there is none. */
static const json_t *attempt_of(const json_t *task, int64_t number)
{
        const json_t *best = NULL;
        size_t i;
        json_t *a;

        json_array_foreach(json_object_get(task, "attempts"), i, a)
        {
                if (json_int_at(a, "attempt") == number)
                        return a;
                if (number < 0 && (!best || json_int_at(a, "attempt") > json_int_at(best, "attempt")))
                        best = a;
        }
        return best;
}

static void begin_attempt(struct cli *c, struct log_stream *streams, size_t n, int64_t attempt)
{
        cli_say(c, "[attempt %lld]", (long long)attempt);
        for (size_t i = 0; i < n; i++) {
                streams[i].attempt = attempt;
                streams[i].offset = 0;
                streams[i].final = streams[i].begun = false;
        }
}

/* An ended attempt knows how much it printed: nothing needs no question to its site. */
static bool is_read(const struct log_stream *s, const json_t *attempt)
{
        const json_t *bytes =
            json_at(attempt, strcmp(s->name, "stderr") == 0 ? "stderr_bytes" : "stdout_bytes");

        return s->final || (bytes && json_at(attempt, "ended_at") && json_integer_value(bytes) == s->offset);
}

/* Read every stream once through. Trouble with a site's link is said once and does not end the following:
 * while the task runs the next round tries again, after its end the last round does for a while. */
static int64_t pump_all(struct cli *c, int64_t job, const json_t *task, struct log_stream *streams, size_t n,
                        bool *said)
{
        int64_t sum = 0;
        struct err err = {0};

        client_set_patience(cli_client(c), state_is_ended(json_text_at(task, "state")) ? PATIENCE_MS : 0);
        for (size_t i = 0; i < n; i++) {
                int64_t got = is_read(&streams[i], attempt_of(task, streams[i].attempt))
                                  ? 0
                                  : log_pump(c, job, json_int_at(task, "task"), &streams[i], &err);

                if (got > 0)
                        sum += got;
                if (got < 0 && !*said) {
                        cli_say(c, "[cannot read the log at the moment: %s]", err.text);
                        *said = true;
                }
        }
        client_set_patience(cli_client(c), PATIENCE_LONG);
        return sum;
}

int log_follow(struct cli *c, int64_t job, int64_t task, struct log_stream *streams, size_t n,
               struct err *err)
{
        AUTO_FREE char *path = xasprintf("/v1/jobs/%lld/tasks/%lld", (long long)job, (long long)task);
        char etag[200] = "";
        json_t *now = NULL;
        bool said = false;
        int idle = IDLE_FIRST_S;

        for (;;) {
                json_t *changed = NULL;
                bool ended, started;
                int64_t attempt;

                if (client_watch(cli_client(c), path, etag, now && attempt_of(now, -1) ? idle : WATCH_SECONDS,
                                 &changed, err) < 0) {
                        json_decref(now);
                        return -1;
                }
                if (changed) {
                        json_decref(now);
                        now = changed;
                }
                attempt = json_int_at(attempt_of(now, -1), "attempt");
                ended = state_is_ended(json_text_at(now, "state"));
                started = json_at(attempt_of(now, -1), "started_at") || ended;
                if (!started)
                        continue;
                if (streams[0].attempt >= 0 && attempt > streams[0].attempt) {
                        pump_all(c, job, now, streams, n, &said);
                        begin_attempt(c, streams, n, attempt);
                }
                if (pump_all(c, job, now, streams, n, &said) > 0 || changed)
                        idle = IDLE_FIRST_S;
                else
                        idle = idle < IDLE_MOST_S ? idle + 1 : IDLE_MOST_S;
                if (ended)
                        break;
        }
        json_decref(now);
        return 0;
}

/* ---- waiting ---------------------------------------------------------------------------------------------
 */

void job_add_progress(const json_t *job, struct buf *out)
{
        static const struct {
                const char *path, *word;
        } parts[] = {
            {"tasks.succeeded", "succeeded"},
            {"tasks.failed", "failed"},
            {"tasks.cancelled", "cancelled"},
            {"tasks.running", "running"},
        };
        int64_t total = json_int_at(job, "tasks.total");
        int64_t waiting = json_int_at(job, "tasks.blocked") + json_int_at(job, "tasks.ready") +
                          json_int_at(job, "tasks.placed") - json_int_at(job, "tasks.running");

        buf_printf(out, "%lld task%s", (long long)total, total == 1 ? "" : "s");
        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
                if (json_int_at(job, parts[i].path))
                        buf_printf(out, ", %lld %s", (long long)json_int_at(job, parts[i].path),
                                   parts[i].word);
        }
        if (waiting > 0)
                buf_printf(out, ", %lld waiting", (long long)waiting);
}

void job_add_remaining(const json_t *job, struct buf *out)
{
        char low[32], high[32];

        if (!json_at(job, "pace.remaining"))
                return;
        num_format_duration(json_int_at(job, "pace.remaining.low") * 1000, low);
        num_format_duration(json_int_at(job, "pace.remaining.high") * 1000, high);
        buf_printf(out, strcmp(low, high) == 0 ? "%s" : "%s-%s", low, high);
}

/* What the job or task reported, and how long it may take. */
static void add_reported(const json_t *doc, struct buf *out)
{
        if (json_at(doc, "progress.fraction"))
                buf_printf(out, "; %d%%", (int)(json_number_at(doc, "progress.fraction") * 100));
        if (*json_text_at(doc, "progress.text")) {
                buf_text(out, json_at(doc, "progress.fraction") ? " " : "; ");
                text_add_line(out, json_text_at(doc, "progress.text"));
        }
        if (json_at(doc, "pace.remaining")) {
                buf_text(out, "; about ");
                job_add_remaining(doc, out);
                buf_text(out, " left");
        }
}

static void show_progress(struct cli *c, struct ref r, const json_t *doc)
{
        const char *why = json_text_at(doc, "wait.sentence");
        char name[64];
        struct buf b;

        if (!c->animate)
                return;
        buf_init(&b, 8192);
        ref_format(r, name);
        buf_printf(&b, "%s: ", name);
        if (r.task < 0)
                job_add_progress(doc, &b);
        else
                text_add_line(&b, json_text_at(doc, "state"));
        add_reported(doc, &b);
        if (*why && !json_int_at(doc, "tasks.running")) {
                buf_text(&b, "; ");
                text_add_line(&b, why);
        }
        cli_progress(c, "%s", buf_cstr(&b));
        buf_release(&b);
}

static int seconds_left(int64_t until)
{
        int64_t left = until < 0 ? INT64_MAX : (until - clock_boot_ms() + 999) / 1000;

        return left > WATCH_SECONDS ? WATCH_SECONDS : left < 1 ? 1 : (int)left;
}

int job_wait(struct cli *c, struct ref r, int64_t until, json_t **ret, struct err *err)
{
        AUTO_FREE char *path =
            r.task < 0 ? xasprintf("/v1/jobs/%lld", (long long)r.job)
                       : xasprintf("/v1/jobs/%lld/tasks/%lld", (long long)r.job, (long long)r.task);
        char etag[200] = "";

        for (;;) {
                json_t *doc = NULL;

                if (client_watch(cli_client(c), path, etag, seconds_left(until), &doc, err) < 0) {
                        cli_progress_end(c);
                        return -1;
                }
                if (doc && state_is_ended(json_text_at(doc, "state"))) {
                        cli_progress_end(c);
                        *ret = doc;
                        return 1;
                }
                if (doc)
                        show_progress(c, r, doc);
                json_decref(doc);
                if (until >= 0 && clock_boot_ms() >= until) {
                        cli_progress_end(c);
                        return 0;
                }
        }
}

static int fail_call(const json_t *call, struct err *err)
{
        const char *message = json_text_at(call, "message");
        AUTO_FREE char *line = text_line(*message ? message : "the site could not answer");

        return err_set(err, ERR_SYSTEM, "%s", line);
}

int call_wait(struct cli *c, int64_t id, void (*on_steps)(struct cli *c, const json_t *call, void *arg),
              void *arg, json_t **ret, struct err *err)
{
        AUTO_FREE char *path = xasprintf("/v1/calls/%lld", (long long)id);
        char etag[200] = "";

        for (;;) {
                json_t *call = NULL;
                const char *state;
                bool done, failed;

                if (client_watch(cli_client(c), path, etag, CALL_SECONDS, &call, err) < 0)
                        return -1;
                if (!call)
                        continue;
                state = json_text_at(call, "state");
                done = strcmp(state, "done") == 0;
                failed = strcmp(state, "failed") == 0;
                if (on_steps)
                        on_steps(c, call, arg);
                if (failed)
                        fail_call(call, err);
                if (done)
                        *ret = call;
                else
                        json_decref(call);
                if (done || failed)
                        return done ? 0 : -1;
        }
}
