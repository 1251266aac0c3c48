/* SPDX-License-Identifier: Apache-2.0 */
#include "web/site_place.h"

#include "common/util.h"
#include "store/store_insights.h"

struct place_body {
        double latitude, longitude;
        const char *name;
};
const struct field site_place_fields[] = {
    FIELD(struct place_body, latitude, F_REAL, -90, 90, FIELD_REQUIRED, "degrees north"),
    FIELD(struct place_body, longitude, F_REAL, -180, 180, FIELD_REQUIRED, "degrees east"),
    FIELD(struct place_body, name, F_STRING, 1, 100, 0, "what people call it"),
    {0},
};

int site_place_change(struct request *rq, struct db *db, int32_t site, const json_t *place, struct err *err)
{
        struct place_body in = {0};
        size_t mark;
        struct buf b;
        int rc;

        if (!json_is_object(place))
                return store_site_place(db, site, NULL, err);
        mark = issues_enter(&rq->issues, "place");
        fields_read(place, site_place_fields, &in, NULL, &rq->issues);
        issues_leave(&rq->issues, mark);
        if (rq->issues.count)
                return request_invalid(rq, err);
        buf_init(&b, 4096);
        j_obj(&b, NULL);
        j_f64(&b, "latitude", in.latitude);
        j_f64(&b, "longitude", in.longitude);
        j_str(&b, "name", in.name);
        j_obj_end(&b);
        rc = store_site_place(db, site, buf_cstr(&b), err);
        buf_release(&b);
        return rc;
}
