/* SPDX-License-Identifier: Apache-2.0 */
/* Every decoder of transfers.c: any bytes, no harm; what decodes is encoded as the same bytes, and names
 * nothing outside its directory. And the editor of authorized_keys: lines that are not ours stay as they are.
 */
#include "common/transfers.h"
#include "common/url.h"
#include "common/util.h"
#include "tests/fuzz/fuzz.h"
#include "worker/http_head.h"
#include "worker/let_in.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_HERE (4u << 20)

static bool again_list(struct reader *r, struct buf *out)
{
        struct transfer_list l = {0};
        uint32_t at = 0;

        get_transfer_entries(r, &l, 1000);
        for (uint32_t i = 0; i < l.count; i++) {
                must(transfer_path_is_valid(l.entries[i].path));
                must(l.entries[i].path[0] != '/' && !strstr(l.entries[i].path, "/../"));
        }
        /* Of files without a checksum its bytes are not kept, and a long list is written in parts. */
        for (uint32_t i = 0; i < l.count && !r->bad; i++)
                r->bad = !l.entries[i].has_sha256;
        if (!r->bad)
                put_transfer_entries(out, &l, &at);
        r->bad |= at < l.count;
        transfer_list_release(&l);
        return !r->bad && !reader_left(r);
}

static bool again_urls(struct reader *r, struct buf *out)
{
        struct transfer_list l = {0};
        uint32_t at = 0, n = 0;

        for (int i = 0; i < 8; i++)
                transfer_list_add(&l, "f", 1, NULL);
        get_transfer_urls(r, &l, &n);
        for (uint32_t i = 0; i < n; i++)
                must(url_check(l.entries[i].url, NULL) == 0);
        /* Only what a whole list has is written again. */
        l.count = n;
        if (!r->bad)
                put_transfer_urls(out, &l, &at);
        l.count = 8;
        transfer_list_release(&l);
        return !r->bad && !reader_left(r);
}

/* A server's head: what is read of it is bounded, and where it leads on to is an address that was checked. */
static bool again_head(struct reader *r, struct buf *out)
{
        size_t n = reader_left(r);
        char url[URL_MAX + 1];
        struct http_head h;
        long got = http_head_read((const char *)r->p, n, &h);

        must(got <= (long)n);
        if (got > 0) {
                must(h.status >= 200 && h.status <= 999);
                must(memchr(h.location, 0, sizeof h.location) && memchr(h.tag, 0, sizeof h.tag));
                if (http_redirect("https://a.org/x", h.location, url, NULL) == 0)
                        must(url_check(url, NULL) == 0);
        }
        buf_put(out, r->p, n);
        return true;
}

static bool again_offer(struct reader *r, struct buf *out)
{
        struct transfer_offer o;
        bool good;

        get_transfer_offer(r, &o);
        good = !r->bad && !reader_left(r);
        if (good)
                put_transfer_offer(out, &o);
        transfer_offer_release(&o);
        return good;
}

static bool again_pull(struct reader *r, struct buf *out)
{
        struct transfer_pull p;
        bool good;

        get_transfer_pull(r, &p);
        good = !r->bad && !reader_left(r);
        if (good)
                put_transfer_pull(out, &p);
        transfer_pull_release(&p);
        return good;
}

static bool again_report(struct reader *r, struct buf *out)
{
        struct transfer_report s;

        get_transfer_report(r, &s);
        put_transfer_report(out, &s);
        return !r->bad && !reader_left(r);
}

static bool again_pulled(struct reader *r, struct buf *out)
{
        struct transfer_pulled f;

        get_transfer_pulled(r, &f);
        put_transfer_pulled(out, &f);
        return !r->bad && !reader_left(r);
}

static bool again_close(struct reader *r, struct buf *out)
{
        struct transfer_close c;

        get_transfer_close(r, &c);
        must(memchr(c.text, 0, sizeof c.text) && memchr(c.root, 0, sizeof c.root));
        put_transfer_close(out, &c);
        return !r->bad && !reader_left(r);
}

/* What is taken out of a file of lines is exactly the line that was put in. */
static bool again_authorized(struct reader *r, struct buf *out)
{
        struct transfer_offer o = {.id = 7, .public_key = (char *)"ssh-ed25519 AAAA"};
        struct buf with;
        size_t n = reader_left(r);

        buf_init(&with, SIZE_MAX_HERE);
        if (n && r->p[n - 1] == '\n' && !memmem(r->p, n, "reeve-transfer:7:", 17)) {
                buf_put(&with, r->p, n);
                must(let_in_line(&with, "/w/reeve-worker", "/w", &o, "20260101000000"));
                let_in_without(out, (const char *)buf_bytes(&with), buf_len(&with), "/w", 7);
        } else {
                buf_put(out, r->p, n);
        }
        buf_release(&with);
        return true;
}

static bool (*const readers[])(struct reader *r, struct buf *out) = {
    again_list,  again_offer,      again_pull, again_report, again_pulled,
    again_close, again_authorized, again_urls, again_head,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct reader r;
        struct buf out;

        if (!size)
                return 0;
        buf_init(&out, SIZE_MAX_HERE);
        reader_init(&r, data + 1, size - 1);
        if (readers[data[0] % ARRAY_LEN(readers)](&r, &out)) {
                must(!out.overflow && buf_len(&out) == size - 1);
                must(size == 1 || memcmp(buf_bytes(&out), data + 1, size - 1) == 0);
        }
        buf_release(&out);
        return 0;
}

void fuzz_seeds(void)
{
        static const uint8_t sha256[32] = {1, 2, 3};
        struct transfer_list l = {0};
        struct transfer_offer o = {.id = 1, .from = (char *)"/data", .total = 2};
        struct transfer_pull p = {
            .id = 1, .way = WAY_DIRECT, .to = (char *)"d1", .port = 22, .host_key_count = 1};
        struct transfer_close c = {.id = 1, .text = "words", .root = "/r"};
        struct buf b;
        uint32_t at = 0;

        transfer_list_add(&l, "a/b", 3, sha256);
        transfer_list_add(&l, "c", 0, sha256);
        buf_init(&b, SIZE_MAX_HERE);
        put_transfer_entries(&b, &l, &at);
        fuzz_seed_buf(0, &b);
        transfer_list_release(&l);
        o.public_key = o.authorized_keys = (char *)"k";
        buf_init(&b, SIZE_MAX_HERE);
        put_transfer_offer(&b, &o);
        fuzz_seed_buf(1, &b);
        p.host = p.user = p.private_key = (char *)"x";
        p.host_keys[0] = (char *)"ssh-ed25519 AAAA";
        buf_init(&b, SIZE_MAX_HERE);
        put_transfer_pull(&b, &p);
        fuzz_seed_buf(2, &b);
        buf_init(&b, SIZE_MAX_HERE);
        put_transfer_close(&b, &c);
        fuzz_seed_buf(5, &b);
        transfer_list_add(&l, "a", 3, sha256);
        l.entries[0].url = xstrdup("https://a.org/b?c=%20");
        at = 0;
        buf_init(&b, SIZE_MAX_HERE);
        put_transfer_urls(&b, &l, &at);
        fuzz_seed_buf(7, &b);
        transfer_list_release(&l);
        fuzz_seed_text("\10HTTP/1.1 302 Found\r\nLocation: //b.org/x\r\nETag: \"1\"\r\nContent-Range: bytes "
                       "1-2/3\r\n\r\n");
        fuzz_seed_text("\6ssh-rsa mine\n# remark\n");
}
