/* SPDX-License-Identifier: Apache-2.0 */
/* scene.h - a small text language that builds a model, so that a test reads like a claim.
 *
 *     project p share=2 max_cpus=8 max_tasks=3
 *     site a cpus=4 memory=8 gpus=1 speed=2 workers=2 max_tasks=5 only=p only_cpus=2 project=p
 *            (flags: draining, closed, alarm, offline, full, broken, unseen)
 *            quota=1e9 (bytes of copies it takes; flag untold: nobody knows)
 *     data d files=3 bytes=100 at=a,b part=c allow=a,b  (flag: open)
 *     job 7 project=p tasks=100 cpus=1 memory=1 gpus=0 slots=1 needs=d,e sites=a,b priority=5 throttle=2
 *           after=3 condition=o limit=1000 array=1,5,7-100:3 (instead of tasks)
 *                    (flags: held, elementwise, nospec; shares: its tasks share the files of what it needs
 * first)
 *
 * One thing a line; figures have defaults (one worker of one CPU, one task of one CPU, project "p", which is
 * made when nobody names it). Memory counts in GiB. Workers are numbered from 1 in order of appearance, and
 * so are sites, projects and datasets. A line that cannot be read fails the test.
 */
#ifndef REEVE_SCENE_H
#define REEVE_SCENE_H

#include "core/decide.h"
#include "core/model.h"

struct model *scene(const char *text);
void scene_add(struct model *m, const char *text);
struct m_site *scene_site(const struct model *m, const char *name);
struct m_project *scene_project(const struct model *m, const char *name);
struct m_dataset *scene_dataset(const struct model *m, const char *name);
/* End every open attempt of the job well (or badly), after run_ms each. */
void scene_end_all(struct model *m, int64_t job, bool well, int64_t run_ms);
/* What a pass placed, as text: "7.1-3#1@w1 8.0#2@w2"; freed by the caller. */
char *scene_plan(const struct plan *p);
/* Run a pass and return its text; decision numbers go on from *next. */
char *scene_decide(struct model *m);

/* The same, with transfers: opened "+d>b" (or, of some files, "+d{[0,4)}>b"), started "!d:a>b", to be stopped
 * "-d>b", copies that are to leave "~d@b". */
char *scene_decide_data(struct model *m);

/* Compare the whole model with a recount of its attempts and jobs; returns what is wrong or NULL (freed by
 * the caller). */
char *scene_audit(struct model *m);

#endif
