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

struct auth {
        pthread_mutex_t lock;
        struct remembered cache[AUTH_CACHE_MAX]; /* by the first bits of the hash; a clash evicts */
        uint64_t generation;                     /* moves with auth_forget */
};

static int look_up(struct db *db, const uint8_t *hash, bool cookie, struct principal **ret, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        int rc = cookie ? store_auth_session(db, hash, SESSION_IDLE_MS, &r, err)
                        : store_auth_token(db, hash, &r, err);

        if (rc < 0)
                return -1;
        if (!rows_next(r))
                return 0;
        return principal_load(db, r, hash, cookie, ret, err) < 0 ? -1 : 1;
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
        rc = look_up(db, hash, cookie, &p, err);
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

        if (!cookie && !token_is_whole(secret))
                return 0;
        secret_hash(secret, hash);
        return check_hash(a, db, hash, cookie, ret, err);
}

int auth_again(struct auth *a, struct db *db, const struct principal *who, struct principal **ret,
               struct err *err)
{
        return check_hash(a, db, who->hash, who->by_cookie, ret, err);
}
