# SPDX-License-Identifier: Apache-2.0
"""Which part may include what. A floor includes only from floors below; a library has one home."""
import os
import re

from tree import PRODUCT, read, sources

# Folder: its own folders it may include from besides itself.
MAY_INCLUDE = {
    "scheduler/common": (),
    "worker": ("scheduler/common",),
    "scheduler/script": ("scheduler/common",),
    "scheduler/cli": ("scheduler/common", "scheduler/script"),
    "scheduler/connector": ("scheduler/common",),
    "scheduler/core": ("scheduler/common",),
    "scheduler/remote": ("scheduler/common", "scheduler/core"),
    "scheduler/store": ("scheduler/common", "scheduler/core"),
    "scheduler/sim": ("scheduler/common", "scheduler/core"),
    # The web shares the database with the engine and nothing else: not scheduler/remote.
    "web": ("scheduler/common", "scheduler/core", "scheduler/script", "scheduler/store"),
    "scheduler/daemon": ("scheduler/common", "scheduler/core", "scheduler/store", "scheduler/remote", "web"),
}
# Library header (as a pattern): the only folders that may include it.
HOMES = {
    r"libpq-fe\.h|libpq/.*|postgres.*": ("scheduler/store",),
    r"microhttpd\.h": ("web",),
    r"libssh2.*": ("scheduler/connector",),
    r"seccomp\.h": ("scheduler/connector",),
    r"curl/.*": ("scheduler/cli", "web"),
    r"libsmartcols/.*": ("scheduler/cli",),
    r"uv\.h": ("scheduler/remote", "scheduler/daemon"),
    r"jansson\.h": ("web", "scheduler/script", "scheduler/cli", "scheduler/daemon", "scheduler/sim"),
    r"zlib\.h|expat\.h": ("scheduler/sim",),
}
# Headers that would let a decision depend on more than its model.
IMPURE = re.compile(r"time\.h|sys/.*|unistd\.h|pthread\.h|fcntl\.h|signal\.h|poll\.h|net.*|arpa/.*|sodium.*|"
                    r"common/(log|loop)\.h")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)


def folder_of(path):
    for folder in MAY_INCLUDE:
        if path.startswith(folder + "/"):
            return folder
    return None


def resolve(path, name):
    """The file of ours that an include names, or None for a system header."""
    for base in (os.path.dirname(path), "scheduler", "."):
        candidate = os.path.normpath(os.path.join(base, name))
        if folder_of(candidate):
            return candidate
    return None


def each_include():
    for path in sources(*PRODUCT):
        text = read(path)
        for match in INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield path, line, match.group(2)


def check_floors():
    """a file includes only from floors below its own."""
    complaints = []
    for path, line, name in each_include():
        mine = folder_of(path)
        if mine is None:
            complaints.append(f"{path}: belongs to no floor of docs/architecture.md")
            continue
        target = resolve(path, name)
        theirs = target and folder_of(target)
        if theirs and theirs != mine and theirs not in MAY_INCLUDE[mine]:
            complaints.append(f"{path}:{line}: {mine} may not include {target}")
    return complaints


def check_library_homes():
    """a library is included from its one home only."""
    complaints = []
    for path, line, name in each_include():
        for pattern, homes in HOMES.items():
            if re.fullmatch(pattern, name) and folder_of(path) not in homes:
                complaints.append(f"{path}:{line}: <{name}> belongs to {', '.join(homes)}")
    return complaints


def check_core_includes():
    """scheduler/core includes nothing that reads a clock, does I/O, logs or starts threads."""
    return [f"{path}:{line}: <{name}>" for path, line, name in each_include()
            if folder_of(path) == "scheduler/core" and IMPURE.fullmatch(name)]
