# SPDX-License-Identifier: Apache-2.0
"""A program at a terminal: a pseudo-terminal of a size, what it shows, keys that are typed, and whether it is sane afterwards."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unicodedata

ESCAPE = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[=>()][A-Z0-9]?|[@-_])")
PATIENCE = 60


def columns(text):
    """How wide a line of plain text is."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def plain(text):
    """Without escape sequences."""
    return ESCAPE.sub("", text)


class Terminal:
    """Start words at a terminal; `with` ends what is left of it."""

    def __init__(self, words, env, width=80, height=24):
        self.text = ""
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], list(words), {k: v for k, v in env.items() if k not in ("COLUMNS", "LINES")})
        self.resize(width, height)
        self.before = termios.tcgetattr(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *_what):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def resize(self, width, height):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def pump(self, seconds):
        """Read what comes within this time; False at the end."""
        ready, _w, _x = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.text += data.decode(errors="replace")
        return bool(data)

    def expect(self, what, seconds=PATIENCE, since=0):
        """Wait until the text (without escapes) holds what, a string or a pattern; returns how far the text has come."""
        end = time.monotonic() + seconds
        while True:
            shown = plain(self.text[since:])
            if what.search(shown) if hasattr(what, "search") else what in shown:
                return len(self.text)
            if time.monotonic() > end or not self.pump(0.2):
                raise AssertionError(f"no {what!r} within {seconds} s in:\n{self.text[-3000:]!r}")

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def end(self, seconds=PATIENCE):
        """Wait for the end: the exit code, or minus the signal."""
        end = time.monotonic() + seconds
        open_ = True
        while time.monotonic() < end:
            if open_:
                open_ = self.pump(0.2)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                while open_ and self.pump(0):
                    if not select.select([self.fd], [], [], 0)[0]:
                        break
                self.status = os.waitstatus_to_exitcode(status)
                return self.status
            if not open_:
                time.sleep(0.05)
        raise AssertionError(f"it did not end within {seconds} s:\n{self.text[-3000:]!r}")

    def check_sane(self, settings=True):
        """Echo, lines (unless a shell that has its own goes on) and cursor are back, and the first screen is shown."""
        now = termios.tcgetattr(self.fd)
        if settings and now[:4] != self.before[:4]:
            raise AssertionError(f"the terminal's settings are {now[:4]}, they were {self.before[:4]}")
        for on, off, what in (("\x1b[?1049h", "\x1b[?1049l", "second screen"), ("\x1b[?25l", "\x1b[?25h", "hidden cursor")):
            if self.text.rfind(on) > self.text.rfind(off):
                raise AssertionError(f"the {what} was left on")
        colours = re.findall(r"\x1b\[([0-9;]*)m", self.text)
        if colours and colours[-1] not in ("", "0"):
            raise AssertionError("a colour was left on")
