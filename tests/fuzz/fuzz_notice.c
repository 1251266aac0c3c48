/* SPDX-License-Identifier: Apache-2.0 */
/* What a notice is sent as, whatever names and texts are told of: JSON that can be read, headers and lines of
 * a mail that nobody adds any to. */
#include "common/embed.h"
#include "common/util.h"
#include "tests/fuzz/fuzz.h"
#include "web/notice.h"

#include <stdlib.h>
#include <string.h>

/* The pages of the dashboard are of no interest here. */
const struct embedded asset_files[1];
const uint64_t asset_files_count = 0;

#define KINDS 4 /* events of each notice */

static void check_mail(const struct buf *mail)
{
        const char *text = buf_cstr((struct buf *)(uintptr_t)mail);

        for (const char *p = text; *p; p++) {
                must(*p != '\n' || (p > text && p[-1] == '\r'));
                must(*p != '\r' || p[1] == '\n');
        }
}

static void check_sent(const json_t *counts, const json_t *events, const char *name, const char *sentence)
{
        AUTO_FREE char *c = json_dumps(counts, 0), *e = json_dumps(events, 0);
        const struct notice_shown n = {.id = 1,
                                       .subscription = 2,
                                       .made_at = 1800000000000,
                                       .what = "events",
                                       .sentence = sentence,
                                       .counts = c,
                                       .events = e,
                                       .name = name,
                                       .user = "ann",
                                       .public_url = "https://grid.example"};
        struct buf document, mail, subject;
        json_t *read;

        buf_init(&document, 1u << 20);
        buf_init(&mail, 1u << 20);
        buf_init(&subject, 1u << 16);
        notice_document(&n, &document);
        read = json_loads(buf_cstr(&document), JSON_REJECT_DUPLICATES, NULL);
        must(json_is_object(read));
        json_decref(read);
        notice_mail(&n, &mail);
        check_mail(&mail);
        notice_subject(&n, &subject);
        must(!strpbrk(buf_cstr(&subject), "\r\n"));
        buf_release(&document);
        buf_release(&mail);
        buf_release(&subject);
}

/* Text between zero bytes is names and texts of events. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO_FREE char *text = xstrndup((const char *)data, size);
        json_t *counts = json_object(), *events = json_array(), *valid;
        size_t len = strlen(text);
        struct buf sentence;

        /* As stored in a column of text: valid UTF-8, or it would not be there. */
        valid = json_stringn(text, len);
        for (int i = 0; valid && i < KINDS; i++) {
                const struct notice_event e = {.seq = i + 1,
                                               .at = 1800000000000,
                                               .job = 7,
                                               .kind = (int)((size_t)(i + (int)len) % 4),
                                               .job_name = text,
                                               .project = i % 2 ? text : NULL,
                                               .site = i % 2 ? NULL : text,
                                               .text = text};

                notice_add_event(counts, events, &e);
        }
        must(notice_count(counts) == (valid ? KINDS : 0));
        buf_init(&sentence, 1u << 16);
        notice_sentence(counts, events, &sentence);
        if (valid)
                check_sent(counts, events, text, buf_cstr(&sentence));
        buf_release(&sentence);
        json_decref(valid);
        json_decref(counts);
        json_decref(events);
        return 0;
}

void fuzz_seeds(void)
{
        fuzz_seed_text("align");
        fuzz_seed_text("a\r\nBcc: everybody@example.org\r\n\r\n.\r\n");
        fuzz_seed_text("\xe2\x80\xae <b>\"\\\x01");
}
