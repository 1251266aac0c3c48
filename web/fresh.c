/* SPDX-License-Identifier: Apache-2.0 */
#include "web/fresh.h"

#include "common/num.h"
#include "common/util.h"
#include "common/ids.h"
#include "web/api.h"
#include "web/assets.h"
#include "web/routes.h"
#include "web/web_priv.h"

#include <pthread.h>
#include <string.h>

struct answer {
        uint64_t key; /* 0: none */
        uint64_t begun;
        int64_t made_at; /* boot ms */
        char etag[ETAG_MAX];
};

struct fresh {
        pthread_mutex_t lock;
        uint64_t now;   /* grows with every word */
        uint64_t floor; /* answers begun before it are old */
        struct answer answers[FRESH_ANSWERS];
        uint64_t changed[FRESH_SLOTS]; /* when a job of that slot was named last */
};

struct fresh *fresh_new(void)
{
        struct fresh *f = xcalloc(1, sizeof *f);

        pthread_mutex_init(&f->lock, NULL);
        f->now = 1;
        return f;
}

void fresh_free(struct fresh *f)
{
        if (!f)
                return;
        pthread_mutex_destroy(&f->lock);
        free(f);
}

/* ---- what changed ----------------------------------------------------------------------------------------
 */

/* Several jobs share a slot: what is said of one makes the others look changed, too, which is only slower. */
static uint64_t *slot_of(struct fresh *f, int64_t job)
{
        return &f->changed[hash_mix((uint64_t)job) % FRESH_SLOTS];
}

void fresh_heard(struct fresh *f, const char *payload)
{
        char *end;

        pthread_mutex_lock(&f->lock);
        f->now++;
        if (!*payload)
                f->floor = f->now;
        for (const char *p = payload; *p && *p != '-'; p = end + (*end == ',')) {
                int64_t job = strtoll(p, &end, 10);

                if (end == p) {
                        f->floor = f->now; /* not what we know */
                        break;
                }
                if (job > 0)
                        *slot_of(f, job) = f->now;
        }
        pthread_mutex_unlock(&f->lock);
}

uint64_t fresh_now(struct fresh *f)
{
        uint64_t now;

        pthread_mutex_lock(&f->lock);
        now = f->now;
        pthread_mutex_unlock(&f->lock);
        return now;
}

/* ---- answers ---------------------------------------------------------------------------------------------
 */

/* Numbers of the jobs of which alone the answer to the request is made; NULL: there is more to it. */
static const char *jobs_of(const struct request *rq)
{
        if (!rq->route || !(rq->route->flags & ROUTE_JOBS))
                return NULL;
        return rq->route->handler == api_jobs ? request_query(rq, "ids") : rq->captures[0];
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
        const uint8_t *b = p;

        for (size_t i = 0; i < n; i++)
                h = (h ^ b[i]) * UINT64_C(0x100000001b3);
        return h;
}

/* Who asks what, and what he may see. */
static uint64_t key_of(const struct request *rq)
{
        uint64_t h = mix(UINT64_C(0xcbf29ce484222325), rq->who->hash, sizeof rq->who->hash);

        h = mix(h, rq->who->project_ids, rq->who->project_count * sizeof *rq->who->project_ids);
        return mix(h, rq->uri, strlen(rq->uri)) | 1;
}

/* Where the answer is, or may be: a few places for each key, so that clients do not push out each other. */
static struct answer *answer_slot(struct fresh *f, uint64_t key)
{
        struct answer *set = &f->answers[key / 2 % (FRESH_ANSWERS / FRESH_WAYS) * FRESH_WAYS], *oldest = set;

        for (struct answer *a = set; a < set + FRESH_WAYS; a++) {
                if (a->key == key)
                        return a;
                if (a->made_at < oldest->made_at)
                        oldest = a;
        }
        return oldest;
}

static bool any_changed(struct fresh *f, const char *ids, uint64_t since)
{
        char *end;

        for (const char *p = ids; *p; p = end + (*end == ',')) {
                int64_t job = strtoll(p, &end, 10);

                if (end == p)
                        return true;
                if (job > 0 && *slot_of(f, job) > since)
                        return true;
        }
        return false;
}

bool fresh_changed(struct fresh *f, int64_t job, uint64_t since)
{
        bool changed;

        pthread_mutex_lock(&f->lock);
        changed = since < f->floor || *slot_of(f, job) > since;
        pthread_mutex_unlock(&f->lock);
        return changed;
}

bool fresh_is_known(struct fresh *f, struct request *rq)
{
        const char *seen = MHD_lookup_connection_value(rq->con, MHD_HEADER_KIND, "If-None-Match");
        const char *ids = seen ? jobs_of(rq) : NULL;
        const struct answer *a;
        bool known = false;
        uint64_t key;

        if (!ids)
                return false;
        key = key_of(rq);
        pthread_mutex_lock(&f->lock);
        a = answer_slot(f, key);
        if (a->key == key && a->begun >= f->floor && clock_boot_ms() - a->made_at < FRESH_MS &&
            strcmp(a->etag, seen) == 0 && !any_changed(f, ids, a->begun)) {
                known = true;
                request_header(rq, "ETag", "%s", a->etag);
                request_header(rq, "Cache-Control", "no-cache");
        }
        pthread_mutex_unlock(&f->lock);
        return known;
}

void fresh_remember(struct fresh *f, const struct request *rq, const char *etag, uint64_t begun)
{
        uint64_t key;
        struct answer *a;

        if (!jobs_of(rq))
                return;
        key = key_of(rq);
        pthread_mutex_lock(&f->lock);
        a = answer_slot(f, key);
        *a = (struct answer){.key = key, .begun = begun, .made_at = clock_boot_ms()};
        memcpy(a->etag, etag, strlen(etag) + 1);
        pthread_mutex_unlock(&f->lock);
}
