/* SPDX-License-Identifier: Apache-2.0 */
/* Sites, projects and workers: read when a leadership begins and whenever people change them; one link per
 * worker that has work to do or may get some. */
#include "daemon/engine_arrivals.h"
#include "daemon/engine_priv.h"
#include "daemon/engine_storage.h"
#include "daemon/engine_transfers.h"
#include "daemon/spec.h"

#include "common/log.h"
#include "common/num.h"
#include "common/util.h"
#include "remote/ssh_key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_MS    15000 /* a worker's figures are written this often */
#define DIALS_MAX    2 /* connections to one site between dialing and greeting at once, unless it says so */
#define STOP_WAIT_MS 10000 /* for a worker to end */
#define PROBE_MS     60000 /* a probe that has not answered by then failed */

struct engine_worker *world_worker(const struct engine *e, int32_t id)
{
        return id > 0 && (size_t)id < e->worker_cap ? e->workers[id] : NULL;
}

/* ---- the key that site keys are sealed with
 * ------------------------------------------------------------------- */

static int secret_write(const char *path, const uint8_t *secret, struct err *err)
{
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        if (fd < 0 || write(fd, secret, SEAL_KEY_BYTES) != SEAL_KEY_BYTES || fsync(fd) < 0)
                return err_errno(err, "could not write \"%s\"", path);
        return 0;
}

int world_secret_load(struct engine *e, struct err *err)
{
        AUTO_FREE char *path = xasprintf("%s/secret.key", e->set.state_dir);
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        char hex[2 * SEAL_KEY_BYTES + 1], have[2 * SEAL_KEY_BYTES + 2] = "";
        int found = store_setting_get(e->db, "seal_key", have, sizeof have, err);

        if (found < 0)
                return -1;
        if (fd < 0 && found)
                return err_set(err, ERR_SYSTEM,
                               "\"%s\" is missing: without it the keys of the sites cannot be opened; put it "
                               "back from a backup",
                               path);
        if (fd < 0) {
                seal_make_pair(e->seal_public, e->seal_secret);
                if (secret_write(path, e->seal_secret, err) < 0)
                        return -1;
        } else if (read(fd, e->seal_secret, SEAL_KEY_BYTES) != SEAL_KEY_BYTES) {
                return err_errno(err, "could not read \"%s\"", path);
        } else {
                crypto_scalarmult_base(e->seal_public, e->seal_secret);
        }
        hex_encode(e->seal_public, SEAL_KEY_BYTES, hex);
        if (!found)
                return store_setting_put(e->db, "seal_key", hex, err);
        if (strcmp(hex, have) != 0)
                return err_set(err, ERR_SYSTEM, "\"%s\" does not belong to this database", path);
        return 0;
}

/* ---- offers
 * ----------------------------------------------------------------------------------------------------- */

/* What the admin said, and where he said nothing what was found there. */
static void effective_offer(const struct engine_worker *ew, struct res *ret)
{
        *ret = ew->w->configured;
        if (!ret->slots)
                ret->slots = RES_SLOTS_ANY;
        if (!ret->cpus)
                ret->cpus = ew->found.cpus;
        if (!ret->memory)
                ret->memory = ew->found.memory;
}

void world_offer(struct engine_worker *ew)
{
        struct res offer;
        struct proto_resources wire;

        effective_offer(ew, &offer);
        if (!offer.cpus)
                return; /* never reached, and nothing said */
        model_worker_offer(ew->e->m, ew->w, &offer);
        if (ew->offered || !ew->link)
                return;
        /* The first greeting went out before anybody knew how large the host is. */
        ew->offered = true;
        res_to_proto(ew->e->m, &offer, &wire);
        worker_link_set_offer(ew->link, &wire, offer.slots == RES_SLOTS_ANY ? 0 : (uint32_t)offer.slots);
}

/* ---- links
 * -------------------------------------------------------------------------------------------------------- */

static struct dial_gate *gate_for(struct engine *e, int32_t site)
{
        if ((size_t)site >= e->gate_cap) {
                size_t old = e->gate_cap;

                e->gates = xgrow(e->gates, (size_t)site, &e->gate_cap, sizeof(struct dial_gate *));
                memset(e->gates + old, 0, (e->gate_cap - old) * sizeof(struct dial_gate *));
        }
        if (!e->gates[site])
                e->gates[site] = dial_gate_new(DIALS_MAX);
        return e->gates[site];
}

/* "user@host:port" into a hop. */
static int hop_parse(const char *text, struct proto_hop *ret)
{
        const char *at = strchr(text, '@'), *host = at ? at + 1 : NULL, *colon;
        struct err err;
        int64_t port = 22;

        if (!host)
                return -1;
        colon = strrchr(host, ':');
        if (colon && strchr(host, ':') != colon && *host != '[')
                colon = NULL; /* a bare IPv6 address */
        if (colon && num_int("port", colon + 1, 1, 65535, &port, &err) < 0)
                return -1;
        ret->user = xstrndup(text, (size_t)(at - text));
        ret->host = colon ? xstrndup(host, (size_t)(colon - host)) : xstrdup(host);
        ret->port = (uint16_t)port;
        return 0;
}

static void hop_keys(const struct load_worker *row, int32_t hop, struct proto_hop *ret)
{
        for (size_t i = 0; i < row->key_count && ret->key_count < ARRAY_LEN(ret->keys); i++) {
                if (row->keys[i].hop != hop)
                        continue;
                ret->keys[ret->key_count].data =
                    memcpy(xmalloc(row->keys[i].len), row->keys[i].key, row->keys[i].len);
                ret->keys[ret->key_count++].len = row->keys[i].len;
        }
}

void world_hops_release(struct proto_hop *hops, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++) {
                free(hops[i].user);
                free(hops[i].host);
                for (uint32_t k = 0; k < hops[i].key_count; k++)
                        free(hops[i].keys[k].data);
        }
}

int world_hops(const struct load_worker *row, struct proto_hop hops[HOPS_MAX], uint32_t *ret_n,
               struct err *err)
{
        uint32_t n = 0;

        memset(hops, 0, HOPS_MAX * sizeof *hops);
        for (size_t i = 0; i < row->jump_count && n < HOPS_MAX - 1; i++) {
                if (hop_parse(row->jumps[i], &hops[n]) < 0) {
                        world_hops_release(hops, n);
                        return err_set(err, ERR_BAD_INPUT, "jump host \"%s\" is not user@host:port",
                                       row->jumps[i]);
                }
                hop_keys(row, (int32_t)n, &hops[n]);
                n++;
        }
        hops[n].user = xstrdup(row->unix_user);
        hops[n].host = xstrdup(row->address);
        hops[n].port = (uint16_t)row->port;
        hop_keys(row, (int32_t)row->jump_count, &hops[n]);
        *ret_n = n + 1;
        return 0;
}

char *world_open_key(const struct engine *e, const struct load_worker *row, struct err *err)
{
        char *text;

        if (!row->sealed_key) {
                err_set(err, ERR_UNAVAILABLE, "the account has no key yet");
                return NULL;
        }
        return seal_open(e->seal_public, e->seal_secret, row->sealed_key, row->sealed_key_len, &text, err) < 0
                   ? NULL
                   : text;
}

static uint64_t mix_bytes(uint64_t h, const void *p, size_t n)
{
        const uint8_t *b = p;

        for (size_t i = 0; i < n; i++)
                h = hash_mix(h ^ b[i]) + i;
        return h;
}

static uint64_t mix_text(uint64_t h, const char *s)
{
        return s ? mix_bytes(h ^ 1, s, strlen(s)) : h ^ 2;
}

/* Changes whenever the link has to be made anew. */
static uint64_t signature_of(const struct load_worker *row)
{
        uint64_t h = (uint64_t)row->port << 1 | row->openssh;

        h = mix_text(h, row->address);
        h = mix_text(h, row->unix_user);
        h = mix_text(h, row->root);
        for (size_t i = 0; i < row->jump_count; i++)
                h = mix_text(h, row->jumps[i]);
        for (size_t i = 0; i < row->key_count; i++)
                h = mix_bytes(h ^ (uint64_t)row->keys[i].hop, row->keys[i].key, row->keys[i].len);
        return mix_bytes(h, row->sealed_key, row->sealed_key_len);
}

/* What was granted counts on when the link goes. */
static void note_grants(struct engine_worker *ew)
{
        int64_t granted = ew->link ? worker_link_granted_ms(ew->link) : 0;

        if (granted > ew->granted)
                ew->granted = granted;
}

static void link_drop(struct engine_worker *ew)
{
        note_grants(ew);
        calls_worker_gone(ew->e, ew);
        transfers_worker_gone(ew->e, ew);
        arrivals_worker_gone(ew->e, ew);
        storage_worker_gone(ew->e, ew);
        worker_link_free(ew->link);
        ew->link = NULL;
        ew->stop_sent_at = 0;
        ew->w->ready = false;
        ew->acks.n = ew->cancels.n = 0;
}

/* Settings of a link; strings are borrowed from row and ew. Also used for the test of a site. */
void world_link_settings(struct engine_worker *ew, const struct load_worker *row,
                         struct worker_link_settings *ret)
{
        struct engine *e = ew->e;
        struct res offer;

        effective_offer(ew, &offer);
        *ret = (struct worker_link_settings){
            .loop = e->loop,
            .name = ew->name,
            .gate = gate_for(e, ew->site),
            .events = &fold_events,
            .arg = ew,
            .connector_path = e->set.connector_path,
            .worker_dir = e->set.worker_dir,
            .backend = row->openssh ? BACKEND_OPENSSH : BACKEND_LIBSSH2,
            .epoch = (uint64_t)e->epoch,
            .worker_id = (uint32_t)ew->id,
            .root = row->root,
            .lease_ms = (uint32_t)e->set.lease_ms,
            .heartbeat_ms = (uint32_t)e->set.heartbeat_ms,
            .slots = offer.slots == RES_SLOTS_ANY ? 0 : (uint32_t)offer.slots,
            .grant_until_ms = e->lead_renewed + e->set.lead_lease_ms,
        };
        memcpy(ret->instance, e->instance, sizeof ret->instance);
        res_to_proto(e->m, &offer, &ret->offer);
        ew->offered = offer.cpus > 0;
}

static void link_make(struct engine_worker *ew, const struct load_worker *row)
{
        struct worker_link_settings s;
        struct proto_hop hops[HOPS_MAX];
        struct err err = {0};
        char *key = world_open_key(ew->e, row, &err);
        uint32_t n = 0;
        int rc = -1;

        if (key && world_hops(row, hops, &n, &err) == 0) {
                world_link_settings(ew, row, &s);
                s.hops = hops;
                s.hop_count = n;
                s.private_key = key;
                rc = worker_link_new(&s, &ew->link, &err);
                world_hops_release(hops, n);
        }
        ssh_key_wipe(key);
        if (rc == 0) {
                worker_link_start(ew->link);
                return;
        }
        snprintf(ew->link_text, sizeof ew->link_text, "%s", err.text);
        ew->report_now = true;
}

static bool has_attempts(const struct engine *e, const struct m_worker *w)
{
        const struct m_attempt *a;

        if (w->ahead)
                return true;
        for (size_t i = 0; (a = map_next(&e->m->attempts, &i));) {
                if (a->worker == w)
                        return true;
        }
        return false;
}

/* ---- health ------------------------------------------------------------------------------------ */

static enum site_health judge_health(const struct engine *e, const struct m_site *s, char *why, size_t max)
{
        const char *text = "no worker has been reached yet";
        bool tried = false;

        for (size_t i = 0; i < s->worker_count; i++) {
                const struct engine_worker *ew = world_worker(e, s->workers[i]->id);

                if (!ew || s->workers[i]->gone)
                        continue;
                if (s->workers[i]->ready) {
                        snprintf(why, max, "%s",
                                 site_breaker_is_open(s)
                                     ? "tasks fail there; a probe decides when it gets work again"
                                     : "");
                        return site_breaker_is_open(s) ? SITE_SUSPECT : SITE_UP;
                }
                if (ew->link_text[0]) {
                        tried = true;
                        text = ew->link_text;
                }
        }
        snprintf(why, max, "%s", text);
        return tried                                               ? SITE_DOWN
               : s->health == SITE_UP || s->health == SITE_SUSPECT ? SITE_SUSPECT
                                                                   : s->health;
}

void world_site_health(struct engine *e, int32_t id)
{
        struct m_site *s = model_site(e->m, id);
        char why[600];
        enum site_health h;
        struct err err;

        if (!s)
                return;
        h = judge_health(e, s, why, sizeof why);
        if (h == s->health)
                return;
        s->health = h;
        if (store_site_health(e->db, e->epoch, id, h, why[0] ? why : NULL, &err) < 0)
                log_warn("site=%s its health could not be written: %s", s->name, err.text);
        engine_wake(e);
}

void world_link_state(struct engine_worker *ew, enum link_state s, const struct link_failure *why)
{
        struct engine *e = ew->e;

        if (ew->stop_sent_at && s == LINK_ABSENT) {
                why = NULL; /* it ended because we asked */
                worker_link_stop(ew->link);
        }
        ew->report.link = s;
        ew->w->ready = s == LINK_READY;
        if (s == LINK_READY)
                ew->link_text[0] = '\0';
        else if (why)
                snprintf(ew->link_text, sizeof ew->link_text, "%.280s%s%.280s", why->text,
                         why->fix[0] ? "; " : "", why->fix);
        ew->report_now = true;
        if (why)
                log_warn("worker=%s %s: %s", ew->name, link_state_name(why->where), why->text);
        if (s == LINK_READY)
                log_info("worker=%s ready", ew->name);
        world_site_health(e, ew->site);
        engine_wake(e);
}

void world_hostkey_changed(struct engine_worker *ew, uint32_t hop, const char *type, const char *fingerprint)
{
        struct engine *e = ew->e;
        struct m_site *s = ew->w->site;
        char why[400];
        struct err err;

        snprintf(why, sizeof why,
                 "%s (hop %u) shows another host key than the one that was confirmed: %s %s; if its admin "
                 "confirms the new key, run: reeve site pin %s",
                 ew->name, hop, type, fingerprint, s->name);
        log_error("site=%s ALARM %s", s->name, why);
        s->alarm = true;
        s->intent = SITE_CLOSED;
        if (store_site_alarm(e->db, e->epoch, s->id, why, &err) < 0)
                log_error("site=%s the alarm could not be written: %s", s->name, err.text);
}

static void write_report(struct engine_worker *ew)
{
        static const uint8_t none[16];
        struct worker_report r = ew->report;
        struct err err;

        r.worker = ew->id;
        r.link_text = ew->link_text[0] ? ew->link_text : NULL;
        r.spool_id = memcmp(ew->spool_id, none, 16) ? ew->spool_id : NULL;
        r.boot_id = memcmp(ew->boot_id, none, 16) ? ew->boot_id : NULL;
        r.hostname = ew->hostname[0] ? ew->hostname : NULL;
        r.machine = ew->machine[0] ? ew->machine : NULL;
        r.root = ew->root[0] ? ew->root : NULL;
        r.features = ew->features[0] ? ew->features : NULL;
        if (ew->link && worker_link_state(ew->link) == LINK_READY)
                r.seen_at = clock_wall_ms();
        if (store_worker_report(ew->e->db, ew->e->epoch, &r, &err) < 0)
                log_warn("worker=%s its report could not be written: %s", ew->name, err.text);
}

/* ---- ticks ------------------------------------------------------------------------------------- */

/* Leases (R3): the worker's ends lease_ms after the moment it asked for the last grant, which is before we
 * sent it. */
static void check_lease(struct engine_worker *ew, int64_t now)
{
        struct engine *e = ew->e;
        int64_t since;

        note_grants(ew);
        since = ew->granted;
        /* An earlier leader may have granted until its own lease ran out. */
        if (since < e->took_over + e->set.lead_lease_ms)
                since = e->took_over + e->set.lead_lease_ms;
#ifdef REEVE_FAULT_early_reassign
        since = ew->granted - e->set.lease_ms - e->set.lease_margin_ms + 1000;
#endif
        if (ew->w->ready || now < since + e->set.lease_ms + e->set.lease_margin_ms)
                return;
        fold_lease_expired(e, ew);
}

static void probe(struct engine *e, struct engine_worker *ew)
{
        static char *argv[] = {"/bin/true"};
        struct proto_template t = {.job = PROBE_JOB,
                                   .name = "probe",
                                   .project = "reeve",
                                   .argv = argv,
                                   .argc = 1,
                                   .kill_grace_ms = 1000};
        struct link_launch item = {ew->id, 1, (int32_t)(++e->probe_counter & INT32_MAX)};

        t.resources.cpus = 1;
        t.time_limit_ms = PROBE_MS / 2;
        t.log_head = t.log_tail = 4096;
        if ((worker_link_has_template(ew->link, PROBE_JOB) ||
             worker_link_template(ew->link, &t, NULL) == 0) &&
            worker_link_launch(ew->link, PROBE_JOB, &item, 1, NULL) == 0)
                ew->w->site->breaker_until = e->m->now_ms + PROBE_MS;
}

/* The worker of the site that failed most often in a row, of those that can be asked. */
static bool is_to_be_probed(const struct m_worker *w)
{
        for (size_t i = 0; i < w->site->worker_count; i++) {
                const struct m_worker *other = w->site->workers[i];

                if (other->ready && other->failures_in_row > w->failures_in_row)
                        return false;
        }
        return w->ready;
}

/* A closed site keeps nothing of ours that runs: once it is idle its worker is told to end, and the link goes
 * when it has. */
static void leave(struct engine_worker *ew, int64_t now)
{
        bool ready = worker_link_state(ew->link) == LINK_READY;

        if (!ew->w->site->alarm && has_attempts(ew->e, ew->w))
                return;
        if (ready && !ew->w->site->alarm && !ew->stop_sent_at &&
            worker_link_stop_worker(ew->link, STOP_WHEN_IDLE, NULL) == 0) {
                ew->stop_sent_at = now;
                return;
        }
        if (ready && !ew->w->site->alarm && now - ew->stop_sent_at < STOP_WAIT_MS)
                return;
        link_drop(ew);
        ew->report.link = LINK_ABSENT;
        ew->report_now = true;
}

void world_tick(struct engine *e, int64_t now)
{
        for (size_t i = 0; i < e->worker_cap; i++) {
                struct engine_worker *ew = e->workers[i];
                struct m_site *s;

                if (!ew)
                        continue;
                s = ew->w->site;
                check_lease(ew, now);
                if (ew->link)
                        worker_link_grant_until(ew->link, e->lead_renewed + e->set.lead_lease_ms);
                if (s->breaker_until && s->breaker_until <= e->m->now_ms && is_to_be_probed(ew->w))
                        probe(e, ew);
                if (ew->report_now || now - ew->report_at > REPORT_MS) {
                        ew->report_now = false;
                        ew->report_at = now;
                        write_report(ew);
                }
                if (ew->link && (s->intent == SITE_CLOSED || ew->w->gone))
                        leave(ew, now);
        }
}

/* ---- reading the world
 * ------------------------------------------------------------------------------------------------------ */

static int load_projects(struct engine *e, struct err *err)
{
        struct load_project *rows;
        size_t n;

        if (store_load_projects(e->db, &rows, &n, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                bool fresh = !model_project(e->m, rows[i].id);
                struct m_project *p = model_project_put(e->m, rows[i].id, rows[i].name);

                p->share = rows[i].share;
                p->max_cpus = rows[i].max_cpus;
                p->max_tasks = rows[i].max_tasks;
                if (fresh) {
                        p->usage = rows[i].usage;
                        p->usage_at = rows[i].usage_at;
                }
        }
        store_free_projects(rows, n);
        return 0;
}

/* Closing a site asks what runs there to stop. */
static void stop_attempts_at(struct engine *e, const struct m_site *s)
{
        struct m_attempt *a;

        for (size_t i = 0; (a = map_next(&e->m->attempts, &i));) {
                if (a->worker->site == s)
                        attempt_request_stop(e, a, OUTCOME_DRAINED);
        }
}

static int load_sites(struct engine *e, struct err *err)
{
        struct load_site *rows;
        size_t n;

        if (store_load_sites(e->db, &rows, &n, err) < 0)
                return -1;
        for (size_t i = 0; i < e->m->site_cap; i++) {
                if (e->m->sites[i])
                        e->m->sites[i]->gone = true;
        }
        for (size_t i = 0; i < n; i++) {
                bool fresh = !model_site(e->m, rows[i].id);
                struct m_site *s = model_site_put(e->m, rows[i].id, rows[i].name);
                struct m_site_rule *rules =
                    rows[i].project_count ? xcalloc(rows[i].project_count, sizeof *rules) : NULL;
                s->intent = rows[i].intent;
                s->alarm = rows[i].alarm;
                s->max_tasks = rows[i].max_tasks;
                dial_gate_set(gate_for(e, rows[i].id),
                              rows[i].max_dials ? (uint32_t)rows[i].max_dials : DIALS_MAX);
                s->speed = rows[i].speed;
                s->all_projects = rows[i].all_projects;
                s->storage.accept = rows[i].data_accept;
                s->data_quota = rows[i].data_quota;
                s->storage.egress = rows[i].data_egress;
                s->storage.ingress = rows[i].data_ingress;
                storage_quota(e, s);
                if (fresh)
                        s->health = rows[i].health;
                for (size_t k = 0; k < rows[i].project_count; k++)
                        rules[k] = (struct m_site_rule){.project = rows[i].projects[k].project,
                                                        .max_cpus = rows[i].projects[k].max_cpus};
                model_site_rules(e->m, s, rules, rows[i].project_count);
                free(rules);
                /* After an alarm nobody is there to ask. */
                if (s->intent == SITE_CLOSED && !s->alarm && s->used_tasks)
                        stop_attempts_at(e, s);
        }
        store_free_sites(rows, n);
        return 0;
}

/* Did an earlier row make the key of this one's account? */
static bool has_new_key(const struct load_worker *rows, size_t i)
{
        for (size_t k = 0; k < i; k++) {
                if (rows[k].account == rows[i].account)
                        return true;
        }
        return false;
}

static int make_key(struct engine *e, const struct load_worker *row, struct err *err)
{
        struct m_site *s = model_site(e->m, row->site);
        char comment[100], *private_key, *public_line;
        struct buf sealed;
        int rc;

        snprintf(comment, sizeof comment, "reeve-%s", s ? s->name : "site");
        if (ssh_key_generate(comment, &private_key, &public_line, err) < 0)
                return -1;
        buf_init(&sealed, 2 * SSH_KEY_TEXT_MAX);
        seal_text(e->seal_public, private_key, &sealed);
        ssh_key_wipe(private_key);
        rc = store_account_key(e->db, e->epoch, row->account, public_line, buf_bytes(&sealed),
                               buf_len(&sealed), err);
        buf_release(&sealed);
        free(public_line);
        return rc < 0 ? -1 : 0;
}

static struct engine_worker *worker_slot(struct engine *e, const struct load_worker *row)
{
        struct engine_worker *ew = world_worker(e, row->id);
        struct m_site *s = model_site(e->m, row->site);

        if ((size_t)row->id >= e->worker_cap) {
                size_t old = e->worker_cap;

                e->workers =
                    xgrow(e->workers, (size_t)row->id, &e->worker_cap, sizeof(struct engine_worker *));
                memset(e->workers + old, 0, (e->worker_cap - old) * sizeof(struct engine_worker *));
        }
        if (!ew) {
                ew = xcalloc(1, sizeof *ew);
                ew->e = e;
                ew->id = row->id;
                ew->site = row->site;
                ew->host = row->host;
                ew->account = row->account;
                ew->w = model_worker_put(e->m, row->id, s);
                e->workers[row->id] = ew;
        }
        ew->w->gone = false;
        free(ew->name);
        ew->name = xasprintf("%s/%s@%s", s->name, row->unix_user, row->address);
        return ew;
}

static void worker_update(struct engine *e, const struct load_worker *row)
{
        struct engine_worker *ew = worker_slot(e, row);
        struct m_site *s = ew->w->site;
        struct res before = ew->w->configured;
        uint64_t signature = signature_of(row);
        bool wanted = row->sealed_key && row->key_count && !s->alarm && !s->gone &&
                      (s->intent != SITE_CLOSED || has_attempts(e, ew->w));

        ew->seen = true;
        ew->w->project = row->project;
        ew->w->draining = row->draining;
        ew->w->configured = (struct res){.slots = row->offer_slots,
                                         .cpus = row->offer_cpus,
                                         .gpus = row->offer_gpus,
                                         .memory = row->offer_memory};
        res_add_custom(e->m, row->offer_custom, &ew->w->configured);
        if (!ew->found.cpus)
                ew->found = (struct res){.slots = RES_SLOTS_ANY, .cpus = row->cpus, .memory = row->memory};
        if (!res_equal(&before, &ew->w->configured))
                ew->offered = false;
        /* A site that was closed is left in order, by the tick. */
        if (ew->link && ((!wanted && (s->intent != SITE_CLOSED || s->alarm)) ||
                         (wanted && ew->stop_sent_at) || signature != ew->signature)) {
                link_drop(ew);
                ew->report.link = LINK_ABSENT;
                ew->report_now = true;
        }
        world_offer(ew);
        if (!ew->link && wanted) {
                ew->signature = signature;
                link_make(ew, row);
        }
}

static int load_workers(struct engine *e, struct err *err)
{
        struct load_worker *rows;
        size_t n;
        int rc = 0;

        if (store_load_workers(e->db, &rows, &n, err) < 0)
                return -1;
        for (size_t i = 0; i < e->worker_cap; i++) {
                if (e->workers[i])
                        e->workers[i]->seen = false;
        }
        for (size_t i = 0; i < n && rc == 0; i++) {
                if (!rows[i].sealed_key && !has_new_key(rows, i))
                        rc = make_key(e, &rows[i], err);
                if (rc == 0 && model_site(e->m, rows[i].site))
                        worker_update(e, &rows[i]);
        }
        store_free_workers(rows, n);
        for (size_t i = 0; i < e->worker_cap; i++) {
                struct engine_worker *ew = e->workers[i];

                if (ew && !ew->seen)
                        ew->w->gone = true; /* the tick leaves it in order */
        }
        return rc;
}

int world_load(struct engine *e, struct err *err)
{
        int64_t version;

        if (store_world_version(e->db, &version, err) < 0)
                return -1;
        if (version == e->world_version && e->world_loaded)
                return 0;
        if (load_projects(e, err) < 0 || load_sites(e, err) < 0 || load_workers(e, err) < 0)
                return -1;
        storage_sweep(e);
        if (e->world_version && (transfers_world_changed(e, err) < 0 || jobs_reload_datasets(e, err) < 0))
                return -1;
        /* Our own keys for new accounts moved it once more; the next look reads them. */
        e->world_version = version;
        e->world_loaded = true;
        for (size_t i = 0; i < e->m->site_cap; i++) {
                if (e->m->sites[i] && !e->m->sites[i]->gone)
                        world_site_health(e, (int32_t)i);
        }
        engine_wake(e);
        return 0;
}

void world_unload(struct engine *e)
{
        for (size_t i = 0; i < e->worker_cap; i++) {
                struct engine_worker *ew = e->workers[i];

                if (!ew)
                        continue;
                worker_link_free(ew->link);
                free(ew->name);
                free(ew->acks.keys);
                free(ew->cancels.keys);
                free(ew);
        }
        free(e->workers);
        e->workers = NULL;
        e->worker_cap = 0;
        for (size_t i = 0; i < e->gate_cap; i++)
                dial_gate_free(e->gates[i]);
        free(e->gates);
        e->gates = NULL;
        e->gate_cap = 0;
        e->world_version = 0;
        e->world_loaded = false;
}
