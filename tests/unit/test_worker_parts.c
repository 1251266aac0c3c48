/* SPDX-License-Identifier: Apache-2.0 */
/* The small parts of the worker: patterns, paths, bookkeeping, directories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/util.h"
#include "worker/cgroup.h"
#include "worker/files.h"
#include "worker/glob.h"
#include "worker/launch.h"
#include "worker/spool.h"
#include "worker/work.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void patterns_match_what_they_say(void **state)
{
        static const struct {
                const char *pattern, *path;
                bool match;
        } cases[] = {
            {"a", "a", true},
            {"a", "b", false},
            {"a", "a/b", false},
            {"*", "abc", true},
            {"*", "a/b", false},
            {"*", ".hidden", false},
            {".*", ".hidden", true},
            {"*.txt", "a.txt", true},
            {"*.txt", "a.txt.gz", false},
            {"a*c*e", "abcde", true},
            {"a*c*e", "abde", false},
            {"?.txt", "a.txt", true},
            {"?.txt", "ab.txt", false},
            {"[a-c].txt", "b.txt", true},
            {"[!a-c].txt", "b.txt", false},
            {"[!a-c].txt", "d.txt", true},
            {"[]].txt", "].txt", true},
            {"[a", "[a", true},
            {"out/*.sam", "out/1.sam", true},
            {"out/*.sam", "out/deep/1.sam", false},
            {"**/*.sam", "1.sam", true},
            {"**/*.sam", "out/1.sam", true},
            {"**/*.sam", "out/deep/er/1.sam", true},
            {"out/**", "out/a/b/c", true},
            {"out/**", "other/a", false},
            {"a/**/b/**/c", "a/x/b/y/z/c", true},
            {"a/**/b/**/c", "a/x/y/z/c", false},
            {"a/**/b", "a/b", true},
            {"", "a", false},
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                if (glob_match(cases[i].pattern, cases[i].path) != cases[i].match)
                        fail_msg("\"%s\" against \"%s\"", cases[i].pattern, cases[i].path);
        }
}

/* Exponential for a matcher that tries every star anew: this would not end. */
static void a_hostile_pattern_takes_no_time(void **state)
{
        char path[2048];

        (void)state;
        memset(path, 'a', sizeof path - 1);
        path[sizeof path - 1] = '\0';
        assert_false(glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab", path));
        for (size_t i = 1; i < sizeof path - 1; i += 2)
                path[i] = '/';
        assert_false(glob_match("**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b", path));
}

/* ---- keys ---- */

static void a_key_of_another_spool_is_not_ours(void **state)
{
        static const char ours[] = "00112233445566778899aabbccddeeff";
        static const struct {
                const char *value;
                bool ok;
        } cases[] = {
            {"00112233445566778899aabbccddeeff/12.7#2", true},
            {"00112233445566778899aabbccddeef0/12.7#2", false},
            {"00112233445566778899aabbccddeeff", false},
            {"00112233445566778899aabbccddeeff/12.7", false},
            {"00112233445566778899aabbccddeeff/12.7#2x", false},
            {"", false},
        };
        struct attempt_key key;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                assert_int_equal(launch_key_parse(cases[i].value, ours, &key), cases[i].ok);
                if (cases[i].ok)
                        assert_true(attempt_key_equal(key, (struct attempt_key){12, 7, 2}));
        }
}

/* ---- bookkeeping ---- */

static struct job *add_job(struct work *w, int64_t id, uint32_t cpus)
{
        char *argv[] = {(char *)"true"};
        struct proto_template t = {
            .job = id, .argv = argv, .argc = 1, .resources = {.cpus = cpus, .memory = 10}};
        struct job *job;
        struct buf b;

        strcpy(t.resources.custom[0].name, "seat");
        t.resources.custom[0].count = 1;
        t.resources.custom_count = 1;
        buf_init(&b, FRAME_MAX);
        put_template(&b, &t);
        assert_int_equal(work_add_job(w, buf_bytes(&b), buf_len(&b), &job, NULL), 0);
        buf_release(&b);
        return job;
}

static void offer(struct work *w, uint32_t cpus, uint64_t memory, uint32_t seats, uint32_t slots)
{
        struct proto_resources r = {.cpus = cpus, .memory = memory, .gpus = 2, .custom_count = 1};

        strcpy(r.custom[0].name, "seat");
        r.custom[0].count = seats;
        work_offer(w, &r, slots);
}

static void what_is_taken_is_not_offered_twice(void **state)
{
        static const struct {
                uint32_t cpus;
                uint64_t memory;
                uint32_t seats, slots;
                int fit; /* how many of 2 cpus, 10 bytes, 1 seat */
        } cases[] = {
            {8, 100, 9, 9, 4},   {100, 30, 9, 9, 3}, {100, 100, 2, 9, 2},
            {100, 100, 9, 1, 1}, {100, 0, 9, 0, 9},  {1, 100, 9, 9, 0},
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct work w;
                struct job *job;
                int n = 0;
                uint64_t gpus;

                work_init(&w);
                job = add_job(&w, 1, 2);
                assert_false(work_fits_now(&w, &job->t.resources));
                offer(&w, cases[i].cpus, cases[i].memory, cases[i].seats, cases[i].slots);
                while (work_fits_now(&w, &job->t.resources)) {
                        work_take(&w, &job->t.resources, &gpus);
                        n++;
                }
                assert_int_equal(n, cases[i].fit);
                if (n) {
                        work_give_back(&w, &job->t.resources, 0);
                        assert_true(work_fits_now(&w, &job->t.resources));
                }
                work_release(&w);
        }
}

static void a_smaller_offer_counts_what_runs(void **state)
{
        struct work w;
        struct job *job;
        uint64_t gpus;

        (void)state;
        work_init(&w);
        job = add_job(&w, 1, 2);
        offer(&w, 8, 100, 9, 9);
        for (int i = 0; i < 3; i++) {
                struct attempt *a = work_add(&w, (struct attempt_key){1, i, 1}, job);

                work_take(&w, &job->t.resources, &gpus);
                work_move(&w, a, PHASE_RUNNING);
        }
        offer(&w, 4, 100, 9, 9);
        assert_false(work_fits_now(&w, &job->t.resources));
        work_give_back(&w, &job->t.resources, 0);
        assert_false(work_fits_now(&w, &job->t.resources));
        work_give_back(&w, &job->t.resources, 0);
        assert_true(work_fits_now(&w, &job->t.resources));
        work_release(&w);
}

static void what_never_fits_is_named(void **state)
{
        struct work w;
        struct job *job;
        struct err err;

        (void)state;
        work_init(&w);
        job = add_job(&w, 1, 9);
        offer(&w, 8, 100, 9, 9);
        assert_int_equal(work_can_ever_fit(&w, &job->t.resources, &err), -1);
        assert_non_null(strstr(err.text, "9 cpus"));
        offer(&w, 16, 5, 9, 9);
        assert_int_equal(work_can_ever_fit(&w, &job->t.resources, &err), -1);
        assert_non_null(strstr(err.text, "memory"));
        offer(&w, 16, 100, 0, 9);
        assert_int_equal(work_can_ever_fit(&w, &job->t.resources, &err), -1);
        assert_non_null(strstr(err.text, "seat"));
        work_release(&w);
}

static void gpus_are_handed_out_once(void **state)
{
        struct proto_resources need = {.gpus = 1};
        struct work w;
        uint64_t first, second, third;

        (void)state;
        work_init(&w);
        offer(&w, 8, 100, 1, 9);
        work_take(&w, &need, &first);
        work_take(&w, &need, &second);
        assert_int_equal(first, 1);
        assert_int_equal(second, 2);
        assert_false(work_fits_now(&w, &need));
        work_give_back(&w, &need, first);
        work_take(&w, &need, &third);
        assert_int_equal(third, 1);
        work_release(&w);
}

static void a_job_lives_as_long_as_its_attempts(void **state)
{
        struct proto_result res = {.outcome = 0};
        struct attempt *a;
        struct work w;
        struct job *job;

        (void)state;
        work_init(&w);
        job = add_job(&w, 5, 1);
        a = work_add(&w, (struct attempt_key){5, 0, 1}, job);
        job->forgotten = true;
        work_job_release_if_idle(&w, job);
        assert_ptr_equal(work_job(&w, 5), job);
        work_end(&w, a, &res);
        assert_null(work_job(&w, 5));
        assert_int_equal(w.template_bytes, 0);
        assert_ptr_equal(work_find(&w, (struct attempt_key){5, 0, 1}), a);
        work_remove(&w, a);
        assert_null(work_find(&w, (struct attempt_key){5, 0, 1}));
        work_release(&w);
}

static void ten_thousand_attempts_are_found_again(void **state)
{
        struct work w;
        struct job *job;

        (void)state;
        work_init(&w);
        job = add_job(&w, 5, 1);
        for (int i = 0; i < 10000; i++)
                work_add(&w, (struct attempt_key){5, i, 1}, job);
        for (int i = 0; i < 10000; i++)
                assert_non_null(work_find(&w, (struct attempt_key){5, i, 1}));
        assert_null(work_find(&w, (struct attempt_key){5, 10000, 1}));
        assert_null(work_find(&w, (struct attempt_key){5, 1, 2}));
        assert_int_equal(w.queue.count, 10000);
        work_release(&w);
}

/* ---- directories ---- */

static char place[] = "/tmp/reeve-parts-test-XXXXXX";

static int enter_place(void **state)
{
        (void)state;
        strcpy(place + strlen(place) - 6, "XXXXXX");
        return mkdtemp(place) && chdir(place) == 0 && dir_make_all("spool/run", NULL) == 0 ? 0 : -1;
}

static int leave_place(void **state)
{
        (void)state;
        return chdir("/") == 0 && dir_remove(AT_FDCWD, place) == 0 ? 0 : -1;
}

static void touch(const char *path)
{
        int fd = open(path, O_CREAT | O_WRONLY, 0600);

        assert_true(fd >= 0);
        close(fd);
}

static void only_an_untouched_directory_is_used_again(void **state)
{
        struct attempt_key key = {12, 3, 1};
        struct spool s;
        struct workdir *d, *first;
        char path[96], file[128];
        int out, err, why;

        (void)state;
        spool_init(&s, 1);
        assert_int_equal(spool_take(&s, &first, &out, &err, &why), 0);
        close(out);
        close(err);
        spool_settle(&s, first, key, false, path);
        assert_string_equal(path, "");
        assert_int_equal(spool_take(&s, &d, &out, &err, &why), 0);
        assert_ptr_equal(d, first);
        /* A file made and removed leaves nothing but the time. */
        snprintf(file, sizeof file, "%s/trace", d->path);
        touch(file);
        unlink(file);
        close(out);
        close(err);
        spool_settle(&s, d, key, false, path);
        assert_string_equal(path, "spool/12/3.1");
        assert_int_equal(access("spool/12/3.1/.stdout", F_OK), 0);

        assert_int_equal(spool_take(&s, &d, &out, &err, &why), 0);
        assert_int_equal(write(err, "x", 1), 1);
        close(out);
        close(err);
        key.task = 4;
        spool_settle(&s, d, key, false, path);
        assert_string_equal(path, "spool/12/4.1");
        spool_release(&s);
}

static void a_cut_log_keeps_its_length(void **state)
{
        char line[4096];
        struct stat st;
        int fd;

        (void)state;
        fd = open("spool/.stdout", O_CREAT | O_WRONLY, 0600);
        memset(line, 'x', sizeof line);
        for (int i = 0; i < 1000; i++)
                assert_int_equal(write(fd, line, sizeof line), sizeof line);
        close(fd);
        assert_int_equal(spool_log_cap("spool", ".stdout", 1 << 30, 0), 0);
        assert_int_equal(spool_log_cap("spool", ".stdout", 8192, 8192), 1);
        assert_int_equal(stat("spool/.stdout", &st), 0);
        assert_int_equal(st.st_size, 4096000);
        assert_true(st.st_blocks * 512 < 100000);
        assert_int_equal(spool_log_cap("spool", ".stdout", 8192, 8192), 1);
}

static void paths_stay_beneath(void **state)
{
        static const struct {
                const char *path;
                bool ok;
        } cases[] = {{"in/file", true},       {"in/./file", true}, {"link", false},
                     {"linkdir/file", false}, {"../x", false},     {"/etc/passwd", false},
                     {"in/../../etc", false}};
        int dir;

        (void)state;
        assert_int_equal(mkdir("in", 0700), 0);
        touch("in/file");
        assert_int_equal(symlink("/etc/passwd", "link"), 0);
        assert_int_equal(symlink("in", "linkdir"), 0);
        dir = open(".", O_PATH | O_DIRECTORY);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                int fd = file_open_beneath(dir, cases[i].path, O_RDONLY);

                if ((fd >= 0) != cases[i].ok)
                        fail_msg("\"%s\"", cases[i].path);
                if (fd >= 0)
                        close(fd);
        }
        close(dir);
}

static void removing_does_not_follow_links(void **state)
{
        (void)state;
        assert_int_equal(dir_make_all("keep", NULL), 0);
        touch("keep/file");
        assert_int_equal(dir_make_all("gone/deep/er", NULL), 0);
        assert_int_equal(symlink("../keep", "gone/link"), 0);
        touch("gone/deep/er/file");
        chmod("gone/deep", 0);
        assert_int_equal(dir_remove(AT_FDCWD, "gone"), 0);
        assert_int_equal(access("gone", F_OK), -1);
        assert_int_equal(access("keep/file", F_OK), 0);
        assert_int_equal(dir_remove(AT_FDCWD, "gone"), 0);
}

static void groups_are_found_where_they_are_mounted(void **state)
{
        static const char hybrid[] =
            "25 1 0:22 / /proc rw - proc proc rw\n"
            "33 30 0:30 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n"
            "34 30 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
            "35 30 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n";
        static const char part[] = "33 30 0:30 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        static const char own[] = "4:memory:/a/b\n2:cpu,cpuacct:/c\n1:name=systemd:/d\n0::/\n";
        static const struct {
                const char *mounts, *own, *controller, *found;
        } cases[] = {
            {hybrid, own, "memory", "/sys/fs/cgroup/memory/a/b"},
            {hybrid, own, "cpuacct", "/sys/fs/cgroup/cpu/c"},
            {hybrid, own, "", "/sys/fs/cgroup/unified"},
            {hybrid, own, "pids", NULL},
            {hybrid, "0::/x/y\n", "", "/sys/fs/cgroup/unified/x/y"},
            {hybrid, "0::/../up\n", "", NULL},
            {hybrid, "4:memory:/a", "memory", "/sys/fs/cgroup/memory/a"},
            {part, "0::/docker/ab/job\n", "", "/sys/fs/cgroup/job"},
            {part, "0::/docker/ab\n", "", "/sys/fs/cgroup"},
            {part, "0::/docker/abc\n", "", NULL},
            {"1 2 3 / /my\\040mount rw - cgroup2 c rw\n", "0::/x\n", "", NULL},
            {"", own, "memory", NULL},
            {hybrid, "", "memory", NULL},
            {hybrid, "4:memory", "memory", NULL},
            {" - ", "0::/\n", "", NULL},
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char found[CGROUP_PATH_MAX] = "";
                bool is = cgroup_locate(cases[i].mounts, cases[i].own, cases[i].controller, found);

                assert_int_equal(is, cases[i].found != NULL);
                if (is)
                        assert_string_equal(found, cases[i].found);
        }
        assert_int_equal(cgroup_event("low 1\noom 3\noom_kill 2\n", "oom_kill"), 2);
        assert_int_equal(cgroup_event("low 1\noom_kill_disable 0\n", "oom_kill"), 0);
        assert_int_equal(cgroup_event("", "max"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, enter_place, leave_place)
            cmocka_unit_test(patterns_match_what_they_say),
            cmocka_unit_test(a_hostile_pattern_takes_no_time),
            cmocka_unit_test(a_key_of_another_spool_is_not_ours),
            cmocka_unit_test(what_is_taken_is_not_offered_twice),
            cmocka_unit_test(a_smaller_offer_counts_what_runs),
            cmocka_unit_test(what_never_fits_is_named),
            cmocka_unit_test(gpus_are_handed_out_once),
            cmocka_unit_test(a_job_lives_as_long_as_its_attempts),
            cmocka_unit_test(ten_thousand_attempts_are_found_again),
            PLACE_TEST(only_an_untouched_directory_is_used_again),
            PLACE_TEST(a_cut_log_keeps_its_length),
            PLACE_TEST(paths_stay_beneath),
            PLACE_TEST(removing_does_not_follow_links),
            cmocka_unit_test(groups_are_found_where_they_are_mounted),
        };

        return cmocka_run_group_tests_name("worker_parts", tests, NULL, NULL);
}
