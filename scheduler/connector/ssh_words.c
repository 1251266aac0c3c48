/* SPDX-License-Identifier: Apache-2.0 */
#include "connector/ssh_words.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define FIX_PORT "check the address, the port, and the firewalls between here and there"
#define FIX_KEY  "add the public key to ~/.ssh/authorized_keys of that account"
#define FIX_HOST                                                                                             \
        "somebody may be listening in: ask the site's admin for the right fingerprint before you accept it"
#define FIX_ALGO                                                                                             \
        "the server and this machine's OpenSSH have no algorithm in common: one of them must be updated"

/* The first part that a line contains, by falling weight. */
static const struct {
        const char *part;
        int weight;
        struct ssh_complaint complaint;
} complaints[] = {
    {"REMOTE HOST IDENTIFICATION HAS CHANGED", 9, {STEP_HOSTKEY, FAIL_HOSTKEY_CHANGED, FIX_HOST}},
    {"Could not resolve hostname",
     8,
     {STEP_RESOLVE, FAIL_UNREACHABLE, "check the host's name, and that this machine can look it up"}},
    {"no matching host key type found", 8, {STEP_ALGORITHMS, FAIL_ALGORITHMS, FIX_ALGO}},
    {"no matching ", 8, {STEP_ALGORITHMS, FAIL_ALGORITHMS, FIX_ALGO}},
    {"host key is known for", 8, {STEP_HOSTKEY, FAIL_HOSTKEY_UNKNOWN, FIX_HOST}},
    {"Load key ", 7, {STEP_LOGIN, FAIL_KEY, "give the site a key in OpenSSH format without a passphrase"}},
    {"Permission denied", 6, {STEP_LOGIN, FAIL_REFUSED, FIX_KEY}},
    {"Too many authentication failures", 6, {STEP_LOGIN, FAIL_REFUSED, FIX_KEY}},
    {"open failed: administratively prohibited",
     6,
     {STEP_REACH, FAIL_UNREACHABLE, "the jump host does not allow TCP forwarding"}},
    {"open failed", 6, {STEP_REACH, FAIL_UNREACHABLE, "check the address as seen from the jump host"}},
    {"Connection refused", 5, {STEP_REACH, FAIL_UNREACHABLE, "check the port, and that sshd runs there"}},
    {"connect to host", 5, {STEP_REACH, FAIL_UNREACHABLE, FIX_PORT}},
    {"Host key verification failed", 4, {STEP_HOSTKEY, FAIL_HOSTKEY_UNKNOWN, FIX_HOST}},
    {"banner exchange",
     4,
     {STEP_ALGORITHMS, FAIL_UNREACHABLE,
      "something else than SSH may answer there, or the server limits connections"}},
    {"No user exists for uid",
     4,
     {STEP_REACH, FAIL_OTHER,
      "the account that runs reeved needs an entry in /etc/passwd for the OpenSSH client"}},
    {"Connection timed out", 3, {STEP_REACH, FAIL_UNREACHABLE, FIX_PORT}},
    {"Connection reset",
     3,
     {STEP_ALGORITHMS, FAIL_UNREACHABLE, "try again later: the server may limit connections"}},
    {"Connection closed",
     2,
     {STEP_ALGORITHMS, FAIL_UNREACHABLE, "try again later: the server may limit connections"}},
};

bool ssh_line_complains(const char *line, struct ssh_complaint *ret, int *ret_weight)
{
        if (strncmp(line, "debug", 5) == 0)
                return false;
        for (size_t i = 0; i < ARRAY_LEN(complaints); i++) {
                if (strstr(line, complaints[i].part)) {
                        *ret = complaints[i].complaint;
                        *ret_weight = complaints[i].weight;
                        return true;
                }
        }
        return false;
}

static bool after(const char *line, const char *prefix, const char **ret_rest)
{
        size_t n = strlen(prefix);

        if (strncmp(line, prefix, n) != 0)
                return false;
        *ret_rest = line + n;
        return true;
}

/* The word up to the next space. */
static void take_word(char *to, size_t size, const char *from)
{
        snprintf(to, size, "%.*s", (int)strcspn(from, " \r\n"), from);
}

void ssh_line_note(const char *line, struct ssh_agreed *a)
{
        const char *rest, *mac;

        if (after(line, "debug1: Connecting to ", &rest)) {
                snprintf(a->address, sizeof a->address, "%.*s", (int)strcspn(rest, "\r\n"), rest);
        } else if (after(line, "debug1: Connection established", &rest)) {
                a->connected = true;
        } else if (after(line, "debug1: kex: algorithm: ", &rest)) {
                take_word(a->kex, sizeof a->kex, rest);
        } else if (after(line, "debug1: kex: client->server cipher: ", &rest)) {
                take_word(a->cipher, sizeof a->cipher, rest);
                mac = strstr(rest, "MAC: ");
                if (mac)
                        take_word(a->mac, sizeof a->mac, mac + 5);
        } else if (after(line, "debug1: Server host key: ", &rest)) {
                take_word(a->hostkey_type, sizeof a->hostkey_type, rest);
                rest = strchr(rest, ' ');
                take_word(a->fingerprint, sizeof a->fingerprint, rest ? rest + 1 : "");
                a->connected = a->key_shown = true;
        } else if (strstr(line, " is known and matches the ") ||
                   after(line, "Warning: Permanently added", &rest)) {
                a->key_matched = true;
        } else if (after(line, "Authenticated to ", &rest)) {
                a->key_matched = a->logged_in = true;
        } else if (after(line, "debug1: Entering interactive session", &rest)) {
                a->ready = true;
        }
}
