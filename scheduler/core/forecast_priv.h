/* SPDX-License-Identifier: Apache-2.0 */
/* forecast_priv.h - what the two files of the forecast share: the line as lanes, one for each shape that
 * wants some worker that the asker wants. Lane 0 is the asker. */
#ifndef REEVE_FORECAST_PRIV_H
#define REEVE_FORECAST_PRIV_H

#include "core/forecast.h"

struct lane {
        const struct m_shape *shape;
        int32_t priority; /* of its first job, and that one's number: its place in the order of its project */
        int64_t id;
        int64_t before, after, before_jobs; /* tasks that go before the asker, or after it; of another project
                                               all stand in before */
        double inflow;                      /* tasks that come in a second */
};
struct lanes {
        const struct forecast_ask *ask;
        struct lane *at;
        size_t n, looked, shapes;
        uint64_t *fit; /* by worker id, a bit for each lane: it could go there if others left it room */
        double *stage; /* of the asker, by site id: seconds until its data is there */
};

void lanes_open(const struct model *m, const struct forecast_ask *ask, struct lanes *ret);
void lanes_close(struct lanes *ls);
/* Tasks that go before the asker, over all lanes. */
int64_t lanes_ahead(const struct model *m, const struct lanes *ls);
/* Of one project: by the first job. */
bool lane_goes_before(const struct lane *a, const struct lane *b);
double lane_charge(const struct m_shape *s);

#endif
