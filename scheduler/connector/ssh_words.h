/* SPDX-License-Identifier: Apache-2.0 */
/* ssh_words.h - what the OpenSSH client says on its standard error, and what that means. Pure. */
#ifndef REEVE_SSH_WORDS_H
#define REEVE_SSH_WORDS_H

#include "common/proto.h"

#include <stdbool.h>

struct ssh_complaint {
        enum connect_step step;
        enum connect_failure kind;
        const char *fix;
};

/* Does this line say why the client gave up? Later lines may be clearer or vaguer: the one with the higher
 * weight counts. */
bool ssh_line_complains(const char *line, struct ssh_complaint *ret, int *ret_weight);

/* What has been agreed, gathered from the lines of LogLevel DEBUG1. */
struct ssh_agreed {
        char address[128];
        char kex[64], cipher[64], mac[64];
        char hostkey_type[65], fingerprint[64];
        bool connected, key_shown, key_matched, logged_in, ready;
};
void ssh_line_note(const char *line, struct ssh_agreed *a);

#endif
