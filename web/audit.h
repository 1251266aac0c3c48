/* SPDX-License-Identifier: Apache-2.0 */
/* audit.h - what a request leaves in the audit chain. */
#ifndef REEVE_AUDIT_H
#define REEVE_AUDIT_H

#include "web/request.h"

/* One row about the request: its route, its path, and the project and site that it is about. In the open
 * transaction, if there is one. */
int audit_request(struct request *rq, struct db *db, const char *actor, const char *detail, struct err *err);

#endif
