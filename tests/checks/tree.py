# SPDX-License-Identifier: Apache-2.0
"""The files of the project, for the checks beside it."""
import functools
import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Skip(Exception):
    """This check cannot be made here; the text says why."""


def command(*arguments):
    """Standard output of a command run at the top of the tree; an error when it fails."""
    return subprocess.run(arguments, cwd=TOP, check=True, capture_output=True, text=True).stdout


@functools.lru_cache(maxsize=None)
def files():
    """Paths of all committed files that are there, relative to the top."""
    listed = command("git", "-c", "safe.directory=*", "ls-files", "-z").split("\0")
    return [path for path in listed if path and os.path.exists(os.path.join(TOP, path))]


@functools.lru_cache(maxsize=None)
def read_bytes(path):
    with open(os.path.join(TOP, path), "rb") as file:
        return file.read()


def read(path):
    return read_bytes(path).decode("utf-8", "replace")


def sources(*folders, endings=(".c", ".h")):
    """Files below the folders (all when none is named) with one of the endings."""
    return [p for p in files()
            if p.endswith(endings) and (not folders or any(p.startswith(f + "/") for f in folders))]


PRODUCT = ("scheduler", "web", "worker")

_C_TOKENS = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)


def code_only(text):
    """C without comments and without what stands in quotes; lines keep their numbers."""
    def blank(match):
        token = match.group(0)
        return '""' if token[0] in "\"'" else "\n" * token.count("\n") or " "
    return _C_TOKENS.sub(blank, text)


def matches(pattern, path, text):
    """Complaints "path:line: matched text" for each match of the pattern."""
    found = []
    for match in re.finditer(pattern, text):
        line = text.count("\n", 0, match.start()) + 1
        found.append(f"{path}:{line}: {match.group(0).strip()}")
    return found
