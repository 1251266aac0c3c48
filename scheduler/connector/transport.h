/* SPDX-License-Identifier: Apache-2.0 */
/* transport.h - one SSH connection, whoever speaks SSH: the calls that a back end answers.
 *
 * A back end is opened with the engine's configuration and reports every step itself (report.h). Then it runs
 * commands, strictly one at a time: run, write, write_end; its output goes to the report, and report_exec_end
 * or report_closed ends it. An attached command is the last one.
 *
 * Nothing here blocks. pump is called at the end of every turn of the loop and moves what can be moved; the
 * back end watches its own descriptors and does not need anything else to be woken.
 */
#ifndef REEVE_TRANSPORT_H
#define REEVE_TRANSPORT_H

#include "connector/report.h"

#define TRANSPORT_HIGH (256u << 10) /* bytes waiting for the site above which the engine is not read */

struct transport;

struct transport_command {
        bool attached;
        uint32_t id; /* of an exec */
        const char *text;
};

struct transport_ops {
        const char *name;
        /* Take over c (which outlives the transport) and begin. NULL after report_failed. */
        struct transport *(*open)(struct loop *l, struct report *r, struct proto_config *c);
        void (*run)(struct transport *t, const struct transport_command *c);
        void (*write)(struct transport *t, const uint8_t *p, size_t n);
        void (*write_end)(struct transport *t);
        /* Logged in, and no command runs. */
        bool (*idle)(const struct transport *t);
        /* Bytes written that have not left this process. */
        size_t (*waiting)(const struct transport *t);
        void (*pump)(struct transport *t);
        /* Nothing has moved for a while: give memory of empty queues back. */
        void (*shrink)(struct transport *t);
        /* Hang up, best effort, and free. */
        void (*close)(struct transport *t);
};

struct transport {
        const struct transport_ops *ops;
};

extern const struct transport_ops transport_libssh2;
extern const struct transport_ops transport_openssh;

#endif
