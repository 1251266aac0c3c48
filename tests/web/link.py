#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""link.py WEBD [NAME...] - connections: who is cut off, and who is not."""
import socket
import subprocess
import sys
import threading

from harness import WEBD, has, main, same, test
from server import Server, wait_until


class Locked:
    """A table that nobody reads meanwhile."""

    def __init__(self, s, table):
        self.psql = subprocess.Popen(["psql", "-XqAt", s.conninfo], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.psql.stdin.write(f"begin; lock table {table}; select 'locked';\n")
        self.psql.stdin.flush()
        same(self.psql.stdout.readline().strip(), "locked")

    def end(self):
        self.psql.stdin.close()
        self.psql.wait(20)
        self.psql.stdout.close()


def connect(s):
    c = socket.create_connection(("127.0.0.1", s.port))
    c.settimeout(60)
    return c


@test
def a_client_whose_question_lies_unread_is_not_cut_off_and_one_that_says_nothing_is(_w):
    s = Server(WEBD, "1")
    s.get("/v1/jobs")
    # One after the other they wait for the table, and the only thread with them, until they are told to come again.
    lock, answers = Locked(s, "jobs"), []
    busy = [threading.Thread(target=lambda: answers.append(s.get("/v1/jobs").status)) for _ in range(4)]
    for one in busy:
        one.start()
    wait_until("the only thread waits for the database",
               lambda: s.sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'reeve-web'") == [["1"]])
    asks, silent = connect(s), connect(s)
    asks.sendall(b"GET /v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
    same(silent.recv(1), b"", "the one that says nothing")
    lock.end()
    for one in busy:
        one.join(60)
    assert len(answers) == 4 and set(answers) <= {200, 503}, answers
    has(asks.recv(4096).decode(), "HTTP/1.1 200 OK")
    asks.close()
    silent.close()
    same(s.stop(), 0)


if __name__ == "__main__":
    sys.exit(main())
