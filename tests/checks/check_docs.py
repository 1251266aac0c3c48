# SPDX-License-Identifier: Apache-2.0
"""Documents: pages that programs print are current, manual pages are clean, links lead somewhere. Needs a build."""
import glob
import os
import re
import subprocess

from tree import TOP, Skip, command, files, matches, read

BUILD = os.environ.get("BUILD", "build")
GENERATED = {"docs/states.md": "--print-states-md", "docs/configuration.md": "--print-config-md"}


def check_generated_pages():
    """pages that reeved prints are committed as it prints them."""
    reeved = os.path.join(TOP, BUILD, "reeved")
    if not os.path.exists(reeved):
        raise Skip(f"{BUILD}/reeved is not built")
    complaints = []
    for path, option in GENERATED.items():
        if path not in files():
            complaints.append(f"{path}: missing; make it with {BUILD}/reeved {option} > {path}")
        elif command(reeved, option) != read(path):
            complaints.append(f"{path}: stale; make it with {BUILD}/reeved {option} > {path}")
    return complaints


def check_manual_pages():
    """manual pages pass mandoc's lint."""
    pages = sorted(glob.glob(os.path.join(TOP, BUILD, "man", "**", "*.[0-9]"), recursive=True))
    if not pages:
        raise Skip(f"no manual page in {BUILD}/man")
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "error", *pages], capture_output=True, text=True)
    return done.stdout.splitlines()


def check_links():
    """links between documents lead to files."""
    complaints = []
    for path in files():
        if not path.endswith(".md"):
            continue
        for found in matches(r"\]\((?!https?:|mailto:|#)[^)\s]+\)", path, read(path)):
            place, target = found.split(": ](", 1)
            target = target.rstrip(")").split("#")[0]
            if not os.path.exists(os.path.join(TOP, os.path.dirname(path), target)):
                complaints.append(f"{place}: leads to {target}, which does not exist")
    return complaints


def check_commands_in_readme():
    """every make target that README.md names exists."""
    targets = set(re.findall(r"`?make ([a-z][a-z-]*)", read("README.md")) if "README.md" in files() else ())
    # Prints make's own tables; its exit code says whether anything is out of date, which is not asked here.
    known = subprocess.run(["make", "-pnq", "--no-print-directory", ".SUFFIXES"], cwd=TOP, capture_output=True,
                           text=True).stdout if targets else ""
    return [f"README.md: no target {t}" for t in sorted(targets)
            if not re.search(rf"^{re.escape(t)}:", known, re.MULTILINE)]


def check_words_of_the_tutorial():
    """what the tutorial says that the page says stands in the page's words."""
    page = "\n".join(read(path) for path in files() if path.startswith("web/ui/src/") and path.endswith(".ts"))
    words = re.findall(r"\*\*([^*\n]+)\*\*", read("docs/tutorial.md"))
    return [f"docs/tutorial.md: the page nowhere says \"{word}\"" for word in words if word != "bold" and f'"{word}"' not in page]
