/* SPDX-License-Identifier: Apache-2.0 */
#include "states.h"

#include <stddef.h>
#include <string.h>

struct word {
        const char *name, *sentence;
};

static int find(const struct word *words, int n, const char *name)
{
        for (int i = 0; i < n; i++) {
                if (strcmp(words[i].name, name) == 0)
                        return i;
        }
        return -1;
}

#define WORD_(sym, name, sentence)         [sym] = {name, sentence},
#define WORD_OUTCOME_(sym, name, b, words) [sym] = {name, words},
#define BLAME_OF_(sym, name, b, words)     [sym] = b,

#define STATE_DEFINE_(type, rows, row)                                                                       \
        static const struct word type##_words[] = {rows(row)};                                               \
                                                                                                             \
        const char *type##_name(enum type v)                                                                 \
        {                                                                                                    \
                return (size_t)v < sizeof type##_words / sizeof type##_words[0] ? type##_words[v].name       \
                                                                                : "unknown";                 \
        }                                                                                                    \
        const char *type##_sentence(enum type v)                                                             \
        {                                                                                                    \
                return (size_t)v < sizeof type##_words / sizeof type##_words[0] ? type##_words[v].sentence   \
                                                                                : "unknown";                 \
        }                                                                                                    \
        int type##_parse(const char *name, enum type *ret)                                                   \
        {                                                                                                    \
                int i = find(type##_words, (int)(sizeof type##_words / sizeof type##_words[0]), name);       \
                                                                                                             \
                if (i < 0)                                                                                   \
                        return -1;                                                                           \
                *ret = (enum type)i;                                                                         \
                return 0;                                                                                    \
        }

STATE_DEFINE_(job_state, JOB_STATES, WORD_)
STATE_DEFINE_(task_state, TASK_STATES, WORD_)
STATE_DEFINE_(attempt_state, ATTEMPT_STATES, WORD_)
STATE_DEFINE_(transfer_state, TRANSFER_STATES, WORD_)
STATE_DEFINE_(arrival_state, ARRIVAL_STATES, WORD_)
STATE_DEFINE_(replica_state, REPLICA_STATES, WORD_)
STATE_DEFINE_(site_health, SITE_HEALTHS, WORD_)
STATE_DEFINE_(site_intent, SITE_INTENTS, WORD_)
STATE_DEFINE_(link_state, LINK_STATES, WORD_)
STATE_DEFINE_(blame, BLAMES, WORD_)
STATE_DEFINE_(outcome, OUTCOMES, WORD_OUTCOME_)
STATE_DEFINE_(wait_reason, WAIT_REASONS, WORD_)

enum blame outcome_blame(enum outcome o)
{
        static const enum blame blames[] = {OUTCOMES(BLAME_OF_)};

        return (size_t)o < sizeof blames / sizeof blames[0] ? blames[o] : BLAME_US;
}
