/* SPDX-License-Identifier: Apache-2.0 */
/* Small readers of text from elsewhere: file names in the catalog's form, output patterns, marks of
 * processes, what the kernel says of control groups, addresses. */
#include "cli/address.h"
#include "common/catalog.h"
#include "common/util.h"
#include "tests/fuzz/fuzz.h"
#include "worker/cgroup.h"
#include "worker/glob.h"
#include "worker/launch.h"

#include <stdlib.h>
#include <string.h>

static void check_catalog(const char *s)
{
        AUTO_FREE char *encoded = catalog_encode(s);
        AUTO_FREE char *same = catalog_decode(encoded);
        AUTO_FREE char *decoded = catalog_decode(s);

        must(same && strcmp(same, s) == 0);
        for (size_t k, n = strlen(encoded), at = 0; at < n; at += k) {
                k = utf8_len(encoded + at, n - at);
                must(k > 0 && (unsigned char)encoded[at] >= 0x20 && encoded[at] != 0x7f);
        }
        if (decoded) {
                AUTO_FREE char *again = catalog_encode(decoded);

                /* One name, one form. */
                must(strcmp(again, s) == 0);
        }
}

static void check_address(const char *s)
{
        struct address a = {0}, b = {0};
        struct err err;

        if (address_parse("address", s, &a, &err) == 0) {
                AUTO_FREE char *text = address_format(&a);

                must(a.port > 0 && a.port < 65536 && *a.host && *a.host != '-' &&
                     (!a.user || *a.user != '-'));
                must(address_parse("address", text, &b, &err) == 0 && b.port == a.port &&
                     strcmp(a.host, b.host) == 0);
                address_release(&a);
                address_release(&b);
        }
}

static void check_group(const char *mounts, const char *own)
{
        char at[CGROUP_PATH_MAX];

        if (cgroup_locate(mounts, own, "memory", at) || cgroup_locate(mounts, own, "", at))
                must(*at);
        (void)cgroup_event(mounts, "oom_kill");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO_FREE char *s = xstrndup((const char *)data, size);
        size_t n = strlen(s), line = strcspn(s, "\n");
        AUTO_FREE char *first = xstrndup(s, line);
        const char *rest = s + line + (line < n);
        struct attempt_key key;

        check_catalog(s);
        check_address(s);
        check_group(rest, first);
        must(!glob_match("", *s ? s : "x"));
        glob_match(first, rest);
        if (launch_key_parse(s, "00ff", &key))
                must(key.job > 0 && key.task >= 0 && key.attempt >= 0);
        return 0;
}

void fuzz_seeds(void)
{
        fuzz_seed_text("reads%20of/a\xc3\xa4%FF");
        fuzz_seed_text("user@[::1]:2222");
        fuzz_seed_text("user@host.example:22");
        fuzz_seed_text("out/**/*.[a-c]?\nout/x/y.b1");
        fuzz_seed_text("00ff/12.3#1");
        fuzz_seed_text("4:memory:/a/b\n33 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
        fuzz_seed_text("0::/x\n33 30 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        fuzz_seed_text("low 0\noom_kill 2\n");
}
