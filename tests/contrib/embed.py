#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""examples/embed.c on a real KVM: /dev/kvm on an arm64 machine, else the laboratory's.

usage: embed.py SALVAGE EMBED
"""

import os
import subprocess
import sys

UNAVAILABLE = 101


def main(salvage, embed):
    if not os.path.exists(embed):
        print(f"1..0 # SKIP {embed} is not built; make arm64 does it")
        return 0
    words = [embed]
    if os.uname().machine != "aarch64" or not os.access("/dev/kvm", os.R_OK | os.W_OK):
        words = [salvage, "lab", "--quiet", "--timeout=100", "--", embed]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode == UNAVAILABLE:
        print(f"1..0 # SKIP {done.stderr.strip()}")
        return 0
    good = (done.returncode, done.stdout, done.stderr) == (0, "printed by post-indexed stores\n", "")
    print(f"{'ok' if good else 'not ok'} 1 embed\n1..1")
    if not good:
        print("# " + repr(done))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
