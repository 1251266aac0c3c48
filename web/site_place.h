/* SPDX-License-Identifier: Apache-2.0 */
/* site_place.h - where a site is, for the map. */
#ifndef REEVE_SITE_PLACE_H
#define REEVE_SITE_PLACE_H

#include "web/web_priv.h"

extern const struct field site_place_fields[];

/* The member "place" of a change; anything but an object: it is nowhere. */
int site_place_change(struct request *rq, struct db *db, int32_t site, const json_t *place, struct err *err);

#endif
