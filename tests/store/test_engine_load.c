/* SPDX-License-Identifier: Apache-2.0 */
#include "common/task_set.h"
#include "engine_test.h"

static void projects_sites_and_workers_come_as_people_made_them(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        struct load_project *projects;
        struct load_site *sites;
        struct load_worker *workers;
        size_t np, ns, nw;

        ok(db_run(
            db,
            "insert into projects (name, share, max_cpus) values ('physics', 2.5, 8);"
            "update sites set max_tasks = 4, all_projects = false, alarm = 'look' where id = 2;"
            "insert into site_projects values (2, 2, 3), (2, 1, null);"
            "insert into sites (name, intent, intent_by, removed_at) values ('gone', 'open', 'ann', now());"
            "update hosts set jumps = '{me@one:22,me@two:2200}' where id = 2;"
            "insert into host_keys (host_id, hop, type, key, fingerprint, pinned_at) values"
            " (2, 2, 'ssh-ed25519', '\\x0102', 'f', now()), (2, 0, 'ssh-ed25519', '\\x03', 'f', now()),"
            " (2, 1, 'ssh-ed25519', '\\x04', 'f', null), (1, 0, 'ssh-ed25519', '\\x05', 'f', now());"
            "update accounts set project_id = 2, root = '/r', backend = 'openssh', public_key = 'pub',"
            " sealed_key = '\\x00ff' where id = 2;"
            "update workers set offer_cpus = 2, offer_custom = '{\"lic\":1}', cpus = 16, memory = 1024 where "
            "id = 2;"
            "insert into accounts (site_id, unix_user, removed_at) values (1, 'old', now());"
            "insert into workers (site_id, host_id, account_id) values (1, 1, 3)",
            &err));
        ok(store_load_projects(db, &projects, &np, &err));
        assert_int_equal(np, 2);
        assert_string_equal(projects[1].name, "physics");
        assert_true(projects[1].share == 2.5);
        assert_int_equal(projects[1].max_cpus, 8);
        assert_int_equal(projects[1].max_tasks, 0);
        assert_true(projects[1].usage_at > 0);
        store_free_projects(projects, np);

        ok(store_load_sites(db, &sites, &ns, &err));
        assert_int_equal(ns, 2);
        assert_int_equal(sites[0].project_count, 0);
        assert_true(sites[0].all_projects && !sites[0].alarm);
        assert_int_equal(sites[0].intent, SITE_OPEN);
        assert_int_equal(sites[1].max_tasks, 4);
        assert_true(sites[1].alarm && !sites[1].all_projects);
        assert_int_equal(sites[1].project_count, 2);
        assert_int_equal(sites[1].projects[1].project, 2);
        assert_int_equal(sites[1].projects[1].max_cpus, 3);
        store_free_sites(sites, ns);

        ok(store_load_workers(db, &workers, &nw, &err));
        assert_int_equal(nw, 2); /* not the one whose account was removed */
        assert_int_equal(workers[0].jump_count, 0);
        assert_int_equal(workers[0].key_count, 1);
        assert_null(workers[0].root);
        assert_null(workers[0].sealed_key);
        assert_string_equal(workers[0].offer_custom, "{}");

        const struct load_worker *w = &workers[1];

        assert_int_equal(w->port, 2222);
        assert_int_equal(w->jump_count, 2);
        assert_string_equal(w->jumps[0], "me@one:22");
        assert_string_equal(w->jumps[1], "me@two:2200");
        assert_int_equal(w->key_count, 2); /* pinned ones, by hop */
        assert_int_equal(w->keys[0].hop, 0);
        assert_int_equal(w->keys[1].hop, 2);
        assert_int_equal(w->keys[1].len, 2);
        assert_memory_equal(w->keys[1].key, "\1\2", 2);
        assert_int_equal(w->project, 2);
        assert_string_equal(w->root, "/r");
        assert_true(w->openssh);
        assert_string_equal(w->public_key, "pub");
        assert_int_equal(w->sealed_key_len, 2);
        assert_memory_equal(w->sealed_key, "\0\xff", 2);
        assert_int_equal(w->offer_cpus, 2);
        assert_int_equal(w->cpus, 16);
        assert_int_equal(w->memory, 1024);
        store_free_workers(workers, nw);
}

static void the_world_version_moves_with_what_people_change_only(void **state)
{
        static const struct {
                const char *sql;
                bool moves;
        } cases[] = {
            {"update sites set max_tasks = 5 where id = 1", true},
            {"update sites set health = 'up' where id = 1", false},
            {"update workers set offer_cpus = 1", true},
            {"update workers set seen_at = now(), link = 'ready'", false},
            {"update projects set usage = 1", false},
            {"update projects set share = 2", true},
            {"insert into site_projects values (1, 1, null)", true},
            {"update hosts set address = 'x'", true},
            {"update host_keys set pinned_at = now()", true},
            {"update accounts set project_id = 1", true},
            {"insert into settings values ('a', 'b')", false},
        };
        struct db *db = *state;
        struct err err = {0};
        int64_t before, after;

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                ok(store_world_version(db, &before, &err));
                ok(db_run(db, cases[i].sql, &err));
                ok(store_world_version(db, &after, &err));
                if ((after != before) != cases[i].moves)
                        fail_msg("%s", cases[i].sql);
        }
}

static void jobs_come_with_what_they_wait_for_and_read(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        struct commit c = {0};
        struct load_job *jobs;
        char *spec = NULL;
        size_t n;

        for (int i = 0; i < 4; i++)
                (void)job_make(db, 10);
        ok(db_run(
            db,
            "insert into datasets (name, project_id, made_by, job_id) values ('in', 1, 'ann', null),"
            " ('in2', 1, 'ann', null), ('out', 1, 'ann', 3);"
            "insert into job_inputs values (3, 1, 2), (3, 2, 1), (4, 1, 1);"
            "insert into job_after values (3, 1, 'ok', true), (3, 2, 'not_ok', false), (4, 3, 'any', false);"
            "update job_queue set held_by = 'ann', priority = 3 where job_id = 3",
            &err));
        ADD(&c, jobs, job_row(1, 5));
        commit_ok(db, &c);

        ok(store_load_jobs(db, false, 99, 10, &jobs, &n, &err)); /* those not taken yet */
        assert_int_equal(n, 3);
        assert_int_equal(jobs[0].id, 2);
        store_free_jobs(jobs, n);

        ok(store_load_jobs(db, true, 0, 3, &jobs, &n, &err));
        assert_int_equal(n, 3);
        assert_true(jobs[0].taken && !jobs[1].taken);
        assert_int_equal(jobs[0].next_task, 5);
        assert_int_equal(jobs[0].after_count, 0);

        const struct load_job *j = &jobs[2];

        assert_int_equal(j->id, 3);
        assert_true(j->held && !j->cancel);
        assert_int_equal(j->priority, 3);
        assert_int_equal(j->last_task, 10);
        assert_int_equal(j->task_total, 10);
        assert_null(j->task_list);
        assert_int_equal(j->started_at, TIME_NONE);
        assert_true(j->submitted_at > 0);
        assert_int_equal(j->output_dataset, 3);
        assert_int_equal(j->after_count, 2);
        assert_int_equal(j->after[0].job, 1);
        assert_int_equal(j->after[0].condition, 'o');
        assert_true(j->after[0].elementwise);
        assert_int_equal(j->after[1].condition, 'n');
        assert_int_equal(j->input_count, 2);
        assert_int_equal(j->inputs[0], 2);
        assert_int_equal(j->inputs[1], 1);
        assert_string_equal(j->spec, "{\"command\":[\"true\"]}");
        store_free_jobs(jobs, n);

        ok(store_load_jobs(db, true, 3, 10, &jobs, &n, &err));
        assert_int_equal(n, 1);
        assert_int_equal(jobs[0].after[0].condition, 'a');
        store_free_jobs(jobs, n);
        ok(store_load_jobs(db, true, 4, 10, &jobs, &n, &err));
        assert_int_equal(n, 0);
        store_free_jobs(jobs, n);

        assert_int_equal(store_job_spec(db, 3, &spec, &err), 1);
        assert_string_equal(spec, "{\"command\":[\"true\"]}");
        free(spec);
        assert_int_equal(store_job_spec(db, 99, &spec, &err), 0);
        commit_release(&c);
}

static void lists_of_tasks_are_counted_in_the_database_as_in_the_program(void **state)
{
        static const char *const lists[] = {"1,5,7-100:3", "3", "1-9:2,20-30", "0,2-2000000:7", "5-6"};
        struct db *db = *state;
        struct load_job *jobs;
        struct err err = {0};
        size_t n;

        (void)job_make(db, 10);
        for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
                struct task_set *s;
                char sql[300];

                ok(task_set_parse("tasks", lists[i], &s, NULL, &err));
                for (int64_t low = -1; low <= s->last + INT64_C(2); low += 1 + low / 9) {
                        snprintf(sql, sizeof sql, "select reeve_tasks_from('%s', %lld) as v", lists[i],
                                 (long long)low);
                        assert_int_equal(ask_int(db, sql), s->count - task_set_rank(s, low));
                }
                snprintf(sql, sizeof sql,
                         "update jobs set first_task = %d, last_task = %d, task_list = '%s', task_count = %d",
                         (int)s->first, (int)s->last, lists[i], (int)s->count);
                ok(db_run(db, sql, &err));
                ok(store_load_jobs(db, true, 0, 10, &jobs, &n, &err));
                assert_int_equal(n, 1);
                assert_int_equal(jobs[0].task_total, s->count);
                assert_string_equal(jobs[0].task_list, lists[i]);
                store_free_jobs(jobs, n);
                task_set_free(s);
        }
}

static void tasks_and_attempts_come_back_as_committed(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        struct commit c = {0};
        struct load_task *tasks;
        struct load_attempt *attempts;
        int64_t job = job_make(db, 9);
        size_t n;

        ADD(&c, placed, placed(job, 2, 3));
        ADD(&c, placed, placed(job, 1, 1));
        c.placed[0].task_failures = 2;
        c.placed[0].decision = 0;
        commit_ok(db, &c);
        ADD(&c, states, {{job, 1, 1}, ATTEMPT_ABORTING, NOW + 1});
        ADD(&c, retries, {job, 8, 2, 1, 1, 2, NOW + 5, "lost"});
        ADD(&c, retries, {job, 7, 0, 0, 0, 0, NOW, NULL});
        commit_ok(db, &c);

        ok(store_load_attempts(db, &attempts, &n, &err));
        assert_int_equal(n, 2);
        assert_int_equal(attempts[0].key.task, 1);
        assert_int_equal(attempts[0].state, ATTEMPT_ABORTING);
        assert_int_equal(attempts[0].started_at, NOW + 1);
        assert_int_equal(attempts[0].placed_at, NOW);
        assert_int_equal(attempts[0].decision, 5);
        assert_int_equal(attempts[1].key.attempt, 3);
        assert_int_equal(attempts[1].state, ATTEMPT_RESERVED);
        assert_int_equal(attempts[1].task_failures, 2);
        assert_int_equal(attempts[1].decision, 0);
        assert_int_equal(attempts[1].started_at, TIME_NONE);
        store_free_attempts(attempts, n);

        ok(store_load_tasks(db, &tasks, &n, &err));
        assert_int_equal(n, 2);
        assert_int_equal(tasks[0].task, 7);
        assert_int_equal(tasks[0].avoid_site, 0);
        assert_int_equal(tasks[1].avoid_site, 2);
        assert_int_equal(tasks[1].attempt, 2);
        assert_int_equal(tasks[1].not_before, NOW + 5);
        store_free_tasks(tasks, n);
        commit_release(&c);
}

static struct commit_ended ended_badly(int64_t job, int task, bool final)
{
        struct commit_ended e = ended_well(job, task, 1);

        e.state = ATTEMPT_FAILED;
        e.outcome = OUTCOME_EXIT;
        e.blame = BLAME_TASK;
        e.final = final;
        return e;
}

/* Task 1 succeeded, 2 failed, 3 will be tried again, 4 was cancelled alone, 5 was never placed. */
static void ended_tasks_of_live_and_of_ended_jobs(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        struct commit c = {0};
        struct load_ended_task *tasks;
        int64_t job = job_make(db, 5);
        size_t n;

        for (int t = 1; t <= 3; t++)
                ADD(&c, placed, placed(job, t, 1));
        commit_ok(db, &c);
        ADD(&c, ended, ended_well(job, 1, 1));
        ADD(&c, ended, ended_badly(job, 2, true));
        ADD(&c, ended, ended_badly(job, 3, false));
        commit_ok(db, &c);
        ok(db_run(db,
                  "insert into job_intents (job_id, task, kind, actor, applied_at) values (1, 4, 'cancel', "
                  "'ann', now()),"
                  " (1, 1, 'cancel', 'ann', now()), (1, 5, 'cancel', 'ann', null)",
                  &err));

        ok(store_load_ended_tasks(db, job, &tasks, &n, &err));
        assert_int_equal(n, 3);
        assert_true(tasks[0].task == 1 && tasks[0].ok);
        assert_true(tasks[1].task == 2 && !tasks[1].ok);
        assert_true(tasks[2].task == 4 && !tasks[2].ok);
        free(tasks);

        ADD(&c, done, {job, JOB_CANCELLED, 1, 1, 3, NOW, NOW, NULL});
        commit_ok(db, &c);
        ok(store_load_ended_tasks(db, job, &tasks, &n, &err));
        assert_int_equal(n, 5);
        for (int i = 0; i < 5; i++) {
                assert_int_equal(tasks[i].task, i + 1);
                assert_int_equal(tasks[i].ok, i == 0);
        }
        free(tasks);
        assert_int_equal(store_load_ended_tasks(db, 99, &tasks, &n, &err), -1);
        assert_int_equal(err.code, ERR_NOT_FOUND);
        commit_release(&c);
}

static void datasets_come_with_their_places(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        struct load_dataset *sets;
        const struct scan_file files[] = {{"x", 10, (const uint8_t *)"0123456789abcdef0123456789abcdef"},
                                          {"y", 5, (const uint8_t *)"0123456789abcdef0123456789abcdef"}};
        const int64_t ids[] = {3, 1, 77};
        size_t n;

        ok(store_dataset_register(db, test_epoch, "one", 1, "ann", 1, "/d", false, files, 2, &err));
        ok(store_dataset_register(db, test_epoch, "two", 1, "ann", 2, "/f", true, files, 1, &err));
        ok(db_run(
            db,
            "insert into datasets (name, project_id, made_by, removed_at) values ('three', 1, 'ann', now());"
            "insert into dataset_sites (dataset_id, site_id, root, files, bytes) values (1, 2, '/e', 1, 5)",
            &err));
        ok(store_load_datasets(db, ids, 3, &sets, &n, &err));
        assert_int_equal(n, 2);
        assert_string_equal(sets[0].name, "one");
        assert_true(sets[0].sealed && !sets[0].removed);
        assert_int_equal(sets[0].files, 2);
        assert_int_equal(sets[0].bytes, 15);
        assert_int_equal(sets[0].site_count, 2);
        assert_string_equal(sets[0].sites[0].root, "/d");
        assert_int_equal(sets[0].sites[0].bytes, 15);
        assert_int_equal(sets[0].sites[1].files, 1);
        assert_true(!sets[1].sealed && sets[1].removed);
        assert_int_equal(sets[1].site_count, 0);
        store_free_datasets(sets, n);
        assert_string_equal(
            ask_text(db, "select string_agg(concat_ws(':', dataset_id, path, site_id, root, state), ' '"
                         " order by dataset_id, path) as v from replicas"),
            "1:x:1:/d:present 1:y:1:/d:present 2:x:2:/f:present");
}

static void registering_is_all_or_nothing(void **state)
{
        static const char long_path[STORE_PATH_MAX + 2] = {[0 ... STORE_PATH_MAX] = 'p'};
        const uint8_t *sha = (const uint8_t *)"0123456789abcdef0123456789abcdef";
        const struct scan_file one[] = {{"x", 1, sha}}, other[] = {{"x", 2, sha}},
                               twice[] = {{"x", 1, sha}, {"x", 2, sha}}, too_long[] = {{long_path, 1, sha}};
        struct db *db = *state;
        struct err err = {0};

        ok(store_dataset_register(db, test_epoch, "one", 1, "ann", 1, "/d", false, one, 1, &err));
        /* The same files once more: one more place. Other ones: a conflict that names the first difference.
         */
        ok(store_dataset_register(db, test_epoch, "one", 1, "ann", 1, "/copy", false, one, 1, &err));
        assert_string_equal(
            ask_text(db, "select string_agg(root || ':' || files, ' ' order by root) as v from dataset_sites"
                         " where dataset_id = (select id from datasets where name = 'one')"),
            "/copy:1 /d:1");
        assert_string_equal(
            ask_text(db, "select string_agg(root || ':' || path, ' ' order by root) as v from replicas"
                         " where dataset_id = (select id from datasets where name = 'one')"),
            "/copy:x /d:x");
        assert_int_equal(
            store_dataset_register(db, test_epoch, "one", 1, "ann", 1, "/e", false, other, 1, &err), -1);
        assert_int_equal(err.code, ERR_CONFLICT);
        assert_non_null(strstr(err.text, "its file x has other content"));
        assert_int_equal(
            store_dataset_register(db, test_epoch, "one", 2, "ann", 1, "/e", false, one, 1, &err), -1);
        assert_int_equal(err.code, ERR_CONFLICT);
        assert_non_null(strstr(err.text, "\"one\""));
        assert_int_equal(
            store_dataset_register(db, test_epoch, "two", 1, "ann", 1, "/d", false, twice, 2, &err), -1);
        assert_int_equal(err.code, ERR_CONFLICT);
        assert_int_equal(
            store_dataset_register(db, test_epoch, "two", 1, "ann", 1, "/d", false, too_long, 1, &err), -1);
        assert_int_equal(err.code, ERR_BAD_INPUT);
        assert_int_equal(
            store_dataset_register(db, test_epoch + 1, "two", 1, "ann", 1, "/d", false, one, 1, &err), -1);
        assert_int_equal(err.code, ERR_FENCED);
        assert_int_equal(ask_int(db, "select count(*) as v from datasets"), 1);
        assert_int_equal(ask_int(db, "select count(*) as v from files"), 1);
}

static void intents_and_calls_come_in_order(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        struct load_intent *intents;
        struct load_call *calls;
        size_t n;

        (void)job_make(db, 3);
        ok(db_run(
            db,
            "insert into job_intents (job_id, task, kind, value, actor, applied_at) values"
            " (1, null, 'hold', null, 'ann', now()), (1, 7, 'cancel', null, 'bob', null),"
            " (1, null, 'priority', 9, 'ann', null), (1, null, 'release', null, 'ann', null);"
            "insert into calls (kind, site_id, args, actor, state) values ('probe', 1, '{}', 'ann', 'done'),"
            " ('read', 2, '{\"what\":\"stdout\"}', 'bob', 'queued')",
            &err));
        ok(store_load_intents(db, &intents, &n, &err));
        assert_int_equal(n, 3);
        assert_true(intents[0].kind == 'c' && intents[0].task == 7 && intents[0].id == 2);
        assert_string_equal(intents[0].actor, "bob");
        assert_true(intents[1].kind == 'p' && intents[1].task == -1 && intents[1].value == 9);
        assert_int_equal(intents[2].kind, 'r');
        store_free_intents(intents, n);
        ok(store_load_calls(db, &calls, &n, &err));
        assert_int_equal(n, 1);
        assert_string_equal(calls[0].kind, "read");
        assert_string_equal(calls[0].args, "{\"what\":\"stdout\"}");
        assert_int_equal(calls[0].site, 2);
        store_free_calls(calls, n);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            engine_test(projects_sites_and_workers_come_as_people_made_them),
            engine_test(the_world_version_moves_with_what_people_change_only),
            engine_test(jobs_come_with_what_they_wait_for_and_read),
            engine_test(lists_of_tasks_are_counted_in_the_database_as_in_the_program),
            engine_test(tasks_and_attempts_come_back_as_committed),
            engine_test(ended_tasks_of_live_and_of_ended_jobs),
            engine_test(datasets_come_with_their_places),
            engine_test(registering_is_all_or_nothing),
            engine_test(intents_and_calls_come_in_order),
        };

        return cmocka_run_group_tests(tests, group_setup, NULL);
}
