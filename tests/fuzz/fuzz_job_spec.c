/* SPDX-License-Identifier: Apache-2.0 */
/* A job as anybody may submit it: everything wrong is named, and what is right is written as JSON again. */
#include "common/util.h"
#include "tests/fuzz/fuzz.h"
#include "web/job_spec.h"

#include <stdlib.h>

#define NOW_MS   1800000000000
#define LEASE_MS 3600000

static void check_written(const struct job_spec *s)
{
        const char *names[JOB_INPUTS_MAX];
        struct buf b;
        json_t *doc;

        for (size_t i = 0; i < JOB_INPUTS_MAX; i++)
                names[i] = "name";
        buf_init(&b, 64u << 20);
        job_spec_write(&b, s, names);
        must(!b.overflow);
        doc = json_loadb((const char *)buf_bytes(&b), buf_len(&b), JSON_REJECT_DUPLICATES, NULL);
        must(json_is_object(doc));
        json_decref(doc);
        buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        json_t *doc =
            size ? json_loadb((const char *)data + 1, size - 1, JSON_REJECT_DUPLICATES, NULL) : NULL;
        struct issues is = {0};
        struct job_spec s = {0};
        const char *const offered[] = {"licence"};
        const struct job_rules rules = {
            .lease_max_ms = LEASE_MS, .now_ms = NOW_MS, .countables = offered, .countable_count = 1};

        if (!doc)
                return 0;
        job_spec_read(doc, data[0] % 3, &rules, &s, &is);
        for (size_t i = 0; i < is.count; i++)
                must(is.list[i].pointer && *is.list[i].code && *is.list[i].detail);
        must(is.count <= ISSUES_MAX);
        if (!is.count) {
                must(job_spec_tasks(&s) >= 1 && job_spec_tasks(&s) <= 10000000);
                check_written(&s);
        }
        job_spec_release(&s);
        issues_release(&is);
        json_decref(doc);
        return 0;
}

void fuzz_seeds(void)
{
        fuzz_seed_text("0{\"command\":[\"/bin/true\"],\"project\":\"p\"}");
        fuzz_seed_text("0{\"script\":\"#!/bin/"
                       "sh\\n\",\"args\":[\"a\"],\"project\":\"p\",\"name\":\"n\",\"array\":\"1-9%3\","
                       "\"resources\":{\"cpus\":2,\"memory\":\"1G\",\"gpus\":1,\"custom\":{\"licence\":1}}}");
        fuzz_seed_text("2{\"command\":[\"x\"],\"project\":\"p\",\"env\":{\"A\":\"b\"},\"time_limit\":\"2h\","
                       "\"retry\":{\"max\":3,"
                       "\"delay\":\"1s\",\"on_exit\":[{\"codes\":\"1-3\",\"action\":\"fail\"}]},\"labels\":{"
                       "\"a\":\"b\"}}");
        fuzz_seed_text(
            "2{\"command\":[\"x\"],\"project\":\"p\",\"after\":[{\"job\":\"#1\",\"condition\":\"ok\","
            "\"each\":true},12],"
            "\"inputs\":[\"reads\",\"job:12\"],\"outputs\":[\"*.txt\"],\"sites\":[\"a\"],\"hold\":true,"
            "\"priority\":5,"
            "\"deadline\":\"2030-01-01T00:00:00Z\",\"workdir\":\"/scratch\",\"output_dataset\":\"o\"}");
}
