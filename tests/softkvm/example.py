#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the example, and reads that it is one: of some ten lines, with nothing but what is installed.

usage: example.py PROGRAM SOURCE
"""
import re
import subprocess
import sys


def main(program, source):
    print("1..2")
    done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60)
    good = done.returncode == 0 and done.stdout == "a store that the CPU does not describe, at 0x9000000\n"
    print(f"{'ok' if good else 'not ok'} 1 the example runs")
    if not good:
        print(f"# status {done.returncode}: {done.stdout!r}")
    with open(source, encoding="utf-8") as file:
        included = set(re.findall(r'#include [<"](.*)[>"]', file.read()))
    public = included <= {"assert.h", "stdio.h", "salvage/softkvm.h", "salvage/uapi.h"}
    print(f"{'ok' if public else 'not ok'} 2 it includes what is installed: {sorted(included)}")
    return 0 if good and public else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
