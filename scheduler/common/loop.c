/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include "util.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EVENTS_MAX  256 /* taken from epoll at a time */
#define SIGNALS_MAX 65

struct watch {
        loop_fd_cb cb; /* NULL: free */
        void *arg;
        unsigned interest;
        uint32_t generation; /* goes into the epoll data, so that late events are known as such */
        bool in_epoll;
};

struct timer {
        int64_t due_ms;
        uint64_t seq; /* order of setting, for equal due times */
        loop_timer_cb cb;
        void *arg;
        size_t place; /* index in the heap */
        uint32_t generation;
        bool set;
};

struct signal_watch {
        loop_signal_cb cb;
        void *arg;
};

struct loop {
        int epoll_fd, signal_fd;
        sigset_t signals;
        struct signal_watch on_signal[SIGNALS_MAX];

        struct watch *watches; /* by descriptor */
        size_t watch_cap;
        uint32_t generation;

        struct timer *timers; /* slots; a handle is generation and slot */
        size_t timer_count, timer_cap;
        uint32_t *free_slots;
        size_t free_count, free_cap;
        uint32_t *heap; /* slots, the next due first */
        size_t heap_len, heap_cap;
        uint64_t seq;

        loop_timer_cb turn_end;
        void *turn_end_arg;
        int64_t now_ms;
        bool stop;
};

int loop_new(struct loop **ret, struct err *err)
{
        struct loop *l = xcalloc(1, sizeof *l);

        l->signal_fd = -1;
        sigemptyset(&l->signals);
        l->now_ms = clock_boot_ms();
        l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (l->epoll_fd < 0) {
                free(l);
                return err_errno(err, "could not create an event queue");
        }
        *ret = l;
        return 0;
}

void loop_free(struct loop *l)
{
        if (!l)
                return;
        close(l->epoll_fd);
        if (l->signal_fd >= 0)
                close(l->signal_fd);
        free(l->watches);
        free(l->timers);
        free(l->free_slots);
        free(l->heap);
        free(l);
}

int64_t loop_now_ms(const struct loop *l)
{
        return l->now_ms;
}

/* ---- descriptors ---- */

static int watch_apply(struct loop *l, int fd)
{
        struct watch *w = &l->watches[fd];
        struct epoll_event ev = {.data.u64 = (uint64_t)w->generation << 32 | (uint32_t)fd};
        int op;

        if (w->interest & LOOP_READ)
                ev.events |= EPOLLIN;
        if (w->interest & LOOP_WRITE)
                ev.events |= EPOLLOUT;
        if (!w->interest && !w->in_epoll)
                return 0;
        /* Without interest it leaves epoll altogether: a hang-up is reported regardless and would spin. */
        op = !w->interest ? EPOLL_CTL_DEL : w->in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
        if (epoll_ctl(l->epoll_fd, op, fd, &ev) < 0)
                return -1;
        w->in_epoll = w->interest != 0;
        return 0;
}

static void watches_make_room(struct loop *l, int fd)
{
        size_t old = l->watch_cap;

        if ((size_t)fd < old)
                return;
        l->watches = xgrow(l->watches, (size_t)fd, &l->watch_cap, sizeof *l->watches);
        memset(l->watches + old, 0, (l->watch_cap - old) * sizeof *l->watches);
}

int loop_fd_add(struct loop *l, int fd, unsigned interest, loop_fd_cb cb, void *arg, struct err *err)
{
        struct watch *w;

        if (fd < 0)
                return err_set(err, ERR_SYSTEM, "cannot watch a descriptor that is not open");
        watches_make_room(l, fd);
        w = &l->watches[fd];
        if (!w->cb)
                w->generation = ++l->generation;
        w->cb = cb;
        w->arg = arg;
        w->interest = interest;
        if (watch_apply(l, fd) < 0) {
                w->cb = NULL;
                return err_errno(err, "could not watch descriptor %d", fd);
        }
        return 0;
}

void loop_fd_want(struct loop *l, int fd, unsigned interest)
{
        if (fd < 0 || (size_t)fd >= l->watch_cap || !l->watches[fd].cb || l->watches[fd].interest == interest)
                return;
        l->watches[fd].interest = interest;
        watch_apply(l, fd);
}

void loop_fd_remove(struct loop *l, int fd)
{
        struct watch *w;

        if (fd < 0 || (size_t)fd >= l->watch_cap || !l->watches[fd].cb)
                return;
        w = &l->watches[fd];
        w->interest = 0;
        watch_apply(l, fd);
        *w = (struct watch){0};
}

static void watch_dispatch(struct loop *l, const struct epoll_event *ev)
{
        uint32_t fd = (uint32_t)ev->data.u64, generation = (uint32_t)(ev->data.u64 >> 32);
        struct watch *w = fd < l->watch_cap ? &l->watches[fd] : NULL;
        unsigned ready = 0;

        if (!w || !w->cb || w->generation != generation)
                return;
        if (ev->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                ready |= LOOP_READ;
        if (ev->events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
                ready |= LOOP_WRITE;
        w->cb(w->arg, (int)fd, ready);
}

/* ---- timers: a binary heap of slots ---- */

static bool timer_before(const struct loop *l, uint32_t a, uint32_t b)
{
        const struct timer *x = &l->timers[a], *y = &l->timers[b];

        return x->due_ms != y->due_ms ? x->due_ms < y->due_ms : x->seq < y->seq;
}

static void heap_put(struct loop *l, size_t place, uint32_t slot)
{
        l->heap[place] = slot;
        l->timers[slot].place = place;
}

static void heap_up(struct loop *l, size_t place)
{
        uint32_t slot = l->heap[place];

        while (place > 0 && timer_before(l, slot, l->heap[(place - 1) / 2])) {
                heap_put(l, place, l->heap[(place - 1) / 2]);
                place = (place - 1) / 2;
        }
        heap_put(l, place, slot);
}

static void heap_down(struct loop *l, size_t place)
{
        uint32_t slot = l->heap[place];

        for (;;) {
                size_t child = 2 * place + 1;

                if (child >= l->heap_len)
                        break;
                if (child + 1 < l->heap_len && timer_before(l, l->heap[child + 1], l->heap[child]))
                        child++;
                if (!timer_before(l, l->heap[child], slot))
                        break;
                heap_put(l, place, l->heap[child]);
                place = child;
        }
        heap_put(l, place, slot);
}

static void timer_drop(struct loop *l, uint32_t slot)
{
        size_t place = l->timers[slot].place;
        uint32_t last = l->heap[--l->heap_len];

        if (last != slot) {
                heap_put(l, place, last);
                heap_up(l, place);
                heap_down(l, l->timers[last].place);
        }
        l->timers[slot].set = false;
        l->free_slots = xgrow(l->free_slots, l->free_count, &l->free_cap, sizeof *l->free_slots);
        l->free_slots[l->free_count++] = slot;
}

uint64_t loop_timer_set(struct loop *l, int64_t delay_ms, loop_timer_cb cb, void *arg)
{
        struct timer *t;
        uint32_t slot;

        if (l->free_count) {
                slot = l->free_slots[--l->free_count];
        } else {
                l->timers = xgrow(l->timers, l->timer_count, &l->timer_cap, sizeof *l->timers);
                slot = (uint32_t)l->timer_count++;
                l->timers[slot] = (struct timer){0};
        }
        t = &l->timers[slot];
        t->generation = (t->generation + 1) & 0x7fffffffU;
        if (!t->generation)
                t->generation = 1;
        /* The clock itself, not the turn's: a turn that took long must not shorten the delay. */
        t->due_ms = clock_boot_ms() + (delay_ms > 0 ? delay_ms : 0);
        t->seq = ++l->seq;
        t->cb = cb;
        t->arg = arg;
        t->set = true;
        l->heap = xgrow(l->heap, l->heap_len, &l->heap_cap, sizeof *l->heap);
        l->heap[l->heap_len] = slot;
        heap_up(l, l->heap_len++);
        return (uint64_t)t->generation << 32 | slot;
}

void loop_timer_cancel(struct loop *l, uint64_t handle)
{
        uint32_t slot = (uint32_t)handle, generation = (uint32_t)(handle >> 32);

        if (!handle || slot >= l->timer_count || !l->timers[slot].set ||
            l->timers[slot].generation != generation)
                return;
        timer_drop(l, slot);
}

/* Only those set before this round: a timer that sets itself again with no delay must not keep the turn. */
static void timers_run(struct loop *l)
{
        uint64_t last = l->seq;

        while (!l->stop && l->heap_len) {
                uint32_t slot = l->heap[0];
                struct timer t = l->timers[slot];

                if (t.due_ms > l->now_ms || t.seq > last)
                        break;
                timer_drop(l, slot);
                t.cb(t.arg);
        }
}

static int timers_wait_ms(const struct loop *l)
{
        int64_t left;

        if (!l->heap_len)
                return -1;
        left = l->timers[l->heap[0]].due_ms - clock_boot_ms();
        return left <= 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/* ---- signals ---- */

static void on_signal_fd(void *arg, int fd, unsigned ready)
{
        struct loop *l = arg;
        struct signalfd_siginfo si;

        (void)ready;
        while (read(fd, &si, sizeof si) == (ssize_t)sizeof si) {
                if (si.ssi_signo < SIGNALS_MAX && l->on_signal[si.ssi_signo].cb)
                        l->on_signal[si.ssi_signo].cb(l->on_signal[si.ssi_signo].arg, (int)si.ssi_signo);
        }
}

int loop_signal_add(struct loop *l, int signo, loop_signal_cb cb, void *arg, struct err *err)
{
        sigset_t one;
        int fd;

        if (signo <= 0 || signo >= SIGNALS_MAX)
                return err_set(err, ERR_SYSTEM, "cannot watch signal %d", signo);
        sigemptyset(&one);
        sigaddset(&one, signo);
        sigaddset(&l->signals, signo);
        l->on_signal[signo] = (struct signal_watch){cb, arg};
        sigprocmask(SIG_BLOCK, &one, NULL);
        fd = signalfd(l->signal_fd, &l->signals, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return err_errno(err, "could not watch signal %d", signo);
        if (l->signal_fd >= 0)
                return 0;
        l->signal_fd = fd;
        return loop_fd_add(l, fd, LOOP_READ, on_signal_fd, l, err);
}

/* ---- turns ---- */

void loop_on_turn_end(struct loop *l, loop_timer_cb cb, void *arg)
{
        l->turn_end = cb;
        l->turn_end_arg = arg;
}

int loop_run(struct loop *l, struct err *err)
{
        struct epoll_event events[EVENTS_MAX];

        l->stop = false;
        while (!l->stop) {
                int n = epoll_wait(l->epoll_fd, events, EVENTS_MAX, timers_wait_ms(l));

                if (n < 0 && errno != EINTR)
                        return err_errno(err, "could not wait for events");
                l->now_ms = clock_boot_ms();
                for (int i = 0; i < n && !l->stop; i++)
                        watch_dispatch(l, &events[i]);
                /* Clocks are looked at after everything readable: our own stall must not expire a peer's
                 * time. */
                l->now_ms = clock_boot_ms();
                timers_run(l);
                if (l->turn_end)
                        l->turn_end(l->turn_end_arg);
        }
        return 0;
}

void loop_stop(struct loop *l)
{
        l->stop = true;
}
