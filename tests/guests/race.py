#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Many rounds of the guest that races with itself, in the laboratory, with a tally of how its aborts ended.

usage: race.py SALVAGE ARM64-SALVAGE GUESTS-DIRECTORY [ROUNDS [COUNT]]
"""

import os
import subprocess
import sys


def main(command, arm64, guests, rounds="60", count="40000"):
    tally, guest = os.path.join(guests, "tally"), os.path.join(guests, "race.bin")
    words = [command, "lab", "--quiet", "--smp=2", f"--file={arm64}:/opt/salvage", f"--file={tally}", f"--file={guest}",
             "--", tally, rounds, count, "/opt/salvage", "run", "--backend=kvm", "--events=-", "--no-mmio-events", "--smp=3", guest]
    return subprocess.run(words, check=False, stderr=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:4]), *sys.argv[4:]))
