#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the comparison of both roads of injection on a real KVM: /dev/kvm on an arm64 machine, else the laboratory.

usage: roads.py SALVAGE ROADS [OPTION OF SALVAGE LAB...]

With an option it is the laboratory in any case: the machine at hand is what it is.
"""

import os
import subprocess
import sys

UNAVAILABLE = 101


def skip(why):
    print(f"1..0 # SKIP {why}")
    return 0


def main(salvage, roads, *options):
    if not os.path.exists(roads):
        return skip(f"{roads} is not built; make arm64 does it")
    if not options and os.uname().machine == "aarch64" and os.access("/dev/kvm", os.R_OK | os.W_OK):
        return subprocess.run([roads], check=False).returncode
    words = [salvage, "lab", "--quiet", "--timeout=240", *options, "--", roads]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          text=True, errors="replace")
    if done.returncode == UNAVAILABLE:
        return skip(done.stderr.strip().replace("\n", "; "))
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
