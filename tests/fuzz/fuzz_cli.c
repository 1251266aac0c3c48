/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line takes from others: job files, file names of a dataset, and text for the terminal,
 * which must come out harmless. */
#include "cli/doc.h"
#include "cli/fetch.h"
#include "cli/text.h"
#include "common/util.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check_filter(const uint8_t *data, size_t size)
{
        struct text_filter f = {0};
        struct buf b;

        buf_init(&b, 8 * size + 64);
        text_filter_feed(&f, data, size / 2, &b);
        text_filter_feed(&f, data + size / 2, size - size / 2, &b);
        text_filter_end(&f, &b);
        must(!b.overflow);
        for (size_t i = 0, k; i < buf_len(&b); i += k) {
                const uint8_t *p = buf_bytes(&b) + i;

                k = utf8_len((const char *)p, buf_len(&b) - i);
                must(k > 0);
                must(k > 1 || (p[0] >= 0x20 && p[0] != 0x7f) || p[0] == '\n' || p[0] == '\t');
                must(k != 2 || p[0] != 0xc2 || p[1] >= 0xa0);
        }
        buf_release(&b);
}

static void check_path(const char *s)
{
        struct err err;
        AUTO_FREE char *path = fetch_path(s, &err);
        AUTO_FREE char *framed = path ? xasprintf("/%s/", path) : NULL;

        if (framed)
                must(*path && !strstr(framed, "/../") && !strstr(framed, "//") && !strstr(framed, "/./"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO_FREE char *s = xstrndup((const char *)data, size);
        json_t *doc = NULL;
        struct err err;

        check_filter(data, size);
        check_path(s);
        if (doc_parse("fuzz", s, size, (const char *const[]){"env", NULL}, &doc, &err) == 0)
                must(doc != NULL);
        json_decref(doc);
        return 0;
}

void fuzz_seeds(void)
{
        fuzz_seed_text("name: x\nenv:\n  A: 1\ncommand: [a, \"b\"]\n");
        fuzz_seed_text("{\"command\": [\"x\"]}");
        fuzz_seed_text("\033[31mred\033[0m\r\n\tplain");
        fuzz_seed_text("a/b/c.txt");
        fuzz_seed_text("\033]0;title\007text");
        fuzz_seed_text("[jobs]\n- 1\n");
}
