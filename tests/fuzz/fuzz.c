/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *seed_dir;
static int seed_count;

void must(bool true_thing)
{
        if (!true_thing)
                abort();
}

void fuzz_seed(const void *p, size_t n)
{
        char path[4096];
        FILE *f;

        snprintf(path, sizeof path, "%s/seed-%d", seed_dir, seed_count++);
        f = fopen(path, "w");
        must(f != NULL);
        must(fwrite(p, 1, n, f) == n);
        must(fclose(f) == 0);
}

void fuzz_seed_text(const char *s)
{
        fuzz_seed(s, strlen(s));
}

void fuzz_seed_buf(uint8_t choice, struct buf *b)
{
        struct buf all;

        buf_init(&all, buf_len(b) + 1);
        buf_u8(&all, choice);
        buf_put(&all, buf_bytes(b), buf_len(b));
        fuzz_seed(buf_bytes(&all), buf_len(&all));
        buf_release(&all);
        buf_release(b);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        (void)argc;
        (void)argv;
        seed_dir = getenv("FUZZ_SEEDS");
        if (!seed_dir)
                return 0;
        if (fuzz_seeds)
                fuzz_seeds();
        exit(0);
}
