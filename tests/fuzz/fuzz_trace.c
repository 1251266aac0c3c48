/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of traces: any bytes, no harm; what is accepted can be settled into a world or is refused with
 * words. */
#include "sim/read.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static const char platform[] = "0\tone\t2\t4\t1\t1000\n1\ttwo\t1\t2\t1\t1000\n";

static int read_all(struct world *w, const uint8_t *data, size_t size, enum world_reading reading,
                    struct err *err)
{
        struct text t;
        int rc;

        text_from("trace", data, size, &t);
        w->reading = reading;
        rc = read_text(w, &t, 1, err);
        text_close(&t);
        return rc;
}

static void check(const uint8_t *data, size_t size, enum world_reading reading)
{
        struct world_options o = {.seed = 1, .quota = -1};
        struct world *w = sim_world_new();
        struct err err = {0};

        must(read_all(w, (const uint8_t *)platform, strlen(platform), READING_PLATFORM, &err) == 0);
        if (read_all(w, data, size, reading, &err))
                must(err.code && *err.text);
        else if (world_finish(w, &o, &err))
                must(err.code && *err.text);
        else
                must(w->task_n >= (int64_t)w->job_n);
        sim_world_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size > 1 << 16)
                return 0;
        check(data, size, READING_WORKLOAD);
        check(data, size, READING_PLATFORM);
        return 0;
}

void fuzz_seeds(void)
{
        fuzz_seed_text("id,submit_s,duration_s\n1,0,10\n2,5,10\n");
        fuzz_seed_text("1 0 0 5 1 1 1 1 5 -1 1 7 1 3 -1 1 -1 -1 {1} q 1:ppn=1:cl_two#excl\n");
        fuzz_seed_text(
            "{\"workflow\":{\"specification\":{\"tasks\":[{\"id\":\"a\",\"inputFiles\":[\"f\"],"
            "\"outputFiles\":"
            "[\"g\"],\"parents\":[]},{\"id\":\"b\",\"inputFiles\":[\"g\"],\"parents\":[\"a\"]}],\"files\":[{"
            "\"id\":"
            "\"f\",\"sizeInBytes\":5}]},\"execution\":{\"tasks\":[{\"id\":\"a\",\"runtimeInSeconds\":3}]}}}");
        fuzz_seed_text(
            "{\"k\":{\"num_jobs\":2,\"cores\":{\"counts\":[0,1]},\"flops\":{\"counts\":[1]},\"outfilesize\":"
            "{\"counts\":[1],\"bins\":[0,5]}}}");
        fuzz_seed_text("{\"k\":{\"location\":\"one\",\"num_files\":2,\"filesize\":{\"counts\":[1]}}}");
        fuzz_seed_text(
            "<platform><zone id='z'><zone id='y'><host id='h' speed='1Gf'/><cluster id='c' radical='0-3' "
            "speed='1Gf'/><link id='l' bandwidth='1Gbps'/><route src='h' dst='c_router'><link_ctn id='l'/>"
            "</route></zone></zone></platform>");
        fuzz_seed_text("# 0) A 1) B\n4 1.0 1 100 0. 8.\n0 0 1 100 8. 0.\n");
        fuzz_seed_text(
            "\\begin{filetable}\nf0 100 0\n\\end\n\\begin{jobtable}\nj f0\n\\end\n"
            "\\begin{jobselectionprobability}\nj 1\n\\end\n\\begin{jobexecutiontime}\nj 1 5\n\\end\n");
        fuzz_seed_text("-,0 -,-9\n-,0 -,0\n");
        fuzz_seed_text("partition,jobs,users,run_p10_s,run_p50_s,run_p90_s,run_p99_s,mean_gap_s,gap_cv\n4,5,"
                       "3,1,10,20,30,"
                       "3,2\n");
        fuzz_seed_text("src_region,src_tier,dst_region,dst_tier,src_instance,dst_instance,tcp_connections,"
                       "seconds,bits_per_s_"
                       "sent,bits_per_s_received,success\na,P,b,P,i,i,64,5,80,80,True\n");
}
