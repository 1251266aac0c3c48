/* SPDX-License-Identifier: Apache-2.0 */
/* What runs is watched: limits of time, memory, processes and logs, and attempts that an earlier keeper
 * started. */
#include "worker/keeping.h"

#include "common/num.h"
#include "common/util.h"
#include "worker/guard.h"
#include "worker/keeper.h"
#include "worker/pids.h"
#include "worker/procs.h"

#include <signal.h>
#include <stdio.h>

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
void attempt_limits(struct keeper *k, struct attempt *a, int64_t ran_ms)
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
                int64_t ran = (attempts_clock_us() - a->run->start_boot_us) / 1000;

                attempt_limits(k, a, ran > 0 ? ran : 0);
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
                if (a->run->reported && !attempt_cap_logs(a))
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
                attempt_memory_words(text, sizeof text, a);
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
        attempt_memory_words(text, sizeof text, a);
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
        attempt_on_exit(k, a, note.status, &note.usage);
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
        report_started(k, attempts_clock_us());
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
