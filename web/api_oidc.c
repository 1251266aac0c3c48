/* SPDX-License-Identifier: Apache-2.0 */
/* Signing in at an OpenID provider, and linking who one is there to an account.
 *
 * It begins with a row that holds what has to come back (state, nonce, proof of the code) and with a cookie,
 * so that it ends in the browser in which it began. The cookie is SameSite=Lax: the way back is a navigation
 * from another site, which carries no Strict one. The row is taken away by the first that comes back with
 * it. What went wrong is said in sentences of ours; nothing that the provider or the address says is shown.
 */
#include "web/api.h"

#include "common/log.h"
#include "common/num.h"
#include "common/util.h"
#include "store/store_oidc.h"
#include "store/store_people.h"
#include "web/audit.h"
#include "web/errand.h"
#include "web/login.h"
#include "web/oidc.h"
#include "web/session.h"
#include "web/web_priv.h"

#include <stdio.h>
#include <string.h>

#define STATE_MAX 128 /* bytes of a state that is looked at */
#define NO_ANSWER "the provider does not answer; try again"

struct start_body {
        const char *code, *then;
};
const struct field oidc_start_fields[] = {
    FIELD(struct start_body, code, F_STRING, 1, 100, FIELD_REQUIRED, "of the invitation"),
    FIELD(struct start_body, then, F_STRING, 1, OIDC_THEN_MAX, 0, "path of a page to come to; default /"),
    {0},
};
const struct field oidc_link_fields[] = {
    FIELD(struct start_body, then, F_STRING, 1, OIDC_THEN_MAX, 0,
          "path of a page to come to; default /account"),
    {0},
};

/* ---- going back to the page ------------------------------------------------------------------------------
 */

static void encode(struct buf *b, const char *text)
{
        for (; *text; text++)
                if (strchr("-._~", *text) || (*text >= '0' && *text <= '9') ||
                    (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z'))
                        buf_u8(b, (uint8_t)*text);
                else
                        buf_printf(b, "%%%02X", (unsigned char)*text);
}

/* To a path of ours, with a sentence behind the # (name NULL: none). */
static int go_to(struct request *rq, const char *path, const char *name, const char *sentence)
{
        struct buf b;

        buf_init(&b, 8192);
        if (name) {
                buf_printf(&b, "#%s=", name);
                encode(&b, sentence);
        }
        buf_clear(&rq->out);
        rq->failed = false;
        rq->type = "text/plain";
        rq->status = 303;
        request_header(rq, "Location", "%s%s", path, buf_cstr(&b));
        buf_release(&b);
        return 0;
}

/* What went wrong, to a person: a fault of ours is no news for him. */
static const char *sentence_of(const struct err *err)
{
        return err->code == ERR_SYSTEM || err->code == ERR_PROTOCOL
                   ? "something failed at the server; try again"
                   : err->text;
}

/* ---- the cookie ------------------------------------------------------------------------------------------
 */

static const char *flow_cookie_name(const struct request *rq)
{
        return rq->secure ? "__Host-reeve-oidc" : "reeve-oidc";
}

static void flow_cookie(struct request *rq, const char *value, int64_t life_s)
{
        request_header(rq, "Set-Cookie", "%s=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Lax%s",
                       flow_cookie_name(rq), value, (long long)life_s, rq->secure ? "; Secure" : "");
}

/* ---- beginning -------------------------------------------------------------------------------------------
 */

struct meeting {
        struct oidc *oidc;
        int rc;
        struct err err;
};

static void meet(void *arg)
{
        struct meeting *m = arg;

        m->rc = oidc_meet(m->oidc, &m->err);
}

/* 0 the provider is known; REQUEST_WAIT; -1 it cannot be asked. */
static int provider_ready(struct request *rq, struct err *err)
{
        struct oidc *o = rq->web->oidc;
        struct meeting *m;

        if (!o)
                return err_set(err, ERR_NOT_FOUND, "no provider to sign in at is set up here");
        if (!rq->errand) {
                if (oidc_is_met(o))
                        return 0;
                m = xcalloc(1, sizeof *m);
                m->oidc = o;
                return errand_start(rq->web->oidc_errands, rq, meet, free, m, err) < 0 ? -1 : REQUEST_WAIT;
        }
        m = errand_done(rq);
        if (!m)
                return REQUEST_WAIT;
        if (m->rc < 0)
                *err = m->err;
        return m->rc;
}

/* The row and the cookie are there; *ret_url: where to go, malloc'd. */
static int begin(struct request *rq, struct db *db, const char *then, int32_t user, int32_t invitation,
                 char **ret_url, struct err *err)
{
        struct secret state, browser, nonce, verifier;
        struct flow_new f = {.state = state.hash,
                             .browser = browser.hash,
                             .nonce = nonce.text,
                             .verifier = verifier.text,
                             .return_to = then,
                             .address = rq->address,
                             .user = user,
                             .invitation = invitation};
        int rc;

        secret_make("", &state);
        secret_make("", &browser);
        secret_make("", &nonce);
        secret_make("", &verifier);
        rc = store_flow_add(db, &f, err);
        if (rc == 0)
                return err_set(err, ERR_UNAVAILABLE,
                               "too many are signing in at once; try again in some minutes");
        if (rc < 0)
                return -1;
        *ret_url = oidc_go_url(rq->web->oidc, state.text, nonce.text, verifier.text);
        if (!*ret_url)
                return err_set(err, ERR_UNAVAILABLE, "the provider's address is too long");
        flow_cookie(rq, browser.text, FLOW_MS / 1000);
        return 0;
}

HANDLER(api_oidc_start)
{
        const char *then = request_query(rq, "then");
        AUTO_FREE char *url = NULL;
        int rc = provider_ready(rq, err);

        if (rc == REQUEST_WAIT)
                return rq->timed_out ? go_to(rq, "/", "login", NO_ANSWER) : rc;
        if (rc < 0 && err->code == ERR_NOT_FOUND)
                return -1;
        if (rc < 0 || begin(rq, db, then && oidc_then_is_good(then) ? then : "/", 0, 0, &url, err) < 0)
                return go_to(rq, "/", "login", sentence_of(err));
        return go_to(rq, url, NULL, NULL);
}

static void reply_url(struct request *rq, const char *url)
{
        j_obj(&rq->out, NULL);
        j_str(&rq->out, "url", url);
        j_obj_end(&rq->out);
}

static int check_then(struct request *rq, const char *then, struct err *err)
{
        if (!oidc_then_is_good(then))
                issue_add(&rq->issues, "/then", "format", "must be the path of a page here, as /jobs");
        return rq->issues.count ? request_invalid(rq, err) : 0;
}

HANDLER(api_oidc_start_invited)
{
        struct start_body in = {.then = "/"};
        AUTO_ROWS struct rows *r = NULL;
        AUTO_FREE char *url = NULL;
        uint8_t hash[SECRET_HASH_LEN];
        int rc;

        if (!rq->errand && login_must_wait(rq, NULL))
                return 0;
        if (request_body(rq, oidc_start_fields, &in, NULL, err) < 0 || check_then(rq, in.then, err) < 0)
                return -1;
        rc = provider_ready(rq, err);
        if (rc)
                return rc;
        login_begins(rq, NULL);
        secret_hash(in.code, hash);
        if (store_invitation_find(db, hash, &r, err) < 0)
                return -1;
        if (!rows_next(r) || strcmp(row_text(r, "kind"), "invite") != 0)
                return err_set(err, ERR_NOT_FOUND,
                               "the link is not valid, was used, or its time is over; ask for a new one");
        login_succeeded(rq, NULL);
        if (begin(rq, db, in.then, 0, (int32_t)row_int(r, "id"), &url, err) < 0)
                return -1;
        reply_url(rq, url);
        return 0;
}

HANDLER(api_identity_link)
{
        struct start_body in = {.then = "/account"};
        AUTO_FREE char *url = NULL;
        int rc;

        if (request_body(rq, oidc_link_fields, &in, NULL, err) < 0 || check_then(rq, in.then, err) < 0)
                return -1;
        rc = provider_ready(rq, err);
        if (rc)
                return rc;
        if (begin(rq, db, in.then, rq->who->user, 0, &url, err) < 0)
                return -1;
        reply_url(rq, url);
        return 0;
}

/* ---- coming back -----------------------------------------------------------------------------------------
 */

/* What is asked of the provider aside, and what became of it; lives as long as the errand. */
struct coming {
        struct oidc *oidc;
        char *code, *nonce, *verifier, *return_to;
        int32_t link_to, invitation; /* 0: none */
        struct oidc_person person;
        int rc;
        struct err err;
        /* in the transaction */
        struct request *rq;
        int32_t user;
        char name[OIDC_NAME_MAX + 1];
        bool is_new;
};

static void exchange(void *arg)
{
        struct coming *c = arg;

        c->rc = oidc_exchange(c->oidc, c->code, c->nonce, c->verifier, &c->person, &c->err);
}

static void coming_free(void *arg)
{
        struct coming *c = arg;

        oidc_person_release(&c->person);
        free(c->code);
        free(c->nonce);
        free(c->verifier);
        free(c->return_to);
        free(c);
}

/* What the address says that went wrong at the provider. */
static int refused_there(const char *error, struct err *err)
{
        if (strcmp(error, "access_denied") == 0)
                return err_set(err, ERR_DENIED,
                               "the provider did not let you in, or you did not agree there");
        if (strcmp(error, "login_required") == 0 || strcmp(error, "interaction_required") == 0)
                return err_set(err, ERR_DENIED, "the provider wants you to sign in there first");
        log_warn("single sign-on: the provider sent somebody back with \"%.100s\"", error);
        return err_set(err, ERR_DENIED, "the provider refused; its reason stands in the log of reeved");
}

/* The sign-in that this is the end of. */
static int flow_find(struct request *rq, struct db *db, struct rows **ret, struct err *err)
{
        const char *state = request_query(rq, "state");
        const char *cookie = MHD_lookup_connection_value(rq->con, MHD_COOKIE_KIND, flow_cookie_name(rq));
        uint8_t state_hash[SECRET_HASH_LEN], browser[SECRET_HASH_LEN];

        secret_hash(state && strlen(state) < STATE_MAX ? state : "", state_hash);
        secret_hash(cookie && strlen(cookie) < STATE_MAX ? cookie : "", browser);
        if (store_flow_take(db, state_hash, browser, ret, err) < 0)
                return -1;
        return rows_next(*ret) ? 0
                               : err_set(err, ERR_DENIED,
                                         "this sign-in took too long, was ended before, or began in another "
                                         "browser; begin again");
}

/* Is the answer one of our provider, and a good one? */
static int answer_check(struct request *rq, struct err *err)
{
        const char *issuer = request_query(rq, "iss"), *error = request_query(rq, "error");
        const char *code = request_query(rq, "code");

        if (issuer ? strcmp(issuer, oidc_issuer(rq->web->oidc)) != 0 : oidc_names_itself(rq->web->oidc))
                return err_set(err, ERR_DENIED, "the answer came from another provider");
        if (error)
                return refused_there(error, err);
        if (!code || !*code || strlen(code) > OIDC_CODE_MAX)
                return err_set(err, ERR_DENIED, "the provider sent no code");
        return 0;
}

static int exchange_begin(struct request *rq, struct db *db, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        struct coming *c;

        if (flow_find(rq, db, &r, err) < 0 || answer_check(rq, err) < 0)
                return -1;
        c = xcalloc(1, sizeof *c);
        c->oidc = rq->web->oidc;
        c->code = xstrdup(request_query(rq, "code"));
        c->nonce = xstrdup(row_text(r, "nonce"));
        c->verifier = xstrdup(row_text(r, "verifier"));
        c->return_to = xstrdup(row_text(r, "return_to"));
        c->link_to = row_null(r, "user_id") ? 0 : (int32_t)row_int(r, "user_id");
        c->invitation = row_null(r, "invitation_id") ? 0 : (int32_t)row_int(r, "invitation_id");
        return errand_start(rq->web->oidc_errands, rq, exchange, coming_free, c, err) < 0 ? -1 : REQUEST_WAIT;
}

/* ---- who it is here --------------------------------------------------------------------------------------
 */

static int name_take(struct coming *c, struct rows *r)
{
        c->user = (int32_t)row_int(r, "user_id");
        snprintf(c->name, sizeof c->name, "%s", row_text(r, "name"));
        return 0;
}

static int add_user(struct db *db, struct coming *c, const char *role, struct err *err)
{
        AUTO_ROWS struct rows *there = NULL;

        if (!c->person.name[0])
                return err_set(err, ERR_DENIED, "%s", c->person.why.text);
        if (store_users_list(db, c->person.name, 0, 1, &there, err) < 0)
                return -1;
        if (rows_next(there))
                return err_set(
                    err, ERR_DENIED,
                    "there is an account \"%s\" already; if it is yours, sign in there another way and "
                    "link this identity in your account",
                    c->person.name);
        if (store_user_add(db, c->person.name, role, &c->user, err) < 0 ||
            store_identity_add(db, oidc_issuer(c->oidc), c->person.subject, c->user, err) < 0 ||
            store_identity_used(db, oidc_issuer(c->oidc), c->person.subject, err) < 0)
                return -1;
        snprintf(c->name, sizeof c->name, "%s", c->person.name);
        c->is_new = true;
        return 0;
}

static int by_invitation(struct db *db, struct coming *c, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        struct member_put m = {0};

        if (store_invitation_waits(db, c->invitation, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return err_set(err, ERR_DENIED, "the invitation was used meanwhile, or its time is over");
        if (add_user(db, c, row_text(r, "role"), err) < 0 ||
            store_invitation_spend(db, c->invitation, c->user, 0, err) < 0)
                return -1;
        if (row_null(r, "project_id"))
                return 0;
        m = (struct member_put){.project = (int32_t)row_int(r, "project_id"),
                                .user = c->user,
                                .role = row_text(r, "project_role"),
                                .by = row_text(r, "made_by")};
        return store_member_put(db, &m, err);
}

static int somebody_new(struct db *db, struct coming *c, struct err *err)
{
        enum oidc_new_users rule = oidc_new_users_of(c->oidc);

        if (c->invitation && rule != OIDC_NEW_NO)
                return by_invitation(db, c, err);
        if (rule == OIDC_NEW_YES)
                return add_user(db, c, role_name(oidc_role_of(c->oidc)), err) < 0
                           ? -1
                           : store_user_by_groups(db, c->user, err);
        return err_set(err, ERR_DENIED,
                       rule == OIDC_NEW_NO
                           ? "nobody here is known by this identity: sign in another way and link it "
                             "in your account, or ask an admin for one"
                           : "nobody here is known by this identity: ask for an invitation, or sign "
                             "in another way and link it in your account");
}

/* Linking: to the account in which it began. */
static int link_identity(struct db *db, struct coming *c, struct rows *known, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_user_active(db, c->link_to, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return err_set(err, ERR_DENIED, "the account is disabled");
        c->user = c->link_to;
        snprintf(c->name, sizeof c->name, "%s", row_text(r, "name"));
        if (!known)
                return store_identity_add(db, oidc_issuer(c->oidc), c->person.subject, c->user, err);
        return row_int(known, "user_id") == c->link_to
                   ? 0
                   : err_set(err, ERR_DENIED, "this identity is linked to another account");
}

static int sign_in(struct db *db, struct coming *c, struct rows *known, struct err *err)
{
        if (!known)
                return somebody_new(db, c, err);
        name_take(c, known);
        if (!row_null(known, "disabled_at"))
                return err_set(err, ERR_DENIED, "the account is disabled");
        return store_identity_used(db, oidc_issuer(c->oidc), c->person.subject, err);
}

static int groups_apply(struct db *db, struct coming *c, struct err *err)
{
        const struct oidc_rules *rules = oidc_rules_of(c->oidc);
        enum role otherwise = oidc_role_of(c->oidc);
        struct oidc_grants g;
        struct groups_give give;
        int rc;

        oidc_grants_make(rules, c->person.groups, &g);
        give =
            (struct groups_give){.role = rules->has_roles ? role_name(g.has_role ? g.role : otherwise) : NULL,
                                 .projects = g.projects,
                                 .roles = g.roles,
                                 .count = g.count};
        rc = store_groups_give(db, c->user, &give, err);
        oidc_grants_release(&g);
        if (rc <= 0)
                return rc;
        return audit_request(c->rq, db, c->name, "the provider's groups changed role or projects", err);
}

static int come_tx(struct db *db, void *arg, struct err *err)
{
        struct coming *c = arg;
        AUTO_ROWS struct rows *r = NULL;
        struct rows *known;

        c->user = 0;
        c->name[0] = '\0';
        c->is_new = false;
        if (store_identity_find(db, oidc_issuer(c->oidc), c->person.subject, &r, err) < 0)
                return -1;
        known = rows_next(r) ? r : NULL;
        if ((c->link_to ? link_identity(db, c, known, err) : sign_in(db, c, known, err)) < 0)
                return -1;
        if (!c->link_to && groups_apply(db, c, err) < 0)
                return -1;
        if (c->link_to || c->is_new)
                return audit_request(c->rq, db, c->name, c->link_to ? "identity linked" : "user made", err);
        return 0;
}

/* ---- the answer ------------------------------------------------------------------------------------------
 */

static int refuse(struct request *rq, struct db *db, const struct coming *c, const struct err *why,
                  struct err *err)
{
        AUTO_FREE char *detail = xasprintf("refused: %s", sentence_of(why));
        const char *name = c && c->name[0] ? c->name : "nobody";
        bool links = c && c->link_to;

        if (why->code == ERR_SYSTEM || why->code == ERR_UNAVAILABLE)
                log_warn("single sign-on: %s", why->text);
        if (audit_request(rq, db, name, detail, err) < 0)
                return -1;
        return go_to(rq, links ? c->return_to : "/", links ? "linked" : "login", sentence_of(why));
}

static int finish(struct request *rq, struct db *db, struct coming *c, struct err *err)
{
        struct err why;

        c->rq = rq;
        if (c->rc < 0)
                return refuse(rq, db, c, &c->err, err);
        if (db_tx(db, come_tx, c, &why) < 0)
                return refuse(rq, db, c, &why, err);
        login_succeeded(rq, NULL);
        auth_forget(rq->web->auth);
        rq->forgets_auth = true;
        if (c->link_to)
                return go_to(rq, c->return_to, "linked", "");
        if (session_begin(rq, db, c->user, INT64_MIN, "by single sign-on", err) < 0)
                return -1;
        return go_to(rq, c->return_to, NULL, NULL);
}

HANDLER(api_oidc_callback)
{
        struct coming *c;
        struct err why;
        int rc;

        if (!rq->web->oidc)
                return err_set(err, ERR_NOT_FOUND, "no provider to sign in at is set up here");
        flow_cookie(rq, "", 0);
        if (!rq->errand) {
                if (login_must_wait(rq, NULL))
                        return go_to(rq, "/", "login",
                                     "too many sign-ins failed from this address; wait and try again");
                login_begins(rq, NULL);
                rc = exchange_begin(rq, db, &why);
                return rc < 0 ? refuse(rq, db, NULL, &why, err) : rc;
        }
        c = errand_done(rq);
        if (c)
                return finish(rq, db, c, err);
        return rq->timed_out ? go_to(rq, "/", "login", NO_ANSWER) : REQUEST_WAIT;
}

/* ---- own identities --------------------------------------------------------------------------------------
 */

HANDLER(api_identities)
{
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;

        if (store_identities_list(db, rq->who->user, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r)) {
                j_obj(b, NULL);
                j_col_int(b, r, "id");
                j_col_str(b, r, "issuer");
                j_col_str(b, r, "subject");
                j_col_time(b, r, "made_at");
                j_col_time(b, r, "used_at");
                j_obj_end(b);
        }
        j_arr_end(b);
        j_null(b, "next_cursor");
        j_obj_end(b);
        return 0;
}

HANDLER(api_identity_remove)
{
        int64_t id;
        int rc;

        if (request_capture_int(rq, 0, "identity", &id, err) < 0)
                return -1;
        rc = store_identity_remove(db, rq->who->user, id, err);
        if (rc == 0)
                return err_set(err, ERR_NOT_FOUND, "no identity %lld", (long long)id);
        if (rc == 2)
                return err_set(err, ERR_CONFLICT,
                               "nothing would be left to come in by: set a password, or link another first");
        rq->status = 204;
        return rc < 0 ? -1 : 0;
}
