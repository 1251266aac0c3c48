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
        uint8_t *could;                     /* by site id: tasks could go there */
        double *stage;                      /* by site id: seconds until their data is there */
};
struct lanes {
        const struct forecast_ask *ask;
        struct lane *at;
        size_t n, looked;
};

void lanes_open(const struct model *m, const struct forecast_ask *ask, struct lanes *ret);
void lanes_close(struct lanes *ls);
void lane_look(const struct model *m, struct lane *l);
void lane_release(struct lane *l);
bool lane_fits(const struct lane *l, const struct m_worker *w);
bool lane_goes_before(const struct lane *a, const struct lane *b);
/* Tasks that go before the asker, over all lanes. */
int64_t lanes_ahead(const struct model *m, const struct lanes *ls);
double lane_charge(const struct m_shape *s);

#endif
