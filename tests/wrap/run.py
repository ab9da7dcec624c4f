#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Guests of the distribution's own QEMU, in one boot of the laboratory, first as it is and then under salvage wrap. TAP.

usage: run.py [--wrap=LIBRARY] [--package=NAME[/SUITE]] [--show] SALVAGE ARM64-SALVAGE GUESTS-DIRECTORY [NAME...]

LIBRARY is the preload library for arm64; without it only the runs without salvage are made. --package: another QEMU than the
release's own. --show prints what each run said.
"""

import importlib.util
import json
import os
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True    # the source tree stays as it is
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "lab")]

UNAVAILABLE, SKIPPED, REFUSED = 101, 77, 77
# Where the guests and salvage are in the laboratory.
FILES, SALVAGE = "/opt/wrap", "/opt/salvage"
PACKAGE = "qemu-system-arm"
# Addresses of 40 bits: QEMU asks for a VM of the widest there are, and to end that takes long (docs/laboratory.md).
MACHINE = ["--sea", "--smp=2", "--mem=3G", "--cpu=cortex-a76"]
SECTORS = 128


def load(name):
    """A module of this directory; tests/guests has some of the same name."""
    spec = importlib.util.spec_from_file_location("wrap_" + name, os.path.join(HERE, name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Unavailable(Exception):
    """What the runs need is not to be had here: why."""


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(SKIPPED)


def disk():
    """What the guest expects to read (virtio.c)."""
    return b"".join(struct.pack("<I", 0x01000193 * (n + 1) & 0xFFFFFFFF) for n in range(SECTORS * 128))


def entry(name, mode, data=b"", device=(0, 0)):
    """One member of a cpio archive of the "newc" kind."""
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def initramfs(init):
    with open(init, "rb") as file:
        program = file.read()
    return (entry("dev", 0o040755) + entry("dev/console", 0o020600, device=(5, 1)) + entry("init", 0o100755, program)
            + entry("TRAILER!!!", 0))


def kernel():
    """Where the laboratory's kernel is, which is the guest's too."""
    import kernel as lab_kernel
    from errors import LabError
    try:
        with lab_kernel.cached(lambda text: None, True)[1] as file:
            return file.name
    except LabError as error:
        raise Unavailable(str(error).replace("\n", " ")) from None


def post_indexed(elf, function):
    """Whether a compiled function has a 32-bit store with writeback: compilers differ, and get better."""
    with open(elf, "rb") as file:
        data = file.read()
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, struct.unpack_from("<Q", data, 40)[0] + 64 * i)
                for i in range(struct.unpack_from("<H", data, 60)[0])]
    for section in sections:
        if section[1] != 2:     # SHT_SYMTAB
            continue
        strings = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], 24):
            name, _, _, _, value, size = struct.unpack_from("<IBBHQQ", data, at)
            if data[strings + name:data.index(b"\0", strings + name)] != function.encode():
                continue
            where = next(s[4] + value - s[3] for s in sections if s[3] <= value < s[3] + s[5] and s[2] & 4)
            words = struct.unpack_from(f"<{size // 4}I", data, where)
            return any(word & 0xFFE00400 == 0xB8000400 for word in words)
    raise ValueError(f"{elf} has no {function}")


class Run:
    """One run of a case. wrapped: under salvage wrap."""

    def __init__(self, case, wrapped):
        self.case, self.wrapped = case, wrapped
        self.name = case.name + (" wrapped" if wrapped else " without")
        self.key = self.name.replace(" ", "-")
        self.ending = case.wrapped if wrapped else case.without
        self.skipped = None     # why

    def line(self, qemu):
        words = [*qemu, "-m", str(self.case.mem), *(option.replace("{files}", FILES) for option in self.case.options)]
        if self.wrapped:
            words = [f"{SALVAGE}/salvage", "wrap", "--events=/run/events", *self.case.wrap, "--", *words]
        return "\t".join([self.key, str(self.case.seconds), str(self.case.mem), *words]) + "\n"


def wrong_tree(path):
    """The tree of QEMU's machine with the clock's address wrong by a digit, from the QEMU that the laboratory runs on."""
    import qemu as lab_qemu
    program = lab_qemu.find(None, lambda text: None, True)
    subprocess.run([program, "-M", f"virt,gic-version=3,dumpdtb={path}", "-cpu", "cortex-a57", "-m", "128", "-display", "none",
                    "-nodefaults"], check=True, capture_output=True)
    with open(path, "rb") as file:
        tree = file.read()
    right, wrong = struct.pack(">QQ", 0x09010000, 0x1000), struct.pack(">QQ", 0x09110000, 0x1000)
    assert tree.count(right) == 1
    return tree.replace(right, wrong)


def run_all(salvage, arm64, guests, runs, library, qemu, machine=(f"--package={PACKAGE}",), quiet=True):
    """{key: (status, milliseconds, stdout, stderr, events)}. machine: more options of the laboratory. quiet: without its progress."""
    with tempfile.TemporaryDirectory() as work:
        def made(name, data):
            with open(os.path.join(work, name), "wb") as file:
                file.write(data)
            return f"--file={file.name}:{FILES}/{name}"

        words = [salvage, "lab", *(["--quiet"] if quiet else []), *MACHINE, *machine, made("disk", disk())]
        words += [made("initrd", initramfs(os.path.join(guests, "linux-init")))]
        words += [made("wrong.dtb", wrong_tree(os.path.join(work, "wrong.dtb")))]
        words += [made("list", "".join(run.line(qemu) for run in runs if not run.skipped).encode())]
        words += [f"--file={kernel()}:{FILES}/Image"]
        words += [f"--file={os.path.join(guests, name)}:{FILES}/{name}" for name in os.listdir(guests) if name.endswith(".elf")]
        if library:
            words += [f"--file={arm64}:{SALVAGE}/salvage", f"--file={library}:{SALVAGE}/shim/libsalvage-wrap.so"]
        result = os.path.join(work, "result")
        words += [f"--output=/run/result:{result}", "--timeout=900", "--", os.path.join(guests, "driver"), f"{FILES}/list",
                  "/run/result"]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE if quiet else None,
                              check=False, text=True, errors="replace")
        said = (done.stdout + (done.stderr or "")).strip()
        if done.returncode == UNAVAILABLE:
            raise Unavailable(said.replace("\n", "; ") or "the laboratory is not to be had")
        if done.returncode:
            print(f"Bail out! status {done.returncode}: {said}")
            sys.exit(1)
        with open(result, "rb") as file:
            return split(file.read())


def split(data):
    outcomes, at = {}, 0
    while at < len(data):
        end = data.index(b"\n", at)
        key, status, milliseconds, *sizes = data[at:end].decode().split(" ")
        at, parts = end + 1, []
        for size in map(int, sizes):
            parts.append(data[at:at + size].decode("utf-8", "replace").replace("\r\n", "\n"))
            at += size
        outcomes[key] = (int(status), int(milliseconds), *parts)
    return outcomes


def problems(run, outcome):
    """What is not as the case says."""
    status, _, stdout, stderr, events = outcome
    if status != run.ending.status:
        yield f"status {status}, not {run.ending.status}"
    for what, got, wanted in (("standard output", stdout, run.ending.said), ("standard error", stderr, run.ending.stderr)):
        for part in wanted:
            if part not in got:
                yield f"{what} has no {part!r}"
    for part in run.ending.never:
        if part in stdout:
            yield f"standard output has {part!r}"
    if not run.wrapped:
        return
    try:
        events = [json.loads(line) for line in events.splitlines()]
    except ValueError as error:
        yield f"events: {error}"
        return
    for check in run.ending.checks:
        complaint = check(events)
        if complaint:
            yield complaint


def report(number, run, outcome, show):
    """One line of TAP, and why; True if it is as it must be."""
    if run.skipped:
        print(f"ok {number} - {run.name} # SKIP {run.skipped}")
        return True
    wrong = list(problems(run, outcome)) if outcome else ["it did not run"]
    if outcome and f"status {REFUSED}" in outcome[2]:
        print(f"ok {number} - {run.name} # SKIP {outcome[2].strip().splitlines()[-2]}")
        return True
    print(f"{'not ok' if wrong else 'ok'} {number} - {run.name}")
    for line in wrong:
        print(f"# {line}")
    if outcome and (wrong or show):
        print(f"# status {outcome[0]} after {outcome[1] / 1000:.1f} s")
        for name, text in zip(("stdout", "stderr", "events"), outcome[2:]):
            for line in text.splitlines():
                print(f"# {name}: {line}")
    return not wrong


def main(arguments):
    cases = load("cases")
    library, show, package = None, False, PACKAGE
    while arguments and arguments[0].startswith("--"):
        name, _, value = arguments.pop(0).partition("=")
        if name == "--wrap":
            library = os.path.abspath(value)
        elif name == "--package":
            package = value
        elif name == "--show":
            show = True
        else:
            sys.exit(__doc__)
    salvage, arm64, guests = map(os.path.abspath, arguments[:3])
    if not os.path.exists(os.path.join(guests, "driver")):
        skip(f"{guests} has no driver: an arm64 compiler builds it")
    runs = []
    for case in cases.CASES:
        elf = os.path.join(guests, case.options[1].rpartition("/")[2])
        if arguments[3:] and case.name not in arguments[3:]:
            continue
        for wrapped in (False, True) if library else (False,):
            run = Run(case, wrapped)
            if elf.endswith(".elf") and not os.path.exists(elf):
                run.skipped = "no compiler for arm64 that makes it is installed"
            elif not wrapped and case.compiled and not post_indexed(elf, case.compiled):
                run.skipped = "this compiler made no such store"
            runs += [run] if run.ending else []
    try:
        outcomes = run_all(salvage, arm64, guests, runs, library, cases.QEMU, [f"--package={package}"])
    except Unavailable as error:
        skip(error)
    print(f"1..{len(runs)}")
    good = [report(number, run, outcomes.get(run.key), show) for number, run in enumerate(runs, 1)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
