/* SPDX-License-Identifier: Apache-2.0 */
/* A new server: what to look at, and its own machine as a site to try things on. */
#include "web/api.h"

#include "web/setup_checks.h"
#include "web/trial.h"

HANDLER(api_setup_checks)
{
        struct check_found found[CHECKS_MAX];
        int n = setup_checks_run(rq->web, db, found, err);
        struct buf *b = &rq->out;

        if (n < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        for (int i = 0; i < n; i++) {
                j_obj(b, NULL);
                j_str(b, "name", found[i].name);
                j_str(b, "state", check_state_word(found[i].state));
                j_str(b, "text", found[i].text);
                j_str(b, "fix", found[i].fix[0] ? found[i].fix : NULL);
                j_obj_end(b);
        }
        j_arr_end(b);
        j_obj_end(b);
        return 0;
}

static int trial_reply(struct request *rq)
{
        struct buf *b = &rq->out;
        struct trial_shown t;

        trial_show(rq->web, &t);
        j_obj(b, NULL);
        j_bool(b, "able", t.able);
        j_str(b, "why", t.able ? NULL : t.why);
        j_str(b, "state", trial_state_word(t.state));
        j_str(b, "site", t.state == TRIAL_NONE ? NULL : TRIAL_SITE);
        j_str(b, "user", t.able ? t.user : NULL);
        j_arr(b, "steps");
        for (size_t i = 0; i < t.step_count; i++) {
                j_obj(b, NULL);
                j_str(b, "name", t.steps[i].name);
                j_str(b, "state", trial_step_word(&t.steps[i]));
                j_str(b, "text", t.steps[i].text[0] ? t.steps[i].text : NULL);
                j_obj_end(b);
        }
        j_arr_end(b);
        j_str(b, "message", t.message[0] ? t.message : NULL);
        j_obj_end(b);
        return 0;
}

HANDLER(api_trial)
{
        (void)db;
        (void)err;
        return trial_reply(rq);
}

HANDLER(api_trial_begin)
{
        (void)db;
        if (trial_begin(rq->web, rq->who->name, err) < 0)
                return -1;
        rq->status = 202;
        return trial_reply(rq);
}

HANDLER(api_trial_end)
{
        (void)db;
        if (trial_end(rq->web, rq->who->name, err) < 0)
                return -1;
        rq->status = 202;
        return trial_reply(rq);
}
