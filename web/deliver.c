/* SPDX-License-Identifier: Apache-2.0 */
#include "web/deliver.h"

#include "common/log.h"
#include "common/util.h"
#include "store/store_notices.h"
#include "web/egress.h"
#include "web/notice.h"
#include "web/notices.h"

#include <curl/curl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define BODY_LIMIT   (1u << 20)
#define PASSWORD_MAX 1024
#define SUBJECT_WORD 45 /* bytes of text in one encoded word of a header (RFC 2047) */

/* After a try that failed: how long until the next one, ms. */
static const int again_ms[] = {10000, 60000, 300000, 1800000, 7200000, 21600000, 43200000};

struct delivery {
        struct delivery *next;
        struct deliveries *all;
        int64_t notice;
        int tries;
        enum notice_way way;
        CURL *easy;
        struct curl_slist *headers, *to;
        curl_mime *mime;
        struct buf body;
        bool plain;   /* http: only into networks that are allowed */
        bool refused; /* no address that may be called */
        char error[CURL_ERROR_SIZE];
};

struct deliveries {
        struct web *web;
        CURLM *multi;
        struct delivery *first;
        int count;
        struct egress egress;
        char *password; /* of the mail server; NULL: none */
};

/* ---- settings --------------------------------------------------------------------------------------------
 */

static int read_password(const char *path, char **ret, struct err *err)
{
        char text[PASSWORD_MAX];
        FILE *f = fopen(path, "re");
        size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

        if (f)
                fclose(f);
        text[n] = '\0';
        text[strcspn(text, "\r\n")] = '\0';
        *ret = text[0] ? xstrdup(text) : NULL;
        sodium_memzero(text, sizeof text);
        return *ret ? 0
                    : err_set(err, ERR_BAD_INPUT, "smtp_password_file: there is no password to be read in %s",
                              path);
}

int deliveries_new(struct web *w, struct deliveries **ret, struct err *err)
{
        const struct notice_settings *s = &w->notice_settings;
        struct deliveries *d = xcalloc(1, sizeof *d);

        d->web = w;
        *ret = d;
        if (egress_parse(s->networks, &d->egress, err) < 0)
                return err_prefix(err, "notice_networks");
        if (s->smtp_password_file && s->smtp_password_file[0] &&
            read_password(s->smtp_password_file, &d->password, err) < 0)
                return -1;
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || !(d->multi = curl_multi_init()))
                return err_set(err, ERR_SYSTEM, "libcurl could not be started");
        return 0;
}

static void delivery_free(struct delivery *x)
{
        struct delivery **at = &x->all->first;

        while (*at && *at != x)
                at = &(*at)->next;
        if (*at) {
                *at = x->next;
                x->all->count--;
        }
        if (x->easy) {
                curl_multi_remove_handle(x->all->multi, x->easy);
                curl_easy_cleanup(x->easy);
        }
        curl_mime_free(x->mime);
        curl_slist_free_all(x->headers);
        curl_slist_free_all(x->to);
        buf_release(&x->body);
        free(x);
}

void deliveries_free(struct deliveries *d)
{
        if (!d)
                return;
        while (d->first)
                delivery_free(d->first);
        curl_multi_cleanup(d->multi);
        if (d->password)
                sodium_memzero(d->password, strlen(d->password));
        free(d->password);
        free(d);
}

/* ---- one delivery ----------------------------------------------------------------------------------------
 */

/* The address that is about to be connected to: names were resolved. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
        struct delivery *x = arg;
        enum egress_verdict v = egress_judge(&x->all->egress, &to->addr);

        (void)purpose;
        x->refused = v == EGRESS_NO || (x->plain && v != EGRESS_ALLOWED);
        return x->refused ? CURL_SOCKET_BAD : socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t discard(char *p, size_t size, size_t n, void *arg)
{
        (void)p;
        (void)arg;
        return size * n;
}

static void add_header(struct delivery *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add_header(struct delivery *x, const char *fmt, ...)
{
        struct buf b;
        va_list ap;

        buf_init(&b, 4096);
        va_start(ap, fmt);
        buf_vprintf(&b, fmt, ap);
        va_end(ap);
        x->headers = curl_slist_append(x->headers, buf_cstr(&b));
        buf_release(&b);
}

static void set_common(struct delivery *x)
{
        curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x);
        curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->error);
        curl_easy_setopt(x->easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(x->easy, CURLOPT_PROXY, "");
        curl_easy_setopt(x->easy, CURLOPT_TIMEOUT_MS, (long)NOTICE_TRY_MS);
        curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, discard);
        curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
}

static void make_webhook(struct delivery *x, const char *target, const char *secret,
                         const struct notice_shown *shown)
{
        char signature[NOTICE_SIGNATURE_MAX];

        notice_document(shown, &x->body);
        notice_sign(secret, clock_wall_ms() / 1000, buf_bytes(&x->body), buf_len(&x->body), signature);
        add_header(x, "Content-Type: application/json");
        add_header(x, "Reeve-Delivery: %lld", (long long)shown->id);
        add_header(x, "Reeve-Signature: %s", signature);
        set_common(x);
        x->plain = strncmp(target, "http:", 5) == 0;
        curl_easy_setopt(x->easy, CURLOPT_URL, target);
        curl_easy_setopt(x->easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(x->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        curl_easy_setopt(x->easy, CURLOPT_OPENSOCKETDATA, x);
        curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE, (long)buf_len(&x->body));
        curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, buf_bytes(&x->body));
        curl_easy_setopt(x->easy, CURLOPT_USERAGENT, "Reeve");
}

/* ---- mail ------------------------------------------------------------------------------------------------
 */

/* A header's text: as it is when it is ASCII, else as much as one encoded word holds (RFC 2047). */
static void add_subject(struct delivery *x, const struct notice_shown *shown)
{
        char word[4 * SUBJECT_WORD / 3 + 8];
        struct buf b;
        const char *s;
        size_t n = 0, ascii;

        buf_init(&b, 1024);
        notice_subject(shown, &b);
        s = buf_cstr(&b);
        for (ascii = 0; s[ascii] && (unsigned char)s[ascii] < 0x80; ascii++)
                ;
        while (s[n] && n + utf8_len(s + n, strlen(s + n)) <= SUBJECT_WORD)
                n += utf8_len(s + n, strlen(s + n));
        if (!s[ascii])
                add_header(x, "Subject: %s", s);
        else
                add_header(x, "Subject: =?UTF-8?B?%s?=",
                           sodium_bin2base64(word, sizeof word, (const unsigned char *)s, n,
                                             sodium_base64_VARIANT_ORIGINAL));
        buf_release(&b);
}

static void add_date(struct delivery *x)
{
        time_t now = clock_wall_ms() / 1000;
        char text[64];
        struct tm tm;

        gmtime_r(&now, &tm);
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &tm);
        add_header(x, "Date: %s", text);
}

static void make_mail(struct delivery *x, const char *target, const struct notice_shown *shown)
{
        const struct notice_settings *s = &x->all->web->notice_settings;
        const char *domain = strrchr(s->smtp_from, '@');
        AUTO_FREE char *to = xasprintf("<%s>", target), *from = xasprintf("<%s>", s->smtp_from);
        curl_mimepart *part;

        notice_mail(shown, &x->body);
        add_header(x, "From: Reeve <%s>", s->smtp_from);
        add_header(x, "To: <%s>", target);
        add_subject(x, shown);
        add_date(x);
        add_header(x, "Message-ID: <notice-%lld-%lld%s>", (long long)shown->id, (long long)shown->made_at,
                   domain ? domain : "@reeve");
        add_header(x, "Auto-Submitted: auto-generated");
        set_common(x);
        x->to = curl_slist_append(NULL, to);
        x->mime = curl_mime_init(x->easy);
        part = curl_mime_addpart(x->mime);
        curl_mime_data(part, (const char *)buf_bytes(&x->body), buf_len(&x->body));
        curl_mime_type(part, "text/plain; charset=utf-8");
        curl_mime_encoder(part, "quoted-printable");
        curl_easy_setopt(x->easy, CURLOPT_MIMEPOST, x->mime);
        curl_easy_setopt(x->easy, CURLOPT_URL, s->smtp);
        curl_easy_setopt(x->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
        curl_easy_setopt(x->easy, CURLOPT_MAIL_FROM, from);
        curl_easy_setopt(x->easy, CURLOPT_MAIL_RCPT, x->to);
        /* A password goes over TLS only. */
        curl_easy_setopt(x->easy, CURLOPT_USE_SSL,
                         x->all->password ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_TRY);
        if (x->all->password) {
                curl_easy_setopt(x->easy, CURLOPT_USERNAME, s->smtp_user);
                curl_easy_setopt(x->easy, CURLOPT_PASSWORD, x->all->password);
        }
}

/* ---- beginning -------------------------------------------------------------------------------------------
 */

static bool is_under_way(const struct deliveries *d, int64_t notice)
{
        for (const struct delivery *x = d->first; x; x = x->next)
                if (x->notice == notice)
                        return true;
        return false;
}

static void begin(struct deliveries *d, struct rows *r)
{
        struct delivery *x = xcalloc(1, sizeof *x);
        const struct notice_shown shown = {.id = row_int(r, "id"),
                                           .subscription = row_int(r, "subscription_id"),
                                           .made_at = row_time(r, "made_at"),
                                           .what = row_text(r, "what"),
                                           .sentence = row_text(r, "sentence"),
                                           .counts = row_text(r, "counts"),
                                           .events = row_text(r, "events"),
                                           .name = row_text(r, "name"),
                                           .user = row_text(r, "user"),
                                           .public_url = d->web->public_url};

        *x = (struct delivery){.next = d->first,
                               .all = d,
                               .notice = shown.id,
                               .tries = (int)row_int(r, "tries"),
                               .way = notice_way_parse(row_text(r, "way")),
                               .easy = curl_easy_init()};
        buf_init(&x->body, BODY_LIMIT);
        d->first = x;
        d->count++;
        if (x->way == WAY_MAIL)
                make_mail(x, row_text(r, "target"), &shown);
        else
                make_webhook(x, row_text(r, "target"), row_text(r, "secret"), &shown);
        curl_multi_add_handle(d->multi, x->easy);
}

int deliveries_begin(struct deliveries *d, struct db *db, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (d->count >= NOTICES_AT_ONCE)
                return 0;
        if (store_notices_due(db, 2 * NOTICES_AT_ONCE, &r, err) < 0)
                return -1;
        while (d->count < NOTICES_AT_ONCE && rows_next(r)) {
                enum notice_way way = notice_way_parse(row_text(r, "way"));

                if (is_under_way(d, row_int(r, "id")))
                        continue;
                if (way == WAY_MAIL && !notices_mail(d->web)) {
                        if (store_notice_failed(db, row_int(r, "id"), "this installation sends no mail", -1,
                                                NULL, NOTICES_GIVEN_UP_MAX, err) < 0)
                                return -1;
                        continue;
                }
                begin(d, r);
        }
        return 0;
}

/* ---- ending ----------------------------------------------------------------------------------------------
 */

/* What was wrong, or NULL. */
static const char *wrong_with(struct delivery *x, CURLcode code, char ret[160])
{
        long status = 0;

        curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
        if (x->refused)
                return x->plain ? "http: is only sent into networks that notice_networks allows"
                                : "its address is not public, and in no network that notice_networks allows";
        if (code != CURLE_OK)
                snprintf(ret, 160, "%.150s", x->error[0] ? x->error : curl_easy_strerror(code));
        else if (x->way == WAY_WEBHOOK && status / 100 != 2)
                snprintf(ret, 160, "it answered %ld", status);
        else
                return NULL;
        text_make_printable(ret);
        return ret;
}

static void end(struct delivery *x, CURLcode code, struct db *db)
{
        char text[160];
        const char *wrong = wrong_with(x, code, text);
        int64_t again = x->tries < (int)ARRAY_LEN(again_ms) ? again_ms[x->tries] : -1;
        struct err err;
        long status = 0;
        int rc;

        curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
        if (!wrong)
                rc = store_notice_sent(db, x->notice, &err);
        else if (x->way == WAY_WEBHOOK && status == 410)
                rc = store_notice_failed(db, x->notice, wrong, -1, "the receiver answered 410: it is gone",
                                         NOTICES_GIVEN_UP_MAX, &err);
        else
                rc = store_notice_failed(db, x->notice, wrong, again, NULL, NOTICES_GIVEN_UP_MAX, &err);
        if (rc < 0)
                log_warn("what came of notice %lld is not stored, it is sent again: %s", (long long)x->notice,
                         err.text);
        delivery_free(x);
}

bool deliveries_run(struct deliveries *d, struct db *db, int ms)
{
        struct CURLMsg *m;
        int running, left;

        if (!d->count)
                return false;
        curl_multi_perform(d->multi, &running);
        if (running == d->count)
                curl_multi_poll(d->multi, NULL, 0, ms, NULL);
        while ((m = curl_multi_info_read(d->multi, &left))) {
                struct delivery *x = NULL;

                if (m->msg != CURLMSG_DONE)
                        continue;
                curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&x);
                end(x, m->data.result, db);
        }
        return true;
}
