#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the test guests on a real KVM: /dev/kvm on an arm64 machine, else one boot of the laboratory. One line a case, as TAP.

usage: run.py SALVAGE ARM64-SALVAGE GUESTS-DIRECTORY [NAME...]
"""

import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True    # the source tree stays as it is
from cases import CASES

REQUIRED = {
    None: ("v", "seq", "t", "vm", "vcpu", "event"),
    "mmio": ("dir", "ipa", "size", "value", "device"),
    "abort": ("cause", "pc", "isa", "insn", "text", "ipa", "gva", "esr", "accesses", "verdict", "rule"),
    "poison": ("source", "gpa", "gva", "inferred", "distinct", "count", "verdict", "abort"),
    "exit": ("status", "reason", "dropped"),
}
UNAVAILABLE = 101
SKIPPED = 77


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(SKIPPED)


def case_lines(cases, salvage, guests):
    for case in cases:
        options = [option.replace("{guests}", guests) for option in case.options]
        words = [salvage, "run", "--backend=kvm", "EVENTS", "--timeout=60"] + options
        words.append(os.path.join(guests, case.guest))
        yield "\t".join([case.name, case.stdin] + words) + "\n"


class Unavailable(Exception):
    """No KVM to run anything on; the text says why."""


def has_kvm():
    return os.uname().machine == "aarch64" and os.access("/dev/kvm", os.R_OK | os.W_OK)


def run_all(command, arm64, guests, cases, *lab):
    """The result file's bytes, or None and why not. lab: more options of the laboratory."""
    driver = os.path.join(guests, "driver")
    with tempfile.TemporaryDirectory() as work:
        listing, result = os.path.join(work, "list"), os.path.join(work, "result")
        here = has_kvm()
        named = [option.split("{guests}")[1] for case in cases for option in case.options if "{guests}" in option]
        files = sorted({os.path.join(guests, case.guest) for case in cases} | {guests + name for name in named})
        inner = arm64 if here else "/opt/salvage"
        with open(listing, "w", encoding="utf-8") as out:
            out.writelines(case_lines(cases, inner, guests))
        if here:
            words = [driver, listing, result]
        else:
            words = [command, "lab", "--quiet", "--sea", "--smp=2", *lab, f"--file={arm64}:/opt/salvage", f"--file={listing}"]
            words += [f"--file={name}" for name in files]
            words += [f"--output=/run/result:{result}", "--timeout=900", "--", driver, listing, "/run/result"]
        done = subprocess.run(words, cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False, errors="replace")
        if done.returncode == UNAVAILABLE:
            raise Unavailable(done.stderr.strip().replace("\n", "; "))
        if done.returncode:
            return None, f"status {done.returncode}: {done.stdout}{done.stderr}"
        with open(result, "rb") as file:
            return file.read(), None


def split(data):
    """{name: (status, stdout, stderr, events as text)}"""
    outcomes, at = {}, 0
    while at < len(data):
        end = data.index(b"\n", at)
        name, status, *sizes = data[at:end].decode().split(" ")
        at, parts = end + 1, []
        for size in map(int, sizes):
            parts.append(data[at:at + size].decode("utf-8", "replace"))
            at += size
        outcomes[name] = (int(status), *parts)
    return outcomes


def read_events(text):
    """The events; raises ValueError for what is not as promised."""
    events = []
    if text and not text.endswith("\n"):
        raise ValueError("the last event line is not complete")
    for number, line in enumerate(text.splitlines()):
        event = json.loads(line)
        for field in REQUIRED[None] + REQUIRED.get(event.get("event"), ()):
            if field not in event:
                raise ValueError(f"event {number} has no {field}")
        if event["v"] != 1 or event["seq"] != number:
            raise ValueError(f"event {number} has v {event['v']}, seq {event['seq']}")
        events.append(event)
    if [event["event"] for event in events].count("exit") != 1 or events[-1]["event"] != "exit":
        raise ValueError("there is not exactly one exit event, at the end")
    return events


def problems(case, outcome):
    """What is not as the case says."""
    status, stdout, stderr, text = outcome
    if "--events=-" in case.options:
        text = "".join(line for line in stdout.splitlines(True) if line.startswith("{"))
    if status != case.status:
        yield f"status {status}, not {case.status}"
    for what, got, wanted in (("standard output", stdout, case.stdout), ("standard error", stderr, case.stderr)):
        for part in wanted:
            if part not in got:
                yield f"{what} has no {part!r}"
    if not case.stderr and stderr:
        yield "standard error is not empty"
    try:
        events = read_events(text)
    except ValueError as error:
        yield str(error)
        return
    if events[-1]["status"] != (status if case.true_status is None else case.true_status):
        yield f"the exit event says status {events[-1]['status']}"
    for check in case.checks:
        complaint = check(events)
        if complaint:
            yield complaint


def with_newest(command, arm64, guests, cases, outcomes):
    """Cases that were skipped for want of a newer QEMU are run on one, if it can be had; else outcomes says why not."""
    cases = [case for case in cases if case.newest and case.name in outcomes and outcomes[case.name][0] == SKIPPED]
    if not cases or has_kvm():
        return None
    try:
        data, why = run_all(command, arm64, guests, cases, "--qemu=newest")
    except Unavailable as error:
        for case in cases:
            status, stdout, *rest = outcomes[case.name]
            outcomes[case.name] = (status, f"{stdout.strip()}; {error}", *rest)
        return None
    outcomes.update(split(data or b""))
    return why


def main(command, arm64, guests, *names):
    for path in (arm64, os.path.join(guests, "driver")):
        if not os.path.exists(path):
            skip(f"{path} is not built")
    cases, guests = [case for case in CASES if not names or case.name in names], os.path.abspath(guests)
    if has_kvm():
        cases = [case for case in cases if not any(option.startswith("--sea") for option in case.options)]
    try:
        data, why = run_all(command, arm64, guests, cases)
    except Unavailable as error:
        skip(error)
    print(f"1..{len(cases)}", flush=True)
    outcomes, failed = split(data or b""), False
    why = why or with_newest(command, arm64, guests, cases, outcomes)
    if why:
        print(f"Bail out! {why}")
        return 1
    for number, case in enumerate(cases, 1):
        outcome = outcomes.get(case.name)
        wrong = list(problems(case, outcome)) if outcome else ["it did not run"]
        if outcome and outcome[0] == SKIPPED and case.may_skip:
            print(f"ok {number} {case.name} # SKIP {outcome[1].strip()}")
            continue
        print(f"{'not ok' if wrong else 'ok'} {number} {case.name}")
        for line in wrong + (outcome[1] + outcome[2]).splitlines() if wrong and outcome else wrong:
            print(f"# {line}")
        failed = failed or bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*[os.path.abspath(word) for word in sys.argv[1:3]], *sys.argv[3:]))
