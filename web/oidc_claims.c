/* SPDX-License-Identifier: Apache-2.0 */
#include "web/oidc_claims.h"

#include "common/num.h"
#include "common/util.h"

#include <ctype.h>
#include <string.h>

/* ---- the token -------------------------------------------------------------------------------------------
 */

static const char *text_of(const json_t *claims, const char *name)
{
        return json_string_value(json_object_get(claims, name));
}

static bool is_text(const json_t *claims, const char *name, const char *want)
{
        const char *got = text_of(claims, name);

        return got && strcmp(got, want) == 0;
}

/* For us, and when it is for others too, made for us. */
static bool audience_is(const json_t *claims, const char *client)
{
        const json_t *aud = json_object_get(claims, "aud"), *azp = json_object_get(claims, "azp");
        bool named = is_text(claims, "aud", client);

        for (size_t i = 0; i < json_array_size(aud); i++) {
                const char *one = json_string_value(json_array_get(aud, i));

                named |= one && strcmp(one, client) == 0;
        }
        if (azp ? !is_text(claims, "azp", client) : json_array_size(aud) > 1)
                return false;
        return named;
}

static int times_check(const json_t *claims, int64_t now, struct err *err)
{
        const json_t *exp = json_object_get(claims, "exp"), *iat = json_object_get(claims, "iat");
        const json_t *nbf = json_object_get(claims, "nbf");

        if (!json_is_number(exp) || !json_is_number(iat) || (nbf && !json_is_number(nbf)))
                return err_set(err, ERR_DENIED, "the provider's token does not say until when it is good");
        if (json_number_value(exp) <= (double)(now - OIDC_SKEW_S))
                return err_set(err, ERR_DENIED, "the provider's token is over");
        if (json_number_value(iat) > (double)(now + OIDC_SKEW_S) ||
            (nbf && json_number_value(nbf) > (double)(now + OIDC_SKEW_S)))
                return err_set(err, ERR_DENIED,
                               "the provider's token is of the future: its clock or this server's is wrong");
        return 0;
}

int oidc_claims_check(const json_t *claims, const struct oidc_expect *e, struct err *err)
{
        const char *subject = text_of(claims, "sub");

        if (!is_text(claims, "iss", e->issuer))
                return err_set(err, ERR_DENIED, "the provider's token was made by another issuer");
        if (!audience_is(claims, e->client))
                return err_set(err, ERR_DENIED, "the provider's token was made for another program");
        if (times_check(claims, e->now_s, err) < 0)
                return -1;
        if (!is_text(claims, "nonce", e->nonce))
                return err_set(err, ERR_DENIED, "the provider's token belongs to another sign-in");
        if (!subject || !*subject || strlen(subject) > OIDC_SUBJECT)
                return err_set(err, ERR_DENIED, "the provider's token does not say who it is about");
        return 0;
}

int oidc_claims_name(const json_t *claims, const char *claim, char ret[OIDC_NAME_MAX + 1], struct err *err)
{
        const char *text = text_of(claims, claim);
        size_t n = text ? strcspn(text, "@") : 0;

        if (!text)
                return err_set(err, ERR_DENIED, "the provider gives no login name (claim %.64s)", claim);
        if (n > 0 && n <= OIDC_NAME_MAX) {
                for (size_t i = 0; i < n; i++)
                        ret[i] = (char)tolower((unsigned char)text[i]);
                ret[n] = '\0';
                if (name_is_valid(ret))
                        return 0;
        }
        return err_set(err, ERR_DENIED,
                       "what the provider gives as a login name (claim %.64s) is none: letters, digits, '.', "
                       "'_', '-'",
                       claim);
}

/* ---- groups ----------------------------------------------------------------------------------------------
 */

static char *trimmed(const char *text, size_t n)
{
        while (n && isspace((unsigned char)text[n - 1]))
                n--;
        while (n && isspace((unsigned char)*text)) {
                text++;
                n--;
        }
        return xstrndup(text, n);
}

/* "role R" or "project P R". */
static int gift_parse(const char *text, struct oidc_rule *ret, struct err *err)
{
        AUTO_FREE char *words = xstrdup(text);
        char *save = NULL, *kind = strtok_r(words, " \t", &save), *name = strtok_r(NULL, " \t", &save);
        char *role = strtok_r(NULL, " \t", &save);

        if (kind && name && role && strcmp(kind, "project") == 0 && !strtok_r(NULL, " \t", &save)) {
                if (!name_is_valid(name))
                        return err_set(err, ERR_BAD_INPUT, "\"%.64s\" is no name of a project", name);
                ret->project = xstrdup(name);
        } else if (kind && name && !role && strcmp(kind, "role") == 0) {
                role = name;
        } else {
                return err_set(err, ERR_BAD_INPUT,
                               "\"%.100s\" is neither \"role ROLE\" nor \"project NAME ROLE\"", text);
        }
        if (!role_parse(role, &ret->role))
                return err_set(err, ERR_BAD_INPUT, "\"%.64s\" is none of viewer, submitter, admin", role);
        return 0;
}

static int rule_parse(const char *text, size_t n, struct oidc_rules *to, struct err *err)
{
        AUTO_FREE char *entry = trimmed(text, n);
        char *at = strrchr(entry, '=');
        struct oidc_rule *r;

        if (!*entry)
                return 0;
        if (!at)
                return err_set(err, ERR_BAD_INPUT, "\"%.100s\" has no = between group and what it gives",
                               entry);
        if (to->count == OIDC_RULES_MAX)
                return err_set(err, ERR_BAD_INPUT, "there are more than %d groups", OIDC_RULES_MAX);
        to->list = xrealloc(to->list, (to->count + 1) * sizeof *to->list);
        r = &to->list[to->count++];
        *r = (struct oidc_rule){.group = trimmed(entry, (size_t)(at - entry))};
        if (gift_parse(at + 1, r, err) < 0)
                return -1;
        to->has_roles |= !r->project;
        return *r->group ? 0 : err_set(err, ERR_BAD_INPUT, "\"%.100s\" names no group", entry);
}

int oidc_rules_parse(const char *text, struct oidc_rules *ret, struct err *err)
{
        struct oidc_rules r = {0};

        for (const char *p = text ? text : ""; *p; p += strcspn(p, ";"), p += *p == ';')
                if (rule_parse(p, strcspn(p, ";"), &r, err) < 0) {
                        oidc_rules_release(&r);
                        return -1;
                }
        *ret = r;
        return 0;
}

void oidc_rules_release(struct oidc_rules *r)
{
        for (size_t i = 0; i < r->count; i++) {
                free(r->list[i].group);
                free(r->list[i].project);
        }
        free(r->list);
        *r = (struct oidc_rules){0};
}

static bool is_in(const json_t *groups, const char *group)
{
        const char *one = json_string_value(groups);

        if (one)
                return strcmp(one, group) == 0;
        for (size_t i = 0; i < json_array_size(groups) && i < OIDC_GROUPS_MAX; i++) {
                one = json_string_value(json_array_get(groups, i));
                if (one && strcmp(one, group) == 0)
                        return true;
        }
        return false;
}

static void grant_project(struct oidc_grants *g, const struct oidc_rule *rule)
{
        enum role had = ROLE_VIEWER;
        size_t i = 0;

        while (i < g->count && strcmp(g->projects[i], rule->project) != 0)
                i++;
        if (i == g->count)
                g->projects[g->count++] = rule->project;
        else
                role_parse(g->roles[i], &had);
        g->roles[i] = role_name(rule->role > had ? rule->role : had);
}

void oidc_grants_make(const struct oidc_rules *rules, const json_t *groups, struct oidc_grants *ret)
{
        struct oidc_grants g = {.projects = xcalloc(rules->count + 1, sizeof *g.projects),
                                .roles = xcalloc(rules->count + 1, sizeof *g.roles)};

        for (size_t i = 0; i < rules->count; i++) {
                const struct oidc_rule *r = &rules->list[i];

                if (!is_in(groups, r->group))
                        continue;
                if (r->project) {
                        grant_project(&g, r);
                } else {
                        g.role = g.has_role && g.role > r->role ? g.role : r->role;
                        g.has_role = true;
                }
        }
        *ret = g;
}

void oidc_grants_release(struct oidc_grants *g)
{
        free(g->projects);
        free(g->roles);
        *g = (struct oidc_grants){0};
}

/* ---- addresses -------------------------------------------------------------------------------------------
 */

/* Printable, and without what could mean another host to somebody. */
static bool is_plain(const char *text)
{
        for (; *text; text++)
                if (*text <= ' ' || *text > '~' || strchr("\\\"<>^`{|}", *text))
                        return false;
        return true;
}

static bool host_is(const char *rest, const char *host)
{
        size_t n = strlen(host);

        return strncmp(rest, host, n) == 0 && (!rest[n] || strchr(":/", rest[n]));
}

static bool is_this_machine(const char *url)
{
        const char *rest = url + strlen("http://");

        return strncmp(url, "http://", 7) == 0 &&
               (host_is(rest, "127.0.0.1") || host_is(rest, "localhost") || host_is(rest, "[::1]"));
}

bool oidc_url_is_good(const char *issuer, const char *url)
{
        const char *rest = url ? strstr(url, "://") : NULL;
        size_t host = rest ? strcspn(rest + 3, "/?#") : 0;

        if (!rest || !host || strlen(url) > 2000 || !is_plain(url) || memchr(rest + 3, '@', host) ||
            strchr(url, '#'))
                return false;
        return strncmp(url, "https://", 8) == 0 || (is_this_machine(issuer) && is_this_machine(url));
}

bool oidc_then_is_good(const char *then)
{
        return then[0] == '/' && then[1] != '/' && strlen(then) <= OIDC_THEN_MAX && is_plain(then) &&
               !strchr(then, '#');
}
