/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys as people paste them, and public keys as files hold them. */
#include "common/util.h"
#include "remote/ssh_key.h"
#include "tests/fuzz/fuzz.h"
#include "web/sshkey.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void check_line(const char *line, const struct ssh_public *same_as)
{
        struct ssh_public p = {0};
        char fingerprint[SSH_FINGERPRINT_LEN];
        struct err err = {0};

        if (ssh_public_parse(line, &p, &err) < 0) {
                must(!same_as && *err.text);
                return;
        }
        must(p.wire_len > 0 && p.wire_len <= SSH_KEY_WIRE_MAX);
        if (same_as)
                must(p.wire_len == same_as->wire_len && memcmp(p.wire, same_as->wire, p.wire_len) == 0);
        ssh_fingerprint(p.wire, p.wire_len, fingerprint);
        must(strncmp(fingerprint, "SHA256:", 7) == 0);
        ssh_public_release(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO_FREE char *text = xstrndup((const char *)data, size);
        struct ssh_private key = {0};
        char web[4096];
        struct err err = {0};

        check_line(text, NULL);
        if (ssh_private_parse(text, &key, &err) == 0) {
                AUTO_FREE char *line = ssh_public_line(&key.pub, "comment");

                check_line(line, &key.pub);
                ssh_public_release(&key.pub);
        } else {
                must(*err.text);
        }
        if (sshkey_public(text, web, sizeof web, &err) == 0)
                must(memchr(web, 0, sizeof web) && !strchr(web, '\n'));
        return 0;
}

void fuzz_seeds(void)
{
        char *private_key = NULL, *line = NULL;
        struct err err;

        must(sodium_init() >= 0);
        must(ssh_key_generate("fuzz", &private_key, &line, &err) == 0);
        fuzz_seed_text(private_key);
        fuzz_seed_text(line);
        free(private_key);
        free(line);
        fuzz_seed_text("host.example,10.0.0.1 ssh-ed25519 "
                       "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA x");
}
