/* SPDX-License-Identifier: Apache-2.0 */
#include "connector/key_text.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool is_type_char(uint8_t c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '.' || c == '@';
}

int key_type_of(const uint8_t *key, size_t len, char ret[KEY_TYPE_MAX + 1])
{
        size_t n = len < 4 ? 0 : (size_t)key[0] << 24 | (size_t)key[1] << 16 | (size_t)key[2] << 8 | key[3];

        ret[0] = '\0';
        if (n == 0 || n > KEY_TYPE_MAX || n > len - 4)
                return -1;
        for (size_t i = 0; i < n; i++) {
                if (!is_type_char(key[4 + i]))
                        return -1;
        }
        memcpy(ret, key + 4, n);
        ret[n] = '\0';
        return 0;
}

void base64_put(struct buf *b, const uint8_t *p, size_t n)
{
        for (size_t i = 0; i < n; i += 3) {
                uint32_t v = (uint32_t)p[i] << 16;

                if (i + 1 < n)
                        v |= (uint32_t)p[i + 1] << 8;
                if (i + 2 < n)
                        v |= p[i + 2];
                buf_u8(b, (uint8_t)digits[v >> 18]);
                buf_u8(b, (uint8_t)digits[v >> 12 & 63]);
                buf_u8(b, (uint8_t)(i + 1 < n ? digits[v >> 6 & 63] : '='));
                buf_u8(b, (uint8_t)(i + 2 < n ? digits[v & 63] : '='));
        }
}

void base64_get(const char *s, struct buf *to)
{
        const char *d;
        uint32_t v = 0;
        int have = 0;

        for (; *s && (d = strchr(digits, *s)); s++) {
                v = v << 6 | (uint32_t)(d - digits);
                have += 6;
                if (have >= 8) {
                        have -= 8;
                        buf_u8(to, (uint8_t)(v >> have));
                }
        }
}
