/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider of identities sends: tokens, sets of keys, claims, and the rules and addresses about them.
 * The first byte chooses; of a token and its keys the first line is the token. */
#include "common/embed.h"
#include "common/util.h"
#include "tests/fuzz/fuzz.h"
#include "web/jose.h"
#include "web/oidc_claims.h"

#include <stdlib.h>
#include <string.h>

/* The pages of the dashboard are of no interest here. */
const struct embedded asset_files[1];
const uint64_t asset_files_count = 0;

#define ALGORITHMS "RS256 PS256 ES256"

static void try_token(const char *text)
{
        const char *end = strchr(text, '\n');
        AUTO_FREE char *token = xstrndup(text, end ? (size_t)(end - text) : strlen(text));
        json_t *keys = end ? json_loads(end + 1, JSON_REJECT_DUPLICATES, NULL) : NULL, *payload = NULL;
        struct err err;

        /* Nobody here can sign. */
        if (keys)
                must(jose_verify(token, keys, ALGORITHMS, &payload, &err) != 1 && !payload);
        json_decref(keys);
}

static void try_claims(const char *text)
{
        const struct oidc_expect expect = {
            .issuer = "https://id.example", .client = "reeve", .nonce = "n", .now_s = 1800000000};
        json_t *claims = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        char name[OIDC_NAME_MAX + 1];
        struct err err;

        if (!claims)
                return;
        if (oidc_claims_check(claims, &expect, &err) == 0) {
                must(json_is_string(json_object_get(claims, "sub")));
                must(strcmp(json_string_value(json_object_get(claims, "iss")), expect.issuer) == 0);
        }
        if (oidc_claims_name(claims, "email", name, &err) == 0)
                must(*name && strlen(name) <= OIDC_NAME_MAX && !strpbrk(name, "/@ \n\r\t"));
        json_decref(claims);
}

static void try_rules(const char *text)
{
        json_t *groups = json_pack("[s,s]", "physics", "cn=ops,dc=example");
        struct oidc_grants grants = {0};
        struct oidc_rules rules = {0};
        struct err err;

        if (oidc_rules_parse(text, &rules, &err) == 0) {
                must(rules.count <= OIDC_RULES_MAX);
                for (size_t i = 0; i < rules.count; i++)
                        must(rules.list[i].group && *rules.list[i].group);
                oidc_grants_make(&rules, groups, &grants);
                must(grants.count <= rules.count);
                oidc_grants_release(&grants);
        }
        oidc_rules_release(&rules);
        json_decref(groups);
}

static void try_address(const char *text)
{
        if (oidc_then_is_good(text))
                must(text[0] == '/' && text[1] != '/' && !strpbrk(text, "\\\r\n"));
        if (oidc_url_is_good("https://id.example", text))
                must(strncmp(text, "https://", 8) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static void (*const tries[])(const char *) = {try_token, try_claims, try_rules, try_address};
        AUTO_FREE char *text = NULL;

        if (!size)
                return 0;
        text = xstrndup((const char *)data + 1, size - 1);
        tries[data[0] % ARRAY_LEN(tries)](text);
        return 0;
}

void fuzz_seeds(void)
{
        fuzz_seed_text(
            "0eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJzdWIiOiJhIn0.c2ln\n"
            "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"0vx7\",\"e\":\"AQAB\",\"use\":\"sig\"}]}");
        fuzz_seed_text("0eyJhbGciOiJFUzI1NiJ9.e30.AAAA\n{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
                       "\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\",\"y\":"
                       "\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}]}");
        fuzz_seed_text(
            "1{\"iss\":\"https://id.example\",\"aud\":[\"reeve\"],\"azp\":\"reeve\",\"exp\":1800000100,"
            "\"iat\":1799999990,\"nonce\":\"n\",\"sub\":\"s\",\"email\":\"ann@example.org\"}");
        fuzz_seed_text("2physics = project atlas submitter; cn=ops,dc=example = role admin");
        fuzz_seed_text("3/jobs?state=failed#x");
        fuzz_seed_text("3https://id.example/token");
}
