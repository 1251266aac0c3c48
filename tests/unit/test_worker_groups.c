/* SPDX-License-Identifier: Apache-2.0 */
/* Limits kept by control groups, where root can hand some over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/hollow/world.h"
#include "worker/cgroup.h"

static bool has_groups; /* we are in control groups that are ours */

/* What the worker finds out about them: "cgroup1", "cgroup2" or "none". */
static void group_word(char ret[16])
{
        char command[PATH_MAX + 16], line[1024] = "";
        const char *word;
        FILE *f;

        snprintf(command, sizeof command, "%s facts", worker);
        f = popen(command, "r");
        assert_non_null(f);
        assert_non_null(fgets(line, sizeof line, f));
        assert_int_equal(pclose(f), 0);
        word = strstr(line, " cgroup=");
        assert_non_null(word);
        assert_int_equal(sscanf(word, " cgroup=%15s", ret), 1);
}

static bool limits_are_by_group(void)
{
        char word[16];

        if (!has_groups)
                return false;
        group_word(word);
        return strcmp(word, "none") != 0;
}

/* Groups below the bases that the worker noted. */
static int groups_left(const struct world *w)
{
        char path[96], line[700];
        int n = 0;
        FILE *f;

        snprintf(path, sizeof path, "%s/cgroups", w->root);
        f = fopen(path, "r");
        assert_non_null(f);
        while (fgets(line, sizeof line, f)) {
                struct dirent *e;
                DIR *d;

                line[strcspn(line, "\n")] = '\0';
                d = opendir(strchr(line, ' ') + 1);
                while (d && (e = readdir(d)))
                        n += e->d_type == DT_DIR && e->d_name[0] != '.';
                if (d)
                        closedir(d);
        }
        fclose(f);
        return n;
}

/* 64 MiB read into memory. */
#define EATS_MEMORY "dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null"

static void a_group_tells_its_memory_limit_exactly(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t = shell_job(7980, argv, EATS_MEMORY);
        struct proto_result *res;

        if (!limits_are_by_group())
                skip();
        attach(w);
        t.resources.memory = 24 << 20;
        run_template(w, &t, 1);
        res = result_of(w, 7980, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_MEMORY_LIMIT);
        assert_non_null(strstr(res->text, "24 MiB"));

        /* The same below the limit, in one moment: the peak is that of all processes together. */
        t = shell_job(7981, argv, EATS_MEMORY " & " EATS_MEMORY " & wait");
        t.resources.memory = 512 << 20;
        run_template(w, &t, 1);
        res = result_of(w, 7981, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_SUCCEEDED);
        assert_true(res->memory_peak > 64 << 20 && res->memory_peak < 512 << 20);

        /* A part of it was killed, and the rest waits: it goes too. */
        t = shell_job(7982, argv, EATS_MEMORY "; sleep 600");
        t.resources.memory = 24 << 20;
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7982, 0, 1)->outcome, OUTCOME_MEMORY_LIMIT);
        assert_int_equal(living(7982), 0);

        /* Less than a program needs to begin with is an error of this attempt and of nothing else. */
        t = shell_job(7983, argv, "exit 0");
        t.resources.memory = 4096;
        run_template(w, &t, 1);
        assert_int_not_equal(result_of(w, 7983, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(run_shell(w, 7984, "exit 0")->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(groups_left(w), 0);
}

static void a_group_holds_a_fork_bomb(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t =
            shell_job(7985, argv, "for i in 1 2 3 4 5 6 7 8 9; do setsid sleep 600 & done; wait");
        struct proto_result *res;

        if (!limits_are_by_group())
                skip();
        attach(w);
        t.process_limit = 6;
        run_template(w, &t, 1);
        res = result_of(w, 7985, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_EXIT);
        assert_non_null(strstr(res->text, "6 processes"));
        assert_int_equal(living(7985), 0);

        t = shell_job(7986, argv, "bomb() { bomb | bomb & }; bomb; sleep 600");
        t.process_limit = 40;
        run_template(w, &t, 1);
        wait_started(w, 7986, 0);
        cancel(w, 7986, 0, 0);
        assert_int_equal(result_of(w, 7986, 0, 1)->outcome, OUTCOME_CANCELLED);
        assert_int_equal(living(7986), 0);
        assert_int_equal(groups_left(w), 0);
}

static void nothing_leaves_its_group(void **state)
{
        struct world *w = *state;
        char *argv[3];
        /* No mark in its environment, a session of its own, and not a child of the attempt any more. */
        struct proto_template t = shell_job(
            7987, argv, "(env -i setsid sleep 77879 &) ; until pgrep -x -f 'sleep 77879'; do :; done");

        if (!has_groups)
                skip();
        attach(w);
        t.resources.memory = 1 << 30;
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7987, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(processes_with("cmdline", "sleep 77879", NULL), 0);
        assert_int_equal(groups_left(w), 0);
}

static void groups_outlive_a_killed_keeper(void **state)
{
        struct world *w = *state;
        char *argv[3], path[256];
        struct proto_template t;

        if (!limits_are_by_group())
                skip();
        snprintf(path, sizeof path, "until test -e %s/go; do sleep 0.05; done; " EATS_MEMORY, w->root);
        t = shell_job(7988, argv, path);
        t.resources.memory = 24 << 20;
        attach(w);
        run_template(w, &t, 1);
        wait_started(w, 7988, 0);
        lose_keeper(w);
        assert_true(groups_left(w) > 0);
        snprintf(path, sizeof path, "%s/go", w->root);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        assert_int_equal(result_of(w, 7988, 0, 1)->outcome, OUTCOME_MEMORY_LIMIT);
        assert_int_equal(groups_left(w), 0);
}

/* Make groups below our own that the ordinary account may use, and enter them. */
static void groups_give(char paths[CGROUP_KINDS][CGROUP_PATH_MAX + 32], uid_t uid)
{
        static const char *const controllers[CGROUP_KINDS] = {"", "memory", "pids"};
        static const char *const files[] = {"", "/cgroup.procs", "/cgroup.subtree_control"};
        char mounts[65536] = "", own[4096] = "", path[CGROUP_KINDS * (CGROUP_PATH_MAX + 64)];
        int fd;

        fd = open("/proc/self/mountinfo", O_RDONLY);
        has_groups = read(fd, mounts, sizeof mounts - 1) > 0;
        close(fd);
        fd = open("/proc/self/cgroup", O_RDONLY);
        has_groups &= read(fd, own, sizeof own - 1) > 0;
        close(fd);
        for (int k = 0; k < CGROUP_KINDS; k++) {
                char at[CGROUP_PATH_MAX];

                paths[k][0] = '\0';
                if (!has_groups || !cgroup_locate(mounts, own, controllers[k], at))
                        continue;
                snprintf(paths[k], sizeof paths[k], "%s/reeve-test-%d", at, getpid());
                if (mkdir(paths[k], 0755) < 0) {
                        paths[k][0] = '\0';
                        continue;
                }
                for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                        snprintf(path, sizeof path, "%s%s", paths[k], files[i]);
                        if (chown(path, uid, (gid_t)-1) < 0 && i < 2)
                                has_groups = false;
                }
        }
}

static bool groups_enter(char paths[CGROUP_KINDS][CGROUP_PATH_MAX + 32])
{
        int entered = 0;

        for (int k = 0; k < CGROUP_KINDS; k++) {
                char path[CGROUP_KINDS * (CGROUP_PATH_MAX + 64)];
                int fd;

                snprintf(path, sizeof path, "%s/cgroup.procs", paths[k]);
                fd = paths[k][0] ? open(path, O_WRONLY) : -1;
                entered += fd >= 0 && write(fd, "0", 1) == 1;
                if (fd >= 0)
                        close(fd);
        }
        return entered > 0;
}

/* As root: a child of ours runs the tests in groups of its own, and here we see that it left none behind.
 * Returns in the child, or with the exit code in *ret_code. */
static bool run_in_groups(int *ret_code)
{
        const struct passwd *p = geteuid() == 0 ? getpwnam("postgres") : NULL;
        char paths[CGROUP_KINDS][CGROUP_PATH_MAX + 32];
        int status = 0;
        pid_t pid;

        if (!p)
                return true;
        groups_give(paths, p->pw_uid);
        pid = fork();
        if (pid == 0) {
                has_groups = has_groups && groups_enter(paths);
                return true;
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                continue;
        *ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        for (int k = 0; k < CGROUP_KINDS; k++) {
                int64_t give_up = clock_boot_ms() + PATIENCE_MS;

                /* The worker's last process may not be gone yet. */
                while (paths[k][0] && rmdir(paths[k]) < 0 && errno == EBUSY && clock_boot_ms() < give_up)
                        poll(NULL, 0, 5);
                if (paths[k][0] && access(paths[k], F_OK) == 0) {
                        fprintf(stderr, "a control group was left in %s\n", paths[k]);
                        *ret_code = 1;
                }
        }
        return false;
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            WORLD_TEST(a_group_tells_its_memory_limit_exactly),
            WORLD_TEST(a_group_holds_a_fork_bomb),
            WORLD_TEST(nothing_leaves_its_group),
            WORLD_TEST(groups_outlive_a_killed_keeper),
        };
        int code = 0;

        if (argc < 1 || !worker_find(argv[0]))
                return 1;
        if (!run_in_groups(&code))
                return code;
        return worker_test_begin() ? cmocka_run_group_tests_name("worker_groups", tests, NULL, NULL) : 0;
}
