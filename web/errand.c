/* SPDX-License-Identifier: Apache-2.0 */
#include "web/errand.h"

#include "common/util.h"
#include "web/wake.h"

#include <pthread.h>

#define THREADS_HIGHEST 8

/* Everything but the work itself happens under the pool's lock. */
struct errand {
        struct errands *pool;
        struct errand *next;
        struct request *rq; /* who waits; NULL: nobody any more */
        void (*work)(void *arg);
        void (*release)(void *arg);
        void *arg;
        bool done;
};

struct errands {
        pthread_mutex_t lock;
        pthread_cond_t more;
        struct errand *first, **last;
        size_t waiting, count;
        bool closed;
        pthread_t threads[THREADS_HIGHEST];
};

static void errand_free(struct errand *e)
{
        e->release(e->arg);
        free(e);
}

static void *errands_main(void *arg)
{
        struct errands *p = arg;
        struct errand *e;

        pthread_mutex_lock(&p->lock);
        for (;;) {
                while (!p->first && !p->closed)
                        pthread_cond_wait(&p->more, &p->lock);
                e = p->first;
                if (!e)
                        break;
                p->first = e->next;
                if (!p->first)
                        p->last = &p->first;
                p->waiting--;
                pthread_mutex_unlock(&p->lock);
                e->work(e->arg);
                pthread_mutex_lock(&p->lock);
                e->done = true;
                if (e->rq)
                        wake_request(e->rq);
                else
                        errand_free(e);
        }
        pthread_mutex_unlock(&p->lock);
        return NULL;
}

int errands_start(size_t threads, struct errands **ret, struct err *err)
{
        struct errands *p = xcalloc(1, sizeof *p);

        pthread_mutex_init(&p->lock, NULL);
        pthread_cond_init(&p->more, NULL);
        p->last = &p->first;
        *ret = p;
        while (p->count < threads && p->count < THREADS_HIGHEST) {
                if (pthread_create(&p->threads[p->count], NULL, errands_main, p) != 0)
                        return err_set(err, ERR_SYSTEM, "could not start a thread for errands");
                p->count++;
        }
        return 0;
}

void errands_stop(struct errands *p)
{
        if (!p)
                return;
        pthread_mutex_lock(&p->lock);
        p->closed = true;
        pthread_cond_broadcast(&p->more);
        pthread_mutex_unlock(&p->lock);
        for (size_t i = 0; i < p->count; i++)
                pthread_join(p->threads[i], NULL);
        pthread_cond_destroy(&p->more);
        pthread_mutex_destroy(&p->lock);
        free(p);
}

int errand_start(struct errands *p, struct request *rq, void (*work)(void *arg), void (*release)(void *arg),
                 void *arg, struct err *err)
{
        struct errand *e;
        bool full;

        e = xcalloc(1, sizeof *e);
        *e = (struct errand){.pool = p, .rq = rq, .work = work, .release = release, .arg = arg};
        rq->wait_until = clock_boot_ms() + ERRAND_WAIT_MS;
        rq->recheck_ms = ERRAND_WAIT_MS;
        pthread_mutex_lock(&p->lock);
        full = p->waiting >= ERRAND_QUEUE_MAX || p->closed;
        if (!full) {
                *p->last = e;
                p->last = &e->next;
                p->waiting++;
                pthread_cond_signal(&p->more);
        }
        pthread_mutex_unlock(&p->lock);
        if (full) {
                errand_free(e);
                return err_set(err, ERR_UNAVAILABLE, "too many such requests at once; try again");
        }
        rq->errand = e;
        return 0;
}

void *errand_done(struct request *rq)
{
        struct errand *e = rq->errand;
        bool done;

        pthread_mutex_lock(&e->pool->lock);
        done = e->done;
        pthread_mutex_unlock(&e->pool->lock);
        return done ? e->arg : NULL;
}

void errand_drop(struct request *rq)
{
        struct errand *e = rq->errand;
        struct errands *p;
        bool done;

        if (!e)
                return;
        rq->errand = NULL;
        p = e->pool;
        pthread_mutex_lock(&p->lock);
        e->rq = NULL;
        done = e->done;
        pthread_mutex_unlock(&p->lock);
        if (done)
                errand_free(e);
}
