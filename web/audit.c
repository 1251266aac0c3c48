/* SPDX-License-Identifier: Apache-2.0 */
#include "web/audit.h"

#include "common/util.h"
#include "store/store_audit.h"
#include "web/access.h"

#include <string.h>

#define OBJECT_MAX 500

int audit_request(struct request *rq, struct db *db, const char *actor, const char *detail, struct err *err)
{
        AUTO_FREE char *action = xasprintf("%s %s", rq->route->method, rq->route->pattern);
        AUTO_FREE char *object = xstrndup(rq->path, strnlen(rq->path, OBJECT_MAX));
        struct access_object o;

        access_object_of(rq, &o);
        if (rq->audit_project[0])
                o.project = rq->audit_project;
        if (rq->audit_site[0])
                o.site = rq->audit_site;
        else if (rq->of_site[0])
                o.site = rq->of_site;
        return store_audit(db, &(struct audit_row){actor, action, object, detail, o.project, o.site}, err);
}
