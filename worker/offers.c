/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/offers.h"

#include "common/log.h"
#include "common/num.h"
#include "common/util.h"
#include "worker/files.h"
#include "worker/let_in.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE       (256u << 10)
#define OFFER_BYTES_MAX (256u << 20) /* of an offer on disk */

void offer_file_release(struct offer_file *f)
{
        transfer_offer_release(&f->offer);
        transfer_list_release(&f->list);
}

static void offer_path(char ret[64], uint64_t id)
{
        snprintf(ret, 64, TRANSFER_OFFER_FILE, (unsigned long long)id);
}

/* ---- on disk ---- */

static int write_aside(const char *path, const struct buf *b)
{
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

        return fd < 0 || file_write_all(fd, buf_bytes(b), buf_len(b)) < 0 ? -1 : 0;
}

static int offer_write(const struct offer_file *f, struct err *err)
{
        char path[64], aside[72];
        struct buf b;
        int rc;

        if (mkdir(TRANSFER_OFFERS_DIR, 0700) < 0 && errno != EEXIST)
                return err_errno(err, "could not make the directory of offers");
        offer_path(path, f->offer.id);
        snprintf(aside, sizeof aside, "%s.new", path);
        buf_init(&b, OFFER_BYTES_MAX);
        put_transfer_offer_file(&b, f->until_wall_ms, &f->offer, &f->list);
        rc = b.overflow ? err_set(err, ERR_LIMIT, "the list of files is too long for one transfer")
             : write_aside(aside, &b) < 0 || rename(aside, path) < 0
                 ? err_errno(err, "could not write the offer of transfer %llu",
                             (unsigned long long)f->offer.id)
                 : 0;
        buf_release(&b);
        return rc;
}

/* -1 with errno, or EBADMSG. */
static int offer_read(const char *path, struct offer_file *ret)
{
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        struct buf b;
        bool good;

        if (fd < 0)
                return -1;
        buf_init(&b, OFFER_BYTES_MAX + READ_SIZE);
        for (;;) {
                uint8_t *to = buf_reserve(&b, READ_SIZE);
                ssize_t n = to ? read(fd, to, READ_SIZE) : 0;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                buf_added(&b, (size_t)n);
        }
        *ret = (struct offer_file){0};
        good = get_transfer_offer_file(&b, &ret->until_wall_ms, &ret->offer, &ret->list);
        buf_release(&b);
        if (good)
                return 0;
        offer_file_release(ret);
        errno = EBADMSG;
        return -1;
}

/* ---- making and ending ---- */

int offer_make(const char *root, const struct offer_file *f, struct err *err)
{
        offer_withdraw(f->offer.id);
        if (offer_write(f, err) < 0)
                return -1;
        if (!f->offer.public_key[0])
                return 0;
        if (let_in(root, &f->offer, f->until_wall_ms, err) == 0)
                return 0;
        offer_withdraw(f->offer.id);
        return -1;
}

int offer_load(uint64_t id, int64_t now_wall_ms, struct offer_file *ret, struct err *err)
{
        char path[64];

        offer_path(path, id);
        if (offer_read(path, ret) < 0)
                return err_set(err, ERR_NOT_FOUND, "there is no offer of transfer %llu here",
                               (unsigned long long)id);
        if (ret->until_wall_ms >= now_wall_ms)
                return 0;
        offer_file_release(ret);
        return err_set(err, ERR_NOT_FOUND, "the offer of transfer %llu is over", (unsigned long long)id);
}

static void withdraw_path(const char *path)
{
        struct offer_file f;
        struct err err;

        if (offer_read(path, &f) == 0) {
                if (f.offer.public_key[0] && let_out(&f.offer, &err) < 0)
                        log_warn("a key of transfer %llu could not be taken out: %s",
                                 (unsigned long long)f.offer.id, err.text);
                offer_file_release(&f);
        } else if (errno == ENOENT) {
                return;
        }
        unlink(path);
}

void offer_withdraw(uint64_t id)
{
        char path[64];

        offer_path(path, id);
        withdraw_path(path);
}

void offers_sweep(int64_t now_wall_ms)
{
        DIR *d = opendir(TRANSFER_OFFERS_DIR);
        struct dirent *e;

        while (d && (e = readdir(d))) {
                AUTO_FREE char *path = xasprintf(TRANSFER_OFFERS_DIR "/%s", e->d_name);
                struct offer_file f;
                bool good;

                if (e->d_name[0] == '.')
                        continue;
                good = offer_read(path, &f) == 0;
                if (!good || f.until_wall_ms < now_wall_ms)
                        withdraw_path(path);
                if (good)
                        offer_file_release(&f);
        }
        if (d)
                closedir(d);
}
