/* SPDX-License-Identifier: Apache-2.0 */
/* Starting attempts: queued -> running, in the order of the queue, as what is free allows. */
#include "worker/keeping.h"

#include "common/log.h"
#include "common/util.h"
#include "worker/files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool disk_is_low(struct keeper *k)
{
        uint64_t free_bytes, total;
        int64_t now = loop_now_ms(k->loop);

        if (k->disk_ms && now - k->disk_ms < RETRY_MS)
                return k->disk_low;
        k->disk_ms = now;
        disk_space(&free_bytes, &total);
        k->disk_low = total && free_bytes < DISK_RESERVE;
        return k->disk_low;
}

/* The stream whose file a step opens, or -1. */
static int stream_of(const char *what)
{
        int i = 2;

        while (i >= 0 && strcmp(what, launch_streams[i]) != 0)
                i--;
        return i;
}

/* Whose fault an error before exec is, by step. */
static enum outcome start_outcome(int error, const char *what)
{
        if (error == ENOSPC || error == EDQUOT)
                return OUTCOME_DISK_FULL;
        return strcmp(what, "exec") == 0 || strcmp(what, "chdir") == 0 || stream_of(what) >= 0
                   ? OUTCOME_NOT_STARTED
                   : OUTCOME_REFUSED;
}

static void start_failed(struct keeper *k, struct attempt *a, int error, const char *what)
{
        const struct proto_template *t = &a->job->t;
        struct proto_result res = {.key = a->key, .code = error, .end_wall_ms = clock_wall_ms()};

        res.outcome = (uint8_t)start_outcome(error, what);
        if (strcmp(what, "exec") == 0)
                snprintf(res.text, sizeof res.text, "could not start \"%.300s\": %s",
                         t->script ? "the job's script" : t->argv[0], strerror(error));
        else if (strcmp(what, "chdir") == 0)
                snprintf(res.text, sizeof res.text, "could not enter its directory \"%.300s\": %s",
                         t->workdir ? t->workdir : "spool", strerror(error));
        else if (stream_of(what) >= 0)
                snprintf(res.text, sizeof res.text, "could not open the file of its %s, \"%.300s\": %s", what,
                         t->stdio[stream_of(what)], strerror(error));
        else if (strcmp(what, LAUNCH_PART) == 0)
                snprintf(res.text, sizeof res.text, "the list of its files is not here: %s", strerror(error));
        else
                snprintf(res.text, sizeof res.text, "the worker could not make a process (%s): %s", what,
                         strerror(error));
        attempt_end_with(k, a, &res);
}

void attempt_timer(struct keeper *k, struct attempt *a, uint64_t delay_ms, loop_timer_cb cb)
{
        int64_t delay = delay_ms > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)delay_ms;

        a->run->timer = loop_timer_set(k->loop, delay, cb, a->run);
}

static struct run *run_new(struct keeper *k, struct attempt *a, struct workdir *d)
{
        struct run *run = xcalloc(1, sizeof *run);

        run->owner = a;
        run->keeper = k;
        run->dir = d;
        run->outcome = OUTCOME_COUNT;
        run->start_wall_ms = clock_wall_ms();
        run->start_boot_us = attempts_clock_us();
        return run;
}

/* An attempt without limits needs no group, and goes without: a group costs about as much as a start. */
static void group_make(struct keeper *k, struct attempt *a, struct run *run, struct launch_place *place)
{
        const struct proto_template *t = &a->job->t;

        for (int i = 0; i < CGROUP_KINDS; i++)
                place->group_fds[i] = -1;
        if (t->resources.memory || t->process_limit)
                run->cgroup =
                    cgroup_make(&k->cgroups, a->key, t->resources.memory, t->process_limit, place->group_fds);
}

static void group_close(struct launch_place *place)
{
        for (int i = 0; i < CGROUP_KINDS; i++) {
                if (place->group_fds[i] >= 0)
                        close(place->group_fds[i]);
                place->group_fds[i] = -1;
        }
}

/* For the next keeper, should this one be killed. */
static void note_started(struct keeper *k, const struct attempt *a, const struct run *run)
{
        struct started *s = &k->memory->started[a->index % STARTED_KEPT];

        s->index = a->index + 1;
        s->start_wall_ms = run->start_wall_ms;
        s->start_boot_us = run->start_boot_us;
        s->pid = run->pid;
        snprintf(s->dir, sizeof s->dir, "%s", run->dir->path);
}

/* Returns 0 or the errno of the step *ret_what. */
static int launch(struct keeper *k, struct attempt *a, struct run *run, struct launch_place *place,
                  const char **ret_what)
{
        int error;

        group_make(k, a, run, place);
        note_started(k, a, run);
        error = launch_start(&k->launcher, a->job, a->key, place, &run->pid, ret_what);
        group_close(place);
        if (error && run->cgroup)
                cgroup_remove(&k->cgroups, a->key);
        if (error && strcmp(*ret_what, "cgroup") == 0) {
                log_warn("control groups cannot be used any more (%s): limits are measured from now on",
                         strerror(error));
                cgroups_close(&k->cgroups);
                run->cgroup = 0;
                error = launch_start(&k->launcher, a->job, a->key, place, &run->pid, ret_what);
        }
        note_started(k, a, run);
        return error;
}

/* Streams that go to files outside of its own directory are read there. */
static void note_streams(const struct proto_template *t, const struct launch_stdio *io, const char *dir)
{
        static const char *const logs[3] = {NULL, LOG_STDOUT, LOG_STDERR};

        for (int i = 1; i < 3; i++) {
                const char *path = io->path[i];
                char full[PATH_TEXT_MAX];

                if (!*path || (i == 2 && strcmp(path, io->path[1]) == 0) || (path[0] != '/' && !t->workdir))
                        continue;
                if ((size_t)snprintf(full, sizeof full, "%s%s%s", path[0] == '/' ? "" : t->workdir,
                                     path[0] == '/' ? "" : "/", path) < sizeof full)
                        spool_log_elsewhere(dir, logs[i], full);
        }
}

static void start_one(struct keeper *k, struct attempt *a)
{
        const struct proto_resources *need = &a->job->t.resources;
        const char *what = "directory", *missing = launch_missing_input(a->job);
        struct proto_result res = {.key = a->key, .outcome = OUTCOME_REFUSED, .end_wall_ms = clock_wall_ms()};
        struct err err = {0};
        struct workdir *d = NULL;
        static struct launch_stdio stdio;
        struct launch_place place;
        struct run *run;
        int error = 0;

        if (missing) {
                res.outcome = OUTCOME_INPUT_MISSING;
                snprintf(res.text, sizeof res.text, "no readable input at \"%.400s\"", missing);
                attempt_end_with(k, a, &res);
                return;
        }
        if (!a->job->plan && launch_plan_make(&k->launcher, a->job, &err) < 0) {
                snprintf(res.text, sizeof res.text, "%s", err.text);
                attempt_end_with(k, a, &res);
                return;
        }
        if (spool_take(&k->spool, &d, &place.out_fd, &place.err_fd, &error) < 0) {
                start_failed(k, a, error, what);
                return;
        }
        run = run_new(k, a, d);
        work_take(&k->work, need, &run->gpus);
        place.dir = d->path;
        place.gpus = run->gpus;
        what = launch_streams[1];
        place.stdio = launch_stdio_fill(&k->launcher, a->job, a->key, &stdio, &error) ? &stdio : NULL;
        if (!error)
                error = launch(k, a, run, &place, &what);
        close(place.out_fd);
        close(place.err_fd);
        if (error) {
                char path[96];

                work_give_back(&k->work, need, run->gpus);
                spool_settle(&k->spool, d, a->key, false, path);
                free(run);
                start_failed(k, a, error, what);
                return;
        }
        a->run = run;
        if (place.stdio)
                note_streams(&a->job->t, &stdio, d->path);
        work_move(&k->work, a, PHASE_RUNNING);
        attempt_limits(k, a, -1);
        attempts_watch(k);
}

static bool may_start(struct keeper *k)
{
        return k->has_lease && !k->stopping && !k->journal_failed &&
               k->memory->lease_until_ms > clock_boot_ms();
}

static void on_start_again(void *arg)
{
        struct keeper *k = arg;

        k->start_timer = 0;
}

void attempts_start(struct keeper *k)
{
        int started = 0;

        while (k->work.queue.first && may_start(k)) {
                struct attempt *a = k->work.queue.first;
                struct err why;

                if (a->index >= k->durable_index)
                        return;
                if (work_can_ever_fit(&k->work, &a->job->t.resources, &why) < 0 && k->work.offer.made) {
                        attempt_end_unstarted(k, a, OUTCOME_REFUSED, why.text);
                        continue;
                }
                if (!work_fits_now(&k->work, &a->job->t.resources))
                        return;
                if (started++ == STARTS_A_TURN) {
                        /* Events first; a timer that is due brings us back. */
                        if (!k->start_timer)
                                k->start_timer = loop_timer_set(k->loop, 0, on_start_again, k);
                        return;
                }
                k->memory->started_index = a->index + 1;
                if (disk_is_low(k))
                        attempt_end_unstarted(k, a, OUTCOME_DISK_FULL,
                                              "less than 64 MiB are free at the site");
                else
                        start_one(k, a);
        }
}
