/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to attempts: queued -> running -> exited -> (finishing ->) ended.
 *
 * "Exited" means that the leader is reaped. The keeper is the reaper of everything an attempt leaves behind
 * (PR_SET_CHILD_SUBREAPER), so leftovers are simply its other children: one look at that list serves all
 * attempts that exited since the last one. Leftovers are killed, and only then is the result written.
 */
#include "worker/keeping.h"

#include "common/log.h"
#include "common/num.h"
#include "common/util.h"
#include "worker/files.h"
#include "worker/guard.h"
#include "worker/keeper.h"
#include "worker/pids.h"
#include "worker/procs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN_MAX PROCS_MAX /* looked at in one sweep */

static int64_t clock_boot_us(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* ---- results ---- */

static uint64_t timeval_us(struct timeval t)
{
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static void result_measure(struct proto_result *res, const struct run *run)
{
        res->start_wall_ms = run->start_wall_ms;
        res->end_wall_ms = run->end_wall_ms;
        res->wall_us =
            run->end_boot_us > run->start_boot_us ? (uint64_t)(run->end_boot_us - run->start_boot_us) : 0;
        res->user_us = timeval_us(run->usage.ru_utime);
        res->system_us = timeval_us(run->usage.ru_stime);
        res->memory_peak = (uint64_t)run->usage.ru_maxrss << 10;
        if (run->memory_seen > res->memory_peak)
                res->memory_peak = run->memory_seen;
        res->read_bytes = (uint64_t)run->usage.ru_inblock << 9;
        res->write_bytes = (uint64_t)run->usage.ru_oublock << 9;
        res->stdout_bytes = run->stdout_bytes;
        res->stderr_bytes = run->stderr_bytes;
        res->log_cut = run->log_cut;
}

static void memory_words(char *to, size_t size, const struct attempt *a)
{
        char limit[32];

        snprintf(to, size, "its processes used more than its %s of memory",
                 num_format_size((int64_t)a->job->t.resources.memory, limit));
}

/* How it ended, from why we killed it, from what its group says, or from its own status. */
static void result_judge(struct proto_result *res, const struct attempt *a, const struct cgroup_usage *group)
{
        const struct run *run = a->run;
        bool exited = WIFEXITED(run->status);

        res->code = exited ? WEXITSTATUS(run->status) : WTERMSIG(run->status);
        if (run->outcome != OUTCOME_COUNT) {
                res->outcome = run->outcome;
                snprintf(res->text, sizeof res->text, "%s", run->text);
        } else if (run->adopted && !run->status_known) {
                res->outcome = OUTCOME_VANISHED;
                res->code = 0;
                snprintf(res->text, sizeof res->text,
                         "it outlived the worker that started it; how it ended is not known");
        } else if (exited && res->code == 0) {
                res->outcome = OUTCOME_SUCCEEDED;
        } else if (group->oom_kills) {
                res->outcome = OUTCOME_MEMORY_LIMIT;
                memory_words(res->text, sizeof res->text, a);
        } else if (exited) {
                res->outcome = OUTCOME_EXIT;
                if (group->refused)
                        snprintf(res->text, sizeof res->text,
                                 "it wanted more than the %u processes and threads it is allowed",
                                 a->job->t.process_limit);
        } else {
                res->outcome = OUTCOME_SIGNAL;
                snprintf(res->text, sizeof res->text, "%s", strsignal(res->code));
        }
}

static void end_with(struct keeper *k, struct attempt *a, const struct proto_result *res)
{
        work_end(&k->work, a, res);
        record_ended(k, a);
}

void attempt_end_unstarted(struct keeper *k, struct attempt *a, enum outcome outcome, const char *text)
{
        struct proto_result res = {
            .key = a->key, .outcome = (uint8_t)outcome, .end_wall_ms = clock_wall_ms()};

        snprintf(res.text, sizeof res.text, "%s", text);
        end_with(k, a, &res);
}

/* ---- starting ---- */

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
        end_with(k, a, &res);
}

static void limit_timer(struct keeper *k, struct attempt *a, int64_t ran_ms);

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
        run->start_boot_us = clock_boot_us();
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
                end_with(k, a, &res);
                return;
        }
        if (!a->job->plan && launch_plan_make(&k->launcher, a->job, &err) < 0) {
                snprintf(res.text, sizeof res.text, "%s", err.text);
                end_with(k, a, &res);
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
        limit_timer(k, a, -1);
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

/* ---- exits and leftovers ---- */

static struct attempt *by_pid(const struct list *l, pid_t pid)
{
        struct attempt *a = l->first;

        while (a && (a->run->pid != pid || a->run->adopted))
                a = a->next;
        return a;
}

static void on_exit_of(struct keeper *k, struct attempt *a, int status, const struct rusage *usage)
{
        struct run *run = a->run;

        run->status = status;
        run->usage = *usage;
        run->end_wall_ms = clock_wall_ms();
        run->end_boot_us = clock_boot_us();
        loop_timer_cancel(k->loop, run->timer);
        work_give_back(&k->work, &a->job->t.resources, run->gpus);
        work_move(&k->work, a, PHASE_EXITED);
}

void attempts_on_child(struct keeper *k)
{
        struct rusage usage;
        int status;
        pid_t pid;

        while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
                struct attempt *a = by_pid(&k->work.running, pid);

                if (a)
                        on_exit_of(k, a, status, &usage);
                else if (pid == k->agent_pid)
                        k->agent_pid = 0;
        }
}

/* The attempt a process belongs to: by its session, else by its mark. */
static struct attempt *owner(struct keeper *k, const struct pids *leaders, const struct proc *p)
{
        struct attempt_key key;
        struct attempt *a = pids_find(leaders, p->session);

        if (!a && procs_key(p->pid, k->launcher.spool_hex, &key))
                a = work_find(&k->work, key);
        return a;
}

/* Started before everything that runs now: it can only belong to what has ended. */
static bool is_older_than_all(const struct keeper *k, const struct proc *p)
{
        int64_t start_ms = (int64_t)(p->start_ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK));

        for (struct attempt *a = k->work.running.first; a; a = a->next) {
                /* A tick of 10 ms is as fine as /proc tells. */
                if (start_ms + 20 >= a->run->start_boot_us / 1000)
                        return false;
        }
        return true;
}

static void sweep_child(struct keeper *k, const struct pids *leaders, pid_t pid)
{
        struct attempt *a;
        struct proc p;

        if (!procs_read(pid, &p) || p.state == 'Z')
                return;
        a = owner(k, leaders, &p);
        if (a && a->phase == PHASE_RUNNING)
                return;
        if (a && a->run)
                a->run->leftovers = true;
        else if (!a && !is_older_than_all(k, &p))
                return;
        /* Our own child and not reaped: its number cannot have passed to another. */
        kill(pid, SIGKILL);
        k->sweep_again = true;
}

static void sweep(struct keeper *k)
{
        static pid_t children[CHILDREN_MAX];
        ssize_t n = procs_children(children, CHILDREN_MAX);
        struct pids leaders;

        k->sweep_again = false;
        for (struct attempt *a = k->work.exited.first; a; a = a->next)
                a->run->leftovers = false;
        /* As many as there should be: leaders not reaped yet, and the agent. */
        if (!k->adopting && n == (ssize_t)k->work.running.count + (k->agent_pid > 0))
                return;
        pids_init(&leaders, &k->work, true);
        for (ssize_t i = 0; i < n; i++) {
                struct attempt *a = pids_find(&leaders, children[i]);

                if (children[i] != k->agent_pid && (!a || a->phase != PHASE_RUNNING))
                        sweep_child(k, &leaders, children[i]);
        }
        pids_release(&leaders);
}

/* ---- logs ---- */

/* Returns false when a log is too long and cannot be cut. */
static bool cap_logs(struct attempt *a)
{
        const struct proto_template *t = &a->job->t;
        struct run *run = a->run;
        int out, err;

        if (!t->log_head && !t->log_tail)
                return true;
        out = spool_log_cap(run->dir->path, LOG_STDOUT, t->log_head, t->log_tail);
        err = spool_log_cap(run->dir->path, LOG_STDERR, t->log_head, t->log_tail);
        run->log_cut |= (uint8_t)((out > 0 ? 1 : 0) | (err > 0 ? 2 : 0));
        return out >= 0 && err >= 0;
}

/* ---- from exited to ended ---- */

void attempt_put_finish(struct keeper *k, const struct attempt *a)
{
        const struct proto_template *t = &a->job->t;
        char path[96];
        size_t mark;
        struct buf *b = keeper_frame(k, K_FINISH, &mark);

        if (!b)
                return;
        spool_final_path(a->key, path);
        put_key(b, a->key);
        buf_str(b, path);
        buf_str(b, t->workdir);
        buf_str(b, t->output_dataset);
        buf_u32(b, t->output_count);
        for (uint32_t i = 0; i < t->output_count; i++)
                buf_str(b, t->outputs[i]);
        keeper_frame_end(k, mark);
}

/* The run is over and measured in `res`: end it, or first have its outputs kept. */
void attempt_finish_by_result(struct keeper *k, struct attempt *a, const struct proto_result *res,
                              bool outputs)
{
        if (!outputs) {
                end_with(k, a, res);
                return;
        }
        a->run->result = xmalloc(sizeof *res);
        *a->run->result = *res;
        work_move(&k->work, a, PHASE_FINISHING);
        record_finishing(k, a);
        attempt_put_finish(k, a);
}

void attempt_published(struct keeper *k, struct attempt *a, enum outcome outcome, uint32_t count,
                       const char *text)
{
        struct proto_result res = *a->run->result;

        res.outcome = (uint8_t)outcome;
        res.output_count = count;
        snprintf(res.text, sizeof res.text, "%s", text);
        end_with(k, a, &res);
}

/* Nothing of the attempt lives: read its group, and remove it. */
static struct cgroup_usage run_group_end(struct keeper *k, struct attempt *a)
{
        struct cgroup_usage group = {0};

        if (!a->run->cgroup)
                return group;
        cgroup_read(&k->cgroups, a->key, &group);
        if (group.memory_peak > a->run->memory_seen)
                a->run->memory_seen = group.memory_peak;
        if (cgroup_remove(&k->cgroups, a->key) < 0)
                log_warn("could not remove the control group of %lld.%d#%d", (long long)a->key.job,
                         a->key.task, a->key.attempt);
        return group;
}

static void finalize(struct keeper *k, struct attempt *a)
{
        struct proto_result res = {.key = a->key};
        struct cgroup_usage group = run_group_end(k, a);
        struct run *run = a->run;
        char path[96];
        bool outputs;

        spool_logs(run->dir->path, &run->stdout_bytes, &run->stderr_bytes);
        if ((run->stdout_bytes || run->stderr_bytes) && !cap_logs(a) && run->outcome == OUTCOME_COUNT) {
                run->outcome = OUTCOME_OUTPUT_LIMIT;
                snprintf(run->text, sizeof run->text,
                         "its log is larger than is kept, and cannot be cut on this file system");
        }
        result_measure(&res, run);
        result_judge(&res, a, &group);
        outputs = res.outcome == OUTCOME_SUCCEEDED && a->job->t.output_count;
        spool_settle(&k->spool, run->dir, a->key, outputs, path);
        run->dir = NULL;
        attempt_finish_by_result(k, a, &res, outputs);
}

void attempts_finalize(struct keeper *k)
{
        kills_send(k);
        if (!k->work.exited.first && !k->sweep_again)
                return;
        sweep(k);
        for (struct attempt *a = k->work.exited.first, *next; a; a = next) {
                next = a->next;
                if (a->run->cgroup && !cgroup_is_empty(&k->cgroups, a->key)) {
                        cgroup_kill(&k->cgroups, a->key);
                        a->run->leftovers = k->sweep_again = true;
                }
                if (!a->run->leftovers)
                        finalize(k, a);
        }
}

/* ---- limits of time ---- */

static void on_time_limit(void *arg)
{
        struct run *run = arg;
        const struct proto_template *t = &run->owner->job->t;
        char text[96], length[32];

        run->timer = 0;
        snprintf(text, sizeof text, "it ran longer than its time limit of %s",
                 num_format_duration((int64_t)t->time_limit_ms, length));
        attempt_kill(run->keeper, run->owner, OUTCOME_TIME_LIMIT, t->kill_grace_ms, text);
}

/* Its program alone is told; who is no child of ours is known by its mark. */
static void on_warn(void *arg)
{
        struct run *run = arg;
        struct keeper *k = run->keeper;
        const struct proto_template *t = &run->owner->job->t;
        uint64_t left = t->warn_ms < t->time_limit_ms ? t->warn_ms : t->time_limit_ms;
        struct attempt_key key;

        run->timer = 0;
        if (run->outcome != OUTCOME_COUNT)
                return;
        if (!run->adopted ||
            (procs_key(run->pid, k->launcher.spool_hex, &key) && attempt_key_equal(key, run->owner->key)))
                kill(run->pid, t->warn_signal);
        attempt_timer(k, run->owner, left, on_time_limit);
}

/* The warning, then the limit. ran_ms: since its start, -1 when it starts now. */
static void limit_timer(struct keeper *k, struct attempt *a, int64_t ran_ms)
{
        const struct proto_template *t = &a->job->t;
        uint64_t ran = ran_ms > 0 ? (uint64_t)ran_ms : 0, left;

        if (!t->time_limit_ms)
                return;
        left = t->time_limit_ms > ran ? t->time_limit_ms - ran : 0;
        if (t->warn_signal && (left > t->warn_ms || ran_ms < 0))
                attempt_timer(k, a, left > t->warn_ms ? left - t->warn_ms : 0, on_warn);
        else
                attempt_timer(k, a, left, on_time_limit);
}

void attempts_resume(struct keeper *k)
{
        for (struct attempt *a = k->work.running.first; a; a = a->next) {
                int64_t ran = (clock_boot_us() - a->run->start_boot_us) / 1000;

                limit_timer(k, a, ran > 0 ? ran : 0);
        }
        attempts_watch(k);
}

void attempts_lease_ended(struct keeper *k)
{
        /* What runs, and what waits: the scheduler counts both as lost from now on. */
        for (struct attempt *a = k->work.queue.first, *next; a; a = next) {
                next = a->next;
                attempt_end_unstarted(k, a, OUTCOME_LEASE_EXPIRED, "the lease ended before it was started");
        }
        for (struct attempt *a = k->work.running.first, *next; a; a = next) {
                next = a->next;
                attempt_kill(k, a, OUTCOME_LEASE_EXPIRED, 0,
                             "no word from the scheduler until the lease ended");
        }
}

/* ---- the tick, while something runs ---- */

static void report_started(struct keeper *k, int64_t now_us)
{
        struct buf *b = NULL;
        uint32_t n = 0;
        size_t mark = 0, count_at = 0;

        for (struct attempt *a = k->work.running.first; a; a = a->next) {
                if (a->run->reported || now_us - a->run->start_boot_us < MOMENT_MS * 1000)
                        continue;
                a->run->reported = true;
                record_started(k, a);
                if (!b && !(b = keeper_frame(k, K_STARTED, &mark)))
                        continue;
                if (!n) {
                        count_at = buf_len(b);
                        buf_u32(b, 0);
                }
                put_key(b, a->key);
                buf_u64(b, (uint64_t)a->run->start_wall_ms);
                buf_str(b, a->run->dir->path);
                buf_u64(b, a->job->t.disk_limit);
                n++;
                if (n == BATCH_MAX) {
                        buf_patch_u32(b, count_at, n);
                        keeper_frame_end(k, mark);
                        b = NULL;
                        n = 0;
                }
        }
        if (b) {
                buf_patch_u32(b, count_at, n);
                keeper_frame_end(k, mark);
        }
}

static void check_logs(struct keeper *k)
{
        for (struct attempt *a = k->work.running.first; a; a = a->next) {
                if (a->run->reported && !cap_logs(a))
                        attempt_kill(k, a, OUTCOME_OUTPUT_LIMIT, 0,
                                     "its log is larger than is kept, and cannot be cut on this file system");
        }
}

/* Give each process the key of its attempt: by session, by mark, or by its parent's. */
static void attribute(struct keeper *k, struct proc *all, size_t n)
{
        struct pids leaders;
        bool more = true;

        pids_init(&leaders, &k->work, false);
        for (size_t i = 0; i < n; i++) {
                struct attempt *a = pids_find(&leaders, all[i].session);

                if (a)
                        all[i].key = a->key;
                else
                        procs_key(all[i].pid, k->launcher.spool_hex, &all[i].key);
        }
        pids_release(&leaders);
        while (more) {
                more = false;
                for (size_t i = 0; i < n; i++) {
                        size_t low = 0, high = n;

                        while (low < high) {
                                size_t mid = (low + high) / 2;

                                if (all[mid].pid < all[i].parent)
                                        low = mid + 1;
                                else
                                        high = mid;
                        }
                        if (!all[i].key.job && low < n && all[low].pid == all[i].parent && all[low].key.job) {
                                all[i].key = all[low].key;
                                more = true;
                        }
                }
        }
}

static void check_usage(struct keeper *k, struct attempt *a, const struct proc *all, size_t n)
{
        uint64_t bytes = 0, limit = a->job->t.resources.memory;
        uint32_t count = 0;
        char text[120];

        for (size_t i = 0; i < n; i++) {
                if (attempt_key_equal(all[i].key, a->key) && all[i].state != 'Z') {
                        bytes += all[i].rss_bytes;
                        count += all[i].threads;
                }
        }
        if (bytes > a->run->memory_seen)
                a->run->memory_seen = bytes;
        if (limit && bytes > limit && !(a->run->cgroup & CGROUP_MEMORY)) {
                memory_words(text, sizeof text, a);
                attempt_kill(k, a, OUTCOME_MEMORY_LIMIT, 0, text);
        } else if (a->job->t.process_limit && count > a->job->t.process_limit &&
                   !(a->run->cgroup & CGROUP_PIDS)) {
                snprintf(text, sizeof text, "it had %u processes and threads; %u are allowed", count,
                         a->job->t.process_limit);
                attempt_kill(k, a, OUTCOME_MEMORY_LIMIT, 0, text);
        }
}

/* The kernel killed a part of it at its memory limit: the rest goes too, as where all goes at once. */
static void check_group(struct keeper *k, struct attempt *a)
{
        struct cgroup_usage group;
        char text[120];

        cgroup_read(&k->cgroups, a->key, &group);
        if (!group.oom_kills || a->run->outcome != OUTCOME_COUNT)
                return;
        memory_words(text, sizeof text, a);
        attempt_kill(k, a, OUTCOME_MEMORY_LIMIT, 0, text);
}

static bool is_measured(const struct attempt *a)
{
        return (a->job->t.resources.memory && !(a->run->cgroup & CGROUP_MEMORY)) ||
               (a->job->t.process_limit && !(a->run->cgroup & CGROUP_PIDS));
}

static void check_memory(struct keeper *k)
{
        struct proc *all = NULL;
        size_t n = 0;

        for (struct attempt *a = k->work.running.first; a; a = a->next) {
                if (a->run->cgroup & CGROUP_MEMORY)
                        check_group(k, a);
                if (!a->run->reported || !is_measured(a))
                        continue;
                if (!all) {
                        n = procs_scan(&all);
                        attribute(k, all, n);
                }
                check_usage(k, a, all, n);
        }
        free(all);
}

/* Its guard collected it and left a note, unless that was killed as well. */
static void on_adopted_end(struct keeper *k, struct attempt *a)
{
        struct guard_note note = {0};

        a->run->status_known = guard_find(a->run->pid, a->run->start_boot_us, &note);
        on_exit_of(k, a, note.status, &note.usage);
        if (!a->run->status_known)
                return;
        a->run->end_wall_ms = note.end_wall_ms;
        a->run->end_boot_us = note.end_boot_us;
}

/* An adopted attempt has ended when no process bears its mark; one that is to die is killed again and again.
 */
static void check_adopted(struct keeper *k)
{
        struct proc *all;
        size_t n = procs_scan(&all);
        bool any = false;

        for (size_t i = 0; i < n; i++) {
                if (all[i].state == 'Z' || !procs_key(all[i].pid, k->launcher.spool_hex, &all[i].key))
                        all[i].key = (struct attempt_key){0};
        }
        for (struct attempt *a = k->work.running.first, *next; a; a = next) {
                bool lives = false;

                next = a->next;
                if (!a->run->adopted)
                        continue;
                for (size_t i = 0; i < n; i++) {
                        if (!attempt_key_equal(all[i].key, a->key))
                                continue;
                        lives = true;
                        if (a->run->kill_sent)
                                procs_kill(&all[i], SIGKILL);
                }
                if (a->run->cgroup && !cgroup_is_empty(&k->cgroups, a->key)) {
                        lives = true;
                        if (a->run->kill_sent)
                                cgroup_kill(&k->cgroups, a->key);
                }
                if (!lives)
                        on_adopted_end(k, a);
                any |= lives;
        }
        free(all);
        k->adopting = any;
}

static void on_tick(void *arg)
{
        struct keeper *k = arg;
        int64_t now = loop_now_ms(k->loop);

        k->tick_timer = 0;
        report_started(k, clock_boot_us());
        if (now - k->logs_ms >= LOGS_EVERY_MS) {
                k->logs_ms = now;
                check_logs(k);
                if (k->adopting)
                        check_adopted(k);
        }
        if (now - k->memory_ms >= MEMORY_EVERY_MS) {
                k->memory_ms = now;
                check_memory(k);
        }
        attempts_watch(k);
}

void attempts_watch(struct keeper *k)
{
        const struct attempt *newest = k->work.running.last;

        if (k->tick_timer || !newest)
                return;
        k->tick_timer =
            loop_timer_set(k->loop, newest->run->reported ? LOGS_EVERY_MS : MOMENT_MS, on_tick, k);
}
