/* SPDX-License-Identifier: Apache-2.0 */
/* reeve-worker: the agent at a site. One static binary, several commands. */
#include "worker/attach.h"
#include "worker/chores.h"
#include "worker/facts.h"
#include "worker/files.h"
#include "worker/guard.h"
#include "worker/handover.h"
#include "worker/keeper.h"
#include "worker/send.h"

#include "common/log.h"
#include "common/num.h"
#include "common/progress.h"
#include "common/proto.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int run_attach(char **args, struct err *err);
static int run_keeper(char **args, struct err *err);
static int run_agent(char **args, struct err *err);
static int run_guard(char **args, struct err *err);
static int run_send(char **args, struct err *err);
static int run_receive(char **args, struct err *err);
static int run_verify(char **args, struct err *err);
static int run_facts(char **args, struct err *err);
static int run_stop(char **args, struct err *err);
static int run_version(char **args, struct err *err);
static int run_help(char **args, struct err *err);

static const struct command {
        const char *name, *args, *help;
        int (*run)(char **args, struct err *err);
} commands[] = {
    {"attach", "[--root DIR]", "start the worker if needed and speak its protocol on the standard streams",
     run_attach},
    {"stop", "[--root DIR]", "end the worker and everything it runs", run_stop},
    {"send", "--root DIR --transfer N", "serve the files of one transfer on the standard streams", run_send},
    {"receive", "--root DIR --transfer N", "take the files of one transfer from the standard streams",
     run_receive},
    {"verify", "FILE SHA256", "exit with 0 when the file has this SHA-256 (64 hex digits)", run_verify},
    {"facts", "", "print one line about this host", run_facts},
    {"run", "--root DIR", "be the worker (attach does this)", run_keeper},
    {"agent", "--root DIR", "be the worker's outer half (run does this)", run_agent},
    {"guard", "--root DIR", "collect what a killed worker leaves (run does this)", run_guard},
    {"--version", "", "print the version of program and protocol", run_version},
    {"--help", "", "print this", run_help},
};

/* ---- options ---- */

/* Enter the root directory; *ret_root is its absolute path. */
static int enter_root(char **args, bool make, char **ret_root, struct err *err)
{
        const char *home = getenv("HOME");
        AUTO_FREE char *path = NULL;

        if (geteuid() == 0)
                return err_set(err, ERR_DENIED,
                               "the worker does not run as root; log in as an ordinary account of this site");
        if (args[0] && strcmp(args[0], "--root") == 0 && args[1] && *args[1] && !args[2])
                path = xstrdup(args[1]);
        else if (!args[0] && home && *home == '/')
                path = xasprintf("%s/.reeve/default", home);
        else
                return err_set(err, ERR_BAD_INPUT, "give the worker's directory as: --root DIR");
        umask(077);
        if (make && dir_make_all(path, err) < 0)
                return -1;
        if (chdir(path) < 0)
                return err_errno(err, "could not enter \"%s\"", path);
        *ret_root = getcwd(NULL, 0);
        if (!*ret_root)
                return err_errno(err, "could not find out where \"%s\" is", path);
        if (strlen(*ret_root) > PATH_TEXT_MAX - 256)
                return err_set(err, ERR_BAD_INPUT, "the path of the worker's directory is too long");
        return 0;
}

static int run_attach(char **args, struct err *err)
{
        AUTO_FREE char *root = NULL;

        return enter_root(args, true, &root, err) < 0 ? -1 : attach_main(root, err);
}

static int run_keeper(char **args, struct err *err)
{
        AUTO_FREE char *root = NULL;

        if (enter_root(args, true, &root, err) < 0 || guard_start(root, err) < 0)
                return -1;
        return keeper_main(root, err);
}

static int run_agent(char **args, struct err *err)
{
        AUTO_FREE char *root = NULL;

        return enter_root(args, false, &root, err) < 0 ? -1 : agent_main(root, err);
}

static int run_stop(char **args, struct err *err)
{
        AUTO_FREE char *root = NULL;

        return enter_root(args, false, &root, err) < 0 ? -1 : stop_main(err);
}

static int run_guard(char **args, struct err *err)
{
        AUTO_FREE char *root = NULL;

        return enter_root(args, false, &root, err) < 0 ? -1 : guard_main(err);
}

/* --root DIR --transfer N */
static int enter_transfer(char **args, uint64_t *ret_id, struct err *err)
{
        AUTO_FREE char *root = NULL;
        int64_t id;

        for (int i = 0; i < 4; i++) {
                if (!args[i])
                        return err_set(err, ERR_BAD_INPUT, "give: --root DIR --transfer NUMBER");
        }
        if (strcmp(args[2], "--transfer") != 0 || num_int("transfer", args[3], 1, INT64_MAX, &id, err) < 0)
                return err_set(err, ERR_BAD_INPUT, "give: --root DIR --transfer NUMBER");
        *ret_id = (uint64_t)id;
        return enter_root((char *[]){args[0], args[1], NULL}, false, &root, err);
}

static int run_send(char **args, struct err *err)
{
        uint64_t id;

        return enter_transfer(args, &id, err) < 0 ? -1 : send_main(id, err);
}

static int run_receive(char **args, struct err *err)
{
        uint64_t id;

        return enter_transfer(args, &id, err) < 0 ? -1 : receive_main(id, err);
}

static int run_verify(char **args, struct err *err)
{
        uint8_t wanted[32], found[32];
        uint64_t size;
        AUTO_CLOSE int fd = -1;

        if (!args[0] || !args[1] || args[2] || hex_decode(args[1], wanted, sizeof wanted) < 0)
                return err_set(err, ERR_BAD_INPUT, "give a file and its SHA-256 in 64 hex digits");
        fd = open(args[0], O_RDONLY | O_CLOEXEC);
        if (fd < 0 || file_sha256(fd, found, &size) < 0)
                return err_errno(err, "could not read \"%s\"", args[0]);
        if (memcmp(wanted, found, sizeof found) != 0)
                return err_set(err, ERR_CONFLICT, "\"%s\" does not have this SHA-256", args[0]);
        return 0;
}

static int run_facts(char **args, struct err *err)
{
        (void)args;
        (void)err;
        return facts_print();
}

static int run_version(char **args, struct err *err)
{
        (void)args;
        (void)err;
        printf("reeve-worker %s protocol %d\n", REEVE_VERSION, PROTO_VERSION);
        return 0;
}

static int run_help(char **args, struct err *err)
{
        (void)args;
        (void)err;
        printf("usage: reeve-worker COMMAND\n\n");
        for (size_t i = 0; i < ARRAY_LEN(commands); i++)
                printf("  %-9s %-23s %s\n", commands[i].name, commands[i].args, commands[i].help);
        printf("\nDIR is ~/.reeve/default unless given.\n");
        return 0;
}

/* Under the name "reeve" it is what programs at the site call from inside a job. */
static bool is_tool(const char *called)
{
        const char *slash = called ? strrchr(called, '/') : NULL;

        return called && strcmp(slash ? slash + 1 : called, "reeve") == 0;
}

static int tool_main(char **args)
{
        struct err err = {0};

        if (args[0] && strcmp(args[0], "progress") == 0) {
                if (progress_report((const char *const *)args + 1, &err) == 0)
                        return 0;
                fprintf(stderr, "reeve: %s\n", err.text);
                return err.code == ERR_BAD_INPUT ? 2 : 1;
        }
        fprintf(stderr, "reeve: inside a job there is `reeve progress FRACTION [TEXT]`; everything else is "
                        "asked from outside\n");
        return 2;
}

int main(int argc, char **argv)
{
        struct err err = {0};

        if (argc > 0 && is_tool(argv[0]))
                return tool_main(argv + 1);
        log_init("reeve-worker", LOG_LEVEL_INFO);
        for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++) {
                if (strcmp(argv[1], commands[i].name) != 0)
                        continue;
                if (commands[i].run(argv + 2, &err) == 0)
                        return 0;
                if (commands[i].run == run_keeper || commands[i].run == run_agent ||
                    commands[i].run == run_guard)
                        log_error("%s", err.text);
                else
                        fprintf(stderr, "reeve-worker: %s\n", err.text);
                return 1;
        }
        fprintf(stderr, "reeve-worker: %s \"%s\"; see reeve-worker --help\n",
                argc > 1 ? "no such command" : "no command", argc > 1 ? argv[1] : "");
        return 2;
}
