/* SPDX-License-Identifier: Apache-2.0 */
/* The settings in effect, as the program that started the server wrote them down. */
#include "web/api.h"

#include "web/web_priv.h"

HANDLER(api_config)
{
        (void)db;
        (void)err;
        j_obj(&rq->out, NULL);
        j_raw(&rq->out, "items", rq->web->config ? rq->web->config : "[]");
        j_null(&rq->out, "next_cursor");
        j_obj_end(&rq->out);
        return 0;
}
