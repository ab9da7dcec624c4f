#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The core as scripts/vendor.py hands it out: exactly those files, compiled one by one, make a program that works.

usage: vendor.py ROOT COMPILER...
"""

import os
import shutil
import subprocess
import sys
import tempfile

ROOT, COMPILERS = os.path.abspath(sys.argv[1]), list(dict.fromkeys(sys.argv[2:]))
VENDOR = os.path.join(ROOT, "scripts", "vendor.py")
PAGE = os.path.join(ROOT, "docs", "howto", "vendoring.md")
FLAGS = ["-std=c11", "-ffreestanding", "-fno-stack-protector", "-Wall", "-Werror", "-Iinclude", "-c"]
PRINTED = """read of 8 bytes at 0x0a000000
read of 8 bytes at 0x0a000008
x1 101010101010101 x2 909090909090909 x0 a000010 pc 40000004: completed
"""

failures = number = 0


def check(name, condition, *shown):
    global failures, number
    number += 1
    failures += not condition
    print(f"{'ok' if condition else 'not ok'} {number} {name}")
    if not condition:
        for each in shown:
            print("\n".join("# " + line for line in str(each).splitlines()))


def run(words, where):
    return subprocess.run(words, cwd=where, capture_output=True, text=True, check=False)


def build(compiler, directory, names):
    """Compiles the files named and links examples/core.c with them."""
    objects = []
    for name in names:
        objects.append(name.replace("/", "_") + ".o")
        done = run([compiler, *FLAGS, name, "-o", objects[-1]], directory)
        if done.returncode:
            return done
    example = os.path.join(ROOT, "examples", "core.c")
    return run([compiler, "-static", "-Iinclude", example, *objects, "-o", "core"], directory)


def main():
    with tempfile.TemporaryDirectory() as directory:
        done = run([VENDOR, directory], "/")
        check("the directory is written", done.returncode == 0, done.stderr)
        with open(os.path.join(directory, "core.list"), encoding="ascii") as file:
            names = file.read().split()
        there = sorted(os.path.relpath(os.path.join(top, name), directory) for top, _, files in os.walk(directory)
                       for name in files)
        check("the list names every C file", sorted(name for name in there if name.endswith(".c")) == names, there, names)
        # Nothing that is there is superfluous: without a header something no longer compiles.
        included = run(["cc", "-MM", "-ffreestanding", "-Iinclude", *names], directory)
        used = {os.path.normpath(word) for word in included.stdout.replace("\\\n", " ").split() if word.endswith(".h")}
        check("every header is included", {name for name in there if name.endswith(".h")} == used, included.stderr,
              sorted({name for name in there if name.endswith(".h")} ^ used))
        for compiler in COMPILERS:
            done = build(compiler, directory, names)
            check(f"{compiler} takes the files", done.returncode == 0, done.stderr)
            if "aarch64" not in compiler or os.uname().machine == "aarch64":
                done = run(["./core"], directory)
                check(f"what {compiler} made of them works", (done.returncode, done.stdout) == (0, PRINTED), done)
        done = build(COMPILERS[0], directory, [name for name in names if name != "src/space/space.c"])
        check("without one of them it does not link", done.returncode != 0 and "sv_space_init" in done.stderr, done.stderr)
    done = run([VENDOR, "--check", PAGE], "/")
    check("docs/howto/vendoring.md lists them", done.returncode == 0, done.stderr)
    with tempfile.TemporaryDirectory() as directory:
        copy = os.path.join(directory, "page.md")
        shutil.copyfile(PAGE, copy)
        with open(copy, encoding="utf-8") as file:
            text = file.read()
        with open(copy, "w", encoding="utf-8") as file:
            file.write(text.replace(" status.c |", " stolen.c |"))
        stale, updated = run([VENDOR, "--check", copy], "/"), run([VENDOR, "--update", copy], "/")
        with open(copy, encoding="utf-8") as file:
            check("a stale list is seen and made anew", stale.returncode == 1 and updated.returncode == 0 and
                  file.read() == text, stale, updated)
    for words in ([], ["--lost"], ["a", "b"]):
        done = run([VENDOR, *words], "/")
        check(f"usage {words}", done.returncode == 100 and done.stderr.startswith("The freestanding core"), done)
    print(f"1..{number}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
