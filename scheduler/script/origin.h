/* SPDX-License-Identifier: Apache-2.0 */
/* origin.h - where a script comes from: what a shell at the place of its submission knows. */
#ifndef REEVE_SCRIPT_ORIGIN_H
#define REEVE_SCRIPT_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

struct script_origin {
        const char *name;                     /* of the script, for messages */
        const char *cwd;                      /* directory of the submission, absolute; NULL: not known */
        const char *host;                     /* computer of the submission; NULL: not known */
        const char *(*env)(const char *name); /* the environment; NULL: empty */
        int64_t now_ms;
        bool has_zone; /* times of the day are so many minutes east of UTC; otherwise this computer's */
        int zone_min;
};

#endif
