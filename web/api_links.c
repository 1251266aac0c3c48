/* SPDX-License-Identifier: Apache-2.0 */
/* Links between sites, what admins say of them, and from where files may be fetched. */
#include "web/api.h"

#include "common/url.h"
#include "common/util.h"
#include "store/store_arrivals.h"
#include "store/store_sites.h"
#include "store/store_transfers.h"

#include <stdio.h>
#include <string.h>

#define BUDGET_MAX    1e15
#define ACTIVE_MAX    64 /* transfers at once: as many as the engine runs in all */
#define REDIRECTS_MAX 16
#define PREFIX_MAX    1024

struct link_body {
        double budget, from_budget, to_budget;
        int64_t max_active, from_max_active, to_max_active;
        bool direct;
};
/* In pairs, a pair for each voice (enum link_voice); then direct. */
enum { GAVE_BUDGET = 1, GAVE_MAX_ACTIVE = 2, GAVE_DIRECT = 1 << 2 * LINK_VOICES };
#define LINK_BUDGET(name_, doc_) FIELD(struct link_body, name_, F_REAL, 0, (int64_t)BUDGET_MAX, 0, doc_)
#define LINK_ACTIVE(name_, doc_) FIELD(struct link_body, name_, F_INT, 1, ACTIVE_MAX, 0, doc_)
const struct field link_change_fields[] = {
    LINK_BUDGET(budget, "bytes per second that transfers may take there; null: no limit"),
    LINK_ACTIVE(max_active, "transfers at once; null: as many as usual"),
    LINK_BUDGET(from_budget, "the same, as the source says; the smallest counts"),
    LINK_ACTIVE(from_max_active, "transfers at once, as the source says"),
    LINK_BUDGET(to_budget, "the same, as the destination says"),
    LINK_ACTIVE(to_max_active, "transfers at once, as the destination says"),
    FIELD(struct link_body, direct, F_BOOL, 0, 0, 0,
          "the destination may fetch by itself with a key of short life"),
    {0},
};

struct prefix_body {
        const char *prefix, *site;
        bool private;
        json_t *redirects;
};
const struct field url_prefix_fields[] = {
    FIELD(struct prefix_body, prefix, F_STRING, 8, PREFIX_MAX, FIELD_REQUIRED,
          "what a URL has to begin with; it ends with a slash"),
    FIELD(struct prefix_body, site, F_NAME, 1, 64, 0, "the only site that may; default any"),
    FIELD(struct prefix_body, private, F_BOOL, 0, 0, 0, "also when the host has a private or local address"),
    FIELD(struct prefix_body, redirects, F_STRINGS, 0, REDIRECTS_MAX, 0,
          "further prefixes that it may lead on to"),
    {0},
};

/* ---- links -----------------------------------------------------------------------------------------------
 */

static void link_write(struct buf *b, struct rows *r)
{
        bool learned = row_f64(r, "weight") > 0;

        j_obj(b, NULL);
        j_str(b, "from", row_text(r, "from_site"));
        j_str(b, "to", row_text(r, "to_site"));
        if (learned) {
                j_col_f64(b, r, "rate");
                j_col_f64(b, r, "latency");
                j_col_f64(b, r, "weight");
                j_col_time(b, r, "learned_at");
        } else {
                j_null(b, "rate");
                j_null(b, "latency");
                j_int(b, "weight", 0);
                j_null(b, "learned_at");
        }
        j_col_f64(b, r, "budget");
        j_col_int(b, r, "max_active");
        j_col_f64(b, r, "from_budget");
        j_col_int(b, r, "from_max_active");
        j_col_f64(b, r, "to_budget");
        j_col_int(b, r, "to_max_active");
        j_col_bool(b, r, "direct");
        j_col_int(b, r, "transfers");
        j_col_int(b, r, "bytes");
        j_col_int(b, r, "active");
        j_col_int(b, r, "promised");
        j_obj_end(b);
}

/* "7.9": the ids of its two sites. */
static int read_after(const struct request *rq, struct links_filter *f, struct err *err)
{
        char text[32];
        int rc = cursor_read(rq, text, sizeof text, err), end = 0;

        if (rc > 0 && (sscanf(text, "%9d.%9d%n", &f->from, &f->to, &end) != 2 || text[end] || f->from < 0))
                return err_set(err, ERR_BAD_INPUT,
                               "cursor: not one that a list gave; start without a cursor");
        return rc < 0 ? -1 : 0;
}

static int read_links_filter(struct request *rq, struct db *db, struct links_filter *f, struct err *err)
{
        const char *site = request_query(rq, "site"), *busy = request_query(rq, "busy");
        int rc = site ? store_site_find(db, site, &f->site, err) : 1;

        if (rc < 0)
                return -1;
        if (rc == 0)
                f->site = -1; /* none has it */
        f->busy = busy && strcmp(busy, "true") == 0;
        if (busy && !f->busy && strcmp(busy, "false") != 0)
                return err_set(err, ERR_BAD_INPUT, "busy: true or false, not \"%.40s\"", busy);
        return read_after(rq, f, err) < 0 || request_limit(rq, &f->limit, err) < 0 ? -1 : 0;
}

HANDLER(api_links)
{
        AUTO_ROWS struct rows *r = NULL;
        struct links_filter f = {0};
        struct buf *b = &rq->out;
        char last[32] = "";
        int limit, n = 0;

        if (read_links_filter(rq, db, &f, err) < 0)
                return -1;
        limit = f.limit++;
        if (store_links_list(db, &f, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        for (; n < limit && rows_next(r); n++) {
                link_write(b, r);
                snprintf(last, sizeof last, "%d.%d", (int)row_int(r, "from_id"), (int)row_int(r, "to_id"));
        }
        j_arr_end(b);
        if (n == limit && rows_next(r))
                cursor_write(b, "next_cursor", last);
        else
                j_null(b, "next_cursor");
        j_obj_end(b);
        return 0;
}

/* The two sites of the path. */
static int find_ends(struct request *rq, struct db *db, int32_t ret[2], struct err *err)
{
        for (size_t i = 0; i < 2; i++) {
                int rc = store_site_find(db, rq->captures[i], &ret[i], err);

                if (rc <= 0)
                        return rc < 0 ? -1
                                      : err_set(err, ERR_NOT_FOUND, "no site \"%.64s\"", rq->captures[i]);
        }
        if (ret[0] == ret[1])
                return err_set(err, ERR_NOT_FOUND, "there is no link from a site to itself");
        return 0;
}

static int link_reply(struct request *rq, struct db *db, const int32_t ends[2], struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_link_show(db, ends[0], ends[1], &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return err_set(err, ERR_NOT_FOUND, "a site of the link was removed meanwhile");
        link_write(&rq->out, r);
        return 0;
}

HANDLER(api_link)
{
        int32_t ends[2];

        return find_ends(rq, db, ends, err) < 0 ? -1 : link_reply(rq, db, ends, err);
}

/* What each voice may say: an admin all of it, who governs an end what that end says. Letting the destination
 * in is the source's to allow. */
static int check_voices(struct request *rq, uint64_t given, struct err *err)
{
        const struct principal *p = rq->who;
        const bool may[LINK_VOICES] = {[LINK_ALL] = p->role == ROLE_ADMIN,
                                       [LINK_FROM] = principal_governs(p, 0, rq->captures[0]),
                                       [LINK_TO] = principal_governs(p, 0, rq->captures[1])};
        static const char *const why[LINK_VOICES] = {
            [LINK_ALL] = "budget and max_active are an admin's to say; an end's own are from_... and to_...",
            [LINK_FROM] = "from_budget, from_max_active and direct are for who governs the source",
            [LINK_TO] = "to_budget and to_max_active are for who governs the destination"};

        for (size_t i = 0; i < LINK_VOICES; i++)
                if (!may[i] && (given & (GAVE_BUDGET | GAVE_MAX_ACTIVE) << 2 * i ||
                                (i == LINK_FROM && given & GAVE_DIRECT))) {
                        rq->audits_refusal = true;
                        return err_set(err, ERR_DENIED, "%s", why[i]);
                }
        if (!may[LINK_FROM])
                request_about(rq, NULL, rq->captures[1]);
        return 0;
}

/* The members of one voice, by their names. */
static void read_voice(struct request *rq, size_t voice, uint64_t given, double budget, int64_t max_active,
                       struct link_change *c)
{
        const char *name = link_change_fields[2 * voice].name;
        AUTO_FREE char *pointer = xasprintf("/%s", name);
        bool none = json_is_null(json_object_get(rq->json, name));

        given >>= 2 * voice;
        c->by[voice].budget_set = given & GAVE_BUDGET;
        c->by[voice].max_active_set = given & GAVE_MAX_ACTIVE;
        c->by[voice].budget = none ? 0 : budget;
        c->by[voice].max_active = max_active;
        if (given & GAVE_BUDGET && !none && !(budget >= 1))
                issue_add(&rq->issues, pointer, "range", "must be at least 1 byte per second");
}

HANDLER(api_link_change)
{
        struct link_body in = {0};
        struct link_change c = {0};
        uint64_t given = 0;
        int32_t ends[2];

        if (request_body(rq, link_change_fields, &in, &given, err) < 0 || find_ends(rq, db, ends, err) < 0 ||
            check_voices(rq, given, err) < 0)
                return -1;
        if (!given)
                issue_add(&rq->issues, "", "missing", "say what to change, as budget or direct");
        read_voice(rq, LINK_ALL, given, in.budget, in.max_active, &c);
        read_voice(rq, LINK_FROM, given, in.from_budget, in.from_max_active, &c);
        read_voice(rq, LINK_TO, given, in.to_budget, in.to_max_active, &c);
        c.direct_set = given & GAVE_DIRECT;
        c.direct = in.direct;
        if (rq->issues.count)
                return request_invalid(rq, err);
        if (store_link_change(db, ends[0], ends[1], &c, err) < 0)
                return -1;
        AUTO_FREE char *what = json_dumps(rq->json, JSON_COMPACT);

        request_audit(rq, "%.200s", what ? what : "");
        rq->wakes_engine = rq->wakes_web = true;
        return link_reply(rq, db, ends, err);
}

/* ---- prefixes of URLs ------------------------------------------------------------------------------------
 */

static void prefix_write(struct buf *b, struct rows *r)
{
        j_obj(b, NULL);
        j_col_int(b, r, "id");
        j_col_str(b, r, "prefix");
        j_col_str(b, r, "site");
        j_col_bool(b, r, "private");
        j_col_raw(b, r, "redirects");
        j_col_str(b, r, "made_by");
        j_col_time(b, r, "made_at");
        j_obj_end(b);
}

HANDLER(api_url_prefixes)
{
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;

        if (store_url_prefixes(db, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r))
                prefix_write(b, r);
        j_arr_end(b);
        j_null(b, "next_cursor");
        j_obj_end(b);
        return 0;
}

static const char **read_redirects(struct request *rq, const json_t *list, size_t *ret_n)
{
        size_t n = json_array_size(list);
        const char **out = xcalloc(n + 1, sizeof *out);
        struct err why;

        for (size_t i = 0; i < n; i++) {
                char place[32];

                snprintf(place, sizeof place, "/redirects/%zu", i);
                out[i] = json_string_value(json_array_get(list, i));
                if (out[i] && (strlen(out[i]) > PREFIX_MAX || url_check_prefix(out[i], &why) < 0))
                        issue_add(&rq->issues, place, "format", "%s",
                                  strlen(out[i]) > PREFIX_MAX ? "is too long" : why.text);
        }
        *ret_n = n;
        return out;
}

HANDLER(api_url_prefix_add)
{
        AUTO_FREE const char **redirects = NULL;
        struct prefix_body in = {0};
        AUTO_ROWS struct rows *r = NULL;
        int32_t site = 0;
        struct err why;
        int64_t id;
        size_t n;

        if (request_body(rq, url_prefix_fields, &in, NULL, err) < 0)
                return -1;
        if (url_check_prefix(in.prefix, &why) < 0)
                issue_add(&rq->issues, "/prefix", "format", "%s", why.text);
        redirects = read_redirects(rq, in.redirects, &n);
        if (in.site && store_site_find(db, in.site, &site, err) < 0)
                return -1;
        if (in.site && !site)
                issue_add(&rq->issues, "/site", "not_found", "there is no site \"%s\"", in.site);
        if (rq->issues.count)
                return request_invalid(rq, err);
        if (store_url_prefix_add(db, in.prefix, site, in.private, redirects, n, rq->who->name, &id, err) <
                0 ||
            store_url_prefixes(db, &r, err) < 0)
                return -1;
        while (rows_next(r)) {
                if (row_int(r, "id") == id)
                        prefix_write(&rq->out, r);
        }
        request_audit(rq, "%.180s%s%s", in.prefix, site ? " at " : "", site ? in.site : "");
        rq->status = 201;
        return 0;
}

HANDLER(api_url_prefix_remove)
{
        int64_t id;
        int rc;

        if (request_capture_int(rq, 0, "prefix", &id, err) < 0)
                return -1;
        rc = store_url_prefix_remove(db, id, err);
        if (rc == 0)
                return err_set(err, ERR_NOT_FOUND, "no prefix %lld", (long long)id);
        rq->status = 204;
        return rc < 0 ? -1 : 0;
}
