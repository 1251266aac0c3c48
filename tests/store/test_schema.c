/* SPDX-License-Identifier: Apache-2.0 */
/* The schema against the words of common/states.h, and against the rule that everything is commented. */
#include "store_test.h"
#include "common/states.h"

#define NAME_(sym, name, ...) name,
#define WORDS(rows)                                                                                          \
        (const char *const[])                                                                                \
        {                                                                                                    \
                rows(NAME_) NULL                                                                             \
        }

static const char *const attempt_words[] = {ATTEMPT_STATES(NAME_) NULL};

/* "a,b,c" of the words from one to before another, sorted as SQL sorts. */
static const char *joined(struct db *db, const char *const *words, size_t n)
{
        AUTO_ROWS struct rows *r = NULL;
        static char out[2000];
        struct err err = {0};
        struct stmt *st =
            db_stmt(db, "joined", "select string_agg(w, ',' order by w) as v from unnest($1::text[]) w");

        bind_texts(st, words, n);
        ok(db_query(st, &r, &err));
        rows_next(r);
        snprintf(out, sizeof out, "%s", row_text(r, "v"));
        return out;
}

/* The words a column's check allows, sorted. */
static const char *allowed(struct db *db, const char *table, const char *column)
{
        AUTO_ROWS struct rows *r = NULL;
        static char out[2000];
        struct err err = {0};
        struct stmt *st =
            db_stmt(db, "allowed",
                    "select string_agg(w[1], ',' order by w[1]) as v from pg_constraint c join pg_attribute a"
                    " on a.attrelid = c.conrelid and c.conkey = array[a.attnum],"
                    " regexp_matches(pg_get_constraintdef(c.oid), '''([^'']*)''::text', 'g') w"
                    " where c.contype = 'c' and c.conrelid = $1::text::regclass and a.attname = $2::text");

        bind_text(st, table);
        bind_text(st, column);
        ok(db_query(st, &r, &err));
        rows_next(r);
        snprintf(out, sizeof out, "%s", row_text(r, "v"));
        return out;
}

static void checks_hold_exactly_the_words_of_the_program(void **state)
{
        const struct {
                const char *table, *column;
                const char *const *words;
                size_t n;
        } cases[] = {
            {"jobs", "state", WORDS(JOB_STATES), JOB_STATE_COUNT},
            {"attempts_live", "state", attempt_words, ATTEMPT_SUCCEEDED},
            {"attempts", "state", attempt_words + ATTEMPT_SUCCEEDED, ATTEMPT_STATE_COUNT - ATTEMPT_SUCCEEDED},
            {"attempts", "outcome", WORDS(OUTCOMES), OUTCOME_COUNT},
            {"attempts", "blame", WORDS(BLAMES), BLAME_COUNT},
            {"job_queue", "wait", WORDS(WAIT_REASONS), WAIT_REASON_COUNT},
            {"sites", "intent", WORDS(SITE_INTENTS), SITE_INTENT_COUNT},
            {"sites", "health", WORDS(SITE_HEALTHS), SITE_HEALTH_COUNT},
            {"workers", "link", WORDS(LINK_STATES), LINK_STATE_COUNT},
            {"replicas", "state", WORDS(REPLICA_STATES), REPLICA_STATE_COUNT},
            {"transfers", "state", WORDS(TRANSFER_STATES), TRANSFER_STATE_COUNT},
            {"arrivals", "state", WORDS(ARRIVAL_STATES), ARRIVAL_STATE_COUNT},
        };
        struct db *db = *state;

        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                assert_string_equal(allowed(db, cases[i].table, cases[i].column),
                                    joined(db, cases[i].words, cases[i].n));
}

/* Partitions take the comments of their parents' columns and indexes; keys are told by their table. */
static void everything_has_a_comment(void **state)
{
        static const struct {
                const char *what, *sql;
        } cases[] = {
            {"tables",
             "select string_agg(c.relname, ' ') as v from pg_class c where c.relnamespace = "
             "'public'::regnamespace"
             " and c.relkind in ('r', 'p', 'v', 'm') and obj_description(c.oid, 'pg_class') is null"},
            {"columns",
             "select string_agg(c.relname || '.' || a.attname, ' ') as v from pg_class c join pg_attribute a"
             " on a.attrelid = c.oid where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', "
             "'p')"
             " and not c.relispartition and a.attnum > 0 and not a.attisdropped"
             " and col_description(c.oid, a.attnum) is null"},
            {"indexes",
             "select string_agg(c.relname, ' ') as v from pg_class c join pg_index i on i.indexrelid = c.oid"
             " where c.relnamespace = 'public'::regnamespace and not c.relispartition"
             " and not exists (select from pg_constraint k where k.conindid = c.oid)"
             " and obj_description(c.oid, 'pg_class') is null"},
            {"functions", "select string_agg(p.proname, ' ') as v from pg_proc p where p.pronamespace ="
                          " 'public'::regnamespace and obj_description(p.oid, 'pg_proc') is null"},
        };
        struct db *db = *state;

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const char *bare = ask_text(db, cases[i].sql);

                if (*bare)
                        fail_msg("%s without comment: %s", cases[i].what, bare);
        }
}

/* A job's words in the database are those of the program that wrote it: no index names a column that moves.
 */
static void hot_columns_are_in_no_index(void **state)
{
        struct db *db = *state;

        assert_string_equal(
            ask_text(
                db,
                "select coalesce(string_agg(i.indexrelid::regclass || '.' || a.attname, ' '), '') as v"
                " from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)"
                " where (i.indrelid = 'attempts_live'::regclass and a.attname in ('state', 'started_at'))"
                " or (i.indrelid = 'job_queue'::regclass and a.attname <> 'job_id')"
                " or (i.indrelid = 'totals'::regclass and a.attname = 'value')"),
            "");
}

static void the_audit_chain_only_grows(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        ok(db_run(db,
                  "select audit_add('ann', 'POST /v1/jobs', 'job 1', 'ok', 'one', null); select "
                  "audit_add('ann', 'x', 'y', 'z', null, null)",
                  &err));
        assert_int_equal(db_run(db, "update audit set actor = 'bob'", &err), -1);
        assert_int_equal(db_run(db, "delete from audit", &err), -1);
        assert_int_equal(db_run(db, "truncate audit", &err), -1);
        assert_int_equal(
            ask_int(db, "select count(*) as v from audit b join audit a on a.seq = b.seq - 1 where b.hash ="
                        " reeve_audit_hash(a.hash, b)"),
            1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            store_test(checks_hold_exactly_the_words_of_the_program),
            store_test(everything_has_a_comment),
            store_test(hot_columns_are_in_no_index),
            store_test(the_audit_chain_only_grows),
        };

        return cmocka_run_group_tests(tests, group_setup, NULL);
}
