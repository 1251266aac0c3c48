/* SPDX-License-Identifier: Apache-2.0 */
#include "nearest.h"

#include <string.h>

#define ROW (NEAREST_WORD_MAX + 1)

static size_t least_of(size_t a, size_t b, size_t c)
{
        size_t least = a < b ? a : b;

        return least < c ? least : c;
}

/* Slips between two words, row by row; an exchange looks two rows back. */
static size_t slips(const char *a, const char *b)
{
        size_t rows[3][ROW], n = strlen(b), m = strlen(a);

        if (m >= ROW || n >= ROW)
                return ROW;
        for (size_t j = 0; j <= n; j++)
                rows[0][j] = j;
        for (size_t i = 1; i <= m; i++) {
                size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

                row[0] = i;
                for (size_t j = 1; j <= n; j++) {
                        row[j] =
                            least_of(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                            before[j - 2] + 1 < row[j])
                                row[j] = before[j - 2] + 1;
                }
        }
        return rows[m % 3][n];
}

struct nearest nearest_to(const char *word)
{
        return (struct nearest){.word = word, .least = strlen(word) < 5 ? 2 : 3};
}

void nearest_offer(struct nearest *n, const char *known)
{
        size_t d = slips(n->word, known);

        if (d < n->least) {
                n->least = d;
                n->best = known;
        }
}

const char *nearest_of(const char *word, const char *const *known)
{
        struct nearest n = nearest_to(word);

        for (; *known; known++)
                nearest_offer(&n, *known);
        return n.best;
}
