/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.h - what this process may still do once it talks to a site.
 *
 * The library that speaks SSH has been broken by hostile servers before. So the process that runs it holds
 * nothing but one key and one socket, and after the connection stands it may move bytes, take memory and tell
 * the time.
 */
#ifndef REEVE_SANDBOX_H
#define REEVE_SANDBOX_H

#include "common/err.h"

/* At start: no core, no tracing, bounded memory and files, dies with the engine, no new privileges. */
int sandbox_begin(struct err *err);

/* libssh2: reading and writing what is open, memory, clocks; anything else kills the process. No open, no
 * socket, no connect, no exec, no ptrace, no executable memory. */
int sandbox_close(struct err *err);

/* The OpenSSH client is another program with its own needs (exec, files, sockets), and inherits the list:
 * here what no ssh client ever does is refused: tracing, mounting, namespaces, modules, bpf. */
int sandbox_close_openssh(struct err *err);

#endif
