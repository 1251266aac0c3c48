/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/bootstrap.h"

#include "common/num.h"
#include "common/util.h"
#include "remote/worker_files.h"

#include <stdio.h>
#include <string.h>

#define FACTS_BEGIN "REEVE-FACTS-1\n"
#define FACTS_END   "REEVE-FACTS-END\n"
#define UPLOADED    "REEVE-UPLOADED\n"
#define ANSWER_MAX  (PROTO_MAGIC_SKIP_MAX + (64u << 10))
#define CHUNK       (256u << 10) /* of the binary, handed to the connector at a time */
#define COMMAND_MAX (16u << 10)
#define ROOT_MAX    200

struct bootstrap {
        struct connector *connector;
        const struct bootstrap_events *events;
        void *arg;
        char *root; /* as a word of shell: "$HOME"/... or /... */
        struct worker_files workers;
        struct bootstrap_facts facts;
        const struct worker_file *worker;
        enum bootstrap_step step;
        int64_t since;
        struct buf out;    /* standard output of the command that runs */
        struct buf errors; /* and the beginning of its standard error */
        size_t sent;       /* bytes of the binary handed on */
        uint32_t percent;
        bool uploading;
};

/* ---- the commands ---- */

int root_check(const char *root, struct err *err)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/@+-";
        const char *p = strncmp(root, "~/", 2) == 0 ? root + 2 : root;

        if (*p == '\0' || (p == root && *p != '/') || strlen(root) > ROOT_MAX || p[strspn(p, allowed)] ||
            strstr(p, "..") || strcmp(p, "/") == 0)
                return err_set(err, ERR_BAD_INPUT,
                               "the worker's directory \"%.100s\" is not usable: it is absolute or begins "
                               "with ~/, has at "
                               "most %d letters, digits or ._/@+-, and no \"..\"",
                               root, ROOT_MAX);
        return 0;
}

static char *root_as_shell(const char *root)
{
        return strncmp(root, "~/", 2) == 0 ? xasprintf("\"$HOME\"/%s", root + 2) : xstrdup(root);
}

/* Inside single quotes for the login shell: no quote, backslash, exclamation mark or line break may be in it.
 */
static char *facts_command(const struct bootstrap *b)
{
        struct buf c;
        char *s;

        buf_init(&c, COMMAND_MAX);
        buf_printf(&c,
                   "exec /bin/sh -c '"
                   "umask 077; r=%s; m=$(mkdir -p \"$r\"/bin 2>&1) || m=\"cannot make $r: $m\"; "
                   "echo; echo REEVE-FACTS-1; echo machine=$(uname -m); echo system=$(uname -s); echo "
                   "\"home=$HOME\"; "
                   "echo \"shell=$SHELL\"; echo uid=$(id -u); test -z \"$m\" || echo \"broken=$m\"; "
                   "set -- $(df -Pk \"$r\" 2>/dev/null | tail -n 1); echo \"disk=$4\"; "
                   "echo linger=$(loginctl show-user $(id -u) -p Linger --value 2>/dev/null); "
                   "echo kill=$(loginctl show -p KillUserProcesses --value 2>/dev/null); ",
                   b->root);
        for (size_t i = 0; i < b->workers.count; i++)
                buf_printf(
                    &c,
                    "w=\"$r\"/bin/reeve-worker-%s; test -x \"$w\" && \"$w\" verify \"$w\" %s >/dev/null 2>&1 "
                    "&& echo have=%s; ",
                    b->workers.files[i].sha256, b->workers.files[i].sha256, b->workers.files[i].sha256);
        buf_text(&c, "echo REEVE-FACTS-END'");
        s = xstrdup(buf_cstr(&c));
        buf_release(&c);
        return s;
}

/* Exit codes that upload_command gives its failures. */
enum {
        UPLOAD_NO_DIR = 91,
        UPLOAD_NO_WRITE = 92,
        UPLOAD_NO_RUN = 93,
        UPLOAD_DAMAGED = 94,
        UPLOAD_NO_PUBLISH = 95
};

static char *upload_command(const struct bootstrap *b)
{
        return xasprintf(
            "exec /bin/sh -c '"
            "umask 077; r=%s; mkdir -p \"$r\"/bin || exit %d; t=\"$r\"/bin/.upload-$$; "
            "rm -f \"$r\"/bin/.upload-*; cat > \"$t\" || { rm -f \"$t\"; exit %d; }; chmod 700 \"$t\"; "
            "\"$t\" --version >/dev/null || { rm -f \"$t\"; exit %d; }; "
            "\"$t\" verify \"$t\" %s || { rm -f \"$t\"; exit %d; }; "
            "mv -f \"$t\" \"$r\"/bin/reeve-worker-%s || exit %d; "
            "cd \"$r\"/bin && ls -t | grep ^reeve-worker- | tail -n +3 | xargs rm -f; echo; echo "
            "REEVE-UPLOADED'",
            b->root, UPLOAD_NO_DIR, UPLOAD_NO_WRITE, UPLOAD_NO_RUN, b->worker->sha256, UPLOAD_DAMAGED,
            b->worker->sha256, UPLOAD_NO_PUBLISH);
}

static char *attach_command(const struct bootstrap *b)
{
        return xasprintf("exec /bin/sh -c 'r=%s; exec \"$r\"/bin/reeve-worker-%s attach --root \"$r\"'",
                         b->root, b->worker->sha256);
}

/* ---- steps ---- */

static void run(struct bootstrap *b, enum bootstrap_step step, char *command)
{
        buf_clear(&b->out);
        buf_clear(&b->errors);
        b->step = step;
        b->since = clock_boot_ms();
        connector_exec(b->connector, command);
        free(command);
}

static void fail(struct bootstrap *b, const char *fix, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void fail(struct bootstrap *b, const char *fix, const char *fmt, ...)
{
        AUTO_FREE char *text = NULL;
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                text = xstrdup("out of memory");
        va_end(ap);
        text_make_printable(text);
        b->events->on_failed(b->arg, b->step, text, fix);
}

/* The beginning of what a command said, for people. Owned by the caller. */
static char *excerpt(struct buf *said)
{
        char *s = xstrndup(buf_cstr(said), 200);

        for (size_t n = strlen(s); n > 0 && (s[n - 1] == '\n' || s[n - 1] == '\r'); n--)
                s[n - 1] = '\0';
        text_make_printable(s);
        return s;
}

static void done(struct bootstrap *b)
{
        AUTO_FREE char *command = attach_command(b);

        snprintf(b->facts.worker_sha256, sizeof b->facts.worker_sha256, "%s", b->worker->sha256);
        b->events->on_done(b->arg, &b->facts, command);
}

/* Hand on as much of the binary as the connector takes at once; the rest when it has drained. */
static void upload_more(struct bootstrap *b)
{
        uint32_t percent;
        char text[80];

        while (b->sent < b->worker->size && connector_queued(b->connector) == 0) {
                size_t left = b->worker->size - b->sent, n = left < CHUNK ? left : CHUNK;

                connector_stdin(b->connector, b->worker->data + b->sent, n);
                b->sent += n;
                if (b->sent == b->worker->size)
                        connector_stdin_end(b->connector);
        }
        percent = (uint32_t)(b->sent * 100 / b->worker->size);
        if (percent == b->percent)
                return;
        b->percent = percent;
        snprintf(text, sizeof text, "uploading the worker: %u %% of %zu KiB", percent, b->worker->size >> 10);
        b->events->on_progress(b->arg, text);
}

/* ---- the answer to the facts ---- */

struct found {
        bool have;
        char broken[300];
        bool kills; /* systemd ends a user's processes with the last session */
};

static void take_fact(struct bootstrap *b, struct found *f, const char *key, const char *value)
{
        struct bootstrap_facts *facts = &b->facts;
        const struct worker_file *w;
        int64_t v;

        if (strcmp(key, "machine") == 0)
                snprintf(facts->machine, sizeof facts->machine, "%s", value);
        else if (strcmp(key, "system") == 0)
                snprintf(facts->system, sizeof facts->system, "%s", value);
        else if (strcmp(key, "home") == 0)
                snprintf(facts->home, sizeof facts->home, "%s", value);
        else if (strcmp(key, "shell") == 0)
                snprintf(facts->shell, sizeof facts->shell, "%s", value);
        else if (strcmp(key, "uid") == 0 && num_int("uid", value, 0, UINT32_MAX, &v, NULL) == 0)
                facts->uid = (uint32_t)v;
        else if (strcmp(key, "disk") == 0 && num_int("disk", value, 0, INT64_MAX >> 10, &v, NULL) == 0)
                facts->disk_free = (uint64_t)v << 10;
        else if (strcmp(key, "linger") == 0 && *value)
                facts->linger = strcmp(value, "yes") == 0;
        else if (strcmp(key, "kill") == 0)
                f->kills = strcmp(value, "yes") == 0;
        else if (strcmp(key, "broken") == 0)
                snprintf(f->broken, sizeof f->broken, "%s", value);
        else if (strcmp(key, "have") == 0) {
                w = worker_files_find(&b->workers, facts->machine);
                f->have |= w && strcmp(w->sha256, value) == 0;
        }
}

/* The text between the marks, line by line. -1 when the marks are not there. */
static int parse_facts(struct bootstrap *b, struct found *f)
{
        char *text = strstr((char *)buf_cstr(&b->out), FACTS_BEGIN);
        char *end = text ? strstr(text, FACTS_END) : NULL;
        char *save, *line;

        if (!end)
                return -1;
        *end = '\0';
        b->facts = (struct bootstrap_facts){.linger = -1};
        for (line = strtok_r(text + strlen(FACTS_BEGIN), "\n", &save); line;
             line = strtok_r(NULL, "\n", &save)) {
                char *value = strchr(line, '=');

                if (!value)
                        continue;
                *value++ = '\0';
                text_make_printable(value);
                take_fact(b, f, line, value);
        }
        /* Only where systemd kills does lingering matter. */
        if (!f->kills)
                b->facts.linger = b->facts.linger < 0 ? -1 : 1;
        return 0;
}

static void facts_ended(struct bootstrap *b, uint32_t code)
{
        struct found f = {0};
        char text[500];

        if (parse_facts(b, &f) < 0) {
                AUTO_FREE char *said = excerpt(buf_len(&b->out) ? &b->out : &b->errors);

                fail(b,
                     "give the account a normal login shell (bash, sh, zsh, csh or fish) and no forced "
                     "command",
                     "the account's shell did not run our command (exit code %u); it said: %s", code,
                     *said ? said : "nothing");
                return;
        }
        if (b->facts.uid == 0) {
                fail(b, "use an account of its own", "the account is root, and a worker never runs as root");
                return;
        }
        if (f.broken[0]) {
                fail(b,
                     "give the account a home it can write to, or configure another directory for the worker",
                     "%s", f.broken);
                return;
        }
        b->worker = worker_files_find(&b->workers, b->facts.machine);
        if (!b->worker || strcmp(b->facts.system, "Linux") != 0) {
                fail(b, "use a Linux host, and install the worker built for its machine type",
                     "no worker for %s on %s", b->facts.system, b->facts.machine);
                return;
        }
        snprintf(text, sizeof text, "%s on %s, shell %s, home %s", b->facts.system, b->facts.machine,
                 b->facts.shell, b->facts.home);
        b->events->on_step(b->arg, BOOTSTRAP_SHELL, (uint32_t)(clock_boot_ms() - b->since), text);
        if (f.have) {
                b->events->on_step(b->arg, BOOTSTRAP_UPLOAD, 0, "already there");
                done(b);
                return;
        }
        b->uploading = true;
        b->sent = 0;
        run(b, BOOTSTRAP_UPLOAD, upload_command(b));
        upload_more(b);
}

/* ---- the answer to the upload ---- */

static const struct {
        uint32_t code;
        const char *text, *fix;
} upload_failures[] = {
    {UPLOAD_NO_DIR, "could not make the worker's directory",
     "give the account a home it can write to, or configure another directory for the worker"},
    {UPLOAD_NO_WRITE, "could not write the worker", "free some disk space or quota for the account"},
    {UPLOAD_NO_RUN, "the uploaded worker does not run there",
     "the file system may forbid programs (noexec): configure another directory for the worker"},
    {UPLOAD_DAMAGED, "the worker arrived damaged",
     "try again; if it goes on, check the host's disk and memory"},
    {UPLOAD_NO_PUBLISH, "could not rename the uploaded worker",
     "free some disk space or quota for the account"},
};

static void upload_ended(struct bootstrap *b, uint32_t code)
{
        AUTO_FREE char *said = NULL;
        char text[80];

        b->uploading = false;
        if (code == 0 && strstr(buf_cstr(&b->out), UPLOADED)) {
                snprintf(text, sizeof text, "%zu KiB uploaded", b->worker->size >> 10);
                b->events->on_step(b->arg, BOOTSTRAP_UPLOAD, (uint32_t)(clock_boot_ms() - b->since), text);
                done(b);
                return;
        }
        said = excerpt(&b->errors);
        for (size_t i = 0; i < ARRAY_LEN(upload_failures); i++) {
                if (upload_failures[i].code == code) {
                        fail(b, upload_failures[i].fix, "%s: %s", upload_failures[i].text, said);
                        return;
                }
        }
        fail(b, "look at the account's shell and its login scripts", "the upload ended with exit code %u: %s",
             code, said);
}

/* ---- events ---- */

void bootstrap_on_out(struct bootstrap *b, bool is_stderr, const uint8_t *p, size_t n)
{
        struct buf *to = is_stderr ? &b->errors : &b->out;
        size_t room = to->max - buf_len(to);

        /* What is beyond the bound is dropped: the marks are then missing, and that is the error. */
        buf_put(to, p, n < room ? n : room);
}

void bootstrap_on_exec_end(struct bootstrap *b, uint32_t code)
{
        if (b->step == BOOTSTRAP_SHELL)
                facts_ended(b, code);
        else
                upload_ended(b, code);
}

void bootstrap_on_drained(struct bootstrap *b)
{
        if (b->uploading)
                upload_more(b);
}

int bootstrap_start(struct connector *c, const char *worker_dir, const char *root,
                    const struct bootstrap_events *events, void *arg, struct bootstrap **ret, struct err *err)
{
        struct bootstrap *b;

        if (root_check(root, err) < 0)
                return -1;
        b = xcalloc(1, sizeof *b);
        *b = (struct bootstrap){.connector = c, .events = events, .arg = arg, .root = root_as_shell(root)};
        buf_init(&b->out, ANSWER_MAX);
        buf_init(&b->errors, 4096);
        if (worker_files_load(worker_dir, &b->workers, err) < 0) {
                bootstrap_free(b);
                return -1;
        }
        *ret = b;
        run(b, BOOTSTRAP_SHELL, facts_command(b));
        return 0;
}

void bootstrap_free(struct bootstrap *b)
{
        if (!b)
                return;
        worker_files_release(&b->workers);
        buf_release(&b->out);
        buf_release(&b->errors);
        free(b->root);
        free(b);
}
