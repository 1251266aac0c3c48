# SPDX-License-Identifier: Apache-2.0
"""Parts of datasets: where the tasks of an array share the files of an input, a site gets the files of its tasks and no others."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, checker, private, wait_until  # noqa: E402

suite = Suite()
FILES, SIZE = 40, 5000
READ = 'sleep 1; while read -r f; do cat "$f" || exit 3; done < "$REEVE_INPUT_FILES" | wc -c'


def setup(grid):
    grid.patience = 60
    grid.start()
    grid.add_site("alpha", cpus=1)
    grid.add_site("bravo", cpus=3)


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def query(grid, sql):
    return checker.query(grid.conninfo(), sql)


def make_data(grid, name, files=FILES):
    place = os.path.join(grid.sites["alpha"].home, "in-" + name)
    os.makedirs(place)
    for i in range(files):
        with open(os.path.join(place, f"file-{i:03d}"), "wb") as file:
            file.write(bytes([i % 251]) * SIZE)
    status, reply = grid.ask("POST", "/v1/datasets", {"name": name, "site": "alpha", "path": place})
    equal(status, 202, f"POST /v1/datasets: {reply}")
    wait_until(lambda: any(d["name"] == name and d["state"] == "sealed" for d in grid.get("/v1/datasets")["items"]), 60,
               f"dataset {name} is registered")


def files_at_bravo(grid, name):
    """What lies there on disk, by the directory of the dataset's copy."""
    number = query(grid, f"select id from datasets where name = '{name}'")[0]["id"]
    place = os.path.join(grid.sites["bravo"].root, "data", f"d{number}")
    return sorted(f for f in os.listdir(place) if not f.startswith(".")) if os.path.isdir(place) else []


def tasks_at_bravo(grid, job):
    return {int(row["task"]) for row in query(grid, "select a.task from attempts a join sites s on s.id = a.site_id where s.name = 'bravo' and"
                                               f" a.state = 'succeeded' and a.job_id = {job}")}


def said(**row):
    return {name: str(value) for name, value in row.items()}


def moved(grid, name):
    return query(grid, "select t.files, t.total, t.only_files is not null as part from transfers t join datasets d on d.id = t.dataset_id"
                       f" where d.name = '{name}' order by t.id")


def present(grid, name):
    return query(grid, "select c.files, c.bytes, c.present is null as whole, (select count(*) from replicas r where r.dataset_id = d.id and"
                       " r.site_id = c.site_id and r.state = 'present') as replicas from dataset_sites c join datasets d on d.id = c.dataset_id join sites s on"
                       f" s.id = c.site_id where d.name = '{name}' and s.name = 'bravo'")[0]


@suite.test
def a_site_gets_the_files_of_its_tasks(grid):
    """an array over files moves to the second site what its tasks there read, and a job that reads all of it moves just the rest"""
    make_data(grid, "shared")
    job = grid.submit({"command": ["/bin/sh", "-c", READ], "inputs": ["shared"], "partition": {"input": "shared", "by": "file"}})["id"]
    equal(grid.wait_job(job, 180)["state"], "succeeded", "state")
    tasks = tasks_at_bravo(grid, job)
    assert tasks, "nothing ran at the second site"
    assert len(tasks) < FILES, "nothing ran where the data is"
    for task in (1, FILES, min(tasks)):
        equal(grid.log(job, task), f"{SIZE}\n".encode(), f"what task {task} read")
    have = files_at_bravo(grid, "shared")
    assert {f"file-{n - 1:03d}" for n in tasks} <= set(have), f"{tasks} ran there, {have} lie there"
    assert len(have) < FILES, "the whole dataset was moved"
    assert all(row["part"] == "t" for row in moved(grid, "shared")), f"transfers: {moved(grid, 'shared')}"
    wait_until(lambda: not query(grid, "select 1 from transfers where state in ('queued', 'active', 'verifying')"), 60, "nothing moves")
    equal(present(grid, "shared"), said(files=len(have), bytes=len(have) * SIZE, whole="f", replicas=len(have)), "the part")
    equal(query(grid, f"select 1 from task_queue where job_id = {job}"), [], "tasks that still stand in line")

    rest = grid.run_job(command=["/bin/sh", "-c", 'cat "$REEVE_INPUT_1"/* | wc -c'], inputs=["shared"], sites=["bravo"])
    equal(rest["state"], "succeeded", "state of who reads all of it")
    equal(grid.log(rest["id"]), f"{FILES * SIZE}\n".encode(), "what it read")
    equal(moved(grid, "shared")[-1], said(files=FILES - len(have), total=(FILES - len(have)) * SIZE, part="f"), "the last transfer")
    equal(present(grid, "shared"), said(files=FILES, bytes=FILES * SIZE, whole="t", replicas=FILES), "the copy once it is whole")


@suite.test
def the_engine_is_killed_in_between(grid):
    """dealt tasks and their transfers outlive the engine: each task runs once"""
    make_data(grid, "torn")
    job = grid.submit({"command": ["/bin/sh", "-c", READ], "inputs": ["torn"], "partition": {"input": "torn", "by": "files", "size": 2}})["id"]
    for _ in range(2):
        wait_until(lambda: grid.job(job)["tasks"]["succeeded"] > 0, 120, "some ended")
        private.send(grid.process.pid, 9)
        grid.process.wait()
        grid.start()
    equal(grid.wait_job(job, 240)["state"], "succeeded", "state")
    equal(grid.job(job)["tasks"]["succeeded"], FILES // 2, "tasks")
    equal(query(grid, f"select task from attempts where job_id = {job} and state = 'succeeded' group by task having count(*) > 1"), [], "tasks that ran twice")
    files = files_at_bravo(grid, "torn")
    assert len(files) < FILES, "the whole dataset was moved"


@suite.test
def room_for_parts_is_enough(grid):
    """a site without room for the whole dataset takes parts of it"""
    make_data(grid, "wide")
    status, reply = grid.ask("PATCH", "/v1/sites/bravo", {"data": {"quota": FILES * SIZE // 2}})
    equal(status, 200, f"quota of bravo: {reply}")
    job = grid.submit({"command": ["/bin/sh", "-c", READ], "inputs": ["wide"], "partition": {"input": "wide", "by": "file"}})["id"]
    equal(grid.wait_job(job, 180)["state"], "succeeded", "state")
    assert tasks_at_bravo(grid, job), "nothing ran at the second site"


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
