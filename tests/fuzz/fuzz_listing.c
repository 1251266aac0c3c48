/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of files as people have them: whatever stands in one, each line gives a file or says what is wrong.
 */
#include "cli/listing.h"
#include "common/embed.h"
#include "common/util.h"
#include "tests/fuzz/fuzz.h"

/* The pages of the dashboard are of no interest here. */
const struct embedded asset_files[1];
const uint64_t asset_files_count = 0;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        FILE *from = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
        struct listing l;
        struct err err;
        json_t *file;
        size_t lines = 0;
        int rc;

        if (!from)
                return 0;
        listing_init(&l, from, "list");
        while ((rc = listing_next(&l, &file, &err)) == 1) {
                must(json_is_object(file));
                json_decref(file);
                must(++lines <= size);
        }
        must(rc == 0 || *err.text);
        listing_release(&l);
        fclose(from);
        return 0;
}

void fuzz_seeds(void)
{
        fuzz_seed_text("path,size,sha256\na/b.txt,12,\n\"c,\"\"d\",0,"
                       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n");
        fuzz_seed_text("url,path\nhttps://example.org/a,a\n");
        fuzz_seed_text("a,1,\n\nb,2,\n");
        fuzz_seed_text("{\"path\":\"a\",\"size\":1}\n{\"url\":\"https://example.org/b\"}\n");
}
