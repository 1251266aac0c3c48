/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of numbers, sizes, durations, times, ranges and references: any bytes, no harm; and what is read
 * and printed is read again as the same. */
#include "common/num.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check_time(const char *s)
{
        int64_t ms, again;
        char text[32];

        if (num_time("t", s, &ms, NULL) == 0) {
                must(num_time("t", num_format_time(ms, text), &again, NULL) == 0 || ms < -62167219200000 ||
                     ms > 253402300799999);
        }
}

static void check_duration(const char *s)
{
        int64_t ms, again;
        char text[32];

        if (num_duration("d", s, &ms, NULL) == 0) {
                must(ms >= 0);
                must(num_duration("d", num_format_duration(ms, text), &again, NULL) == 0 && again <= ms);
        }
}

static void check_size(const char *s)
{
        int64_t n, again;
        char text[32];

        if (num_size("s", s, &n, NULL) == 0) {
                must(n >= 0);
                must(n > (INT64_C(7) << 60) || num_size("s", num_format_size(n, text), &again, NULL) == 0);
        }
}

static void check_rest(const char *s)
{
        struct err err = {0};
        struct range range;
        struct ref ref;
        uint8_t bytes[8];
        int64_t v;

        if (num_range("r", s, &range, &err) == 0)
                must(range.first >= 0 && range.first <= range.last &&
                     range.last - range.first < RANGE_TASKS_MAX && range.throttle >= 0);
        else
                must(err.code == ERR_BAD_INPUT && *err.text);
        if (num_ref("r", s, &ref, NULL) == 0)
                must(ref.job > 0 && ref.task >= -1 && (ref.attempt == -1 || ref.task >= 0));
        if (num_int("i", s, -100, 100, &v, NULL) == 0)
                must(v >= -100 && v <= 100);
        if (name_is_valid(s))
                must(strlen(s) <= 64 && !strchr(s, '/') && s[0] != '.');
        if (hex_decode(s, bytes, sizeof bytes) == 0)
                must(strlen(s) == 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *s = malloc(size + 1);

        must(s);
        memcpy(s, data, size);
        s[size] = '\0';
        check_time(s);
        check_duration(s);
        check_size(s);
        check_rest(s);
        free(s);
        return 0;
}

void fuzz_seeds(void)
{
        fuzz_seed_text("2h30m");
        fuzz_seed_text("1.5GiB");
        fuzz_seed_text("2026-11-21T07:00:00.5+01:00");
        fuzz_seed_text("1-1000%50");
        fuzz_seed_text("1234.7#2");
        fuzz_seed_text("-12");
        fuzz_seed_text("2-00:00:00");
        fuzz_seed_text("00ff00ff00ff00ff");
}
