/* SPDX-License-Identifier: Apache-2.0 */
/* What the keeper remembers, and how the next one picks it up.
 *
 * After a kill of the keeper the journal lists attempts that were launched and not ended. Which of them were
 * started is in keeper_memory.started_index (starts follow the order of launching strictly). Those not
 * started stay in the queue. Those started are adopted: watched, limited and killed like any other, until no
 * process bears their mark any more. How one ended is then in the notes of the guard (guard.h); without a
 * note it vanished. None is started again. After a reboot all of them are gone: reboot.
 */
#include "worker/keeping.h"

#include "common/log.h"
#include "common/util.h"
#include "worker/files.h"
#include "worker/guard.h"
#include "worker/procs.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

enum record {
        RECORD_EPOCH = 1,     /* 16 bytes instance, u64 epoch */
        RECORD_TEMPLATE = 2,  /* as in P_TEMPLATE */
        RECORD_LAUNCH = 3,    /* u64 index, key of the first, u32 count */
        RECORD_STARTED = 4,   /* key, u32 pid, u64 start_wall_ms, u64 start_boot_us, str directory */
        RECORD_FINISHING = 5, /* result so far */
        RECORD_ENDED = 6,     /* result */
        RECORD_ACKED = 7,     /* u32 n, n x key */
};

/* ---- writing ---- */

void record_epoch(struct keeper *k)
{
        struct buf *b = journal_begin(k->journal, RECORD_EPOCH);

        buf_put(b, k->instance, sizeof k->instance);
        buf_u64(b, k->epoch);
        journal_end(k->journal);
}

void record_template(struct keeper *k, const struct job *job)
{
        buf_put(journal_begin(k->journal, RECORD_TEMPLATE), job->raw, job->raw_len);
        journal_end(k->journal);
}

void record_launch(struct keeper *k, struct attempt_key first, uint32_t count, uint64_t index)
{
        struct buf *b = journal_begin(k->journal, RECORD_LAUNCH);

        buf_u64(b, index);
        put_key(b, first);
        buf_u32(b, count);
        journal_end(k->journal);
}

void record_started(struct keeper *k, const struct attempt *a)
{
        struct buf *b = journal_begin(k->journal, RECORD_STARTED);

        put_key(b, a->key);
        buf_u32(b, (uint32_t)a->run->pid);
        buf_u64(b, (uint64_t)a->run->start_wall_ms);
        buf_u64(b, (uint64_t)a->run->start_boot_us);
        buf_str(b, a->run->dir->path);
        journal_end(k->journal);
}

void record_finishing(struct keeper *k, const struct attempt *a)
{
        put_result(journal_begin(k->journal, RECORD_FINISHING), a->run->result);
        journal_end(k->journal);
}

void record_ended(struct keeper *k, const struct attempt *a)
{
        buf_put(journal_begin(k->journal, RECORD_ENDED), a->result, a->result_len);
        journal_end(k->journal);
}

void record_acked(struct keeper *k, const struct attempt_key *keys, uint32_t n)
{
        struct buf *b = journal_begin(k->journal, RECORD_ACKED);

        buf_u32(b, n);
        for (uint32_t i = 0; i < n; i++)
                put_key(b, keys[i]);
        journal_end(k->journal);
}

static void live_launches(struct keeper *k, const struct list *l)
{
        for (const struct attempt *a = l->first; a;) {
                const struct attempt *first = a;
                uint32_t n = 0;

                while (a && a->key.job == first->key.job && a->key.attempt == first->key.attempt &&
                       a->key.task == first->key.task + (int32_t)n && a->index == first->index + n) {
                        n++;
                        a = a->next;
                }
                record_launch(k, first->key, n, first->index);
        }
}

static void live_ended(struct keeper *k, const struct list *l, bool acked)
{
        for (const struct attempt *a = l->first; a; a = a->next) {
                record_ended(k, a);
                if (acked)
                        record_acked(k, &a->key, 1);
        }
}

static void live_state(void *arg, struct journal *j)
{
        struct keeper *k = arg;

        (void)j;
        record_epoch(k);
        for (size_t i = 0; i < k->work.job_hash; i++) {
                for (struct job *job = k->work.jobs[i]; job; job = job->next)
                        record_template(k, job);
        }
        live_launches(k, &k->work.running);
        live_launches(k, &k->work.exited);
        live_launches(k, &k->work.finishing);
        live_launches(k, &k->work.queue);
        for (struct attempt *a = k->work.running.first; a; a = a->next) {
                if (a->run->reported)
                        record_started(k, a);
        }
        for (struct attempt *a = k->work.finishing.first; a; a = a->next)
                record_finishing(k, a);
        live_ended(k, &k->work.refused, true);
        live_ended(k, &k->work.ended, false);
}

int recover_rotate(struct keeper *k, struct err *err)
{
        return journal_rotate(k->journal, live_state, k, err);
}

/* ---- reading ---- */

static void replay_epoch(struct keeper *k, struct reader *r)
{
        uint8_t instance[16];

        for (size_t i = 0; i < sizeof instance; i++)
                instance[i] = reader_u8(r);
        k->epoch = reader_u64(r);
        memcpy(k->instance, instance, sizeof instance);
        k->has_instance = true;
}

static void replay_template(struct keeper *k, struct reader *r)
{
        struct job *job;
        struct err err;

        if (work_add_job(&k->work, r->p, reader_left(r), &job, &err) < 0)
                log_warn("a job template in the journal is not usable: %s", err.text);
        r->p = r->end;
}

static void replay_launch(struct keeper *k, struct reader *r)
{
        uint64_t index = reader_u64(r);
        struct attempt_key key = get_key(r);
        uint32_t n = reader_u32(r);
        struct job *job = work_job(&k->work, key.job);

        for (; !r->bad && job && n; n--, key.task++, index++) {
                if (work_find(&k->work, key))
                        continue;
                k->work.next_index = index;
                work_add(&k->work, key, job);
        }
}

static void run_restore(struct keeper *k, struct attempt *a)
{
        if (a->run)
                return;
        a->run = xcalloc(1, sizeof *a->run);
        a->run->owner = a;
        a->run->keeper = k;
        a->run->outcome = OUTCOME_COUNT;
        a->run->adopted = true;
        a->run->dir = spool_adopt("spool/run/unknown");
}

/* What the last keeper knew of a start when it was killed. */
static void run_recall(struct keeper *k, struct attempt *a)
{
        const struct started *s = &k->memory->started[a->index % STARTED_KEPT];

        if (a->run || s->index != a->index + 1 || !memchr(s->dir, 0, sizeof s->dir))
                return;
        run_restore(k, a);
        a->run->pid = s->pid;
        a->run->start_wall_ms = s->start_wall_ms;
        a->run->start_boot_us = s->start_boot_us;
        snprintf(a->run->dir->path, sizeof a->run->dir->path, "%s", s->dir);
}

static void replay_started(struct keeper *k, struct reader *r)
{
        struct attempt *a = work_find(&k->work, get_key(r));
        uint32_t pid = reader_u32(r);
        int64_t wall = (int64_t)reader_u64(r), boot = (int64_t)reader_u64(r);
        AUTO_FREE char *dir = reader_str(r, sizeof a->run->dir->path - 1);

        if (r->bad || !a || a->phase != PHASE_QUEUED)
                return;
        run_restore(k, a);
        a->run->pid = (pid_t)pid;
        a->run->start_wall_ms = wall;
        a->run->start_boot_us = boot;
        a->run->reported = true;
        snprintf(a->run->dir->path, sizeof a->run->dir->path, "%s", dir);
}

static void replay_finishing(struct keeper *k, struct reader *r)
{
        struct proto_result res;
        struct attempt *a;

        get_result(r, &res);
        a = r->bad ? NULL : work_find(&k->work, res.key);
        if (!a || a->phase != PHASE_QUEUED)
                return;
        run_restore(k, a);
        a->run->result = xmalloc(sizeof res);
        *a->run->result = res;
        work_move(&k->work, a, PHASE_FINISHING);
}

static void replay_ended(struct keeper *k, struct reader *r)
{
        struct proto_result res;
        struct attempt *a;

        get_result(r, &res);
        if (r->bad)
                return;
        a = work_find(&k->work, res.key);
        if (!a) {
                uint64_t index = k->work.next_index;

                a = work_add(&k->work, res.key, NULL);
                k->work.next_index = index;
        }
        if (a->phase == PHASE_ENDED || a->phase == PHASE_REFUSED)
                return;
        work_end(&k->work, a, &res);
        a->durable = true;
}

static void replay_acked(struct keeper *k, struct reader *r)
{
        for (uint32_t n = reader_u32(r); n && !r->bad; n--) {
                struct attempt *a = work_find(&k->work, get_key(r));

                if (a)
                        attempt_acked(k, a);
        }
}

static int replay(void *arg, uint8_t type, struct reader *r, struct err *err)
{
        static void (*const by_type[])(struct keeper *, struct reader *) = {
            [RECORD_EPOCH] = replay_epoch,         [RECORD_TEMPLATE] = replay_template,
            [RECORD_LAUNCH] = replay_launch,       [RECORD_STARTED] = replay_started,
            [RECORD_FINISHING] = replay_finishing, [RECORD_ENDED] = replay_ended,
            [RECORD_ACKED] = replay_acked,
        };

        (void)err;
        if (type < ARRAY_LEN(by_type) && by_type[type])
                by_type[type](arg, r);
        if (r->bad || reader_left(r))
                log_warn("a journal record of type %u is from another version and is left out", type);
        return 0;
}

/* ---- picking up ---- */

static int open_memory(struct keeper *k, struct err *err)
{
        int fd = open("keeper.memory", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0 || ftruncate(fd, sizeof *k->memory) < 0) {
                err_errno(err, "could not open \"keeper.memory\"");
                if (fd >= 0)
                        close(fd);
                return -1;
        }
        k->memory = mmap(NULL, sizeof *k->memory, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        if (k->memory == MAP_FAILED) {
                k->memory = NULL;
                return err_errno(err, "could not map \"keeper.memory\"");
        }
        return 0;
}

static int open_spool_id(struct keeper *k, struct err *err)
{
        AUTO_CLOSE int fd = open("spool.id", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                return err_errno(err, "could not open \"spool.id\"");
        if (read(fd, k->spool_id, sizeof k->spool_id) == (ssize_t)sizeof k->spool_id)
                return 0;
        if (getrandom(k->spool_id, sizeof k->spool_id, 0) != (ssize_t)sizeof k->spool_id ||
            pwrite(fd, k->spool_id, sizeof k->spool_id, 0) != (ssize_t)sizeof k->spool_id || fsync(fd) < 0)
                return err_errno(err, "could not write \"spool.id\"");
        return 0;
}

/* Which attempts live, by the marks on processes; unknown ones are killed. */
static void find_living(struct keeper *k)
{
        struct proc *all;
        size_t n = procs_scan(&all);

        for (size_t i = 0; i < n; i++) {
                struct attempt *a;

                if (all[i].state == 'Z' || !procs_key(all[i].pid, k->launcher.spool_hex, &all[i].key))
                        continue;
                a = work_find(&k->work, all[i].key);
                if (!a || a->phase != PHASE_QUEUED) {
                        procs_kill(&all[i], SIGKILL);
                        continue;
                }
                run_recall(k, a);
                run_restore(k, a);
                if (!a->run->pid) {
                        a->run->pid = all[i].session;
                        a->run->start_wall_ms = clock_wall_ms();
                        a->run->start_boot_us = clock_boot_ms() * 1000;
                }
        }
        free(all);
}

static void sort_out(struct keeper *k, bool rebooted)
{
        for (struct attempt *a = k->work.queue.first, *next; a; a = next) {
                next = a->next;
                if (!rebooted && a->index < k->memory->started_index)
                        run_recall(k, a);
                if (!rebooted && a->run) {
                        k->adopting = true;
                        work_move(&k->work, a, PHASE_RUNNING);
                } else if (rebooted || a->index < k->memory->started_index) {
                        struct proto_result res = {.key = a->key, .end_wall_ms = clock_wall_ms()};
                        char path[96];

                        res.outcome = rebooted ? OUTCOME_REBOOT : OUTCOME_VANISHED;
                        res.start_wall_ms = a->run ? a->run->start_wall_ms : 0;
                        if (a->run) {
                                spool_logs(a->run->dir->path, &res.stdout_bytes, &res.stderr_bytes);
                                spool_settle(&k->spool, a->run->dir, a->key, true, path);
                                a->run->dir = NULL;
                        }
                        snprintf(res.text, sizeof res.text, "%s",
                                 rebooted ? "the host was restarted" : "the worker was killed while it ran");
                        work_end(&k->work, a, &res);
                }
        }
}

/* Those that run keep their group; what is in others was left behind. */
static bool group_is_needed(void *arg, struct attempt_key key)
{
        struct keeper *k = arg;
        struct attempt *a = work_find(&k->work, key);

        if (!a || a->phase != PHASE_RUNNING)
                return false;
        a->run->cgroup = cgroup_found(&k->cgroups, key, a->job->t.resources.memory, a->job->t.process_limit);
        return true;
}

int recover(struct keeper *k, struct err *err)
{
        bool rebooted;

        boot_id_read(k->boot_id);
        if (open_memory(k, err) < 0 || open_spool_id(k, err) < 0 ||
            launcher_init(&k->launcher, k->launcher.root, k->spool_id, err) < 0 ||
            journal_open("journal", replay, k, &k->journal, err) < 0)
                return -1;
        rebooted = k->memory->magic != KEEPER_MEMORY_MAGIC ||
                   memcmp(k->memory->boot_id, k->boot_id, sizeof k->boot_id) != 0;
        if (rebooted) {
                struct keeper_memory fresh = {.magic = KEEPER_MEMORY_MAGIC,
                                              .generation = k->memory->generation};

                memcpy(fresh.boot_id, k->boot_id, sizeof fresh.boot_id);
                *k->memory = fresh;
        }
        spool_init(&k->spool, ++k->memory->generation);
        find_living(k);
        sort_out(k, rebooted);
        if (!k->adopting)
                guard_forget();
        cgroups_open(&k->cgroups, k->launcher.spool_hex, "cgroups");
        cgroups_sweep(&k->cgroups, group_is_needed, k);
        if (recover_rotate(k, err) < 0)
                return -1;
        for (struct attempt *a = k->work.ended.first; a; a = a->next)
                a->durable = true;
        k->durable_index = k->work.next_index;
        return 0;
}
