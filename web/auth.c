/* SPDX-License-Identifier: Apache-2.0 */
#include "web/auth.h"

#include "common/num.h"
#include "common/util.h"

#include <pthread.h>
#include <string.h>

struct remembered {
        struct principal *who; /* NULL: empty */
        int64_t until_ms;
};

struct attempts_from {
        char address[48];
        int failures;
        int64_t last_ms;
};

struct auth {
        pthread_mutex_t lock;
        struct remembered cache[AUTH_CACHE_MAX]; /* by the first bits of the hash; a clash evicts */
        uint64_t generation;                     /* moves with auth_forget */
        struct attempts_from from[LOGIN_ADDRESSES_MAX];
};

/* ---- principals ------------------------------------------------------------------------------------------
 */

struct principal *principal_ref(struct principal *p)
{
        atomic_fetch_add(&p->refs, 1);
        return p;
}

void principal_unref(struct principal *p)
{
        if (!p || atomic_fetch_sub(&p->refs, 1) > 1)
                return;
        for (size_t i = 0; i < p->project_count; i++)
                free(p->project_names[i]);
        free(p->project_names);
        free(p->project_ids);
        free(p->name);
        free(p);
}

int32_t principal_project(const struct principal *p, const char *name)
{
        for (size_t i = 0; i < p->project_count; i++)
                if (strcmp(p->project_names[i], name) == 0)
                        return (int32_t)p->project_ids[i];
        return -1;
}

bool principal_sees(const struct principal *p, int64_t project)
{
        if (p->role == ROLE_ADMIN)
                return true;
        for (size_t i = 0; i < p->project_count; i++)
                if (p->project_ids[i] == project)
                        return true;
        return false;
}

struct visible principal_visible(const struct principal *p)
{
        return (struct visible){
            .all = p->role == ROLE_ADMIN, .projects = p->project_ids, .count = p->project_count};
}

static const char *const role_names[] = {"viewer", "submitter", "admin"};

const char *role_name(enum role r)
{
        return role_names[r];
}

static enum role role_parse(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(role_names); i++)
                if (strcmp(role_names[i], name) == 0)
                        return (enum role)i;
        return ROLE_VIEWER;
}

static int principal_load_projects(struct principal *p, struct db *db, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        size_t i = 0;

        if (store_auth_projects(db, p->user, p->role == ROLE_ADMIN, &r, err) < 0)
                return -1;
        p->project_ids = xcalloc(rows_count(r), sizeof *p->project_ids);
        p->project_names = xcalloc(rows_count(r), sizeof *p->project_names);
        for (; rows_next(r); i++) {
                p->project_ids[i] = row_int(r, "id");
                p->project_names[i] = xstrdup(row_text(r, "name"));
        }
        p->project_count = i;
        return 0;
}

static int principal_load(struct db *db, const uint8_t *hash, bool cookie, struct principal **ret,
                          struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        struct principal *p;
        int rc = cookie ? store_auth_session(db, hash, SESSION_IDLE_MS, &r, err)
                        : store_auth_token(db, hash, &r, err);

        if (rc < 0)
                return -1;
        if (!rows_next(r))
                return 0;
        p = xcalloc(1, sizeof *p);
        atomic_init(&p->refs, 1);
        p->user = (int32_t)row_int(r, "user_id");
        p->name = xstrdup(row_text(r, "name"));
        p->role = role_parse(row_text(r, "role"));
        p->by_cookie = cookie;
        memcpy(p->hash, hash, sizeof p->hash);
        if (principal_load_projects(p, db, err) < 0) {
                principal_unref(p);
                return -1;
        }
        *ret = p;
        return 1;
}

/* ---- memory ----------------------------------------------------------------------------------------------
 */

struct auth *auth_new(void)
{
        struct auth *a = xcalloc(1, sizeof *a);

        pthread_mutex_init(&a->lock, NULL);
        return a;
}

void auth_free(struct auth *a)
{
        if (!a)
                return;
        for (size_t i = 0; i < AUTH_CACHE_MAX; i++)
                principal_unref(a->cache[i].who);
        pthread_mutex_destroy(&a->lock);
        free(a);
}

static struct remembered *slot(struct auth *a, const uint8_t *hash)
{
        return &a->cache[(hash[0] | hash[1] << 8) % AUTH_CACHE_MAX];
}

static struct principal *recall(struct auth *a, const uint8_t *hash, bool cookie, uint64_t *ret_generation)
{
        struct principal *p = NULL;
        struct remembered *m = slot(a, hash);

        pthread_mutex_lock(&a->lock);
        *ret_generation = a->generation;
        if (m->who && m->until_ms > clock_boot_ms() && m->who->by_cookie == cookie &&
            bytes_equal_secret(m->who->hash, hash, SECRET_HASH_LEN))
                p = principal_ref(m->who);
        pthread_mutex_unlock(&a->lock);
        return p;
}

/* What was read before somebody's rights changed is not kept. */
static void remember(struct auth *a, struct principal *p, uint64_t generation)
{
        struct remembered *m = slot(a, p->hash);
        struct principal *old = NULL;

        pthread_mutex_lock(&a->lock);
        if (a->generation == generation) {
                old = m->who;
                *m = (struct remembered){principal_ref(p), clock_boot_ms() + AUTH_TTL_MS};
        }
        pthread_mutex_unlock(&a->lock);
        principal_unref(old);
}

void auth_forget(struct auth *a)
{
        pthread_mutex_lock(&a->lock);
        a->generation++;
        for (size_t i = 0; i < AUTH_CACHE_MAX; i++) {
                principal_unref(a->cache[i].who);
                a->cache[i].who = NULL;
        }
        pthread_mutex_unlock(&a->lock);
}

static int check_hash(struct auth *a, struct db *db, const uint8_t *hash, bool cookie, struct principal **ret,
                      struct err *err)
{
        struct principal *p;
        uint64_t generation;
        int rc;

        p = recall(a, hash, cookie, &generation);
        if (p) {
                *ret = p;
                return 1;
        }
        if (!db)
                return err_set(err, ERR_UNAVAILABLE, "the database is not reachable");
        rc = principal_load(db, hash, cookie, &p, err);
        if (rc == 1) {
                remember(a, p, generation);
                *ret = p;
        }
        return rc;
}

int auth_check(struct auth *a, struct db *db, const char *secret, bool cookie, struct principal **ret,
               struct err *err)
{
        uint8_t hash[SECRET_HASH_LEN];

        secret_hash(secret, hash);
        return check_hash(a, db, hash, cookie, ret, err);
}

int auth_again(struct auth *a, struct db *db, const struct principal *who, struct principal **ret,
               struct err *err)
{
        return check_hash(a, db, who->hash, who->by_cookie, ret, err);
}

/* ---- attempts to log in ----------------------------------------------------------------------------------
 */

/* The address's record, or the one that was silent longest. */
static struct attempts_from *attempts_find(struct auth *a, const char *address)
{
        struct attempts_from *oldest = &a->from[0];

        for (size_t i = 0; i < LOGIN_ADDRESSES_MAX; i++) {
                struct attempts_from *f = &a->from[i];

                if (strcmp(f->address, address) == 0)
                        return f;
                if (f->last_ms < oldest->last_ms)
                        oldest = f;
        }
        *oldest = (struct attempts_from){0};
        strncpy(oldest->address, address, sizeof oldest->address - 1);
        return oldest;
}

/* Doubles with every failure beyond the allowed ones, up to an hour. */
static int64_t wait_after(int failures)
{
        int over = failures - LOGIN_FAILURES_MAX;

        return over < 0 ? 0 : over > 6 ? 3600 * 1000 : LOGIN_WAIT_MS << over;
}

int64_t auth_login_wait(struct auth *a, const char *address, int64_t now_ms)
{
        struct attempts_from *f;
        int64_t left;

        pthread_mutex_lock(&a->lock);
        f = attempts_find(a, address);
        left = f->failures ? f->last_ms + wait_after(f->failures) - now_ms : 0;
        if (f->failures && now_ms - f->last_ms > 2 * 3600 * 1000)
                f->failures = 0;
        pthread_mutex_unlock(&a->lock);
        return left > 0 ? left : 0;
}

void auth_login_failed(struct auth *a, const char *address, int64_t now_ms)
{
        struct attempts_from *f;

        pthread_mutex_lock(&a->lock);
        f = attempts_find(a, address);
        f->failures++;
        f->last_ms = now_ms;
        pthread_mutex_unlock(&a->lock);
}
