/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/explain.h"

#include "common/util.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool asker_sees(const struct asker *who, const struct m_project *p)
{
        const json_t *id;
        size_t i;

        if (!who->projects)
                return true;
        json_array_foreach(who->projects, i, id)
        {
                if (json_integer_value(id) == p->id)
                        return true;
        }
        return false;
}

void put(json_t *o, const char *key, json_t *v)
{
        json_object_set_new(o, key, v ? v : json_null());
}

json_t *json_text(const char *fmt, ...)
{
        char s[1000];
        va_list ap;
        json_t *v;

        va_start(ap, fmt);
        vsnprintf(s, sizeof s, fmt, ap);
        va_end(ap);
        text_make_printable(s); /* a name may have been cut within a character */
        v = json_string(s);
        return v ? v : json_string("(not printable)");
}

json_t *json_when(const struct model *m, double seconds)
{
        return isinf(seconds) ? json_null() : json_integer(m->wall_ms + (int64_t)(seconds * 1000));
}

__attribute__((format(printf, 3, 0))) static void add(struct words *w, size_t n, const char *fmt, va_list ap)
{
        if (n < sizeof w->s)
                vsnprintf(w->s + n, sizeof w->s - n, fmt, ap);
}

void say(struct words *w, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        add(w, 0, fmt, ap);
        va_end(ap);
}

void say_more(struct words *w, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        add(w, strlen(w->s), fmt, ap);
        va_end(ap);
}

/* ---- sizes and times in words ----------------------------------------------------------------------------
 */

struct words count_words(int64_t n, const char *one)
{
        struct words w;

        say(&w, "%lld %s%s", (long long)n, one, n == 1 ? "" : "s");
        return w;
}

struct words span_words(double seconds)
{
        static const struct {
                double below, unit;
                const char *name;
        } rows[] = {{90, 1, "s"}, {90 * 60, 60, "min"}, {48 * 3600.0, 3600, "h"}, {INFINITY, 86400, "days"}};
        struct words w;
        double v;
        size_t i = 0;

        while (seconds >= rows[i].below && i + 1 < ARRAY_LEN(rows))
                i++;
        v = seconds < 1 ? 1 : seconds / rows[i].unit;
        say(&w, v < 10 ? "%.2g %s" : "%.0f %s", v, rows[i].name);
        return w;
}

/* "alpha", "alpha and beta", "alpha, beta and 3 more" */
struct words site_words(const struct m_site *const *sites, size_t n)
{
        struct words w;

        if (n == 0)
                say(&w, "no site");
        else if (n == 1)
                say(&w, "%.60s", sites[0]->name);
        else if (n == 2)
                say(&w, "%.60s and %.60s", sites[0]->name, sites[1]->name);
        else
                say(&w, "%.50s, %.50s and %zu more", sites[0]->name, sites[1]->name, n - 2);
        return w;
}
