#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""poll_many.py JOB...: follow any number of jobs to their ends, one line whenever one changes state. Python's standard library only.

A thousand jobs are one question; it says what was seen last (ETag), so that while nothing changes the server answers "not modified" from
memory, at the cost of a few hundred bytes. Where and who: REEVE_URL and REEVE_TOKEN_FILE.
"""
import json
import os
import sys
import time
import urllib.error
import urllib.request

FINAL = {"succeeded", "failed", "cancelled"}
AT_ONCE = 1000  # job numbers in one question


def ask(numbers, etag, wait, token):
    """(jobs or None when nothing changed, ETag)"""
    url = f"{os.environ['REEVE_URL']}/v1/jobs?ids={','.join(map(str, numbers))}&limit={AT_ONCE}" + (f"&wait={wait}" if wait else "")
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}", "If-None-Match": etag})
    try:
        with urllib.request.urlopen(request, timeout=90) as reply:
            return json.load(reply)["items"], reply.headers["ETag"]
    except urllib.error.HTTPError as reply:
        if reply.code == 304:
            return None, reply.headers["ETag"]
        raise


def main(numbers):
    with open(os.environ["REEVE_TOKEN_FILE"], encoding="ascii") as file:
        token = file.read().strip()
    groups = [[sorted(numbers[i:i + AT_ONCE]), '""'] for i in range(0, len(numbers), AT_ONCE)]
    states = {}
    while groups:
        # One group: the server holds the answer until something changed. Several: each is asked once a second.
        wait = 30 if len(groups) == 1 else 0
        for group in groups:
            jobs, group[1] = ask(group[0], group[1], wait, token)
            if jobs is None:
                continue
            for number in set(group[0]) - {job["id"] for job in jobs}:
                states[number] = "cancelled"
                print(number, "not found", flush=True)
            for job in jobs:
                if states.get(job["id"]) != job["state"]:
                    states[job["id"]] = job["state"]
                    print(job["id"], job["state"], flush=True)
        groups = [[left, group[1] if left == group[0] else '""'] for group in groups
                  if (left := [n for n in group[0] if states.get(n) not in FINAL])]
        if groups and not wait:
            time.sleep(1)
    return 0 if set(states.values()) == {"succeeded"} else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main([int(number) for number in sys.argv[1:]]))
