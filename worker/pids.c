/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/pids.h"

#include "common/util.h"

#include <stdlib.h>

static int by_pid(const void *a, const void *b)
{
        pid_t x = ((const struct pid_of *)a)->pid, y = ((const struct pid_of *)b)->pid;

        return (x > y) - (x < y);
}

static void add_all(struct pids *p, const struct list *l)
{
        for (struct attempt *a = l->first; a; a = a->next) {
                if (a->run->pid > 0 && !a->run->adopted)
                        p->items[p->count++] = (struct pid_of){a->run->pid, a};
        }
}

void pids_init(struct pids *p, const struct work *w, bool with_exited)
{
        size_t most = (size_t)w->running.count + (with_exited ? w->exited.count : 0);

        *p = (struct pids){.items = xcalloc(most ? most : 1, sizeof *p->items)};
        if (with_exited)
                add_all(p, &w->exited);
        add_all(p, &w->running);
        qsort(p->items, p->count, sizeof *p->items, by_pid);
}

void pids_release(struct pids *p)
{
        free(p->items);
        *p = (struct pids){0};
}

struct attempt *pids_find(const struct pids *p, pid_t pid)
{
        size_t low = 0, high = p->count;
        struct attempt *found = NULL;

        while (low < high) {
                size_t mid = (low + high) / 2;

                if (p->items[mid].pid < pid)
                        low = mid + 1;
                else
                        high = mid;
        }
        /* A number may have passed on: what runs is its bearer. */
        for (; low < p->count && p->items[low].pid == pid; low++) {
                if (!found || p->items[low].a->phase == PHASE_RUNNING)
                        found = p->items[low].a;
        }
        return found;
}
