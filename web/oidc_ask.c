/* SPDX-License-Identifier: Apache-2.0 */
#include "web/oidc_ask.h"

#include "common/buf.h"
#include "common/log.h"
#include "common/util.h"
#include "web/oidc.h"

#include <curl/curl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define REASON_MAX 64

static size_t take(char *p, size_t size, size_t n, void *arg)
{
        struct buf *b = arg;

        buf_put(b, p, size * n);
        return b->overflow ? 0 : size * n;
}

/* Names of errors are words; whatever else stands there is nobody's business. */
static void reason_of(const json_t *reply, char ret[REASON_MAX])
{
        const char *text = json_string_value(json_object_get(reply, "error"));
        size_t n = text ? strspn(text, "abcdefghijklmnopqrstuvwxyz_") : 0;

        ret[0] = '\0';
        if (text && !text[n] && n < REASON_MAX - 3)
                snprintf(ret, REASON_MAX, " (%s)", text);
}

static int judge(const struct oidc_ask *a, CURLcode code, const char *said, long status, const struct buf *b,
                 json_t **ret, struct err *err)
{
        json_t *reply = NULL;
        char reason[REASON_MAX];

        if (b->overflow)
                return err_set(err, ERR_UNAVAILABLE, "%s: the answer is too long", a->what);
        if (code != CURLE_OK) {
                log_warn("single sign-on: %s: %s: %s", a->what, a->url,
                         *said ? said : curl_easy_strerror(code));
                return err_set(err, ERR_UNAVAILABLE, "%s: the provider could not be reached", a->what);
        }
        reply = json_loadb((const char *)buf_bytes(b), buf_len(b), JSON_REJECT_DUPLICATES, NULL);
        if (status / 100 == 2 && json_is_object(reply)) {
                *ret = reply;
                return 0;
        }
        reason_of(reply, reason);
        json_decref(reply);
        log_warn("single sign-on: %s: %s answered %ld%s", a->what, a->url, status, reason);
        if (status / 100 == 4)
                return err_set(err, ERR_DENIED, "%s: the provider refused%s", a->what, reason);
        return err_set(err, ERR_UNAVAILABLE, "%s: the provider's answer is of no use (status %ld)", a->what,
                       status);
}

static struct curl_slist *headers(CURL *easy, const struct oidc_ask *a)
{
        struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json");
        AUTO_FREE char *bearer = a->bearer ? xasprintf("Authorization: Bearer %s", a->bearer) : NULL;

        if (bearer)
                list = curl_slist_append(list, bearer);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
        return list;
}

int oidc_ask(const struct oidc_ask *a, json_t **ret, struct err *err)
{
        char said[CURL_ERROR_SIZE] = "";
        struct curl_slist *list;
        CURL *easy = curl_easy_init();
        long status = 0;
        struct buf b;
        CURLcode code;
        int rc;

        if (!easy)
                return err_set(err, ERR_UNAVAILABLE, "out of memory");
        buf_init(&b, OIDC_REPLY_MAX);
        curl_easy_setopt(easy, CURLOPT_URL, a->url);
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)OIDC_CONNECT_MS);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)OIDC_ASK_MS);
        curl_easy_setopt(easy, CURLOPT_USERAGENT, "Reeve");
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, said);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &b);
        if (a->form)
                curl_easy_setopt(easy, CURLOPT_POSTFIELDS, a->form);
        if (a->user) {
                curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
                curl_easy_setopt(easy, CURLOPT_USERNAME, a->user);
                curl_easy_setopt(easy, CURLOPT_PASSWORD, a->password);
        }
        list = headers(easy, a);
        code = curl_easy_perform(easy);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        rc = judge(a, code, said, status, &b, ret, err);
        curl_easy_cleanup(easy);
        curl_slist_free_all(list);
        buf_release(&b);
        return rc;
}
