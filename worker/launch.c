/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/launch.h"

#include "common/num.h"
#include "common/progress.h"
#include "common/task_text.h"
#include "common/util.h"
#include "worker/files.h"
#include "worker/parts.h"
#include "worker/spool.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
#define VARYING      6       /* environment entries that differ between attempts */
#define TOOLS_DIR    "tools" /* below the root: programs that attempts find in their PATH */
#define VARY_MAX     (PATH_TEXT_MAX + 64)

enum vary { VARY_KEY, VARY_TASK, VARY_ATTEMPT, VARY_TMPDIR, VARY_PROGRESS, VARY_GPUS };

struct launch_plan {
        char *script;              /* owned, path below the root; NULL for a command */
        char *program;             /* owned, what is executed; NULL until resolved */
        const char **argv;         /* owned array, borrowed strings */
        char **env;                /* owned; the first VARYING point into vary */
        size_t env_count, env_cap; /* those of task_env come behind them, filled in at each start */
        size_t task_env_count;
        char vary[VARYING][VARY_MAX];
};

/* ---- who we are ---- */

/* Field `n` (from 0) of the passwd line of this uid; NULL when there is none. The file alone: a static
 * program cannot ask other name services, and the login already put their answer into the environment. */
static char *passwd_field(int n)
{
        FILE *f = fopen("/etc/passwd", "re");
        char line[1024], *ret = NULL;

        while (f && !ret && fgets(line, sizeof line, f)) {
                char *at = line, *field[7];
                int k = 0;
                int64_t uid;

                line[strcspn(line, "\n")] = '\0';
                while (k < 7 && (field[k] = strsep(&at, ":")))
                        k++;
                if (k == 7 && num_int("uid", field[2], 0, UINT32_MAX, &uid, NULL) == 0 &&
                    (uid_t)uid == geteuid())
                        ret = xstrdup(field[n]);
        }
        if (f)
                fclose(f);
        return ret;
}

static char *who(const char *variable, int field, const char *otherwise)
{
        const char *s = getenv(variable);
        char *ret = s && *s ? xstrdup(s) : passwd_field(field);

        return ret ? ret : xstrdup(otherwise);
}

/* `reeve` for programs at the site: this binary by another name (main.c). The link is put in place whole,
 * because attempts that an earlier keeper started use it. A colon cannot stand in PATH. */
static bool tools_make(const char *root)
{
        char self[PATH_TEXT_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

        if (n <= 0 || strchr(root, ':') || (mkdir(TOOLS_DIR, 0700) < 0 && errno != EEXIST))
                return false;
        self[n] = '\0';
        unlink(TOOLS_DIR "/reeve.new");
        return access(self, X_OK) == 0 && symlink(self, TOOLS_DIR "/reeve.new") == 0 &&
               rename(TOOLS_DIR "/reeve.new", TOOLS_DIR "/reeve") == 0;
}

int launcher_init(struct launcher *l, const char *root, const uint8_t spool_id[16], struct err *err)
{
        memset(l, 0, sizeof *l);
        l->root = root;
        hex_encode(spool_id, 16, l->spool_hex);
        l->home = who("HOME", 5, "/");
        l->user = who("USER", 0, "unknown");
        l->shell = who("SHELL", 6, "/bin/sh");
        if (gethostname(l->host, sizeof l->host - 1) < 0)
                l->host[0] = '\0';
        l->host[strcspn(l->host, ".")] = '\0';
        l->has_tools = tools_make(root);
        l->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (l->null_fd < 0)
                return err_errno(err, "could not open \"/dev/null\"");
        l->stack = mmap(NULL, LAUNCH_STACK_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (l->stack == MAP_FAILED)
                return err_errno(err, "could not allocate a stack");
        return 0;
}

void launcher_release(struct launcher *l)
{
        free(l->home);
        free(l->user);
        free(l->shell);
        if (l->null_fd >= 0)
                close(l->null_fd);
        if (l->stack)
                munmap(l->stack, LAUNCH_STACK_SIZE);
}

/* ---- environment ---- */

/* Set NAME=VALUE, replacing an earlier entry of that name. */
static void env_set(struct launch_plan *p, const char *name, const char *value)
{
        size_t len = strlen(name);
        char *entry = xasprintf("%s=%s", name, value);

        for (size_t i = VARYING; i < p->env_count; i++) {
                if (strncmp(p->env[i], name, len) == 0 && p->env[i][len] == '=') {
                        free(p->env[i]);
                        p->env[i] = entry;
                        return;
                }
        }
        p->env = xgrow(p->env, p->env_count + 1, &p->env_cap, sizeof *p->env);
        p->env[p->env_count++] = entry;
        p->env[p->env_count] = NULL;
}

static void env_set_number(struct launch_plan *p, const char *name, uint64_t v)
{
        char text[24];

        snprintf(text, sizeof text, "%llu", (unsigned long long)v);
        env_set(p, name, text);
}

static const char *env_get(const struct launch_plan *p, const char *name)
{
        size_t len = strlen(name);

        for (size_t i = VARYING; i < p->env_count; i++) {
                if (strncmp(p->env[i], name, len) == 0 && p->env[i][len] == '=')
                        return p->env[i] + len + 1;
        }
        return NULL;
}

static bool name_is_ours(const char *name)
{
        return strncmp(name, "REEVE_", 6) == 0 || strcmp(name, "TMPDIR") == 0;
}

static void env_inputs(struct launch_plan *p, const struct proto_template *t)
{
        for (uint32_t i = 0; i < t->input_count; i++) {
                AUTO_FREE char *number = xasprintf("REEVE_INPUT_%u", i + 1);
                AUTO_FREE char *named = xasprintf("REEVE_INPUT_%s", t->inputs[i].name);

                /* "reads@2" is READS, whichever version it is. */
                named[strcspn(named, "@")] = '\0';
                for (char *c = named + strlen("REEVE_INPUT_"); *c; c++)
                        *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
                env_set(p, number, t->inputs[i].value);
                env_set(p, named, t->inputs[i].value);
        }
        env_set_number(p, "REEVE_INPUTS", t->input_count);
}

/* Our tools come last: whatever else the site or the job calls by these names goes first. */
static void env_add_tools(const struct launcher *l, struct launch_plan *p)
{
        const char *path = env_get(p, "PATH");

        if (l->has_tools) {
                AUTO_FREE char *longer = xasprintf("%s%s%s/" TOOLS_DIR, path, *path ? ":" : "", l->root);

                env_set(p, "PATH", longer);
        }
}

/* Entries of a name that tasks have each their own of. */
static bool is_of_tasks(const struct proto_template *t, const char *entry)
{
        for (uint32_t i = 0; i < t->task_env_count; i++) {
                size_t n = strlen(t->task_env[i].name);

                if (strncmp(entry, t->task_env[i].name, n) == 0 && entry[n] == '=')
                        return true;
        }
        return false;
}

static void env_make_room(struct launch_plan *p, const struct proto_template *t)
{
        size_t kept = VARYING;

        for (size_t i = VARYING; i < p->env_count; i++) {
                if (is_of_tasks(t, p->env[i]))
                        free(p->env[i]);
                else
                        p->env[kept++] = p->env[i];
        }
        p->env_count = kept;
        p->env = xrealloc(p->env, (kept + t->task_env_count + 2) * sizeof *p->env);
        for (size_t i = 0; i <= t->task_env_count + 1; i++) /* one more: PART_FILE_VARIABLE */
                p->env[kept + i] = NULL;
}

static void env_make(const struct launcher *l, struct launch_plan *p, const struct proto_template *t)
{
        for (size_t i = 0; i < VARYING; i++) {
                p->env = xgrow(p->env, p->env_count + 1, &p->env_cap, sizeof *p->env);
                p->env[p->env_count++] = p->vary[i];
        }
        env_set(p, "PATH", DEFAULT_PATH);
        env_set(p, "HOME", l->home);
        env_set(p, "USER", l->user);
        env_set(p, "LOGNAME", l->user);
        env_set(p, "SHELL", l->shell);
        env_set(p, "LANG", "C.UTF-8");
        for (uint32_t i = 0; i < t->env_count; i++) {
                if (!name_is_ours(t->env[i].name))
                        env_set(p, t->env[i].name, t->env[i].value);
        }
        env_add_tools(l, p);
        env_set_number(p, "REEVE_JOB_ID", (uint64_t)t->job);
        env_set(p, "REEVE_JOB_NAME", t->name);
        env_set(p, "REEVE_PROJECT", t->project);
        env_set(p, "REEVE_SITE", t->site);
        env_set_number(p, "REEVE_CPUS", t->resources.cpus);
        env_set_number(p, "REEVE_MEMORY", t->resources.memory);
        env_set_number(p, "REEVE_GPUS", t->resources.gpus);
        env_inputs(p, t);
        env_make_room(p, t);
}

static struct task_names names_of(const struct launcher *l, const struct proto_template *t,
                                  struct attempt_key key)
{
        return (struct task_names){key, t->name, t->project, t->site, l->user, l->host};
}

/* The task's share of an input's files. 0; an errno when it was never told, or lost. */
static int env_fill_part(const struct launcher *l, struct launch_plan *p, struct attempt_key key)
{
        char path[64], only[PATH_TEXT_MAX + 2];
        size_t at = p->env_count;
        int rc = parts_look(key, only, sizeof only);

        if (rc)
                return rc;
        parts_path(key, path);
        p->env[at + p->task_env_count++] = xasprintf(PART_VARIABLE "=%s/%s", l->root, path);
        if (only[0])
                p->env[at + p->task_env_count++] = xasprintf(PART_FILE_VARIABLE "=%s", only);
        return 0;
}

/* The variables that each task has of its own; one that comes out empty is not set. 0, or an errno. */
static int env_fill_task(const struct launcher *l, struct launch_plan *p, const struct proto_template *t,
                         struct attempt_key key)
{
        struct task_names names = names_of(l, t, key);
        char value[VARY_MAX];
        size_t at = p->env_count;
        int rc = 0;

        for (size_t i = 0; i < p->task_env_count; i++)
                free(p->env[at + i]);
        p->task_env_count = 0;
        for (uint32_t i = 0; i < t->task_env_count; i++) {
                const struct proto_pair *e = &t->task_env[i];

                if (strcmp(e->name, PART_VARIABLE) == 0 && !rc)
                        rc = env_fill_part(l, p, key);
                if (!name_is_ours(e->name) &&
                    task_text_fill(value, sizeof value, e->value, &names, false) > 0)
                        p->env[at + p->task_env_count++] = xasprintf("%s=%s", e->name, value);
        }
        p->env[at + p->task_env_count] = NULL;
        return rc;
}

bool launch_stdio_fill(const struct launcher *l, const struct job *job, struct attempt_key key,
                       struct launch_stdio *ret, int *ret_error)
{
        struct task_names names = names_of(l, &job->t, key);
        bool any = false;

        ret->append = job->t.stdio_append;
        for (int i = 0; i < 3; i++) {
                ret->path[i][0] = '\0';
                if (!job->t.stdio[i])
                        continue;
                any = true;
                if (task_text_fill(ret->path[i], sizeof ret->path[i], job->t.stdio[i], &names, true) < 0)
                        *ret_error = ENAMETOOLONG;
        }
        return any;
}

static void gpu_list(char out[VARY_MAX], uint64_t gpus)
{
        int n = snprintf(out, VARY_MAX, "CUDA_VISIBLE_DEVICES=");

        for (int id = 0; id < GPU_IDS_MAX; id++) {
                if (gpus >> id & 1)
                        n += snprintf(out + n, VARY_MAX - (size_t)n, "%d,", id);
        }
        if (out[n - 1] == ',')
                out[n - 1] = '\0';
}

static void env_fill(const struct launcher *l, struct launch_plan *p, struct attempt_key key, const char *dir,
                     uint64_t gpus)
{
        snprintf(p->vary[VARY_KEY], VARY_MAX, LAUNCH_KEY_NAME "%s/%lld.%d#%d", l->spool_hex,
                 (long long)key.job, key.task, key.attempt);
        snprintf(p->vary[VARY_TASK], VARY_MAX, "REEVE_TASK=%d", key.task);
        snprintf(p->vary[VARY_ATTEMPT], VARY_MAX, "REEVE_ATTEMPT=%d", key.attempt);
        snprintf(p->vary[VARY_TMPDIR], VARY_MAX, "TMPDIR=%s/%s", l->root, dir);
        snprintf(p->vary[VARY_PROGRESS], VARY_MAX, PROGRESS_VARIABLE "=%s/%s/" LOG_PROGRESS, l->root, dir);
        gpu_list(p->vary[VARY_GPUS], gpus);
}

bool launch_key_parse(const char *value, const char *spool_hex, struct attempt_key *ret)
{
        size_t n = strlen(spool_hex);
        struct ref ref;

        if (strncmp(value, spool_hex, n) != 0 || value[n] != '/' ||
            num_ref("key", value + n + 1, &ref, NULL) < 0 || ref.task < 0 || ref.attempt < 0 ||
            ref.task > INT32_MAX || ref.attempt > INT32_MAX)
                return false;
        *ret = (struct attempt_key){ref.job, (int32_t)ref.task, (int32_t)ref.attempt};
        return true;
}

/* ---- plans ---- */

static int write_script(struct launch_plan *p, const struct proto_template *t, struct err *err)
{
        AUTO_FREE char *dir = xasprintf("jobs/%lld", (long long)t->job);
        AUTO_FREE char *tmp = xasprintf("%s/script.new", dir);
        AUTO_CLOSE int fd = -1;

        if (mkdir(dir, 0700) < 0 && errno != EEXIST)
                return err_errno(err, "could not make directory \"%s\"", dir);
        unlink(tmp);
        fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0700);
        if (fd < 0 || file_write_all(fd, t->script, strlen(t->script)) < 0)
                return err_errno(err, "could not write the job's script \"%s\"", tmp);
        p->script = xasprintf("%s/script", dir);
        if (rename(tmp, p->script) < 0)
                return err_errno(err, "could not put the job's script in place as \"%s\"", p->script);
        return 0;
}

static void argv_make(const struct launcher *l, struct launch_plan *p, const struct proto_template *t)
{
        size_t n = 0;

        p->argv = xcalloc(t->argc + 3, sizeof *p->argv);
        if (t->script) {
                bool by_shell = strncmp(t->script, "#!", 2) != 0;

                p->program = by_shell ? xstrdup("/bin/sh") : xasprintf("%s/%s", l->root, p->script);
                if (by_shell) {
                        char *path = xasprintf("%s/%s", l->root, p->script);

                        free(p->script);
                        p->script = path;
                        p->argv[n++] = "sh";
                        p->argv[n++] = p->script;
                } else {
                        p->argv[n++] = p->program;
                }
        }
        for (uint32_t i = 0; i < t->argc; i++)
                p->argv[n++] = t->argv[i];
}

int launch_plan_make(const struct launcher *l, struct job *job, struct err *err)
{
        struct launch_plan *p = xcalloc(1, sizeof *p);

        if (job->t.script && write_script(p, &job->t, err) < 0) {
                launch_plan_free(p);
                return -1;
        }
        argv_make(l, p, &job->t);
        env_make(l, p, &job->t);
        job->plan = p;
        return 0;
}

void launch_plan_free(struct launch_plan *p)
{
        if (!p)
                return;
        if (p->script) {
                unlink(p->script);
                *strrchr(p->script, '/') = '\0';
                rmdir(p->script);
        }
        for (size_t i = VARYING; i < p->env_count + p->task_env_count; i++)
                free(p->env[i]);
        free(p->env);
        free(p->argv);
        free(p->script);
        free(p->program);
        free(p);
}

const char *launch_missing_input(const struct job *job)
{
        for (uint32_t i = 0; i < job->t.input_count; i++) {
                if (access(job->t.inputs[i].value, R_OK) < 0)
                        return job->t.inputs[i].value;
        }
        return NULL;
}

/* A name without a slash is looked up once per job, in the PATH the job will see. */
static int resolve(struct launch_plan *p)
{
        const char *name = p->argv[0], *path = env_get(p, "PATH");
        int found = ENOENT;

        if (strchr(name, '/')) {
                p->program = xstrdup(name);
                return 0;
        }
        while (path && *path) {
                size_t n = strcspn(path, ":");
                char *full = xasprintf("%.*s/%s", n ? (int)n : 1, n ? path : ".", name);
                struct stat st;

                if (stat(full, &st) == 0 && S_ISREG(st.st_mode)) {
                        if (access(full, X_OK) == 0) {
                                p->program = full;
                                return 0;
                        }
                        found = EACCES;
                }
                free(full);
                path += n + (path[n] == ':');
        }
        return found;
}

/* ---- starting ---- */

struct child {
        const char *program, *cwd;
        char *const *argv, *const *env;
        int in, out, err;
        const int *group_fds;
        struct launch_stdio *stdio;
        bool own; /* runs in its own directory */
        /* Written by the child, in the memory it shares with us until exec. */
        volatile int error;
        const char *volatile what;
};

const char *const launch_streams[3] = {"stdin", "stdout", "stderr"};

static int child_fail(struct child *c, const char *what)
{
        c->what = what;
        c->error = errno;
        return 127;
}

static void child_make_parents(char *path)
{
        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                mkdir(path, 0777);
                *slash = '/';
        }
}

/* A file of its own directory is another name of the log, so that both show it while it runs and after its
 * outputs were taken away; any other is opened. */
static int child_stream(const struct child *c, int fd, const char *log)
{
        const struct launch_stdio *io = c->stdio;
        char *path = c->stdio->path[fd];
        int file;

        if (!*path)
                return 0;
        if (fd == 0) {
                file = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
                return file < 0 || dup2(file, 0) < 0 ? -1 : close(file);
        }
        if (fd == 2 && strcmp(path, io->path[1]) == 0)
                return dup2(1, 2) < 0 ? -1 : 0;
        child_make_parents(path);
        if (c->own && path[0] != '/' && link(log, path) == 0)
                return 0;
        file =
            open(path, O_WRONLY | O_CREAT | O_NOCTTY | O_CLOEXEC | (io->append ? O_APPEND : O_TRUNC), 0666);
        return file < 0 || dup2(file, fd) < 0 ? -1 : close(file);
}

/* Runs on its own stack in our memory while we are suspended: system calls only. */
static int child_main(void *arg)
{
        struct child *c = arg;
        sigset_t none;

        setsid();
        for (int i = 0; i < CGROUP_KINDS; i++) {
                if (c->group_fds[i] >= 0 && write(c->group_fds[i], "0", 1) != 1)
                        return child_fail(c, "cgroup");
        }
        if (chdir(c->cwd) < 0)
                return child_fail(c, "chdir");
        if (dup2(c->in, 0) < 0 || dup2(c->out, 1) < 0 || dup2(c->err, 2) < 0)
                return child_fail(c, "dup2");
        for (int fd = 0; c->stdio && fd < 3; fd++) {
                if (child_stream(c, fd, fd == 1 ? LOG_STDOUT : LOG_STDERR) < 0)
                        return child_fail(c, launch_streams[fd]);
        }
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve(c->program, c->argv, c->env);
        return child_fail(c, "exec");
}

static int start_once(const struct launcher *l, struct child *c, pid_t *ret_pid)
{
        int pid;

        c->error = 0;
        c->what = "clone";
        pid = clone(child_main, (char *)l->stack + LAUNCH_STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, c);
        if (pid < 0)
                return errno;
        if (c->error) {
                int status;

                /* It ended without exec; it is ours alone to collect. */
                while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                        continue;
                return c->error;
        }
        *ret_pid = pid;
        return 0;
}

/* A command that is text without "#!" is given to the shell, as every shell does. */
static int start_by_shell(const struct launcher *l, struct child *c, pid_t *ret_pid)
{
        size_t n = 0;
        const char **argv;
        int rc;

        while (c->argv[n])
                n++;
        argv = xcalloc(n + 2, sizeof *argv);
        argv[0] = "sh";
        argv[1] = c->program;
        for (size_t i = 1; i < n; i++)
                argv[i + 1] = c->argv[i];
        c->program = "/bin/sh";
        c->argv = (char *const *)argv;
        rc = start_once(l, c, ret_pid);
        free(argv);
        return rc;
}

int launch_start(const struct launcher *l, struct job *job, struct attempt_key key,
                 const struct launch_place *place, pid_t *ret_pid, const char **ret_what)
{
        struct launch_plan *p = job->plan;
        struct child c = {.cwd = job->t.workdir ? job->t.workdir : place->dir,
                          .argv = (char *const *)p->argv,
                          .env = p->env,
                          .in = l->null_fd,
                          .out = place->out_fd,
                          .err = place->err_fd,
                          .group_fds = place->group_fds,
                          .stdio = place->stdio,
                          .own = !job->t.workdir};
        int rc;

        *ret_what = "exec";
        if (!p->program && (rc = resolve(p)) != 0)
                return rc;
        env_fill(l, p, key, place->dir, place->gpus);
        *ret_what = LAUNCH_PART;
        if ((rc = env_fill_task(l, p, &job->t, key)) != 0)
                return rc;
        c.program = p->program;
        rc = start_once(l, &c, ret_pid);
        if (rc == ENOEXEC)
                rc = start_by_shell(l, &c, ret_pid);
        if (rc == ENOENT && !job->t.script) {
                /* It may have moved since it was looked up: the next attempt looks again. */
                free(p->program);
                p->program = NULL;
        }
        *ret_what = (const char *)c.what;
        return rc;
}
