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


def tree(grid, name, files):
    """A directory of files: its path."""
    top = os.path.join(str(grid.directory), name)
    for path, data in files.items():
        os.makedirs(os.path.dirname(os.path.join(top, path)) or top, exist_ok=True)
        with open(os.path.join(top, path), "wb") as file:
            file.write(data)
    return top


def same_tree(directory, files):
    found = {}
    for base, _dirs, names in os.walk(directory):
        for name in names:
            with open(os.path.join(base, name), "rb") as file:
                found[os.path.relpath(os.path.join(base, name), directory)] = file.read()
    equal(sorted(found), sorted(files), "files")
    equal([p for p in files if found[p] != files[p]], [], "files that differ")


@suite.test
def sent_and_fetched_by_command_line(grid):
    """a directory is sent, read by a job and fetched again by the command line, as versions of one name"""
    one = {"a.txt": b"one", "sub/b %.bin": os.urandom(3 << 20), "sub/deep/caf\u00e9": b"", "z": os.urandom(10)}
    top = tree(grid, "first", one)
    os.symlink("a.txt", os.path.join(top, "link"))
    said = reeve(grid, "data", "put", "-s", "alpha", "tree", top).stderr
    equal("4 files" in said and "at alpha" in said and "1 links" in said, True, said)
    os.unlink(os.path.join(top, "link"))
    reeve(grid, "get", "tree", os.path.join(str(grid.directory), "got"))
    same_tree(os.path.join(str(grid.directory), "got"), one)
    two = {"a.txt": b"two"}
    equal(reeve(grid, "data", "put", "tree", tree(grid, "second", two), code=5).stderr.count("already"), 1, "taken")
    equal(reeve(grid, "data", "put", "--new-version", "-q", "tree", tree(grid, "second", two)).stdout.strip(), "tree@2", "version")
    names = [d["name"] for d in json.loads(reeve(grid, "data", "list", "--name", "tree", "-o", "json").stdout)["items"]]
    equal(names, ["tree@2", "tree@1"], "versions")
    job = grid.run_job(command=["sh", "-c", "cat \"$REEVE_INPUT_TREE/a.txt\""], inputs=["tree"])
    equal((job["state"], grid.log(job["id"])), ("succeeded", b"two"), "the newest version")
    job = grid.run_job(command=["sh", "-c", "cat \"$REEVE_INPUT_1/a.txt\""], inputs=["tree@1"])
    equal((job["state"], grid.log(job["id"])), ("succeeded", b"one"), "the first version")
    seen = json.loads(reeve(grid, "data", "show", "tree@1", "--lineage", "-o", "json").stdout)
    equal([(n["kind"], n["level"]) for n in seen["nodes"]], [("dataset", 0), ("job", 1)], "lineage")


@suite.test
def the_client_is_killed_and_goes_on(grid):
    """a client that is killed in the middle of a file goes on where it was, and so does one whose server is"""
    data = os.urandom(BIG)
    top = tree(grid, "large", {"big.bin": data, "small": b"x"})
    for breaks in range(3):
        child = subprocess.Popen([PROGRAM, "data", "put", "large", top], env=reeve_args(grid), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 stdin=subprocess.DEVNULL)
        spool = os.path.join(grid.state, "uploads")

        def here():
            return sum(os.path.getsize(os.path.join(b, n)) for b, _d, names in os.walk(spool) for n in names)
        before = here()
        # Or all of it, when the kill before came late: then it leaves for its site.
        wait_until(lambda: here() > before + BIG // 16 or here() >= BIG or child.poll() is not None
                   or grid.ask("GET", "/v1/datasets/large")[1].get("state") == "sealed", 60, "some of it came")
        if breaks == 1:  # the server instead: the client waits for it
            private.send(grid.process.pid, signal.SIGKILL)
            grid.process.wait()
            grid.start()
            equal(child.wait(120), 0, "the client's exit code")
            break
        private.send(child.pid, signal.SIGKILL)
        child.wait()
    shown = sealed(grid, "large", 120)
    equal((shown["files"], shown["bytes"]), (2, BIG + 1), "sums")
    equal({f["path"]: f["sha256"] for f in grid.get("/v1/datasets/large/files")["items"]}, {"big.bin": sha(data), "small": sha(b"x")}, "checksums")
    grid.wait_site("alpha")
    grid.wait_site("bravo")
    reeve(grid, "get", "large", os.path.join(str(grid.directory), "large-again"))
    same_tree(os.path.join(str(grid.directory), "large-again"), {"big.bin": data, "small": b"x"})


@suite.test
def reeved_is_killed_while_it_moves_to_its_site(grid):
    """reeved is killed while what was sent is on its way to the site: it arrives all the same, once"""
    files = {f"{i:04}": os.urandom(200_000) for i in range(100)}
    reeve(grid, "data", "put", "--no-wait", "-s", "alpha", "moving", tree(grid, "moving", files))
    wait_until(lambda: (grid.get("/v1/datasets/moving")["arrival"] or {"state": "moving"})["state"] == "moving", 30, "it moves")
    private.send(grid.process.pid, signal.SIGKILL)
    grid.process.wait()
    grid.start()
    shown = sealed(grid, "moving", 120)
    equal((shown["files"], [(p["site"], p["complete"]) for p in shown["sites"]]), (100, [("alpha", True)]), "places")
    equal({f["path"]: f["sha256"] for f in grid.get("/v1/datasets/moving/files")["items"]}, {p: sha(d) for p, d in files.items()}, "checksums")
    equal([t["state"] for t in grid.get("/v1/transfers?dataset=moving")["items"]], ["done"], "transfers")


@suite.test
def a_wrong_file_in_the_spool_is_sent_again(grid):
    """what went wrong in the spool is found by the site, told, and sent again"""
    data = os.urandom(100_000)
    post(grid, "/v1/datasets", {"name": "spoiled", "upload": {"files": [{"path": "f", "size": len(data), "sha256": sha(data)}]}})
    put(grid, "spoiled", "f", data)
    number = checker.query(grid.conninfo(), "select reeve_dataset('spoiled') as id")[0]["id"]
    with open(os.path.join(grid.state, "uploads", f"d{number}", "f"), "r+b") as file:
        file.write(b"another")
    post(grid, "/v1/datasets/spoiled/seal", {})

    def back():
        arrival = grid.get("/v1/datasets/spoiled")["arrival"]
        return arrival if arrival["state"] == "filling" else None
    arrival = wait_until(back, 60, "it is to be sent again")
    equal((arrival["received_files"], bool(arrival["message"])), (0, True), "arrival")
    put(grid, "spoiled", "f", data)
    post(grid, "/v1/datasets/spoiled/seal", {})
    sealed(grid, "spoiled")


@suite.test
def listed(grid):
    """a list of files at a site is a dataset, and a copy of it elsewhere is checked against the list"""
    files = {f"part-{i}": os.urandom(1000 + i) for i in range(5)}
    place = os.path.join(grid.sites["alpha"].home, "listed")
    os.makedirs(place)
    listing = os.path.join(str(grid.directory), "list.csv")
    with open(listing, "w", encoding="utf-8") as out:
        out.write("path,size,sha256\n")
        for path, data in files.items():
            with open(os.path.join(place, path), "wb") as file:
                file.write(data)
            out.write(f"{path},{len(data)},{sha(data)}\n")
    with open(listing, "r+", encoding="utf-8") as out:  # as some programs begin a text
        text = out.read()
        out.seek(0)
        out.write("\ufeff" + text)
    reeve(grid, "data", "import", "listed", f"alpha:{place}", listing)
    equal(grid.get("/v1/datasets/listed")["files"], 5, "files")
    reeve(grid, "data", "copy", "listed", "bravo", "--wait")
    reeve(grid, "get", "listed", os.path.join(str(grid.directory), "listed-got"))
    same_tree(os.path.join(str(grid.directory), "listed-got"), files)
    with open(listing, "a", encoding="utf-8") as out:
        out.write("bad line\n")
    equal(reeve(grid, "data", "import", "other", f"alpha:{place}", listing, code=2).stderr.count(":7: there is no size"), 1, "where it is wrong")
    assert not any(d["name"] == "other" for d in grid.get("/v1/datasets")["items"]), "what was opened for a wrong list is still there"


@suite.test
def fetched(grid):
    """files of an HTTP server are fetched by a site where an admin allowed it"""
    files = {"a.bin": os.urandom(300_000), "b c": b"text"}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            data = files.get(urllib.parse.unquote(self.path.rsplit("/", 1)[-1]))
            self.send_response(200 if data is not None else 404)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_words):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}/pub/"
    try:
        reeve(grid, "data", "fetch", "web", base + "a.bin", code=2)
        reeve(grid, "url", "allow", "--private", base)
        status = subprocess.run([PROGRAM, "data", "show", "web", "-o", "json"], env=reeve_args(grid), capture_output=True, text=True)
        if status.returncode == 0:
            reeve(grid, "data", "remove", "web", "--yes")
        reeve(grid, "data", "fetch", "-s", "bravo", "web", base + "a.bin", base + "b%20c")
        shown = sealed(grid, "web")
        equal((shown["files"], shown["bytes"], [p["site"] for p in shown["sites"]]), (2, 300_004, ["bravo"]), "dataset")
        equal({f["path"]: f["sha256"] for f in grid.get("/v1/datasets/web/files")["items"]}, {p: sha(d) for p, d in files.items()}, "checksums")
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
