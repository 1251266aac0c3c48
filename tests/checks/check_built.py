# SPDX-License-Identifier: Apache-2.0
"""What the compiler and linker made: core is pure, programs are hardened. Needs a build ($BUILD, default build)."""
import glob
import os
import re

from tree import TOP, Skip, command

BUILD = os.environ.get("BUILD", "build")
PROGRAMS = ("reeved", "reeve-connector", "reeve-worker", "reeve")
STATIC = ("reeve-worker",)

# What core may take from the C library: memory, strings, numbers, sorting. Nothing that knows the time or the world.
PURE = re.compile(r"mem(cpy|move|set|cmp|chr)|str(len|nlen|cmp|ncmp|chr|rchr|str|casecmp|dup|ndup|spn|cspn)|"
                  r"(v?snprintf)|(malloc|calloc|realloc|reallocarray|free|abort|qsort|qsort_r|bsearch)|"
                  r"(fmin|fmax|exp|exp2|log|log2|log1p|expm1|pow|sqrt|ceil|floor|round|lround|llround|fabs|isfinite|fmod)f?|"
                  r"__(mem|str|v?snprintf)\w*_chk|__stack_chk_fail|__assert_fail|_GLOBAL_OFFSET_TABLE_|"
                  r"__isoc99_sscanf")
IMPURE_OURS = re.compile(r"(clock|log|loop)_\w+")


def built(name):
    path = os.path.join(TOP, BUILD, name)
    if not os.path.exists(path):
        raise Skip(f"{BUILD}/{name} is not built")
    return path


def symbols(path, *options):
    return {line.split()[-1] for line in command("nm", *options, path).splitlines()
            if line.strip() and not line.endswith(":")}


def check_core_is_pure():
    """scheduler/core calls nothing that could make two runs differ."""
    core, common = built("obj/libcore.a"), built("obj/libcommon.a")
    ours = symbols(core, "--defined-only")
    shared = {s for s in symbols(common, "--defined-only") if not IMPURE_OURS.fullmatch(s)}
    wanted = symbols(core, "--undefined-only") - ours - shared
    return [f"libcore.a wants {symbol}" for symbol in sorted(wanted) if not PURE.fullmatch(symbol)]


def complaints_about(name):
    path = built(name)
    header = command("readelf", "-hlW", path)
    dynamic = command("readelf", "-dW", path)
    wrong = []
    if not re.search(r"Type:\s+DYN", header):
        wrong.append("is not position independent")
    if "GNU_RELRO" not in header:
        wrong.append("has no RELRO segment")
    if "BIND_NOW" not in dynamic and not re.search(r"Flags:.*NOW", dynamic):
        wrong.append("does not bind at start (-z now)")
    if re.search(r"\((RPATH|RUNPATH)\)", dynamic):
        wrong.append("has an RPATH")
    if "(TEXTREL)" in dynamic:
        wrong.append("has text relocations")
    stack = re.search(r"GNU_STACK\s+(?:0x\w+\s+){5}(\S+)", header)
    if not stack or "E" in stack.group(1):
        wrong.append("has an executable stack")
    if re.search(r"LOAD\s+(?:0x\w+\s+){5}RWE", header):
        wrong.append("has a segment that is writable and executable")
    if name in STATIC:
        if "INTERP" in header or "(NEEDED)" in dynamic:
            wrong.append("is not static")
    elif "__stack_chk_fail" not in command("nm", "-D", "--undefined-only", path):
        wrong.append("has no stack canaries")
    elif not re.search(r"__\w+_chk\b", command("nm", "-D", "--undefined-only", path).replace("__stack_chk_fail", "")):
        wrong.append("uses no fortified call")
    return [f"{BUILD}/{name} {what}" for what in wrong]


def check_programs_are_hardened():
    """every program is PIE, RELRO, bound at start, without executable stack or RPATH; the worker is static."""
    return [complaint for name in PROGRAMS for complaint in complaints_about(name)]


def check_objects_are_hardened():
    """every object of ours carries the CET note, and its functions with arrays their canaries."""
    objects = sorted(glob.glob(os.path.join(TOP, BUILD, "obj", "**", "*.o"), recursive=True))
    objects = [o for o in objects if not re.search(r"/obj/(tests/|migrations\.o|assets\.o)", o)]
    if not objects:
        raise Skip("nothing is built")
    complaints = []
    notes = command("readelf", "-nW", *objects)
    for part in notes.split("\nFile: ")[1:] or [notes]:
        path = part.splitlines()[0].replace("File: ", "")
        if not ("IBT" in part and "SHSTK" in part):
            complaints.append(f"{os.path.relpath(path, TOP)} has no CET note (-fcf-protection=full)")
    if not any("__stack_chk_fail" in command("nm", "-u", o) for o in objects if "/obj/worker/" in o):
        complaints.append(f"{BUILD}/obj/worker has no stack canaries")
    return complaints
