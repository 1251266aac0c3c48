/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/jobs:script: what a script asks for by its directives. The same reader as that of the command line
 * says it; nothing is stored and no database is asked. */
#include "web/api.h"

#include "common/proto.h"
#include "common/util.h"
#include "script/script.h"
#include "web/web_priv.h"

#include <string.h>

#define DAY_MIN (24 * 60)

struct script_body {
        const char *script, *name, *cwd;
        int64_t time_zone;
};
const struct field script_fields[] = {
    FIELD(struct script_body, script, F_TEXT, 1, TEMPLATE_SCRIPT_MAX, FIELD_REQUIRED,
          "the text of the script"),
    FIELD(struct script_body, name, F_STRING, 1, 200, 0,
          "of its file: the job's name, unless the script says one"),
    FIELD(struct script_body, cwd, F_STRING, 1, PATH_TEXT_MAX, 0,
          "absolute directory that a relative #SBATCH -D begins at"),
    FIELD(struct script_body, time_zone, F_INT, -DAY_MIN, DAY_MIN, 0,
          "minutes east of UTC that times of the day are meant in; default 0"),
    {0},
};

static void write_json(struct buf *b, const char *key, const json_t *v)
{
        AUTO_FREE char *text = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

        j_raw(b, key, text);
}

static void reply(struct buf *b, const json_t *job, const json_t *said)
{
        static const char *const outcomes[] = {DIRECTIVE_USED, DIRECTIVE_DIFFERS, DIRECTIVE_IGNORED,
                                               DIRECTIVE_REFUSED};

        j_obj(b, NULL);
        write_json(b, "job", job);
        write_json(b, "directives", said);
        for (size_t i = 0; i < ARRAY_LEN(outcomes); i++)
                j_int(b, outcomes[i], (int64_t)directives_count(said, outcomes[i]));
        j_obj_end(b);
}

HANDLER(api_script)
{
        struct script_body in = {.name = "script"};
        struct script_origin from = {.now_ms = clock_wall_ms(), .has_zone = true};
        json_t *job, *said;
        struct err why;
        bool whole;

        (void)db;
        if (request_body(rq, script_fields, &in, NULL, err) < 0)
                return -1;
        if (in.cwd && in.cwd[0] != '/') {
                issue_add(&rq->issues, "/cwd", "format", "must be an absolute path");
                return request_invalid(rq, err);
        }
        from.name = in.name;
        from.cwd = in.cwd;
        from.zone_min = (int)in.time_zone;
        job = json_object();
        said = json_array();
        whole =
            script_read(&from, in.script, job, said, &why) == 0 && script_finish(&from, said, job, &why) == 0;
        /* What cannot be read as directives at all belongs to none of them. */
        if (!whole && !directives_count(said, DIRECTIVE_REFUSED))
                directive_say(directive_add(said, 0, "SBATCH", "", NULL), DIRECTIVE_REFUSED, why.text);
        if (!json_object_get(job, "name"))
                json_object_set_new(job, "name", json_string(in.name));
        json_object_set_new(job, "script", json_string(in.script));
        reply(&rq->out, whole ? job : NULL, said);
        json_decref(job);
        json_decref(said);
        return 0;
}

static void write_kind(struct buf *b, const struct directive_kind *k)
{
        AUTO_FREE char *option = xasprintf("--%s", k->option);

        j_obj(b, NULL);
        j_str(b, "mark", k->mark);
        j_str(b, "option", option);
        if (k->letter)
                j_str_n(b, "letter", &k->letter, 1);
        else
                j_null(b, "letter");
        j_str(b, "value", k->value);
        j_bool(b, "many", k->many);
        j_str(b, "outcome", k->outcome);
        j_str(b, "help", k->help);
        j_obj_end(b);
}

HANDLER(api_directives)
{
        struct directive_kind k;
        struct buf *b = &rq->out;

        (void)db;
        (void)err;
        j_obj(b, NULL);
        j_arr(b, "items");
        for (size_t i = 0; script_kind_at(i, &k); i++)
                write_kind(b, &k);
        j_arr_end(b);
        j_obj_end(b);
        return 0;
}
