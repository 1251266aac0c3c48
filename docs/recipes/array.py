#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""array.py FOLDER JOB.json: submit a job, wait for its end, and fetch its outputs into FOLDER. Python's standard library only.

Where and who: REEVE_URL and REEVE_TOKEN_FILE, as for the command line. Ends with 0 when the job succeeded, 1 when it did not.
"""
import hashlib
import json
import os
import pathlib
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

FINAL = {"succeeded", "failed", "cancelled"}


class Problem(Exception):
    """What the server says is wrong: .code for programs, the text for people."""

    def __init__(self, document):
        wrong = [f"\n  {e['pointer']}: {e['detail']}" for e in document.get("errors", [])]
        super().__init__(f"{document['title']}: {document['detail']}{''.join(wrong)}")
        self.code = document["code"]


class Reeve:
    def __init__(self, url, token):
        self.url, self.token = url.rstrip("/"), token

    def ask(self, method, path, body=None, tries=6, **headers):
        """(bytes or None for "not modified", headers). Tried again when the server was not reached or said "later": use it with an
        Idempotency-Key for what must happen once."""
        headers = {"Authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if body is not None:
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        for left in reversed(range(tries)):
            try:
                with urllib.request.urlopen(request, timeout=90) as reply:
                    return reply.read(), reply.headers
            except urllib.error.HTTPError as reply:
                if reply.code == 304:
                    return None, reply.headers
                if reply.code not in (429, 503) or not left:
                    raise Problem(json.load(reply)) from None
                time.sleep(float(reply.headers.get("Retry-After", 2)))
            except OSError:
                if not left:
                    raise
                time.sleep(2)

    def get(self, path, **headers):
        return json.loads(self.ask("GET", path, **headers)[0])

    def submit(self, job):
        key = str(uuid.uuid4())  # a second try of this submission answers with the first job
        return json.loads(self.ask("POST", "/v1/jobs", job, Idempotency_Key=key)[0])["id"]

    def watch(self, number):
        """The job whenever something about it changed, until its end. Each question says what was seen last (ETag) and is answered
        when that changed, or after 30 seconds."""
        etag, state = '""', None
        while state not in FINAL:
            body, headers = self.ask("GET", f"/v1/jobs/{number}?wait=30", If_None_Match=etag)
            etag = headers["ETag"]
            if body is not None:
                job = json.loads(body)
                state = job["state"]
                yield job

    def pages(self, path):
        """The items of all pages of a list."""
        cursor = ""
        while cursor is not None:
            page = self.get(f"{path}?limit=1000" + (f"&cursor={cursor}" if cursor else ""))
            yield from ((page, item) for item in page["items"])
            cursor = page["next_cursor"]

    def fetch(self, dataset, path, target, sha256):
        """A file of a dataset, by pieces; it gets its name when it is whole and what it should be."""
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        seen, size, digest = 0, 1, hashlib.sha256()
        where = f"/v1/datasets/{urllib.parse.quote(dataset, safe='')}/content?path={urllib.parse.quote(path, safe='')}"
        with open(part, "wb") as file:
            while seen < size:
                piece, headers = self.ask("GET", f"{where}&offset={seen}")
                size = int(headers["Reeve-Size"])
                file.write(piece)
                digest.update(piece)
                seen += len(piece)
        if digest.hexdigest() != sha256:
            raise OSError(f"{path} is not what the job wrote: its checksum differs")
        part.replace(target)


def say(job):
    tasks = job["tasks"]
    why = f"; {job['wait']['sentence']}" if job["wait"] else ""
    print(f"{job['state']}: {tasks['succeeded']} of {tasks['total']} done, {tasks['running']} running, {tasks['failed']} failed{why}",
          file=sys.stderr)


def main(folder, job_file):
    with open(os.environ["REEVE_TOKEN_FILE"], encoding="ascii") as file:
        reeve = Reeve(os.environ["REEVE_URL"], file.read().strip())
    with open(job_file, encoding="utf-8") as file:
        number = reeve.submit(json.load(file))
    print(f"job {number}", file=sys.stderr)
    for job in reeve.watch(number):
        say(job)
    if job["state"] != "succeeded":
        for task in reeve.get(f"/v1/jobs/{number}/tasks?state=failed&limit=5")["items"]:
            log = reeve.ask("GET", f"/v1/jobs/{number}/tasks/{task['task']}/log?stream=stderr&offset=-2000")[0]
            print(f"--- the end of what task {task['task']} wrote to standard error\n{log.decode(errors='replace')}", file=sys.stderr)
        return 1
    for page, item in reeve.pages(f"/v1/jobs/{number}/outputs"):
        reeve.fetch(page["dataset"], item["path"], pathlib.Path(folder, item["path"]), item["sha256"])
        print(item["path"])
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (Problem, OSError) as e:
        sys.exit(f"array.py: {e}")
