/* SPDX-License-Identifier: Apache-2.0 */
/* What jobs print about their progress; the events of a stream, in pieces; lines on their way to a screen. */
#include "cli/stream.h"
#include "cli/term.h"
#include "common/progress.h"
#include "common/util.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check_progress(const char *s, size_t n, bool marked)
{
        struct progress p;
        size_t used = 0;

        if (progress_last(s, n, marked, &p, &used)) {
                must(p.fraction <= PROGRESS_WHOLE || p.fraction == PROGRESS_UNKNOWN);
                must(strlen(p.text) <= PROGRESS_TEXT_MAX);
                for (size_t at = 0, k, end = strlen(p.text); at < end; at += k) {
                        k = utf8_len(p.text + at, end - at);
                        must(k > 0 && (unsigned char)p.text[at] >= 0x20 && p.text[at] != 0x7f);
                }
        }
        must(used <= n && (!used || s[used - 1] == '\n'));
}

static bool on_event(void *arg, const struct stream_event *e)
{
        must(*e->name && *e->data);
        ++*(int *)arg;
        return true;
}

/* However the bytes are cut, the same events come. */
static int count_events(const uint8_t *data, size_t size, size_t step)
{
        struct stream_parser p;
        int n = 0;

        stream_parser_init(&p, on_event, &n);
        for (size_t at = 0; at < size; at += step)
                must(stream_parser_feed(&p, data + at, size - at < step ? size - at : step));
        stream_parser_release(&p);
        return n;
}

static void check_cut(const char *s, int columns)
{
        struct buf b;

        buf_init(&b, 1 << 20);
        term_add_cut(&b, s, columns);
        must(term_width(buf_cstr(&b)) <= columns);
        buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO_FREE char *text = xstrndup((const char *)data, size);

        check_progress((const char *)data, size, true);
        check_progress((const char *)data, size, false);
        must(count_events(data, size, 1) == count_events(data, size, 7));
        check_cut(text, size ? data[0] % 100 + 1 : 1);
        return 0;
}

void fuzz_seeds(void)
{
        static const char *const seeds[] = {"##reeve progress 37 phase 2\nnoise\n##progress 3/8\n",
                                            "12.5% half\n",
                                            "id: 7\nevent: change\ndata: {\"topic\":\"job:12\"}\n\n: c\n\n",
                                            "\033[31mred \xc3\xa4\xe6\x97\xa5\033[0m"};

        for (size_t i = 0; i < ARRAY_LEN(seeds); i++)
                fuzz_seed_text(seeds[i]);
}
