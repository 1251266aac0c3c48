/* SPDX-License-Identifier: Apache-2.0 */
/* The connector against a real sshd on loopback, with both back ends. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "remote/connector.h"
#include "tests/support/ssh_site.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define STREAM_BYTES (64u << 20)
#define STREAM_AHEAD (1u << 20)

static struct ssh_site plain; /* one sshd for all tests that need nothing special */

/* What happened on one connection, and what to do at which event. */
struct talk {
        uv_loop_t loop;
        struct connector *c;
        const char *command; /* run by exec when ready */
        const char *input;   /* its standard input */
        const char *attach;  /* attached when ready */
        bool ready, exec_ended, attached, ended;
        uint32_t code;
        char out[4096], errors[4096];
        size_t out_len, errors_len;
        uint64_t errors_total;
        struct connector_end end;
        char end_text[600], end_fix[600];
        uint32_t hostkeys;
        char key_type[80], fingerprint[80], algorithms[200];
        size_t key_len;
        char steps[400]; /* names of the steps done, in order */
        /* For the stream test: bytes sent and received, and a checksum of each. */
        bool streaming, stream_done;
        uint64_t sent, received, sent_sum, received_sum;
};

static void on_step(void *arg, enum connect_step step, uint32_t elapsed_ms, const char *text)
{
        struct talk *t = arg;
        size_t n = strlen(t->steps);

        (void)elapsed_ms;
        (void)text;
        snprintf(t->steps + n, sizeof t->steps - n, "%s%s", n ? ", " : "", connect_step_name(step));
}

static void on_hostkey(void *arg, uint32_t hop, const char *type, const uint8_t *key, size_t len,
                       const char *fingerprint, const char *algorithms)
{
        struct talk *t = arg;

        (void)hop;
        (void)key;
        t->hostkeys++;
        t->key_len = len;
        snprintf(t->key_type, sizeof t->key_type, "%s", type);
        snprintf(t->fingerprint, sizeof t->fingerprint, "%s", fingerprint);
        snprintf(t->algorithms, sizeof t->algorithms, "%s", algorithms);
}

static void on_ready(void *arg)
{
        struct talk *t = arg;

        t->ready = true;
        if (t->command) {
                connector_exec(t->c, t->command);
                if (t->input)
                        connector_stdin(t->c, (const uint8_t *)t->input, strlen(t->input));
                connector_stdin_end(t->c);
        } else if (t->attach) {
                connector_attach(t->c, t->attach);
        }
}

static void on_out(void *arg, uint32_t id, bool is_stderr, const uint8_t *p, size_t n)
{
        struct talk *t = arg;
        char *to = is_stderr ? t->errors : t->out;
        size_t *len = is_stderr ? &t->errors_len : &t->out_len, room = sizeof t->out - 1 - *len;

        (void)id;
        if (is_stderr)
                t->errors_total += n;
        memcpy(to + *len, p, n < room ? n : room);
        *len += n < room ? n : room;
}

static void on_exec_end(void *arg, uint32_t id, uint32_t code, const char *signal_name)
{
        struct talk *t = arg;

        (void)id;
        (void)signal_name;
        t->exec_ended = true;
        t->code = code;
        if (t->attach)
                connector_attach(t->c, t->attach);
}

static uint8_t stream_byte(uint64_t at)
{
        return (uint8_t)((at * 2654435761u) >> 13);
}

static void stream_send(struct talk *t)
{
        static uint8_t chunk[256u << 10];

        while (t->sent < STREAM_BYTES && connector_queued(t->c) < STREAM_AHEAD) {
                for (size_t i = 0; i < sizeof chunk; i++) {
                        chunk[i] = stream_byte(t->sent + i);
                        t->sent_sum = t->sent_sum * 31 + chunk[i];
                }
                connector_send(t->c, chunk, sizeof chunk);
                t->sent += sizeof chunk;
                connector_flush(t->c);
        }
}

static void on_attached(void *arg)
{
        struct talk *t = arg;

        t->attached = true;
        if (t->streaming)
                stream_send(t);
}

static void on_received(void *arg, const uint8_t *p, size_t n)
{
        struct talk *t = arg;

        if (t->streaming) {
                for (size_t i = 0; i < n; i++)
                        t->received_sum = t->received_sum * 31 + p[i];
                t->received += n;
                t->stream_done = t->received >= STREAM_BYTES;
                stream_send(t);
                return;
        }
        on_out(arg, 0, false, p, n);
        t->received += n;
}

static void on_drained(void *arg)
{
        struct talk *t = arg;

        if (t->streaming)
                stream_send(t);
}

static void on_end(void *arg, const struct connector_end *e)
{
        struct talk *t = arg;

        t->end = *e;
        snprintf(t->end_text, sizeof t->end_text, "%s", e->text);
        snprintf(t->end_fix, sizeof t->end_fix, "%s", e->fix);
        t->ended = true;
}

static const struct connector_events events = {
    .on_step = on_step,
    .on_hostkey = on_hostkey,
    .on_ready = on_ready,
    .on_out = on_out,
    .on_exec_end = on_exec_end,
    .on_attached = on_attached,
    .on_received = on_received,
    .on_drained = on_drained,
    .on_end = on_end,
};

static void talk_start_config(struct talk *t, const struct proto_config *config)
{
        AUTO_FREE char *path = build_path("reeve-connector");
        struct err err;

        uv_loop_init(&t->loop);
        if (connector_start(&t->loop, path, config, &events, t, &t->c, &err) < 0)
                fail_msg("%s", err.text);
}

static void talk_start(struct talk *t, const struct ssh_site *site, enum connect_backend backend)
{
        struct proto_config config = {.backend = backend,
                                      .timeout_ms = 20000,
                                      .hop_count = 1,
                                      .hops = {site_hop(site)},
                                      .private_key = site->key};

        talk_start_config(t, &config);
}

static void talk_stop(struct talk *t)
{
        connector_free(t->c);
        uv_run(&t->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&t->loop), 0);
}

static const enum connect_backend backends[] = {BACKEND_LIBSSH2, BACKEND_OPENSSH};

/* ---- commands ---- */

static void a_command_gets_its_input_and_its_output_and_code_come_back(void **unused)
{
        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
                struct talk t = {.command = "cat; echo trouble >&2; exit 7", .input = "some\ninput\n"};

                talk_start(&t, &plain, backends[i]);
                assert_true(wait_until(&t.loop, &t.exec_ended));
                assert_int_equal(t.code, 7);
                assert_string_equal(t.out, "some\ninput\n");
                assert_string_equal(t.errors, "trouble\n");
                assert_string_equal(t.steps, "resolve, reach, algorithms, host key, login, session");
                assert_string_equal(t.key_type, "ssh-ed25519");
                assert_int_equal(t.key_len, plain.host_keys[0].wire_len);
                talk_stop(&t);
        }
}

static void a_command_killed_by_a_signal_has_code_255(void **unused)
{
        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
                struct talk t = {.command = "kill -9 $$"};

                talk_start(&t, &plain, backends[i]);
                assert_true(wait_until(&t.loop, &t.exec_ended));
                assert_int_equal(t.code, 255);
                talk_stop(&t);
        }
}

static void a_flood_on_stderr_does_not_stall_stdout(void **unused)
{
        struct talk t = {.command = "head -c 5000000 /dev/zero >&2; echo done"};

        (void)unused;
        talk_start(&t, &plain, BACKEND_LIBSSH2);
        assert_true(wait_until(&t.loop, &t.exec_ended));
        assert_string_equal(t.out, "done\n");
        assert_int_equal(t.errors_total, 5000000);
        talk_stop(&t);
}

static void an_attached_command_follows_a_command_and_its_end_has_a_reason(void **unused)
{
        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
                struct talk t = {.command = "true", .attach = "echo hello; echo no such worker >&2; exit 1"};

                talk_start(&t, &plain, backends[i]);
                assert_true(wait_until(&t.loop, &t.ended));
                assert_true(t.attached);
                assert_string_equal(t.out, "hello\n");
                assert_false(t.end.failed);
                assert_non_null(strstr(t.end_text, "no such worker"));
                talk_stop(&t);
        }
}

static void sixty_four_mebibytes_go_both_ways_at_once_unharmed(void **unused)
{
        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
                struct talk t = {.attach = "cat", .streaming = true};
                uint64_t start = uv_hrtime();

                talk_start(&t, &plain, backends[i]);
                assert_true(wait_until(&t.loop, &t.stream_done));
                assert_int_equal(t.received, STREAM_BYTES);
                assert_true(t.received_sum == t.sent_sum);
                print_message("           64 MiB each way at once: %.0f MB/s each (back end %zu)\n",
                              STREAM_BYTES / 1e6 / ((double)(uv_hrtime() - start) / 1e9), i);
                talk_stop(&t);
        }
}

static void a_server_that_changes_keys_all_the_time_harms_no_stream(void **unused)
{
        struct talk t = {.attach = "cat", .streaming = true};
        struct ssh_site site;

        (void)unused;
        assert_true(site_start(&site, "'RekeyLimit 4M'"));
        talk_start(&t, &site, BACKEND_LIBSSH2);
        assert_true(wait_until(&t.loop, &t.stream_done));
        assert_true(t.received_sum == t.sent_sum);
        talk_stop(&t);
        site_stop(&site);
}

/* ---- trust ---- */

static void a_changed_host_key_is_refused_before_login(void **unused)
{
        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
                struct talk t = {.command = "true"};
                struct proto_config config = {
                    .backend = backends[i], .timeout_ms = 20000, .hop_count = 1, .hops = {site_hop(&plain)}};
                uint8_t other[128];

                memcpy(other, config.hops[0].keys[0].data, config.hops[0].keys[0].len);
                other[config.hops[0].keys[0].len - 1] ^= 1;
                config.hops[0].keys[0].data = other;
                config.private_key = plain.key;
                talk_start_config(&t, &config);
                assert_true(wait_until(&t.loop, &t.ended));
                assert_false(t.ready);
                assert_int_equal(t.end.kind, FAIL_HOSTKEY_CHANGED);
                assert_int_equal(t.end.step, STEP_HOSTKEY);
                assert_non_null(strstr(t.end_text, t.fingerprint));
                assert_true(t.fingerprint[0] != '\0');
                talk_stop(&t);
        }
}

static void a_host_without_a_pinned_key_is_not_logged_in_to(void **unused)
{
        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
                struct talk t = {.command = "true"};
                struct proto_config config = {
                    .backend = backends[i], .timeout_ms = 20000, .hop_count = 1, .hops = {site_hop(&plain)}};

                config.hops[0].key_count = 0;
                config.private_key = plain.key;
                talk_start_config(&t, &config);
                assert_true(wait_until(&t.loop, &t.ended));
                assert_false(t.ready);
                assert_int_equal(t.end.kind, FAIL_HOSTKEY_UNKNOWN);
                talk_stop(&t);
        }
}

static void a_probe_reports_the_key_and_does_not_log_in(void **unused)
{
        char expected[SSH_FINGERPRINT_LEN];

        (void)unused;
        ssh_fingerprint(plain.host_keys[0].wire, plain.host_keys[0].wire_len, expected);
        for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
                struct talk t = {.command = "true"};
                struct proto_config config = {.backend = backends[i],
                                              .probe = 1,
                                              .timeout_ms = 20000,
                                              .hop_count = 1,
                                              .hops = {site_hop(&plain)}};

                config.hops[0].key_count = 0;
                talk_start_config(&t, &config);
                assert_true(wait_until(&t.loop, &t.ended));
                assert_false(t.ready);
                assert_false(t.end.failed);
                assert_int_equal(t.hostkeys, 1);
                assert_string_equal(t.fingerprint, expected);
                assert_int_equal(t.key_len, plain.host_keys[0].wire_len);
                talk_stop(&t);
        }
}

static void a_key_the_account_does_not_know_is_refused(void **unused)
{
        char *other = NULL, *line = NULL;
        struct err err;

        (void)unused;
        assert_int_equal(ssh_key_generate("stranger", &other, &line, &err), 0);
        for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
                struct talk t = {.command = "true"};
                struct proto_config config = {
                    .backend = backends[i], .timeout_ms = 20000, .hop_count = 1, .hops = {site_hop(&plain)}};

                config.private_key = other;
                talk_start_config(&t, &config);
                assert_true(wait_until(&t.loop, &t.ended));
                assert_int_equal(t.end.kind, FAIL_REFUSED);
                assert_int_equal(t.end.step, STEP_LOGIN);
                assert_non_null(strstr(t.end_fix, "authorized_keys"));
                talk_stop(&t);
        }
        ssh_key_wipe(other);
        free(line);
}

/* ---- servers that libssh2 cannot speak to ---- */

static void what_libssh2_cannot_do_is_named_and_openssh_does_it(void **unused)
{
        static const struct {
                const char *options, *text;
        } cases[] = {
            {"--key-type rsa",
             "the server offers only RSA host keys (rsa-sha2-512,rsa-sha2-256), which libssh2 1.10 "
             "cannot verify"},
            {"'MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com' 'Ciphers aes128-ctr'",
             "the server offers only encrypt-then-MAC (EtM) MACs"},
            {"'Ciphers aes128-gcm@openssh.com,aes256-gcm@openssh.com'", "the server offers only GCM ciphers"},
            {"'KexAlgorithms sntrup761x25519-sha512@openssh.com'",
             "the server offers only post-quantum key exchange"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct talk a = {.command = "echo reached"}, b = {.command = "echo reached"};
                struct ssh_site site;
                struct proto_config config = {.timeout_ms = 20000, .hop_count = 1};

                assert_true(site_start(&site, cases[i].options));
                config.hops[0] = site_hop(&site);
                config.private_key = site.key;
                if (i == 0)
                        config.hops[0].key_count = 0; /* as at the first probe: nothing is pinned yet */
                config.probe = i == 0;
                talk_start_config(&a, &config);
                assert_true(wait_until(&a.loop, &a.ended));
                assert_int_equal(a.end.kind, FAIL_ALGORITHMS);
                if (!strstr(a.end_text, cases[i].text))
                        fail_msg("\"%s\" does not say \"%s\"", a.end_text, cases[i].text);
                assert_non_null(strstr(a.end_fix, "OpenSSH"));
                talk_stop(&a);
                talk_start(&b, &site, BACKEND_OPENSSH);
                assert_true(wait_until(&b.loop, &b.exec_ended));
                assert_string_equal(b.out, "reached\n");
                talk_stop(&b);
                site_stop(&site);
        }
}

static void a_pinned_type_that_the_server_lost_counts_as_a_changed_key(void **unused)
{
        struct talk t = {.command = "true"};
        struct ssh_site site;
        struct proto_config config = {.timeout_ms = 20000, .hop_count = 1};

        (void)unused;
        assert_true(site_start(&site, "--key-type ecdsa"));
        config.hops[0] = site_hop(&site);
        config.hops[0].keys[0].data = plain.host_keys[0].wire;
        config.hops[0].keys[0].len = plain.host_keys[0].wire_len;
        config.private_key = site.key;
        talk_start_config(&t, &config);
        assert_true(wait_until(&t.loop, &t.ended));
        assert_int_equal(t.end.kind, FAIL_HOSTKEY_CHANGED);
        assert_non_null(strstr(t.end_text, "ecdsa-sha2-nistp256"));
        talk_stop(&t);
        site_stop(&site);
}

static void an_ecdsa_host_key_is_verified_by_libssh2(void **unused)
{
        struct talk t = {.command = "echo reached"};
        struct ssh_site site;

        (void)unused;
        assert_true(site_start(&site, "--key-type ecdsa"));
        talk_start(&t, &site, BACKEND_LIBSSH2);
        assert_true(wait_until(&t.loop, &t.exec_ended));
        assert_string_equal(t.out, "reached\n");
        assert_string_equal(t.key_type, "ecdsa-sha2-nistp256");
        talk_stop(&t);
        site_stop(&site);
}

/* ---- jump hosts ---- */

static void a_site_behind_two_jump_hosts_is_reached(void **unused)
{
        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
                struct talk t = {.command = "cat", .input = "through"};
                struct proto_config config = {
                    .backend = backends[i],
                    .timeout_ms = 20000,
                    .hop_count = 3,
                    .hops = {site_hop(&plain), site_hop(&plain), site_hop(&plain)},
                };

                config.private_key = plain.key;
                talk_start_config(&t, &config);
                assert_true(wait_until(&t.loop, &t.exec_ended));
                assert_string_equal(t.out, "through");
                assert_int_equal(t.hostkeys, 3);
                talk_stop(&t);
        }
}

static void a_stream_through_a_jump_host_is_unharmed(void **unused)
{
        struct talk t = {.attach = "cat", .streaming = true};
        struct proto_config config = {
            .timeout_ms = 20000, .hop_count = 2, .hops = {site_hop(&plain), site_hop(&plain)}};

        (void)unused;
        config.private_key = plain.key;
        talk_start_config(&t, &config);
        assert_true(wait_until(&t.loop, &t.stream_done));
        assert_true(t.received_sum == t.sent_sum);
        talk_stop(&t);
}

static void a_jump_host_that_cannot_reach_the_site_says_so(void **unused)
{
        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
                struct talk t = {.command = "true"};
                struct proto_config config = {.backend = backends[i],
                                              .timeout_ms = 20000,
                                              .hop_count = 2,
                                              .hops = {site_hop(&plain), site_hop(&plain)}};

                config.hops[1].port = 1;
                config.private_key = plain.key;
                talk_start_config(&t, &config);
                assert_true(wait_until(&t.loop, &t.ended));
                assert_int_equal(t.end.kind, FAIL_UNREACHABLE);
                talk_stop(&t);
        }
}

/* ---- things that break ---- */

static void nobody_listening_is_unreachable_with_a_reason(void **unused)
{
        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
                struct talk t = {.command = "true"};
                struct proto_config config = {
                    .backend = backends[i], .timeout_ms = 20000, .hop_count = 1, .hops = {site_hop(&plain)}};

                config.hops[0].port = 1;
                config.private_key = plain.key;
                talk_start_config(&t, &config);
                assert_true(wait_until(&t.loop, &t.ended));
                assert_int_equal(t.end.kind, FAIL_UNREACHABLE);
                assert_int_equal(t.end.step, STEP_REACH);
                assert_non_null(strstr(t.end_text, "refused"));
                talk_stop(&t);
        }
}

/* A listener that answers with `answer` and hangs up. */
static int stranger_listen(int *ret_port)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof a;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(listen(fd, 4), 0);
        getsockname(fd, (struct sockaddr *)&a, &len);
        *ret_port = ntohs(a.sin_port);
        return fd;
}

static void what_is_no_ssh_server_is_called_so(void **unused)
{
        static const char *const answers[] = {"", "HTTP/1.1 400 Bad Request\r\n\r\n",
                                              "SSH-2.0-x\r\n\xff\xff\xff\xff\x04garbage", "SSH-2.0-x\r\n"};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
                struct talk t = {.command = "true"};
                struct proto_config config = {
                    .timeout_ms = 20000, .hop_count = 1, .hops = {site_hop(&plain)}};
                int port, fd = stranger_listen(&port), conn;
                char sink[512];

                config.hops[0].port = (uint16_t)port;
                config.private_key = plain.key;
                talk_start_config(&t, &config);
                conn = accept(fd, NULL, NULL);
                assert_true(conn >= 0);
                assert_true(write(conn, answers[i], strlen(answers[i])) >= 0);
                shutdown(conn, SHUT_WR);
                while (read(conn, sink, sizeof sink) > 0 && !t.ended)
                        uv_run(&t.loop, UV_RUN_NOWAIT);
                close(conn);
                close(fd);
                assert_true(wait_until(&t.loop, &t.ended));
                assert_true(t.end.failed);
                assert_int_equal(t.end.kind, FAIL_UNREACHABLE);
                talk_stop(&t);
        }
}

static void the_death_of_sshd_in_mid_stream_ends_the_connection(void **unused)
{
        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
                struct talk t = {.attach = "cat", .streaming = true};
                struct ssh_site site;
                AUTO_FREE char *kill_children = NULL, *said = NULL;

                assert_true(site_start(&site, ""));
                talk_start(&t, &site, backends[i]);
                while (t.received < STREAM_AHEAD)
                        uv_run(&t.loop, UV_RUN_ONCE);
                /* The listener's child is the connection, and that one's child serves it. */
                kill_children =
                    xasprintf("for p in $(pgrep -P %d); do pkill -KILL -P $p; kill -KILL $p; done", site.pid);
                said = command_output(kill_children);
                assert_true(wait_until(&t.loop, &t.ended));
                assert_false(t.end.failed);
                assert_true(t.end_text[0] != '\0');
                talk_stop(&t);
                site_stop(&site);
        }
}

static void a_killed_connector_is_reported_at_any_point(void **unused)
{
        (void)unused;
        for (int turns = 0; turns < 24; turns += 3) {
                struct talk t = {.attach = "cat", .streaming = true};

                talk_start(&t, &plain, BACKEND_LIBSSH2);
                for (int i = 0; i < turns; i++)
                        uv_run(&t.loop, UV_RUN_ONCE);
                kill(connector_pid(t.c), SIGKILL);
                assert_true(wait_until(&t.loop, &t.ended));
                assert_true(t.end.failed);
                assert_int_equal(t.end.step, STEP_CRASH);
                assert_non_null(strstr(t.end_text, "signal 9"));
                talk_stop(&t);
        }
}

static void a_connector_that_is_not_there_is_an_error(void **unused)
{
        struct proto_config config = {.hop_count = 1, .hops = {site_hop(&plain)}};
        uv_loop_t loop;
        struct connector *c;
        struct err err;

        (void)unused;
        uv_loop_init(&loop);
        assert_int_equal(connector_start(&loop, "/no/such/connector", &config, &events, NULL, &c, &err), -1);
        assert_non_null(strstr(err.text, "/no/such/connector"));
        uv_loop_close(&loop);
}

/* ---- the sandbox ---- */

static long status_number(int pid, const char *field)
{
        AUTO_FREE char *path = xasprintf("/proc/%d/status", pid), *text = file_text(path);
        const char *at = strstr(text, field);

        return at ? strtol(at + strlen(field), NULL, 10) : -1;
}

static void the_connector_runs_in_its_sandbox(void **unused)
{
        struct talk t = {.command = "true"};
        AUTO_FREE char *limits = NULL, *path = NULL, *environment = NULL;

        (void)unused;
        talk_start(&t, &plain, BACKEND_LIBSSH2);
        assert_true(wait_until(&t.loop, &t.exec_ended));
        assert_int_equal(status_number(connector_pid(t.c), "NoNewPrivs:"), 1);
#if !defined(__SANITIZE_ADDRESS__)
        assert_int_equal(status_number(connector_pid(t.c), "Seccomp:"), 2);
#endif
        path = xasprintf("/proc/%d/limits", connector_pid(t.c));
        limits = file_text(path);
        if (limits[0])
                assert_non_null(strstr(limits, "Max core file size        0                    0"));
        talk_stop(&t);
}

/* Not in the arguments, not in the environment, of the connector or of the ssh clients that it starts. */
static void the_private_key_is_in_no_argument_environment_or_file(void **unused)
{
        struct talk t = {.attach = "cat"};
        AUTO_FREE char *files = NULL, *keys = NULL;

        (void)unused;
        talk_start(&t, &plain, BACKEND_OPENSSH);
        assert_true(wait_until(&t.loop, &t.attached));
        keys = command_output(
            "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | grep -ac 'PRIVATE[ ]KEY'");
        assert_string_equal(keys, "0\n");
        files = command_output("grep -rl 'PRIVATE[ ]KEY' /tmp/reeve-connector-* 2>/dev/null");
        assert_string_equal(files, "");
        talk_stop(&t);
        assert_int_equal(access("/tmp/reeve-connector-", F_OK), -1);
}

static int group_setup(void **unused)
{
        (void)unused;
        signal(SIGPIPE, SIG_IGN);
        return site_start(&plain, "") ? 0 : -1;
}

static int group_teardown(void **unused)
{
        (void)unused;
        site_stop(&plain);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_command_gets_its_input_and_its_output_and_code_come_back),
            cmocka_unit_test(a_command_killed_by_a_signal_has_code_255),
            cmocka_unit_test(a_flood_on_stderr_does_not_stall_stdout),
            cmocka_unit_test(an_attached_command_follows_a_command_and_its_end_has_a_reason),
            cmocka_unit_test(sixty_four_mebibytes_go_both_ways_at_once_unharmed),
            cmocka_unit_test(a_server_that_changes_keys_all_the_time_harms_no_stream),
            cmocka_unit_test(a_changed_host_key_is_refused_before_login),
            cmocka_unit_test(a_host_without_a_pinned_key_is_not_logged_in_to),
            cmocka_unit_test(a_probe_reports_the_key_and_does_not_log_in),
            cmocka_unit_test(a_key_the_account_does_not_know_is_refused),
            cmocka_unit_test(what_libssh2_cannot_do_is_named_and_openssh_does_it),
            cmocka_unit_test(a_pinned_type_that_the_server_lost_counts_as_a_changed_key),
            cmocka_unit_test(an_ecdsa_host_key_is_verified_by_libssh2),
            cmocka_unit_test(a_site_behind_two_jump_hosts_is_reached),
            cmocka_unit_test(a_stream_through_a_jump_host_is_unharmed),
            cmocka_unit_test(a_jump_host_that_cannot_reach_the_site_says_so),
            cmocka_unit_test(nobody_listening_is_unreachable_with_a_reason),
            cmocka_unit_test(what_is_no_ssh_server_is_called_so),
            cmocka_unit_test(the_death_of_sshd_in_mid_stream_ends_the_connection),
            cmocka_unit_test(a_killed_connector_is_reported_at_any_point),
            cmocka_unit_test(a_connector_that_is_not_there_is_an_error),
            cmocka_unit_test(the_connector_runs_in_its_sandbox),
            cmocka_unit_test(the_private_key_is_in_no_argument_environment_or_file),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
