/* SPDX-License-Identifier: Apache-2.0 */
/* connector.h - one reeve-connector process, seen from the engine.
 *
 * connector_start spawns it with a socket pair at descriptor 3 and an environment of PATH alone, and hands it
 * its configuration. From then on everything is an event from the uv loop, and the last one is on_end,
 * exactly once: when it said that it closed or failed, when it broke the protocol, or when it died at any
 * byte.
 *
 * The process ignores SIGPIPE (libuv writes to pipes whose reader may be dead).
 *
 * Inside an event connector_free may be called; nothing of this connector is called after it.
 */
#ifndef REEVE_REMOTE_CONNECTOR_H
#define REEVE_REMOTE_CONNECTOR_H

#include "common/err.h"
#include "common/proto.h"

#include <stdbool.h>
#include <uv.h>

struct connector;

struct connector_end {
        bool failed;            /* else it closed in order */
        enum connect_step step; /* of a failure; STEP_CRASH: the process itself */
        enum connect_failure kind;
        uint32_t elapsed_ms;
        const char *text, *fix; /* never NULL */
};

/* Pointers are borrowed during the call. Texts that stem from a site are printable. Members may be NULL. */
struct connector_events {
        void (*on_step)(void *arg, enum connect_step step, uint32_t elapsed_ms, const char *text);
        /* key may be empty when the back end knows only the fingerprint. */
        void (*on_hostkey)(void *arg, uint32_t hop, const char *type, const uint8_t *key, size_t len,
                           const char *fingerprint, const char *algorithms);
        void (*on_ready)(void *arg);
        void (*on_out)(void *arg, uint32_t id, bool is_stderr, const uint8_t *p, size_t n);
        void (*on_exec_end)(void *arg, uint32_t id, uint32_t code, const char *signal);
        void (*on_attached)(void *arg);
        void (*on_received)(void *arg, const uint8_t *p, size_t n);
        /* Everything queued has been taken by the connector. */
        void (*on_drained)(void *arg);
        void (*on_end)(void *arg, const struct connector_end *e);
};

/* `events` must outlive the connector; `config` is only read. */
int connector_start(uv_loop_t *loop, const char *path, const struct proto_config *config,
                    const struct connector_events *events, void *arg, struct connector **ret,
                    struct err *err);

/* The same, with an end of a socket for connector_stream; it stays the caller's here. */
int connector_start_with(uv_loop_t *loop, const char *path, const struct proto_config *config, int stream_fd,
                         const struct connector_events *events, void *arg, struct connector **ret,
                         struct err *err);

/* Tell it to end, and forget it; one that does not obey is killed. The loop must go on for it to be reaped.
 * NULL is fine. */
void connector_free(struct connector *c);

/* After on_ready, one command at a time. Returns the id that its events carry. */
uint32_t connector_exec(struct connector *c, const char *command);
void connector_stdin(struct connector *c, const uint8_t *p, size_t n);
void connector_stdin_end(struct connector *c);
void connector_attach(struct connector *c, const char *command);

/* The last command, too; its standard streams are the socket that the connector was started with, and nothing
 * of them comes by here. */
void connector_stream(struct connector *c, const char *command);

/* Bytes for the attached command; they leave with connector_flush. */
void connector_send(struct connector *c, const uint8_t *p, size_t n);
void connector_flush(struct connector *c);

/* Bytes queued here that the connector has not taken. */
size_t connector_queued(const struct connector *c);

/* -1 when it is gone. */
int connector_pid(const struct connector *c);

#endif
