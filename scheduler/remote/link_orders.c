/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker is told, and the requests that it answers. */
#include "remote/worker_link_priv.h"

#include "common/util.h"

#include <string.h>

static int may_send(struct worker_link *l, struct err *err)
{
        if (l->talk != TALK_OPEN)
                return err_set(err, ERR_UNAVAILABLE, "%s is not connected", l->name);
        if (worker_link_queued(l) > LINK_QUEUE_MAX)
                return err_set(err, ERR_LIMIT, "%s does not take what is sent to it", l->name);
        link_dirty(l);
        return 0;
}

void link_send_nonce(struct worker_link *l, uint8_t type, uint64_t nonce)
{
        size_t at = frame_begin(&l->out, type);

        buf_u64(&l->out, nonce);
        frame_end(&l->out, at);
        link_dirty(l);
}

struct request *link_request_find(struct worker_link *l, uint32_t id, enum request_kind kind)
{
        for (size_t i = 0; id && i < LINK_REQUESTS_MAX; i++) {
                if (l->requests[i].id == id && l->requests[i].kind == kind)
                        return &l->requests[i];
        }
        return NULL;
}

void link_request_end(struct worker_link *l, struct request *q)
{
        q->id = 0;
        l->request_count--;
}

/* ---- work ---- */

bool worker_link_has_template(const struct worker_link *l, int64_t job)
{
        return job_set_has(&l->templates, job);
}

int worker_link_template(struct worker_link *l, const struct proto_template *t, struct err *err)
{
        size_t at, before;

        if (may_send(l, err) < 0)
                return -1;
        before = buf_len(&l->out);
        at = frame_begin(&l->out, P_TEMPLATE);
        put_template(&l->out, t);
        frame_end(&l->out, at);
        if (buf_len(&l->out) - before - 4 > FRAME_MAX) {
                l->out.len -= buf_len(&l->out) - before;
                return err_set(err, ERR_BAD_INPUT,
                               "the job's script, arguments and environment are too large together");
        }
        job_set_add(&l->templates, t->job);
        return 0;
}

int worker_link_forget(struct worker_link *l, int64_t job, struct err *err)
{
        size_t at;

        if (may_send(l, err) < 0)
                return -1;
        if (!job_set_remove(&l->templates, job))
                return 0;
        at = frame_begin(&l->out, P_FORGET);
        buf_u64(&l->out, (uint64_t)job);
        frame_end(&l->out, at);
        return 0;
}

int worker_link_launch(struct worker_link *l, int64_t job, const struct link_launch *items, size_t n,
                       struct err *err)
{
        if (may_send(l, err) < 0)
                return -1;
        if (!job_set_has(&l->templates, job))
                return err_set(err, ERR_CONFLICT, "job %lld: its template was not sent on this connection",
                               (long long)job);
        while (n) {
                size_t part = n < BATCH_MAX ? n : BATCH_MAX, at = frame_begin(&l->out, P_LAUNCH);

                buf_u64(&l->out, (uint64_t)job);
                buf_u32(&l->out, (uint32_t)part);
                for (size_t i = 0; i < part; i++) {
                        buf_u32(&l->out, (uint32_t)items[i].first_task);
                        buf_u32(&l->out, (uint32_t)items[i].count);
                        buf_u32(&l->out, (uint32_t)items[i].attempt);
                }
                frame_end(&l->out, at);
                items += part;
                n -= part;
        }
        return 0;
}

int worker_link_part(struct worker_link *l, int64_t job, int32_t task, const void *list, size_t n,
                     struct err *err)
{
        size_t done = 0;

        if (may_send(l, err) < 0)
                return -1;
        do {
                size_t piece = n - done < PART_PIECE_MAX ? n - done : PART_PIECE_MAX;
                size_t at = frame_begin(&l->out, P_PART);

                buf_u64(&l->out, (uint64_t)job);
                buf_u32(&l->out, (uint32_t)task);
                buf_u8(&l->out, (done ? 0 : PART_FIRST) | (done + piece == n ? PART_LAST : 0));
                buf_put(&l->out, (const uint8_t *)list + done, piece);
                frame_end(&l->out, at);
                done += piece;
        } while (done < n);
        return 0;
}

static void put_keys(struct buf *b, const struct attempt_key *keys, size_t n)
{
        buf_u32(b, (uint32_t)n);
        for (size_t i = 0; i < n; i++)
                put_key(b, keys[i]);
}

int worker_link_cancel(struct worker_link *l, const struct attempt_key *keys, size_t n, uint32_t grace_ms,
                       enum outcome outcome, struct err *err)
{
        if (may_send(l, err) < 0)
                return -1;
        while (n) {
                size_t part = n < BATCH_MAX ? n : BATCH_MAX, at = frame_begin(&l->out, P_CANCEL);

                buf_u32(&l->out, grace_ms);
                buf_u8(&l->out, (uint8_t)outcome);
                put_keys(&l->out, keys, part);
                frame_end(&l->out, at);
                keys += part;
                n -= part;
        }
        return 0;
}

int worker_link_ack(struct worker_link *l, const struct attempt_key *keys, size_t n, struct err *err)
{
        if (may_send(l, err) < 0)
                return -1;
        while (n) {
                size_t part = n < BATCH_MAX ? n : BATCH_MAX, at = frame_begin(&l->out, P_ACK);

                put_keys(&l->out, keys, part);
                frame_end(&l->out, at);
                keys += part;
                n -= part;
        }
        return 0;
}

static int request_new(struct worker_link *l, enum request_kind kind, uint32_t *ret_id, struct err *err)
{
        if (may_send(l, err) < 0)
                return -1;
        for (size_t i = 0; i < LINK_REQUESTS_MAX; i++) {
                if (l->requests[i].id)
                        continue;
                if (++l->next_request == 0)
                        l->next_request = 1;
                l->requests[i] = (struct request){l->next_request, kind};
                l->request_count++;
                *ret_id = l->next_request;
                return 0;
        }
        return err_set(err, ERR_LIMIT, "%s: %d reads wait already; try again in a moment", l->name,
                       LINK_REQUESTS_MAX);
}

int worker_link_read(struct worker_link *l, enum read_what what, struct attempt_key key, const char *path,
                     uint64_t offset, uint32_t length, uint32_t *ret_request, struct err *err)
{
        uint32_t id;
        size_t at;

        if (length > CHUNK_MAX || (path && strlen(path) > PATH_TEXT_MAX))
                return err_set(err, ERR_BAD_INPUT, "a read is at most %u bytes, a path at most %d", CHUNK_MAX,
                               PATH_TEXT_MAX);
        if (request_new(l, REQUEST_READ, &id, err) < 0)
                return -1;
        at = frame_begin(&l->out, P_READ);
        buf_u32(&l->out, id);
        buf_u8(&l->out, (uint8_t)what);
        put_key(&l->out, key);
        buf_str(&l->out, path);
        buf_u64(&l->out, offset);
        buf_u32(&l->out, length);
        frame_end(&l->out, at);
        *ret_request = id;
        return 0;
}

int worker_link_scan(struct worker_link *l, const char *path, uint32_t *ret_request, struct err *err)
{
        uint32_t id;
        size_t at;

        if (path[0] != '/' || strlen(path) > PATH_TEXT_MAX)
                return err_set(err, ERR_BAD_INPUT, "a path at a site is absolute and at most %d bytes long",
                               PATH_TEXT_MAX);
        if (request_new(l, REQUEST_SCAN, &id, err) < 0)
                return -1;
        at = frame_begin(&l->out, P_SCAN);
        buf_u32(&l->out, id);
        buf_str(&l->out, path);
        frame_end(&l->out, at);
        *ret_request = id;
        return 0;
}

/* ---- what transfers need ---- */

void link_listen(struct worker_link *l, struct link_listener *x)
{
        x->link = l;
        x->next = l->listeners;
        l->listeners = x;
}

void link_unlisten(struct link_listener *x)
{
        struct link_listener **at = x->link ? &x->link->listeners : NULL;

        while (at && *at != x)
                at = &(*at)->next;
        if (at)
                *at = x->next;
        x->link = NULL;
}

struct buf *link_frames(struct worker_link *l, struct err *err)
{
        return may_send(l, err) < 0 ? NULL : &l->out;
}

const struct worker_link_settings *link_settings(const struct worker_link *l)
{
        return &l->s;
}

bool link_has_feature(const struct worker_link *l, const char *word)
{
        AUTO_FREE char *apart = xasprintf(" %s ", word);

        return strstr(l->features, apart) != NULL;
}

char *link_command(const struct worker_link *l, const char *what, uint64_t transfer)
{
        return xasprintf(
            "exec /bin/sh -c 'r=%s; exec \"$r\"/bin/reeve-worker-%s %s --root \"$r\" --transfer %llu'",
            l->root, l->worker_sha256, what, (unsigned long long)transfer);
}

int link_request_removal(struct worker_link *l, uint32_t *ret_id, struct err *err)
{
        return request_new(l, REQUEST_REMOVE, ret_id, err);
}

int worker_link_stop_worker(struct worker_link *l, enum stop_mode mode, struct err *err)
{
        size_t at;

        if (may_send(l, err) < 0)
                return -1;
        at = frame_begin(&l->out, P_STOP);
        buf_u8(&l->out, (uint8_t)mode);
        frame_end(&l->out, at);
        return 0;
}

/* ---- who listens ---- */

void link_listeners_down(struct worker_link *l)
{
        struct link_listener *x;

        while ((x = l->listeners)) {
                l->listeners = x->next;
                x->link = NULL;
                x->on_down(x);
        }
}
