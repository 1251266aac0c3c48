/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker says, frame by frame: when it may come, decoded by link_messages.c, handed to the owner. */
#include "remote/worker_link_priv.h"

#include "common/util.h"
#include "remote/link_messages.h"

#include <stdio.h>
#include <stdlib.h>

static int handle_welcome(struct worker_link *l, struct reader *r, struct err *err)
{
        struct link_welcome_text text;
        struct link_welcome w;
        uint16_t version;
        int64_t round_trip = clock_boot_ms() - l->hello_ms;

        if (get_welcome(r, &version, &w, &text, err) < 0)
                return -1;
        if (version != PROTO_VERSION) {
                link_welcome_text_release(&text);
                return err_set(err, ERR_PROTOCOL, "the worker speaks version %u of the protocol, not %d",
                               version, PROTO_VERSION);
        }
        w.clock_off_ms = w.wall_ms - (clock_wall_ms() - round_trip / 2);
        l->talk = TALK_SNAPSHOT;
        snprintf(l->features, sizeof l->features, " %.250s ", w.features);
        EMIT(l, on_step, "worker", (uint32_t)(clock_boot_ms() - l->attach_ms), w.hostname);
        if (!l->freed && l->conn)
                EMIT(l, on_welcome, &w);
        link_welcome_text_release(&text);
        return 0;
}

static int handle_fenced(struct worker_link *l, struct reader *r, struct err *err)
{
        uint64_t epoch = reader_u64(r);
        struct link_failure why = {.where = l->state, .kind = FAIL_OTHER, .final = true};

        if (r->bad || reader_left(r))
                return err_set(err, ERR_PROTOCOL, "P_FENCED does not decode");
        snprintf(why.text, sizeof why.text, "the worker obeys a later leadership (epoch %llu, ours is %llu)",
                 (unsigned long long)epoch, (unsigned long long)l->s.epoch);
        link_down(l, &why);
        EMIT(l, on_fenced, epoch);
        return 0;
}

static int handle_snapshot(struct worker_link *l, struct reader *r, struct err *err)
{
        return get_snapshot(r, &l->snapshot, &l->snapshot_count, &l->snapshot_cap, err);
}

static int handle_snapshot_end(struct worker_link *l, struct reader *r, struct err *err)
{
        struct link_snapshot_item *items = l->snapshot;
        size_t n = l->snapshot_count;

        if (reader_left(r))
                return err_set(err, ERR_PROTOCOL, "P_SNAPSHOT_END has a payload");
        l->snapshot = NULL;
        l->snapshot_count = l->snapshot_cap = 0;
        l->talk = TALK_OPEN;
        l->ready_ms = clock_boot_ms();
        l->dead = l->has_failure = false;
        l->refused = 0;
        uv_timer_stop(&l->timers[TIMER_DEADLINE]);
        link_beat_start(l);
        link_gate_leave(l);
        link_gate_wake(l);
        EMIT(l, on_snapshot, items, n);
        free(items);
        if (!l->freed && l->talk == TALK_OPEN)
                link_set_state(l, LINK_READY, NULL);
        return 0;
}

static int handle_started(struct worker_link *l, struct reader *r, struct err *err)
{
        AUTO_FREE struct link_started *items = NULL;
        size_t n;

        if (get_started(r, &items, &n, err) < 0)
                return -1;
        EMIT(l, on_started, items, n);
        return 0;
}

static int handle_reported(struct worker_link *l, struct reader *r, struct err *err)
{
        AUTO_FREE struct link_progress *items = NULL;
        size_t n;

        if (get_reported(r, &items, &n, err) < 0)
                return -1;
        EMIT(l, on_reported, items, n);
        return 0;
}

static int handle_finishing(struct worker_link *l, struct reader *r, struct err *err)
{
        AUTO_FREE struct attempt_key *keys = NULL;
        size_t n;

        if (get_keys(r, &keys, &n, err) < 0)
                return -1;
        EMIT(l, on_finishing, keys, n);
        return 0;
}

static int handle_outputs(struct worker_link *l, struct reader *r, struct err *err)
{
        struct attempt_key key = get_key(r);
        struct proto_file *files;
        size_t n;

        if (!attempt_key_is_sane(key) || get_files(r, &files, &n, err) < 0)
                return err_set(err, ERR_PROTOCOL, "P_OUTPUTS does not decode");
        EMIT(l, on_outputs, key, files, n);
        files_free(files, n);
        return 0;
}

static int handle_ended(struct worker_link *l, struct reader *r, struct err *err)
{
        AUTO_FREE struct proto_result *results = NULL;
        size_t n;

        if (get_results(r, &results, &n, err) < 0)
                return -1;
        EMIT(l, on_ended, results, n);
        return 0;
}

static int handle_renew(struct worker_link *l, struct reader *r, struct err *err)
{
        uint64_t nonce = reader_u64(r);

        if (r->bad || reader_left(r))
                return err_set(err, ERR_PROTOCOL, "P_RENEW does not decode");
        /* Asked of the clock, not of a timer: after a long stop of this process the first frame is read
         * before any timer runs. */
        if (clock_boot_ms() >= l->grant_until_ms)
                return 0;
        link_send_nonce(l, P_GRANT, nonce);
        l->granted_ms = clock_boot_ms();
        return 0;
}

static int handle_ping(struct worker_link *l, struct reader *r, struct err *err)
{
        uint64_t nonce = reader_u64(r);

        if (r->bad || reader_left(r))
                return err_set(err, ERR_PROTOCOL, "P_PING does not decode");
        link_send_nonce(l, P_PONG, nonce);
        return 0;
}

static int handle_pong(struct worker_link *l, struct reader *r, struct err *err)
{
        uint64_t nonce = reader_u64(r);

        if (r->bad || reader_left(r))
                return err_set(err, ERR_PROTOCOL, "P_PONG does not decode");
        if (nonce == l->ping && l->ping_ms) {
                l->rtt_ms = clock_boot_ms() - l->ping_ms;
                l->ping_ms = 0;
        }
        return 0;
}

static int handle_health(struct worker_link *l, struct reader *r, struct err *err)
{
        struct link_health h;

        if (get_health(r, &h, err) < 0)
                return -1;
        h.clock_off_ms = h.wall_ms - (clock_wall_ms() - (l->rtt_ms > 0 ? l->rtt_ms / 2 : 0));
        EMIT(l, on_health, &h);
        return 0;
}

static int handle_data(struct worker_link *l, struct reader *r, struct err *err)
{
        struct link_data d;
        uint32_t id;
        struct request *q;

        if (get_data(r, &id, &d, err) < 0)
                return -1;
        q = link_request_find(l, id, REQUEST_READ);
        if (!q)
                return err_set(err, ERR_PROTOCOL, "P_DATA answers a request that was not made");
        link_request_end(l, q);
        EMIT(l, on_data, id, &d);
        return 0;
}

static int handle_scanned(struct worker_link *l, struct reader *r, struct err *err)
{
        uint32_t id = reader_u32(r);
        uint64_t files_done = reader_u64(r), bytes_done = reader_u64(r);
        struct proto_file *files;
        size_t n;

        if (get_files(r, &files, &n, err) < 0)
                return -1;
        if (!link_request_find(l, id, REQUEST_SCAN)) {
                files_free(files, n);
                return err_set(err, ERR_PROTOCOL, "P_SCANNED answers a request that was not made");
        }
        EMIT(l, on_scanned, id, files_done, bytes_done, files, n);
        files_free(files, n);
        return 0;
}

static int handle_scan_end(struct worker_link *l, struct reader *r, struct err *err)
{
        uint32_t id = reader_u32(r);
        uint8_t status = reader_u8(r), is_file = reader_u8(r);
        AUTO_FREE char *text = reader_str(r, PATH_TEXT_MAX + RESULT_TEXT_MAX);
        struct request *q = link_request_find(l, id, REQUEST_SCAN);

        if (r->bad || reader_left(r) || status > READ_FAILED || is_file > 1 || !q)
                return err_set(err, ERR_PROTOCOL,
                               "P_SCAN_END does not decode or answers a request that was not made");
        text_make_printable(text);
        link_request_end(l, q);
        EMIT(l, on_scan_end, id, status, is_file, text);
        return 0;
}

/* ---- transfers ---- */

/* For the transfer that it is about; one that is over may still be spoken of. */
static int handle_transfer(struct worker_link *l, uint8_t type, struct reader *r, struct err *err)
{
        struct reader id_reader = *r;
        uint64_t id = reader_u64(&id_reader);
        struct link_listener *x = l->listeners;

        while (x && x->id != id)
                x = x->next;
        if (x)
                x->on_frame(x, type, r);
        return id_reader.bad || r->bad ? err_set(err, ERR_PROTOCOL, "frame %u does not decode", type) : 0;
}

static int handle_removed(struct worker_link *l, struct reader *r, struct err *err)
{
        uint32_t id = reader_u32(r);
        uint8_t status = reader_u8(r);
        uint64_t files = reader_u64(r), bytes = reader_u64(r);
        AUTO_FREE char *text = reader_str(r, PATH_TEXT_MAX + RESULT_TEXT_MAX);
        struct request *q = link_request_find(l, id, REQUEST_REMOVE);

        if (r->bad || reader_left(r) || status > READ_FAILED || !q)
                return err_set(err, ERR_PROTOCOL,
                               "P_REMOVED does not decode or answers a request that was not made");
        text_make_printable(text);
        link_request_end(l, q);
        EMIT(l, on_removed, id, status, files, bytes, text);
        return 0;
}

#define AT(talk) (1u << (talk))

static const struct {
        uint8_t type;
        unsigned when; /* in which parts of the conversation it may come */
        int (*handle)(struct worker_link *l, struct reader *r, struct err *err);
} handlers[] = {
    {P_ENDED, AT(TALK_OPEN), handle_ended},
    {P_STARTED, AT(TALK_OPEN), handle_started},
    {P_FINISHING, AT(TALK_OPEN), handle_finishing},
    {P_PROGRESS, AT(TALK_OPEN), handle_reported},
    {P_OUTPUTS, AT(TALK_OPEN), handle_outputs},
    {P_RENEW, AT(TALK_OPEN) | AT(TALK_SNAPSHOT), handle_renew},
    {P_HEALTH, AT(TALK_OPEN) | AT(TALK_SNAPSHOT), handle_health},
    {P_DATA, AT(TALK_OPEN), handle_data},
    {P_SCANNED, AT(TALK_OPEN), handle_scanned},
    {P_SCAN_END, AT(TALK_OPEN), handle_scan_end},
    {P_REMOVED, AT(TALK_OPEN), handle_removed},
    {P_PING, AT(TALK_OPEN) | AT(TALK_SNAPSHOT), handle_ping},
    {P_PONG, AT(TALK_OPEN) | AT(TALK_SNAPSHOT), handle_pong},
    {P_WELCOME, AT(TALK_WELCOME), handle_welcome},
    {P_FENCED, AT(TALK_WELCOME) | AT(TALK_SNAPSHOT) | AT(TALK_OPEN), handle_fenced},
    {P_SNAPSHOT, AT(TALK_SNAPSHOT), handle_snapshot},
    {P_SNAPSHOT_END, AT(TALK_SNAPSHOT), handle_snapshot_end},
};

int link_handle_frame(struct worker_link *l, const struct frame *f, struct err *err)
{
        struct reader r;

        reader_init(&r, f->payload, f->len);
        if (f->type >= P_OFFERED && f->type <= P_PULL_END && l->talk == TALK_OPEN)
                return handle_transfer(l, f->type, &r, err);
        for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
                if (handlers[i].type != f->type)
                        continue;
                if (!(handlers[i].when & AT(l->talk)))
                        return err_set(err, ERR_PROTOCOL, "frame %u out of turn", f->type);
                return handlers[i].handle(l, &r, err);
        }
        return err_set(err, ERR_PROTOCOL, "frame of unknown type %u", f->type);
}
