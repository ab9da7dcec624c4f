#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Synchronous external aborts in the laboratory: what KVM makes of them, and "salvage run --sea".

Skipped where QEMU or a kernel cannot be had.

usage: sea.py PROBE SALVAGE
"""

import os
import struct
import subprocess
import sys
import tempfile

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
    return subprocess.run([command, *words], stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True,
                          errors="replace")


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


# One load from 0x40010000, so near the code that one huge page would hold both, then the end with status 0.
GUEST = (
    0xD2A80020,     # mov x0, #0x40010000
    0xF9400401,     # ldr x1, [x0, #8]
    0xD2A14022,     # mov x2, #0x0a010000: the exit register
    0xB900005F,     # str wzr, [x2]
    0x14000000,     # b .
)
# --sea of the reference VMM: the options, the status, what the last line on standard error says. This guest has no vectors, so
# that it is stopped; without the capability it is not told either, and meets an SError, masked.
RUNS = (
    (["--sea=0x40010fff,times=2"], 103, "salvage: --sea=0x40010000: 1 of 2 aborts came about; ", "no vectors to take an abort with"),
    (["--sea=0x40010000,insn"], 0, "salvage: --sea=0x40010000: 0 of 1 aborts came about; no other instruction fetch ", ""),
    (["--sea=0x40010000", "--no-salvage"], 0, "", ""),
)


def reference(tap, command):
    with tempfile.TemporaryDirectory() as work:
        guest = os.path.join(work, "guest")
        with open(guest, "wb") as file:
            file.write(struct.pack(f"<{len(GUEST)}I", *GUEST))
        for options, status, last, says in RUNS:
            done = salvage(command, "run", "--backend=lab", "--mem=16M", "--timeout=60", *options, guest)
            lines = [row for row in done.stderr.splitlines() if "booting the laboratory" not in row]
            good = done.returncode == status and (lines[-1].startswith(last) if last else not lines) and says in done.stderr
            tap.line(good, " ".join(options), f"status {done.returncode}, not {status}", done.stderr)


def main(program, command):
    tap = Tap()
    probe(tap, command, program)
    without(tap, command, program)
    reference(tap, command)
    print(f"1..{tap.number}")
    return tap.bad


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:])))
