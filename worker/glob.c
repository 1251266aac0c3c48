/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/glob.h"

#include <stddef.h>
#include <string.h>

/* Does the set at p (behind its '[') hold c? Moves *p behind the set; a set without end is a plain '['. */
static bool set_has(const char **p, const char *end, char c)
{
        const char *s = *p;
        bool not = s < end && (*s == '!' || *s == '^'), found = false;

        s += not ;
        for (bool first = true; s < end && (first || *s != ']'); first = false) {
                unsigned char low = (unsigned char)*s++, high = low;

                if (s + 1 < end && *s == '-' && s[1] != ']') {
                        high = (unsigned char)s[1];
                        s += 2;
                }
                found |= low <= (unsigned char)c && (unsigned char)c <= high;
        }
        if (s >= end)
                return c == '[';
        *p = s + 1;
        return found != not ;
}

/* One component against one component: a failed match returns to the last star only, which is enough. */
static bool match_part(const char *p, const char *pe, const char *s, const char *se)
{
        const char *star = NULL, *again = NULL;

        if (s < se && *s == '.' && (p == pe || *p != '.'))
                return false;
        while (s < se) {
                const char *next = p + 1;

                if (p < pe && *p == '*') {
                        star = next;
                        again = s;
                        p = next;
                        continue;
                }
                if (p < pe && (*p == '?' || (*p == '[' ? set_has(&next, pe, *s) : *p == *s))) {
                        p = next;
                        s++;
                        continue;
                }
                if (!star)
                        return false;
                p = star;
                s = ++again;
        }
        while (p < pe && *p == '*')
                p++;
        return p == pe;
}

/* Components, with the same idea: "**" is the star. */
bool glob_match(const char *p, const char *s)
{
        const char *star = NULL, *again = NULL;

        while (*s) {
                size_t pn = strcspn(p, "/"), sn = strcspn(s, "/");

                if (pn == 2 && p[0] == '*' && p[1] == '*') {
                        p += p[2] ? 3 : 2;
                        star = p;
                        again = s;
                        if (!*p)
                                return true;
                        continue;
                }
                if (*p && match_part(p, p + pn, s, s + sn)) {
                        p += pn + (p[pn] == '/');
                        s += sn + (s[sn] == '/');
                        continue;
                }
                if (!star)
                        return false;
                p = star;
                again += strcspn(again, "/");
                again += *again == '/';
                s = again;
        }
        while (p[0] == '*' && p[1] == '*' && (p[2] == '/' || !p[2]))
                p += p[2] ? 3 : 2;
        return !*p;
}
