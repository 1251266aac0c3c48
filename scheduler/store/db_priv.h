/* SPDX-License-Identifier: Apache-2.0 */
/* db_priv.h - what db.c, db_bind.c and db_rows.c share; nobody else includes it. */
#ifndef REEVE_DB_PRIV_H
#define REEVE_DB_PRIV_H

#include "store/db.h"

#include <libpq-fe.h>

#define PARAMS_MAX 48

/* Type numbers of pg_type that never change (src/include/catalog/pg_type.dat). */
enum {
        OID_ANY = 0, /* the server decides from where the parameter stands */
        OID_BOOL = 16,
        OID_BYTEA = 17,
        OID_INT8 = 20,
        OID_INT2 = 21,
        OID_INT4 = 23,
        OID_TEXT = 25,
        OID_FLOAT8 = 701,
        OID_TIMESTAMPTZ = 1184,
        OID_BOOL_ARRAY = 1000,
        OID_BYTEA_ARRAY = 1001,
        OID_INT2_ARRAY = 1005,
        OID_INT4_ARRAY = 1007,
        OID_TEXT_ARRAY = 1009,
        OID_INT8_ARRAY = 1016,
        OID_FLOAT8_ARRAY = 1022,
        OID_TIMESTAMPTZ_ARRAY = 1185,
};

struct param {
        Oid type;
        bool null, binary, anything; /* anything: bind_null, fits every type */
        const char *borrowed;        /* or NULL: the bytes stand in the statement's own storage */
        size_t at, len;
};

struct stmt {
        struct db *db;
        char *name, *sql;
        char server_name[56]; /* its name at the server: another for each set of types */
        bool prepared;
        size_t prepared_count;
        Oid prepared_types[PARAMS_MAX];
        size_t n;
        struct param params[PARAMS_MAX];
        char *data; /* bound values that are ours, back to back */
        size_t data_len, data_cap;
        struct stmt *next; /* same hash */
};

void stmt_clear(struct stmt *st);
void stmt_free(struct stmt *st);
/* The result now belongs to the rows. */
struct rows *rows_new(PGresult *res);

#endif
