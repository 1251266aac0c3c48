/* SPDX-License-Identifier: Apache-2.0 */
#include "web/explain_ask.h"

#include "common/num.h"
#include "common/util.h"
#include "store/store_data.h"
#include "store/store_sites.h"
#include "store/store_submit.h"
#include "web/reply.h"
#include "web/web_priv.h"

#include <stdio.h>
#include <string.h>

#define LOOK_MIN_MS 5
#define LOOK_MAX_MS 100
#define ROUND_PART  32
#define LISTED_MAX  256 /* sites or inputs of one question */

/* ---- asking ----------------------------------------------------------------------------------------------
 */

static bool waits_for_changes(const struct request *rq)
{
        const char *wait = request_query(rq, "wait");

        return wait && strcmp(wait, "0") != 0;
}

/* The answer at hand is the answer; a reader who waits for changes is looked after again. */
static int answered(struct request *rq, json_t **ret)
{
        rq->call = 0;
        rq->recheck_ms = EXPLAIN_AGAIN_MS;
        if (!waits_for_changes(rq))
                rq->wait_until = 0;
        *ret = rq->kept;
        return 0;
}

static int start(struct request *rq, struct db *db, const char *kind, const json_t *q, struct err *err)
{
        char *text = json_dumps(q, JSON_COMPACT);
        int rc = store_call_add(db, kind, 0, text, rq->who->name, &rq->call, err);

        free(text);
        rq->wakes_engine = true;
        rq->call_until = clock_boot_ms() + EXPLAIN_WAIT_MS;
        rq->recheck_ms = LOOK_MIN_MS;
        if (!waits_for_changes(rq))
                rq->wait_until = rq->call_until;
        return rc < 0 ? -1 : REQUEST_WAIT;
}

int explain_ask(struct request *rq, struct db *db, const json_t *q, json_t **ret, struct err *err)
{
        return engine_ask(rq, db, "explain", q, ret, err);
}

int engine_ask(struct request *rq, struct db *db, const char *kind, const json_t *q, json_t **ret,
               struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        int64_t now = clock_boot_ms();

        if (rq->kept && !rq->call && (rq->timed_out || now < rq->kept_at + EXPLAIN_AGAIN_MS))
                return answered(rq, ret);
        if (!rq->call)
                return rq->timed_out ? answered(rq, ret) : start(rq, db, kind, q, err);
        if (store_call_read(db, rq->call, &r, err) < 0)
                return -1;
        if (rows_next(r)) {
                json_decref(rq->kept);
                rq->kept = row_null(r, "result") ? NULL : json_loads(row_text(r, "result"), 0, NULL);
                rq->kept_at = now;
                return answered(rq, ret);
        }
        if (rq->timed_out || now >= rq->call_until)
                return answered(rq, ret);
        rq->recheck_ms = rq->recheck_ms * 2 < LOOK_MAX_MS ? rq->recheck_ms * 2 : LOOK_MAX_MS;
        return REQUEST_WAIT;
}

json_t *explain_projects(const struct principal *p)
{
        struct visible who = principal_visible(p);
        json_t *list;

        if (who.all)
                return json_null();
        list = json_array();
        for (size_t i = 0; i < who.count; i++)
                json_array_append_new(list, json_integer((json_int_t)who.projects[i]));
        return list;
}

/* ---- what if ---------------------------------------------------------------------------------------------
 */

struct what_if {
        struct request *rq;
        struct db *db;
        json_t *to;
};

static int read_count(struct what_if *w, const char *key, const char *value, struct err *err)
{
        int64_t n;

        if (num_int(key, value, strcmp(key, "cpus") == 0 ? 1 : 0, INT32_MAX, &n, err) < 0)
                return -1;
        json_object_set_new(w->to, key, json_integer((json_int_t)n));
        return 0;
}

static int read_memory(struct what_if *w, const char *key, const char *value, struct err *err)
{
        int64_t n;

        if (num_size(key, value, &n, err) < 0)
                return -1;
        json_object_set_new(w->to, key, json_integer((json_int_t)n));
        return 0;
}

static int read_time_limit(struct what_if *w, const char *key, const char *value, struct err *err)
{
        int64_t ms;

        if (num_duration(key, value, &ms, err) < 0)
                return -1;
        json_object_set_new(w->to, "time_limit_ms", json_integer((json_int_t)ms));
        return 0;
}

static int read_priority(struct what_if *w, const char *key, const char *value, struct err *err)
{
        int64_t n;

        if (num_int(key, value, -1000, 1000, &n, err) < 0)
                return -1;
        json_object_set_new(w->to, key, json_integer((json_int_t)n));
        return 0;
}

static int read_site(struct what_if *w, json_t *list, const char *name, struct err *err)
{
        int32_t id;
        int rc = store_site_find(w->db, name, &id, err);

        if (rc < 0)
                return -1;
        if (!rc)
                return err_set(err, ERR_BAD_INPUT, "what_if: there is no site \"%.64s\"", name);
        json_array_append_new(list, json_string(name));
        return 0;
}

static int read_input(struct what_if *w, json_t *list, const char *name, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_submit_datasets(w->db, &name, 1, &r, err) < 0)
                return -1;
        if (!rows_next(r) || !principal_sees(w->rq->who, row_int(r, "project_id")))
                return err_set(err, ERR_BAD_INPUT, "what_if: there is no dataset \"%.200s\"", name);
        json_array_append_new(list, json_integer((json_int_t)row_int(r, "id")));
        return 0;
}

static int read_list(struct what_if *w, const char *key, const char *value, struct err *err)
{
        int (*read)(struct what_if *, json_t *, const char *, struct err *) =
            strcmp(key, "sites") == 0 ? read_site : read_input;
        AUTO_FREE char *copy = xstrdup(value);
        json_t *list = json_array();
        char *save = NULL;

        json_object_set_new(w->to, key, list);
        for (char *name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
                if (json_array_size(list) == LISTED_MAX)
                        return err_set(err, ERR_BAD_INPUT, "what_if: %s names more than %d", key, LISTED_MAX);
                if (read(w, list, name, err) < 0)
                        return -1;
        }
        return 0;
}

static int read_custom(struct what_if *w, const char *key, const char *value, struct err *err)
{
        json_t *custom = json_object_get(w->to, "custom");
        int64_t n;

        if (!name_is_valid(key))
                return err_set(
                    err, ERR_BAD_INPUT,
                    "what_if: \"%.64s\" is no resource; say cpus, memory, gpus, a countable, sites, inputs, "
                    "time_limit or priority",
                    key);
        if (num_int(key, value, 0, INT32_MAX, &n, err) < 0)
                return -1;
        if (!custom) {
                custom = json_object();
                json_object_set_new(w->to, "custom", custom);
        }
        json_object_set_new(custom, key, json_integer((json_int_t)n));
        return 0;
}

static int read_one(struct what_if *w, const char *key, const char *value, struct err *err)
{
        static const struct {
                const char *key;
                int (*read)(struct what_if *w, const char *key, const char *value, struct err *err);
        } rows[] = {{"cpus", read_count},        {"gpus", read_count},
                    {"memory", read_memory},     {"time_limit", read_time_limit},
                    {"priority", read_priority}, {"sites", read_list},
                    {"inputs", read_list}};

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                if (strcmp(rows[i].key, key) == 0)
                        return rows[i].read(w, key, value, err);
        }
        return read_custom(w, key, value, err);
}

int what_if_read(struct request *rq, struct db *db, const char *text, json_t **ret, struct err *err)
{
        struct what_if w = {rq, db, json_object()};
        AUTO_FREE char *copy = xstrdup(text);
        char *save = NULL;

        for (char *one = strtok_r(copy, "&", &save); one; one = strtok_r(NULL, "&", &save)) {
                char *value = strchr(one, '=');

                if (value)
                        *value++ = '\0';
                if (!value || !*one)
                        err_set(err, ERR_BAD_INPUT, "what_if: write it as memory=64G, not \"%.64s\"", one);
                if (!value || !*one || read_one(&w, one, value, err) < 0) {
                        json_decref(w.to);
                        return -1;
                }
        }
        *ret = w.to;
        return 0;
}

/* ---- writing ---------------------------------------------------------------------------------------------
 */

void explain_write(struct buf *b, const char *key, const json_t *v, const char *otherwise)
{
        char *text = v && !json_is_null(v)
                         ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6))
                         : NULL;

        j_raw(b, key, text ? text : otherwise);
        free(text);
}

int64_t explain_time(const json_t *o, const char *key)
{
        const json_t *v = json_object_get(o, key);

        return json_is_integer(v) ? json_integer_value(v) : INT64_MIN;
}

void explain_time_in_words(json_t *o, const char *key)
{
        int64_t ms = explain_time(o, key);
        char text[32];

        if (ms != INT64_MIN)
                json_object_set_new(o, key, json_string(num_format_time(ms, text)));
}

/* side: -1 rounds down, 1 up, 0 to the nearest. */
static void write_rounded(struct buf *b, const char *key, int64_t ms, int64_t now, int side)
{
        int64_t step = 1000, away = ms > now ? ms - now : 0;

        while (step * ROUND_PART < away)
                step *= 2;
        j_time(b, key, ms == INT64_MIN ? ms : (ms + (side + 1) * (step / 2)) / step * step);
}

void explain_write_start(struct buf *b, const json_t *start)
{
        static const char *const times[] = {"earliest", "likely", "latest"};
        int64_t now = clock_wall_ms();

        if (!json_is_object(start)) {
                j_null(b, "start");
                return;
        }
        j_obj(b, "start");
        for (int i = 0; i < (int)ARRAY_LEN(times); i++)
                write_rounded(b, times[i], explain_time(start, times[i]), now, i == 1 ? 0 : i - 1);
        explain_write(b, "based_on", json_object_get(start, "based_on"), NULL);
        j_obj_end(b);
}

void explain_write_guest(struct buf *b, const char *key, const json_t *guest, const char *otherwise)
{
        static const struct {
                const char *key, *otherwise;
        } before[] = {{"sentence", NULL},
                      {"can_ever_run", "true"},
                      {"never", NULL},
                      {"reason", NULL},
                      {"position", NULL}},
          after[] = {{"funnel", "[]"}, {"best", NULL}, {"candidates", "[]"}, {"would_help", "[]"}};

        if (!json_is_object(guest)) {
                j_raw(b, key, otherwise);
                return;
        }
        if (key)
                j_obj(b, key);
        for (size_t i = 0; i < ARRAY_LEN(before); i++)
                explain_write(b, before[i].key, json_object_get(guest, before[i].key), before[i].otherwise);
        explain_write_start(b, json_object_get(guest, "start"));
        for (size_t i = 0; i < ARRAY_LEN(after); i++)
                explain_write(b, after[i].key, json_object_get(guest, after[i].key), after[i].otherwise);
        if (!key)
                return;
        j_arr(b, "warnings");
        j_arr_end(b);
        j_time(b, "as_of", clock_wall_ms());
        j_obj_end(b);
}
