#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Instructions that the shim adds to a KVM_RUN whose exit is none of salvage's, counted by callgrind.

usage: shim-cost.py PROGRAM

PROGRAM is build/bench/shim-cost. A count, so it does not wobble; of this machine's instruction set.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile


def instructions(valgrind, program, function):
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run([valgrind, "--tool=callgrind", f"--toggle-collect={function}", "--collect-atstart=no",
                               f"--callgrind-out-file={os.path.join(directory, 'out')}", program],
                              capture_output=True, text=True, check=False)
    count = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not count:
        sys.exit(f"salvage: shim-cost: {done.stderr.strip()}")
    return int(count[1]), int(done.stdout)


def main(program):
    valgrind = shutil.which("valgrind")
    if not valgrind:
        sys.exit("salvage: shim-cost: valgrind is not installed; apt-get install valgrind")
    through, exits = instructions(valgrind, program, "exits")
    direct, _ = instructions(valgrind, program, "direct")
    print(f"a KVM_RUN through the shim: {through / exits:.1f} instructions; without: {direct / exits:.1f}; "
          f"the shim's own: {(through - direct) / exits:.1f}")


if __name__ == "__main__":
    main(sys.argv[1])
