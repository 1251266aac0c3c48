/* SPDX-License-Identifier: Apache-2.0 */
/* num.h - read and print numbers, sizes, durations, times and names, strictly.
 *
 * Every reader takes a whole string, says in *err what was wrong and how it should look, and leaves its
 * output untouched on failure. `what` names the field for the message ("memory", "time_limit").
 */
#ifndef REEVE_NUM_H
#define REEVE_NUM_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal, optional minus, min..max inclusive. */
int num_int(const char *what, const char *s, int64_t min, int64_t max, int64_t *ret, struct err *err);

/* "512", "512B", "1.5G", "2GiB", "300M": binary multiples (K M G T P), bytes. */
int num_size(const char *what, const char *s, int64_t *ret_bytes, struct err *err);

/* "90", "90s", "15m", "2h30m", "1d", "01:30:00", "2-00:00:00", "250ms": milliseconds. Plain numbers are
 * seconds. */
int num_duration(const char *what, const char *s, int64_t *ret_ms, struct err *err);

/* RFC 3339 with zone: "2026-11-21T07:00:00Z", fractions and offsets allowed; milliseconds since 1970. */
int num_time(const char *what, const char *s, int64_t *ret_wall_ms, struct err *err);

/* Names of sites, projects, datasets: [a-z0-9][a-z0-9._-]{0,63}. */
bool name_is_valid(const char *s);
int name_check(const char *what, const char *s, struct err *err);
/* The name of a dataset: such a name, maybe with @ and the number of a version. */
bool dataset_name_is_valid(const char *s);
int dataset_name_check(const char *s, struct err *err);

/* Print into buf; each returns buf. Lengths needed: sizes and durations 32, times 32. */
char *num_format_size(int64_t bytes, char buf[32]);   /* "1.5 GiB" */
char *num_format_duration(int64_t ms, char buf[32]);  /* "250ms" "4.2s" "3m12s" "2h05m" "3d04h" */
char *num_format_time(int64_t wall_ms, char buf[32]); /* "2026-11-21T07:00:00.000Z" */

/* An array range "first-last", "first-last%throttle" or "n". */
struct range {
        int64_t first, last; /* inclusive; 0 <= first <= last */
        int64_t throttle;    /* tasks at once; 0 = no limit */
};
#define RANGE_TASKS_MAX 10000000 /* one job's tasks */
#define RANGE_INDEX_MAX 2000000000
int num_range(const char *what, const char *s, struct range *ret, struct err *err);

/* "1234", "1234.7", "1234.7#2": a job, one of its tasks, one attempt of it; task and attempt are -1 when
 * absent. */
struct ref {
        int64_t job, task, attempt;
};
int num_ref(const char *what, const char *s, struct ref *ret, struct err *err);

/* Constant-time comparison of secrets. */
bool bytes_equal_secret(const void *a, const void *b, size_t n);

/* Lower-case hex; `out` holds 2n+1. hex_decode returns -1 unless s is exactly 2n hex digits. */
void hex_encode(const uint8_t *p, size_t n, char *out);
int hex_decode(const char *s, uint8_t *out, size_t n);

#endif
