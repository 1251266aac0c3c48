/* SPDX-License-Identifier: Apache-2.0 */
#include "web/notice.h"

#include "common/num.h"
#include "common/util.h"
#include "web/reply.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SUBJECT_MAX 120

static const struct kind {
        const char *name, *one, *many;
} kinds[] = {
    {"job.failed", "job failed", "jobs failed"},
    {"job.succeeded", "job succeeded", "jobs succeeded"},
    {"job.cancelled", "job was cancelled", "jobs were cancelled"},
    {"job.held", "job was held", "jobs were held"},
    {"job.released", "job was released", "jobs were released"},
    {"task.failed", "task failed", "tasks failed"},
    {"site.down", "site is down", "times a site went down"},
    {"site.suspect", "site missed answers", "times a site missed answers"},
    {"site.up", "site is up", "times a site came up"},
    {"site.alarm", "alarm of a site", "alarms of sites"},
    {"worker.lost", "worker was lost", "workers were lost"},
    {"transfer.failed", "transfer failed", "transfers failed"},
    {"data.suspect", "damaged copy was found", "damaged copies were found"},
};

#define NOTICE_WAY_NAME_(sym, name) [sym] = name,
static const char *const ways[] = {NOTICE_WAYS(NOTICE_WAY_NAME_)};

const char *notice_way_name(enum notice_way w)
{
        return ways[w];
}

enum notice_way notice_way_parse(const char *name)
{
        enum notice_way w = 0;

        while (w < WAY_COUNT && strcmp(ways[w], name) != 0)
                w++;
        return w;
}

const char *notice_kind(size_t i)
{
        return i < ARRAY_LEN(kinds) ? kinds[i].name : NULL;
}

int notice_kind_parse(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                if (strcmp(kinds[i].name, name) == 0)
                        return (int)i;
        return -1;
}

/* ---- whom it concerns ------------------------------------------------------------------------------------
 */

void hears_release(struct hears *h)
{
        free(h->projects);
}

static bool sees(const struct hears *h, int32_t project)
{
        for (size_t i = 0; i < h->project_count; i++)
                if (h->projects[i] == project)
                        return true;
        return h->sees_all;
}

bool hears_event(const struct hears *h, const struct notice_event *e)
{
        if (!(h->kinds & 1u << e->kind) || (h->site && h->site != e->site_id))
                return false;
        if (!e->job)
                return !h->job && !h->project;
        return (!h->job || h->job == e->job) && (!h->project || h->project == e->project_id) &&
               (!h->mine || h->user == e->user) && sees(h, e->project_id);
}

/* ---- what is told ----------------------------------------------------------------------------------------
 */

static void count_more(json_t *counts, const char *kind, json_int_t n)
{
        json_object_set_new(counts, kind,
                            json_integer(json_integer_value(json_object_get(counts, kind)) + n));
}

void notice_join(json_t *counts, json_t *events, const json_t *more_counts, const json_t *more_events)
{
        const char *kind;
        json_t *n, *event;
        size_t i;

        json_object_foreach((json_t *)more_counts, kind, n) count_more(counts, kind, json_integer_value(n));
        json_array_foreach(more_events, i, event)
        {
                if (json_array_size(events) < NOTICE_EVENTS_MAX)
                        json_array_append(events, event);
        }
}

static void set_text(json_t *o, const char *key, const char *v)
{
        json_object_set_new(o, key, v ? json_string(v) : json_null());
}

void notice_add_event(json_t *counts, json_t *events, const struct notice_event *e)
{
        const char *kind = kinds[e->kind].name;
        char at[32];
        json_t *o;

        count_more(counts, kind, 1);
        if (json_array_size(events) >= NOTICE_EVENTS_MAX)
                return;
        o = json_object();
        json_object_set_new(o, "seq", json_integer(e->seq));
        set_text(o, "at", num_format_time(e->at, at));
        set_text(o, "kind", kind);
        json_object_set_new(o, "job", e->job ? json_integer(e->job) : json_null());
        set_text(o, "job_name", e->job_name);
        set_text(o, "project", e->project);
        set_text(o, "site", e->site);
        set_text(o, "text", e->text);
        json_array_append_new(events, o);
}

int64_t notice_count(const json_t *counts)
{
        const char *name;
        json_t *n;
        int64_t sum = 0;

        json_object_foreach((json_t *)counts, name, n) sum += json_integer_value(n);
        return sum;
}

static const char *text_of(const json_t *event, const char *key)
{
        return json_string_value(json_object_get(event, key));
}

static void put_event(const json_t *event, struct buf *to)
{
        const char *name = text_of(event, "job_name"), *text = text_of(event, "text");

        if (name)
                buf_printf(to, "%s: ", name);
        buf_text(to, text ? text : "");
}

void notice_sentence(const json_t *counts, const json_t *events, struct buf *to)
{
        bool first = true;

        if (notice_count(counts) == 1 && json_array_size(events)) {
                put_event(json_array_get(events, 0), to);
                return;
        }
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                int64_t n = json_integer_value(json_object_get(counts, kinds[i].name));

                if (n)
                        buf_printf(to, "%s%lld %s", first ? "" : ", ", (long long)n,
                                   n == 1 ? kinds[i].one : kinds[i].many);
                first = first && !n;
        }
}

void notice_document(const struct notice_shown *n, struct buf *to)
{
        json_t *counts = json_loads(n->counts, 0, NULL);

        j_obj(to, NULL);
        j_int(to, "id", n->id);
        j_int(to, "subscription", n->subscription);
        j_time(to, "at", n->made_at);
        j_str(to, "sentence", n->sentence);
        j_raw(to, "counts", n->counts);
        j_int(to, "count", notice_count(counts));
        j_raw(to, "events", n->events);
        j_obj_end(to);
        json_decref(counts);
}

/* ---- mail ------------------------------------------------------------------------------------------------
 */

/* Text of others stands in one line, without what a terminal would act on. */
static void put_line(const char *s, size_t max, struct buf *to)
{
        AUTO_FREE char *line = xstrndup(s, strnlen(s, max));

        text_make_printable(line);
        buf_text(to, line);
}

void notice_subject(const struct notice_shown *n, struct buf *to)
{
        buf_text(to, "[Reeve] ");
        if (strcmp(n->what, "code") == 0)
                buf_text(to, "confirm this address");
        else
                put_line(n->sentence, SUBJECT_MAX, to);
}

static void put_events(const struct notice_shown *n, struct buf *to)
{
        json_t *counts = json_loads(n->counts, 0, NULL), *events = json_loads(n->events, 0, NULL), *event;
        int64_t more = notice_count(counts) - (int64_t)json_array_size(events);
        size_t i;

        json_array_foreach(events, i, event)
        {
                int64_t job = json_integer_value(json_object_get(event, "job"));
                struct buf line;

                buf_init(&line, 4096);
                put_event(event, &line);
                buf_printf(to, "%.19s UTC  ", text_of(event, "at"));
                put_line(buf_cstr(&line), buf_len(&line), to);
                if (job)
                        buf_printf(to, "\r\n                         %s/jobs/%lld", n->public_url,
                                   (long long)job);
                buf_text(to, "\r\n");
                buf_release(&line);
        }
        if (more > 0)
                buf_printf(to, "and %lld more\r\n", (long long)more);
        json_decref(counts);
        json_decref(events);
}

void notice_mail(const struct notice_shown *n, struct buf *to)
{
        if (strcmp(n->what, "code") == 0) {
                buf_printf(to,
                           "Somebody logged in to Reeve as %s wants to be told here what happens to jobs.\r\n"
                           "If that was you, this code confirms it:\r\n\r\n    %s\r\n\r\n"
                           "Give it at %s/account. If not, nothing more is sent: ignore this.\r\n",
                           n->user, n->sentence, n->public_url);
                return;
        }
        put_line(n->sentence, 4096, to);
        buf_text(to, "\r\n\r\n");
        put_events(n, to);
        buf_printf(to, "\r\n-- \r\nSent to %s by the subscription \"", n->user);
        put_line(n->name, 200, to);
        buf_printf(to, "\", which is changed or ended at %s/account\r\n", n->public_url);
}

/* ---- signature -------------------------------------------------------------------------------------------
 */

void notice_sign(const char *secret, int64_t wall_s, const void *body, size_t n,
                 char ret[NOTICE_SIGNATURE_MAX])
{
        unsigned char mac[crypto_auth_hmacsha256_BYTES];
        char hex[2 * sizeof mac + 1], when[32];
        crypto_auth_hmacsha256_state st;

        snprintf(when, sizeof when, "%lld.", (long long)wall_s);
        crypto_auth_hmacsha256_init(&st, (const unsigned char *)secret, strlen(secret));
        crypto_auth_hmacsha256_update(&st, (const unsigned char *)when, strlen(when));
        crypto_auth_hmacsha256_update(&st, body, n);
        crypto_auth_hmacsha256_final(&st, mac);
        sodium_bin2hex(hex, sizeof hex, mac, sizeof mac);
        snprintf(ret, NOTICE_SIGNATURE_MAX, "t=%lld,v1=%s", (long long)wall_s, hex);
}
