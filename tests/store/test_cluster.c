/* SPDX-License-Identifier: Apache-2.0 */
/* The private PostgreSQL: made, adopted, recovered, stopped. Needs no server of the tests; as root it runs
 * under the user postgres. */
#include "store_test.h"
#include "daemon/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[64];

static pid_t server_pid(void)
{
        AUTO_FREE char *path = xasprintf("%s/data/postmaster.pid", dir);
        FILE *f = fopen(path, "re");
        int pid = 0;

        if (!f)
                return 0;
        if (fscanf(f, "%d", &pid) != 1)
                pid = 0;
        fclose(f);
        return pid;
}

/* Start it, and ask it something. */
static void start_and_ask(void)
{
        struct err err = {0};
        AUTO_FREE char *conninfo = NULL;
        struct db *db = NULL;

        ok(cluster_start(dir, &conninfo, &err));
        ok(db_open(conninfo, "test", 5000, &db, &err));
        assert_int_equal(ask_int(db, "select 7 as v"), 7);
        db_close(db);
}

static int make_dir(void **state)
{
        (void)state;
        snprintf(dir, sizeof dir, "/tmp/reeve-cluster.XXXXXX");
        return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
        struct err err = {0};
        AUTO_FREE char *command = xasprintf("rm -rf %s", dir);

        (void)state;
        ok(cluster_stop(dir, &err));
        return system(command);
}

static void it_is_made_adopted_and_stopped(void **state)
{
        struct err err = {0};
        AUTO_FREE char *again = NULL;
        AUTO_FREE char *reserve = xasprintf("%s/reserve", dir);
        struct stat st;
        pid_t pid;

        (void)state;
        ok(cluster_stop(dir, &err)); /* nothing there is fine */
        start_and_ask();
        pid = server_pid();
        assert_true(pid > 1);
        assert_int_equal(getsid(pid), pid);

        /* A second start, as after a crash of ours, finds it. */
        ok(cluster_start(dir, &again, &err));
        assert_int_equal(server_pid(), pid);
        assert_int_equal(stat(dir, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
        assert_int_equal(stat(reserve, &st), 0);
        assert_int_equal(st.st_size, CLUSTER_RESERVE);

        ok(cluster_stop(dir, &err));
        assert_int_equal(server_pid(), 0);
        start_and_ask();
        assert_true(server_pid() != pid);
}

static void it_recovers_from_being_killed(void **state)
{
        pid_t pid;

        (void)state;
        start_and_ask();
        for (int i = 0; i < 2; i++) {
                pid = server_pid();
                assert_int_equal(kill(pid, SIGKILL), 0);
                start_and_ask();
                assert_true(server_pid() != pid);
        }
}

static void a_stale_pid_file_of_somebody_alive_does_not_stop_it(void **state)
{
        struct err err = {0};
        AUTO_FREE char *path = xasprintf("%s/data/postmaster.pid", dir);
        FILE *f;
        pid_t other;

        (void)state;
        start_and_ask();
        ok(cluster_stop(dir, &err));
        other = fork();
        if (other == 0) {
                pause();
                _exit(0);
        }
        f = fopen(path, "we");
        assert_non_null(f);
        fprintf(f, "%d\n%s/data\n1\n5432\n%s\n\n\nready\n", (int)other, dir, dir);
        fclose(f);
        start_and_ask();
        assert_true(server_pid() != other);
        assert_int_equal(kill(other, SIGKILL), 0);
        waitpid(other, NULL, 0);
}

static void an_interrupted_making_starts_over(void **state)
{
        AUTO_FREE char *fresh = xasprintf("%s/data.new", dir), *inside = xasprintf("%s/PG_VERSION", fresh);

        (void)state;
        assert_int_equal(mkdir(fresh, 0700), 0);
        close(open(inside, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        start_and_ask();
        assert_int_equal(access(fresh, F_OK), -1);
}

static void data_of_another_version_is_refused_with_the_fix(void **state)
{
        struct err err = {0};
        AUTO_FREE char *data = xasprintf("%s/data", dir), *version = xasprintf("%s/PG_VERSION", data);
        AUTO_FREE char *conninfo = NULL;
        FILE *f;

        (void)state;
        assert_int_equal(mkdir(data, 0700), 0);
        f = fopen(version, "we");
        fprintf(f, "9\n");
        fclose(f);
        assert_int_equal(cluster_start(dir, &conninfo, &err), -1);
        assert_non_null(strstr(err.text, "was made by PostgreSQL 9"));
        assert_non_null(strstr(err.text, "install postgresql-9"));
        assert_null(conninfo);
}

static void a_server_that_cannot_start_says_why(void **state)
{
        struct err err = {0};
        AUTO_FREE char *tuning = xasprintf("%s/tuning.conf", dir);
        AUTO_FREE char *conninfo = NULL;
        FILE *f = fopen(tuning, "we");

        (void)state;
        fprintf(f, "shared_buffers = 'much'\n");
        fclose(f);
        assert_int_equal(cluster_start(dir, &conninfo, &err), -1);
        assert_non_null(strstr(err.text, "did not start"));
        assert_non_null(strstr(err.text, "/log"));
        unlink(tuning);
        start_and_ask();
}

static void a_long_path_gets_its_socket_elsewhere(void **state)
{
        struct err err = {0};
        AUTO_FREE char *conninfo = NULL;
        char whole[300];

        (void)state;
        snprintf(whole, sizeof whole, "%s/%0100d", dir, 1);
        ok(cluster_start(whole, &conninfo, &err));
        assert_null(strstr(conninfo, dir));
        ok(cluster_stop(whole, &err));

        /* The folder it chose is refused when others may enter it. */
        char *at = strstr(conninfo, "host=") + 5;
        AUTO_FREE char *sockets = xstrndup(at, strcspn(at, " "));
        AUTO_FREE char *second = NULL;

        assert_int_equal(access(sockets, F_OK), -1);
        assert_int_equal(mkdir(sockets, 0755), 0);
        assert_int_equal(cluster_start(whole, &second, &err), -1);
        assert_non_null(strstr(err.text, "remove it"));
        assert_int_equal(rmdir(sockets), 0);
}

static void the_log_is_kept_short(void **state)
{
        struct err err = {0};
        AUTO_FREE char *log = xasprintf("%s/log", dir), *old = xasprintf("%s/log.old", dir);
        int64_t bytes = 0;
        struct stat st;
        FILE *f = fopen(log, "we");

        (void)state;
        for (int i = 0; i < 200000; i++)
                fprintf(f, "a line of the log of some fifty characters and no end\n");
        fclose(f);
        ok(cluster_disk_check(dir, &bytes, &err));
        assert_true(bytes > 0);
        assert_int_equal(stat(log, &st), 0);
        assert_int_equal(st.st_size, 0);
        assert_int_equal(stat(old, &st), 0);
        assert_int_equal(st.st_size, 256 << 10);
}

/* PostgreSQL refuses root, so the tests give it up; what cluster_start says to root is tried before. */
static int become_somebody(void)
{
        struct err err = {0};
        struct passwd *pw = getpwnam("postgres");
        char *conninfo = NULL;

        if (geteuid() != 0)
                return 0;
        if (cluster_start("/nonexistent", &conninfo, &err) != -1 || !strstr(err.text, "root") || !pw)
                return -1;
        return setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0 ? -1 : 0;
}

#define cluster_test(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
        const struct CMUnitTest tests[] = {
            cluster_test(it_is_made_adopted_and_stopped),
            cluster_test(it_recovers_from_being_killed),
            cluster_test(a_stale_pid_file_of_somebody_alive_does_not_stop_it),
            cluster_test(an_interrupted_making_starts_over),
            cluster_test(data_of_another_version_is_refused_with_the_fix),
            cluster_test(a_server_that_cannot_start_says_why),
            cluster_test(a_long_path_gets_its_socket_elsewhere),
            cluster_test(the_log_is_kept_short),
        };

        if (become_somebody() < 0) {
                fprintf(stderr, "could not become the user postgres, or root was not refused\n");
                return 1;
        }
        log_init("test", LOG_LEVEL_WARN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
