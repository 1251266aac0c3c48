/* SPDX-License-Identifier: Apache-2.0 */
/* Why things wait and why they were placed, as written with their rows: docs/api.md, "Explain". What is told
 * when somebody asks: engine_explain.c. */
#include "daemon/engine_priv.h"
#include "daemon/explain.h"

#include "common/buf.h"
#include "common/util.h"

#include <string.h>

#define JSON_MAX      (256u << 10)
#define SITES_SHOWN   200  /* candidates written with a decision */
#define SWEEP_JOBS    2000 /* jobs looked at in one sweep */
#define SWEEP_WRITES  200  /* of them written */
#define WAIT_WRITE_MS 1000 /* a job's reason is written at most this often */
#define WAIT_TELL_MS  5000 /* a reason that holds for less may be left out of the job's history */
#define WAITS_MAX     200  /* changes told of one job in one leadership */

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
                           "\"missing_bytes\":%lld",
                           c->finish, c->wait, c->stage, c->run, c->out, c->price, c->penalty,
                           (long long)c->missing_bytes);
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

static char *make_detail(struct engine *e, const struct m_job *j)
{
        struct about a;
        AUTO_FREE char *text = NULL;
        json_t *doc;

        about_job(&a, e->m, j);
        about_open(&a);
        doc = explain_waiting(&a, j->wait, false);
        about_close(&a);
        text = json_dumps(doc, JSON_COMPACT);
        json_decref(doc);
        return arena_strdup(&e->arena, text ? text : "{}");
}

/* The job's history lacks its present reason, and it is time to tell it. */
static bool is_untold(const struct engine *e, const struct m_job *j)
{
        return j->wait != j->wait_told && j->wait != WAIT_NEW && j->wait_tellings < WAITS_MAX &&
               (!j->wait_tellings || e->m->now_ms - j->wait_told_at >= WAIT_TELL_MS);
}

void wait_tell(struct engine *e, struct m_job *j)
{
        if (!is_untold(e, j))
                return;
        COMMIT_ADD(e, waits, (struct commit_wait){.job = j->id, .since = j->wait_since, .reason = j->wait});
        j->wait_told = j->wait;
        j->wait_told_at = e->m->now_ms;
        j->wait_tellings++;
}

/* The detail that is written with the job's row; only while it waits, and made only when its reason is
 * written anew. */
const char *wait_detail_json(struct engine *e, struct m_job *j)
{
        enum wait_reason now = job_wait_reason(e->m, j);

        if (e->details_left <= 0 && now != WAIT_NONE)
                return NULL;
        if (now == WAIT_NONE) {
                if (j->wait != WAIT_NONE)
                        j->wait_since = e->m->wall_ms;
                j->wait = WAIT_NONE;
                return NULL;
        }
        /* Busy turns over with every slot: it is said once, and then left to the sweep. */
        if (now != j->wait) {
                j->wait = now;
                j->wait_since = e->m->wall_ms;
        } else if (j->wait_written && e->m->now_ms - j->wait_written < WAIT_WRITE_MS) {
                return NULL;
        }
        j->wait_written = e->m->now_ms;
        e->details_left--;
        return make_detail(e, j);
}

/* Go round the live jobs and write the reasons that changed. */
void wait_sweep(struct engine *e)
{
        struct m_job *j;
        int looked = 0, written = 0;

        while (looked < SWEEP_JOBS && written < SWEEP_WRITES &&
               (j = map_next(&e->m->jobs, &e->wait_cursor))) {
                looked++;
                if (j->dirty || job_is_done(j) || (job_wait_reason(e->m, j) == j->wait && !is_untold(e, j)))
                        continue;
                model_job_dirty(e->m, j);
                engine_wake(e);
                written++;
        }
        if (looked < SWEEP_JOBS && written < SWEEP_WRITES)
                e->wait_cursor = 0;
}
