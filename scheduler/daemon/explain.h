/* SPDX-License-Identifier: Apache-2.0 */
/* explain.h - explanations for people (docs/api.md, "Explain"), in parts:
 *
 *   explain_words.c   sizes, times and names in words; JSON values
 *   explain_reason.c  the funnel, and the particulars of each reason
 *   explain_doc.c     what would help, the line, the start, and the documents
 *   engine_explain.c  the questions, asked through the table calls
 *
 * What the asker may not see is left out: other projects' jobs by number and name. Values are made with
 * jansson and owned by the caller.
 */
#ifndef REEVE_EXPLAIN_H
#define REEVE_EXPLAIN_H

#include "core/decide.h"
#include "core/forecast.h"
#include "core/model.h"
#include "core/place.h"

#include <jansson.h>

#define EXPLAIN_LIST_MAX  20  /* jobs, inputs and sites named in the particulars of a reason */
#define EXPLAIN_SITES_MAX 200 /* of a funnel and of a table of candidates */

struct asker {                  /* who reads it */
        const json_t *projects; /* ids; NULL: sees all */
};
bool asker_sees(const struct asker *who, const struct m_project *p);

struct words { /* what does not fit is cut */
        char s[240];
};
void say(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void say_more(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct words count_words(int64_t n, const char *one); /* "1 task", "2 tasks" */
struct words span_words(double seconds);
struct words site_words(const struct m_site *const *sites, size_t n); /* "alpha, beta and 3 more" */

void put(json_t *o, const char *key, json_t *v); /* NULL is null */
json_t *json_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
json_t *json_when(const struct model *m, double seconds); /* wall ms; INFINITY is null */

struct about { /* a job, or one that is not there */
        const struct model *m;
        const struct m_job *j; /* NULL: a guest */
        struct m_shape *s;
        struct forecast_ask ask;
        struct asker who;
        /* by about_open */
        struct candidate *candidates;
        size_t n;
        int best;
        enum wait_reason why; /* of the shape, now; WAIT_NONE: it could start */
};
void about_job(struct about *a, const struct model *m, const struct m_job *j);
void about_open(struct about *a);
void about_close(struct about *a);
json_t *about_funnel(const struct about *a);
struct words about_dropped_at(const struct about *a, enum place_step step);

/* The particulars, and the sentence with the figures. */
json_t *reason_details(const struct about *a, enum wait_reason why, struct words *said);

/* {"can_ever_run","never","sentence","wait":{...}}. full: also what takes longer to find: the line, the
 * start, and what would start it sooner. */
json_t *explain_waiting(const struct about *a, enum wait_reason why, bool full);
/* A job that is not there: docs/api.md, POST /v1/explain. */
json_t *explain_guest(const struct about *a);
/* The same for one that asks for a countable that nobody offers. */
json_t *explain_unknown(const char *countable);

#endif
