/* SPDX-License-Identifier: Apache-2.0 */
/* Submitted jobs in the form in which they are stored, and into the database. */
#include "web/submit_priv.h"

#include "common/util.h"
#include "web/web_priv.h"

#include <stdio.h>
#include <string.h>

#define STORED_MAX (256u << 20) /* stored forms of one bulk request */

/* Append to the text and remember where; pointers are made when the buffer moves no more. */
static size_t text_end(struct batch *b, size_t from)
{
        buf_put(&b->text, "", 1);
        return from;
}

struct offsets {
        size_t spec, labels, list; /* labels, list SIZE_MAX: none */
};

static void fill_inputs(struct batch *b, const struct job_spec *s, int64_t first, const char **names,
                        int64_t *ids, char (*made)[32], const char **shown)
{
        for (size_t k = 0; k < json_array_size(s->inputs); k++) {
                const char *text = json_string_value(json_array_get(s->inputs, k));
                int64_t inside;
                const struct ref_dataset *d = batch_input(b, text, &inside);

                names[k] = d ? d->name : text;
                ids[k] = d ? d->id : 0;
                shown[k] = names[k];
                if (inside && b->specs[inside - 1].output_dataset) {
                        shown[k] = b->specs[inside - 1].output_dataset;
                } else if (inside) {
                        snprintf(made[k], sizeof made[k], "job-%lld", (long long)(first + inside - 1));
                        shown[k] = made[k];
                }
        }
}

static size_t write_labels(struct batch *b, const struct job_spec *s)
{
        size_t at = buf_len(&b->text);
        const char *name;
        json_t *v;

        if (!json_object_size(s->labels))
                return SIZE_MAX;
        buf_put(&b->text, "{", 1);
        json_object_foreach(s->labels, name, v)
        {
                if (buf_len(&b->text) > at + 1)
                        buf_put(&b->text, ",", 1);
                buf_json_str(&b->text, name, strlen(name));
                buf_put(&b->text, ":", 1);
                buf_json_str(&b->text, json_string_value(v), json_string_length(v));
        }
        buf_put(&b->text, "}", 1);
        return text_end(b, at);
}

static size_t write_list(struct batch *b, const struct job_spec *s)
{
        size_t at = buf_len(&b->text);

        if (task_set_is_range(s->tasks))
                return SIZE_MAX;
        task_set_write(&b->text, s->tasks);
        return text_end(b, at);
}

/* The stored form of each job; `first` is the number of the first one where numbers were taken. */
static int write_jobs(struct batch *b, int64_t first, struct err *err)
{
        struct offsets *at = xcalloc(b->count, sizeof *at);
        size_t afters = 0, inputs = 0;
        char(*made)[32] = xcalloc(JOB_INPUTS_MAX, sizeof *made);
        const char **shown = xcalloc(JOB_INPUTS_MAX, sizeof *shown);

        for (size_t i = 0; i < b->count; i++) {
                afters += b->specs[i].after_count;
                inputs += json_array_size(b->specs[i].inputs);
        }
        b->out = xcalloc(b->count, sizeof *b->out);
        b->after = xcalloc(afters, sizeof *b->after);
        b->inputs = xcalloc(inputs, sizeof *b->inputs);
        b->input_ids = xcalloc(inputs, sizeof *b->input_ids);
        buf_init(&b->text, STORED_MAX);
        afters = inputs = 0;
        for (size_t i = 0; i < b->count; i++) {
                const struct job_spec *s = &b->specs[i];
                struct submit_job *o = &b->out[i];

                fill_inputs(b, s, first, b->inputs + inputs, b->input_ids + inputs, made, shown);
                at[i].spec = buf_len(&b->text);
                buf_put(&b->text, "[", 1); /* the writer looks at the byte before for its comma */
                at[i].spec++;
                job_spec_write(&b->text, s, shown);
                text_end(b, 0);
                at[i].labels = write_labels(b, s);
                at[i].list = write_list(b, s);
                *o = (struct submit_job){.project = b->projects[i],
                                         .name = s->name,
                                         .first = s->tasks->first,
                                         .last = s->tasks->last,
                                         .priority = s->priority,
                                         .hold = s->hold,
                                         .outputs = json_array_size(s->outputs) > 0,
                                         .output_dataset = s->output_dataset,
                                         .after = b->after + afters,
                                         .after_count = s->after_count,
                                         .inputs = b->inputs + inputs,
                                         .input_ids = b->input_ids + inputs,
                                         .input_count = json_array_size(s->inputs)};
                if (s->partition.position) {
                        o->part_dataset = b->input_ids[inputs + (size_t)s->partition.position - 1];
                        o->part_files = s->partition.files;
                        o->part_bytes = s->partition.bytes;
                }
                for (size_t k = 0; k < s->after_count; k++)
                        b->after[afters++] = (struct submit_after){s->after[k].job, s->after[k].inside,
                                                                   s->after[k].condition, s->after[k].each};
                inputs += o->input_count;
        }
        for (size_t i = 0; i < b->count && !b->text.overflow; i++) {
                b->out[i].spec = (const char *)buf_bytes(&b->text) + at[i].spec;
                b->out[i].labels =
                    at[i].labels == SIZE_MAX ? NULL : (const char *)buf_bytes(&b->text) + at[i].labels;
                if (at[i].list == SIZE_MAX)
                        continue;
                b->out[i].task_list = (const char *)buf_bytes(&b->text) + at[i].list;
                b->out[i].task_count = b->specs[i].tasks->count;
        }
        free(at);
        free(made);
        free(shown);
        return b->text.overflow
                   ? err_set(err, ERR_BAD_INPUT, "the jobs are too large together; submit them in parts")
                   : 0;
}

/* Another request with the same key may have been faster, or somebody took a name meanwhile. */
static int store_conflict(struct batch *b, int64_t *ret_first, struct err *err)
{
        struct err why = {0};
        int64_t last;
        int rc = b->by.key ? store_submit_known(b->db, &b->by, ret_first, &last, &why) : 0;

        if (rc == 1)
                return 0;
        if (rc < 0) {
                *err = why;
                return -1;
        }
        return err_set(err, ERR_CONFLICT,
                       "a dataset that the request names was made or removed meanwhile; try again");
}

int batch_store(struct batch *b, int64_t *ret_first, struct err *err)
{
        int64_t first = 0;
        int rc;

        if (b->bulk && store_submit_reserve(b->db, b->count, &first, err) < 0)
                return -1;
        if (write_jobs(b, first, err) < 0)
                return -1;
        if (b->bulk)
                rc = store_submit_bulk(b->db, &b->by, first, b->out, b->count, err);
        else
                rc = store_submit(b->db, &b->by, &b->out[0], &first, err);
        if (rc < 0)
                return err->code == ERR_CONFLICT ? store_conflict(b, ret_first, err) : -1;
        *ret_first = first;
        return 0;
}
