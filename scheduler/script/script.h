/* SPDX-License-Identifier: Apache-2.0 */
/* script.h - what the directives of a script ask for: its lines "#SBATCH ..." first, then "#REEVE ...", which
 * hold options of `reeve submit`.
 *
 * Order: script_read makes members of the job; whoever has options of his own (a command line) puts them over
 * these; script_finish adds what follows from the whole.
 */
#ifndef REEVE_SCRIPT_SCRIPT_H
#define REEVE_SCRIPT_SCRIPT_H

#include "directives.h"
#include "origin.h"

#include <jansson.h>

/* Add to the job what the script asks for; each directive is appended to `said`, in the order of the lines.
 * -1 when any was refused: *err tells all, as far as there is room. */
int script_read(const struct script_origin *from, const char *text, json_t *job, json_t *said,
                struct err *err);
int script_finish(const struct script_origin *from, const json_t *said, json_t *job, struct err *err);

/* The i-th directive that a script may hold, ours first; false behind the last. */
bool script_kind_at(size_t i, struct directive_kind *ret);

#endif
