/* SPDX-License-Identifier: Apache-2.0 */
/* ways.h - direct ways that did not prove themselves, and when they are tried again.
 *
 * A direct way is proved by using it: the destination logs in to the source with the key of one transfer.
 * Where that fails the relay takes over, which costs up to half a minute; so what failed is left alone for a
 * while, longer with each failure, and then the next transfer tries it once more. In memory only: another
 * leadership tries anew.
 */
#ifndef REEVE_REMOTE_WAYS_H
#define REEVE_REMOTE_WAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAYS_MAX       256   /* remembered; the one that failed longest ago gives way */
#define WAYS_PAUSE_MS  60000 /* after the first failure, doubled with each */
#define WAYS_PAUSE_MAX (4 * 3600 * 1000)

struct ways {
        struct way {
                uint8_t key[16]; /* of ends and settings */
                int64_t failed_ms, until_ms;
                uint32_t failures; /* in a row; 0: free */
                char why[160];
        } ways[WAYS_MAX];
};

/* What makes two tries the same: other settings are tried at once. */
void way_key(const char *from, const char *to, const char *host, unsigned port, const char *keys,
             uint8_t ret[16]);

/* May it be tried now? If not, `why` says what happened and when it is tried again. */
bool ways_may_try(const struct ways *w, const uint8_t key[16], int64_t now_ms, char *why, size_t size);
void ways_failed(struct ways *w, const uint8_t key[16], int64_t now_ms, const char *why);
void ways_worked(struct ways *w, const uint8_t key[16]);

#endif
