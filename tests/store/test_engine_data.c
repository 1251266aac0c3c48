/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers, copies, links, evictions: what the engine writes and reads again. */
#include "engine_test.h"

#define DATA                                                                                                 \
        "insert into datasets (id, name, project_id, made_by, sealed_at, files, bytes) values"               \
        " (1, 'd', 1, 'ann', now(), 2, 30), (2, 'e', 1, 'ann', now(), 1, 100);"                              \
        "insert into files (dataset_id, path, size, sha256) values (1, 'a', 10, decode(repeat('11', 32),"    \
        " 'hex')), (1, 'b', 20, decode(repeat('22', 32), 'hex')), (2, 'x', 100, decode(repeat('33', 32),"    \
        " 'hex'));"                                                                                          \
        "insert into dataset_sites (dataset_id, site_id, root, files, bytes) values (1, 1, '/in', 2, 30),"   \
        " (2, 1, '/in2', 1, 100)"

static void add_data(struct db *db)
{
        struct err err = {0};

        ok(db_run(db, DATA, &err));
}

static struct commit_transfer a_transfer(void)
{
        return (struct commit_transfer){.id = 7,
                                        .dataset = 1,
                                        .from = 1,
                                        .to = 2,
                                        .why = "job",
                                        .state = TRANSFER_QUEUED,
                                        .files = 2,
                                        .total = 30,
                                        .asked_at = NOW,
                                        .not_before = TIME_NONE,
                                        .started_at = TIME_NONE,
                                        .ended_at = TIME_NONE};
}

static void write_transfer(struct db *db, struct commit_transfer t)
{
        struct err err = {0};

        ok(store_commit(db, test_epoch, &(struct commit){.transfers = &t, .transfers_n = 1}, &err));
}

static void an_open_transfer_is_read_again_and_a_closed_one_is_not(void **state)
{
        struct db *db = *state;
        struct commit_transfer t = a_transfer();
        struct load_transfer *rows;
        struct err err = {0};
        int64_t next;
        size_t n;

        add_data(db);
        write_transfer(db, t);
        t.state = TRANSFER_ACTIVE;
        t.started_at = NOW + 5;
        t.way = "relay";
        t.tries = 1;
        write_transfer(db, t);
        ok(store_load_transfers(db, &rows, &n, &err));
        assert_int_equal(n, 1);
        assert_true(rows[0].id == 7 && rows[0].dataset == 1 && rows[0].from == 1 && rows[0].to == 2);
        assert_true(rows[0].why == 'j' && rows[0].tries == 1 && rows[0].asked_at == NOW);
        store_free_transfers(rows, n);
        t.state = TRANSFER_DONE;
        t.ended_at = NOW + 9;
        t.way = NULL;
        write_transfer(db, t);
        ok(store_load_transfers(db, &rows, &n, &err));
        assert_int_equal(n, 0);
        store_free_transfers(rows, n);
        assert_string_equal(ask_text(db, "select concat_ws(' ', state, way, tries) as v from transfers"),
                            "done relay 1");
        ok(store_next_transfer(db, &next, &err));
        assert_int_equal(next, 8);
}

static void a_dataset_has_one_open_transfer_to_a_site(void **state)
{
        struct db *db = *state;
        struct commit_transfer t = a_transfer();
        struct err err = {0};

        add_data(db);
        write_transfer(db, t);
        t.id = 8;
        assert_int_equal(
            store_commit(db, test_epoch, &(struct commit){.transfers = &t, .transfers_n = 1}, &err), -1);
        assert_int_equal(err.code, ERR_CONFLICT);
}

static void a_copy_is_complete_in_the_catalog_at_once(void **state)
{
        struct db *db = *state;
        struct commit_copy copy = {.dataset = 1, .site = 2, .root = "/home/x/.reeve/data/d1"};
        struct commit_suspect bad = {.dataset = 1, .site = 2, .suspect = true};
        int64_t ids[] = {1};
        struct load_dataset *rows;
        struct err err = {0};
        size_t n;

        add_data(db);
        ok(store_commit(db, test_epoch, &(struct commit){.copies = &copy, .copies_n = 1}, &err));
        assert_string_equal(ask_text(db,
                                     "select count(*) || state as v from replicas where site_id = 2 group by"
                                     " state"),
                            "2present");
        ok(store_commit(db, test_epoch, &(struct commit){.suspects = &bad, .suspects_n = 1}, &err));
        ok(store_load_datasets(db, ids, 1, &rows, &n, &err));
        assert_int_equal(rows[0].site_count, 2);
        assert_true(rows[0].sites[1].copy && rows[0].sites[1].suspect && rows[0].sites[1].files == 2);
        assert_false(rows[0].sites[0].copy);
        store_free_datasets(rows, n);
        ok(store_commit(db, test_epoch, &(struct commit){.copies = &copy, .copies_n = 1}, &err));
        assert_string_equal(ask_text(db,
                                     "select string_agg(distinct state, ',') as v from replicas where site_id"
                                     " = 2"),
                            "present");
}

static void a_policy_says_at_which_sites_a_dataset_may_be(void **state)
{
        static const struct {
                const char *policy, *allowed;
        } cases[] = {
            {"policy_sites = '{}', policy_labels = '{}'", "any"},
            {"policy_sites = '{beta}'", "2"},
            {"policy_sites = '{}', policy_labels = '{eu}'", "2"},
            {"policy_labels = '{eu,hospital}'", ""},
            {"policy_labels = '{}', policy_sites = '{alpha,beta}'", "1 2"},
            {"policy_labels = '{eu}', policy_sites = '{alpha}'", ""},
        };
        struct db *db = *state;
        struct err err = {0};

        add_data(db);
        ok(db_run(db, "update sites set labels = '{eu,fast}' where id = 2", &err));
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char sql[300];

                snprintf(sql, sizeof sql, "update datasets set %s where id = 1", cases[i].policy);
                ok(db_run(db, sql, &err));
                assert_string_equal(ask_text(db,
                                             "select coalesce(array_to_string(reeve_allowed_sites("
                                             "policy_sites, policy_labels), ' '), 'any') as v from datasets"
                                             " where id = 1"),
                                    cases[i].allowed);
        }
}

static void links_are_kept_and_the_engine_writes_no_new_world(void **state)
{
        struct db *db = *state;
        struct commit_link l = {1, 2, 5e6, 0.5, 3, NOW, 1000};
        struct load_link *rows;
        struct err err = {0};
        int64_t before, after;
        size_t n;

        add_data(db);
        ok(store_world_version(db, &before, &err));
        ok(store_commit(db, test_epoch, &(struct commit){.links = &l, .links_n = 1}, &err));
        ok(store_commit(db, test_epoch, &(struct commit){.links = &l, .links_n = 1}, &err));
        ok(store_world_version(db, &after, &err));
        assert_int_equal(before, after);
        ok(store_load_links(db, &rows, &n, &err));
        assert_true(n == 1 && rows[0].rate == 5e6 && rows[0].weight == 3 && rows[0].learned_at == NOW);
        store_free_links(rows, n);
        assert_string_equal(ask_text(db, "select transfers || ' ' || bytes as v from links"), "2 2000");
        ok(db_run(db, "update links set budget = 1e6", &err));
        ok(store_world_version(db, &after, &err));
        assert_true(after > before);
}

static const char *copies(struct db *db)
{
        return ask_text(db, "select coalesce(string_agg(dataset_id::text, ' ' order by dataset_id), '') as v"
                            " from dataset_sites where site_id = 2");
}

static void only_copies_that_may_go_are_evicted_oldest_first(void **state)
{
        struct db *db = *state;
        struct commit_copy two[] = {{.dataset = 1, .site = 2, .root = "/d1"},
                                    {.dataset = 2, .site = 2, .root = "/d2"}};
        struct load_eviction *rows;
        struct load_storage *used;
        struct err err = {0};
        size_t n;

        add_data(db);
        ok(store_commit(db, test_epoch, &(struct commit){.copies = two, .copies_n = 2}, &err));
        ok(db_run(db, "update dataset_sites set used_at = now() - interval '1 day' where dataset_id = 2",
                  &err));
        ok(store_load_storage(db, &used, &n, &err));
        assert_true(n == 1 && used[0].site == 2 && used[0].used == 130 && used[0].evictable == 130);
        store_free_storage(used, n);
        assert_int_equal(store_evict(db, test_epoch, 2, 0, &err), 0);
        ok(db_run(db, "update dataset_sites set pinned_by = 'ann' where dataset_id = 2 and site_id = 2",
                  &err));
        assert_int_equal(store_evict(db, test_epoch, 2, 1, &err), 1);
        assert_string_equal(copies(db), "2");
        ok(db_run(db, "update dataset_sites set pinned_by = null", &err));
        ok(db_run(db, "update dataset_sites set suspect = true where dataset_id = 2 and site_id = 1", &err));
        assert_int_equal(store_evict(db, test_epoch, 2, 1000, &err), 0); /* the last good one */
        ok(db_run(db, "update dataset_sites set suspect = false", &err));
        assert_int_equal(store_evict(db, test_epoch, 2, 1000, &err), 1);
        assert_string_equal(copies(db), "");
        ok(store_load_evictions(db, &rows, &n, &err));
        assert_int_equal(n, 2);
        assert_string_equal(rows[0].directory, "d1");
        ok(store_eviction_done(db, test_epoch, 2, "d1", &err));
        store_free_evictions(rows, n);
        ok(store_load_evictions(db, &rows, &n, &err));
        assert_int_equal(n, 1);
        store_free_evictions(rows, n);
        assert_string_equal(ask_text(db,
                                     "select string_agg(distinct state, ',') as v from replicas where site_id"
                                     " = 2"),
                            "gone");
}

static void what_a_live_job_reads_stays(void **state)
{
        struct db *db = *state;
        struct commit_copy copy = {.dataset = 1, .site = 2, .root = "/d1"};
        struct err err = {0};

        add_data(db);
        ok(store_commit(db, test_epoch, &(struct commit){.copies = &copy, .copies_n = 1}, &err));
        assert_int_equal(job_make(db, 1), 1);
        ok(db_run(db, "insert into job_inputs (job_id, position, dataset_id) values (1, 1, 1)", &err));
        assert_int_equal(store_evict(db, test_epoch, 2, 1000, &err), 0);
        ok(db_run(db, "delete from job_queue", &err));
        assert_int_equal(store_evict(db, test_epoch, 2, 1000, &err), 1);
}

static void a_copy_makes_room_though_a_queued_job_reads_it_but_not_under_a_running_one(void **state)
{
        static const struct {
                const char *set, *back;
        } holds[] = {
            {"update dataset_sites set pinned_by = 'ann' where site_id = 2",
             "update dataset_sites set pinned_by = null"},
            {"update dataset_sites set suspect = true where site_id = 1",
             "update dataset_sites set suspect = false"},
            {"insert into transfers (id, dataset_id, from_site, to_site, state) values (9, 1, 2, 1, "
             "'active')",
             "update transfers set state = 'failed' where id = 9"},
            {"insert into attempts_live (job_id, task, attempt, epoch, site_id, worker_id, state, placed_at,"
             " task_failures, site_failures) values (1, 1, 1, 1, 2, 2, 'running', now(), 0, 0)",
             "delete from attempts_live"},
        };
        struct db *db = *state;
        struct commit_copy copy = {.dataset = 1, .site = 2, .root = "/d1"};
        struct err err = {0};

        add_data(db);
        ok(store_commit(db, test_epoch, &(struct commit){.copies = &copy, .copies_n = 1}, &err));
        assert_int_equal(job_make(db, 1), 1);
        ok(db_run(db, "insert into job_inputs (job_id, position, dataset_id) values (1, 1, 1)", &err));
        for (size_t i = 0; i < ARRAY_LEN(holds); i++) {
                ok(db_run(db, holds[i].set, &err));
                assert_int_equal(store_evict_leaving(db, test_epoch, 2, 1, &err), 0);
                ok(db_run(db, holds[i].back, &err));
        }
        assert_int_equal(store_evict_leaving(db, test_epoch, 2, 1, &err), 1);
        assert_int_equal(store_evict_leaving(db, test_epoch, 1, 1, &err), 0); /* it was registered there */
        assert_string_equal(copies(db), "");
}

static int rows_of(struct db *db, const char *query)
{
        char sql[400];

        snprintf(sql, sizeof sql, "select count(*)::text as v from %s", query);
        return atoi(ask_text(db, sql));
}

static void a_copy_whose_policy_changed_meanwhile_is_no_copy_and_goes(void **state)
{
        struct db *db = *state;
        struct commit_copy two[] = {{.dataset = 1, .site = 2, .root = "/d1"},
                                    {.dataset = 2, .site = 2, .root = "/d2"}};
        struct err err = {0};

        add_data(db);
        ok(db_run(db, "update datasets set policy_sites = '{alpha}', policy_by = 'ann' where id = 1", &err));
        ok(store_commit(db, test_epoch, &(struct commit){.copies = two, .copies_n = 2}, &err));
        assert_string_equal(copies(db), "2");
        assert_int_equal(rows_of(db, "replicas where site_id = 2 and dataset_id = 1"), 0);
        assert_int_equal(rows_of(db, "evictions where site_id = 2 and directory = 'd1'"), 1);
        assert_int_equal(rows_of(db, "events where kind = 'data.evicted' and site_id = 2"), 1);
}

static void no_byte_begins_to_move_against_a_policy(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        add_data(db);
        assert_int_equal(store_transfer_allowed(db, 1, 2, &err), 1);
        ok(db_run(db, "update datasets set policy_labels = '{eu}' where id = 1", &err));
        assert_int_equal(store_transfer_allowed(db, 1, 2, &err), 0);
        ok(db_run(db, "update sites set labels = '{eu}' where id = 2", &err));
        assert_int_equal(store_transfer_allowed(db, 1, 2, &err), 1);
        assert_int_equal(store_transfer_allowed(db, 99, 2, &err), 0); /* it was removed */
}

static void a_transfer_waits_for_whoever_changes_the_policy(void **state)
{
        static const char *const changes[] = {
            "begin; update datasets set policy_sites = '{alpha}' where id = 1",
            "begin; update datasets set policy_labels = '{eu}' where id = 2",
            "begin; update sites set labels = '{}' where id = 2",
        };
        static const int64_t datasets[] = {1, 2, 2};
        struct db *db = *state, *other = test_open();
        struct err err = {0};

        add_data(db);
        ok(db_run(db, "update sites set labels = '{eu}' where id = 2", &err));
        for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
                ok(db_run(other, changes[i], &err));
                ok(db_run(db, "set lock_timeout = '50ms'", &err));
                assert_int_equal(store_transfer_allowed(db, datasets[i], 2, &err), -1); /* not yet known */
                ok(db_run(other, "commit", &err));
                assert_int_equal(store_transfer_allowed(db, datasets[i], 2, &err), i == 1);
        }
        db_close(other);
}

static void what_transfers_left_where_a_policy_forbids_it_is_deleted(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        add_data(db);
        ok(db_run(db,
                  "insert into transfers (id, dataset_id, from_site, to_site, state) values (1, 1, 1, 2,"
                  " 'cancelled'), (2, 2, 1, 2, 'failed'), (3, 2, 1, 2, 'active')",
                  &err));
        assert_int_equal(store_sweep_parts(db, test_epoch, &err), 0);
        ok(db_run(db, "update datasets set policy_sites = '{alpha}'", &err));
        assert_int_equal(store_sweep_parts(db, test_epoch, &err), 1); /* the other one is still being moved */
        assert_int_equal(rows_of(db, "evictions where site_id = 2 and directory = 'd1'"), 1);
        ok(db_run(db, "update transfers set state = 'cancelled' where id = 3", &err));
        assert_int_equal(store_sweep_parts(db, test_epoch, &err), 2);
        assert_int_equal(rows_of(db, "evictions"), 2);
        assert_int_equal(store_sweep_parts(db, test_epoch, &err), 0);
}

static void a_refusal_is_in_the_audit_once(void **state)
{
        struct commit_refusal said[] = {{"place", "job 1", "the policy of a"},
                                        {"place", "job 1", "the policy of b"},
                                        {"launch", "job 1", "the policy of a"}};
        struct db *db = *state;
        struct err err = {0};

        for (int i = 0; i < 2; i++)
                ok(store_commit(db, test_epoch, &(struct commit){.refusals = said, .refusals_n = 3}, &err));
        assert_int_equal(rows_of(db, "audit where actor = 'reeve'"), 2);
        assert_int_equal(rows_of(db, "audit where actor = 'reeve' and detail = 'refused: the policy of a'"),
                         2);
}

static void what_was_learned_is_read_again_and_the_old_goes(void **state)
{
        const int64_t now = clock_wall_ms();
        struct commit_learned said[] = {{"kind", -5, 20, now, 0, 0, 7000.5},
                                        {"shape", -1, 3, now, 2, 1, 10},
                                        {"shape", -1, 4, now, 2, 0, 20}, /* the last word counts */
                                        {"project", 1, 9, now - 70LL * 86400000, 0, 0, 5}};
        struct upkeep u = {0};
        struct load_learned *rows;
        struct db *db = *state;
        struct err err = {0};
        size_t n;

        ok(store_commit(db, test_epoch, &(struct commit){.learned = said, .learned_n = 4}, &err));
        ok(store_load_learned(db, &rows, &n, &err));
        assert_int_equal(n, 3);
        for (size_t i = 0; i < n; i++) {
                if (rows[i].what == 'k')
                        assert_true(rows[i].key == -5 && rows[i].run_ms == 7000.5 && rows[i].ended == 20);
                if (rows[i].what == 's')
                        assert_true(rows[i].key == -1 && rows[i].site == 2 && rows[i].run_ms == 20);
        }
        store_free_learned(rows, n);
        do
                ok(store_upkeep(db, test_epoch, 90, &u, &err));
        while (u.more);
        assert_int_equal(rows_of(db, "learned"), 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            engine_test(an_open_transfer_is_read_again_and_a_closed_one_is_not),
            engine_test(a_dataset_has_one_open_transfer_to_a_site),
            engine_test(a_copy_is_complete_in_the_catalog_at_once),
            engine_test(a_policy_says_at_which_sites_a_dataset_may_be),
            engine_test(links_are_kept_and_the_engine_writes_no_new_world),
            engine_test(only_copies_that_may_go_are_evicted_oldest_first),
            engine_test(what_a_live_job_reads_stays),
            engine_test(a_copy_whose_policy_changed_meanwhile_is_no_copy_and_goes),
            engine_test(no_byte_begins_to_move_against_a_policy),
            engine_test(a_transfer_waits_for_whoever_changes_the_policy),
            engine_test(what_transfers_left_where_a_policy_forbids_it_is_deleted),
            engine_test(what_was_learned_is_read_again_and_the_old_goes),
            engine_test(a_refusal_is_in_the_audit_once),
            engine_test(a_copy_makes_room_though_a_queued_job_reads_it_but_not_under_a_running_one),
        };

        return cmocka_run_group_tests_name("store: data", tests, group_setup, NULL);
}
