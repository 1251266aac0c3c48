/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h - the engine: drain, fold, decide, commit, act, in one thread on one uv loop.
 *
 * It leads or waits to lead. While it leads it holds the model, one link per worker and one database
 * connection. Whatever goes wrong with the record (lost connection, refused guard, newer epoch) ends the
 * leadership: model and links are thrown away, and when it leads again everything is read anew. A crash at
 * any point is the same thing with less politeness.
 */
#ifndef REEVE_ENGINE_H
#define REEVE_ENGINE_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct engine;

struct engine_settings { /* strings are borrowed and outlive the engine */
        uv_loop_t *loop;
        const char *conninfo;
        const char *state_dir;   /* holds secret.key */
        const char *cluster_dir; /* the private PostgreSQL to keep running, or NULL */
        const char *upload_dir;  /* files that people sent; NULL: none are taken */
        const char *connector_path, *worker_dir;
        int64_t lease_ms, lease_margin_ms; /* of attempts */
        int64_t heartbeat_ms;
        int64_t lead_lease_ms; /* of the leadership */
        int64_t pass_pause_ms; /* least time between commits under load */
        int64_t disk_reserve;  /* bytes a worker's disk must have free to get work */
        int64_t keep_days;     /* history */
        double half_life_ms;   /* fair share */
        int64_t ahead_ms;      /* work sent ahead of free slots */
        int64_t reserve_ms;    /* passed over for so long, large needs get a worker, or room, to themselves */
};

int engine_new(const struct engine_settings *s, struct engine **ret, struct err *err);
/* Ends the leadership in good order; engine_free after the loop has run once more. */
void engine_stop(struct engine *e);
void engine_free(struct engine *e);

#endif
