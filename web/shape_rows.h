/* SPDX-License-Identifier: Apache-2.0 */
/* shape_rows.h - how a row of a table of members is written; for the shapes_*.c only. */
#ifndef REEVE_SHAPE_ROWS_H
#define REEVE_SHAPE_ROWS_H

#include "common/states.h"
#include "web/shapes.h"

/* clang-format off */
#define INT(name_, flags_, doc_)   {.name = name_, .type = S_INT, .flags = flags_, .doc = doc_}
#define REAL(name_, flags_, doc_)  {.name = name_, .type = S_REAL, .flags = flags_, .doc = doc_}
#define STR(name_, flags_, doc_)   {.name = name_, .type = S_STR, .flags = flags_, .doc = doc_}
#define BOOL(name_, flags_, doc_)  {.name = name_, .type = S_BOOL, .flags = flags_, .doc = doc_}
#define TIME(name_, flags_, doc_)  {.name = name_, .type = S_TIME, .flags = flags_, .doc = doc_}
#define ANY(name_, flags_, doc_)   {.name = name_, .type = S_ANY, .flags = flags_, .doc = doc_}
#define OF(name_, of_, flags_, doc_) {.name = name_, .type = S_OBJECT, .flags = flags_, .doc = doc_, .of = &of_}
#define WORDS(name_, flags_, doc_, ...) {.name = name_, .type = S_STR, .flags = flags_, .doc = doc_, .words = __VA_ARGS__}
/* The names of an enum of states.h, one after the other. */
#define WORD_(sym_, name_, ...) name_ " "
/* clang-format on */

#endif
