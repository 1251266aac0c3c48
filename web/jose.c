/* SPDX-License-Identifier: Apache-2.0 */
#include "web/jose.h"

#include "common/util.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <sodium.h>
#include <string.h>

#define BASE64       sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192 /* what checking may cost */

static const struct algorithm {
        const char *name, *key_type, *curve;
        gnutls_sign_algorithm_t sign;
        gnutls_ecc_curve_t ecc;
        size_t half; /* bytes of each of the two numbers of an elliptic signature */
} table[] = {
    {"RS256", "RSA", NULL, GNUTLS_SIGN_RSA_SHA256, 0, 0},
    {"RS384", "RSA", NULL, GNUTLS_SIGN_RSA_SHA384, 0, 0},
    {"RS512", "RSA", NULL, GNUTLS_SIGN_RSA_SHA512, 0, 0},
    {"PS256", "RSA", NULL, GNUTLS_SIGN_RSA_PSS_SHA256, 0, 0},
    {"PS384", "RSA", NULL, GNUTLS_SIGN_RSA_PSS_SHA384, 0, 0},
    {"PS512", "RSA", NULL, GNUTLS_SIGN_RSA_PSS_SHA512, 0, 0},
    {"ES256", "EC", "P-256", GNUTLS_SIGN_ECDSA_SHA256, GNUTLS_ECC_CURVE_SECP256R1, 32},
    {"ES384", "EC", "P-384", GNUTLS_SIGN_ECDSA_SHA384, GNUTLS_ECC_CURVE_SECP384R1, 48},
    {"ES512", "EC", "P-521", GNUTLS_SIGN_ECDSA_SHA512, GNUTLS_ECC_CURVE_SECP521R1, 66},
};

static const struct algorithm *algorithm_find(const char *name)
{
        for (size_t i = 0; name && i < ARRAY_LEN(table); i++)
                if (strcmp(table[i].name, name) == 0)
                        return &table[i];
        return NULL;
}

bool jose_algorithm_is_known(const char *name)
{
        return algorithm_find(name) != NULL;
}

/* ---- text ------------------------------------------------------------------------------------------------
 */

struct bytes {
        unsigned char *p; /* owned */
        size_t n;
};

static void bytes_auto(struct bytes *b)
{
        free(b->p);
}
#define AUTO_BYTES __attribute__((cleanup(bytes_auto))) struct bytes

/* Base64url without padding, as a whole. */
static bool decode(const char *text, size_t n, struct bytes *ret)
{
        const char *end;

        ret->p = xmalloc(n + 1);
        return sodium_base642bin(ret->p, n, text, n, NULL, &ret->n, &end, BASE64) == 0 && end == text + n;
}

static bool member_decode(const json_t *object, const char *name, struct bytes *ret)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text && *text && strlen(text) <= JOSE_TOKEN_MAX && decode(text, strlen(text), ret);
}

static json_t *decode_object(const char *text, size_t n)
{
        AUTO_BYTES b = {0};
        json_t *j;

        if (!decode(text, n, &b))
                return NULL;
        j = json_loadb((const char *)b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
        if (j && !json_is_object(j)) {
                json_decref(j);
                return NULL;
        }
        return j;
}

/* ---- keys ------------------------------------------------------------------------------------------------
 */

/* A member that is absent fits; one that is there has to be this. */
static bool fits(const json_t *key, const char *member, const char *value)
{
        const json_t *v = json_object_get(key, member);

        return !v || (json_string_value(v) && strcmp(json_string_value(v), value) == 0);
}

static bool key_suits(const json_t *key, const struct algorithm *a, const char *kid)
{
        const char *type = json_string_value(json_object_get(key, "kty"));
        const char *own = json_string_value(json_object_get(key, "kid"));

        if (!type || strcmp(type, a->key_type) != 0 || !fits(key, "use", "sig") || !fits(key, "alg", a->name))
                return false;
        if (a->curve && (!json_object_get(key, "crv") || !fits(key, "crv", a->curve)))
                return false;
        return !kid || (own && strcmp(own, kid) == 0);
}

static bool key_import_rsa(const json_t *key, gnutls_pubkey_t to)
{
        AUTO_BYTES n = {0}, e = {0};
        gnutls_datum_t nd, ed;
        unsigned bits = 0;

        if (!member_decode(key, "n", &n) || !member_decode(key, "e", &e))
                return false;
        nd = (gnutls_datum_t){n.p, (unsigned)n.n};
        ed = (gnutls_datum_t){e.p, (unsigned)e.n};
        return n.n <= RSA_BITS_MAX / 8 + 1 && e.n <= 8 && gnutls_pubkey_import_rsa_raw(to, &nd, &ed) == 0 &&
               gnutls_pubkey_get_pk_algorithm(to, &bits) == GNUTLS_PK_RSA && bits >= RSA_BITS_MIN;
}

static bool key_import_ec(const json_t *key, const struct algorithm *a, gnutls_pubkey_t to)
{
        AUTO_BYTES x = {0}, y = {0};
        gnutls_datum_t xd, yd;

        if (!member_decode(key, "x", &x) || !member_decode(key, "y", &y) || x.n != a->half || y.n != a->half)
                return false;
        xd = (gnutls_datum_t){x.p, (unsigned)x.n};
        yd = (gnutls_datum_t){y.p, (unsigned)y.n};
        return gnutls_pubkey_import_ecc_raw(to, a->ecc, &xd, &yd) == 0;
}

/* ---- checking --------------------------------------------------------------------------------------------
 */

struct parts {
        const char *header, *payload, *signature;
        size_t header_n, payload_n, signature_n;
};

static bool split(const char *token, struct parts *ret)
{
        const char *one = strchr(token, '.'), *two = one ? strchr(one + 1, '.') : NULL;

        if (!two || strchr(two + 1, '.') || strlen(token) > JOSE_TOKEN_MAX)
                return false;
        *ret = (struct parts){
            token, one + 1, two + 1, (size_t)(one - token), (size_t)(two - one - 1), strlen(two + 1)};
        return true;
}

/* An elliptic signature is two numbers side by side here, and a sequence of them (DER) to GnuTLS. */
static bool signature_of(const struct algorithm *a, const struct bytes *raw, gnutls_datum_t *ret)
{
        gnutls_datum_t r, s;

        if (!a->half) {
                ret->data = gnutls_malloc(raw->n ? raw->n : 1);
                ret->size = (unsigned)raw->n;
                if (ret->data)
                        memcpy(ret->data, raw->p, raw->n);
                return ret->data != NULL;
        }
        if (raw->n != 2 * a->half)
                return false;
        r = (gnutls_datum_t){raw->p, (unsigned)a->half};
        s = (gnutls_datum_t){raw->p + a->half, (unsigned)a->half};
        return gnutls_encode_rs_value(ret, &r, &s) == 0;
}

static bool signed_by(const json_t *key, const struct algorithm *a, const gnutls_datum_t *text,
                      const gnutls_datum_t *signature)
{
        gnutls_pubkey_t k;
        bool good;

        if (gnutls_pubkey_init(&k) != 0)
                return false;
        good = (a->half ? key_import_ec(key, a, k) : key_import_rsa(key, k)) &&
               gnutls_pubkey_verify_data2(k, a->sign, 0, text, signature) >= 0;
        gnutls_pubkey_deinit(k);
        return good;
}

/* 1 signed by one of them, 0 none of them is meant, -1 one is, and did not sign this. */
static int check(const struct parts *p, const struct algorithm *a, const char *kid, const json_t *keys)
{
        const gnutls_datum_t text = {(unsigned char *)(uintptr_t)p->header,
                                     (unsigned)(p->header_n + 1 + p->payload_n)};
        gnutls_datum_t signature = {0};
        AUTO_BYTES raw = {0};
        const json_t *list = json_object_get(keys, "keys");
        int rc = 0;

        if (!decode(p->signature, p->signature_n, &raw) || !signature_of(a, &raw, &signature))
                return -1;
        for (size_t i = 0; i < json_array_size(list) && i < JOSE_KEYS_MAX && rc != 1; i++) {
                const json_t *key = json_array_get(list, i);

                if (key_suits(key, a, kid))
                        rc = signed_by(key, a, &text, &signature) ? 1 : -1;
        }
        gnutls_free(signature.data);
        return rc;
}

static int verify(const struct parts *p, const json_t *header, const json_t *keys, const char *algorithms,
                  json_t **ret_payload, struct err *err)
{
        const char *name = json_string_value(json_object_get(header, "alg"));
        const char *kid = json_string_value(json_object_get(header, "kid"));
        const struct algorithm *a = algorithm_find(name);
        int rc;

        if (!a || !words_have(algorithms, name))
                return err_set(err, ERR_DENIED,
                               "it is signed by the algorithm \"%.20s\", which is not one of: %s",
                               name ? name : "", algorithms);
        if (json_object_get(header, "crit"))
                return err_set(err, ERR_DENIED, "it asks for an extension that is not known here");
        rc = check(p, a, kid, keys);
        if (rc < 0 && kid)
                return err_set(err, ERR_DENIED, "its signature is wrong");
        if (rc <= 0)
                return 0;
        *ret_payload = decode_object(p->payload, p->payload_n);
        return *ret_payload ? 1 : err_set(err, ERR_DENIED, "it holds no JSON object");
}

int jose_verify(const char *token, const json_t *keys, const char *algorithms, json_t **ret_payload,
                struct err *err)
{
        struct parts p;
        json_t *header;
        int rc;

        if (!split(token, &p))
                return err_set(err, ERR_DENIED, "it is no signed token");
        header = decode_object(p.header, p.header_n);
        if (!header)
                return err_set(err, ERR_DENIED, "it has no header");
        rc = verify(&p, header, keys, algorithms, ret_payload, err);
        json_decref(header);
        return rc;
}
