/* SPDX-License-Identifier: Apache-2.0 */
/* A change in words, and as members of a job as submitted. */
#include "core/remedy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define GIB (1LL << 30)

static double tenths(int64_t bytes)
{
        return round((double)bytes / (double)GIB * 10) / 10;
}

static void say_memory(struct buf *b, int64_t bytes, int64_t asked)
{
        if (bytes >= GIB)
                buf_printf(b, "%.10g GiB of memory", tenths(bytes));
        else
                buf_printf(b, "%.0f MiB of memory", (double)bytes / (1 << 20));
        buf_printf(b, " instead of %.10g GiB", tenths(asked));
}

static void say_count(struct buf *b, int32_t n, const char *one, int32_t asked)
{
        buf_printf(b, "%d %s%s instead of %d", n, one, n == 1 ? "" : "s", asked);
}

static void say_and(struct buf *b, size_t start)
{
        if (buf_len(b) > start)
                buf_text(b, " and ");
}

void remedy_say_sites(const struct remedy *r, struct buf *b)
{
        for (size_t i = 0; i < r->site_n && i < 2; i++)
                buf_printf(b, "%s%s", i ? r->site_n == 2 ? " and " : ", " : "", r->sites[i]->name);
        if (r->site_n > 2)
                buf_printf(b, " and %zu more", r->site_n - 2);
}

void remedy_say(const struct model *m, const struct m_shape *s, const struct remedy *r, struct buf *b)
{
        const struct res *now = &s->need, *then = &r->need;
        size_t start = buf_len(b);

        if (r->what & REMEDY_SITES) {
                buf_text(b, "also naming ");
                remedy_say_sites(r, b);
        }
        if (then->cpus != now->cpus) {
                say_and(b, start);
                say_count(b, then->cpus, "CPU", now->cpus);
        }
        if (then->memory != now->memory) {
                say_and(b, start);
                say_memory(b, then->memory, now->memory);
        }
        if (then->gpus != now->gpus) {
                say_and(b, start);
                say_count(b, then->gpus, "GPU", now->gpus);
        }
        for (int i = 0; i < m->custom_count; i++) {
                if (then->custom[i] == now->custom[i])
                        continue;
                say_and(b, start);
                buf_printf(b, "%d of %s instead of %d", then->custom[i], m->customs[i], now->custom[i]);
        }
}

static void put_resource(struct buf *b, bool *some, const char *name, int64_t v)
{
        buf_text(b, *some ? "," : "\"resources\":{");
        buf_json_str(b, name, strlen(name));
        buf_printf(b, ":%lld", (long long)v);
        *some = true;
}

void remedy_json(const struct model *m, const struct m_shape *s, const struct remedy *r, struct buf *b)
{
        const struct res *now = &s->need, *then = &r->need;
        bool some = false;

        buf_text(b, "{");
        if (then->cpus != now->cpus)
                put_resource(b, &some, "cpus", then->cpus);
        if (then->memory != now->memory)
                put_resource(b, &some, "memory", then->memory);
        if (then->gpus != now->gpus)
                put_resource(b, &some, "gpus", then->gpus);
        for (int i = 0; i < m->custom_count; i++) {
                if (then->custom[i] != now->custom[i])
                        put_resource(b, &some, m->customs[i], then->custom[i]);
        }
        if (some)
                buf_text(b, "}");
        if (r->what & REMEDY_SITES) {
                buf_text(b, some ? ",\"sites\":[" : "\"sites\":[");
                for (size_t i = 0; i < r->site_n; i++) {
                        buf_text(b, i ? "," : "");
                        buf_json_str(b, r->sites[i]->name, strlen(r->sites[i]->name));
                }
                buf_text(b, "]");
        }
        buf_text(b, "}");
}
