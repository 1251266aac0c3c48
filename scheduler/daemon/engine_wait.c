/* SPDX-License-Identifier: Apache-2.0 */
/* Why things wait and why they were placed, as written with their rows: docs/api.md, "Explain". What is told
 * when somebody asks: engine_explain.c. */
#include "daemon/engine_priv.h"

#include "common/buf.h"
#include "common/util.h"

#include <string.h>

#define JSON_MAX     (256u << 10)
#define SITES_SHOWN  200   /* candidates written with a decision */
#define SWEEP_JOBS   25000 /* jobs looked at in one sweep */
#define SWEEP_WRITES 4000  /* of them written: some 50 ms of a commit */
#define ROUND_MS     1000  /* between the starts of two rounds over all jobs */
#define WAIT_TELL_MS 5000  /* a reason that held for less is left out of the job's history */
#define WAITS_MAX    200   /* rows of one job's history in one leadership */

static void put_name(struct buf *b, const char *name)
{
        buf_json_str(b, name, strlen(name));
}

/* A site's name, which stands among the candidates; NULL: it does not. */
static const char *name_of(const struct candidate *all, size_t n, int32_t site)
{
        for (size_t i = 0; i < n; i++) {
                if (all[i].site->id == site)
                        return all[i].site->name;
        }
        return NULL;
}

static void put_candidate(struct buf *b, const struct candidate *c, const struct candidate *all, size_t n)
{
        const char *from = c->from ? name_of(all, n, c->from) : NULL;

        buf_text(b, "{\"site\":");
        put_name(b, c->site->name);
        if (!candidate_is_priced(c)) {
                buf_printf(b, ",\"dropped\":\"%s\",\"why\":", place_step_name(c->step));
                put_name(b, c->why);
        } else {
                buf_printf(b,
                           ",\"finish\":%.3f,\"wait\":%.3f,\"stage\":%.3f,\"run\":%.3f,\"out\":%.3f,"
                           "\"price\":%.3f,\"penalty\":%.3f,"
                           "\"missing_bytes\":%lld,\"run_is\":\"%s\"",
                           c->finish, c->wait, c->stage, c->run, c->out, c->price, c->penalty,
                           (long long)c->missing_bytes, run_is_name(c->run_is));
                if (from) {
                        buf_text(b, ",\"from\":");
                        put_name(b, from);
                }
                if (c->missing_bytes)
                        buf_printf(b, ",\"on_its_way\":%s", c->on_its_way ? "true" : "false");
        }
        buf_text(b, "}");
}

static char *finish(struct arena *a, struct buf *b)
{
        char *s = arena_strdup(a, b->overflow ? "[]" : buf_cstr(b));

        buf_release(b);
        return s;
}

char *wait_candidates_json(struct arena *a, const struct candidate *c, size_t n)
{
        struct buf b;

        buf_init(&b, JSON_MAX);
        buf_text(&b, "[");
        for (size_t i = 0; i < n && i < SITES_SHOWN; i++) {
                if (i)
                        buf_text(&b, ",");
                put_candidate(&b, &c[i], c, n);
        }
        buf_text(&b, "]");
        return finish(a, &b);
}

/* The reason that held until now goes into the job's history, unless it was gone in a moment. */
static void keep_former(struct engine *e, struct m_job *j)
{
        if (j->wait == WAIT_NEW || e->m->wall_ms - j->wait_since < WAIT_TELL_MS ||
            j->wait_tellings >= WAITS_MAX)
                return;
        COMMIT_ADD(e, waits, (struct commit_wait){.job = j->id, .since = j->wait_since, .reason = j->wait});
        j->wait_tellings++;
}

bool wait_settle(struct engine *e, struct m_job *j)
{
        enum wait_reason now = job_wait_reason(e->m, j);

        if (now == j->wait)
                return false;
        keep_former(e, j);
        j->wait = now;
        j->wait_since = e->m->wall_ms;
        if (now == WAIT_POLICY)
                refusal_of_job(e, j);
        return true;
}

void wait_end(struct engine *e, struct m_job *j)
{
        keep_former(e, j);
}

/* Many jobs may wait for something else at once (a site is closed, a limit raised), so they are written in
 * bulk, a bounded part of them in each commit. One that is dirty is written anyway. */
void wait_sweep(struct engine *e, int64_t now)
{
        struct m_job *j = NULL;
        int looked = 0, written = 0;

        if (!e->wait_cursor && now < e->wait_round)
                return;
        if (!e->wait_cursor)
                e->wait_round = now + ROUND_MS;
        while (looked < SWEEP_JOBS && written < SWEEP_WRITES &&
               (j = map_next(&e->m->jobs, &e->wait_cursor))) {
                looked++;
                if (j->dirty || job_is_done(j) || !wait_settle(e, j))
                        continue;
                COMMIT_ADD(e, reasons,
                           (struct commit_wait){.job = j->id, .since = j->wait_since, .reason = j->wait});
                written++;
        }
        if (!j)
                e->wait_cursor = 0;
        if (written)
                engine_wake(e);
}
