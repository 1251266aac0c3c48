/* SPDX-License-Identifier: Apache-2.0 */
/* template.h - a job in which {{names}} stand for parameters: read, checked and filled. Pure.
 *
 * Order: template_read takes the declarations, template_check holds the job against them, template_values
 * makes a value of each parameter out of what was given, template_fill puts them in. What a job with these
 * values asks for is judged by job_spec_read like any other.
 *
 * A value that goes into a script could say more there than its author meant. So kinds whose values may hold
 * any character are not allowed in scripts, and the others hold nothing that a shell reads.
 */
#ifndef REEVE_TEMPLATE_H
#define REEVE_TEMPLATE_H

#include "web/fields.h"

#define TEMPLATE_PARAMETERS_MAX 50
#define TEMPLATE_CHOICES_MAX    100
#define TEMPLATE_VALUE_MAX      1000        /* bytes of a text */
#define TEMPLATE_NAME_MAX       32          /* of a parameter */
#define TEMPLATE_JOB_MAX        (512 << 10) /* bytes of JSON as stored */
#define TEMPLATE_FILLED_MAX     (1 << 20)   /* bytes of all texts once filled: a value may stand many times */

enum template_kind {
        TEMPLATE_TEXT,
        TEMPLATE_FREE,
        TEMPLATE_INTEGER,
        TEMPLATE_SIZE,
        TEMPLATE_DURATION,
        TEMPLATE_CHOICE,
        TEMPLATE_SWITCH,
        TEMPLATE_DATASET,
        TEMPLATE_KINDS
};
#define TEMPLATE_KIND_WORDS "text free integer size duration choice switch dataset"

struct template_parameter { /* texts and JSON are borrowed */
        const char *name, *kind_name, *label, *help;
        enum template_kind kind;
        json_t *preset, *choices; /* NULL: none */
        int64_t min, max;         /* INT64_MIN, INT64_MAX: no bound */
};

struct template
{
        struct template_parameter parameters[TEMPLATE_PARAMETERS_MAX];
        size_t count;
};

/* Members of a declaration. */
extern const struct field template_parameter_fields[];

/* Read declarations; faults go to *is below the present place. */
void template_read(const json_t *parameters, struct template *ret, struct issues *is);

/* Is each {{name}} of the job declared, each declaration used, and no free text in the script? */
void template_check(const struct template *t, const json_t *job, struct issues *is);

/* A value for each parameter: that of `given` (NULL: none), else its default; owned, {"name":value}. Where
 * there is neither it is a fault, or, with `made_up`, one that the parameter allows. NULL with faults below
 * the present place. */
json_t *template_values(const struct template *t, const json_t *given, bool made_up, struct issues *is);

/* The job with the values put in; owned. NULL: it grows beyond TEMPLATE_FILLED_MAX. */
json_t *template_fill(const json_t *job, const json_t *values);

/* Does what the pointer leads to in the job hold a parameter that has no default? What is wrong there is
 * judged when it is filled. */
bool template_is_open(const struct template *t, const json_t *job, const char *pointer);

#endif
