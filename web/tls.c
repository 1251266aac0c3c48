/* SPDX-License-Identifier: Apache-2.0 */
#include "web/tls.h"

#include "common/log.h"
#include "common/util.h"

#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tls {
        pthread_mutex_t lock;
        char *cert_path, *key_path;
        gnutls_datum_t cert, key; /* PEM; changed under the lock */
        struct timespec cert_at, key_at;
};

/* The one that handshakes ask: their callback carries nothing of ours. A program has one certificate. */
static struct tls *current;
static pthread_mutex_t current_lock = PTHREAD_MUTEX_INITIALIZER;

static int file_read(const char *path, gnutls_datum_t *ret, struct timespec *ret_at, struct err *err)
{
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;
        unsigned char *data;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0)
                return err_errno(err, "could not read \"%s\"", path);
        if (!S_ISREG(st.st_mode) || st.st_size > TLS_FILE_MAX)
                return err_set(err, ERR_BAD_INPUT, "\"%s\" is no file of at most %d bytes", path,
                               TLS_FILE_MAX);
        data = xmalloc((size_t)st.st_size + 1);
        n = read(fd, data, (size_t)st.st_size);
        if (n < 0) {
                free(data);
                return err_errno(err, "could not read \"%s\"", path);
        }
        data[n] = '\0';
        *ret = (gnutls_datum_t){data, (unsigned)n};
        *ret_at = st.st_mtim;
        return 0;
}

static void forget(gnutls_datum_t *d)
{
        if (d->data)
                sodium_memzero(d->data, d->size);
        free(d->data);
        *d = (gnutls_datum_t){0};
}

/* Do they belong together? */
static int check(const gnutls_datum_t *cert, const gnutls_datum_t *key, struct err *err)
{
        gnutls_certificate_credentials_t c;
        int rc = gnutls_certificate_allocate_credentials(&c);

        if (rc == 0) {
                rc = gnutls_certificate_set_x509_key_mem(c, cert, key, GNUTLS_X509_FMT_PEM);
                gnutls_certificate_free_credentials(c);
        }
        return rc < 0 ? err_set(err, ERR_BAD_INPUT, "certificate and key are no pair in PEM form: %s",
                                gnutls_strerror(rc))
                      : 0;
}

static int load(struct tls *t, struct err *err)
{
        gnutls_datum_t cert = {0}, key = {0};
        struct timespec cert_at, key_at;

        if (file_read(t->cert_path, &cert, &cert_at, err) < 0 ||
            file_read(t->key_path, &key, &key_at, err) < 0 || check(&cert, &key, err) < 0) {
                forget(&cert);
                forget(&key);
                return -1;
        }
        pthread_mutex_lock(&t->lock);
        forget(&t->cert);
        forget(&t->key);
        t->cert = cert;
        t->key = key;
        pthread_mutex_unlock(&t->lock);
        t->cert_at = cert_at;
        t->key_at = key_at;
        return 0;
}

int tls_new(const char *cert_path, const char *key_path, struct tls **ret, struct err *err)
{
        struct tls *t = xcalloc(1, sizeof *t);

        pthread_mutex_init(&t->lock, NULL);
        t->cert_path = xstrdup(cert_path);
        t->key_path = xstrdup(key_path);
        if (load(t, err) < 0) {
                err_prefix(err, "TLS");
                tls_free(t);
                return -1;
        }
        pthread_mutex_lock(&current_lock);
        current = t;
        pthread_mutex_unlock(&current_lock);
        *ret = t;
        return 0;
}

void tls_free(struct tls *t)
{
        if (!t)
                return;
        pthread_mutex_lock(&current_lock);
        if (current == t)
                current = NULL;
        pthread_mutex_unlock(&current_lock);
        forget(&t->cert);
        forget(&t->key);
        pthread_mutex_destroy(&t->lock);
        free(t->cert_path);
        free(t->key_path);
        free(t);
}

static bool changed(const char *path, const struct timespec *at)
{
        struct stat st;

        return stat(path, &st) == 0 && (st.st_mtim.tv_sec != at->tv_sec || st.st_mtim.tv_nsec != at->tv_nsec);
}

void tls_look(struct tls *t)
{
        struct err err;
        struct stat st;

        if (!changed(t->cert_path, &t->cert_at) && !changed(t->key_path, &t->key_at))
                return;
        if (load(t, &err) == 0) {
                log_info("web: the certificate was read again");
                return;
        }
        log_warn("web: the certificate stays as it was: %s", err.text);
        /* Said once for each state of the files. */
        if (stat(t->cert_path, &st) == 0)
                t->cert_at = st.st_mtim;
        if (stat(t->key_path, &st) == 0)
                t->key_at = st.st_mtim;
}

/* ---- a handshake -----------------------------------------------------------------------------------------
 */

static int chain_make(const gnutls_datum_t *pem, gnutls_pcert_st **ret, unsigned *ret_n)
{
        gnutls_pcert_st *list = gnutls_malloc(TLS_CHAIN_MAX * sizeof *list);
        unsigned n = TLS_CHAIN_MAX;
        int rc = list ? gnutls_pcert_list_import_x509_raw(list, &n, pem, GNUTLS_X509_FMT_PEM, 0)
                      : GNUTLS_E_MEMORY_ERROR;

        if (rc < 0) {
                gnutls_free(list);
                return -1;
        }
        *ret = list;
        *ret_n = n;
        return 0;
}

static int key_make(const gnutls_datum_t *pem, gnutls_privkey_t *ret)
{
        if (gnutls_privkey_init(ret) < 0)
                return -1;
        if (gnutls_privkey_import_x509_raw(*ret, pem, GNUTLS_X509_FMT_PEM, NULL, 0) == 0)
                return 0;
        gnutls_privkey_deinit(*ret);
        return -1;
}

/* GnuTLS frees what it gets, so that a certificate may change while another handshake uses the one before. */
static int on_handshake(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                        gnutls_pcert_st **certs, unsigned *cert_count, gnutls_ocsp_data_st **ocsp,
                        unsigned *ocsp_count, gnutls_privkey_t *key, unsigned *flags)
{
        int rc = -1;

        (void)session;
        (void)info;
        *ocsp = NULL;
        *ocsp_count = 0;
        pthread_mutex_lock(&current_lock);
        if (current) {
                pthread_mutex_lock(&current->lock);
                rc = key_make(&current->key, key);
                if (rc == 0 && chain_make(&current->cert, certs, cert_count) < 0) {
                        gnutls_privkey_deinit(*key);
                        rc = -1;
                }
                pthread_mutex_unlock(&current->lock);
        }
        pthread_mutex_unlock(&current_lock);
        *flags = rc == 0 ? GNUTLS_CERT_RETR_DEINIT_ALL : 0;
        return rc;
}

void tls_options(struct MHD_OptionItem *ret)
{
        ret[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)(uintptr_t)on_handshake};
        ret[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES};
        ret[2] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}
