/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider's tokens have to be, and what its claims and groups mean. The tokens and keys were made for
 * this test. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/util.h"
#include "web/jose.h"
#include "web/oidc_claims.h"

#include <string.h>

static const char keys_text[] =
    "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"lIsbfh7ZVRwD_IbrDCkQhDF9VmnbxPelepXCEvE7A3fvrR6i0v7pDjcfkwKb5"
    "tvPQGfhplGae90tyBtazm6cHdGaOZHYThCOJ_AUjzC-f4d75ssi2XIebD5coNrQyQ8T9z2S3uKSlEHUQf5hqECt8"
    "vX_IZHvM9vH_ex83JFairrISF3zY9EitNa0wJY6Cfy5FwN1PVe99qHzMXsVn_oj_RpE-HgFjjAj_7mpzy66I734t"
    "IVHTdmnwL6Jc8FDfZ8vlPJ-qtbMz_IpX5TXUtFuyVEFAie_TZRgsYc4r2dNuS7XBrCHF3C4OqFScSWrZAaQaU8BK"
    "1x8BZWl6wz_6wRTYQ\",\"e\":\"AQAB\",\"kid\":\"rs\",\"use\":\"sig\"},{\"kty\":\"EC\",\"x\":"
    "\"NwDZ8PgfIN7A7iaNP"
    "k3N_UV6sbkiO-v2ZlD_us9_t8g\",\"y\":\"LtiUgTS_dmXbV9COW0n_Id9-vHYlXM8dpPXV0ZRguUA\",\"crv\":\"P-2"
    "56\",\"kid\":\"es\",\"use\":\"sig\"}]}";
static const char signed_rsa[] =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzIn0.eyJzdWIiOiJhbm4ifQ.Zam9oW1QBBJEQ7nHB78Ff54N78Rp2zYWv"
    "PRcob1Nrz63gi15ORO3Rg9O96Oli5fffHlv9jwGA9R3lWXTmca_dmseqwVayUg1Ko2CreJgX4HvU7WAdlhY3FlLI"
    "eXhocDPjPjEgVvSQ2ZAjHg65L6Q81QknO6MTTSAYyA6giBCXwsVOzw59w0Hnc9pEAatbcu0k7ImSFFTZoZOHuXL0"
    "a1TtdIGFOEiKSfzZlNmSOeJTi9z6WgTtPjnuvu-PAu1mrzFQmk-tlizrqk9Y5ulbAlzQLU7hz0Hw2ED4x8En-qNi"
    "oHof5EyMGsXS-wABRtiHvtIFYfx3J1xeIutcVgT0YEbrg";
static const char signed_ec[] =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVzIn0.eyJzdWIiOiJhbm4ifQ.p_90GZLETtvnJFI9_gFG1SZMFAw6x7NhQ"
    "mM-uTaeBG5K0AeMYD1SBsqDx0BSnfk7qe-hyztMzWM37VtdJ_6Dcw";
static const char without_key[] =
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.FknQ6VP5GWkGrY4g3jlJPUGQmF8vJUOXG6eiRYzJF8lYAG7f"
    "OvO3k-FmS8FvEOd_1KVa1yKjI_TAabNKJX-7ArIWQNCPyuDfM7cGffhpPaSrNk0u83sTbB5z-Du9Yg8MutVNhR16"
    "OYJEaa_6KofzEKfA2U_ckKJ-JpeoaxdCNxgzZmmTUFPpjw5yCAa5fxWFQJVGd54SKFmlA9d7SPIqeooEf6Z7S2rB"
    "VAk3fmHOh039bOc06qIgD0Gf49zWvfOiCXUEWaBYqtdZXIfLVY-e5s0HB3g7vYlcFSIYhfDvUHPcNqZEMBekt2SU"
    "In94im_0M1XwCoUhAymdVM6NQGVjhA";
static const char unknown_key[] =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6Inp6In0.eyJzdWIiOiJhbm4ifQ.BsAe-e64o02uZMiiZMHVm7mH57FHECHOe"
    "QPbfPNRDF4tsirHrPy-ikDQ1egP9sC-B3hcWXHB1pDFRlRZMl7pVHHVcuKHcnekuuO_CCu6mPZ4r-kUE5Thq6qZs"
    "tF_YoUZsEGTghACwbTbTlMyqYRCxJA_PYlM5d4wHtsOBmSyrZuEP1WCMgMn7-qd5yuBVqvChNQEVbSvHl709Yqf-"
    "za7WuAxnUie5tUmMhA1hD_2ugRcPHkFK4rElPQBs6uhKpOztVZfTU983N5qAf-p9yIMU8WGaBemznQtbGJ7fJtJ-"
    "I1MbwWSB00UuN5pST5wLzeZNkNBt90a3BIkRZIe8p39qQ";
static const char critical[] =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzIiwiYjY0Ijp0cnVlLCJjcml0IjpbImI2NCJdfQ.eyJzdWIiOiJhbm4if"
    "Q.cjt3RiQS_yXEqNgfYgeAf7xHQhoJCxASbDXzZWH6bjeh0DnMMgYyuMqTtzj9rk5ISb_RRo2aI8r4fFHDTHoyJU"
    "Q9MtluITPdITnzc6Ma_x3p9aW0PfF_ASvsGW9iAqtsGUsH-Ve6uzfZO-Xi8OQ0nFL5RoqI4YFhWzrxzE3or3eu2J"
    "FUZCMcIelkHRrBIPaHjDR-8YQZgMyw_qtEYVTU2W5BNcSvrX0APdZDLiW-Fdatvy0iEz0l4SUQpsI5UZQkjLXLqP"
    "Exaz_kC8NWbq_w5A3JsdigN8-Jdx6tvbbwATTwj9oGpWUou5DzCawLEyOsIUD9Xd4qlY0V69MRlw6qTg";
static const char unsigned_[] = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.";
static const char by_secret[] =
    "eyJhbGciOiJIUzI1NiIsImtpZCI6InJzIn0.eyJzdWIiOiJhbm4ifQ.mUqGJjjCPUjPIiNaMmt2qJ8lnDEubgXoi"
    "oDgMSi8XEY";

/* ---- signatures ------------------------------------------------------------------------------------------
 */

static int verify(const char *token, const char *algorithms)
{
        json_t *keys = json_loads(keys_text, 0, NULL), *payload = NULL;
        struct err err = {0};
        int rc = jose_verify(token, keys, algorithms, &payload, &err);

        assert_true(rc >= 0 || (err.code == ERR_DENIED && err.text[0]));
        if (rc == 1)
                assert_string_equal(json_string_value(json_object_get(payload, "sub")), "ann");
        else
                assert_null(payload);
        json_decref(payload);
        json_decref(keys);
        return rc;
}

static void a_token_counts_when_a_known_key_signed_it_as_is_allowed(void **unused)
{
        static const struct {
                const char *token, *algorithms;
                int want;
        } cases[] = {
            {signed_rsa, "RS256 ES256", 1},
            {signed_ec, "RS256 ES256", 1},
            {without_key, "RS256", 1},
            {signed_rsa, "ES256", -1},
            {signed_rsa, "", -1},
            {signed_ec, "RS256", -1},
            {signed_rsa, "RS2560", -1},
            {unknown_key, "RS256", 0},
            {critical, "RS256", -1},
            {unsigned_, "RS256 none", -1},
            {unsigned_, "RS256", -1},
            {by_secret, "RS256 HS256", -1},
            {"", "RS256", -1},
            {"a.b", "RS256", -1},
            {"a.b.c.d", "RS256", -1},
            {"..", "RS256", -1},
            {"e30.e30.", "RS256", -1},
            {"bnVsbA.e30.AA", "RS256", -1},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                if (verify(cases[i].token, cases[i].algorithms) != cases[i].want)
                        fail_msg("case %zu", i);
}

/* Any single character that is changed makes it another token. */
static void no_character_of_a_token_can_be_changed(void **unused)
{
        (void)unused;
        for (int which = 0; which < 2; which++) {
                const char *token = which ? signed_ec : signed_rsa;
                AUTO_FREE char *changed = xstrdup(token);

                /* The last character of a part may hold bits that count for nothing. */
                for (size_t i = 0; i < strlen(token); i += 3) {
                        if (token[i] == '.' || token[i + 1] == '.' || !token[i + 1])
                                continue;
                        changed[i] = token[i] == 'A' ? 'B' : 'A';
                        if (verify(changed, "RS256 ES256") == 1)
                                fail_msg("token %d, character %zu", which, i);
                        changed[i] = token[i];
                }
        }
}

static void keys_that_are_odd_sign_nothing(void **unused)
{
        static const char *const sets[] = {
            "{}",
            "{\"keys\":{}}",
            "{\"keys\":[7,null,[]]}",
            "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"rs\"}]}",
            "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"rs\",\"n\":\"AQ\",\"e\":\"Aw\"}]}",
            "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"rs\",\"n\":\"%%\",\"e\":\"\"}]}",
            "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"rs\",\"k\":\"AAAA\"}]}",
            "{\"keys\":[{\"kty\":\"EC\",\"kid\":\"rs\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"AQ\"}]}"};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
                json_t *keys = json_loads(sets[i], 0, NULL), *payload = NULL;
                struct err err;

                assert_non_null(keys);
                if (jose_verify(signed_rsa, keys, "RS256 ES256", &payload, &err) == 1 ||
                    jose_verify(signed_ec, keys, "RS256 ES256", &payload, &err) == 1)
                        fail_msg("set %zu", i);
                json_decref(keys);
        }
}

/* ---- claims ----------------------------------------------------------------------------------------------
 */

#define GOOD "\"iss\":\"https://i\",\"aud\":\"me\",\"nonce\":\"n\",\"sub\":\"ann\",\"iat\":1000"

static void claims_are_for_us_for_now_and_for_this_sign_in(void **unused)
{
        static const struct {
                const char *claims;
                int want;
        } cases[] = {
            {"{" GOOD ",\"exp\":2000}", 0},
            {"{" GOOD ",\"exp\":941}", 0},
            {"{" GOOD ",\"exp\":940}", -1},
            {"{" GOOD ",\"exp\":\"2000\"}", -1},
            {"{" GOOD ",\"exp\":2000,\"nbf\":1060}", 0},
            {"{" GOOD ",\"exp\":2000,\"nbf\":1061}", -1},
            {"{" GOOD ",\"exp\":2000,\"azp\":\"me\"}", 0},
            {"{" GOOD ",\"exp\":2000,\"azp\":\"other\"}", -1},
            {"{" GOOD "}", -1},
            {"{}", -1},
        };
        const struct oidc_expect e = {"https://i", "me", "n", 1000};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                json_t *claims = json_loads(cases[i].claims, 0, NULL);
                struct err err;

                assert_non_null(claims);
                if (oidc_claims_check(claims, &e, &err) != cases[i].want)
                        fail_msg("case %zu", i);
                json_decref(claims);
        }
}

static void a_login_name_is_what_is_before_the_at(void **unused)
{
        static const struct {
                const char *claim, *name;
        } cases[] = {{"ann", "ann"},         {"Ann.B@example.org", "ann.b"},
                     {"@example.org", NULL}, {"", NULL},
                     {"a b", NULL},          {"\u00e4nn", NULL},
                     {"../x", NULL},         {"-ann", NULL},
                     {"a/b@c", NULL}};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                json_t *claims = json_pack("{s:s}", "name", cases[i].claim);
                char name[OIDC_NAME_MAX + 1];
                struct err err;
                int rc = oidc_claims_name(claims, "name", name, &err);

                if (rc != (cases[i].name ? 0 : -1) || (rc == 0 && strcmp(name, cases[i].name) != 0))
                        fail_msg("case %zu", i);
                json_decref(claims);
        }
}

static void groups_give_the_highest_of_each(void **unused)
{
        struct oidc_rules rules;
        struct oidc_grants g;
        struct err err;
        json_t *groups = json_pack("[s,s,i,s]", "physics", "cn=ops,dc=x", 7, "chiefs");

        (void)unused;
        assert_int_equal(oidc_rules_parse(" physics = project atlas viewer ; chiefs=project atlas admin;"
                                          "physics = project cms submitter; cn=ops,dc=x = role admin;"
                                          "chiefs = role viewer; absent = project lhcb admin;",
                                          &rules, &err),
                         0);
        assert_true(rules.has_roles);
        oidc_grants_make(&rules, groups, &g);
        assert_true(g.has_role && g.role == ROLE_ADMIN);
        assert_int_equal(g.count, 2);
        assert_string_equal(g.projects[0], "atlas");
        assert_string_equal(g.roles[0], "admin");
        assert_string_equal(g.projects[1], "cms");
        assert_string_equal(g.roles[1], "submitter");
        oidc_grants_release(&g);
        oidc_grants_make(&rules, NULL, &g);
        assert_true(!g.has_role && g.count == 0);
        oidc_grants_release(&g);
        oidc_rules_release(&rules);
        json_decref(groups);
}

static void a_mapping_that_is_wrong_is_refused(void **unused)
{
        static const char *const wrong[] = {"physics",
                                            "= role admin",
                                            "a = role",
                                            "a = role king",
                                            "a = project P admin",
                                            "a = project p",
                                            "a = project p admin more",
                                            "a = site s"};
        struct oidc_rules rules = {0};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                struct err err;

                if (oidc_rules_parse(wrong[i], &rules, &err) == 0)
                        fail_msg("%s", wrong[i]);
                assert_int_equal(err.code, ERR_BAD_INPUT);
        }
}

/* ---- addresses -------------------------------------------------------------------------------------------
 */

static void addresses_are_as_safe_as_the_issuer(void **unused)
{
        static const struct {
                const char *issuer, *url;
                bool good;
        } cases[] = {
            {"https://i", "https://i/token", true},
            {"https://i", "https://elsewhere:8443/token?x=1", true},
            {"https://i", "http://i/token", false},
            {"https://i", "http://127.0.0.1/token", false},
            {"http://127.0.0.1:1", "http://127.0.0.1:1/token", true},
            {"http://127.0.0.1:1", "http://127.0.0.1.evil.example/token", false},
            {"http://localhost", "http://localhost@evil.example/", false},
            {"http://example.org", "http://example.org/", false},
            {"https://i", "https://user@i/", false},
            {"https://i", "https://", false},
            {"https://i", "file:///etc/passwd", false},
            {"https://i", "https://i/ x", false},
            {"https://i", "https://i/#x", false},
            {"https://i", "", false},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                if (oidc_url_is_good(cases[i].issuer, cases[i].url) != cases[i].good)
                        fail_msg("case %zu", i);
}

static void only_paths_of_ours_are_come_back_to(void **unused)
{
        static const struct {
                const char *then;
                bool good;
        } cases[] = {{"/", true},           {"/jobs?state=failed&x=%2F", true},
                     {"//evil", false},     {"/\\evil", false},
                     {"https://x", false},  {"", false},
                     {"jobs", false},       {"/a b", false},
                     {"/a\r\nX: y", false}, {"/a#b", false},
                     {"/<x>", false}};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                if (oidc_then_is_good(cases[i].then) != cases[i].good)
                        fail_msg("case %zu", i);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_token_counts_when_a_known_key_signed_it_as_is_allowed),
            cmocka_unit_test(no_character_of_a_token_can_be_changed),
            cmocka_unit_test(keys_that_are_odd_sign_nothing),
            cmocka_unit_test(claims_are_for_us_for_now_and_for_this_sign_in),
            cmocka_unit_test(a_login_name_is_what_is_before_the_at),
            cmocka_unit_test(groups_give_the_highest_of_each),
            cmocka_unit_test(a_mapping_that_is_wrong_is_refused),
            cmocka_unit_test(addresses_are_as_safe_as_the_issuer),
            cmocka_unit_test(only_paths_of_ours_are_come_back_to),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
