/* SPDX-License-Identifier: Apache-2.0 */
/* How an attempt is ended: a signal at once to its process group (and its control group), and in the same
 * turn of the loop one look at every process of the account for what has left those, by session and by mark.
 * The look costs as much as there are processes, so it is shared: ten thousand attempts that end together are
 * one.
 */
#include "worker/keeping.h"

#include "worker/pids.h"
#include "worker/procs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void signal_owed(struct keeper *k, struct attempt *a, int signo)
{
        a->run->signal_due = signo;
        k->kills_due = true;
}

static void kill_now(struct keeper *k, struct attempt *a)
{
        loop_timer_cancel(k->loop, a->run->timer);
        a->run->timer = 0;
        a->run->kill_sent = true;
        if (a->run->cgroup)
                cgroup_kill(&k->cgroups, a->key);
        if (!a->run->adopted)
                kill(-a->run->pid, SIGKILL);
        signal_owed(k, a, SIGKILL);
}

/* The grace: its own group, whose members may forward what they got; of an adopted one, everything. */
static void ask_to_end(struct keeper *k, struct attempt *a)
{
        if (a->run->adopted) {
                signal_owed(k, a, SIGTERM);
                return;
        }
        kill(-a->run->pid, SIGTERM);
        kill(-a->run->pid, SIGCONT);
}

static void on_grace_end(void *arg)
{
        struct run *run = arg;

        run->timer = 0;
        kill_now(run->keeper, run->owner);
}

void attempt_kill(struct keeper *k, struct attempt *a, enum outcome outcome, uint32_t grace_ms,
                  const char *text)
{
        struct run *run = a->run;
        bool first = run->outcome == OUTCOME_COUNT;

        if (first) {
                run->outcome = (uint8_t)outcome;
                snprintf(run->text, sizeof run->text, "%s", text);
        }
        if (run->kill_sent || (!first && grace_ms))
                return;
        if (!grace_ms) {
                kill_now(k, a);
                return;
        }
        loop_timer_cancel(k->loop, run->timer);
        attempt_timer(k, a, grace_ms, on_grace_end);
        ask_to_end(k, a);
}

/* The attempt of this process, if it is owed a signal. */
static struct attempt *owed(struct keeper *k, const struct pids *leaders, const struct proc *p)
{
        struct attempt *a = pids_find(leaders, p->session);
        struct attempt_key key;

        if (!a && procs_key(p->pid, k->launcher.spool_hex, &key))
                a = work_find(&k->work, key);
        return a && a->run && a->run->signal_due ? a : NULL;
}

void kills_send(struct keeper *k)
{
        struct list *lists[] = {&k->work.running, &k->work.exited};
        struct pids leaders;
        struct proc *all;
        size_t n;

        if (!k->kills_due)
                return;
        k->kills_due = false;
        n = procs_scan(&all);
        pids_init(&leaders, &k->work, true);
        for (size_t i = 0; i < n; i++) {
                struct attempt *a = NULL;

                if (all[i].pid != getpid() && all[i].pid != k->agent_pid && all[i].state != 'Z')
                        a = owed(k, &leaders, &all[i]);
                if (!a)
                        continue;
                procs_kill(&all[i], a->run->signal_due);
                if (a->run->signal_due == SIGTERM)
                        procs_kill(&all[i], SIGCONT);
        }
        pids_release(&leaders);
        free(all);
        for (size_t i = 0; i < 2; i++) {
                for (struct attempt *a = lists[i]->first; a; a = a->next)
                        a->run->signal_due = 0;
        }
}
