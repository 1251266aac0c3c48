/* SPDX-License-Identifier: Apache-2.0 */
#include "web/oidc.h"

#include "common/buf.h"
#include "common/log.h"
#include "common/util.h"
#include "web/jose.h"
#include "web/oidc_ask.h"

#include <curl/curl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SECRET_MAX   1024
#define LABEL_MAX    100
#define CALLBACK     "/v1/oidc/callback"
#define BASE64       sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define SCOPES       "openid profile email"
#define ALGORITHMS   "RS256 ES256"
#define NAME_CLAIM   "preferred_username"
#define GROUPS_CLAIM "groups"

/* Where things are. */
struct places {
        char *authorize, *token, *userinfo, *keys;
        bool names_itself, secret_in_form;
        int64_t found_at; /* boot ms */
};

struct oidc {
        /* settings */
        char *issuer, *client, *secret, *scopes, *label, *algorithms, *name_claim, *groups_claim, *redirect;
        struct oidc_rules rules;
        enum oidc_new_users new_users;
        enum role role;
        /* what the provider said, under the lock */
        pthread_mutex_t lock;
        struct places *places; /* NULL: not asked yet */
        json_t *keys;
        int64_t keys_at; /* boot ms */
};

/* ---- settings --------------------------------------------------------------------------------------------
 */

static char *text_or(const char *text, const char *otherwise)
{
        return xstrdup(text && *text ? text : otherwise);
}

static int secret_read(const char *path, char **ret, struct err *err)
{
        char text[SECRET_MAX];
        FILE *f = fopen(path, "re");
        size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

        if (f)
                fclose(f);
        text[n] = '\0';
        text[strcspn(text, "\r\n")] = '\0';
        *ret = text[0] ? xstrdup(text) : NULL;
        sodium_memzero(text, sizeof text);
        return *ret ? 0
                    : err_set(err, ERR_BAD_INPUT,
                              "oidc_client_secret_file: there is no secret to be read in %s", path);
}

static int words_check(const struct oidc *o, struct err *err)
{
        for (const char *p = o->algorithms; *p; p += strcspn(p, " "), p += strspn(p, " ")) {
                AUTO_FREE char *one = xstrndup(p, strcspn(p, " "));

                if (!jose_algorithm_is_known(one))
                        return err_set(
                            err, ERR_BAD_INPUT,
                            "oidc_algorithms: \"%.20s\" is none of RS256, RS384, RS512, PS256, PS384, "
                            "PS512, ES256, ES384, ES512",
                            one);
        }
        if (!words_have(o->scopes, "openid"))
                return err_set(err, ERR_BAD_INPUT, "oidc_scopes: \"openid\" has to be one of them");
        if (strlen(o->label) > LABEL_MAX)
                return err_set(err, ERR_BAD_INPUT, "oidc_label: has more than %d bytes", LABEL_MAX);
        return 0;
}

static int choices_read(struct oidc *o, const struct oidc_settings *s, struct err *err)
{
        static const char *const names[] = {"no", "invited", "yes"};
        size_t i = OIDC_NEW_INVITED;

        if (s->new_users && *s->new_users)
                for (i = 0; i < ARRAY_LEN(names) && strcmp(names[i], s->new_users) != 0; i++)
                        ;
        if (i == ARRAY_LEN(names))
                return err_set(err, ERR_BAD_INPUT, "oidc_new_users: \"%.20s\" is none of yes, no, invited",
                               s->new_users);
        o->new_users = (enum oidc_new_users)i;
        o->role = ROLE_SUBMITTER;
        if (s->role && *s->role && !role_parse(s->role, &o->role))
                return err_set(err, ERR_BAD_INPUT, "oidc_role: \"%.20s\" is none of viewer, submitter, admin",
                               s->role);
        return 0;
}

static int settings_read(struct oidc *o, const struct oidc_settings *s, const char *public_url,
                         struct err *err)
{
        size_t n = strlen(public_url);

        if (!s->client_id || !*s->client_id)
                return err_set(err, ERR_BAD_INPUT, "oidc_issuer is set, but oidc_client_id is missing");
        if (!oidc_url_is_good(s->issuer, s->issuer))
                return err_set(err, ERR_BAD_INPUT,
                               "oidc_issuer: has to be https://... (http:// on this machine only)");
        if (!n)
                return err_set(err, ERR_BAD_INPUT,
                               "oidc_issuer is set, so public_url has to say where browsers come back to");
        o->issuer = xstrdup(s->issuer);
        o->client = xstrdup(s->client_id);
        o->scopes = text_or(s->scopes, SCOPES);
        o->label = text_or(s->label, "Sign in with single sign-on");
        o->algorithms = text_or(s->algorithms, ALGORITHMS);
        o->name_claim = text_or(s->name_claim, NAME_CLAIM);
        o->groups_claim = text_or(s->groups_claim, GROUPS_CLAIM);
        o->redirect = xasprintf("%.*s" CALLBACK, (int)(public_url[n - 1] == '/' ? n - 1 : n), public_url);
        if (s->client_secret_file && *s->client_secret_file &&
            secret_read(s->client_secret_file, &o->secret, err) < 0)
                return -1;
        if (oidc_rules_parse(s->groups, &o->rules, err) < 0)
                return err_prefix(err, "oidc_groups");
        return words_check(o, err) < 0 ? -1 : choices_read(o, s, err);
}

int oidc_new(const struct oidc_settings *s, const char *public_url, struct oidc **ret, struct err *err)
{
        struct oidc *o;

        *ret = NULL;
        if (!s->issuer || !*s->issuer)
                return 0;
        o = xcalloc(1, sizeof *o);
        pthread_mutex_init(&o->lock, NULL);
        if (settings_read(o, s, public_url, err) < 0) {
                oidc_free(o);
                return -1;
        }
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
                oidc_free(o);
                return err_set(err, ERR_SYSTEM, "libcurl could not be started");
        }
        *ret = o;
        return 0;
}

static void places_free(struct places *p)
{
        if (!p)
                return;
        free(p->authorize);
        free(p->token);
        free(p->userinfo);
        free(p->keys);
        free(p);
}

void oidc_free(struct oidc *o)
{
        if (!o)
                return;
        places_free(o->places);
        json_decref(o->keys);
        oidc_rules_release(&o->rules);
        pthread_mutex_destroy(&o->lock);
        if (o->secret)
                sodium_memzero(o->secret, strlen(o->secret));
        free(o->secret);
        free(o->issuer);
        free(o->client);
        free(o->scopes);
        free(o->label);
        free(o->algorithms);
        free(o->name_claim);
        free(o->groups_claim);
        free(o->redirect);
        free(o);
}

const char *oidc_label(const struct oidc *o)
{
        return o->label;
}

const char *oidc_issuer(const struct oidc *o)
{
        return o->issuer;
}

const struct oidc_rules *oidc_rules_of(const struct oidc *o)
{
        return &o->rules;
}

enum oidc_new_users oidc_new_users_of(const struct oidc *o)
{
        return o->new_users;
}

enum role oidc_role_of(const struct oidc *o)
{
        return o->role;
}

/* ---- where things are ------------------------------------------------------------------------------------
 */

static bool list_has(const json_t *list, const char *word)
{
        for (size_t i = 0; i < json_array_size(list); i++) {
                const char *one = json_string_value(json_array_get(list, i));

                if (one && strcmp(one, word) == 0)
                        return true;
        }
        return false;
}

/* An address that the provider names; NULL when there is none, or it is less safe than the provider. */
static char *place(const struct oidc *o, const json_t *doc, const char *name)
{
        const char *url = json_string_value(json_object_get(doc, name));

        return url && oidc_url_is_good(o->issuer, url) ? xstrdup(url) : NULL;
}

static int places_read(const struct oidc *o, const json_t *doc, struct places **ret, struct err *err)
{
        const char *issuer = json_string_value(json_object_get(doc, "issuer"));
        const json_t *ways = json_object_get(doc, "token_endpoint_auth_methods_supported");
        const json_t *pkce = json_object_get(doc, "code_challenge_methods_supported");
        struct places *p;

        if (!issuer || strcmp(issuer, o->issuer) != 0) {
                log_warn("single sign-on: the provider calls itself \"%.200s\", oidc_issuer is \"%.200s\"",
                         issuer ? issuer : "", o->issuer);
                return err_set(err, ERR_UNAVAILABLE, "the provider calls itself by another name");
        }
        if (pkce && !list_has(pkce, "S256"))
                return err_set(err, ERR_UNAVAILABLE,
                               "the provider does not take codes with a proof (PKCE, S256)");
        p = xcalloc(1, sizeof *p);
        p->authorize = place(o, doc, "authorization_endpoint");
        p->token = place(o, doc, "token_endpoint");
        p->userinfo = place(o, doc, "userinfo_endpoint");
        p->keys = place(o, doc, "jwks_uri");
        p->names_itself =
            json_is_true(json_object_get(doc, "authorization_response_iss_parameter_supported"));
        p->secret_in_form =
            ways && !list_has(ways, "client_secret_basic") && list_has(ways, "client_secret_post");
        p->found_at = clock_boot_ms();
        if (p->authorize && p->token && p->keys) {
                *ret = p;
                return 0;
        }
        places_free(p);
        return err_set(err, ERR_UNAVAILABLE,
                       "the provider does not say where to sign in, where its tokens and where its keys are");
}

static bool places_are_known(struct oidc *o)
{
        return o->places && clock_boot_ms() - o->places->found_at < OIDC_KNOWN_MS;
}

bool oidc_is_met(struct oidc *o)
{
        bool known;

        pthread_mutex_lock(&o->lock);
        known = places_are_known(o);
        pthread_mutex_unlock(&o->lock);
        return known;
}

int oidc_meet(struct oidc *o, struct err *err)
{
        size_t n = strlen(o->issuer);
        AUTO_FREE char *url = xasprintf("%.*s/.well-known/openid-configuration",
                                        (int)(o->issuer[n - 1] == '/' ? n - 1 : n), o->issuer);
        const struct oidc_ask ask = {.what = "where things are", .url = url};
        struct places *p = NULL, *old;
        json_t *doc = NULL;
        int rc;

        if (oidc_is_met(o))
                return 0;
        if (oidc_ask(&ask, &doc, err) < 0) {
                err->code = ERR_UNAVAILABLE;
                return -1;
        }
        rc = places_read(o, doc, &p, err);
        json_decref(doc);
        if (rc < 0)
                return -1;
        pthread_mutex_lock(&o->lock);
        old = o->places;
        o->places = p;
        pthread_mutex_unlock(&o->lock);
        places_free(old);
        return 0;
}

bool oidc_names_itself(struct oidc *o)
{
        bool names;

        pthread_mutex_lock(&o->lock);
        names = o->places && o->places->names_itself;
        pthread_mutex_unlock(&o->lock);
        return names;
}

/* ---- going there -----------------------------------------------------------------------------------------
 */

/* As forms have it. */
static void add_encoded(struct buf *b, const char *value)
{
        for (const char *p = value; *p; p++)
                if (strchr("-._~", *p) || (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
                    (*p >= 'A' && *p <= 'Z'))
                        buf_u8(b, (uint8_t)*p);
                else
                        buf_printf(b, "%%%02X", (unsigned char)*p);
}

static void add_value(struct buf *b, const char *name, const char *value)
{
        size_t n = buf_len(b);

        if (n && !strchr("?&", buf_bytes(b)[n - 1]))
                buf_u8(b, '&');
        buf_printf(b, "%s=", name);
        add_encoded(b, value);
}

static void challenge_of(const char *verifier, char ret[44])
{
        uint8_t hash[crypto_hash_sha256_BYTES];

        crypto_hash_sha256(hash, (const unsigned char *)verifier, strlen(verifier));
        sodium_bin2base64(ret, 44, hash, sizeof hash, BASE64);
}

char *oidc_go_url(struct oidc *o, const char *state, const char *nonce, const char *verifier)
{
        char challenge[44], *url;
        struct buf b;

        buf_init(&b, 16384);
        pthread_mutex_lock(&o->lock);
        if (o->places)
                buf_printf(&b, "%s%s", o->places->authorize, strchr(o->places->authorize, '?') ? "" : "?");
        pthread_mutex_unlock(&o->lock);
        if (!buf_len(&b))
                return NULL;
        challenge_of(verifier, challenge);
        add_value(&b, "response_type", "code");
        add_value(&b, "client_id", o->client);
        add_value(&b, "redirect_uri", o->redirect);
        add_value(&b, "scope", o->scopes);
        add_value(&b, "state", state);
        add_value(&b, "nonce", nonce);
        add_value(&b, "code_challenge", challenge);
        add_value(&b, "code_challenge_method", "S256");
        url = b.overflow ? NULL : xstrdup(buf_cstr(&b));
        buf_release(&b);
        return url;
}

/* ---- keys ------------------------------------------------------------------------------------------------
 */

/* The keys, newly asked for when there are none, they are old, or (again) one is missing: at most once for
 * each code that the provider took, so nobody can make us ask more often than he is asked himself. */
static int keys_get(struct oidc *o, bool again, json_t **ret, struct err *err)
{
        struct oidc_ask ask = {.what = "the provider's keys"};
        AUTO_FREE char *url = NULL;
        json_t *keys = NULL;

        pthread_mutex_lock(&o->lock);
        if (o->keys && !again && clock_boot_ms() - o->keys_at < OIDC_KNOWN_MS)
                keys = json_deep_copy(o->keys);
        url = xstrdup(o->places->keys);
        pthread_mutex_unlock(&o->lock);
        if (!keys) {
                ask.url = url;
                if (oidc_ask(&ask, &keys, err) < 0)
                        return -1;
                pthread_mutex_lock(&o->lock);
                json_decref(o->keys);
                o->keys = json_deep_copy(keys);
                o->keys_at = clock_boot_ms();
                pthread_mutex_unlock(&o->lock);
        }
        *ret = keys;
        return 0;
}

static int token_verify(struct oidc *o, const char *token, json_t **ret, struct err *err)
{
        for (int again = 0; again < 2; again++) {
                json_t *keys;
                int rc;

                if (keys_get(o, again, &keys, err) < 0)
                        return -1;
                rc = jose_verify(token, keys, o->algorithms, ret, err);
                json_decref(keys);
                if (rc < 0)
                        return err_prefix(err, "the provider's token");
                if (rc == 1)
                        return 0;
        }
        return err_set(err, ERR_DENIED,
                       "the provider's token is signed by a key that the provider does not publish");
}

/* ---- the exchange ----------------------------------------------------------------------------------------
 */

static int token_ask(struct oidc *o, const char *code, const char *verifier, json_t **ret, struct err *err)
{
        struct oidc_ask ask = {.what = "signing in"};
        AUTO_FREE char *url = NULL;
        struct buf form, user, password;
        bool in_form;
        int rc;

        pthread_mutex_lock(&o->lock);
        url = xstrdup(o->places->token);
        in_form = o->places->secret_in_form || !o->secret;
        pthread_mutex_unlock(&o->lock);
        buf_init(&form, 16384);
        buf_init(&user, 4096);
        buf_init(&password, 4096);
        add_value(&form, "grant_type", "authorization_code");
        add_value(&form, "code", code);
        add_value(&form, "redirect_uri", o->redirect);
        add_value(&form, "code_verifier", verifier);
        if (in_form) {
                add_value(&form, "client_id", o->client);
                if (o->secret)
                        add_value(&form, "client_secret", o->secret);
        } else {
                add_encoded(&user, o->client);
                add_encoded(&password, o->secret);
                ask.user = buf_cstr(&user);
                ask.password = buf_cstr(&password);
        }
        ask.url = url;
        ask.form = buf_cstr(&form);
        rc = oidc_ask(&ask, ret, err);
        if (password.data)
                sodium_memzero(password.data, password.len);
        sodium_memzero(form.data, form.len);
        buf_release(&form);
        buf_release(&user);
        buf_release(&password);
        return rc;
}

/* Some providers put names and groups into an answer of its own. */
static int userinfo_add(struct oidc *o, const char *access, json_t *claims, struct err *err)
{
        struct oidc_ask ask = {.what = "about the person", .bearer = access};
        const char *own = json_string_value(json_object_get(claims, "sub")), *subject;
        AUTO_FREE char *url = NULL;
        json_t *more = NULL;

        if (json_object_get(claims, o->name_claim) &&
            (!o->rules.count || json_object_get(claims, o->groups_claim)))
                return 0;
        pthread_mutex_lock(&o->lock);
        url = xstrdup(o->places->userinfo);
        pthread_mutex_unlock(&o->lock);
        if (!url || !access || strlen(access) > JOSE_TOKEN_MAX || strpbrk(access, "\r\n"))
                return 0;
        ask.url = url;
        if (oidc_ask(&ask, &more, err) < 0)
                return -1;
        subject = json_string_value(json_object_get(more, "sub"));
        if (!subject || strcmp(subject, own) != 0) {
                json_decref(more);
                return err_set(err, ERR_DENIED, "the provider tells about somebody else");
        }
        json_object_update_missing(claims, more);
        json_decref(more);
        return 0;
}

static void person_read(const struct oidc *o, const json_t *claims, struct oidc_person *ret)
{
        json_t *groups = json_object_get(claims, o->groups_claim);

        snprintf(ret->subject, sizeof ret->subject, "%s", json_string_value(json_object_get(claims, "sub")));
        if (oidc_claims_name(claims, o->name_claim, ret->name, &ret->why) < 0)
                ret->name[0] = '\0';
        ret->groups = groups ? json_deep_copy(groups) : NULL;
}

void oidc_person_release(struct oidc_person *p)
{
        json_decref(p->groups);
        p->groups = NULL;
}

int oidc_exchange(struct oidc *o, const char *code, const char *nonce, const char *verifier,
                  struct oidc_person *ret, struct err *err)
{
        const struct oidc_expect expect = {o->issuer, o->client, nonce, clock_wall_ms() / 1000};
        json_t *reply = NULL, *claims = NULL;
        const char *token;
        int rc = -1;

        if (oidc_meet(o, err) < 0 || token_ask(o, code, verifier, &reply, err) < 0)
                return -1;
        token = json_string_value(json_object_get(reply, "id_token"));
        if (!token)
                err_set(err, ERR_DENIED, "the provider did not say who came (no ID token)");
        else if (token_verify(o, token, &claims, err) == 0 && oidc_claims_check(claims, &expect, err) == 0 &&
                 userinfo_add(o, json_string_value(json_object_get(reply, "access_token")), claims, err) == 0)
                rc = 0;
        if (rc == 0)
                person_read(o, claims, ret);
        json_decref(claims);
        json_decref(reply);
        return rc;
}
