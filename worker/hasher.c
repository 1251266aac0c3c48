/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/hasher.h"

#include "common/util.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK (128u << 10) /* stays in the processor's cache between reading and summing */

struct hasher {
        pthread_mutex_t lock;
        pthread_cond_t news;
        pthread_t thread;
        bool has_thread, over; /* over: the thread ends */

        int fd; /* -1: nothing to do */
        uint64_t at, to;
        int error; /* errno */
        bool busy; /* the thread reads, without the lock */
        struct sha256 sum;
        uint8_t chunk[CHUNK];
};

/* One step towards `to`. Returns bytes; what cannot be read is an error and ends it. */
static size_t step(struct hasher *h, int fd, uint64_t at, uint64_t to, int *ret_error)
{
        size_t want = to - at < CHUNK ? (size_t)(to - at) : CHUNK;
        ssize_t n;

        do {
                n = pread(fd, h->chunk, want, (off_t)at);
        } while (n < 0 && errno == EINTR);
        if (n > 0)
                sha256_add(&h->sum, h->chunk, (size_t)n);
        else
                *ret_error = n < 0 ? errno : EIO;
        return n > 0 ? (size_t)n : 0;
}

static bool has_work(const struct hasher *h)
{
        return h->fd >= 0 && !h->error && h->at < h->to;
}

static void *follow(void *arg)
{
        struct hasher *h = arg;

        pthread_mutex_lock(&h->lock);
        while (!h->over) {
                int fd = h->fd, error = 0;
                uint64_t at = h->at, to = h->to;
                size_t n;

                if (!has_work(h)) {
                        pthread_cond_wait(&h->news, &h->lock);
                        continue;
                }
                h->busy = true;
                pthread_mutex_unlock(&h->lock);
                n = step(h, fd, at, to, &error);
                pthread_mutex_lock(&h->lock);
                h->busy = false;
                h->at += n;
                h->error = error;
                if (!has_work(h)) /* somebody may wait for that */
                        pthread_cond_broadcast(&h->news);
        }
        pthread_mutex_unlock(&h->lock);
        return NULL;
}

struct hasher *hasher_new(void)
{
        struct hasher *h = xcalloc(1, sizeof *h);
        sigset_t all, old;

        h->fd = -1;
        pthread_mutex_init(&h->lock, NULL);
        pthread_cond_init(&h->news, NULL);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        h->has_thread = pthread_create(&h->thread, NULL, follow, h) == 0;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        return h;
}

void hasher_free(struct hasher *h)
{
        if (!h)
                return;
        hasher_stop(h);
        pthread_mutex_lock(&h->lock);
        h->over = true;
        pthread_cond_broadcast(&h->news);
        pthread_mutex_unlock(&h->lock);
        if (h->has_thread)
                pthread_join(h->thread, NULL);
        pthread_cond_destroy(&h->news);
        pthread_mutex_destroy(&h->lock);
        free(h);
}

void hasher_begin(struct hasher *h, int fd, uint64_t offset, const struct sha256 *sum)
{
        hasher_stop(h);
        pthread_mutex_lock(&h->lock);
        h->fd = fd;
        h->at = h->to = offset;
        h->error = 0;
        h->sum = *sum;
        pthread_mutex_unlock(&h->lock);
}

void hasher_reach(struct hasher *h, uint64_t to)
{
        pthread_mutex_lock(&h->lock);
        h->to = to;
        while (!h->has_thread && has_work(h))
                h->at += step(h, h->fd, h->at, h->to, &h->error);
        pthread_cond_broadcast(&h->news);
        pthread_mutex_unlock(&h->lock);
}

int hasher_end(struct hasher *h, uint8_t ret[32])
{
        int error;

        pthread_mutex_lock(&h->lock);
        while (h->busy || has_work(h))
                pthread_cond_wait(&h->news, &h->lock);
        error = h->fd < 0 ? EBADF : h->error;
        h->fd = -1;
        sha256_end(&h->sum, ret);
        pthread_mutex_unlock(&h->lock);
        errno = error;
        return error ? -1 : 0;
}

void hasher_stop(struct hasher *h)
{
        pthread_mutex_lock(&h->lock);
        h->fd = -1;
        while (h->busy)
                pthread_cond_wait(&h->news, &h->lock);
        pthread_mutex_unlock(&h->lock);
}
