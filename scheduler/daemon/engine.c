/* SPDX-License-Identifier: Apache-2.0 */
/* The pass.
 *
 *   drain    everything readable was read by the loop's poll phase: link callbacks have folded it into the
 * model and into the commit that is being built; only the check phase that follows looks at clocks decide
 * core/decide commit   store_commit, one transaction; the loop waits for it, a few milliseconds at most act
 * launches, acknowledgements, cancels; all idempotent, all repeated after a reconnect
 *
 * A pass runs when something happened. While commits follow each other closely they are kept pass_pause_ms
 * apart, so that what arrives meanwhile shares the next one; an idle engine answers at once.
 */
#include "daemon/engine_arrivals.h"
#include "daemon/engine_priv.h"

#include "common/log.h"
#include "common/num.h"
#include "common/util.h"
#include "daemon/cluster.h"
#include "daemon/engine_storage.h"
#include "daemon/engine_transfers.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS         250
#define LEAD_RETRY_MS   1000 /* while another leads */
#define LOST_RETRY_MS   400  /* while the database cannot be used */
#define POLL_NEW_MS     1000
#define FIGURES_MS      2000
#define USAGE_MS        10000
#define LEARNED_MS      15000
#define UPKEEP_MS       600000
#define UPKEEP_PAUSE_MS 250 /* between slices */
#define SWEEP_MS        1000
#define STATEMENT_MS    20000
#define NOTIFY_MS       20
#define DISK_MS         30000

void key_list_add(struct key_list *l, struct attempt_key k)
{
        l->keys = xgrow(l->keys, l->n, &l->cap, sizeof *l->keys);
        l->keys[l->n++] = k;
}

double engine_random(struct engine *e)
{
        uint64_t x;

        (void)e;
        randombytes_buf(&x, sizeof x);
        return (double)(x >> 11) / (double)(1ULL << 53);
}

void engine_wake(struct engine *e)
{
        e->want_pass = true;
}

void engine_clock(struct engine *e)
{
        e->m->now_ms = clock_boot_ms();
        e->m->wall_ms = clock_wall_ms();
}

/* ---- leadership -------------------------------------------------------------------------------- */

static void on_poll_closed(uv_handle_t *h)
{
        free(h);
}

static void unwatch(struct engine *e)
{
        if (!e->db_poll)
                return;
        uv_poll_stop(e->db_poll);
        uv_close((uv_handle_t *)e->db_poll, on_poll_closed);
        e->db_poll = NULL;
}

static void end_leadership(struct engine *e)
{
        e->leading = false;
        calls_unload(e);
        progress_close(e);
        insight_close(e);
        arrivals_unload(e);
        transfers_unload(e);
        storage_unload(e);
        world_unload(e);
        fold_outputs_clear(e);
        commit_clear(&e->commit);
        plan_clear(&e->plan);
        arena_clear(&e->arena);
        map_release(&e->resettle);
        heap_release(&e->deadlines);
        e->finished_n = e->told_n = 0;
        e->fenced = false;
        model_free(e->m);
        e->m = NULL;
}

void engine_reset(struct engine *e, const struct err *why)
{
        log_error("leadership ended epoch=%lld: %s", (long long)e->epoch, why->text);
        if (e->leading)
                end_leadership(e);
        e->next_try = clock_boot_ms() + (why->code == ERR_FENCED ? LEAD_RETRY_MS : 200);
}

static void on_db_readable(uv_poll_t *h, int status, int events)
{
        struct engine *e = h->data;
        struct err err;
        int n = status < 0 ? -1 : db_notifications(e->db);

        (void)events;
        if (n < 0) {
                unwatch(e);
                err_set(&err, ERR_UNAVAILABLE, "lost the database connection");
                if (e->leading)
                        engine_reset(e, &err);
                return;
        }
        if (n > 0) {
                e->look_new = true;
                engine_wake(e);
        }
}

static int watch(struct engine *e, struct err *err)
{
        unwatch(e);
        /* A handle of its own each time: the one before may not be closed until the loop's turn ends. */
        e->db_poll = xcalloc(1, sizeof *e->db_poll);
        if (uv_poll_init(e->loop, e->db_poll, db_socket(e->db)) < 0) {
                free(e->db_poll);
                e->db_poll = NULL;
                return err_set(err, ERR_SYSTEM, "could not watch the database connection");
        }
        e->db_poll->data = e;
        uv_poll_start(e->db_poll, UV_READABLE, on_db_readable);
        return 0;
}

/* The library closed the socket: waiting for a closed one is the end of the loop. */
static void on_db_lost(void *arg)
{
        unwatch(arg);
}

static int connect_db(struct engine *e, struct err *err)
{
        char *conninfo = NULL;

        if (e->db && db_is_ok(e->db))
                return 0;
        unwatch(e);
        if (e->set.cluster_dir && cluster_start(e->set.cluster_dir, &conninfo, err) < 0)
                return -1;
        free(conninfo);
        if (e->db)
                return db_reconnect(e->db, err);
        if (db_open(e->set.conninfo, "reeved engine", STATEMENT_MS, &e->db, err) < 0)
                return -1;
        db_on_lost(e->db, on_db_lost, e);
        return 0;
}

/* Read everything a leadership needs. */
static int load(struct engine *e, struct err *err)
{
        e->m = model_new();
        insight_open(e);
        e->m->half_life_ms = e->set.half_life_ms;
        e->m->ahead_ms = e->set.ahead_ms;
        e->m->reserve_ms = e->m->claim_ms = e->set.reserve_ms;
        heap_init(&e->deadlines, job_deadline_before, offsetof(struct m_job, deadline_place));
        engine_clock(e);
        if (db_listen(e->db, "reeve_engine", err) < 0 || watch(e, err) < 0)
                return -1;
        if (store_next_decision(e->db, &e->next_decision, err) < 0 ||
            store_calls_abandon(e->db, e->epoch, err) < 0 || progress_open(e, err) < 0)
                return -1;
        if (world_load(e, err) < 0 || learned_load(e, err) < 0 || jobs_load_all(e, err) < 0)
                return -1;
        if (storage_load(e, err) < 0 || transfers_load(e, err) < 0)
                return -1;
        /* Closed sites are connected to, and asked to stop, as long as something runs there. */
        e->world_loaded = false;
        return world_load(e, err);
}

static void try_to_lead(struct engine *e)
{
        struct err err = {0};
        int64_t start = clock_boot_ms();
        int rc = connect_db(e, &err);

        if (rc == 0)
                rc = store_lead(e->db, e->holder, (int)e->set.lead_lease_ms, &e->epoch, &err);
        if (rc == 1) {
                e->lead_renewed = e->took_over = start;
                e->leading = true;
                rc = load(e, &err);
                if (rc == 0) {
                        log_info("leading epoch=%lld jobs=%zu attempts=%zu ready_tasks=%lld after=%lldms",
                                 (long long)e->epoch, e->m->jobs.n, e->m->attempts.n,
                                 (long long)e->m->ready_tasks, (long long)(clock_boot_ms() - start));
                        e->look_new = true;
                        engine_wake(e);
                        return;
                }
                end_leadership(e);
        }
        if (rc < 0)
                log_warn("cannot lead yet: %s", err.text);
        e->next_try = clock_boot_ms() + (rc < 0 ? LOST_RETRY_MS : LEAD_RETRY_MS);
}

/* The last wake-up of the web that was held back, once the commits pause. */
static void on_notify(uv_timer_t *t)
{
        struct engine *e = t->data;

        if (e->leading && db_notify_waits(e->db))
                db_notify_flush(e->db, NULL);
}

/* ---- the pass
 * ------------------------------------------------------------------------------------------------ */

static int drain_record(struct engine *e, struct err *err)
{
        if (!e->look_new)
                return 0;
        e->look_new = false;
        if (world_load(e, err) < 0 || jobs_take_asked(e, err) < 0)
                return -1;
        return calls_take_new(e, err);
}

static void pass(struct engine *e)
{
        struct err err = {0};
        uint64_t start = uv_hrtime();
        bool some;

        e->want_pass = false;
        engine_clock(e);
        e->last_pass = e->m->now_ms;
        if (drain_record(e, &err) < 0) {
                engine_reset(e, &err);
                return;
        }
        decide(e->m, &e->next_decision, &e->plan);
        record_plan(e);
        transfers_record_plan(e);
        record_dirty_jobs(e);
        some = !commit_is_empty(&e->commit);
        if (some && store_commit(e->db, e->epoch, &e->commit, &err) < 0) {
                engine_reset(e, &err);
                return;
        }
        /* From here on everything belongs to the next commit. */
        commit_clear(&e->commit);
        arena_clear(&e->arena);
        /* Before the acts: a launch that cannot be made ends its attempt, and that end is not on record yet.
         */
        if (jobs_after_commit(e, &err) < 0 || storage_leave(e, &err) < 0) {
                engine_reset(e, &err);
                return;
        }
        act_after_commit(e);
        transfers_act(e);
        jobs_fetch_specs(e);
        e->placed_total += e->plan.placed;
        if (e->plan.more)
                engine_wake(e);
        if (db_notify_waits(e->db))
                uv_timer_start(&e->notify, on_notify, NOTIFY_MS, 0);
        e->pass_us = (int64_t)(uv_hrtime() - start) / 1000;
        if (some)
                insight_pass(e, e->pass_us);
}

static void on_pace(uv_timer_t *t)
{
        (void)t; /* it only ends the loop's sleep: the check phase does the rest */
}

static void on_check(uv_check_t *h)
{
        struct engine *e = h->data;
        int64_t due, now;

        if (!e->leading || !e->want_pass || e->stopping)
                return;
        now = clock_boot_ms();
        due = e->last_pass + e->set.pass_pause_ms;
        if (now >= due)
                pass(e);
        else
                uv_timer_start(&e->pace, on_pace, (uint64_t)(due - now), 0);
        if (e->leading && e->want_pass && !uv_is_active((uv_handle_t *)&e->pace))
                uv_timer_start(&e->pace, on_pace, (uint64_t)e->set.pass_pause_ms, 0);
}

/* ---- what clocks ask for
 * ---------------------------------------------------------------------------------------- */

static bool is_due(int64_t *at, int64_t now, int64_t every)
{
        if (now < *at)
                return false;
        *at = now + every;
        return true;
}

static void record_usage(struct engine *e)
{
        for (size_t i = 0; i < e->m->project_cap; i++) {
                struct m_project *p = e->m->projects[i];

                if (!p || !p->usage_dirty)
                        continue;
                p->usage_dirty = false;
                COMMIT_ADD(e, usage, (struct commit_usage){p->id, p->usage, p->usage_at});
        }
}

/* A slice of upkeep; the next one soon while there is more. That old rows stay a while longer is no reason to
 * give up the leadership. */
static int keep_house(struct engine *e, int64_t now, struct err *err)
{
        if (store_upkeep(e->db, e->epoch, (int)e->set.keep_days, &e->upkeep, err) < 0) {
                if (!db_is_ok(e->db) || err->code == ERR_FENCED)
                        return -1;
                log_warn("upkeep of the database is put off: %s", err->text);
        }
        if (e->upkeep.more)
                e->upkeep_at = now + UPKEEP_PAUSE_MS;
        return 0;
}

static int keep_books(struct engine *e, int64_t now, struct err *err)
{
        int64_t room = 0;

        if (now - e->lead_renewed > e->set.lead_lease_ms / 3) {
                if (store_lead_renew(e->db, e->epoch, (int)e->set.lead_lease_ms, err) < 0)
                        return -1;
                e->lead_renewed = now;
        }
        if (is_due(&e->figures_at, now, FIGURES_MS) &&
            store_engine_figures(e->db, e->epoch, e->pass_us, e->placed_total, err) < 0)
                return -1;
        if (e->set.cluster_dir && is_due(&e->disk_at, now, DISK_MS) &&
            cluster_disk_check(e->set.cluster_dir, &room, err) > 0)
                log_error("the disk of the private PostgreSQL is almost full: %lld bytes are left",
                          (long long)room);
        if (progress_tick(e, now, err) < 0 || insight_tick(e, now, err) < 0)
                return -1;
        if (storage_tick(e, now, err) < 0 || arrivals_tick(e, now, err) < 0)
                return -1;
        return is_due(&e->upkeep_at, now, UPKEEP_MS) ? keep_house(e, now, err) : 0;
}

static bool retries_are_due(const struct model *m)
{
        const struct m_job *j = heap_top(&m->wakes);

        return j && j->wake_at <= m->wall_ms;
}

static void on_tick(uv_timer_t *t)
{
        struct engine *e = t->data;
        struct err err = {0};
        int64_t now = clock_boot_ms();

        if (e->stopping)
                return;
        if (!e->leading) {
                if (now >= e->next_try)
                        try_to_lead(e);
                return;
        }
        if (keep_books(e, now, &err) < 0) {
                engine_reset(e, &err);
                return;
        }
        engine_clock(e);
        if (e->fenced) {
                e->fenced = false;
                err_set(&err, ERR_FENCED, "a worker obeys a later leadership");
                engine_reset(e, &err);
                return;
        }
        world_tick(e, now);
        calls_tick(e, now);
        if (is_due(&e->poll_at, now, POLL_NEW_MS)) {
                e->look_new = true;
                engine_wake(e);
        }
        if (is_due(&e->usage_at, now, USAGE_MS))
                record_usage(e);
        if (is_due(&e->learned_at, now, LEARNED_MS))
                learned_record(e);
        if (is_due(&e->sweep_at, now, SWEEP_MS)) {
                jobs_deadlines(e);
                act_resend(e);
        }
        wait_sweep(e, now);
        if (retries_are_due(e->m) || !commit_is_empty(&e->commit))
                engine_wake(e);
        /* Timers run before the loop sleeps, passes after it. */
        if (e->want_pass)
                uv_timer_start(&e->pace, on_pace, 1, 0);
}

/* ---- life
 * -------------------------------------------------------------------------------------------------------- */

static int read_instance(struct engine *e, struct err *err)
{
        char hex[40];
        uint8_t id[16];

        if (connect_db(e, err) < 0)
                return -1;
        randombytes_buf(id, sizeof id);
        hex_encode(id, sizeof id, hex);
        if (store_setting_put(e->db, "instance", hex, err) < 0 ||
            store_setting_get(e->db, "instance", hex, sizeof hex, err) != 1)
                return -1;
        if (hex_decode(hex, e->instance, sizeof e->instance) < 0)
                return err_set(err, ERR_SYSTEM, "setting \"instance\" in the database is not 32 hex digits");
        return 0;
}

int engine_new(const struct engine_settings *s, struct engine **ret, struct err *err)
{
        struct engine *e = xcalloc(1, sizeof *e);
        char host[64] = "localhost";
        uint32_t word = randombytes_random();

        e->set = *s;
        e->loop = s->loop;
        gethostname(host, sizeof host - 1);
        snprintf(e->holder, sizeof e->holder, "%s pid %d %08x", host, (int)getpid(), word);
        if (read_instance(e, err) < 0 || world_secret_load(e, err) < 0) {
                db_close(e->db);
                free(e);
                return -1;
        }
        uv_timer_init(e->loop, &e->tick);
        uv_timer_init(e->loop, &e->pace);
        uv_timer_init(e->loop, &e->notify);
        uv_check_init(e->loop, &e->check);
        e->tick.data = e->pace.data = e->notify.data = e->check.data = e;
        uv_check_start(&e->check, on_check);
        uv_timer_start(&e->tick, on_tick, 0, TICK_MS);
        *ret = e;
        return 0;
}

void engine_stop(struct engine *e)
{
        e->stopping = true;
        if (e->leading)
                end_leadership(e);
        unwatch(e);
        uv_timer_stop(&e->tick);
        uv_close((uv_handle_t *)&e->tick, NULL);
        uv_close((uv_handle_t *)&e->pace, NULL);
        uv_close((uv_handle_t *)&e->notify, NULL);
        uv_close((uv_handle_t *)&e->check, NULL);
}

void engine_free(struct engine *e)
{
        if (!e)
                return;
        db_close(e->db);
        commit_release(&e->commit);
        plan_release(&e->plan);
        arena_release(&e->arena);
        free(e->finished);
        free(e->told);
        sodium_memzero(e->seal_secret, sizeof e->seal_secret);
        free(e);
}
