/* SPDX-License-Identifier: Apache-2.0 */
#include "web/quota.h"

#include "common/util.h"
#include "store/store_people.h"

#include <pthread.h>

struct live {
        int64_t project, user, tasks;
};

struct quota {
        pthread_mutex_t lock;
        struct live *list;
        size_t count, cap;
        int64_t read_at; /* boot ms; 0: never */
};

struct quota *quota_new(void)
{
        struct quota *q = xcalloc(1, sizeof *q);

        pthread_mutex_init(&q->lock, NULL);
        return q;
}

void quota_free(struct quota *q)
{
        if (!q)
                return;
        pthread_mutex_destroy(&q->lock);
        free(q->list);
        free(q);
}

static void put(struct quota *q, int64_t project, int64_t user, int64_t tasks)
{
        for (size_t i = 0; i < q->count; i++)
                if (q->list[i].project == project && q->list[i].user == user) {
                        q->list[i].tasks += tasks;
                        return;
                }
        q->list = xgrow(q->list, q->count, &q->cap, sizeof *q->list);
        q->list[q->count++] = (struct live){project, user, tasks};
}

/* The lock is held: whoever comes meanwhile has the answer too. */
static int look(struct quota *q, struct db *db, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (q->read_at && clock_boot_ms() - q->read_at < QUOTA_TTL_MS)
                return 0;
        if (store_live_by_member(db, &r, err) < 0)
                return -1;
        q->count = 0;
        while (rows_next(r))
                put(q, row_int(r, "project_id"), row_int(r, "user_id"), row_int(r, "live"));
        q->read_at = clock_boot_ms();
        return 0;
}

static int64_t sum(const struct quota *q, int64_t project, int64_t user)
{
        int64_t n = 0;

        for (size_t i = 0; i < q->count; i++)
                if (q->list[i].project == project && (!user || q->list[i].user == user))
                        n += q->list[i].tasks;
        return n;
}

int quota_live(struct quota *q, struct db *db, int64_t project, int64_t user, int64_t *ret, struct err *err)
{
        int rc;

        pthread_mutex_lock(&q->lock);
        rc = look(q, db, err);
        *ret = sum(q, project, user);
        pthread_mutex_unlock(&q->lock);
        return rc;
}

static int check(int64_t limit, int64_t live, int64_t tasks, const char *whose, const char *project,
                 struct err *err)
{
        if (!limit || live + tasks <= limit)
                return 0;
        return err_set(
            err, ERR_LIMIT,
            "limit max_live of %s in project \"%s\": %lld tasks have not ended, %lld more would pass %lld; "
            "submit when some have ended, or ask an admin of the project",
            whose, project, (long long)live, (long long)tasks, (long long)limit);
}

int quota_take(struct quota *q, struct db *db, const struct principal *who, int64_t project, int64_t tasks,
               bool trial, struct err *err)
{
        const struct principal *all = who->wide ? who->wide : who;
        const struct membership *m = NULL;
        int rc;

        for (size_t i = 0; i < all->membership_count && !m; i++)
                if (all->memberships[i].project == project)
                        m = &all->memberships[i];
        if (!m || (!m->max_live && !m->own_max_live))
                return 0;
        pthread_mutex_lock(&q->lock);
        rc = look(q, db, err);
        if (rc == 0)
                rc = check(m->max_live, sum(q, project, 0), tasks, "all", m->name, err);
        if (rc == 0)
                rc = check(m->own_max_live, sum(q, project, who->user), tasks, "yours", m->name, err);
        if (rc == 0 && !trial)
                put(q, project, who->user, tasks);
        pthread_mutex_unlock(&q->lock);
        return rc;
}
