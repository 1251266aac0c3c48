/* SPDX-License-Identifier: Apache-2.0 */
#include "outcome.h"

#include "sheet.h"
#include "common/states.h"
#include "common/util.h"

#include <signal.h>
#include <string.h>

#define FAILED_TASKS_MAX 20000 /* looked at for the highest code */

bool state_is_ended(const char *state)
{
        static const char *const ended[] = {"succeeded", "failed", "cancelled", "lost", "aborted"};

        for (size_t i = 0; i < ARRAY_LEN(ended); i++) {
                if (strcmp(ended[i], state) == 0)
                        return true;
        }
        return false;
}

/* The signal as a number: the API says a number, a name of ours may say "KILL" or "SIGKILL". */
static int signal_of(const json_t *attempt)
{
        const json_t *v = json_at(attempt, "signal");
        const char *name = json_string_value(v);

        if (!name)
                return (int)json_integer_value(v);
        if (strncmp(name, "SIG", 3) == 0)
                name += 3;
        for (int sig = 1; sig < NSIG; sig++) {
                const char *abbrev = sigabbrev_np(sig);

                if (abbrev && strcmp(abbrev, name) == 0)
                        return sig;
        }
        return SIGKILL;
}

int attempt_exit_code(const json_t *attempt)
{
        enum outcome outcome;
        int code = (int)json_int_at(attempt, "code"), sig = signal_of(attempt);

        if (!attempt || outcome_parse(json_text_at(attempt, "outcome"), &outcome) < 0)
                return EXIT_LOST;
        switch (outcome) {
        case OUTCOME_SUCCEEDED:
                return EXIT_OK;
        case OUTCOME_EXIT:
                return code > 0 && code <= 255 ? code : EXIT_FAILED;
        case OUTCOME_SIGNAL:
        case OUTCOME_TIME_LIMIT:
        case OUTCOME_MEMORY_LIMIT:
        case OUTCOME_OUTPUT_LIMIT:
                return 128 + (sig > 0 && sig < 128 ? sig : SIGKILL);
        case OUTCOME_NOT_STARTED:
                return EXIT_NO_PROGRAM;
        case OUTCOME_OUTPUT_MISSING:
                return EXIT_FAILED;
        case OUTCOME_CANCELLED:
                return EXIT_CANCELLED;
        case OUTCOME_REFUSED:
        case OUTCOME_INPUT_MISSING:
        case OUTCOME_OUTPUT_FAILED:
        case OUTCOME_DISK_FULL:
        case OUTCOME_LEASE_EXPIRED:
        case OUTCOME_LOST:
        case OUTCOME_VANISHED:
        case OUTCOME_REBOOT:
        case OUTCOME_NEVER_STARTED:
        case OUTCOME_DRAINED:
        case OUTCOME_COUNT:
                return EXIT_LOST;
        }
        return EXIT_LOST;
}

int task_exit_code(const json_t *task)
{
        const json_t *attempts = json_at(task, "attempts");
        const json_t *last = json_array_get(attempts, json_array_size(attempts) - 1);
        const char *state = json_text_at(task, "state");
        size_t i;
        json_t *a;

        if (strcmp(state, "succeeded") == 0)
                return EXIT_OK;
        if (strcmp(state, "cancelled") == 0)
                return EXIT_CANCELLED;
        /* The newest attempt decides, whichever end of the list it stands at. */
        json_array_foreach((json_t *)attempts, i, a)
        {
                if (json_int_at(a, "attempt") > json_int_at(last, "attempt"))
                        last = a;
        }
        return attempt_exit_code(last);
}

int job_exit_code(struct cli *c, const json_t *job, struct err *err)
{
        const char *state = json_text_at(job, "state");
        int highest = EXIT_OK;
        AUTO_FREE char *path = NULL;
        json_t *tasks, *task;
        size_t i;
        bool more;

        if (strcmp(state, "succeeded") == 0)
                return EXIT_OK;
        if (strcmp(state, "cancelled") == 0)
                return EXIT_CANCELLED;
        path = xasprintf("/v1/jobs/%lld/tasks?state=failed", (long long)json_int_at(job, "id"));
        tasks = client_list(cli_client(c), path, FAILED_TASKS_MAX, &more, err);
        if (!tasks)
                return -1;
        json_array_foreach(tasks, i, task)
        {
                int code = task_exit_code(task);

                highest = code > highest ? code : highest;
        }
        json_decref(tasks);
        /* Failed without a failed task: its deadline, or something it waited for. */
        return highest ? highest : EXIT_FAILED;
}
