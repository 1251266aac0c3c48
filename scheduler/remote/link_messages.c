/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/link_messages.h"

#include "common/util.h"

#include <string.h>

#define TEXT_MAX           1024u
#define KEY_BYTES          16u
#define FILES_IN_FRAME_MAX (FRAME_MAX / 44u) /* a file takes at least that much */

bool attempt_key_is_sane(struct attempt_key k)
{
        return k.job > 0 && k.task >= 0 && k.attempt > 0;
}

static int bad(struct err *err, const char *what)
{
        return err_set(err, ERR_PROTOCOL, "%s does not decode", what);
}

static char *take_text(struct reader *r)
{
        char *s = reader_str(r, TEXT_MAX);

        if (s)
                text_make_printable(s);
        return s;
}

static void take_bytes(struct reader *r, uint8_t *to, size_t n)
{
        for (size_t i = 0; i < n; i++)
                to[i] = reader_u8(r);
}

/* A count of things of at least `least` bytes each, which are all in the rest of the frame. */
static size_t take_count(struct reader *r, size_t least, size_t max)
{
        uint32_t n = reader_u32(r);

        if (r->bad || n > max || n > reader_left(r) / least) {
                r->bad = true;
                return 0;
        }
        return n;
}

void link_welcome_text_release(struct link_welcome_text *t)
{
        free(t->hostname);
        free(t->os);
        free(t->machine);
        free(t->root);
        free(t->features);
        *t = (struct link_welcome_text){0};
}

int get_welcome(struct reader *r, uint16_t *ret_version, struct link_welcome *ret,
                struct link_welcome_text *ret_text, struct err *err)
{
        struct link_welcome w = {0};
        struct link_welcome_text t = {0};

        *ret_version = reader_u16(r);
        take_bytes(r, w.spool, sizeof w.spool);
        take_bytes(r, w.boot, sizeof w.boot);
        w.hostname = t.hostname = take_text(r);
        w.os = t.os = take_text(r);
        w.machine = t.machine = take_text(r);
        w.cpus = reader_u32(r);
        w.memory = reader_u64(r);
        w.disk_free = reader_u64(r);
        w.disk_total = reader_u64(r);
        w.wall_ms = (int64_t)reader_u64(r);
        w.root = t.root = take_text(r);
        w.features = t.features = take_text(r);
        w.worker_id = reader_u32(r);
        if (r->bad || reader_left(r) || w.wall_ms < 0) {
                link_welcome_text_release(&t);
                return bad(err, "P_WELCOME");
        }
        *ret = w;
        *ret_text = t;
        return 0;
}

int get_snapshot(struct reader *r, struct link_snapshot_item **items, size_t *count, size_t *cap,
                 struct err *err)
{
        size_t n = take_count(r, KEY_BYTES + 1, SNAPSHOT_MAX);

        if (n > SNAPSHOT_MAX - *count)
                return err_set(err, ERR_PROTOCOL, "the worker claims to hold more than %u attempts",
                               SNAPSHOT_MAX);
        for (size_t i = 0; i < n; i++) {
                struct link_snapshot_item item = {.key = get_key(r)};

                item.state = reader_u8(r);
                if (!attempt_key_is_sane(item.key) || item.state > SNAP_ENDED)
                        return bad(err, "P_SNAPSHOT");
                *items = xgrow(*items, *count, cap, sizeof **items);
                (*items)[(*count)++] = item;
        }
        return r->bad || reader_left(r) ? bad(err, "P_SNAPSHOT") : 0;
}

int get_started(struct reader *r, struct link_started **ret, size_t *ret_n, struct err *err)
{
        size_t n = take_count(r, KEY_BYTES + 8, BATCH_MAX);
        struct link_started *items = xcalloc(n + 1, sizeof *items);

        for (size_t i = 0; i < n; i++) {
                items[i].key = get_key(r);
                items[i].start_wall_ms = (int64_t)reader_u64(r);
                r->bad |= !attempt_key_is_sane(items[i].key);
        }
        if (r->bad || reader_left(r)) {
                free(items);
                return bad(err, "P_STARTED");
        }
        *ret = items;
        *ret_n = n;
        return 0;
}

int get_reported(struct reader *r, struct link_progress **ret, size_t *ret_n, struct err *err)
{
        size_t n = take_count(r, KEY_BYTES + 6, BATCH_MAX);
        struct link_progress *items = xcalloc(n + 1, sizeof *items);

        for (size_t i = 0; i < n && !r->bad; i++) {
                items[i].key = get_progress(r, &items[i].said);
                r->bad |= !attempt_key_is_sane(items[i].key);
                text_make_printable(items[i].said.text);
        }
        if (r->bad || reader_left(r)) {
                free(items);
                return bad(err, "P_PROGRESS");
        }
        *ret = items;
        *ret_n = n;
        return 0;
}

int get_keys(struct reader *r, struct attempt_key **ret, size_t *ret_n, struct err *err)
{
        size_t n = take_count(r, KEY_BYTES, BATCH_MAX);
        struct attempt_key *keys = xcalloc(n + 1, sizeof *keys);

        for (size_t i = 0; i < n; i++) {
                keys[i] = get_key(r);
                r->bad |= !attempt_key_is_sane(keys[i]);
        }
        if (r->bad || reader_left(r)) {
                free(keys);
                return bad(err, "a list of attempts");
        }
        *ret = keys;
        *ret_n = n;
        return 0;
}

int get_results(struct reader *r, struct proto_result **ret, size_t *ret_n, struct err *err)
{
        size_t n = take_count(r, KEY_BYTES, BATCH_MAX);
        struct proto_result *items = xmalloc((n + 1) * sizeof *items);

        for (size_t i = 0; i < n && !r->bad; i++) {
                get_result(r, &items[i]);
                if (r->bad)
                        break;
                r->bad |= !attempt_key_is_sane(items[i].key) || items[i].outcome >= OUTCOME_COUNT;
                text_make_printable(items[i].text);
        }
        if (r->bad || reader_left(r)) {
                free(items);
                return bad(err, "P_ENDED");
        }
        *ret = items;
        *ret_n = n;
        return 0;
}

static bool path_is_below(const char *path)
{
        if (!path || path[0] == '/')
                return false;
        for (const char *p = path; *p;) {
                size_t n = strcspn(p, "/");

                if (n == 2 && p[0] == '.' && p[1] == '.')
                        return false;
                p += n + (p[n] == '/');
        }
        return true;
}

void files_free(struct proto_file *files, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(files[i].path);
        free(files);
}

int get_files(struct reader *r, struct proto_file **ret, size_t *ret_n, struct err *err)
{
        size_t n = take_count(r, 44, FILES_IN_FRAME_MAX);
        struct proto_file *files = xcalloc(n + 1, sizeof *files);

        for (size_t i = 0; i < n && !r->bad; i++) {
                get_file(r, &files[i]);
                r->bad |= !path_is_below(files[i].path);
        }
        if (r->bad || reader_left(r)) {
                files_free(files, n);
                return bad(err, "a list of files");
        }
        *ret = files;
        *ret_n = n;
        return 0;
}

int get_health(struct reader *r, struct link_health *ret, struct err *err)
{
        struct link_health h = {0};

        h.disk_free = reader_u64(r);
        h.disk_total = reader_u64(r);
        h.memory_available = reader_u64(r);
        h.load_milli = reader_u32(r);
        h.wall_ms = (int64_t)reader_u64(r);
        h.running = reader_u32(r);
        h.queued = reader_u32(r);
        h.unacknowledged = reader_u32(r);
        if (r->bad || reader_left(r) || h.wall_ms < 0)
                return bad(err, "P_HEALTH");
        *ret = h;
        return 0;
}

int get_data(struct reader *r, uint32_t *ret_request, struct link_data *ret, struct err *err)
{
        struct link_data d = {0};
        uint8_t final;

        *ret_request = reader_u32(r);
        d.status = reader_u8(r);
        d.offset = reader_u64(r);
        d.size = reader_u64(r);
        d.gap_start = reader_u64(r);
        d.gap_end = reader_u64(r);
        final = reader_u8(r);
        d.data = reader_blob(r, CHUNK_MAX, &d.len);
        d.final = final;
        if (r->bad || reader_left(r) || d.status > READ_FAILED || final > 1 || d.gap_start > d.gap_end)
                return bad(err, "P_DATA");
        *ret = d;
        return 0;
}
