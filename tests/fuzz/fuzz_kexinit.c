/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes of an SSH server. What is whole is also understood when it comes in pieces. */
#include "connector/kexinit.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static const char *const ours[KEXINIT_LISTS] = {
    "curve25519-sha256,ecdh-sha2-nistp256",
    "ssh-ed25519",
    "aes256-ctr,aes128-ctr",
    "aes256-ctr,aes128-ctr",
    "hmac-sha2-256",
    "hmac-sha2-256",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct kexinit k = {0}, part = {0};
        char text[512];
        int rc = kexinit_parse(data, size, &k);

        if (rc != 1)
                return 0;
        for (int i = 0; i < KEXINIT_LISTS; i++) {
                must(k.lists[i] && strlen(k.lists[i]) <= KEXINIT_LIST_MAX);
                for (const char *s = k.lists[i]; *s; s++)
                        must(*s > 0x20 && *s < 0x7f);
        }
        memset(text, 'x', sizeof text);
        if (kexinit_explain(&k, ours, "we", text, sizeof text))
                must(memchr(text, 0, sizeof text) && *text);
        rc = kexinit_parse(data, size / 2, &part);
        must(rc >= 0);
        if (rc == 1)
                kexinit_release(&part);
        kexinit_release(&k);
        return 0;
}

/* SSH numbers are big-endian. */
static void put_number(struct buf *b, size_t n)
{
        for (int shift = 24; shift >= 0; shift -= 8)
                buf_u8(b, (uint8_t)(n >> shift));
}

static void seed(const char *greeting, const char *const lists[10])
{
        struct buf body, all;

        buf_init(&body, 8192);
        buf_init(&all, 16384);
        buf_u8(&body, 20);
        for (int i = 0; i < 16; i++)
                buf_u8(&body, 0x55);
        for (int i = 0; i < 10; i++) {
                put_number(&body, strlen(lists[i]));
                buf_text(&body, lists[i]);
        }
        for (int i = 0; i < 5; i++)
                buf_u8(&body, 0);
        buf_text(&all, greeting);
        put_number(&all, buf_len(&body) + 1 + 6);
        buf_u8(&all, 6);
        buf_put(&all, buf_bytes(&body), buf_len(&body));
        for (int i = 0; i < 6; i++)
                buf_u8(&all, 0);
        fuzz_seed(buf_bytes(&all), buf_len(&all));
        buf_release(&body);
        buf_release(&all);
}

void fuzz_seeds(void)
{
        static const char *const lists[10] = {
            "curve25519-sha256", "ssh-ed25519",   "aes256-ctr", "aes256-ctr",
            "hmac-sha2-256",     "hmac-sha2-256", "none",       "none"};
        const char *full[10];

        for (int i = 0; i < 10; i++)
                full[i] = lists[i] ? lists[i] : "";
        seed("SSH-2.0-OpenSSH_9.2\r\n", full);
        full[2] = "aes256-gcm@openssh.com";
        seed("welcome\r\nSSH-2.0-other\r\n", full);
}
