/* SPDX-License-Identifier: Apache-2.0 */
#include "profile.h"

#include "doc.h"
#include "common/buf.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROFILE_MAX 65536
#define SECRET_MAX  4096

static char *directory(void)
{
        const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

        if (config && *config == '/')
                return xasprintf("%s/reeve", config);
        return home && *home == '/' ? xasprintf("%s/.config/reeve", home) : NULL;
}

/* A file with a token that others may read is refused, as ssh does with keys. */
static int check_mode(const char *path, struct err *err)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return err_errno(err, "could not read \"%s\"", path);
        if (st.st_mode & 077)
                return err_set(err, ERR_DENIED,
                               "others can read \"%s\", which holds a token; run: chmod 600 %s", path, path);
        return 0;
}

char *profile_path(void)
{
        AUTO_FREE char *dir = directory();

        return dir ? xasprintf("%s/config.yaml", dir) : NULL;
}

int profile_load_file(struct profile *p, struct err *err)
{
        AUTO_FREE char *path = profile_path();
        AUTO_FREE char *text = NULL;
        const char *url, *token;
        json_t *doc;
        size_t n;

        *p = (struct profile){0};
        if (!path || access(path, F_OK) < 0)
                return 0;
        if (doc_read_file(path, PROFILE_MAX, &text, &n, err) < 0 ||
            doc_parse(path, text, n, NULL, &doc, err) < 0)
                return -1;
        url = json_string_value(json_object_get(doc, "url"));
        token = json_string_value(json_object_get(doc, "token"));
        p->url = xstrdup(url);
        p->token = xstrdup(token);
        p->format = xstrdup(json_string_value(json_object_get(doc, "format")));
        p->url_from = url ? PROFILE_FILE : PROFILE_NONE;
        p->token_from = token ? PROFILE_FILE : PROFILE_NONE;
        p->file_exists = true;
        json_decref(doc);
        if (p->token && check_mode(path, err) < 0) {
                profile_release(p);
                return -1;
        }
        return 0;
}

int profile_read_secret(const char *path, char **ret, struct err *err)
{
        char *text;
        size_t n;

        if (doc_read_file(path, SECRET_MAX, &text, &n, err) < 0)
                return -1;
        text[strcspn(text, "\r\n")] = '\0';
        if (!*text) {
                free(text);
                return err_set(err, ERR_BAD_INPUT, "no token in \"%s\"", path);
        }
        *ret = text;
        return 0;
}

static void replace(char **to, char *owned)
{
        free(*to);
        *to = owned;
}

int profile_load(struct profile *ret, struct err *err)
{
        const char *url = getenv("REEVE_URL"), *token = getenv("REEVE_TOKEN"),
                   *file = getenv("REEVE_TOKEN_FILE");
        struct profile p = {0};
        char *secret = NULL;

        if (profile_load_file(&p, err) < 0 ||
            (!(token && *token) && file && *file && profile_read_secret(file, &secret, err) < 0)) {
                profile_release(&p);
                return -1;
        }
        if (token && *token)
                secret = xstrdup(token);
        /* The stored token belongs to the stored server: another server does not get to see it. */
        if (url && *url && p.url && strcmp(url, p.url) != 0) {
                replace(&p.token, NULL);
                p.token_from = PROFILE_NONE;
        }
        if (url && *url) {
                replace(&p.url, xstrdup(url));
                p.url_from = PROFILE_ENVIRONMENT;
        }
        if (secret) {
                replace(&p.token, secret);
                p.token_from = PROFILE_ENVIRONMENT;
        }
        if (!p.url) {
                p.url = xstrdup(PROFILE_URL_DEFAULT);
                p.url_from = PROFILE_DEFAULT;
        }
        *ret = p;
        return 0;
}

static int make_directory(const char *dir, struct err *err)
{
        AUTO_FREE char *path = xstrdup(dir);

        for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
                if (slash)
                        *slash = '\0';
                if (mkdir(path, 0700) < 0 && errno != EEXIST)
                        return err_errno(err, "could not make \"%s\"", path);
                if (!slash)
                        return 0;
                *slash = '/';
        }
}

static int write_whole(const char *path, const void *p, size_t n, struct err *err)
{
        AUTO_FREE char *part = xasprintf("%s.%ld", path, (long)getpid());
        AUTO_CLOSE int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                return err_errno(err, "could not write \"%s\"", part);
        if (write(fd, p, n) != (ssize_t)n || fsync(fd) < 0 || rename(part, path) < 0) {
                err_errno(err, "could not write \"%s\"", path);
                unlink(part);
                return -1;
        }
        return 0;
}

static void put_line(struct buf *b, const char *name, const char *value)
{
        if (!value)
                return;
        buf_printf(b, "%s: ", name);
        buf_json_str(b, value, strlen(value));
        buf_u8(b, '\n');
}

int profile_save(const struct profile *p, char **ret_path, struct err *err)
{
        AUTO_FREE char *dir = directory();
        AUTO_FREE char *path = NULL;
        struct buf b;
        int r;

        if (!dir)
                return err_set(err, ERR_BAD_INPUT,
                               "HOME is not set: there is no place for the login; set REEVE_URL and "
                               "REEVE_TOKEN instead");
        if (make_directory(dir, err) < 0)
                return -1;
        path = xasprintf("%s/config.yaml", dir);
        buf_init(&b, PROFILE_MAX);
        /* A JSON string is a YAML string. */
        put_line(&b, "url", p->url);
        put_line(&b, "token", p->token);
        put_line(&b, "format", p->format);
        r = write_whole(path, buf_bytes(&b), buf_len(&b), err);
        sodium_memzero(b.data, b.len);
        buf_release(&b);
        if (r == 0)
                *ret_path = MOVE(path);
        return r;
}

void profile_release(struct profile *p)
{
        if (p->token)
                sodium_memzero(p->token, strlen(p->token));
        free(p->url);
        free(p->token);
        free(p->format);
        *p = (struct profile){0};
}
