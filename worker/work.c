/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/work.h"

#include "common/util.h"
#include "worker/spool.h"

#include <string.h>

#define HASH_FIRST 1024
#define JOB_HASH   256

void work_init(struct work *w)
{
        memset(w, 0, sizeof *w);
        w->hash_size = HASH_FIRST;
        w->hash = xcalloc(w->hash_size, sizeof *w->hash);
        w->job_hash = JOB_HASH;
        w->jobs = xcalloc(w->job_hash, sizeof *w->jobs);
}

static void attempt_free(struct attempt *a)
{
        if (a->run) {
                free(a->run->result);
                free(a->run->dir);
        }
        free(a->run);
        free(a->result);
        free(a);
}

static void job_free(struct job *job)
{
        proto_template_release(&job->t);
        free(job->raw);
        free(job);
}

void work_release(struct work *w)
{
        for (size_t i = 0; i < w->hash_size; i++) {
                while (w->hash[i]) {
                        struct attempt *a = w->hash[i];

                        w->hash[i] = a->hash_next;
                        attempt_free(a);
                }
        }
        for (size_t i = 0; i < w->job_hash; i++) {
                while (w->jobs[i]) {
                        struct job *job = w->jobs[i];

                        w->jobs[i] = job->next;
                        if (job->plan)
                                w->plan_free(job->plan);
                        job_free(job);
                }
        }
        free(w->hash);
        free(w->jobs);
        memset(w, 0, sizeof *w);
}

/* ---- attempts ---- */

static size_t key_bucket(const struct work *w, struct attempt_key k)
{
        uint64_t x = (uint64_t)k.job << 40 ^ (uint64_t)(uint32_t)k.task << 8 ^ (uint32_t)k.attempt;

        return hash_mix(x) & (w->hash_size - 1);
}

struct attempt *work_find(const struct work *w, struct attempt_key key)
{
        struct attempt *a = w->hash[key_bucket(w, key)];

        while (a && !attempt_key_equal(a->key, key))
                a = a->hash_next;
        return a;
}

static void hash_grow(struct work *w)
{
        struct attempt **old = w->hash;
        size_t n = w->hash_size;

        w->hash_size *= 2;
        w->hash = xcalloc(w->hash_size, sizeof *w->hash);
        for (size_t i = 0; i < n; i++) {
                while (old[i]) {
                        struct attempt *a = old[i];
                        struct attempt **to = &w->hash[key_bucket(w, a->key)];

                        old[i] = a->hash_next;
                        a->hash_next = *to;
                        *to = a;
                }
        }
        free(old);
}

static struct list *phase_list(struct work *w, enum phase p)
{
        switch (p) {
        case PHASE_QUEUED:
                return &w->queue;
        case PHASE_RUNNING:
                return &w->running;
        case PHASE_EXITED:
                return &w->exited;
        case PHASE_FINISHING:
                return &w->finishing;
        case PHASE_ENDED:
                return &w->ended;
        case PHASE_REFUSED:
                return &w->refused;
        }
        return NULL;
}

static void list_add(struct list *l, struct attempt *a)
{
        a->prev = l->last;
        a->next = NULL;
        if (l->last)
                l->last->next = a;
        else
                l->first = a;
        l->last = a;
        l->count++;
}

static void list_remove(struct list *l, struct attempt *a)
{
        if (a->prev)
                a->prev->next = a->next;
        else
                l->first = a->next;
        if (a->next)
                a->next->prev = a->prev;
        else
                l->last = a->prev;
        l->count--;
}

struct attempt *work_add(struct work *w, struct attempt_key key, struct job *job)
{
        struct attempt *a = xcalloc(1, sizeof *a);
        struct attempt **to;

        if (w->count >= w->hash_size)
                hash_grow(w);
        to = &w->hash[key_bucket(w, key)];
        a->key = key;
        a->phase = PHASE_QUEUED;
        a->index = w->next_index++;
        a->job = job;
        if (job)
                job->live++;
        a->hash_next = *to;
        *to = a;
        w->count++;
        list_add(&w->queue, a);
        return a;
}

void work_move(struct work *w, struct attempt *a, enum phase to)
{
        list_remove(phase_list(w, a->phase), a);
        a->phase = to;
        list_add(phase_list(w, to), a);
}

void work_remove(struct work *w, struct attempt *a)
{
        struct attempt **at = &w->hash[key_bucket(w, a->key)];

        while (*at != a)
                at = &(*at)->hash_next;
        *at = a->hash_next;
        list_remove(phase_list(w, a->phase), a);
        w->count--;
        if (a->job)
                a->job->live--;
        attempt_free(a);
}

void work_end(struct work *w, struct attempt *a, const struct proto_result *res)
{
        struct job *job = a->job;
        struct buf b;

        buf_init(&b, 4096);
        put_result(&b, res);
        a->result = xmalloc(buf_len(&b));
        memcpy(a->result, buf_bytes(&b), buf_len(&b));
        a->result_len = (uint16_t)buf_len(&b);
        buf_release(&b);
        if (a->run) {
                free(a->run->result);
                free(a->run->dir);
        }
        free(a->run);
        a->run = NULL;
        a->job = NULL;
        work_move(w, a, PHASE_ENDED);
        if (job) {
                job->live--;
                work_job_release_if_idle(w, job);
        }
}

/* ---- jobs ---- */

static struct job **job_place(const struct work *w, int64_t id)
{
        struct job **at = &w->jobs[hash_mix((uint64_t)id) & (w->job_hash - 1)];

        while (*at && (*at)->id != id)
                at = &(*at)->next;
        return at;
}

struct job *work_job(const struct work *w, int64_t id)
{
        return *job_place(w, id);
}

int work_add_job(struct work *w, const void *raw, size_t len, struct job **ret, struct err *err)
{
        struct proto_template t;
        struct reader r;
        struct job **at, *job;

        reader_init(&r, raw, len);
        if (get_template(&r, &t, err) < 0)
                return -1;
        at = job_place(w, t.job);
        if (*at) {
                proto_template_release(&t);
                (*at)->forgotten = false;
                *ret = *at;
                return 0;
        }
        if (w->template_bytes + len > TEMPLATES_MAX) {
                proto_template_release(&t);
                return err_set(err, ERR_LIMIT, "the worker holds %u MiB of job templates already",
                               TEMPLATES_MAX >> 20);
        }
        job = xcalloc(1, sizeof *job);
        job->id = t.job;
        job->t = t;
        job->raw = xmalloc(len);
        memcpy(job->raw, raw, len);
        job->raw_len = len;
        w->template_bytes += len;
        *at = job;
        *ret = job;
        return 0;
}

void work_job_release_if_idle(struct work *w, struct job *job)
{
        struct job **at;

        if (job->live || !job->forgotten)
                return;
        if (job->plan)
                w->plan_free(job->plan);
        at = job_place(w, job->id);
        *at = job->next;
        w->template_bytes -= job->raw_len;
        job_free(job);
}

/* ---- resources ---- */

static int custom_index(const struct work *w, const char *name)
{
        for (uint32_t i = 0; i < w->offer.total.custom_count; i++) {
                if (strcmp(w->offer.total.custom[i].name, name) == 0)
                        return (int)i;
        }
        return -1;
}

/* Add (sign 1) or subtract (-1) a need from what is free. */
static void account(struct work *w, const struct proto_resources *need, int sign)
{
        struct offer *o = &w->offer;

        o->cpus += sign * (int64_t)need->cpus;
        o->gpus += sign * (int64_t)need->gpus;
        o->memory += sign * (int64_t)need->memory;
        o->free_slots += sign;
        for (uint32_t i = 0; i < need->custom_count; i++) {
                int k = custom_index(w, need->custom[i].name);

                if (k >= 0)
                        o->custom[k] += sign * (int64_t)need->custom[i].count;
        }
}

static void account_list(struct work *w, const struct list *l)
{
        for (struct attempt *a = l->first; a; a = a->next)
                account(w, &a->job->t.resources, -1);
}

void work_offer(struct work *w, const struct proto_resources *total, uint32_t slots)
{
        struct offer *o = &w->offer;

        o->total = *total;
        o->slots = slots;
        o->made = true;
        o->cpus = total->cpus;
        o->gpus = total->gpus;
        o->memory = total->memory > INT64_MAX ? INT64_MAX : (int64_t)total->memory;
        o->free_slots = slots ? slots : INT32_MAX;
        for (uint32_t i = 0; i < total->custom_count; i++)
                o->custom[i] = total->custom[i].count;
        account_list(w, &w->running);
}

int work_can_ever_fit(const struct work *w, const struct proto_resources *need, struct err *err)
{
        const struct proto_resources *t = &w->offer.total;

        if (need->cpus > t->cpus)
                return err_set(err, ERR_LIMIT, "it needs %u cpus; this worker offers %u", need->cpus,
                               t->cpus);
        if (need->gpus > t->gpus || need->gpus > GPU_IDS_MAX)
                return err_set(err, ERR_LIMIT, "it needs %u GPUs; this worker offers %u", need->gpus,
                               t->gpus);
        if (t->memory && need->memory > t->memory)
                return err_set(err, ERR_LIMIT, "it needs %llu bytes of memory; this worker offers %llu",
                               (unsigned long long)need->memory, (unsigned long long)t->memory);
        for (uint32_t i = 0; i < need->custom_count; i++) {
                int k = custom_index(w, need->custom[i].name);
                uint32_t have = k < 0 ? 0 : t->custom[k].count;

                if (need->custom[i].count > have)
                        return err_set(err, ERR_LIMIT, "it needs %u of \"%s\"; this worker offers %u",
                                       need->custom[i].count, need->custom[i].name, have);
        }
        return 0;
}

bool work_fits_now(const struct work *w, const struct proto_resources *need)
{
        const struct offer *o = &w->offer;

#ifdef REEVE_FAULT_oversubscribe
        return true;
#endif
        if (!o->made || o->free_slots < 1 || need->cpus > o->cpus || need->gpus > o->gpus)
                return false;
        if (o->total.memory && (int64_t)need->memory > o->memory)
                return false;
        for (uint32_t i = 0; i < need->custom_count; i++) {
                int k = custom_index(w, need->custom[i].name);

                if (k < 0 || need->custom[i].count > o->custom[k])
                        return false;
        }
        return true;
}

void work_take(struct work *w, const struct proto_resources *need, uint64_t *ret_gpus)
{
        uint64_t ids = 0;

        account(w, need, -1);
        for (uint32_t id = 0, left = need->gpus; left && id < GPU_IDS_MAX; id++) {
                uint64_t bit = (uint64_t)1 << id;

                if (!(w->offer.gpu_ids & bit)) {
                        ids |= bit;
                        left--;
                }
        }
        w->offer.gpu_ids |= ids;
        *ret_gpus = ids;
}

void work_give_back(struct work *w, const struct proto_resources *need, uint64_t gpus)
{
        account(w, need, 1);
        w->offer.gpu_ids &= ~gpus;
}
