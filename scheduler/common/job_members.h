/* SPDX-License-Identifier: Apache-2.0 */
/* job_members.h - the names that a job as submitted may hold (docs/api.md), for who reads job files.
 *
 * The server reads by its own tables, with types and limits; a test holds these names against them.
 */
#ifndef REEVE_JOB_MEMBERS_H
#define REEVE_JOB_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

struct job_members {
        const char *group;        /* the member that holds them; "": the job itself */
        const char *const *names; /* NULL-terminated */
        bool open;                /* other names are taken too */
};

/* Ends with one whose group is NULL. Of "after" each element that is an object. */
extern const struct job_members job_members[];

const struct job_members *job_members_of(const char *group);
bool job_members_has(const struct job_members *m, const char *name);
/* Why a name cannot stand there: with the nearest known one, for a job also of those inside its members. */
void job_members_hint(const struct job_members *m, const char *name, char *ret, size_t max);

#endif
