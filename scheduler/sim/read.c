/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/read.h"

#include "common/util.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* First line that is not a comment of any of the formats. */
static const char *first_line(const struct text *t, size_t *ret_n)
{
        const char *p = t->data;

        while (*p == '#' || *p == ';' || *p == '\n' || *p == '\r') {
                p += strcspn(p, "\n");
                p += *p == '\n';
        }
        *ret_n = strcspn(p, "\r\n");
        return p;
}

static bool starts(const struct text *t, const char *with)
{
        size_t n;
        const char *p = first_line(t, &n);

        return n >= strlen(with) && strncmp(p, with, strlen(with)) == 0;
}

static char first_char(const struct text *t)
{
        return t->data[strspn(t->data, " \t\r\n\xef\xbb\xbf")];
}

static bool is_wfformat(const struct text *t)
{
        return first_char(t) == '{' && strstr(t->data, WFFORMAT_WORD);
}

static bool is_dcsim(const struct text *t)
{
        return first_char(t) == '{' && !strstr(t->data, WFFORMAT_WORD);
}

static bool is_simgrid(const struct text *t)
{
        return first_char(t) == '<';
}

static bool is_optorsim_jobs(const struct text *t)
{
        return starts(t, "\\begin{");
}

/* A matrix of names with a clock each: "name.dat,-9 -,-9 ...". */
static bool is_optorsim_bandwidths(const struct text *t)
{
        size_t n, words = 0, commas = 0;
        const char *p = first_line(t, &n);

        for (size_t i = 0; i < n; i++) {
                words += i == 0 || (p[i - 1] == ' ' && p[i] != ' ');
                commas += p[i] == ',';
        }
        return words > 0 && words == commas && (strstr(p, ".dat,") || p[0] == '-') &&
               !isdigit((unsigned char)p[0]);
}

/* What the first line is made of: its words, how many of the first 18 are numbers, and tabs. */
static size_t count_words(const struct text *t, size_t *ret_numbers)
{
        size_t n, words = 0;
        const char *p = first_line(t, &n), *end = p + n;

        *ret_numbers = 0;
        while (p < end) {
                const char *word;

                p += strspn(p, " \t");
                if (p >= end)
                        break;
                word = p;
                p += strcspn(p, " \t\r\n");
                if (words++ < 18)
                        *ret_numbers += strspn(word, "+-.0123456789eE") >= (size_t)(p - word);
        }
        return words;
}

static bool is_swf(const struct text *t)
{
        size_t numbers, words = count_words(t, &numbers);

        return words >= 18 && numbers == 18 && t->data[0] != '#';
}

static bool is_machines(const struct text *t)
{
        size_t numbers, words = count_words(t, &numbers);

        return words == 6 && numbers == 5;
}

/* Numbers alone, more than four, in a file that begins with a comment. */
static bool is_optorsim_grid(const struct text *t)
{
        size_t numbers, words = count_words(t, &numbers);

        return words >= 5 && numbers == (words < 18 ? words : 18) && t->data[0] == '#';
}

static bool is_throughput(const struct text *t)
{
        return starts(t, "src_region,") && strstr(t->data, "bits_per_s_received");
}

static bool is_latency(const struct text *t)
{
        return starts(t, "src_region,") && strstr(t->data, "min_rtt");
}

static bool is_cost(const struct text *t)
{
        return starts(t, "src,dest,");
}

static bool is_tasks(const struct text *t)
{
        return starts(t, "id,submit_s,duration_s");
}

static bool is_partitions(const struct text *t)
{
        return starts(t, "partition,jobs,");
}

static bool is_hours(const struct text *t)
{
        return starts(t, "hour,jobs");
}

static bool is_sweep(const struct text *t)
{
        return starts(t, "test\toutcome\tseconds");
}

static const struct read_format formats[] = {
    {"wfformat", "WfFormat 1.5 JSON: a recorded workflow run", is_wfformat, read_wfformat},
    {"dcsim", "DCSim JSON: histograms of jobs, or of the data they read", is_dcsim, read_dcsim},
    {"simgrid", "SimGrid 4 XML: a platform", is_simgrid, read_simgrid},
    {"optorsim-jobs", "OptorSim job configuration: files, kinds of jobs, where they run", is_optorsim_jobs,
     read_optorsim_jobs},
    {"throughput", "CSV of measured throughput between regions: sites and links", is_throughput,
     read_throughput},
    {"latency", "CSV of measured round trip times between regions", is_latency, read_latency},
    {"cost", "CSV of prices of bytes between regions", is_cost, read_cost},
    {"tasks", "CSV of jobs: id, time of submission, duration", is_tasks, read_tasks},
    {"partitions", "CSV of figures of the sites of a grid log: sites, and jobs drawn from them",
     is_partitions, read_partitions},
    {"hours", "CSV of jobs an hour: when the jobs of a partitions file come", is_hours, read_hours},
    {"sweep", "table of test, outcome and seconds: a parameter sweep", is_sweep, read_sweep},
    {"swf", "Standard Workload Format: a log of jobs", is_swf, read_swf},
    {"machines", "Alea machine list: sites", is_machines, read_machines},
    {"optorsim-grid", "OptorSim grid configuration: sites, storage and links", is_optorsim_grid,
     read_optorsim_grid},
    {"optorsim-bandwidths", "OptorSim bandwidth configuration: which part of a link is free, by hour",
     is_optorsim_bandwidths, read_optorsim_bandwidths},
};

const struct read_format *read_formats(size_t *ret_n)
{
        *ret_n = ARRAY_LEN(formats);
        return formats;
}

int read_text(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
                if (formats[i].is(t))
                        return formats[i].read(w, t, seed, err);
        }
        return text_error(t, err, "not in a format that is known here; \"reeve-sim formats\" lists them");
}

int read_file(struct world *w, const char *path, uint64_t seed, struct err *err)
{
        struct text t;
        int rc;

        if (text_open(path, &t, err))
                return -1;
        rc = read_text(w, &t, seed, err);
        text_close(&t);
        return rc;
}
