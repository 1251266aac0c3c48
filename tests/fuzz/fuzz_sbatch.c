/* SPDX-License-Identifier: Apache-2.0 */
/* Directives of a script: whatever stands there, what comes out is a job in which every text can be filled
 * in, or a refusal that names the script. */
#include "script/sbatch.h"
#include "script/script.h"
#include "common/num.h"
#include "common/task_set.h"
#include "common/task_text.h"
#include "common/util.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static const char *environment(const char *name)
{
        return strcmp(name, "A") == 0 ? "value" : NULL;
}

static void check_texts(const json_t *object)
{
        const char *name;
        struct err err;
        json_t *v;

        json_object_foreach((json_t *)object, name, v)
        {
                if (json_is_string(v))
                        must(task_text_check(name, json_string_value(v), &err) == 0);
        }
}

static void check_job(json_t *job)
{
        const char *array = json_string_value(json_object_get(job, "array"));
        AUTO_FREE char *dump = json_dumps(job, JSON_COMPACT);
        struct task_set *tasks;
        int64_t throttle;
        struct err err;

        must(dump != NULL);
        check_texts(json_object_get(job, "task_env"));
        check_texts(json_object_get(job, "stdio"));
        if (array) {
                must(task_set_parse("array", array, &tasks, &throttle, &err) == 0);
                task_set_free(tasks);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct script_origin from = {
            .name = "s.sh", .cwd = "/here", .host = "h", .env = environment, .now_ms = 1800000000000};
        AUTO_FREE char *s = xstrndup((const char *)data, size);
        struct err err = {0};
        json_t *job, *said;
        int64_t v;

        (void)sbatch_time("t", s, &v, NULL);
        (void)sbatch_size("s", s, &v, NULL);
        (void)sbatch_moment("m", s, &from, &v, NULL);
        for (int array = 0; array < 2; array++) {
                AUTO_FREE char *text = sbatch_pattern(s, array, &err);

                must(!text || task_text_check("p", text, &err) == 0);
        }
        job = json_object();
        said = json_array();
        if (script_read(&from, s, job, said, &err) < 0)
                must(strncmp(err.text, "s.sh:", 5) == 0);
        else if (script_finish(&from, said, job, &err) == 0)
                check_job(job);
        json_decref(job);
        json_decref(said);
        return 0;
}

void fuzz_seeds(void)
{
        fuzz_seed_text(
            "#!/bin/sh\n#SBATCH -J \"a b\" -a 1,5,7-20:3%4 # x\n#SBATCH --mem=4G -c 2 -n2 -N 1\necho\n");
        fuzz_seed_text(
            "#!/bin/sh\n#SBATCH -o logs/%x-%A_%4a.out -e '%j.%N' -D run -t 1-02:00 --signal=B:USR1@60\n");
        fuzz_seed_text(
            "#SBATCH --export=A,B='x,y',NONE --gres=gpu:tesla:2,lic:1 -L m:2 -d afterok:1:2,afterany:3\n");
        fuzz_seed_text(
            "#SBATCH --deadline=now+2hours --nice --open-mode append --requeue --hold -A physics\n");
        fuzz_seed_text("#REEVE --cpus 2\n#SBATCH--wckey=x --gpus-per-task 1 --mem-per-gpu 1G --begin now\n");
        fuzz_seed_text("2030-12-01T07:00");
        fuzz_seed_text("logs/%%%10a{x}\\%");
}
