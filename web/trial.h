/* SPDX-License-Identifier: Apache-2.0 */
/* trial.h - the server's own machine as a site, to try things.
 *
 * One thread (there only where the setting try_local is on) runs an SSH server of its own for the server's
 * own account on a loopback address, registers it as a site, and takes all of it away again. What it does is
 * a list of steps; each looks first whether it is done already, so that a list that broke off is begun again
 * from its first step. Everything of it lies in the directory `try` of the state directory; the directory is
 * there as long as the site is, and with it the SSH server starts with the web server.
 *
 * Tasks run there under the account that can read the server's own keys: for trying, never for work.
 */
#ifndef REEVE_TRIAL_H
#define REEVE_TRIAL_H

#include "web/web_priv.h"

#define TRIAL_SITE  "this-machine"
#define TRIAL_LABEL "try" /* jobs labelled try:this-machine go with it */

enum trial_state { TRIAL_NONE, TRIAL_BEGINNING, TRIAL_READY, TRIAL_ENDING, TRIAL_FAILED };
#define TRIAL_STEPS_MAX 8
struct trial_step {
        const char *name;
        enum { STEP_WAITING, STEP_RUNNING, STEP_OK, STEP_FAILED } state;
        char text[300];
};
struct trial_shown {
        bool able;
        char why[400]; /* when it is not */
        char user[64];
        enum trial_state state;
        struct trial_step steps[TRIAL_STEPS_MAX];
        size_t step_count;
        char message[400]; /* when it failed */
};

const char *trial_state_word(enum trial_state s);
const char *trial_step_word(const struct trial_step *s);

/* With the server; does nothing where it is not allowed. */
int trial_start(struct web *w, struct err *err);
void trial_stop(struct web *w);
void trial_show(struct web *w, struct trial_shown *ret);
/* Begin, or take away, on behalf of somebody. ERR_CONFLICT while the other is under way, or when it cannot.
 */
int trial_begin(struct web *w, const char *actor, struct err *err);
int trial_end(struct web *w, const char *actor, struct err *err);

#endif
