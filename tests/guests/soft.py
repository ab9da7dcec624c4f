#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the test guests with --backend=soft, on any host. One line a case, as TAP.

usage: soft.py SALVAGE GUESTS-DIRECTORY [NAME...]
"""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True    # the source tree stays as it is
from cases import CASES
from run import SKIPPED, has_kvm, problems

# What the model does not have, by case. The guests that find that by themselves (may_skip) are not listed.
LACKS = {
    "aarch32": "AArch32 state",
    "aarch32-elf": "AArch32 state",
}
# Under sanitizers the guests that work longest.
TIMEOUT = 120


def run(salvage, guests, case):
    """As run.problems wants it: (status, stdout, stderr, events)."""
    options = [option.replace("{guests}", guests) for option in case.options]
    with tempfile.TemporaryDirectory() as work:
        events = os.path.join(work, "events")
        words = [salvage, "run", "--backend=soft", f"--events={events}", f"--timeout={TIMEOUT}", *options,
                 os.path.join(guests, case.guest)]
        done = subprocess.run(words, cwd=work, input=case.stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              errors="replace", check=False, timeout=2 * TIMEOUT)
        with open(events, encoding="utf-8") if os.path.exists(events) else open(os.devnull, encoding="utf-8") as file:
            return done.returncode, done.stdout, done.stderr, file.read()


def auto(salvage, guests, number):
    """Without --backend, where there is no arm64 KVM."""
    if has_kvm():
        print(f"ok {number} auto # SKIP this host has a KVM")
        return True
    done = subprocess.run([os.path.abspath(salvage), "run", os.path.join(guests, "pairs.bin")], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=TIMEOUT)
    good = done.returncode == 0 and done.stdout == "pairs: done\n" and "this host has no arm64 KVM: backend soft" in done.stderr
    print(f"{'ok' if good else 'not ok'} {number} auto")
    if not good:
        print(f"# status {done.returncode}: {done.stdout!r} {done.stderr!r}")
    return good


def main(salvage, guests, *names):
    cases = [case for case in CASES if not names or case.name in names]
    guests, failed = os.path.abspath(guests), False
    print(f"1..{len(cases) + (not names)}", flush=True)
    for number, case in enumerate(cases, 1):
        if case.name in LACKS:
            print(f"ok {number} {case.name} # SKIP the model has no {LACKS[case.name]}", flush=True)
            continue
        outcome = run(os.path.abspath(salvage), guests, case)
        if outcome[0] == SKIPPED and case.may_skip:
            print(f"ok {number} {case.name} # SKIP {outcome[1].strip().splitlines()[-1]}", flush=True)
            continue
        wrong = list(problems(case, outcome))
        print(f"{'not ok' if wrong else 'ok'} {number} {case.name}", flush=True)
        for line in wrong + (outcome[1] + outcome[2]).splitlines() if wrong else []:
            print(f"# {line}")
        failed = failed or bool(wrong)
    if not names:
        failed = not auto(salvage, guests, len(cases) + 1) or failed
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
