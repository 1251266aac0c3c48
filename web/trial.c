/* SPDX-License-Identifier: Apache-2.0 */
#include "web/trial.h"

#include "common/log.h"
#include "common/util.h"
#include "store/store_audit.h"
#include "store/store_queue.h"
#include "store/store_setup.h"
#include "store/store_sites.h"
#include "web/trial_sshd.h"
#include "web/wake.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS      1000  /* between looks at whether the SSH server runs */
#define AGAIN_MS     10000 /* before it is started again */
#define POLL_MS      100
#define KEY_MS       60000  /* for the engine to make a key */
#define UP_MS        120000 /* for the first worker to report */
#define EMPTY_MS     120000 /* for what runs there to end */
#define STOP_MS      30000
#define STATEMENT_MS 20000
#define CANCEL_MAX   10000

enum order { ORDER_NONE, ORDER_BEGIN, ORDER_END };

struct trial {
        struct web *web;
        pthread_t thread;
        bool runs, closed;
        pthread_mutex_t lock; /* of what stands below it, up to the thread's own */
        pthread_cond_t more;
        enum order order;
        char actor[128];
        enum trial_state state;
        const struct step_row *rows; /* of the list that runs, or ran last */
        size_t row_count;
        struct trial_step steps[TRIAL_STEPS_MAX];
        char message[400];
        /* the thread's own */
        struct db *db;
        struct trial_sshd sshd;
        int32_t site;
        int64_t again_at; /* boot ms */
};

struct step_row {
        const char *name;
        int (*act)(struct trial *t, char *ret_text, size_t max, struct err *err);
};

static const char *const state_words[] = {[TRIAL_NONE] = "none",
                                          [TRIAL_BEGINNING] = "beginning",
                                          [TRIAL_READY] = "ready",
                                          [TRIAL_ENDING] = "ending",
                                          [TRIAL_FAILED] = "failed"};
static const char *const step_words[] = {
    [STEP_WAITING] = "waiting", [STEP_RUNNING] = "running", [STEP_OK] = "ok", [STEP_FAILED] = "failed"};

const char *trial_state_word(enum trial_state s)
{
        return state_words[s];
}

const char *trial_step_word(const struct trial_step *s)
{
        return step_words[s->state];
}

/* Sleep a little; false when the server ends. */
static bool pause_open(struct trial *t, int64_t ms)
{
        struct timespec until = clock_ahead_ms(ms);
        bool open;

        pthread_mutex_lock(&t->lock);
        while (!t->closed && pthread_cond_timedwait(&t->more, &t->lock, &until) == 0)
                ;
        open = !t->closed;
        pthread_mutex_unlock(&t->lock);
        return open;
}

static int stopping(struct err *err)
{
        return err_set(err, ERR_UNAVAILABLE, "the server is stopping: try again when it is back");
}

static void tell(struct trial *t)
{
        wake_engine(t->web);
        wake_web(t->web, 0);
}

static int record(struct trial *t, const char *action, struct err *err)
{
        return store_audit(
            t->db,
            &(struct audit_row){t->actor, action, "/v1/setup/try", "site " TRIAL_SITE, NULL, TRIAL_SITE},
            err);
}

/* The site's row, current; NULL when there is none. -1 the database is gone. */
static int look(struct trial *t, struct rows **ret, struct err *err)
{
        struct rows *r = NULL;

        *ret = NULL;
        if (store_trial_site(t->db, TRIAL_SITE, &r, err) < 0)
                return -1;
        if (rows_next(r))
                *ret = r;
        else
                rows_free(r);
        return 0;
}

/* Look again and again until `done` says so (1), or the time is over (0). */
static int wait_for(struct trial *t, int64_t ms, bool (*done)(const struct rows *r), struct err *err)
{
        int64_t until = clock_boot_ms() + ms;

        for (;;) {
                AUTO_ROWS struct rows *r = NULL;

                if (look(t, &r, err) < 0)
                        return -1;
                if (done(r))
                        return 1;
                if (clock_boot_ms() > until)
                        return 0;
                if (!pause_open(t, POLL_MS))
                        return stopping(err);
        }
}

/* ---- beginning -------------------------------------------------------------------------------------------
 */

static int step_server(struct trial *t, char *text, size_t max, struct err *err)
{
        if (trial_sshd_start(&t->sshd, err) < 0)
                return -1;
        snprintf(text, max, "an SSH server listens on 127.0.0.1:%d", t->sshd.port);
        return 0;
}

static int add_site(struct db *db, void *arg, struct err *err)
{
        struct trial *t = arg;
        AUTO_FREE char *root = xasprintf("%s/work", t->sshd.dir);
        struct account_new a = {.backend = "libssh2", .root = root};
        struct trial_key key;
        char user[64];

        a.user = user;
        if (trial_sshd_able(user, err) < 0 || trial_sshd_key(&t->sshd, &key, err) < 0 ||
            store_site_add(db, TRIAL_SITE, t->actor, &t->site, err) < 0 ||
            store_host_add(db, t->site, "127.0.0.1", t->sshd.port, NULL, 0, err) < 0 ||
            store_account_add(db, t->site, &a, err) < 0 ||
            store_key_known(db, t->site, key.type, key.key, key.len, key.fingerprint, t->actor, err) < 0)
                return -1;
        return record(t, "POST /v1/setup/try", err);
}

static int step_site(struct trial *t, char *text, size_t max, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (look(t, &r, err) < 0)
                return -1;
        if (!r && db_tx(t->db, add_site, t, err) < 0)
                return -1;
        if (r && row_int(r, "port") != t->sshd.port)
                return err_set(err, ERR_CONFLICT,
                               "there is a site \"" TRIAL_SITE "\" that leads elsewhere: take it away first");
        if (r)
                t->site = (int32_t)row_int(r, "id");
        snprintf(text, max, "registered as " TRIAL_SITE);
        tell(t);
        return 0;
}

/* The machine made its host key itself: there is nobody in between who could have changed it. */
static int step_key(struct trial *t, char *text, size_t max, struct err *err)
{
        struct trial_key key;

        if (trial_sshd_key(&t->sshd, &key, err) < 0 ||
            store_key_known(t->db, t->site, key.type, key.key, key.len, key.fingerprint, t->actor, err) < 0)
                return -1;
        snprintf(text, max, "%s", key.fingerprint);
        return 0;
}

static bool has_key(const struct rows *r)
{
        return r && !row_null(r, "public_key");
}

static int step_login(struct trial *t, char *text, size_t max, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        int rc = wait_for(t, KEY_MS, has_key, err);

        if (rc < 0)
                return -1;
        if (rc == 0)
                return err_set(err, ERR_UNAVAILABLE,
                               "no engine made a key for the site: see the check \"engine\"");
        if (look(t, &r, err) < 0 || !r || trial_sshd_authorize(&t->sshd, row_text(r, "public_key"), err) < 0)
                return r ? -1 : err_set(err, ERR_CONFLICT, "somebody removed the site meanwhile");
        snprintf(text, max, "Reeve's key is in its authorized_keys");
        return 0;
}

static int step_open(struct trial *t, char *text, size_t max, struct err *err)
{
        if (store_site_intent(t->db, t->site, "open", t->actor, "to try things", err) < 0)
                return -1;
        snprintf(text, max, "it takes work");
        tell(t);
        return 0;
}

static bool is_up(const struct rows *r)
{
        return !r || strcmp(row_text(r, "health"), "up") == 0;
}

static int step_up(struct trial *t, char *text, size_t max, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        int rc = wait_for(t, UP_MS, is_up, err);
        const char *why;

        if (rc < 0 || look(t, &r, err) < 0)
                return -1;
        if (!r)
                return err_set(err, ERR_CONFLICT, "somebody removed the site meanwhile");
        why = row_null(r, "link_text") ? "its worker did not report" : row_text(r, "link_text");
        if (rc == 0)
                return err_set(err, ERR_UNAVAILABLE, "%.300s", why);
        snprintf(text, max, "its worker is connected");
        return 0;
}

/* clang-format off */
static const struct step_row beginning[] = {
    {"server", step_server}, {"site", step_site}, {"key", step_key},
    {"login", step_login}, {"open", step_open}, {"up", step_up},
};
/* clang-format on */

/* ---- ending ----------------------------------------------------------------------------------------------
 */

static int step_jobs(struct trial *t, char *text, size_t max, struct err *err)
{
        struct jobs_filter f = {.who = {.all = true},
                                .before = INT64_MAX,
                                .label = TRIAL_LABEL,
                                .label_value = TRIAL_SITE,
                                .since = INT64_MIN,
                                .until = INT64_MIN,
                                .limit = CANCEL_MAX};
        AUTO_FREE int64_t *ids = xcalloc(CANCEL_MAX, sizeof *ids);
        AUTO_ROWS struct rows *r = NULL;
        size_t n = 0;

        if (store_intents_find(t->db, &f, "cancel", &r, err) < 0)
                return -1;
        while (n < CANCEL_MAX && rows_next(r))
                ids[n++] = row_int(r, "id");
        if (n && store_intents_add(t->db, ids, n, "cancel", t->actor, err) < 0)
                return -1;
        if (n)
                snprintf(text, max, "%zu cancelled", n);
        else
                snprintf(text, max, "none was left");
        tell(t);
        return 0;
}

static bool is_empty(const struct rows *r)
{
        return !r || row_int(r, "busy") == 0;
}

static int step_close(struct trial *t, char *text, size_t max, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        int rc;

        if (look(t, &r, err) < 0)
                return -1;
        t->site = r ? (int32_t)row_int(r, "id") : 0;
        if (r && store_site_intent(t->db, t->site, "closed", t->actor, "no longer needed", err) < 0)
                return -1;
        tell(t);
        rc = wait_for(t, EMPTY_MS, is_empty, err);
        if (rc == 0)
                return err_set(err, ERR_UNAVAILABLE, "tasks still run there: is an engine at work?");
        snprintf(text, max, "nothing runs there any more");
        return rc < 0 ? -1 : 0;
}

static int step_worker(struct trial *t, char *text, size_t max, struct err *err)
{
        AUTO_FREE char *program = xasprintf("%s/reeve-worker", t->web->worker_dir),
                       *root = xasprintf("%s/work", t->sshd.dir), *socket = xasprintf("%s/agent.sock", root);
        const char *argv[] = {program, "stop", "--root", root, NULL};
        int code = access(socket, F_OK) == 0 ? trial_run(argv, STOP_MS, err) : 0;

        if (code < 0)
                return -1;
        snprintf(text, max, "its worker has ended");
        return code ? err_set(err, ERR_SYSTEM, "the worker would not end (%d); see %s", code, root) : 0;
}

static int take_site_away(struct db *db, void *arg, struct err *err)
{
        struct trial *t = arg;
        int rc = store_site_remove(db, t->site, err);

        if (rc == 0)
                return err_set(err, ERR_CONFLICT, "something began there again: try once more");
        return rc < 0 ? -1 : record(t, "DELETE /v1/setup/try", err);
}

static int step_remove(struct trial *t, char *text, size_t max, struct err *err)
{
        if (t->site && db_tx(t->db, take_site_away, t, err) < 0)
                return -1;
        tell(t);
        trial_sshd_stop(&t->sshd);
        t->sshd.port = 0;
        if (trial_remove(t->sshd.dir, err) < 0)
                return -1;
        snprintf(text, max, "nothing of it is left");
        return 0;
}

/* clang-format off */
static const struct step_row ending[] = {
    {"jobs", step_jobs}, {"close", step_close}, {"worker", step_worker}, {"remove", step_remove},
};
/* clang-format on */

/* ---- the thread ------------------------------------------------------------------------------------------
 */

static void step_say(struct trial *t, size_t i, int state, const char *text)
{
        pthread_mutex_lock(&t->lock);
        t->steps[i].state = state;
        snprintf(t->steps[i].text, sizeof t->steps[i].text, "%.299s", text);
        text_make_printable(t->steps[i].text);
        pthread_mutex_unlock(&t->lock);
}

static int run_steps(struct trial *t, struct err *err)
{
        for (size_t i = 0; i < t->row_count; i++) {
                char text[300] = "";

                step_say(t, i, STEP_RUNNING, "");
                if (t->rows[i].act(t, text, sizeof text, err) < 0) {
                        step_say(t, i, STEP_FAILED, err->text);
                        return -1;
                }
                step_say(t, i, STEP_OK, text);
        }
        return 0;
}

static void carry_out(struct trial *t, bool begins)
{
        struct err err;
        int rc = db_open(t->web->conninfo, "reeved try", STATEMENT_MS, &t->db, &err);

        if (rc == 0)
                rc = run_steps(t, &err);
        db_close(t->db);
        t->db = NULL;
        pthread_mutex_lock(&t->lock);
        t->state = rc < 0 ? TRIAL_FAILED : begins ? TRIAL_READY : TRIAL_NONE;
        if (rc < 0) {
                snprintf(t->message, sizeof t->message, "%.399s", err.text);
                text_make_printable(t->message);
        }
        pthread_mutex_unlock(&t->lock);
        if (rc < 0)
                log_warn("trying on this machine: %s", err.text);
}

/* As long as the directory is there, its SSH server runs. */
static void keep_server(struct trial *t)
{
        struct err err;

        if (t->state != TRIAL_READY || trial_sshd_runs(&t->sshd) || clock_boot_ms() < t->again_at)
                return;
        t->again_at = clock_boot_ms() + AGAIN_MS;
        if (trial_sshd_start(&t->sshd, &err) < 0)
                log_warn("the SSH server of " TRIAL_SITE ": %s", err.text);
}

static void *trial_main(void *arg)
{
        struct trial *t = arg;

        pthread_mutex_lock(&t->lock);
        while (!t->closed) {
                struct timespec until = clock_ahead_ms(LOOK_MS);
                enum order order = t->order;

                t->order = ORDER_NONE;
                pthread_mutex_unlock(&t->lock);
                if (order != ORDER_NONE)
                        carry_out(t, order == ORDER_BEGIN);
                keep_server(t);
                pthread_mutex_lock(&t->lock);
                if (!t->closed && t->order == ORDER_NONE)
                        pthread_cond_timedwait(&t->more, &t->lock, &until);
        }
        pthread_mutex_unlock(&t->lock);
        trial_sshd_stop(&t->sshd);
        return NULL;
}

int trial_start(struct web *w, struct err *err)
{
        struct trial *t;
        pthread_condattr_t attr;

        if (!w->try_local || !w->state_dir || !w->worker_dir)
                return 0;
        t = xcalloc(1, sizeof *t);
        t->web = w;
        t->sshd.dir = xasprintf("%s/try", w->state_dir);
        t->state = access(t->sshd.dir, F_OK) == 0 ? TRIAL_READY : TRIAL_NONE;
        pthread_mutex_init(&t->lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&t->more, &attr);
        pthread_condattr_destroy(&attr);
        w->trial = t;
        if (pthread_create(&t->thread, NULL, trial_main, t) != 0)
                return err_set(err, ERR_SYSTEM, "could not start the thread of " TRIAL_SITE);
        t->runs = true;
        return 0;
}

void trial_stop(struct web *w)
{
        struct trial *t = w->trial;

        if (!t)
                return;
        pthread_mutex_lock(&t->lock);
        t->closed = true;
        pthread_cond_broadcast(&t->more);
        pthread_mutex_unlock(&t->lock);
        if (t->runs)
                pthread_join(t->thread, NULL);
        pthread_cond_destroy(&t->more);
        pthread_mutex_destroy(&t->lock);
        free(t->sshd.dir);
        free(t);
        w->trial = NULL;
}

/* ---- asking ----------------------------------------------------------------------------------------------
 */

static bool is_able(struct web *w, char ret_user[64], struct err *err)
{
        if (!w->trial) {
                err_set(err, ERR_CONFLICT,
                        "the setting try_local is off: start reeved with --set try_local=yes, or add this "
                        "machine "
                        "as any other site");
                return false;
        }
        return trial_sshd_able(ret_user, err) == 0;
}

void trial_show(struct web *w, struct trial_shown *ret)
{
        struct trial *t = w->trial;
        struct err err;

        *ret = (struct trial_shown){0};
        ret->able = is_able(w, ret->user, &err);
        if (!ret->able)
                snprintf(ret->why, sizeof ret->why, "%.399s", err.text);
        if (!t)
                return;
        pthread_mutex_lock(&t->lock);
        ret->state = t->state;
        ret->step_count = t->row_count;
        memcpy(ret->steps, t->steps, sizeof ret->steps);
        if (t->state == TRIAL_FAILED)
                snprintf(ret->message, sizeof ret->message, "%s", t->message);
        pthread_mutex_unlock(&t->lock);
}

static int give_order(struct trial *t, enum order order, const char *actor, struct err *err)
{
        bool begins = order == ORDER_BEGIN;
        int rc = 0;

        pthread_mutex_lock(&t->lock);
        if (t->state == TRIAL_BEGINNING || t->state == TRIAL_ENDING) {
                if (begins != (t->state == TRIAL_BEGINNING))
                        rc = err_set(err, ERR_CONFLICT, "wait until it %s",
                                     begins ? "was taken away" : "has begun, or failed");
        } else {
                t->order = order;
                t->state = begins ? TRIAL_BEGINNING : TRIAL_ENDING;
                t->rows = begins ? beginning : ending;
                t->row_count = begins ? ARRAY_LEN(beginning) : ARRAY_LEN(ending);
                memset(t->steps, 0, sizeof t->steps);
                for (size_t i = 0; i < t->row_count; i++)
                        t->steps[i].name = t->rows[i].name;
                snprintf(t->actor, sizeof t->actor, "%s", actor);
                pthread_cond_broadcast(&t->more);
        }
        pthread_mutex_unlock(&t->lock);
        return rc;
}

int trial_begin(struct web *w, const char *actor, struct err *err)
{
        char user[64];

        return is_able(w, user, err) ? give_order(w->trial, ORDER_BEGIN, actor, err) : -1;
}

int trial_end(struct web *w, const char *actor, struct err *err)
{
        char user[64];

        if (!w->trial)
                return is_able(w, user, err) ? 0 : -1;
        return give_order(w->trial, ORDER_END, actor, err);
}
