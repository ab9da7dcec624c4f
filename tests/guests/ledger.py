#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a run in the laboratory leaves in the ledger of the host: every page once, the decision, nothing else beside it.

usage: ledger.py SALVAGE GUESTS-DIRECTORY
"""

import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from cases import at, sea

UNAVAILABLE, SKIPPED = 101, 77

# name of the VM, letter of tests/guests/sea.c, its --sea, more options, status, pages as GPA, inferred, source
RUNS = (
    ("exact", "a", sea("a"), [], 0, at("a", 0, 0, 0), False, "sea-data"),
    ("restarted", "b", sea("b"), ["--policy=sea:2=restart"], 104, at("b", 0, 0), False, "sea-data"),
    ("inferred", "f", sea("f", ",fnv"), [], 0, at("f", 0, 0, 0), True, "sea-data"),
    ("fetched", "i", sea("i", ",insn"), [], 0, at("i", 0, 0, 0), False, "sea-insn"),
    ("claimed", "c", sea("c", ",claimed"), [], 0, at("c", 0, 0, 0), False, "sigbus-ar"),
)


class Tap:
    def __init__(self):
        self.number, self.bad = 0, 0

    def line(self, good, what, *details):
        self.number += 1
        print(f"{'ok' if good else 'not ok'} {self.number} {what}", flush=True)
        if not good:
            self.bad = 1
            for line in "\n".join(map(str, details)).splitlines():
                print(f"# {line}")


def salvage(command, work, *words, stdin=""):
    return subprocess.run([command, *words], cwd=work, input=stdin, capture_output=True, check=False, text=True, errors="replace")


def listed(command, work, what, *words):
    done = salvage(command, work, "ledger", what, "--ledger=ledger", "--json", *words)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main(command, guests):
    tap = Tap()
    guest = os.path.join(guests, "sea.bin")
    with tempfile.TemporaryDirectory() as work:
        for name, letter, errors, options, status, pages, inferred, source in RUNS:
            done = salvage(command, work, "run", "--backend=lab", "--timeout=60", "--ledger=ledger", f"--vm={name}", *errors,
                           *options, guest, stdin=letter)
            if done.returncode == UNAVAILABLE:
                print(f"1..0 # SKIP {done.stderr.strip()}")
                return SKIPPED
            found = listed(command, work, "list", f"--vm={name}")
            tap.line(done.returncode == status, f"{name}: status {status}", done.returncode, done.stdout, done.stderr)
            tap.line(sorted(page["page"] for page in found) == pages and all(page["inferred"] == inferred and page["source"] == source and page["vm"] == name for page in found),
                     f"{name}: its pages", *found)
            rules = [sighting["rule"] for sighting in listed(command, work, "show", f"--vm={name}") if sighting.get("rule")]
            tap.line(rules == (["sea:2=restart"] if options else []), f"{name}: its decisions", rules)
        left = sorted(entry for entry in os.listdir(work) if entry not in ("ledger", "ledger-wal", "ledger-shm"))
        tap.line(not left, "no journal is left behind", left)
    print(f"1..{tap.number}")
    return tap.bad


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:])))
