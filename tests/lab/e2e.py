#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The laboratory from end to end: needs QEMU and a kernel. Skipped, with the reason, where one cannot be had.

usage: e2e.py GUEST SALVAGE [PART OF A TEST'S NAME...]
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "lab"))

# pylint: disable=wrong-import-position
import tap
import test_guest

if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    test_guest.GUEST, test_guest.SALVAGE = map(os.path.abspath, sys.argv[1:3])
    del sys.argv[1:3]
    reason = test_guest.cannot_run()
    if reason:
        print(f"1..0 # SKIP {reason}")
    else:
        tap.main(test_guest)
