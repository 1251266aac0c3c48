/* SPDX-License-Identifier: Apache-2.0 */
#include "store/migrate.h"
#include "common/embed.h"
#include "common/log.h"
#include "common/num.h"
#include "common/util.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SHA256_HEX (2 * crypto_hash_sha256_BYTES + 1)

struct step {
        int64_t number;
        char name[80]; /* without folder, number and ".sql" */
        char sha256[SHA256_HEX];
        const char *sql;
};

/* What one transaction does and found. */
struct turn {
        const struct step *steps;
        size_t count;
        bool only_check;
        size_t applied; /* how many of the steps the database has by now */
        bool changed;
};

/* "sql/0001_base.sql" -> 1, "base" */
static int step_read(const struct embedded *file, struct step *s, struct err *err)
{
        const char *base = strrchr(file->name, '/');
        uint8_t hash[crypto_hash_sha256_BYTES];
        int number, used = 0;

        base = base ? base + 1 : file->name;
        if (sscanf(base, "%4d_%n", &number, &used) < 1 || used != 5 || number < 1)
                return err_set(err, ERR_SYSTEM, "migration \"%s\" is not named NNNN_name.sql", file->name);
        s->number = number;
        snprintf(s->name, sizeof s->name, "%.*s", (int)strcspn(base + used, "."), base + used);
        crypto_hash_sha256(hash, file->data, file->size);
        hex_encode(hash, sizeof hash, s->sha256);
        s->sql = (const char *)file->data;
        return 0;
}

static int steps_read(struct step **ret, size_t *ret_n, struct err *err)
{
        size_t n = migration_files_count;
        AUTO_FREE struct step *steps = xcalloc(n + 1, sizeof *steps);

        for (size_t i = 0; i < n; i++) {
                if (step_read(&migration_files[i], &steps[i], err) < 0)
                        return -1;
                if (i > 0 && steps[i].number <= steps[i - 1].number)
                        return err_set(err, ERR_SYSTEM, "migration %lld is there twice or out of order",
                                       (long long)steps[i].number);
        }
        *ret = MOVE(steps);
        *ret_n = n;
        return 0;
}

/* 1 there, 0 not. */
static int record_exists(struct db *db, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (db_query(db_stmt(db, "migrations_exist",
                             "select to_regclass('schema_migrations') is not null as there"),
                     &r, err) < 0)
                return -1;
        rows_next(r);
        return row_bool(r, "there");
}

static int record_make(struct db *db, struct err *err)
{
        return db_run(
            db,
            "create table schema_migrations ("
            " number integer primary key, name text not null, sha256 text not null,"
            " program text not null, applied_at timestamptz not null default now());"
            "comment on table schema_migrations is 'Steps that brought the schema here.';"
            "comment on column schema_migrations.number is 'Number of the step.';"
            "comment on column schema_migrations.name is 'Its name.';"
            "comment on column schema_migrations.sha256 is 'Checksum of its text, in hex; compared on every "
            "start.';"
            "comment on column schema_migrations.program is 'Version of the program that applied it.';"
            "comment on column schema_migrations.applied_at is 'When.'",
            err);
}

/* The steps the database has must be the first ones of ours, unchanged. */
static int record_compare(struct db *db, struct turn *t, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        size_t i = 0;

        if (db_query(db_stmt(db, "migrations_read",
                             "select number, name, sha256, program from schema_migrations order by number"),
                     &r, err) < 0)
                return -1;
        for (; rows_next(r); i++) {
                long long number = row_int(r, "number");

                if (i >= t->count || number != t->steps[i].number)
                        return err_set(
                            err, ERR_CONFLICT,
                            "the database has schema step %lld \"%s\" of Reeve %s, which this program "
                            "(%s) does not know: start a program at least that new",
                            number, row_text(r, "name"), row_text(r, "program"), REEVE_VERSION);
                if (strcmp(row_text(r, "sha256"), t->steps[i].sha256) != 0)
                        return err_set(
                            err, ERR_CONFLICT,
                            "schema step %lld \"%s\" was applied by Reeve %s with another text than this "
                            "program's (%s): use the program that made this database, or a release",
                            number, row_text(r, "name"), row_text(r, "program"), REEVE_VERSION);
        }
        t->applied = i;
        return 0;
}

static int step_apply(struct db *db, const struct step *s, struct err *err)
{
        struct stmt *st;

        if (db_run(db, s->sql, err) < 0)
                return err_prefix(err, "schema step %lld \"%s\"", (long long)s->number, s->name);
        st = db_stmt(db, "migrations_record",
                     "insert into schema_migrations (number, name, sha256, program) values ($1, $2, $3, $4)");
        bind_int(st, s->number);
        bind_text(st, s->name);
        bind_text(st, s->sha256);
        bind_text(st, REEVE_VERSION);
        return db_exec(st, err) < 0 ? -1 : 0;
}

/* One transaction: compare, then apply the first missing step if there is one. */
static int turn_body(struct db *db, void *arg, struct err *err)
{
        struct turn *t = arg;
        int there;

        t->changed = false;
        t->applied = 0;
        if (db_exec(
                db_stmt(db, "migrations_lock", "select pg_advisory_xact_lock(hashtext('reeve migrations'))"),
                err) < 0)
                return -1;
        there = record_exists(db, err);
        if (there < 0)
                return -1;
        if (!there && t->only_check)
                return 0;
        if (!there && record_make(db, err) < 0)
                return -1;
        if (record_compare(db, t, err) < 0)
                return -1;
        if (t->only_check || t->applied == t->count)
                return 0;
        if (step_apply(db, &t->steps[t->applied], err) < 0)
                return -1;
        log_info("schema step %lld \"%s\" applied", (long long)t->steps[t->applied].number,
                 t->steps[t->applied].name);
        t->changed = true;
        return 0;
}

int migrate_apply(struct db *db, int *ret_applied, struct err *err)
{
        AUTO_FREE struct step *steps = NULL;
        struct turn t = {0};
        int applied = 0;

        if (steps_read(&steps, &t.count, err) < 0)
                return -1;
        t.steps = steps;
        do {
                if (db_tx(db, turn_body, &t, err) < 0)
                        return -1;
                applied += t.changed;
        } while (t.changed);
        if (ret_applied)
                *ret_applied = applied;
        return 0;
}

int migrate_check(struct db *db, struct err *err)
{
        AUTO_FREE struct step *steps = NULL;
        struct turn t = {.only_check = true};

        if (steps_read(&steps, &t.count, err) < 0)
                return -1;
        t.steps = steps;
        if (db_tx(db, turn_body, &t, err) < 0)
                return -1;
        if (t.applied < t.count)
                return err_set(
                    err, ERR_UNAVAILABLE,
                    "the database has %zu of %zu schema steps: start the engine of this version once",
                    t.applied, t.count);
        return 0;
}
