/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine refuses because a policy of a dataset forbids it, in the audit: beside what people asked
 * for, which the web notes. */
#include "daemon/engine_priv.h"

#include "common/util.h"
#include "core/transfer.h"

static void refuse(struct engine *e, const char *action, const char *object, const char *detail)
{
        if (e->commit.refusals_n < REFUSALS_MAX)
                COMMIT_ADD(e, refusals, (struct commit_refusal){action, object, detail});
}

static const struct m_dataset *restricted_input(const struct m_job *j)
{
        for (size_t i = 0; i < j->input_count; i++) {
                if (j->inputs[i]->restricted)
                        return j->inputs[i];
        }
        return NULL;
}

void refusal_of_job(struct engine *e, const struct m_job *j)
{
        const struct m_dataset *d = restricted_input(j);

        refuse(e, "place", arena_printf(&e->arena, "job %lld", (long long)j->id),
               arena_printf(&e->arena,
                            "the policy of %.200s allows it at none of the sites that could run it",
                            d ? d->name : "an input"));
}

void refusal_of_transfer(struct engine *e, const struct m_transfer *t)
{
        const struct m_site *to = model_site(e->m, t->to);

        refuse(e, "transfer", arena_printf(&e->arena, "transfer %lld", (long long)t->id),
               arena_printf(&e->arena, "the policy of %.200s does not allow it at %s", t->dataset->name,
                            to ? to->name : "a site that was removed"));
}

void refusal_of_copy(struct engine *e, const struct m_dataset *d, const struct m_site *s, const char *actor)
{
        refuse(e, "copy", arena_printf(&e->arena, "%.200s to %s", d->name, s->name),
               arena_printf(&e->arena, "its policy does not allow that; %.100s asked for it", actor));
}

void refusal_of_place(struct engine *e, const char *dataset, int32_t site, const char *actor)
{
        const struct m_site *s = model_site(e->m, site);

        refuse(e, "register", arena_printf(&e->arena, "%.200s at %s", dataset, s ? s->name : "?"),
               arena_printf(&e->arena, "its policy does not allow that; %.100s asked for it", actor));
}

const struct m_dataset *refusal_of_launch(struct engine *e, const struct m_job *j, const struct m_site *s)
{
        for (size_t i = 0; i < j->input_count; i++) {
                const struct m_dataset *d = j->inputs[i];

                if (dataset_may_be_at(d, s))
                        continue;
                refuse(e, "launch", arena_printf(&e->arena, "job %lld at %s", (long long)j->id, s->name),
                       arena_printf(&e->arena, "the policy of %.200s does not allow it there", d->name));
                return d;
        }
        return NULL;
}
