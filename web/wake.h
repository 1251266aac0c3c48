/* SPDX-License-Identifier: Apache-2.0 */
/* wake.h - requests that wait for a change, without a thread each; and word to the engine.
 *
 * A request waits suspended. The listening thread resumes it when news arrived (NOTIFY reeve_web, or a change
 * made here), when its own time to look again came, or when its deadline passed; the handler then runs again
 * and decides. News that arrive between a handler's look and its waiting are not lost: the request carries
 * the count of news it had seen. With many waiting requests each one looks less often, so that waiting costs
 * a bounded share of the machine.
 */
#ifndef REEVE_WAKE_H
#define REEVE_WAKE_H

#include "web/web_priv.h"

int wake_start(struct web *w, struct err *err);
/* Resumes everything that waits; nothing can wait afterwards. */
void wake_close(struct web *w);
void wake_stop(struct web *w);

/* Count of news so far: taken before a handler looks. */
uint64_t wake_news_seen(struct web *w);
/* Suspend the request. False: the server is closing, it must answer now. */
bool wake_wait(struct request *rq);
/* Let this one look again at once, or as soon as it waits; its owner keeps it from ending meanwhile. */
void wake_request(struct request *rq);
/* The client may have gone: forget the request if it waits. */
void wake_forget(struct request *rq);
/* Something changed that people see: this job; none (0), but something else; or any of them. */
#define WAKE_ANY_JOB (-1)
void wake_web(struct web *w, int64_t job);
/* Something was committed that the engine should look at. */
void wake_engine(struct web *w);
int wake_waiting(struct web *w);

#endif
