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
#include "worker/keeper.h"
#include "worker/pids.h"
#include "worker/procs.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN_MAX PROCS_MAX /* looked at in one sweep */

int64_t attempts_clock_us(void)
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

void attempt_memory_words(char *to, size_t size, const struct attempt *a)
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
                attempt_memory_words(res->text, sizeof res->text, a);
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

void attempt_end_with(struct keeper *k, struct attempt *a, const struct proto_result *res)
{
        work_end(&k->work, a, res);
        record_ended(k, a);
}

void attempt_end_unstarted(struct keeper *k, struct attempt *a, enum outcome outcome, const char *text)
{
        struct proto_result res = {
            .key = a->key, .outcome = (uint8_t)outcome, .end_wall_ms = clock_wall_ms()};

        snprintf(res.text, sizeof res.text, "%s", text);
        attempt_end_with(k, a, &res);
}

/* ---- exits and leftovers ---- */

static struct attempt *by_pid(const struct list *l, pid_t pid)
{
        struct attempt *a = l->first;

        while (a && (a->run->pid != pid || a->run->adopted))
                a = a->next;
        return a;
}

void attempt_on_exit(struct keeper *k, struct attempt *a, int status, const struct rusage *usage)
{
        struct run *run = a->run;

        run->status = status;
        run->usage = *usage;
        run->end_wall_ms = clock_wall_ms();
        run->end_boot_us = attempts_clock_us();
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
                        attempt_on_exit(k, a, status, &usage);
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
bool attempt_cap_logs(struct attempt *a)
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
                attempt_end_with(k, a, res);
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
        attempt_end_with(k, a, &res);
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
        if ((run->stdout_bytes || run->stderr_bytes) && !attempt_cap_logs(a) &&
            run->outcome == OUTCOME_COUNT) {
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
