#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""link.py WEBD [NAME...] - connections: who is cut off, and who is not."""
import os
import socket
import subprocess
import sys
import threading

from harness import WEBD, has, main, refused, same, test
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


@test
def a_client_that_ends_with_its_last_bytes_is_noticed(_w):
    s = Server(WEBD, "1")
    ask = b"GET /v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n"
    clients = [connect(s) for _ in range(60)]
    # Long before they would count as idle. Whether the end is seen by itself depends on what arrives together.
    for i, c in enumerate(clients):
        c.settimeout(30)
        c.sendall(ask if i % 2 else ask[:-1 - i // 2 % 20])
        c.shutdown(socket.SHUT_WR)
    for i, c in enumerate(clients):
        got = b""
        while more := c.recv(4096):
            got += more
        same(got.startswith(b"HTTP/1.1 200 OK"), bool(i % 2), i)
        c.close()
    same(s.stop(), 0)


@test
def who_asks_too_often_is_told_how_much_is_left_and_when_there_is_more(w):
    os.environ["WEBD_REQUEST_RATE"] = "2"
    try:
        s = Server(WEBD)
    finally:
        del os.environ["WEBD_REQUEST_RATE"]
    first = s.get("/v1/me")
    same((first.headers["RateLimit-Policy"], first.headers["RateLimit"]), ('"user";q=20;w=10', '"user";r=19;t=0'))
    replies = [s.get("/v1/me") for _ in range(40)]
    refused(next(r for r in replies if r.status != 200), 429, "limit")
    late = [r for r in replies if r.status == 429][-1]
    same((late.headers["Retry-After"], late.headers["RateLimit"]), ("1", '"user";r=0;t=1'))
    other = s.get("/v1/version", token=None)
    same((other.status, other.headers["RateLimit"]), (200, None))
    wait_until("there is more", lambda: s.get("/v1/me").status == 200)
    same(s.stop(), 0)
    same(w.s.get("/v1/me").headers["RateLimit-Policy"], '"user";q=20000;w=10')


if __name__ == "__main__":
    sys.exit(main())
