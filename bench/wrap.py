#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What salvage wrap adds to an exit that is none of its business: plain stores to a device of the distribution's QEMU.

usage: wrap.py [--time] [--pairs=N] [--wrap=LIBRARY] SALVAGE ARM64-SALVAGE GUESTS-DIRECTORY

All runs are made in one boot of the laboratory, with and without by turns, and each goes first by turns. A guest measures
20000 stores of its own. The laboratory's clock counts instructions, of guest, kernel and VMM together, whatever else this
machine does; with --time it is a clock, and exits a second are printed. Without LIBRARY both are QEMU as it is, which shows how
far two equal runs lie apart.
"""

import os
import re
import statistics
import sys
import tempfile

sys.dont_write_bytecode = True    # the source tree stays as it is
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "wrap"))
# pylint: disable=wrong-import-position
import run

MEASURED = re.compile(r"exits: (\d+) ticks of (\d+) for (\d+)\n.*status 0\n", re.S)
# Each emulated instruction is a nanosecond of the laboratory's time, and waiting takes none.
COUNTING = """\
#!/bin/sh
exec "${SALVAGE_QEMU:-qemu-system-aarch64}" "$@" -icount shift=0,sleep=off
"""


class Turn:
    """One run of the guest, as run.run_all wants it."""

    def __init__(self, key, case, wrapped):
        self.key, self.run, self.skipped = key, run.Run(case, wrapped), None

    def line(self, qemu):
        _, _, rest = self.run.line(qemu).partition("\t")
        return f"{self.key}\t{rest}"


def nanoseconds(turn, outcome):
    """Of one exit."""
    match = outcome and MEASURED.search(outcome[2])
    if not match:
        sys.exit(f"salvage: wrap: {turn.key} measured nothing: {outcome and outcome[2] + outcome[3]}")
    ticks, frequency, exits = map(int, match.groups())
    return ticks * 1e9 / frequency / exits


def make_turns(cases, pairs, wrapped):
    case = cases.guest("exits", seconds=120)
    # The first one finds a machine that is still settling.
    turns = [Turn("settle", case, False)]
    for number in range(pairs):
        pair = [Turn(f"{number}-first", case, False), Turn(f"{number}-second", case, wrapped)]
        turns += pair if number % 2 else reversed(pair)
    return turns


def measure(paths, cases, turns, library, counted):
    """{key: nanoseconds of an exit}"""
    with tempfile.TemporaryDirectory() as work:
        program = os.path.join(work, "counting")
        with open(program, "w", encoding="ascii") as file:
            file.write(COUNTING)
        os.chmod(program, 0o755)
        # Counting is one thread's work, and another CPU's instructions would count as well.
        machine = [f"--qemu={program}", "--smp=1"] if counted else []
        outcomes = run.run_all(*paths, turns, library, cases.QEMU, [f"--package={run.PACKAGE}", *machine])
    return {turn.key: nanoseconds(turn, outcomes.get(turn.key)) for turn in turns}


def main(arguments):
    pairs, library, counted = 5, None, True
    while arguments and arguments[0].startswith("--"):
        name, _, value = arguments.pop(0).partition("=")
        if name == "--time":
            counted = False
        elif name == "--pairs":
            pairs = int(value)
        elif name == "--wrap":
            library = os.path.abspath(value)
        else:
            sys.exit(__doc__)
    cases = run.load("cases")
    try:
        times = measure(list(map(os.path.abspath, arguments[:3])), cases, make_turns(cases, pairs, bool(library)), library, counted)
    except run.Unavailable as error:
        sys.exit(f"salvage: wrap: {error}")
    unit, shown = ("instructions an exit", lambda t: t) if counted else ("exits a second", lambda t: 1e9 / t)
    ratios = []
    print(f"{unit}\n{'pair':<6}{'as it is':>12}{'wrapped' if library else 'as it is':>12}{'cost':>9}")
    for number in range(pairs):
        one, two = times[f"{number}-first"], times[f"{number}-second"]
        ratios.append(two / one)
        print(f"{number + 1:<6}{shown(one):>12.0f}{shown(two):>12.0f}{two / one:>9.4f}")
    print(f"median {statistics.median(ratios):.4f}, from {min(ratios):.4f} to {max(ratios):.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
