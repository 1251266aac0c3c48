/* SPDX-License-Identifier: Apache-2.0 */
/* The libssh2 back end.
 *
 * libssh2 never sees the socket. Its SEND callback puts whole packets into a queue and its RECV callback
 * takes bytes from another: a packet is never half sent, which removes the family of faults that half-sent
 * packets cause in 1.10, and makes sessions stack: the queues of the first hop go to the TCP socket, those of
 * a later hop to a direct-tcpip channel of the hop before it. Rules kept here, each because of a fault of
 * that version:
 *   - one operation that waits for a reply at a time (open, exec, close), and no other call in between;
 *   - a call that would block is repeated with the same bytes (a rekey can begin under any of them);
 *   - both streams of a channel are always read, for an unread one stalls the other;
 *   - no keepalive of the library, no SFTP, no agent, no known_hosts parser, no polite close on the way out.
 *
 * One function per state; it returns 1 when it got further, 0 when it waits, -1 after it reported the end.
 */
#include "connector/transport.h"

#include "connector/dial.h"
#include "connector/key_text.h"
#include "connector/kexinit.h"
#include "connector/sandbox.h"
#include "common/util.h"

#include <errno.h>
#include <libssh2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_HIGH (256u << 10) /* bytes in a queue above which its writer stops */
#define QUEUE_MAX                                                                                            \
        (8u << 20)      /* most a queue may hold: what libssh2 sends unasked comes on top of QUEUE_HIGH */
#define WRITE_MAX 32000 /* bytes in one channel write: below libssh2's own cut */
#define READ_MAX  (256u << 10)
/* What the site may send ahead of us. sshd keeps what it cannot send yet in one buffer that it copies as a
 * whole for every packet: with 16 MiB a fast command made it spend 8 ms a packet (11 MB/s where 4 MiB gave
 * 40). */
#define WINDOW  (4u << 20)
#define PACKET  32768
#define LIBRARY "libssh2 1.10"

#define KEX_PREF                                                                                             \
        "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,"              \
        "ecdh-sha2-nistp521,diffie-hellman-group16-sha512,diffie-hellman-group14-sha256"
#define CIPHER_PREF  "aes128-ctr,aes256-ctr,aes192-ctr"
#define MAC_PREF     "hmac-sha2-256,hmac-sha2-512"
#define HOSTKEY_PREF "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521"

#define FIX_BACKEND "use the OpenSSH back end for this site"

struct ssh2;

struct hop {
        struct ssh2 *owner;
        uint32_t index;
        LIBSSH2_SESSION *session;
        LIBSSH2_CHANNEL *inner; /* carries the next hop's session */
        struct buf in, out;     /* bytes from the server for libssh2, and back */
        bool in_ended;
        struct buf greeting; /* the first bytes from the server, kept until algorithms are agreed */
        bool greeting_done;
        char hostkey_pref[256];
};

enum running { RUN_NOTHING, RUN_EXEC, RUN_ATTACH };

typedef int (*state_fn)(struct ssh2 *s);

struct ssh2 {
        struct transport base;
        struct loop *loop;
        struct report *report;
        struct proto_config *config;
        int fd;
        bool readable, writable;
        unsigned interest;
        uint64_t login_timer;
        struct hop hops[HOPS_MAX];
        uint32_t at; /* the hop being logged in to, or the last one */
        state_fn state;
        bool logged_in;

        /* The command that runs or is being started. */
        enum running running;
        bool session_reported;
        uint32_t id;
        char *command;
        LIBSSH2_CHANNEL *channel;
        struct buf to_site;
        bool end_asked, end_sent;
        struct tail last_words; /* of an attached command's stderr */
};

static int state_handshake(struct ssh2 *s);
static int state_login(struct ssh2 *s);
static int state_jump(struct ssh2 *s);
static int state_idle(struct ssh2 *s);
static int state_open(struct ssh2 *s);
static int state_start(struct ssh2 *s);
static int state_run(struct ssh2 *s);
static int state_wait_close(struct ssh2 *s);
static int state_over(struct ssh2 *s);

/* ---- libssh2's view of the network ---- */

static ssize_t on_library_recv(libssh2_socket_t fd, void *to, size_t n, int flags, void **abstract)
{
        struct hop *h = *abstract;
        size_t have = buf_len(&h->in);

        (void)fd;
        (void)flags;
        if (have == 0)
                return h->in_ended ? 0 : -EAGAIN;
        if (n > have)
                n = have;
        memcpy(to, buf_bytes(&h->in), n);
        buf_consume(&h->in, n);
        return (ssize_t)n;
}

static ssize_t on_library_send(libssh2_socket_t fd, const void *from, size_t n, int flags, void **abstract)
{
        struct hop *h = *abstract;

        (void)fd;
        (void)flags;
        buf_put(&h->out, from, n);
        return h->out.overflow ? -ECONNRESET : (ssize_t)n;
}

static void greeting_keep(struct hop *h, const uint8_t *p, size_t n)
{
        size_t room = KEXINIT_BYTES_MAX - buf_len(&h->greeting);

        if (!h->greeting_done)
                buf_put(&h->greeting, p, n < room ? n : room);
}

/* ---- ends ---- */

static struct hop *hop_now(struct ssh2 *s)
{
        return &s->hops[s->at];
}

static const struct proto_hop *hop_config(const struct ssh2 *s)
{
        return &s->config->hops[s->at];
}

/* What the library says about its last fault. The text may hold words of the server. */
static const char *library_text(struct hop *h)
{
        char *text = NULL;

        libssh2_session_last_error(h->session, &text, NULL, 0);
        return text && *text ? text : "no reason given";
}

static int fail(struct ssh2 *s, enum connect_failure kind, const char *fix, const char *text)
{
        const struct proto_hop *c = hop_config(s);

        report_failed(s->report, kind, fix, "%s port %u: %s", c->host, c->port, text);
        s->state = state_over;
        return -1;
}

/* A connection that breaks after login is not a failed step: it has ended, and a new one may be dialed. */
static int lose(struct ssh2 *s, int rc)
{
        struct hop *h = hop_now(s);

        if (!s->logged_in) {
                char text[300];

                snprintf(text, sizeof text, "the connection ended: %s", library_text(h));
                return fail(s, FAIL_UNREACHABLE, "try again; if it goes on, look at the server's log", text);
        }
        report_closed(s->report, "the connection was lost: %s (%d)", library_text(h), rc);
        s->state = state_over;
        return -1;
}

/* ---- logging in, hop by hop ---- */

/* Only the types of pinned keys are asked for: with another type the server could show a key that is merely
 * unknown where it should be wrong. */
static int hop_pick_hostkeys(struct ssh2 *s, struct hop *h, const struct proto_hop *c)
{
        h->hostkey_pref[0] = '\0';
        if (c->key_count == 0)
                snprintf(h->hostkey_pref, sizeof h->hostkey_pref, "%s", HOSTKEY_PREF);
        for (uint32_t i = 0; i < c->key_count; i++) {
                size_t used = strlen(h->hostkey_pref);
                char name[KEY_TYPE_MAX + 1];

                if (key_type_of(c->keys[i].data, c->keys[i].len, name) < 0)
                        return fail(s, FAIL_OTHER, "register the host key again",
                                    "a pinned host key is damaged");
                if (names_meet(name, HOSTKEY_PREF) && !names_meet(name, h->hostkey_pref))
                        snprintf(h->hostkey_pref + used, sizeof h->hostkey_pref - used, "%s%s",
                                 used ? "," : "", name);
        }
        if (!h->hostkey_pref[0])
                return fail(s, FAIL_ALGORITHMS, FIX_BACKEND,
                            "the pinned host key is of a type that " LIBRARY " cannot verify (RSA)");
        return 0;
}

static int hop_begin(struct ssh2 *s)
{
        struct hop *h = hop_now(s);

        report_begin(s->report, STEP_ALGORITHMS);
        if (hop_pick_hostkeys(s, h, hop_config(s)) < 0)
                return -1;
        h->session = libssh2_session_init_ex(NULL, NULL, NULL, h);
        if (!h->session)
                return fail(s, FAIL_OTHER, NULL, "out of memory");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
        libssh2_session_callback_set(h->session, LIBSSH2_CALLBACK_RECV, (void *)on_library_recv);
        libssh2_session_callback_set(h->session, LIBSSH2_CALLBACK_SEND, (void *)on_library_send);
#pragma GCC diagnostic pop
        libssh2_session_set_blocking(h->session, 0);
        if (libssh2_session_method_pref(h->session, LIBSSH2_METHOD_KEX, KEX_PREF) ||
            libssh2_session_method_pref(h->session, LIBSSH2_METHOD_HOSTKEY, h->hostkey_pref) ||
            libssh2_session_method_pref(h->session, LIBSSH2_METHOD_CRYPT_CS, CIPHER_PREF) ||
            libssh2_session_method_pref(h->session, LIBSSH2_METHOD_CRYPT_SC, CIPHER_PREF) ||
            libssh2_session_method_pref(h->session, LIBSSH2_METHOD_MAC_CS, MAC_PREF) ||
            libssh2_session_method_pref(h->session, LIBSSH2_METHOD_MAC_SC, MAC_PREF))
                return fail(s, FAIL_ALGORITHMS, FIX_BACKEND,
                            "the SSH library refuses our list of algorithms");
        s->state = state_handshake;
        return 1;
}

/* Why could the two sides not agree? The server's own words, kept from its first bytes, tell. */
static int handshake_failed(struct ssh2 *s, int rc)
{
        struct hop *h = hop_now(s);
        const char *pinned[KEXINIT_LISTS] = {KEX_PREF,    h->hostkey_pref, CIPHER_PREF,
                                             CIPHER_PREF, MAC_PREF,        MAC_PREF};
        const char *able[KEXINIT_LISTS] = {KEX_PREF,    HOSTKEY_PREF, CIPHER_PREF,
                                           CIPHER_PREF, MAC_PREF,     MAC_PREF};
        struct kexinit k;
        char text[600];
        int known = kexinit_parse(buf_bytes(&h->greeting), buf_len(&h->greeting), &k);

        if (known < 0 || (known == 0 && buf_len(&h->greeting) > 0 && rc == LIBSSH2_ERROR_BANNER_RECV))
                return fail(s, FAIL_UNREACHABLE, "check the port: something else than SSH answers there",
                            "what answers is not an SSH server");
        if (known == 0) {
                snprintf(text, sizeof text, "the server hung up before it greeted (%s)", library_text(h));
                return fail(s, FAIL_UNREACHABLE,
                            "the server may limit new connections (MaxStartups, fail2ban): try again later",
                            text);
        }
        if (kexinit_explain(&k, able, LIBRARY, text, sizeof text)) {
                kexinit_release(&k);
                return fail(s, FAIL_ALGORITHMS, FIX_BACKEND, text);
        }
        if (!names_meet(pinned[KEXINIT_HOSTKEY], k.lists[KEXINIT_HOSTKEY])) {
                snprintf(text, sizeof text,
                         "the server no longer has a host key of the pinned type (%s); it offers %.200s",
                         pinned[KEXINIT_HOSTKEY], k.lists[KEXINIT_HOSTKEY]);
                kexinit_release(&k);
                return fail(s, FAIL_HOSTKEY_CHANGED,
                            "ask the site's admin whether the key was changed; if so, register it again",
                            text);
        }
        kexinit_release(&k);
        if (rc == LIBSSH2_ERROR_SOCKET_DISCONNECT || rc == LIBSSH2_ERROR_SOCKET_RECV ||
            rc == LIBSSH2_ERROR_TIMEOUT)
                return lose(s, rc);
        snprintf(text, sizeof text, "could not agree on keys: %s (%d)", library_text(h), rc);
        return fail(s, FAIL_OTHER, FIX_BACKEND, text);
}

/* "SHA256:" and the hash in base64 without padding, as people see it elsewhere. */
static void fingerprint_text(struct hop *h, char ret[64])
{
        const char *hash = libssh2_hostkey_hash(h->session, LIBSSH2_HOSTKEY_HASH_SHA256);
        struct buf b;

        buf_init(&b, 64);
        if (hash)
                base64_put(&b, (const uint8_t *)hash, 32);
        snprintf(ret, 64, "SHA256:%.43s", buf_cstr(&b));
        buf_release(&b);
}

static bool hop_key_is_pinned(const struct proto_hop *c, const uint8_t *key, size_t len)
{
        for (uint32_t i = 0; i < c->key_count; i++) {
                if (c->keys[i].len == len && memcmp(c->keys[i].data, key, len) == 0)
                        return true;
        }
        return false;
}

static int hop_check_key(struct ssh2 *s)
{
        struct hop *h = hop_now(s);
        const struct proto_hop *c = hop_config(s);
        size_t len = 0;
        int kind;
        const uint8_t *key = (const uint8_t *)libssh2_session_hostkey(h->session, &len, &kind);
        char fingerprint[64], type[KEY_TYPE_MAX + 1], text[300];
        AUTO_FREE char *algorithms =
            xasprintf("kex=%s cipher=%s mac=%s", libssh2_session_methods(h->session, LIBSSH2_METHOD_KEX),
                      libssh2_session_methods(h->session, LIBSSH2_METHOD_CRYPT_CS),
                      libssh2_session_methods(h->session, LIBSSH2_METHOD_MAC_CS));

        report_step(s->report, "%s", algorithms);
        report_begin(s->report, STEP_HOSTKEY);
        if (!key || key_type_of(key, len, type) < 0)
                return fail(s, FAIL_OTHER, NULL, "the server showed a damaged host key");
        fingerprint_text(h, fingerprint);
        report_hostkey(s->report, s->at, type, key, len, fingerprint, algorithms);
        if (hop_key_is_pinned(c, key, len) || (s->config->probe && c->key_count == 0)) {
                report_step(s->report, "%s %s", type, fingerprint);
                return 0;
        }
        snprintf(text, sizeof text,
                 c->key_count ? "the host key has changed: it is now %s %s"
                              : "the host key is not known: it is %s %s",
                 type, fingerprint);
        return fail(s, c->key_count ? FAIL_HOSTKEY_CHANGED : FAIL_HOSTKEY_UNKNOWN,
                    "somebody may be listening in: ask the site's admin for the right fingerprint before you "
                    "accept it",
                    text);
}

static int state_handshake(struct ssh2 *s)
{
        struct hop *h = hop_now(s);
        int rc = libssh2_session_handshake(h->session, s->fd);

        if (rc == LIBSSH2_ERROR_EAGAIN)
                return 0;
        if (rc)
                return handshake_failed(s, rc);
        h->greeting_done = true;
        buf_release(&h->greeting);
        if (hop_check_key(s) < 0)
                return -1;
        if (s->config->probe && s->at + 1 == s->config->hop_count) {
                report_closed(s->report, "probed");
                s->state = state_over;
                return -1;
        }
        report_begin(s->report, STEP_LOGIN);
        s->state = state_login;
        return 1;
}

static void login_done(struct ssh2 *s)
{
        explicit_bzero(s->config->private_key, strlen(s->config->private_key));
        loop_timer_cancel(s->loop, s->login_timer);
        s->logged_in = true;
        report_begin(s->report, STEP_SESSION);
        report_ready(s->report);
        s->state = state_idle;
}

static int login_failed(struct ssh2 *s, int rc)
{
        char text[300];
        const char *why = library_text(hop_now(s));

        if (rc == LIBSSH2_ERROR_FILE || rc == LIBSSH2_ERROR_METHOD_NONE ||
            rc == LIBSSH2_ERROR_METHOD_NOT_SUPPORTED) {
                snprintf(text, sizeof text, LIBRARY " cannot use the private key: %s", why);
                return fail(s, FAIL_KEY, "use an Ed25519 key, or the OpenSSH back end", text);
        }
        if (rc == LIBSSH2_ERROR_AUTHENTICATION_FAILED || rc == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED) {
                snprintf(text, sizeof text, "login as \"%s\" was refused (%s)", hop_config(s)->user, why);
                return fail(s, FAIL_REFUSED, "add the public key to ~/.ssh/authorized_keys of that account",
                            text);
        }
        return lose(s, rc);
}

static int state_login(struct ssh2 *s)
{
        struct hop *h = hop_now(s);
        const struct proto_hop *c = hop_config(s);
        int rc = libssh2_userauth_publickey_frommemory(h->session, c->user, strlen(c->user), NULL, 0,
                                                       s->config->private_key, strlen(s->config->private_key),
                                                       NULL);

        if (rc == LIBSSH2_ERROR_EAGAIN)
                return 0;
        if (rc)
                return login_failed(s, rc);
        report_step(s->report, "%s", c->user);
        if (s->at + 1 == s->config->hop_count) {
                login_done(s);
                return 1;
        }
        report_begin(s->report, STEP_REACH);
        s->state = state_jump;
        return 1;
}

static int state_jump(struct ssh2 *s)
{
        struct hop *h = hop_now(s);
        const struct proto_hop *next = &s->config->hops[s->at + 1];
        char text[400];

        h->inner = libssh2_channel_direct_tcpip_ex(h->session, next->host, next->port, "127.0.0.1", 0);
        if (h->inner) {
                report_step(s->report, "%s port %u through %s", next->host, next->port, hop_config(s)->host);
                s->at++;
                return hop_begin(s);
        }
        if (libssh2_session_last_errno(h->session) == LIBSSH2_ERROR_EAGAIN)
                return 0;
        snprintf(text, sizeof text, "the jump host could not reach %s port %u: %s", next->host, next->port,
                 library_text(h));
        return fail(s, FAIL_UNREACHABLE,
                    "check the address as seen from the jump host, and that it allows TCP forwarding", text);
}

/* ---- commands ---- */

static int state_idle(struct ssh2 *s)
{
        if (s->running == RUN_NOTHING) {
                /* Nothing to wait for: only a look at whether the server has hung up. */
                if (s->hops[0].in_ended && !buf_len(&s->hops[0].in)) {
                        report_closed(s->report, "the server hung up");
                        s->state = state_over;
                        return -1;
                }
                return 0;
        }
        s->state = state_open;
        return 1;
}

static int state_open(struct ssh2 *s)
{
        struct hop *h = hop_now(s);
        char text[300];

        s->channel = libssh2_channel_open_ex(h->session, "session", 7, WINDOW, PACKET, NULL, 0);
        if (s->channel) {
                s->state = state_start;
                return 1;
        }
        switch (libssh2_session_last_errno(h->session)) {
        case LIBSSH2_ERROR_EAGAIN:
                return 0;
        case LIBSSH2_ERROR_CHANNEL_FAILURE:
                snprintf(text, sizeof text, "the server opens no session: %s", library_text(h));
                return fail(s, FAIL_OTHER, "the server may allow too few sessions at once (MaxSessions)",
                            text);
        }
        return lose(s, libssh2_session_last_errno(h->session));
}

static int state_start(struct ssh2 *s)
{
        struct hop *h = hop_now(s);
        char text[300];
        int rc =
            libssh2_channel_process_startup(s->channel, "exec", 4, s->command, (unsigned)strlen(s->command));

        if (rc == LIBSSH2_ERROR_EAGAIN)
                return 0;
        if (rc == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED) {
                snprintf(text, sizeof text, "the server runs no commands: %s", library_text(h));
                return fail(s, FAIL_OTHER, "the account must be allowed to run commands over SSH", text);
        }
        if (rc)
                return lose(s, rc);
        if (!s->session_reported) {
                report_step(s->report, "runs commands");
                s->session_reported = true;
        }
        if (s->running == RUN_ATTACH)
                report_attached(s->report);
        s->state = state_run;
        return 1;
}

/* 1 some bytes, 0 none now, <0 a fault of the library. */
static int run_read(struct ssh2 *s, enum report_stream stream)
{
        uint8_t *to = report_data(s->report);
        ssize_t n;

        if (!to)
                return 0;
        n = libssh2_channel_read_ex(s->channel, stream == REPORT_STDERR ? SSH_EXTENDED_DATA_STDERR : 0,
                                    (char *)to, REPORT_DATA_MAX);
        if (n == LIBSSH2_ERROR_EAGAIN || n == 0)
                return 0;
        if (n < 0)
                return n == LIBSSH2_ERROR_CHANNEL_CLOSED ? 0 : (int)n;
        if (s->running == RUN_ATTACH && stream == REPORT_STDERR)
                tail_add(&s->last_words, to, (size_t)n);
        else
                report_data_commit(s->report, s->running == RUN_ATTACH, s->id, stream, (size_t)n);
        return 1;
}

/* 1 wrote something, 0 nothing to do or no room, <0 a fault. */
static int run_write(struct ssh2 *s)
{
        struct hop *h = hop_now(s);
        size_t n = buf_len(&s->to_site);
        ssize_t rc;

        if (libssh2_channel_eof(s->channel)) {
                buf_clear(&s->to_site); /* nobody reads it any more */
                return 0;
        }
        if (n && buf_len(&h->out) < QUEUE_HIGH) {
                rc = libssh2_channel_write_ex(s->channel, 0, (const char *)buf_bytes(&s->to_site),
                                              n < WRITE_MAX ? n : WRITE_MAX);
                if (rc == LIBSSH2_ERROR_EAGAIN || rc == 0)
                        return 0;
                if (rc < 0)
                        return rc == LIBSSH2_ERROR_CHANNEL_CLOSED ? 0 : (int)rc;
                buf_consume(&s->to_site, (size_t)rc);
                return 1;
        }
        if (!n && s->end_asked && !s->end_sent) {
                rc = libssh2_channel_send_eof(s->channel);
                if (rc == LIBSSH2_ERROR_EAGAIN)
                        return 0;
                if (rc < 0)
                        return (int)rc;
                s->end_sent = true;
                return 1;
        }
        return 0;
}

static int attach_ended(struct ssh2 *s)
{
        report_closed(s->report, "the command ended%s%s", s->last_words.len ? ": " : "", s->last_words.text);
        s->state = state_over;
        return -1;
}

static int state_run(struct ssh2 *s)
{
        int wrote = run_write(s), out, errs;

        if (wrote < 0)
                return lose(s, wrote);
        out = run_read(s, REPORT_STDOUT);
        if (out < 0)
                return lose(s, out);
        errs = run_read(s, REPORT_STDERR);
        if (errs < 0)
                return lose(s, errs);
        if (wrote || out || errs)
                return 1;
        if (!libssh2_channel_eof(s->channel) || !report_data(s->report))
                return 0;
        if (s->running == RUN_ATTACH)
                return attach_ended(s);
        s->state = state_wait_close;
        return 1;
}

static int state_wait_close(struct ssh2 *s)
{
        int rc = libssh2_channel_wait_closed(s->channel);
        char *signal = NULL;

        if (rc == LIBSSH2_ERROR_EAGAIN)
                return 0;
        if (rc)
                return lose(s, rc);
        libssh2_channel_get_exit_signal(s->channel, &signal, NULL, NULL, NULL, NULL, NULL);
        report_exec_end(s->report, s->id,
                        signal ? 255 : (uint32_t)libssh2_channel_get_exit_status(s->channel), signal);
        libssh2_free(hop_now(s)->session, signal);
        /* The other side has closed: this sends our own close and waits for nothing. */
        libssh2_channel_free(s->channel);
        s->channel = NULL;
        s->running = RUN_NOTHING;
        s->state = state_idle;
        return 1;
}

static int state_over(struct ssh2 *s)
{
        (void)s;
        return -1;
}

/* ---- moving bytes ---- */

static bool socket_read(struct ssh2 *s)
{
        struct hop *h = &s->hops[0];
        bool moved = false;
        int on = 1;

        while (s->readable && !h->in_ended && buf_len(&h->in) < QUEUE_HIGH) {
                uint8_t *to = buf_reserve(&h->in, 64u << 10);
                ssize_t n = recv(s->fd, to, 64u << 10, 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
                        s->readable = false;
                        break;
                }
                if (n <= 0) {
                        h->in_ended = true;
                        return true;
                }
                greeting_keep(h, to, (size_t)n);
                buf_added(&h->in, (size_t)n);
                /* sshd keeps Nagle's algorithm on: what it writes next waits for our acknowledgement. */
                setsockopt(s->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
                moved = true;
        }
        return moved;
}

static bool socket_write(struct ssh2 *s)
{
        struct hop *h = &s->hops[0];
        bool moved = false;

        while (buf_len(&h->out) && s->writable) {
                ssize_t n = send(s->fd, buf_bytes(&h->out), buf_len(&h->out), MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        s->writable = false;
                        if (errno != EAGAIN && errno != EWOULDBLOCK)
                                h->in_ended = true; /* the reader tells */
                        break;
                }
                buf_consume(&h->out, (size_t)n);
                moved = true;
        }
        return moved;
}

/* Between a hop's channel and the next hop's queues. Its bytes are the next session's whole world, so a fault
 * here shows there as the end of the connection. */
static bool hop_carry(struct ssh2 *s, struct hop *outer)
{
        struct hop *inner = outer + 1;
        bool moved = false;

        while (buf_len(&inner->out) && buf_len(&outer->out) < QUEUE_HIGH) {
                size_t n = buf_len(&inner->out);
                ssize_t rc = libssh2_channel_write_ex(outer->inner, 0, (const char *)buf_bytes(&inner->out),
                                                      n < WRITE_MAX ? n : WRITE_MAX);

                if (rc <= 0) {
                        if (rc < 0 && rc != LIBSSH2_ERROR_EAGAIN)
                                inner->in_ended = true;
                        break;
                }
                buf_consume(&inner->out, (size_t)rc);
                moved = true;
        }
        while (!inner->in_ended && buf_len(&inner->in) < QUEUE_HIGH) {
                uint8_t *to = buf_reserve(&inner->in, READ_MAX);
                ssize_t rc = libssh2_channel_read_ex(outer->inner, 0, (char *)to, READ_MAX);

                if (rc > 0) {
                        greeting_keep(inner, to, (size_t)rc);
                        buf_added(&inner->in, (size_t)rc);
                        moved = true;
                        continue;
                }
                if ((rc < 0 && rc != LIBSSH2_ERROR_EAGAIN) ||
                    (rc == 0 && libssh2_channel_eof(outer->inner))) {
                        inner->in_ended = true;
                        moved = true;
                }
                break;
        }
        (void)s;
        return moved;
}

static void watch(struct ssh2 *s)
{
        struct hop *h = &s->hops[0];
        unsigned want = 0;

        if (!s->readable && !h->in_ended)
                want |= LOOP_READ;
        if (buf_len(&h->out) && !s->writable)
                want |= LOOP_WRITE;
        if (want != s->interest)
                loop_fd_want(s->loop, s->fd, want);
        s->interest = want;
}

static void ssh2_pump(struct transport *t)
{
        struct ssh2 *s = (struct ssh2 *)t;
        bool moved = true;

        while (moved && s->state != state_over) {
                int rc;

                moved = socket_read(s);
                for (uint32_t i = 0; i < s->at; i++)
                        moved |= hop_carry(s, &s->hops[i]);
                while ((rc = s->state(s)) > 0)
                        moved = true;
                for (uint32_t i = s->at; i-- > 0;)
                        moved |= hop_carry(s, &s->hops[i]);
                moved |= socket_write(s);
        }
        watch(s);
}

static void on_socket(void *arg, int fd, unsigned ready)
{
        struct ssh2 *s = arg;

        (void)fd;
        if (ready & LOOP_READ)
                s->readable = true;
        if (ready & LOOP_WRITE)
                s->writable = true;
}

static void on_login_timeout(void *arg)
{
        struct ssh2 *s = arg;
        char text[64];

        snprintf(text, sizeof text, "no answer within %u ms", s->config->timeout_ms);
        fail(s, FAIL_UNREACHABLE, "the host or a firewall swallows packets, or the host is overloaded", text);
}

/* ---- the back end's calls ---- */

static void ssh2_run(struct transport *t, const struct transport_command *c)
{
        struct ssh2 *s = (struct ssh2 *)t;

        free(s->command);
        s->command = xstrdup(c->text);
        s->id = c->id;
        s->running = c->attached ? RUN_ATTACH : RUN_EXEC;
        s->end_asked = s->end_sent = false;
        buf_clear(&s->to_site);
}

static void ssh2_write(struct transport *t, const uint8_t *p, size_t n)
{
        struct ssh2 *s = (struct ssh2 *)t;

        if (s->running != RUN_NOTHING && !s->end_asked)
                buf_put(&s->to_site, p, n);
}

static void ssh2_write_end(struct transport *t)
{
        ((struct ssh2 *)t)->end_asked = true;
}

static bool ssh2_idle(const struct transport *t)
{
        const struct ssh2 *s = (const struct ssh2 *)t;

        return s->logged_in && s->running == RUN_NOTHING;
}

static size_t ssh2_waiting(const struct transport *t)
{
        return buf_len(&((const struct ssh2 *)t)->to_site);
}

static void ssh2_shrink(struct transport *t)
{
        struct ssh2 *s = (struct ssh2 *)t;

        buf_shrink(&s->to_site);
        for (uint32_t i = 0; i <= s->at; i++) {
                buf_shrink(&s->hops[i].in);
                buf_shrink(&s->hops[i].out);
        }
}

/* Say goodbye if that can be said at once, hang up, let the library free what it will. */
static void ssh2_close(struct transport *t)
{
        struct ssh2 *s = (struct ssh2 *)t;

        if (s->logged_in && !s->hops[0].in_ended) {
                for (uint32_t i = s->at + 1; i-- > 0;) {
                        libssh2_session_disconnect(s->hops[i].session, "bye");
                        if (i > 0)
                                hop_carry(s, &s->hops[i - 1]);
                }
                socket_write(s);
        }
        loop_timer_cancel(s->loop, s->login_timer);
        loop_fd_remove(s->loop, s->fd);
        shutdown(s->fd, SHUT_RDWR);
        s->hops[0].in_ended = true;
        for (uint32_t i = s->at + 1; i-- > 0;) {
                struct hop *h = &s->hops[i];

                h->in_ended = true;
                buf_clear(&h->in);
                for (int tries = 0; h->session && tries < 100; tries++) {
                        if (libssh2_session_free(h->session) != LIBSSH2_ERROR_EAGAIN)
                                break;
                }
                buf_release(&h->in);
                buf_release(&h->out);
                buf_release(&h->greeting);
        }
        close(s->fd);
        buf_release(&s->to_site);
        free(s->command);
        free(s);
        libssh2_exit();
}

static struct transport *ssh2_open(struct loop *l, struct report *r, struct proto_config *c)
{
        struct ssh2 *s;
        struct err err;
        int fd;

        /* The crypto library would read a configuration file at its first use, when no file can be opened any
         * more; which algorithms are used is decided here. */
        setenv("OPENSSL_CONF", "", 1);
        if (libssh2_init(0)) {
                report_failed(r, FAIL_OTHER, NULL, "could not start the SSH library");
                return NULL;
        }
        fd = dial(r, c->hops[0].host, c->hops[0].port, c->timeout_ms);
        if (fd < 0)
                return NULL;
        s = xcalloc(1, sizeof *s);
        *s = (struct ssh2){
            .base = {&transport_libssh2}, .loop = l, .report = r, .config = c, .fd = fd, .writable = true};
        buf_init(&s->to_site, 4u << 20);
        for (uint32_t i = 0; i < HOPS_MAX; i++) {
                struct hop *h = &s->hops[i];

                *h = (struct hop){.owner = s, .index = i};
                buf_init(&h->in, QUEUE_MAX);
                buf_init(&h->out, QUEUE_MAX);
                buf_init(&h->greeting, KEXINIT_BYTES_MAX);
        }
        s->interest = LOOP_READ;
        if (loop_fd_add(l, fd, LOOP_READ, on_socket, s, &err) < 0 || sandbox_close(&err) < 0) {
                report_failed(r, FAIL_OTHER, NULL, "%s", err.text);
                close(fd);
                free(s);
                return NULL;
        }
        s->login_timer = loop_timer_set(l, c->timeout_ms, on_login_timeout, s);
        hop_begin(s);
        return &s->base;
}

const struct transport_ops transport_libssh2 = {
    .name = "libssh2",
    .open = ssh2_open,
    .run = ssh2_run,
    .write = ssh2_write,
    .write_end = ssh2_write_end,
    .idle = ssh2_idle,
    .waiting = ssh2_waiting,
    .pump = ssh2_pump,
    .shrink = ssh2_shrink,
    .close = ssh2_close,
};
