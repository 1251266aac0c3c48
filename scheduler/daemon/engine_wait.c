/* SPDX-License-Identifier: Apache-2.0 */
/* Why things wait and why they were placed, written for people: docs/api.md, "Explain". */
#include "daemon/engine_priv.h"

#include "common/buf.h"
#include "common/util.h"

#include <string.h>

#define JSON_MAX      (256u << 10)
#define SITES_SHOWN   200  /* candidates written with a decision or a funnel */
#define SWEEP_JOBS    2000 /* jobs looked at in one sweep */
#define SWEEP_WRITES  200  /* of them written */
#define WAIT_WRITE_MS 1000 /* a job's reason is written at most this often */

static void put_name(struct buf *b, const char *name)
{
        buf_json_str(b, name, strlen(name));
}

static void put_candidate(struct buf *b, const struct candidate *c)
{
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
                put_candidate(&b, &c[i]);
        }
        buf_text(&b, "]");
        return finish(a, &b);
}

static void put_funnel_step(struct buf *b, enum place_step step, const struct candidate *c, size_t n,
                            size_t *left)
{
        bool first = true;

        for (size_t i = 0; i < n; i++)
                *left -= c[i].dropped && c[i].step == step;
        buf_printf(b, "%s{\"step\":\"%s\",\"sites\":%zu,\"dropped\":[", step ? "," : "",
                   place_step_name(step), *left);
        for (size_t i = 0; i < n && i < SITES_SHOWN; i++) {
                if (!c[i].dropped || c[i].step != step)
                        continue;
                buf_text(b, first ? "{\"site\":" : ",{\"site\":");
                put_name(b, c[i].site->name);
                buf_text(b, ",\"why\":");
                put_name(b, c[i].why);
                buf_text(b, "}");
                first = false;
        }
        buf_text(b, "]}");
}

/* What a person could change, by the reason of the wait. */
static const char *advice(enum wait_reason why)
{
        switch (why) {
        case WAIT_HELD:
                return "release it: reeve release JOB";
        case WAIT_TOO_LARGE:
                return "ask for less (cpus, memory, gpus), or let an admin offer a larger worker";
        case WAIT_INPUT_NOWHERE:
                return "register the missing input at a site that may run it: reeve data add NAME SITE:PATH";
        case WAIT_NO_SITE:
                return "ask an admin to register a site (reeve site add) or to let your project use one";
        case WAIT_CLOSED:
                return "ask the admin of a site to open it: reeve site open NAME";
        case WAIT_DOWN:
                return "an admin sees what is wrong with: reeve site test NAME";
        case WAIT_DISK_FULL:
                return "free disk space at the site";
        case WAIT_PROJECT_LIMIT:
                return "wait for the project's other tasks, or ask an admin for a larger limit";
        case WAIT_SITE_LIMIT:
                return "wait, or ask the site's admin for a larger limit";
        case WAIT_THROTTLE:
                return "raise the throttle of the array (the number after %)";
        default:
                return NULL;
        }
}

static char *make_detail(struct engine *e, struct m_job *j)
{
        struct candidate *c = xcalloc(e->m->site_cap + 1, sizeof *c);
        enum wait_reason why;
        size_t n, left;
        const char *help = advice(j->wait);
        struct buf b;
        int best;

        n = place_all(e->m, j->shape, 0, true, c, e->m->site_cap, &best, &why);
        left = n;
        buf_init(&b, JSON_MAX);
        buf_printf(&b, "{\"can_ever_run\":%s,\"funnel\":[",
                   place_can_ever(e->m, j->shape) ? "true" : "false");
        for (int step = 0; step < PLACE_STEP_COUNT; step++)
                put_funnel_step(&b, (enum place_step)step, c, n, &left);
        buf_text(&b, "],\"would_help\":[");
        if (help)
                put_name(&b, help);
        buf_text(&b, "]}");
        free(c);
        return finish(&e->arena, &b);
}

/* The detail that is written with the job's row; only while it waits, and made only when its reason is
 * written anew. */
const char *wait_detail_json(struct engine *e, struct m_job *j)
{
        enum wait_reason now = job_wait_reason(e->m, j);

        if (e->details_left <= 0 && now != WAIT_NONE)
                return NULL;
        if (now == WAIT_NONE) {
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
                if (j->dirty || job_is_done(j) || job_wait_reason(e->m, j) == j->wait)
                        continue;
                model_job_dirty(e->m, j);
                engine_wake(e);
                written++;
        }
        if (looked < SWEEP_JOBS && written < SWEEP_WRITES)
                e->wait_cursor = 0;
}
