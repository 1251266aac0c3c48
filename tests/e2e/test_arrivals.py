# SPDX-License-Identifier: Apache-2.0
"""Data that comes in and goes out: files sent, listed and fetched, by API and command line, with breaks in the middle."""
import hashlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, checker, private, wait_until  # noqa: E402

suite = Suite()
BUILD = os.environ.get("BUILD", "build")
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", BUILD, "reeve")
BIG = int(os.environ.get("ARRIVAL_BYTES", 64 << 20))


def setup(grid):
    grid.patience = 40
    grid.start()
    grid.add_site("alpha", cpus=2)
    grid.add_site("bravo", cpus=2)


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def sha(data):
    return hashlib.sha256(data).hexdigest()


def reeve_args(grid):
    return {"PATH": os.environ["PATH"], "HOME": str(grid.directory), "REEVE_URL": grid.url, "REEVE_TOKEN": grid.token()}


def reeve(grid, *words, code=0):
    done = subprocess.run([PROGRAM, *words], env=reeve_args(grid), capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL)
    equal(done.returncode, code, f"reeve {' '.join(words)}: {done.stdout}{done.stderr}; exit code")
    return done


def put(grid, name, path, data, offset=0, **more):
    query = urllib.parse.urlencode({"path": path, "offset": offset, **more})
    request = urllib.request.Request(f"{grid.url}/v1/datasets/{name}/files?{query}", data=data, method="PUT",
                                     headers={"Authorization": "Bearer " + grid.token(), "Content-Type": "application/octet-stream"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def download(grid, name, path):
    query = urllib.parse.urlencode({"path": path})
    request = urllib.request.Request(f"{grid.url}/v1/datasets/{name}/download?{query}", headers={"Authorization": "Bearer " + grid.token()})
    with urllib.request.urlopen(request, timeout=120) as reply:
        return reply.read()


def post(grid, path, body, want=(200, 201, 202)):
    status, reply = grid.ask("POST", path, body, {})
    if status not in want:
        raise AssertionError(f"POST {path} answered {status}: {reply}")
    return reply


def sealed(grid, name, seconds=60):
    def look():
        shown = grid.get(f"/v1/datasets/{name}")
        if shown["arrival"] and shown["arrival"]["state"] == "failed":
            raise AssertionError(f"{name}: {shown['arrival']}")
        return shown if shown["state"] == "sealed" else None
    return wait_until(look, seconds, f"{name} is sealed")


@suite.test
def sent_by_api(grid):
    """files that are sent to the server lie at a site then, whole, and jobs read them"""
    files = {f"d/part {i}": os.urandom(100 + i * 50_000) for i in range(4)}
    files["empty"] = b""
    post(grid, "/v1/datasets", {"name": "sent", "upload": {"site": "bravo", "files": [{"path": p, "size": len(d), "sha256": sha(d)} for p, d in files.items()]}})
    for path, data in files.items():
        equal(put(grid, "sent", path, data)["complete"], True, path)
    post(grid, "/v1/datasets/sent/seal", {})
    shown = sealed(grid, "sent")
    equal([(p["site"], p["complete"], p["copy"]) for p in shown["sites"]], [("bravo", True, True)], "places")
    equal((shown["files"], shown["bytes"], shown["arrival"]), (5, sum(map(len, files.values())), None), "sums")
    equal({f["path"]: f["sha256"] for f in grid.get("/v1/datasets/sent/files")["items"]}, {p: sha(d) for p, d in files.items()}, "checksums")
    moved = grid.get("/v1/transfers?dataset=sent")["items"]
    equal([(t["why"], t["state"], t["from"], t["to"], t["bytes"]) for t in moved], [("upload", "done", None, "bravo", shown["bytes"])], "transfers")
    job = grid.run_job(command=["sh", "-c", "cd \"$REEVE_INPUT_SENT\" && cat 'd/part 3' | sha256sum"], inputs=["sent"])
    equal((job["state"], grid.log(job["id"]).split()[0].decode()), ("succeeded", sha(files["d/part 3"])), "job")
    for path, data in files.items():
        equal(download(grid, "sent", path) == data, True, f"{path} as downloaded")
    wait_until(lambda: not [n for n in os.listdir(os.path.join(grid.state, "uploads")) if n.startswith("d")], 90, "the spool is empty")


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
