/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_MAX 1024 /* of one report; longer words are cut */

static const char *const marks[] = {"##reeve progress ", "##progress "};

/* Digits with an optional decimal part, in ten-thousandths; returns how many bytes were read, 0: none. */
static size_t read_decimal(const char *s, size_t n, uint64_t *ret)
{
        uint64_t v = 0, unit = 10000;
        size_t i = 0;

        for (; i < n && i < 12 && s[i] >= '0' && s[i] <= '9'; i++)
                v = v * 10 + (uint64_t)(s[i] - '0');
        if (!i)
                return 0;
        v *= 10000;
        if (i < n && s[i] == '.') {
                for (i++; i < n && s[i] >= '0' && s[i] <= '9'; i++) {
                        unit /= 10;
                        v += (uint64_t)(s[i] - '0') * unit;
                }
        }
        *ret = v;
        return i;
}

int progress_fraction(const char *s, size_t n, uint16_t *ret)
{
        uint64_t part, whole = 100 * 10000;
        size_t used = read_decimal(s, n, &part), more;

        if (n == 1 && s[0] == '-') {
                *ret = PROGRESS_UNKNOWN;
                return 0;
        }
        if (used && used < n && s[used] == '/') {
                more = read_decimal(s + used + 1, n - used - 1, &whole);
                used = more ? used + 1 + more : 0;
        } else if (used && used < n && s[used] == '%') {
                used++;
        }
        if (!used || used != n || !whole || part > whole)
                return -1;
        *ret = (uint16_t)((double)part / (double)whole * PROGRESS_WHOLE);
        return 0;
}

static void take_text(struct progress *p, const char *s, size_t n)
{
        size_t kept = 0, one;

        while (n && (s[n - 1] == ' ' || s[n - 1] == '\r' || s[n - 1] == '\t'))
                n--;
        /* Whole characters only. */
        while (kept < n) {
                one = utf8_len(s + kept, n - kept);
                one = one ? one : 1;
                if (kept + one > PROGRESS_TEXT_MAX)
                        break;
                kept += one;
        }
        memcpy(p->text, s, kept);
        p->text[kept] = '\0';
        for (size_t i = 0; i < kept; i++) {
                if (!p->text[i])
                        p->text[i] = '?';
        }
        text_make_printable(p->text);
}

bool progress_parse(const char *line, size_t n, bool marked, struct progress *ret)
{
        struct progress p;
        size_t word = 0, skip = 0;

        for (size_t i = 0; marked && i < ARRAY_LEN(marks) && !skip; i++) {
                size_t len = strlen(marks[i]);

                skip = n > len && memcmp(line, marks[i], len) == 0 ? len : 0;
        }
        if (marked && !skip)
                return false;
        line += skip;
        n -= skip;
        while (n && *line == ' ') {
                line++;
                n--;
        }
        while (word < n && line[word] != ' ' && line[word] != '\t' && line[word] != '\r')
                word++;
        if (progress_fraction(line, word, &p.fraction) < 0)
                return false;
        while (word < n && (line[word] == ' ' || line[word] == '\t'))
                word++;
        take_text(&p, line + word, n - word);
        *ret = p;
        return true;
}

bool progress_last(const char *s, size_t n, bool marked, struct progress *ret, size_t *ret_used)
{
        const char *newline = n ? memrchr(s, '\n', n) : NULL;
        size_t complete = newline ? (size_t)(newline - s) + 1 : 0, end = marked ? complete : n;

        if (ret_used)
                *ret_used = complete;
        while (end) {
                size_t stop = s[end - 1] == '\n' ? end - 1 : end;
                const char *before = stop ? memrchr(s, '\n', stop) : NULL;
                size_t start = before ? (size_t)(before - s) + 1 : 0;

                if (progress_parse(s + start, stop - start, marked, ret))
                        return true;
                end = start;
        }
        return false;
}

static void add_words(char line[REPORT_MAX], const char *const *words)
{
        size_t at = 0;

        for (; *words && at < REPORT_MAX - 2; words++) {
                size_t n = strlen(*words), room = REPORT_MAX - 2 - at;

                n = n < room ? n : room;
                memcpy(line + at, *words, n);
                at += n;
                if (words[1] && at < REPORT_MAX - 2)
                        line[at++] = ' ';
        }
        for (size_t i = 0; i < at; i++) {
                if (line[i] == '\n' || line[i] == '\r')
                        line[i] = ' ';
        }
        line[at++] = '\n';
        line[at] = '\0';
}

int progress_report(const char *const *words, struct err *err)
{
        const char *path = getenv(PROGRESS_VARIABLE);
        char line[REPORT_MAX];
        AUTO_CLOSE int fd = -1;
        uint16_t fraction;
        struct stat st;

        if (!words[0] || progress_fraction(words[0], strlen(words[0]), &fraction) < 0)
                return err_set(err, ERR_BAD_INPUT,
                               "progress: say how far, as 37 (percent), 3/8, or - for words alone");
        if (!path || !*path)
                return err_set(err, ERR_CONFLICT,
                               "progress is reported from inside a job: " PROGRESS_VARIABLE
                               " is not set here");
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
        if (fd < 0 || fstat(fd, &st) < 0)
                return err_errno(err, "could not open \"%s\"", path);
        if (S_ISREG(st.st_mode) && st.st_size > PROGRESS_FILE_MAX && ftruncate(fd, 0) < 0)
                return err_errno(err, "could not empty \"%s\"", path);
        add_words(line, words);
        /* One write: lines of processes that report at the same time stay whole. */
        if (write(fd, line, strlen(line)) != (ssize_t)strlen(line))
                return err_errno(err, "could not write \"%s\"", path);
        return 0;
}
