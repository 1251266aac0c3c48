/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - a page of HTML that compares rules on one world: a table, bars, and how turnarounds spread. One
 * file, no script, nothing fetched. */
#ifndef REEVE_SIM_REPORT_H
#define REEVE_SIM_REPORT_H

#include "common/buf.h"
#include "sim/figures.h"
#include "sim/world.h"

struct report;

struct report *report_new(const struct world *w, const char *title);
void report_free(struct report *r);
/* f is finished; its figures are copied. */
void report_add(struct report *r, const char *rule, const char *sentence, const struct figures *f);
void report_write(struct report *r, struct buf *b);

#endif
