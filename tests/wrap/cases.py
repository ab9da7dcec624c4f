# SPDX-License-Identifier: BSD-2-Clause
"""The cases run.py runs: a guest, the VMM's options, and what must come of it without salvage and with it."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "guests"))
# pylint: disable=wrong-import-position
from cases import aborts, all_aborts

QEMU = ["qemu-system-aarch64", "-M", "virt,gic-version=3", "-accel", "kvm", "-cpu", "host", "-nodefaults", "-display", "none",
        "-no-reboot", "-serial", "stdio"]


class Ending:
    """How a run ends: the VMM's status, what its guest (and it) must have said on either stream, what it must not have said."""

    def __init__(self, status, *said, stderr=(), never=(), checks=()):
        self.status, self.said, self.stderr, self.never, self.checks = status, said, stderr, never, checks


class Case:
    """options: of QEMU; {files} is the directory of the guests there. wrap: options of salvage wrap. without, wrapped: an Ending,
    or None where that says nothing. compiled: a function that some compilers make harmless (run.py's post_indexed)."""

    def __init__(self, name, *options, without=None, wrapped=None, wrap=(), mem=128, seconds=30, compiled=None):
        self.name, self.options, self.without, self.wrapped, self.wrap = name, list(options), without, wrapped, list(wrap)
        self.mem, self.seconds, self.compiled = mem, seconds, compiled


def guest(name, *options, **facts):
    return Case(facts.pop("case", name), "-kernel", f"{{files}}/{name}.elf", *options, **facts)


def linux(name, steps, **facts):
    return Case(name, "-kernel", "{files}/Image", "-initrd", "{files}/initrd", "-append",
                f"console=ttyAMA0 rdinit=/init panic=-1 loglevel=4 iomem=relaxed mem=384M STEPS={steps}", mem=512, seconds=90, **facts)


# What QEMU does with an access that KVM could not decode: the guest takes an external abort that no device gave.
REFUSED = "unexpected exception, vector 4 esr 0x0000000096000010 far 0x"
COMPLETED = all_aborts(verdict="completed")


def poison(*pages):
    """There is an event for each of these bad pages; with none, for any."""
    def check(events):
        found = [event.get("gpa") for event in events if event["event"] == "poison"]
        missing = [page for page in pages if page not in found]
        return f"poison events are about {found}" if missing or not found else None
    return check


LOOP = {"without": Ending(0, REFUSED + "0000000009000020", "status 2", never=("verified",)),
        "wrapped": Ending(0, "UARTIMSC is 0x0000000000000000, as written", "loop: every register verified", "status 0",
                          checks=[COMPLETED])}

DISK = ("-global", "virtio-mmio.force-legacy=false", "-drive", "file={files}/disk,format=raw,if=none,id=disk,snapshot=on",
        "-device", "virtio-blk-device,drive=disk")
DEVICES = Ending(0, "uart: these letters were written one by one", "flash: three words", "virtio: four requests",
                 "every register and every value as it must be", "status 0", checks=[COMPLETED])

CASES = [
    guest("devices", *DISK, without=Ending(0, REFUSED, "status 2", never=("every register",)), wrapped=DEVICES),
    # Everything that QEMU's sandbox can deny is denied: the shim wants nothing that it does not give.
    guest("devices", *DISK, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny", case="sandbox",
          wrapped=DEVICES),
    guest("loop-c", compiled="program_uart", **LOOP),
    guest("loop-rust", compiled="program_uart", **LOOP),
    guest("tree", without=Ending(0, "the clock is at 0x0000000009010000", "external abort", "status 3"),
          wrapped=Ending(0, "its identification is 0x0000000000000031 0x0000000000000010", "status 0", checks=[COMPLETED])),
    # Watched only: as without salvage, but for the report.
    guest("tree", case="tree-observe", wrap=["--policy=observe"],
          wrapped=Ending(0, "external abort", "status 3", stderr=("would have performed it",), checks=[aborts(verdict="observed")])),
    guest("tree", case="tree-stop", wrap=["--policy=nisv=stop"],
          wrapped=Ending(0, never=("status", "external abort"), stderr=("the vcpu is stopped before it",),
                         checks=[aborts(verdict="stopped")])),
    guest("tree", case="tree-disabled", wrap=["--policy=class:pair=inject"],
          wrapped=Ending(0, "external abort", "status 3", stderr=("rule class:pair=inject",), checks=[aborts(verdict="injected")])),
    # The guest goes by a tree of its own. The VMM's, which is what salvage goes by, has nothing there.
    guest("tree-own", without=Ending(0, "external abort", "status 3"),
          wrapped=Ending(0, "tree: external abort, esr 0x0000000096000010 far 0x0000000009110fe0", "status 3",
                         stderr=("0x09110fe0",), checks=[aborts(cause="hole", verdict="injected")])),
    guest("page-hard", without=Ending(1, "page: loading from it", stderr=("Hardware memory error!",), never=("goes on",)),
          wrapped=Ending(0, "page: the guest goes on", "status 0", checks=[poison("0x45000000")])),
    guest("page-sea", without=Ending(0, "page: exception, esr 0x00000000b", "status 1", never=("goes on",)),
          wrapped=Ending(0, "page: the guest goes on", "status 0", checks=[poison("0x45000000")])),
    # The page's contents only move: there is no error to be seen.
    guest("page-soft", without=Ending(0, "nothing happened, it holds 0x000000000000600d", "status 4"),
          wrapped=Ending(0, "nothing happened, it holds 0x000000000000600d", "status 4")),
    # The VMM's tree itself is wrong, because it was told so.
    guest("tree", "-dtb", "{files}/wrong.dtb", case="tree-given",
          without=Ending(0, "external abort, esr 0x0000000096000010 far 0x0000000009110fe0", "status 3")),
    linux("linux-hard", "devices,hard",
          without=Ending(1, "devices was killed by signal 7", "@hard 0x", stderr=("Hardware memory error!",),
                         never=("was used from user space", "all else goes on"))),
    linux("linux-sea", "sea", without=Ending(0, "@sea 0x", "Kernel panic", never=("all else goes on",))),
    linux("linux", "devices,hard,sea",
          wrapped=Ending(0, "init: the device was used from user space", "devices ended with status 0",
                         "hard was killed by signal 7", "sea was killed by signal 7", "init: all else goes on",
                         checks=[poison()])),
]
