# SPDX-License-Identifier: Apache-2.0
"""What may stand in the committed files."""
import json
import os
import re
import shutil
import subprocess

from tree import PRODUCT, TOP, Skip, code_only, files, matches, read, read_bytes, sources

TOP_LEVEL = {".ci", ".clang-format", ".gitignore", "LICENSE", "Makefile", "README.md", "docs", "packaging", "scheduler",
             "sql", "tests", "web", "worker"}

# Calls that end in a shell, write without a bound, keep hidden state, or build SQL from strings.
BANNED = re.compile(r"\b(system|popen|strcpy|strcat|strncat|stpcpy|sprintf|vsprintf|gets|strtok|alloca|tmpnam|tempnam|"
                    r"mktemp|rand|srand|random|srandom|asctime|ctime|localtime|gmtime|inet_ntoa|gethostbyname|"
                    r"execlp|execvp|execvpe|PQescape\w*)\s*\(")

# Files whose licence stands elsewhere or that cannot hold a comment.
NO_LICENCE_LINE = re.compile(r"(LICENSE|\.gitignore|\.clang-format|.*\.(json|md|txt|svg|snap|conf|tsv|csv|yaml|yml|scd))$")

# In pieces, so that this file does not hold what it forbids.
MACHINE = re.compile("|".join([r"/work" + r"/(main|shared|\.library)", r"/var/tmp" + r"/fresh", "registry" + r"\.npmjs",
                               "artifact" + r"[-]?registry", r"pkg" + r"\.dev\b", r"npm" + r"\.pkg\.", "localhost" + ":4873"]))
MARKS = re.compile(r"\b(TO" + "DO|FIX" + "ME|XX" + r"X|HA" + r"CK)\b")


def check_top_level():
    """the top of the tree holds what was agreed and no more."""
    there = {path.split("/")[0] for path in files()}
    return ([f"{name}: not agreed" for name in sorted(there - TOP_LEVEL)]
            + [f"{name}: missing" for name in sorted(TOP_LEVEL - there)])


def check_no_binaries():
    """no binary file is committed."""
    return [path for path in files() if b"\0" in read_bytes(path)]


def check_banned_calls():
    """no call that reaches a shell, writes without a bound or keeps hidden state."""
    return [found for path in sources(*PRODUCT) for found in matches(BANNED, path, code_only(read(path)))]


def check_licence_lines():
    """every source file begins with its licence."""
    complaints = []
    for path in files():
        if NO_LICENCE_LINE.search(path) or not read_bytes(path):
            continue
        head = "\n".join(read(path).splitlines()[:3])
        if "SPDX-License-Identifier: Apache-2.0" not in head:
            complaints.append(f"{path}: no SPDX-License-Identifier line at its top")
    return complaints


def check_machine_paths():
    """no path of a developer's machine and no address of a package host."""
    return [found for path in files() for found in matches(MACHINE, path, read(path))]


def check_unfinished_marks():
    """no mark of unfinished work."""
    return [found for path in files() if path != "LICENSE" for found in matches(MARKS, path, read(path))]


def check_trailing_space():
    """no line ends in a space, every file ends with one newline."""
    complaints = []
    for path in files():
        text = read(path)
        complaints += [f.split(": ")[0] + ": space at the end" for f in matches(r"[ \t]+(?=\n)", path, text)]
        if text and not text.endswith("\n"):
            complaints.append(f"{path}: no newline at the end")
    return complaints


def check_lock_files():
    """lock files name no download address."""
    complaints = []
    for path in files():
        if os.path.basename(path) == "package-lock.json":
            for name, package in json.loads(read(path)).get("packages", {}).items():
                if "resolved" in package and not package.get("link"):
                    complaints.append(f"{path}: {name} has a \"resolved\" address")
    return complaints


def check_format():
    """every C file is as clang-format leaves it."""
    if not shutil.which("clang-format"):
        raise Skip("clang-format is not installed")
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", "--ferror-limit=1", *sources()], cwd=TOP,
                          capture_output=True, text=True)
    wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", done.stderr, re.MULTILINE)))
    return [f"{path}: run clang-format -i on it" for path in wrong]


def check_shell():
    """every shell script parses."""
    complaints = []
    for path in files():
        first = read_bytes(path).split(b"\n", 1)[0]
        for shell in (b"bash", b"sh"):
            if re.match(rb"#!\s*/(usr/)?bin/(env )?" + shell + rb"\b", first):
                done = subprocess.run([shell.decode(), "-n", path], cwd=TOP, capture_output=True, text=True)
                complaints += done.stderr.splitlines()
    return complaints
