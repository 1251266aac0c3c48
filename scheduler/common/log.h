/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - one line an event: level, what, key=value pairs. Written to standard error.
 *
 * Values that came from a user, a job or a site are passed through %s like any other: the writer replaces
 * control characters and broken UTF-8, and cuts a line at LOG_LINE_MAX. Secrets are never passed.
 */
#ifndef REEVE_LOG_H
#define REEVE_LOG_H

#include "err.h"

#define LOG_LINE_MAX 2000

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above `max` are dropped; `name` (static) stands before each line. */
void log_init(const char *name, enum log_level max);
enum log_level log_max_level(void);
/* -1 when `word` is none of error, warn, info, debug. */
int log_level_parse(const char *word, enum log_level *ret_level);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                                       \
        do {                                                                                                 \
                if (log_max_level() >= LOG_LEVEL_DEBUG)                                                      \
                        log_line(LOG_LEVEL_DEBUG, __VA_ARGS__);                                              \
        } while (0)

#endif
