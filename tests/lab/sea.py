#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Synchronous external aborts in the laboratory: what KVM makes of them, and "salvage run --sea". Skipped without QEMU or a kernel.

usage: sea.py PROBE SALVAGE [GUEST]
"""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
UNAVAILABLE = 101


class Tap:
    def __init__(self):
        self.number, self.bad = 0, False

    def line(self, good, name, *comments):
        self.number += 1
        self.bad |= not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {name}")
        for text in () if good else comments:
            for row in text.splitlines():
                print(f"# {row}")


def salvage(command, *words):
    return subprocess.run([command, *words], stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True, errors="replace")


def probe(tap, command, program):
    """The probe's own lines, and that it ended as it should."""
    done = salvage(command, "lab", "--quiet", "--sea", "--timeout=300", "--", program)
    if done.returncode == UNAVAILABLE:
        print(f"1..0 # SKIP {done.stderr.strip()}")
        sys.exit(0)
    lines = done.stdout.splitlines()
    for row in lines:
        word, _, name = row.partition(" - ")
        if word.startswith(("ok ", "not ok ")):
            tap.line(word.startswith("ok "), name)
        elif row.startswith("#"):
            print(row)
    tap.line(done.returncode == 0 and lines and lines[-1] == f"1..{tap.number}", "the probe ends well", *lines[-5:], done.stderr)


def without(tap, command, program):
    """The port is there only when asked for."""
    done = salvage(command, "lab", "--quiet", "--timeout=300", "--", program)
    good = done.returncode == 1 and "Bail out! /dev/virtio-ports/salvage.sea: No such file" in done.stdout
    tap.line(good, "no port without --sea", done.stdout, done.stderr)


def main(program, command):
    tap = Tap()
    probe(tap, command, program)
    without(tap, command, program)
    print(f"1..{tap.number}")
    return tap.bad


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:])))
