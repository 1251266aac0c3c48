/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include "util.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *log_name = "reeve";
static enum log_level log_max = LOG_LEVEL_INFO;
static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_init(const char *name, enum log_level max)
{
        log_name = name;
        log_max = max;
}

enum log_level log_max_level(void)
{
        return log_max;
}

int log_level_parse(const char *word, enum log_level *ret_level)
{
        for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
                if (strcmp(word, level_names[i]) == 0) {
                        *ret_level = (enum log_level)i;
                        return 0;
                }
        }
        return -1;
}

/* Replace what could forge a line or steer a terminal. */
static void defuse(char *s)
{
        size_t n = strlen(s);

        for (size_t i = 0; i < n;) {
                unsigned char c = (unsigned char)s[i];
                size_t k = utf8_len(s + i, n - i);

                /* C1 controls are the two-byte characters c2 80 to c2 9f. */
                if (k == 0 || c < 0x20 || c == 0x7f ||
                    (k == 2 && c == 0xc2 && (unsigned char)s[i + 1] < 0xa0)) {
                        s[i] = '?';
                        k = 1;
                }
                i += k;
        }
}

void log_line(enum log_level level, const char *fmt, ...)
{
        char text[LOG_LINE_MAX], line[LOG_LINE_MAX + 128], when[40];
        struct timespec ts;
        struct tm tm;
        va_list ap;
        ssize_t ignored;
        int n;

        if (level > log_max)
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        defuse(text);

        clock_gettime(CLOCK_REALTIME, &ts);
        gmtime_r(&ts.tv_sec, &tm);
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
        n = snprintf(line, sizeof line, "%s.%03ldZ %s[%d] %s: %s\n", when, ts.tv_nsec / 1000000, log_name,
                     (int)getpid(), level_names[level], text);
        if (n >= (int)sizeof line)
                n = (int)sizeof line - 1;
        ignored = write(STDERR_FILENO, line, (size_t)n);
        (void)ignored;
}
