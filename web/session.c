/* SPDX-License-Identifier: Apache-2.0 */
#include "web/session.h"

#include "common/util.h"
#include "web/audit.h"
#include "web/web_priv.h"

#include <sodium.h>
#include <string.h>

#define AGENT_MAX 200

const char *session_cookie_name(const struct request *rq)
{
        return rq->secure ? "__Host-reeve" : "reeve";
}

void session_cookie(struct request *rq, const char *value, int64_t life_s)
{
        request_header(rq, "Set-Cookie", "%s=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s",
                       session_cookie_name(rq), value, (long long)life_s, rq->secure ? "; Secure" : "");
}

void me_write(struct buf *b, const struct principal *p)
{
        j_obj(b, NULL);
        j_str(b, "name", p->name);
        j_str(b, "role", role_name(p->role));
        j_arr(b, "projects");
        for (size_t i = 0; i < p->project_count; i++)
                j_str(b, NULL, p->project_names[i]);
        j_arr_end(b);
        j_arr(b, "memberships");
        for (size_t i = 0; i < p->membership_count; i++) {
                j_obj(b, NULL);
                j_str(b, "project", p->memberships[i].name);
                j_str(b, "role", role_name(p->memberships[i].role));
                if (p->memberships[i].own_max_live)
                        j_int(b, "max_live", p->memberships[i].own_max_live);
                else
                        j_null(b, "max_live");
                j_obj_end(b);
        }
        j_arr_end(b);
        j_arr(b, "sites");
        for (size_t i = 0; i < p->site_count; i++)
                j_str(b, NULL, p->site_names[i]);
        j_arr_end(b);
        j_str(b, "by", p->by_cookie ? "session" : "token");
        if (p->has_scopes) {
                j_arr(b, "scopes");
                for (int s = SCOPE_NONE + 1; s < SCOPE_COUNT; s++)
                        if (p->scopes & 1u << s)
                                j_str(b, NULL, scope_name((enum scope)s));
                j_arr_end(b);
        } else {
                j_null(b, "scopes");
        }
        j_bool(b, "has_password", p->has_password);
        j_obj_end(b);
}

/* The start of what the browser says it is, or nothing when that is no text. */
static char *agent_of(struct request *rq)
{
        const char *agent = MHD_lookup_connection_value(rq->con, MHD_HEADER_KIND, "User-Agent");
        size_t n = agent ? strlen(agent) : 0;

        for (size_t i = 0; i < n; i++)
                if (agent[i] < ' ' || agent[i] > '~')
                        return NULL;
        return n ? xstrndup(agent, n < AGENT_MAX ? n : AGENT_MAX) : NULL;
}

/* Reply to who holds the new cookie now. */
static int reply(struct request *rq, struct db *db, struct secret *cookie, const char *how, struct err *err)
{
        struct principal *p = NULL;
        int rc = auth_check(rq->web->auth, db, cookie->text, true, &p, err);

        if (rc == 0)
                rc = err_set(err, ERR_UNAVAILABLE, "the session ended before it began; try again");
        if (rc < 0)
                return -1;
        session_cookie(rq, cookie->text, SESSION_LIFE_MS / 1000);
        sodium_memzero(cookie, sizeof *cookie);
        me_write(&rq->out, p);
        rc = audit_request(rq, db, p->name, how, err);
        principal_unref(p);
        return rc < 0 ? -1 : 0;
}

int session_begin(struct request *rq, struct db *db, int32_t user, int64_t until, const char *how,
                  struct err *err)
{
        int64_t latest = clock_wall_ms() + SESSION_LIFE_MS;
        AUTO_FREE char *agent = agent_of(rq);
        struct secret cookie;
        struct session_new s = {.hash = cookie.hash,
                                .expires_at = until == INT64_MIN || until > latest ? latest : until,
                                .address = rq->address,
                                .agent = agent};

        secret_make("", &cookie);
        if (store_session_add(db, user, "cookie", &s, err) < 0)
                return -1;
        return reply(rq, db, &cookie, how, err);
}

int session_by_code(struct request *rq, struct db *db, const char *code, const char *how, struct err *err)
{
        AUTO_FREE char *agent = agent_of(rq);
        uint8_t hash[SECRET_HASH_LEN];
        struct secret cookie;
        struct session_new s = {.hash = cookie.hash,
                                .expires_at = clock_wall_ms() + SESSION_LIFE_MS,
                                .address = rq->address,
                                .agent = agent};
        int32_t user;
        int rc;

        secret_make("", &cookie);
        secret_hash(code, hash);
        rc = store_session_exchange(db, hash, &s, &user, err);
        if (rc <= 0)
                return rc;
        return reply(rq, db, &cookie, how, err) < 0 ? -1 : 1;
}
