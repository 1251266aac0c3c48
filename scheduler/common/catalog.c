/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog.h"

#include "num.h"
#include "util.h"

#include <string.h>

static size_t plain_len(const char *s, size_t n)
{
        size_t k = utf8_len(s, n);
        unsigned char c = (unsigned char)s[0];

        if (k == 1 && (c < 0x20 || c == 0x7f || c == '%'))
                return 0;
        return k;
}

char *catalog_encode(const char *path)
{
        static const char hex[] = "0123456789ABCDEF";
        size_t n = strlen(path), out = 0;
        char *text = xmalloc(3 * n + 1);

        for (size_t i = 0; i < n;) {
                size_t k = plain_len(path + i, n - i);

                if (k) {
                        memcpy(text + out, path + i, k);
                        out += k;
                        i += k;
                } else {
                        text[out++] = '%';
                        text[out++] = hex[(unsigned char)path[i] >> 4];
                        text[out++] = hex[(unsigned char)path[i] & 15];
                        i++;
                }
        }
        text[out] = '\0';
        return text;
}

static char *decode(const char *text)
{
        size_t n = strlen(text), out = 0;
        char *path = xmalloc(n + 1);

        for (size_t i = 0; i < n;) {
                char two[3] = "";
                uint8_t byte;

                if (text[i] != '%') {
                        path[out++] = text[i++];
                        continue;
                }
                if (n - i >= 3)
                        memcpy(two, text + i + 1, 2);
                if (hex_decode(two, &byte, 1) < 0 || !byte) {
                        free(path);
                        return NULL;
                }
                path[out++] = (char)byte;
                i += 3;
        }
        path[out] = '\0';
        return path;
}

char *catalog_decode(const char *text)
{
        char *path = decode(text);
        AUTO_FREE char *again = path ? catalog_encode(path) : NULL;

        /* One path has one form: another that means the same would be another file in the catalog. */
        if (path && strcmp(again, text) == 0)
                return path;
        free(path);
        return NULL;
}
