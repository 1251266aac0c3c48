/* SPDX-License-Identifier: Apache-2.0 */
/* The test of a site and the probe of its host keys, against real sshd and worker. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "remote/host_probe.h"
#include "remote/site_test.h"
#include "tests/support/ssh_site.h"

static struct ssh_site plain;
static char *connector_path, *worker_dir;

struct scene {
        uv_loop_t loop;
        struct site_test *t;
        struct site_test_report report;
        bool done;
        unsigned steps;
        struct host_probe *probe;
        struct host_probe_result probed;
};

static void on_step(void *arg, const struct site_test_result *r)
{
        struct scene *c = arg;

        assert_true(r->text[0] != '\0');
        c->steps++;
}

static void on_done(void *arg, const struct site_test_report *r)
{
        struct scene *c = arg;

        c->report = *r;
        c->done = true;
        site_test_free(c->t);
}

static const struct site_test_events events = {.on_step = on_step, .on_done = on_done};

/* `change` may spoil the settings first. */
static void test_site(struct scene *c, const struct ssh_site *site,
                      void (*change)(struct worker_link_settings *s, struct proto_hop *hop))
{
        struct proto_hop hop = site_hop(site);
        struct worker_link_settings s = {
            .loop = &c->loop,
            .name = "site/host",
            .connector_path = connector_path,
            .worker_dir = worker_dir,
            .hops = &hop,
            .hop_count = 1,
            .private_key = site->key,
            .instance = "site-test-inst0",
            .epoch = 1,
            .worker_id = 1,
        };
        struct err err;

        memset(c, 0, sizeof *c);
        uv_loop_init(&c->loop);
        if (change)
                change(&s, &hop);
        if (site_test_start(&s, &events, c, &c->t, &err) < 0)
                fail_msg("%s", err.text);
        assert_true(wait_until(&c->loop, &c->done));
        uv_run(&c->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&c->loop), 0);
}

static void print_report(const struct site_test_report *r)
{
        for (int i = 0; i < SITE_TEST_STEP_COUNT; i++)
                print_message("           %-10s %-8s %5u ms  %s%s%s\n", site_test_step_name(i),
                              site_test_state_name(r->steps[i].state), r->steps[i].elapsed_ms,
                              r->steps[i].text, r->steps[i].fix[0] ? " -- " : "", r->steps[i].fix);
}

static void a_good_site_passes_every_step(void **unused)
{
        struct scene c;

        (void)unused;
        test_site(&c, &plain, NULL);
        print_report(&c.report);
        assert_true(c.report.passed);
        for (int i = 0; i < SITE_TEST_STEP_COUNT; i++) {
                if (i != SITE_TEST_DISK)
                        assert_int_equal(c.report.steps[i].state, SITE_TEST_PASSED);
        }
        assert_int_equal(c.report.backend, BACKEND_LIBSSH2);
        assert_true(c.report.cpus > 0);
        assert_true(c.report.hostname[0] != '\0');
}

static void a_site_can_be_tested_again_and_leaves_no_worker_behind(void **unused)
{
        AUTO_FREE char *list = xasprintf("pgrep -f '%s/home/[.]reeve' | wc -l", plain.dir), *left = NULL;
        struct scene c;

        (void)unused;
        test_site(&c, &plain, NULL);
        assert_true(c.report.passed);
        for (int i = 0; i < 200; i++) {
                free(left);
                left = command_output(list);
                if (strcmp(left, "0\n") == 0)
                        break;
                usleep(50000);
        }
        assert_string_equal(left, "0\n");
}

static void a_site_that_libssh2_cannot_reach_passes_with_openssh_and_says_why(void **unused)
{
        struct ssh_site site;
        struct scene c;

        (void)unused;
        assert_true(site_start(&site, "'MACs hmac-sha2-256-etm@openssh.com' 'Ciphers aes128-ctr'"));
        test_site(&c, &site, NULL);
        assert_true(c.report.passed);
        assert_int_equal(c.report.backend, BACKEND_OPENSSH);
        assert_non_null(strstr(c.report.backend_why, "EtM"));
        site_stop(&site);
}

static void use_closed_port(struct worker_link_settings *s, struct proto_hop *hop)
{
        (void)s;
        hop->port = 1;
}

static void use_wrong_host_key(struct worker_link_settings *s, struct proto_hop *hop)
{
        static uint8_t other[128];

        (void)s;
        memcpy(other, hop->keys[0].data, hop->keys[0].len);
        other[hop->keys[0].len - 1] ^= 1;
        hop->keys[0].data = other;
}

static void use_wrong_user(struct worker_link_settings *s, struct proto_hop *hop)
{
        (void)s;
        hop->user = "nobody-of-that-name";
}

static void use_bad_root(struct worker_link_settings *s, struct proto_hop *hop)
{
        (void)hop;
        s->root = "/proc/no/room";
}

static void a_broken_site_fails_at_the_step_that_is_broken_with_a_fix(void **unused)
{
        static const struct {
                void (*change)(struct worker_link_settings *s, struct proto_hop *hop);
                enum site_test_step step;
        } cases[] = {
            {use_closed_port, SITE_TEST_REACH},
            {use_wrong_host_key, SITE_TEST_HOSTKEY},
            {use_wrong_user, SITE_TEST_LOGIN},
            {use_bad_root, SITE_TEST_SHELL},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct scene c;

                test_site(&c, &plain, cases[i].change);
                assert_false(c.report.passed);
                assert_int_equal(c.report.steps[cases[i].step].state, SITE_TEST_FAILED);
                assert_true(c.report.steps[cases[i].step].fix[0] != '\0');
                assert_int_equal(c.report.hostkey_changed, cases[i].step == SITE_TEST_HOSTKEY);
                for (int s = cases[i].step + 1; s < SITE_TEST_STEP_COUNT; s++)
                        assert_int_equal(c.report.steps[s].state, SITE_TEST_WAITING);
        }
}

/* ---- the probe ---- */

static void on_probed(void *arg, const struct host_probe_result *r)
{
        struct scene *c = arg;

        c->probed = *r;
        c->done = true;
        host_probe_free(c->probe);
}

static void run_probe(struct scene *c, const struct proto_config *config)
{
        struct err err;

        memset(c, 0, sizeof *c);
        uv_loop_init(&c->loop);
        assert_int_equal(host_probe_start(&c->loop, connector_path, config, on_probed, c, &c->probe, &err),
                         0);
        assert_true(wait_until(&c->loop, &c->done));
        uv_run(&c->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&c->loop), 0);
}

static void a_probe_shows_the_key_of_an_unknown_host(void **unused)
{
        struct proto_config config = {.timeout_ms = 20000, .hop_count = 1, .hops = {site_hop(&plain)}};
        struct scene c;

        (void)unused;
        config.hops[0].key_count = 0;
        run_probe(&c, &config);
        assert_true(c.probed.reached);
        assert_int_equal(c.probed.backend, BACKEND_LIBSSH2);
        assert_int_equal(c.probed.keys[0].wire_len, plain.host_keys[0].wire_len);
        assert_memory_equal(c.probed.keys[0].wire, plain.host_keys[0].wire, plain.host_keys[0].wire_len);
}

static void a_probe_of_an_rsa_only_host_falls_back_and_shows_its_key(void **unused)
{
        struct proto_config config = {.timeout_ms = 20000, .hop_count = 1};
        struct ssh_site site;
        struct scene c;

        (void)unused;
        assert_true(site_start(&site, "--key-type rsa"));
        config.hops[0] = site_hop(&site);
        config.hops[0].key_count = 0;
        run_probe(&c, &config);
        assert_true(c.probed.reached);
        assert_int_equal(c.probed.backend, BACKEND_OPENSSH);
        assert_non_null(strstr(c.probed.backend_why, "RSA"));
        assert_int_equal(c.probed.keys[0].wire_len, site.host_keys[0].wire_len);
        assert_memory_equal(c.probed.keys[0].wire, site.host_keys[0].wire, site.host_keys[0].wire_len);
        site_stop(&site);
}

static void a_probe_goes_through_jump_hosts(void **unused)
{
        struct proto_config config = {.timeout_ms = 20000,
                                      .hop_count = 2,
                                      .hops = {site_hop(&plain), site_hop(&plain)},
                                      .private_key = plain.key};
        struct scene c;

        (void)unused;
        config.hops[1].key_count = 0;
        run_probe(&c, &config);
        assert_true(c.probed.reached);
        assert_true(c.probed.keys[0].seen);
        assert_true(c.probed.keys[1].seen);
}

static void a_probe_of_nothing_says_why(void **unused)
{
        struct proto_config config = {.timeout_ms = 20000, .hop_count = 1, .hops = {site_hop(&plain)}};
        struct scene c;

        (void)unused;
        config.hops[0].host = "no-such-host.invalid";
        run_probe(&c, &config);
        assert_false(c.probed.reached);
        assert_int_equal(c.probed.kind, FAIL_UNREACHABLE);
        assert_int_equal(c.probed.step, STEP_RESOLVE);
        assert_true(c.probed.fix[0] != '\0');
}

static int group_setup(void **unused)
{
        (void)unused;
        signal(SIGPIPE, SIG_IGN);
        connector_path = build_path("reeve-connector");
        worker_dir = build_path("");
        return site_start(&plain, "") ? 0 : -1;
}

static int group_teardown(void **unused)
{
        (void)unused;
        site_stop(&plain);
        free(connector_path);
        free(worker_dir);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_good_site_passes_every_step),
            cmocka_unit_test(a_site_can_be_tested_again_and_leaves_no_worker_behind),
            cmocka_unit_test(a_site_that_libssh2_cannot_reach_passes_with_openssh_and_says_why),
            cmocka_unit_test(a_broken_site_fails_at_the_step_that_is_broken_with_a_fix),
            cmocka_unit_test(a_probe_shows_the_key_of_an_unknown_host),
            cmocka_unit_test(a_probe_of_an_rsa_only_host_falls_back_and_shows_its_key),
            cmocka_unit_test(a_probe_goes_through_jump_hosts),
            cmocka_unit_test(a_probe_of_nothing_says_why),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
