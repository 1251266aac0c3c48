/* SPDX-License-Identifier: Apache-2.0 */
/* states_md.h - docs/states.md, from the tables in the code. */
#ifndef REEVE_STATES_MD_H
#define REEVE_STATES_MD_H

#include <stdio.h>

void states_print_markdown(FILE *to);

#endif
