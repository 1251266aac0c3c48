# SPDX-License-Identifier: Apache-2.0
"""Scripts written for sbatch mean the same under Debian's Slurm and under Reeve.

Each script runs under both, in directories of the same content; compared are how each task ended, and the names and contents of
all files that were made. Numbers of jobs in names of files and the directories themselves differ, and are replaced by words
before.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from cluster import Slurm  # noqa: E402
from testgrid import Suite, wait_until  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
CPUS, MEMORY = 12, 2000
PATIENCE = 120  # Slurm looks at time limits every half minute

# name: (arguments, environment of the submission). In this order; a script may name the job of an earlier one as @name@.
SCRIPTS = {
    "time_limit": ([], {}),
    "hello": ([], {}),
    "exit_code": ([], {}),
    "killed": ([], {}),
    "array": ([], {}),
    "throttle": ([], {}),
    "steps": ([], {}),
    "variables": ([], {}),
    "export": ([], {"COLOUR": "dark blue", "MORE": "not exported"}),
    "patterns": ([], {}),
    "append": ([], {}),
    "input": ([], {}),
    "first": ([], {}),
    "second": ([], {}),
    "third": ([], {}),
    "never": ([], {}),
    "pairs": ([], {}),
    "paired": ([], {}),
    "quoting": (["a b", "c'd", '"', "$HOME"], {}),
    "resources": ([], {"SBATCH_JOB_NAME": "from_the_environment"}),
    "memory": ([], {}),
    "no_interpreter": ([], {}),
}
# Without control groups Slurm knows only what killed it.
SAID_DIFFERENTLY = {("memory", "signal 9"): "memory limit"}
GIVEN = {"append": {"all.log": "a line before\n"}, "input": {"given.txt": "a\nc\nb\n"}}

suite = Suite()
wanted = set()


class Side:
    """One of the two systems: submits, tells how tasks ended, and has a directory for each script."""

    def __init__(self, name, base):
        self.name, self.base = name, os.path.join(base, "runs-" + name)
        self.shared = os.path.join(self.base, "shared")
        self.jobs, self.refused, self.known = {}, {}, {}
        os.makedirs(self.shared)

    def prepare(self, name):
        """The script as a file, with its directory and the numbers of other jobs in it."""
        place = os.path.join(self.base, name)
        os.makedirs(place)
        for file, text in GIVEN.get(name, {}).items():
            with open(os.path.join(place, file), "w", encoding="utf-8") as out:
                out.write(text)
        with open(os.path.join(HERE, "scripts", name + ".sh"), encoding="utf-8") as file:
            text = file.read().replace("@DIR@", place).replace("@SHARED@", self.shared)
        text = re.sub(r"@(\w+)@", lambda m: str(self.jobs[m.group(1)]), text)
        os.makedirs(os.path.join(self.base, "scripts"), exist_ok=True)
        path = os.path.join(self.base, "scripts", name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def submit(self, name):
        words, env = SCRIPTS[name]
        job, why = self.send(self.prepare(name), words, env)
        if job is None:
            self.refused[name] = why
        self.jobs[name] = job

    def ended(self, name):
        """How its tasks ended, once they all have."""
        if name not in self.known:
            ends = self.ends(self.jobs[name])
            if ends is None:
                return None
            self.known[name] = ends
        return self.known[name]

    def plain(self, text):
        return text.replace(self.base, "BASE")

    def files(self, name):
        found = {}
        place = os.path.join(self.base, name)
        number = rf"(?<![0-9]){self.jobs[name]}(?![0-9])"
        for base, _dirs, names in os.walk(place):
            for file in names:
                path = os.path.join(base, file)
                with open(path, encoding="utf-8", errors="replace") as text:
                    found[re.sub(number, "JOB", os.path.relpath(path, place))] = self.plain(text.read())
        return found


class SlurmSide(Side):
    def __init__(self, base):
        super().__init__("slurm", base)
        self.cluster = Slurm(os.path.join(base, "slurm"), CPUS, MEMORY).start()

    def send(self, path, words, env):
        return self.cluster.submit([path, *words], **env)

    def ends(self, job):
        return self.cluster.ends(job)

    def plain(self, text):
        # What slurmd adds to the output of what it kills.
        lines = [x for x in text.splitlines(True) if not re.match(r"slurmstepd(-\S+)?: error: ", x)]
        return super().plain("".join(lines))


class ReeveSide(Side):
    def __init__(self, base, grid):
        super().__init__("reeve", base)
        self.grid = grid
        self.notes = {}

    def send(self, path, words, env):
        done = subprocess.run([os.path.join(self.grid.bin, "reeve"), "submit", "-o", "id", path, *words], capture_output=True,
                              env={**self.grid.environment(), **env}, text=True, timeout=60, stdin=subprocess.DEVNULL)
        self.notes[os.path.basename(path)] = done.stderr
        return (int(done.stdout), "") if done.returncode == 0 else (None, done.stderr.strip())

    def ends(self, job):
        shown = self.grid.job(job)
        if shown["state"] not in ("succeeded", "failed", "cancelled"):
            return None
        is_array = shown["tasks"]["total"] > 1
        return {t["task"] if is_array else None: self.end(t) for t in self.grid.items(f"/v1/jobs/{job}/tasks")}

    @staticmethod
    def end(task):
        attempt = task["attempts"][0] if task["attempts"] else {}
        if task["state"] != "failed":
            return {"succeeded": "exit 0"}.get(task["state"], task["state"])
        return {"exit": f"exit {attempt['code']}", "signal": f"signal {attempt['signal']}",
                "time_limit": "time limit", "memory_limit": "memory limit"}.get(attempt["outcome"], attempt["outcome"])


sides = []


def setup(grid):
    grid.patience = 30
    grid.start()
    grid.add_site("alpha", cpus=CPUS)
    sides.append(SlurmSide(grid.directory))
    sides.append(ReeveSide(grid.directory, grid))
    for name in SCRIPTS:
        if not wanted or name in wanted:
            for side in sides:
                side.submit(name)


def compared(name):
    def test(_grid):
        slurm, reeve = sides
        if slurm.jobs[name] is None or reeve.jobs[name] is None:
            same("refused", bool(slurm.refused.get(name)), bool(reeve.refused.get(name)),
                 f"{slurm.refused.get(name)!r} {reeve.refused.get(name)!r}")
            return
        for side in sides:
            wait_until(lambda s=side: s.ended(name), PATIENCE, f"{name} ends under {side.name}")
        ends = {task: SAID_DIFFERENTLY.get((name, end), end) for task, end in slurm.ended(name).items()}
        same("ends", ends, reeve.ended(name), "")
        same("files", slurm.files(name), reeve.files(name), "")
        for log in reeve.files(name):
            if "slurm-" in log and "%" in log:
                raise AssertionError(f"a pattern stayed as it was: {log}")
    test.__name__ = name
    test.__doc__ = f"{name.replace('_', ' ')}: the same ends and the same files"
    return test


def same(what, slurm, reeve, more):
    if slurm != reeve:
        raise AssertionError(f"{what}: Slurm {slurm!r}, Reeve {reeve!r} {more}")


def shared(_grid):
    """what depends on each other ran in the same order and left the same"""
    contents = []
    for side in sides:
        found = {}
        for file in sorted(os.listdir(side.shared)):
            with open(os.path.join(side.shared, file), encoding="utf-8") as text:
                found[file] = text.read()
        contents.append(found)
    same("shared files", contents[0], contents[1], "")
    if contents[0].get("order.txt") != "first\nsecond\nthird\n":
        raise AssertionError(f"order: {contents[0]}")


def stopped(_grid):
    """the cluster stops"""
    sides[0].cluster.stop()


def main():
    wanted.update(n for n in SCRIPTS if any(word in n for word in sys.argv[1:]))
    for name in list(SCRIPTS)[1:] + ["time_limit"]:
        if not wanted or name in wanted:
            suite.test(compared(name))
    if not wanted:
        suite.test(shared)
    suite.test(stopped)
    return suite.run(setup)


if __name__ == "__main__":
    sys.exit(main() > 0)
