/* SPDX-License-Identifier: Apache-2.0 */
/* SimGrid platforms: zones, hosts, clusters, disks, links and routes.
 *
 * A site is a zone directly below the outermost one (a platform of one zone is one site). CPUs are those of
 * hosts that say they are workers, or of all hosts where none says so; speed is Gflop/s a core. What a way
 * between two sites gives is its narrowest link, from the store of one (its first host with a disk, else its
 * first router or host) to that of the other, by the fewest steps. */
#include "sim/read.h"

#include "common/util.h"

#include <expat.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX  64
#define POINTS_MAX 20000
#define EDGES_MAX  100000
#define LINKS_MAX  100000
#define NAME_MAX_  100

struct point { /* a host, a router or the router of a cluster */
        char name[NAME_MAX_ + 1];
        int32_t site;
};
struct wire {
        char name[NAME_MAX_ + 1];
        double rate, latency;
};
struct edge {
        size_t a, b;
        double rate, latency;
};
struct host { /* being read */
        double speed, cpus, disk;
        bool is_worker, says_type;
        int32_t site;
        size_t point;
};

struct grid {
        struct world *w;
        struct text *t;
        struct err *err;
        XML_Parser parser;
        bool failed;
        int depth;         /* zones open */
        int32_t site;      /* of the zone that is open, -1 = none yet */
        int32_t only_site; /* for platforms without zones within */
        struct point *points;
        struct wire *wires;
        struct edge *edges;
        struct host *hosts;
        size_t point_n, point_cap, wire_n, wire_cap, edge_n, edge_cap, host_n, host_cap;
        struct host *host; /* open */
        struct edge way;   /* route that is open */
        char from[NAME_MAX_ + 1], to[NAME_MAX_ + 1];
        bool in_way, one_way;
        char outermost[NAME_MAX_ + 1];
};

static void fail(struct grid *g, const char *what, const char *name)
{
        if (g->failed)
                return;
        g->failed = true;
        g->t->line = (int)XML_GetCurrentLineNumber(g->parser);
        text_error(g->t, g->err, "%s: \"%.60s\"", what, name ? name : "");
        XML_StopParser(g->parser, XML_FALSE);
}

static const char *attribute(const char **atts, const char *name)
{
        for (; *atts; atts += 2) {
                if (strcmp(atts[0], name) == 0)
                        return atts[1];
        }
        return NULL;
}

/* A number with a unit: bytes, bits, flop or seconds, all with decimal and binary prefixes. */
static double quantity(struct grid *g, const char *s)
{
        static const struct {
                char letter;
                int power;
        } prefixes[] = {{'k', 1}, {'K', 1}, {'M', 2}, {'G', 3}, {'T', 4}, {'P', 5}};
        char *end;
        double v = s ? strtod(s, &end) : 0, base;

        if (!s)
                return 0;
        if (end == s || !isfinite(v) || v < 0) {
                fail(g, "not a number with a unit", s);
                return 0;
        }
        if (strcmp(end, "us") == 0)
                return v * 1e-6;
        if (strcmp(end, "ms") == 0)
                return v * 1e-3;
        if (strcmp(end, "ns") == 0)
                return v * 1e-9;
        for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
                if (*end != prefixes[i].letter)
                        continue;
                base = end[1] == 'i' ? 1024 : 1000;
                v *= pow(base, prefixes[i].power);
                end += end[1] == 'i' ? 2 : 1;
                break;
        }
        return *end == 'b' ? v / 8 : v; /* bits a second */
}

static size_t point_find(const struct grid *g, const char *name)
{
        for (size_t i = 0; i < g->point_n; i++) {
                if (strcmp(g->points[i].name, name) == 0)
                        return i;
        }
        return SIZE_MAX;
}

static size_t point_add(struct grid *g, const char *name)
{
        if (!name || strlen(name) > NAME_MAX_ || g->point_n == POINTS_MAX) {
                fail(g, "no name, too long a name, or more than 20000 points", name);
                return 0;
        }
        g->points = xgrow(g->points, g->point_n, &g->point_cap, sizeof *g->points);
        snprintf(g->points[g->point_n].name, sizeof g->points[0].name, "%s", name);
        g->points[g->point_n].site = g->site;
        return g->point_n++;
}

static void on_zone(struct grid *g, const char **atts)
{
        const char *id = attribute(atts, "id");

        if (!id || strlen(id) > NAME_MAX_ || g->depth >= DEPTH_MAX) {
                fail(g, "a zone without a fit name, or too deep", id);
                return;
        }
        if (++g->depth == 1)
                snprintf(g->outermost, sizeof g->outermost, "%s", id);
        if (g->depth == 2) {
                g->site = world_site(g->w, id, g->err);
                if (g->site < 0)
                        fail(g, "more sites than allowed", id);
        }
}

/* Things that stand directly in the outermost zone belong to a site of its name. */
static void need_site(struct grid *g)
{
        if (g->site >= 0 || g->failed)
                return;
        if (g->only_site < 0)
                g->only_site = world_site(g->w, *g->outermost ? g->outermost : "platform", g->err);
        g->site = g->only_site;
}

static void on_host(struct grid *g, const char **atts)
{
        const char *core = attribute(atts, "core");
        struct host h = {.cpus = core ? strtod(core, NULL) : 1};

        need_site(g);
        h.speed = quantity(g, attribute(atts, "speed")) / 1e9;
        h.point = point_add(g, attribute(atts, "id"));
        h.site = g->site;
        g->hosts = xgrow(g->hosts, g->host_n, &g->host_cap, sizeof *g->hosts);
        g->hosts[g->host_n] = h;
        g->host = &g->hosts[g->host_n++];
}

/* "0-99,120": how many hosts a cluster has. */
static double radical_count(const char *s)
{
        double n = 0;

        while (s && *s) {
                char *end;
                double a = strtod(s, &end), b = a;

                if (end == s)
                        return -1;
                if (*end == '-') {
                        s = end + 1;
                        b = strtod(s, &end);
                }
                n += b - a + 1;
                s = *end == ',' ? end + 1 : end;
                if (*end && *end != ',')
                        return -1;
        }
        return n;
}

static void on_cluster(struct grid *g, const char **atts)
{
        const char *id = attribute(atts, "id"), *prefix = attribute(atts, "prefix");
        const char *suffix = attribute(atts, "suffix"), *core = attribute(atts, "core");
        double n = radical_count(attribute(atts, "radical"));
        char name[3 * NAME_MAX_];
        struct host h = {.cpus = core ? strtod(core, NULL) : 1};

        need_site(g);
        if (!(n >= 1 && n <= 1e6) || !id || strlen(id) > NAME_MAX_ / 3 || (prefix && strlen(prefix) > 30) ||
            (suffix && strlen(suffix) > 30)) {
                fail(g, "a cluster without a fit name or number of hosts", id);
                return;
        }
        snprintf(name, sizeof name, "%s%s_router%s", prefix ? prefix : "", id, suffix ? suffix : "");
        h.cpus *= n;
        h.speed = quantity(g, attribute(atts, "speed")) / 1e9;
        h.point = point_add(g, name);
        h.site = g->site;
        g->hosts = xgrow(g->hosts, g->host_n, &g->host_cap, sizeof *g->hosts);
        g->hosts[g->host_n] = h;
        g->host = &g->hosts[g->host_n++];
}

static void on_prop(struct grid *g, const char **atts)
{
        const char *id = attribute(atts, "id"), *value = attribute(atts, "value");

        if (!g->host || !id || !value || strcmp(id, "type") != 0)
                return;
        g->host->says_type = true;
        g->host->is_worker = strstr(value, "worker") != NULL;
}

static void on_disk_prop(struct grid *g, const char **atts)
{
        const char *id = attribute(atts, "id");

        if (g->host && id && strcmp(id, "size") == 0)
                g->host->disk += quantity(g, attribute(atts, "value"));
}

static void on_link(struct grid *g, const char **atts)
{
        const char *id = attribute(atts, "id");
        struct wire *x;

        if (!id || strlen(id) > NAME_MAX_ || g->wire_n == LINKS_MAX) {
                fail(g, "a link without a fit name, or too many", id);
                return;
        }
        g->wires = xgrow(g->wires, g->wire_n, &g->wire_cap, sizeof *g->wires);
        x = &g->wires[g->wire_n++];
        snprintf(x->name, sizeof x->name, "%s", id);
        x->rate = quantity(g, attribute(atts, "bandwidth"));
        x->latency = quantity(g, attribute(atts, "latency"));
}

static void on_way(struct grid *g, const char *from, const char *to, const char **atts)
{
        const char *symmetrical = attribute(atts, "symmetrical");

        if (!from || !to || strlen(from) > NAME_MAX_ || strlen(to) > NAME_MAX_) {
                fail(g, "a route without ends", from);
                return;
        }
        snprintf(g->from, sizeof g->from, "%s", from);
        snprintf(g->to, sizeof g->to, "%s", to);
        g->one_way = symmetrical && (*symmetrical == 'N' || *symmetrical == 'n');
        g->way = (struct edge){.rate = INFINITY};
        g->in_way = true;
}

static void on_way_link(struct grid *g, const char **atts)
{
        const char *id = attribute(atts, "id");

        for (size_t i = 0; g->in_way && id && i < g->wire_n; i++) {
                if (strcmp(g->wires[i].name, id) != 0)
                        continue;
                g->way.rate = fmin(g->way.rate, g->wires[i].rate);
                g->way.latency += g->wires[i].latency;
                return;
        }
        fail(g, "a route over a link that is not there", id);
}

static void on_way_end(struct grid *g)
{
        struct edge e = g->way;

        e.a = point_find(g, g->from);
        e.b = point_find(g, g->to);
        g->in_way = false;
        if (e.a == SIZE_MAX || e.b == SIZE_MAX || g->edge_n + 2 > EDGES_MAX) {
                fail(g, "a route between points that are not there, or too many", g->from);
                return;
        }
        for (int i = 0; i < (g->one_way ? 1 : 2); i++) {
                g->edges = xgrow(g->edges, g->edge_n, &g->edge_cap, sizeof *g->edges);
                g->edges[g->edge_n++] = e;
                e = (struct edge){e.b, e.a, e.rate, e.latency};
        }
}

static void XMLCALL on_start(void *data, const char *name, const char **atts)
{
        struct grid *g = data;

        if (g->failed)
                return;
        if (strcmp(name, "zone") == 0 || strcmp(name, "AS") == 0)
                on_zone(g, atts);
        else if (strcmp(name, "host") == 0)
                on_host(g, atts);
        else if (strcmp(name, "cluster") == 0)
                on_cluster(g, atts);
        else if (strcmp(name, "router") == 0)
                need_site(g), point_add(g, attribute(atts, "id"));
        else if (strcmp(name, "prop") == 0)
                on_prop(g, atts), on_disk_prop(g, atts);
        else if (strcmp(name, "link") == 0)
                on_link(g, atts);
        else if (strcmp(name, "route") == 0)
                on_way(g, attribute(atts, "src"), attribute(atts, "dst"), atts);
        else if (strcmp(name, "zoneRoute") == 0 || strcmp(name, "ASroute") == 0)
                on_way(g, attribute(atts, "gw_src"), attribute(atts, "gw_dst"), atts);
        else if (strcmp(name, "link_ctn") == 0)
                on_way_link(g, atts);
}

static void XMLCALL on_end(void *data, const char *name)
{
        struct grid *g = data;

        if (g->failed)
                return;
        if (strcmp(name, "zone") == 0 || strcmp(name, "AS") == 0) {
                g->depth--;
                if (g->depth < 2)
                        g->site = -1;
        } else if (strcmp(name, "host") == 0 || strcmp(name, "cluster") == 0) {
                g->host = NULL;
        } else if (strstr(name, "oute") && strcmp(name, "router") != 0) {
                on_way_end(g);
        }
}

/* Entities could make a small file large; no platform needs them. */
static void XMLCALL on_entity(void *data, const XML_Char *name, int is_parameter, const XML_Char *value,
                              int length, const XML_Char *base, const XML_Char *system,
                              const XML_Char *public, const XML_Char *notation)
{
        (void)is_parameter, (void)value, (void)length, (void)base, (void)system, (void)public, (void)notation;
        fail(data, "entities are not read", name);
}

static int make_sites(struct grid *g)
{
        bool any_says = false;

        for (size_t i = 0; i < g->host_n; i++)
                any_says = any_says || g->hosts[i].says_type;
        for (size_t i = 0; i < g->host_n; i++) {
                const struct host *h = &g->hosts[i];
                struct w_site *s = &g->w->sites[h->site];
                double cpus = s->cpus + h->cpus;

                world_alias(g->w, g->points[h->point].name, h->site);
                if (any_says && !h->is_worker)
                        continue;
                if (!(cpus >= 0 && cpus <= WORLD_CPUS_MAX))
                        return text_error(g->t, g->err, "site %.60s has more than %d CPUs", s->name,
                                          WORLD_CPUS_MAX);
                s->cpus = (int32_t)cpus;
                if (h->speed > 0)
                        s->speed = h->speed;
        }
        return 0;
}

/* Where a site's data enters and leaves. */
static size_t store_of(const struct grid *g, int32_t site)
{
        for (size_t i = 0; i < g->host_n; i++) {
                if (g->hosts[i].site == site && g->hosts[i].disk > 0)
                        return g->hosts[i].point;
        }
        for (size_t i = 0; i < g->point_n; i++) {
                if (g->points[i].site == site)
                        return i;
        }
        return SIZE_MAX;
}

static void make_links_from(struct grid *g, size_t site)
{
        size_t from = store_of(g, (int32_t)site), head = 0, tail = 0;
        AUTO_FREE struct edge *reach = xcalloc(g->point_n, sizeof *reach);
        AUTO_FREE size_t *queue = xcalloc(g->point_n, sizeof *queue);

        if (from == SIZE_MAX)
                return;
        reach[from].rate = INFINITY;
        queue[tail++] = from;
        for (; head < tail; head++) {
                for (size_t i = 0; i < g->edge_n; i++) {
                        const struct edge *e = &g->edges[i];

                        if (e->a != queue[head] || reach[e->b].rate > 0 || e->rate <= 0)
                                continue;
                        reach[e->b].rate = fmin(reach[e->a].rate, e->rate);
                        reach[e->b].latency = reach[e->a].latency + e->latency;
                        queue[tail++] = e->b;
                }
        }
        for (size_t to = 0; to < g->w->site_n; to++) {
                size_t p = store_of(g, (int32_t)to);
                struct w_link *l = world_link(g->w, site, to);

                if (to == site || p == SIZE_MAX || !isfinite(reach[p].rate))
                        continue;
                l->rate = (float)reach[p].rate;
                l->latency = (float)reach[p].latency;
        }
}

int read_simgrid(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        struct grid g = {.w = w, .t = t, .err = err, .site = -1, .only_site = -1};
        int rc = 0;

        (void)seed;
        g.parser = XML_ParserCreate(NULL);
        if (!g.parser)
                return err_set(err, ERR_SYSTEM, "out of memory");
        XML_SetUserData(g.parser, &g);
        XML_SetElementHandler(g.parser, on_start, on_end);
        XML_SetEntityDeclHandler(g.parser, on_entity);
        if (XML_Parse(g.parser, t->data, (int)t->n, 1) != XML_STATUS_OK && !g.failed) {
                t->line = (int)XML_GetCurrentLineNumber(g.parser);
                rc = text_error(t, err, "%s", XML_ErrorString(XML_GetErrorCode(g.parser)));
        }
        if (g.failed)
                rc = -1;
        else if (!rc && !g.host_n)
                rc = text_error(t, err, "no host and no cluster in it");
        if (!rc)
                rc = make_sites(&g);
        if (!rc) {
                world_links(w);
                for (size_t i = 0; i < w->site_n; i++)
                        make_links_from(&g, i);
        }
        XML_ParserFree(g.parser);
        free(g.points);
        free(g.wires);
        free(g.edges);
        free(g.hosts);
        return rc;
}
