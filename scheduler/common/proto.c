/* SPDX-License-Identifier: Apache-2.0 */
#include "proto.h"

#include "task_text.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

/* ---- frames ---- */

size_t frame_begin(struct buf *b, uint8_t type)
{
        size_t mark = buf_len(b);

        buf_u32(b, 0);
        buf_u8(b, type);
        return mark;
}

void frame_end(struct buf *b, size_t mark)
{
        if (!b->overflow)
                buf_patch_u32(b, mark, (uint32_t)(buf_len(b) - mark - 4));
}

int frame_next(const struct buf *in, struct frame *ret, struct err *err)
{
        struct reader r;
        uint32_t n;

        if (buf_len(in) < 4)
                return 0;
        reader_init(&r, buf_bytes(in), buf_len(in));
        n = reader_u32(&r);
        if (n == 0 || n > FRAME_MAX)
                return err_set(err, ERR_PROTOCOL, "a frame of %u bytes was announced; allowed are 1 to %u", n,
                               FRAME_MAX);
        if (reader_left(&r) < n)
                return 0;
        ret->type = reader_u8(&r);
        ret->payload = r.p;
        ret->len = n - 1;
        ret->whole = (size_t)n + 4;
        return 1;
}

void frame_done(struct buf *in, const struct frame *f)
{
        buf_consume(in, f->whole);
}

/* ---- small parts ---- */

void put_key(struct buf *b, struct attempt_key k)
{
        buf_u64(b, (uint64_t)k.job);
        buf_u32(b, (uint32_t)k.task);
        buf_u32(b, (uint32_t)k.attempt);
}

struct attempt_key get_key(struct reader *r)
{
        struct attempt_key k;

        k.job = (int64_t)reader_u64(r);
        k.task = (int32_t)reader_u32(r);
        k.attempt = (int32_t)reader_u32(r);
        if (k.job < 0 || k.task < 0 || k.attempt < 0)
                r->bad = true;
        return k;
}

/* A count that is refused, not cut, when it exceeds its limit or could not fit into what is left. */
static uint32_t get_count(struct reader *r, uint32_t max, size_t least_size)
{
        uint32_t n = reader_u32(r);

        if (n > max || (uint64_t)n * least_size > reader_left(r)) {
                r->bad = true;
                return 0;
        }
        return n;
}

/* A string into a fixed array; refused when it does not fit or holds a NUL byte. */
static void get_text(struct reader *r, char *to, size_t size)
{
        size_t n;
        const uint8_t *p = reader_blob(r, size - 1, &n);

        to[0] = '\0';
        if (!p)
                return;
        if (n && memchr(p, 0, n)) {
                r->bad = true;
                return;
        }
        memcpy(to, p, n);
        to[n] = '\0';
}

/* A string where the empty one stands for "none". */
static char *get_optional(struct reader *r, size_t max)
{
        char *s = reader_str(r, max);

        if (s && !*s) {
                free(s);
                return NULL;
        }
        return s;
}

void put_resources(struct buf *b, const struct proto_resources *res)
{
        buf_u32(b, res->cpus);
        buf_u32(b, res->gpus);
        buf_u64(b, res->memory);
        buf_u32(b, res->custom_count);
        for (uint32_t i = 0; i < res->custom_count; i++) {
                buf_str(b, res->custom[i].name);
                buf_u32(b, res->custom[i].count);
        }
}

void get_resources(struct reader *r, struct proto_resources *ret)
{
        memset(ret, 0, sizeof *ret);
        ret->cpus = reader_u32(r);
        ret->gpus = reader_u32(r);
        ret->memory = reader_u64(r);
        ret->custom_count = get_count(r, TEMPLATE_CUSTOM_MAX, 8);
        for (uint32_t i = 0; i < ret->custom_count; i++) {
                get_text(r, ret->custom[i].name, sizeof ret->custom[i].name);
                ret->custom[i].count = reader_u32(r);
        }
}

void put_progress(struct buf *b, struct attempt_key key, const struct progress *p)
{
        put_key(b, key);
        buf_u16(b, p->fraction);
        buf_str(b, p->text);
}

struct attempt_key get_progress(struct reader *r, struct progress *ret)
{
        struct attempt_key key = get_key(r);

        ret->fraction = reader_u16(r);
        get_text(r, ret->text, sizeof ret->text);
        r->bad |= ret->fraction > PROGRESS_WHOLE && ret->fraction != PROGRESS_UNKNOWN;
        return key;
}

void put_file(struct buf *b, const struct proto_file *f)
{
        buf_str(b, f->path);
        buf_u64(b, f->size);
        buf_put(b, f->sha256, sizeof f->sha256);
}

/* n bytes as they are. */
static void get_bytes(struct reader *r, void *to, size_t n)
{
        if (r->bad || reader_left(r) < n) {
                r->bad = true;
                memset(to, 0, n);
                return;
        }
        memcpy(to, r->p, n);
        r->p += n;
}

void get_file(struct reader *r, struct proto_file *ret)
{
        ret->path = reader_str(r, PATH_TEXT_MAX);
        ret->size = reader_u64(r);
        get_bytes(r, ret->sha256, sizeof ret->sha256);
        if (r->bad) {
                free(ret->path);
                ret->path = NULL;
        }
}

/* ---- template ---- */

static void put_strings(struct buf *b, char *const *list, uint32_t n)
{
        buf_u32(b, n);
        for (uint32_t i = 0; i < n; i++)
                buf_str(b, list[i]);
}

static void put_pairs(struct buf *b, const struct proto_pair *list, uint32_t n)
{
        buf_u32(b, n);
        for (uint32_t i = 0; i < n; i++) {
                buf_str(b, list[i].name);
                buf_str(b, list[i].value);
        }
}

static char **get_strings(struct reader *r, uint32_t max, size_t string_max, uint32_t *ret_n)
{
        uint32_t n = get_count(r, max, 4);
        char **list = xcalloc(n, sizeof *list);

        for (uint32_t i = 0; i < n; i++)
                list[i] = reader_str(r, string_max);
        *ret_n = n;
        return list;
}

static struct proto_pair *get_pairs(struct reader *r, uint32_t max, uint32_t *ret_n)
{
        uint32_t n = get_count(r, max, 8);
        struct proto_pair *list = xcalloc(n, sizeof *list);

        for (uint32_t i = 0; i < n; i++) {
                list[i].name = reader_str(r, TEMPLATE_STRING_MAX);
                list[i].value = reader_str(r, TEMPLATE_STRING_MAX);
        }
        *ret_n = n;
        return list;
}

static void free_strings(char **list, uint32_t n)
{
        for (uint32_t i = 0; list && i < n; i++)
                free(list[i]);
        free(list);
}

static void free_pairs(struct proto_pair *list, uint32_t n)
{
        for (uint32_t i = 0; list && i < n; i++) {
                free(list[i].name);
                free(list[i].value);
        }
        free(list);
}

void proto_template_release(struct proto_template *t)
{
        if (!t)
                return;
        free(t->name);
        free(t->project);
        free(t->site);
        free_strings(t->argv, t->argc);
        free(t->script);
        free_pairs(t->env, t->env_count);
        free(t->workdir);
        free_pairs(t->inputs, t->input_count);
        free_strings(t->outputs, t->output_count);
        free(t->output_dataset);
        free_pairs(t->task_env, t->task_env_count);
        for (size_t i = 0; i < ARRAY_LEN(t->stdio); i++)
                free(t->stdio[i]);
        memset(t, 0, sizeof *t);
}

void put_template(struct buf *b, const struct proto_template *t)
{
        buf_u64(b, (uint64_t)t->job);
        buf_str(b, t->name);
        buf_str(b, t->project);
        buf_str(b, t->site);
        put_strings(b, t->argv, t->argc);
        buf_str(b, t->script);
        put_pairs(b, t->env, t->env_count);
        buf_str(b, t->workdir);
        put_resources(b, &t->resources);
        buf_u64(b, t->time_limit_ms);
        buf_u32(b, t->kill_grace_ms);
        buf_u64(b, t->log_head);
        buf_u64(b, t->log_tail);
        buf_u64(b, t->disk_limit);
        buf_u32(b, t->process_limit);
        put_pairs(b, t->inputs, t->input_count);
        put_strings(b, t->outputs, t->output_count);
        buf_str(b, t->output_dataset);
        put_pairs(b, t->task_env, t->task_env_count);
        for (size_t i = 0; i < ARRAY_LEN(t->stdio); i++)
                buf_str(b, t->stdio[i]);
        buf_u8(b, t->stdio_append);
        buf_u8(b, t->warn_signal);
        buf_u32(b, t->warn_ms);
}

static bool get_bool(struct reader *r)
{
        uint8_t v = reader_u8(r);

        r->bad |= v > 1;
        return v == 1;
}

static void read_template(struct reader *r, struct proto_template *t)
{
        t->job = (int64_t)reader_u64(r);
        t->name = reader_str(r, TEMPLATE_STRING_MAX);
        t->project = reader_str(r, TEMPLATE_STRING_MAX);
        t->site = reader_str(r, TEMPLATE_STRING_MAX);
        t->argv = get_strings(r, TEMPLATE_ARGS_MAX, TEMPLATE_STRING_MAX, &t->argc);
        t->script = get_optional(r, TEMPLATE_SCRIPT_MAX);
        t->env = get_pairs(r, TEMPLATE_ENV_MAX, &t->env_count);
        t->workdir = get_optional(r, PATH_TEXT_MAX);
        get_resources(r, &t->resources);
        t->time_limit_ms = reader_u64(r);
        t->kill_grace_ms = reader_u32(r);
        t->log_head = reader_u64(r);
        t->log_tail = reader_u64(r);
        t->disk_limit = reader_u64(r);
        t->process_limit = reader_u32(r);
        t->inputs = get_pairs(r, TEMPLATE_INPUTS_MAX, &t->input_count);
        t->outputs = get_strings(r, TEMPLATE_OUTPUTS_MAX, PATH_TEXT_MAX, &t->output_count);
        t->output_dataset = get_optional(r, PATH_TEXT_MAX);
        t->task_env = get_pairs(r, TEMPLATE_TASK_ENV_MAX + 1, &/* and PART_VARIABLE */ t->task_env_count);
        for (size_t i = 0; i < ARRAY_LEN(t->stdio); i++)
                t->stdio[i] = get_optional(r, TEMPLATE_TASK_TEXT_MAX);
        t->stdio_append = get_bool(r);
        t->warn_signal = reader_u8(r);
        t->warn_ms = reader_u32(r);
}

/* No leading slash and no component "..": stays below the directory it is resolved in. */
static bool path_stays_below(const char *s)
{
        if (*s == '/' || !*s)
                return false;
        while (s) {
                if (s[0] == '.' && s[1] == '.' && (s[2] == '/' || !s[2]))
                        return false;
                s = strchr(s, '/');
                if (s)
                        s++;
        }
        return true;
}

static int check_texts(const struct proto_template *t, struct err *err)
{
        for (uint32_t i = 0; i < t->task_env_count; i++) {
                const struct proto_pair *p = &t->task_env[i];

                if (!*p->name || strchr(p->name, '=') || strlen(p->value) > TEMPLATE_TASK_TEXT_MAX ||
                    task_text_check("a variable", p->value, NULL) < 0)
                        return err_set(err, ERR_PROTOCOL, "job %lld has a malformed variable of its tasks",
                                       (long long)t->job);
        }
        for (size_t i = 0; i < ARRAY_LEN(t->stdio); i++) {
                if (t->stdio[i] && task_text_check("a file", t->stdio[i], NULL) < 0)
                        return err_set(err, ERR_PROTOCOL, "job %lld has a malformed file of a stream",
                                       (long long)t->job);
        }
        if (t->warn_signal > 64)
                return err_set(err, ERR_PROTOCOL, "job %lld wants to be warned by a signal that is none",
                               (long long)t->job);
        return 0;
}

/* What every receiver may rely on beyond lengths and counts. */
static int check_template(const struct proto_template *t, struct err *err)
{
        if (t->job <= 0)
                return err_set(err, ERR_PROTOCOL, "a template has no job id");
        if (!t->script && (!t->argc || !*t->argv[0]))
                return err_set(err, ERR_PROTOCOL, "job %lld has neither a command nor a script",
                               (long long)t->job);
        for (uint32_t i = 0; i < t->env_count; i++) {
                if (!*t->env[i].name || strchr(t->env[i].name, '='))
                        return err_set(err, ERR_PROTOCOL,
                                       "job %lld has an environment name that is empty or holds '='",
                                       (long long)t->job);
        }
        for (uint32_t i = 0; i < t->input_count; i++) {
                if (t->inputs[i].value[0] != '/')
                        return err_set(err, ERR_PROTOCOL, "job %lld has an input without an absolute path",
                                       (long long)t->job);
        }
        if (t->workdir && t->workdir[0] != '/')
                return err_set(err, ERR_PROTOCOL, "job %lld has a working directory that is not absolute",
                               (long long)t->job);
        for (uint32_t i = 0; i < t->output_count; i++) {
                if (!path_stays_below(t->outputs[i]))
                        return err_set(err, ERR_PROTOCOL,
                                       "job %lld has an output pattern that leaves its directory",
                                       (long long)t->job);
        }
        if (t->output_count && !t->output_dataset)
                return err_set(err, ERR_PROTOCOL, "job %lld has outputs but no dataset to keep them in",
                               (long long)t->job);
        if (t->output_dataset && (!path_stays_below(t->output_dataset) || strchr(t->output_dataset, '/') ||
                                  strcmp(t->output_dataset, ".") == 0 || strlen(t->output_dataset) > 200))
                return err_set(err, ERR_PROTOCOL,
                               "job %lld has an output dataset that is not a directory name",
                               (long long)t->job);
        return check_texts(t, err);
}

int get_template(struct reader *r, struct proto_template *ret, struct err *err)
{
        struct proto_template t = {0};
        int rc = 0;

        read_template(r, &t);
        if (r->bad || reader_left(r))
                rc = err_set(err, ERR_PROTOCOL, "a template does not decode or exceeds a limit");
        else
                rc = check_template(&t, err);
        if (rc < 0) {
                proto_template_release(&t);
                return -1;
        }
        *ret = t;
        return 0;
}

/* ---- result ---- */

void put_result(struct buf *b, const struct proto_result *res)
{
        put_key(b, res->key);
        buf_u8(b, res->outcome);
        buf_u32(b, (uint32_t)res->code);
        buf_u64(b, (uint64_t)res->start_wall_ms);
        buf_u64(b, (uint64_t)res->end_wall_ms);
        buf_u64(b, res->wall_us);
        buf_u64(b, res->user_us);
        buf_u64(b, res->system_us);
        buf_u64(b, res->memory_peak);
        buf_u64(b, res->read_bytes);
        buf_u64(b, res->write_bytes);
        buf_u64(b, res->stdout_bytes);
        buf_u64(b, res->stderr_bytes);
        buf_u8(b, res->log_cut);
        buf_u32(b, res->output_count);
        buf_blob(b, res->text, strnlen(res->text, RESULT_TEXT_MAX - 1));
}

void get_result(struct reader *r, struct proto_result *ret)
{
        memset(ret, 0, sizeof *ret);
        ret->key = get_key(r);
        ret->outcome = reader_u8(r);
        ret->code = (int32_t)reader_u32(r);
        ret->start_wall_ms = (int64_t)reader_u64(r);
        ret->end_wall_ms = (int64_t)reader_u64(r);
        ret->wall_us = reader_u64(r);
        ret->user_us = reader_u64(r);
        ret->system_us = reader_u64(r);
        ret->memory_peak = reader_u64(r);
        ret->read_bytes = reader_u64(r);
        ret->write_bytes = reader_u64(r);
        ret->stdout_bytes = reader_u64(r);
        ret->stderr_bytes = reader_u64(r);
        ret->log_cut = reader_u8(r);
        ret->output_count = reader_u32(r);
        get_text(r, ret->text, sizeof ret->text);
}

/* ---- connecting ---- */

#define STEP_NAME_(sym, name, sentence)     [sym] = name,
#define STEP_SENTENCE_(sym, name, sentence) [sym] = sentence,

const char *connect_step_name(enum connect_step s)
{
        static const char *const names[] = {CONNECT_STEPS(STEP_NAME_)};

        return (unsigned)s < ARRAY_LEN(names) ? names[s] : "unknown";
}

const char *connect_step_sentence(enum connect_step s)
{
        static const char *const sentences[] = {CONNECT_STEPS(STEP_SENTENCE_)};

        return (unsigned)s < ARRAY_LEN(sentences) ? sentences[s] : "unknown step";
}

/* Longest host key, user or host name, and private key that a configuration may carry. */
#define CONFIG_KEY_MAX     (16u << 10)
#define CONFIG_NAME_MAX    255
#define CONFIG_PRIVATE_MAX (64u << 10)

static void wipe(char *s)
{
        if (s)
                explicit_bzero(s, strlen(s));
        free(s);
}

void proto_config_release(struct proto_config *c)
{
        if (!c)
                return;
        for (uint32_t i = 0; i < HOPS_MAX; i++) {
                free(c->hops[i].user);
                free(c->hops[i].host);
                for (uint32_t k = 0; k < ARRAY_LEN(c->hops[i].keys); k++)
                        free(c->hops[i].keys[k].data);
        }
        wipe(c->private_key);
        memset(c, 0, sizeof *c);
}

void put_config(struct buf *b, const struct proto_config *c)
{
        buf_u8(b, c->backend);
        buf_u8(b, c->probe);
        buf_u32(b, c->timeout_ms);
        buf_u32(b, c->hop_count);
        for (uint32_t i = 0; i < c->hop_count; i++) {
                const struct proto_hop *h = &c->hops[i];

                buf_str(b, h->user);
                buf_str(b, h->host);
                buf_u16(b, h->port);
                buf_u32(b, h->key_count);
                for (uint32_t k = 0; k < h->key_count; k++)
                        buf_blob(b, h->keys[k].data, h->keys[k].len);
        }
        buf_str(b, c->private_key);
}

static void get_hop(struct reader *r, struct proto_hop *h)
{
        h->user = reader_str(r, CONFIG_NAME_MAX);
        h->host = reader_str(r, CONFIG_NAME_MAX);
        h->port = reader_u16(r);
        h->key_count = get_count(r, ARRAY_LEN(h->keys), 4);
        for (uint32_t k = 0; k < h->key_count; k++) {
                size_t n;
                const uint8_t *p = reader_blob(r, CONFIG_KEY_MAX, &n);

                if (!p)
                        return;
                h->keys[k].data = xmalloc(n);
                memcpy(h->keys[k].data, p, n);
                h->keys[k].len = n;
        }
}

int get_config(struct reader *r, struct proto_config *ret, struct err *err)
{
        struct proto_config c = {0};

        c.backend = reader_u8(r);
        c.probe = reader_u8(r);
        c.timeout_ms = reader_u32(r);
        c.hop_count = get_count(r, HOPS_MAX, 14);
        for (uint32_t i = 0; i < c.hop_count; i++)
                get_hop(r, &c.hops[i]);
        c.private_key = get_optional(r, CONFIG_PRIVATE_MAX);
        if (r->bad || reader_left(r) || !c.hop_count || c.backend > BACKEND_OPENSSH || c.probe > 1) {
                proto_config_release(&c);
                return err_set(err, ERR_PROTOCOL,
                               "a connector configuration does not decode or exceeds a limit");
        }
        *ret = c;
        return 0;
}
