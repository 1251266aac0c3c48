/* SPDX-License-Identifier: Apache-2.0 */
#include "transfers.h"

#include "url.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

#define KEY_TEXT_MAX 4096 /* a public key line, a private key */
#define WORD_MAX     256  /* host, user */

#define END_ROW_(sym, name, blame, retries, sentence) {name, sentence, BLAMES_##blame, retries},
static const struct {
        const char *name, *sentence;
        enum move_blame blame;
        bool retries;
} ends[] = {MOVE_ENDS(END_ROW_)};

const char *move_end_name(enum move_end k)
{
        return k < MOVE_END_COUNT ? ends[k].name : "unknown";
}

const char *move_end_sentence(enum move_end k)
{
        return k < MOVE_END_COUNT ? ends[k].sentence : "it ended in a way that is not known";
}

enum move_blame move_end_blame(enum move_end k)
{
        return k < MOVE_END_COUNT ? ends[k].blame : BLAMES_NOBODY;
}

bool move_end_retries(enum move_end k)
{
        return k < MOVE_END_COUNT && ends[k].retries;
}

const char *transfer_way_name(enum transfer_way w)
{
        static const char *const names[] = {"local", "direct", "relay", "fetch"};

        return w < ARRAY_LEN(names) ? names[w] : "unknown";
}

/* ---- paths and lists ---- */

static bool part_is_valid(const char *part, size_t n)
{
        return n > 0 && n < 256 && !(n == 1 && part[0] == '.') && !(n == 2 && memcmp(part, "..", 2) == 0) &&
               strncmp(part, TRANSFER_HIDDEN, strlen(TRANSFER_HIDDEN)) != 0;
}

bool transfer_path_is_valid(const char *path)
{
        size_t n = path ? strlen(path) : 0;

        if (n == 0 || n >= PATH_TEXT_MAX)
                return false;
        for (const char *part = path;; part++) {
                size_t length = strcspn(part, "/");

                if (!part_is_valid(part, length))
                        return false;
                part += length;
                if (!*part)
                        return true;
        }
}

void transfer_list_release(struct transfer_list *l)
{
        for (uint32_t i = 0; i < l->count; i++) {
                free(l->entries[i].path);
                free(l->entries[i].url);
        }
        free(l->entries);
        *l = (struct transfer_list){0};
}

void transfer_list_add(struct transfer_list *l, const char *path, uint64_t size, const uint8_t *sha256)
{
        struct transfer_entry *e;

        if (l->count == l->cap) {
                l->cap = l->cap ? 2 * l->cap : 16;
                l->entries = xrealloc(l->entries, l->cap * sizeof *l->entries);
        }
        e = &l->entries[l->count++];
        *e = (struct transfer_entry){.path = xstrdup(path), .size = size, .has_sha256 = sha256};
        if (sha256)
                memcpy(e->sha256, sha256, sizeof e->sha256);
}

void put_transfer_entries(struct buf *b, const struct transfer_list *l, uint32_t *at)
{
        size_t start = buf_len(b);
        uint32_t n = 0;

        buf_u32(b, 0);
        for (; *at < l->count && buf_len(b) - start < TRANSFER_BATCH_MAX; n++) {
                const struct transfer_entry *e = &l->entries[(*at)++];

                buf_str(b, e->path);
                buf_u64(b, e->size);
                buf_u8(b, e->has_sha256);
                buf_put(b, e->sha256, sizeof e->sha256);
        }
        buf_patch_u32(b, start, n);
}

static bool get_bool(struct reader *r)
{
        uint8_t v = reader_u8(r);

        r->bad |= v > 1;
        return v == 1;
}

static void get_bytes(struct reader *r, uint8_t *to, size_t n)
{
        for (size_t i = 0; i < n; i++)
                to[i] = reader_u8(r);
}

void get_transfer_entries(struct reader *r, struct transfer_list *l, uint32_t total)
{
        for (uint32_t n = reader_u32(r); n && !r->bad; n--) {
                AUTO_FREE char *path = reader_str(r, PATH_TEXT_MAX);
                uint64_t size = reader_u64(r);
                bool has = get_bool(r);
                uint8_t sha256[32];

                get_bytes(r, sha256, sizeof sha256);
                if (r->bad || l->count >= total || (size > INT64_MAX && size != TRANSFER_SIZE_UNKNOWN) ||
                    !transfer_path_is_valid(path))
                        r->bad = true;
                else
                        transfer_list_add(l, path, size, has ? sha256 : NULL);
        }
}

bool transfer_list_is_vague(const struct transfer_list *l)
{
        for (uint32_t i = 0; i < l->count; i++) {
                if (l->entries[i].size == TRANSFER_SIZE_UNKNOWN)
                        return true;
        }
        return false;
}

void put_transfer_urls(struct buf *b, const struct transfer_list *l, uint32_t *at)
{
        size_t start = buf_len(b);
        uint32_t n = 0;

        buf_u32(b, 0);
        for (; *at < l->count && buf_len(b) - start < TRANSFER_BATCH_MAX; n++)
                buf_str(b, l->entries[(*at)++].url);
        buf_patch_u32(b, start, n);
}

void get_transfer_urls(struct reader *r, struct transfer_list *l, uint32_t *at)
{
        for (uint32_t n = reader_u32(r); n && !r->bad; n--) {
                AUTO_FREE char *url = reader_str(r, URL_MAX);

                if (r->bad || *at >= l->count || l->entries[*at].url || url_check(url, NULL) < 0)
                        r->bad = true;
                else
                        l->entries[(*at)++].url = MOVE(url);
        }
}

/* ---- offers ---- */

void transfer_offer_release(struct transfer_offer *o)
{
        free(o->from);
        free(o->public_key);
        free(o->authorized_keys);
        *o = (struct transfer_offer){0};
}

void put_transfer_offer(struct buf *b, const struct transfer_offer *o)
{
        buf_u64(b, o->id);
        buf_u32(b, o->turn);
        buf_u32(b, o->seconds);
        buf_str(b, o->from);
        buf_u8(b, o->is_file);
        buf_str(b, o->public_key);
        buf_str(b, o->authorized_keys);
        buf_u32(b, o->total);
}

void get_transfer_offer(struct reader *r, struct transfer_offer *ret)
{
        *ret = (struct transfer_offer){.id = reader_u64(r), .turn = reader_u32(r)};
        ret->seconds = reader_u32(r);
        ret->from = reader_str(r, PATH_TEXT_MAX);
        ret->is_file = get_bool(r);
        ret->public_key = reader_str(r, KEY_TEXT_MAX);
        ret->authorized_keys = reader_str(r, PATH_TEXT_MAX);
        ret->total = reader_u32(r);
        r->bad |= r->bad || ret->from[0] != '/' || ret->total > TRANSFER_FILES_MAX ||
                  (ret->is_file && ret->total > 1);
}

static const char offer_magic[] = "REEVE-OFFER-1\n";

void put_transfer_offer_file(struct buf *b, int64_t until_wall_ms, const struct transfer_offer *o,
                             const struct transfer_list *l)
{
        uint32_t at = 0;

        buf_text(b, offer_magic);
        buf_u64(b, (uint64_t)until_wall_ms);
        put_transfer_offer(b, o);
        while (at < l->count)
                put_transfer_entries(b, l, &at);
}

bool get_transfer_offer_file(const struct buf *b, int64_t *ret_until, struct transfer_offer *ret,
                             struct transfer_list *ret_list)
{
        const size_t magic = strlen(offer_magic);
        struct reader r;

        if (buf_len(b) < magic || memcmp(buf_bytes(b), offer_magic, magic) != 0)
                return false;
        reader_init(&r, buf_bytes(b) + magic, buf_len(b) - magic);
        *ret_until = (int64_t)reader_u64(&r);
        get_transfer_offer(&r, ret);
        while (!r.bad && ret_list->count < ret->total)
                get_transfer_entries(&r, ret_list, ret->total);
        return !r.bad && !reader_left(&r);
}

/* ---- pulls ---- */

void transfer_pull_release(struct transfer_pull *p)
{
        free(p->to);
        free(p->host);
        free(p->user);
        for (uint32_t i = 0; i < p->host_key_count; i++)
                free(p->host_keys[i]);
        if (p->private_key)
                explicit_bzero(p->private_key, strlen(p->private_key));
        free(p->private_key);
        for (uint32_t i = 0; i < p->prefix_count; i++)
                free(p->prefixes[i]);
        *p = (struct transfer_pull){0};
}

void put_transfer_pull(struct buf *b, const struct transfer_pull *p)
{
        buf_u64(b, p->id);
        buf_u32(b, p->turn);
        buf_u8(b, p->way);
        buf_str(b, p->to);
        buf_u64(b, p->room);
        buf_u64(b, p->keep_free);
        buf_u64(b, p->rate_limit);
        buf_u64(b, p->least_rate);
        buf_u32(b, p->stall_ms);
        buf_u32(b, p->total);
        if (p->way == WAY_FETCH) {
                buf_u8(b, p->private_hosts);
                buf_u32(b, p->prefix_count);
                for (uint32_t i = 0; i < p->prefix_count; i++)
                        buf_str(b, p->prefixes[i]);
        }
        if (p->way != WAY_DIRECT)
                return;
        buf_str(b, p->host);
        buf_str(b, p->user);
        buf_u16(b, p->port);
        buf_u32(b, p->host_key_count);
        for (uint32_t i = 0; i < p->host_key_count; i++)
                buf_str(b, p->host_keys[i]);
        buf_str(b, p->private_key);
}

static void get_direct(struct reader *r, struct transfer_pull *ret)
{
        uint32_t n;

        ret->host = reader_str(r, WORD_MAX);
        ret->user = reader_str(r, WORD_MAX);
        ret->port = reader_u16(r);
        n = reader_u32(r);
        r->bad |= n == 0 || n > PULL_KEYS_MAX;
        while (!r->bad && ret->host_key_count < n) {
                char *line = reader_str(r, KEY_TEXT_MAX);

                if (line)
                        ret->host_keys[ret->host_key_count++] = line;
        }
        ret->private_key = reader_str(r, KEY_TEXT_MAX);
}

static void get_fetch(struct reader *r, struct transfer_pull *ret)
{
        uint32_t n;

        ret->private_hosts = get_bool(r);
        n = reader_u32(r);
        r->bad |= n == 0 || n > FETCH_PREFIXES_MAX;
        while (!r->bad && ret->prefix_count < n) {
                char *prefix = reader_str(r, URL_MAX);

                if (prefix)
                        ret->prefixes[ret->prefix_count++] = prefix;
                r->bad |= !prefix || url_check_prefix(prefix, NULL) < 0;
        }
}

void get_transfer_pull(struct reader *r, struct transfer_pull *ret)
{
        *ret = (struct transfer_pull){.id = reader_u64(r), .turn = reader_u32(r), .way = reader_u8(r)};
        ret->to = reader_str(r, PATH_TEXT_MAX);
        ret->room = reader_u64(r);
        ret->keep_free = reader_u64(r);
        ret->rate_limit = reader_u64(r);
        ret->least_rate = reader_u64(r);
        ret->stall_ms = reader_u32(r);
        ret->total = reader_u32(r);
        r->bad |= r->bad || ret->way > WAY_FETCH || ret->total > TRANSFER_FILES_MAX ||
                  !transfer_path_is_valid(ret->to);
        if (ret->way == WAY_DIRECT && !r->bad)
                get_direct(r, ret);
        if (ret->way == WAY_FETCH && !r->bad)
                get_fetch(r, ret);
}

/* ---- what comes back ---- */

void put_transfer_report(struct buf *b, const struct transfer_report *s)
{
        buf_u64(b, s->id);
        buf_u32(b, s->turn);
        buf_u8(b, s->streams);
        buf_u64(b, s->bytes_done);
        buf_u64(b, s->bytes_moved);
        buf_u64(b, s->bytes_per_s);
        buf_u32(b, s->files_done);
}

void get_transfer_report(struct reader *r, struct transfer_report *ret)
{
        *ret = (struct transfer_report){.id = reader_u64(r), .turn = reader_u32(r)};
        ret->streams = get_bool(r);
        ret->bytes_done = reader_u64(r);
        ret->bytes_moved = reader_u64(r);
        ret->bytes_per_s = reader_u64(r);
        ret->files_done = reader_u32(r);
}

void put_transfer_pulled(struct buf *b, const struct transfer_pulled *f)
{
        buf_u32(b, f->index);
        buf_u8(b, f->present);
        buf_u64(b, f->size);
        buf_put(b, f->sha256, sizeof f->sha256);
}

void get_transfer_pulled(struct reader *r, struct transfer_pulled *ret)
{
        *ret = (struct transfer_pulled){.index = reader_u32(r)};
        ret->present = get_bool(r);
        ret->size = reader_u64(r);
        get_bytes(r, ret->sha256, sizeof ret->sha256);
}

void put_transfer_close(struct buf *b, const struct transfer_close *c)
{
        buf_u64(b, c->id);
        buf_u32(b, c->turn);
        buf_u8(b, c->kind);
        buf_u32(b, c->file);
        buf_u64(b, c->bytes_moved);
        buf_u64(b, c->busy_ms);
        buf_str(b, c->text);
        buf_str(b, c->root);
}

static void get_text(struct reader *r, char *to, size_t size)
{
        AUTO_FREE char *s = reader_str(r, size - 1);

        memcpy(to, s ? s : "", s ? strlen(s) + 1 : 1);
}

void get_transfer_close(struct reader *r, struct transfer_close *ret)
{
        *ret = (struct transfer_close){.id = reader_u64(r), .turn = reader_u32(r), .kind = reader_u8(r)};
        ret->file = reader_u32(r);
        ret->bytes_moved = reader_u64(r);
        ret->busy_ms = reader_u64(r);
        get_text(r, ret->text, sizeof ret->text);
        get_text(r, ret->root, sizeof ret->root);
        r->bad |= ret->kind >= MOVE_END_COUNT;
}
