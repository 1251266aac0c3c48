/* SPDX-License-Identifier: Apache-2.0 */
/* glob.h - match a relative path against an output pattern.
 *
 * * and ? and [a-z] [!a-z] within one component; a component "**" stands for any number of components. A
 * leading dot is matched only by a dot. Time is bounded by pattern length times path length.
 */
#ifndef REEVE_WORKER_GLOB_H
#define REEVE_WORKER_GLOB_H

#include <stdbool.h>

bool glob_match(const char *pattern, const char *path);

#endif
