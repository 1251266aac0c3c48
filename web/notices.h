/* SPDX-License-Identifier: Apache-2.0 */
/* notices.h - the thread that makes notices of what happened, and sends them.
 *
 * One of all servers on a database does it at a time (a lock of its connection). It looks at new events once
 * a second, joins them to notices, and sends those that are due, up to NOTICES_AT_ONCE at a time: webhooks
 * and mail by libcurl. A notice is stored before it is sent and marked after, so that one may come twice
 * (with the same Reeve-Delivery), and none is lost; a try that failed is repeated with growing distance.
 */
#ifndef REEVE_NOTICES_H
#define REEVE_NOTICES_H

#include "web/web_priv.h"

#define NOTICES_AT_ONCE      32
#define NOTICES_GIVEN_UP_MAX 5      /* deliveries in a row; then the subscription is paused */
#define NOTICE_TRY_MS        10000  /* one try */
#define NOTICE_PAGE_MS       60000  /* the page gathers */
#define NOTICE_HOOK_MS       2000   /* a webhook gathers */
#define NOTICE_MAIL_MS       15000  /* mail gathers */
#define NOTICE_MAIL_GAP_MS   600000 /* at least between two mails of a subscription */

int notices_start(struct web *w, struct err *err);
void notices_stop(struct web *w);
/* Does this installation send mail? */
bool notices_mail(const struct web *w);

#endif
