# SPDX-License-Identifier: BSD-2-Clause
"""The cases run.py runs: a guest, how it is run, and what must come of it. To add one, add a Case."""

import re


class Case:
    """stdout, stderr: texts that must occur; with none, standard error must be empty. checks: functions of the events.

    may_skip: the guest may find that this CPU lacks what it is about. newest: then the newest QEMU to be had may have it.
    """

    def __init__(self, name, guest, *options, status=0, true_status=None, stdin="", stdout=(), stderr=(), checks=(), may_skip=False,
                 newest=False):
        self.name, self.guest, self.options, self.stdin = name, guest, list(options), stdin
        self.status, self.true_status, self.may_skip, self.newest = status, true_status, may_skip or newest, newest
        self.stdout, self.stderr, self.checks = stdout, stderr, checks


def is_like(event, wanted):
    """Whether an abort event has these fields. Of text the beginning will do: base registers are the compiler's choice."""
    return event["event"] == "abort" and all(
        (event.get(key) or "").startswith(value) if key == "text" else event.get(key) == value for key, value in wanted.items())


def aborts(**wanted):
    """At least one abort event with these fields."""
    return lambda events: None if any(is_like(event, wanted) for event in events) else f"no abort event has {wanted}"


def all_aborts(**wanted):
    """There are aborts, and all of them are like this."""
    def check(events):
        found = [event for event in events if event["event"] == "abort"]
        for event in found:
            for key, value in wanted.items():
                if event.get(key) != value:
                    return f"an abort event has {key} {event.get(key)!r}: {event}"
        return None if found else "there is no abort event"
    return check


def symbols(function):
    """All aborts are in this function."""
    def check(events):
        found = [event.get("symbol") for event in events if event["event"] == "abort"]
        bad = [symbol for symbol in found if not symbol or not re.fullmatch(re.escape(function) + "\\+0x[0-9a-f]+", symbol)]
        return f"aborts are in {bad}" if bad or not found else None
    return check


def count(number, **wanted):
    """So many aborts are like this, those that an event only sums included."""
    def check(events):
        found = sum(event.get("repeats", 1) for event in events if is_like(event, wanted))
        return None if found == number else f"{found} aborts, not {number}, are {wanted}"
    return check


def endings(*allowed):
    """No abort ended in any other way."""
    def check(events):
        found = {event["verdict"] for event in events if event["event"] == "abort"}
        return None if found <= set(allowed) else f"the aborts ended as {sorted(found)}"
    return check


def no_aborts(events):
    return "there are abort events" if any(event["event"] == "abort" for event in events) else None


def mmio(*wanted):
    """The first mmio events are these (dir, ipa, size, value)."""
    def check(events):
        got = [(e["dir"], e["ipa"], e["size"], e["value"]) for e in events if e["event"] == "mmio"][:len(wanted)]
        return None if got == list(wanted) else f"the first accesses are {got}"
    return check


def poison(*pages, **wanted):
    """The poison events are of these pages (None: not known), counted from 1, each with its abort's number, and have these
    fields."""
    def check(events):
        found = [event for event in events if event["event"] == "poison"]
        if [event["gpa"] for event in found] != list(pages):
            return f"the poison events are of {[event['gpa'] for event in found]}"
        for number, event in enumerate(found, 1):
            told = [other for other in events if other["seq"] == event["abort"] and other["event"] == "abort"]
            if event["distinct"] != number or not told or told[0]["cause"] != ("sea" if event["esr"] else "poison"):
                return f"a poison event is {event}, its abort {told}"
            for key, value in wanted.items():
                if event.get(key) != value:
                    return f"a poison event has {key} {event.get(key)!r}: {event}"
        return None
    return check


def verdicts(event, *wanted):
    return lambda events: (None if [e["verdict"] for e in events if e["event"] == event] == list(wanted) else
                           f"the verdicts are {[e['verdict'] for e in events if e['event'] == event]}")


def pages(letter):
    """The pages of tests/guests/sea.c for a letter."""
    return [0x40400000 + (ord(letter) - ord("a")) * 0x100000 + number * 0x10000 for number in range(3)]


def sea(letter, words=""):
    return [f"--sea={page:#x}{words}" for page in pages(letter)]


def told(letter, count=3):
    return ["memory error ("] + [f"the guest's page at {page:#x}" for page in pages(letter)[:count]]


def at(letter, *offsets):
    return [f"{page + offset:#x}" for page, offset in zip(pages(letter), offsets)]


def ended(reason):
    return lambda events: None if events[-1]["reason"] == reason else f"the run ended for reason {events[-1]['reason']!r}"


# At EL1, with nothing said of where or why (ESR_EL1.IDS, DDI 0487 D24.2.37).
SERROR = "unexpected exception, vector 7 esr 0x00000000bf000000"
PAIRS_BEGIN = mmio(("w", "0xa000000", 8, "0x8877665544332211"), ("w", "0xa000008", 8, "0xffeeddccbbaa9988"),
                   ("r", "0xa000000", 8, "0x8877665544332211"), ("r", "0xa000008", 8, "0xffeeddccbbaa9988"),
                   ("w", "0xa000010", 4, "0x44332211"), ("w", "0xa000014", 4, "0xbbaa9988"))
DONE = dict(stdout=["pairs: done"], checks=[all_aborts(verdict="completed", cause="nisv", device="recorder"), PAIRS_BEGIN,
                                            ended("guest")])

SVE = {"class": "sve", "verdict": "completed", "device": "recorder"}
GIC = dict(stdout=["gic: done"], stderr=["GICD_ICPENDR, in kernel device GICv3 distributor",
                                         "the attribute reads as zero and ignores writes", "external abort"],
           checks=[aborts(device="GICv3 distributor", verdict="completed", cause="nisv", accesses=2),
                   aborts(device="GICv3 redistributors", verdict="completed", cause="nisv"),
                   aborts(device="GICv3 distributor", verdict="injected", cause="unsupported", accesses=0),
                   aborts(ipa="0x8000200", verdict="injected", accesses=0), ended("guest")])

CASES = [
    # Emulated, in every form of guest
    Case("pairs", "pairs.bin", **DONE),
    Case("pairs-elf", "pairs.elf", **DONE),
    Case("pairs-image", "pairs.image", **DONE),
    Case("pairs-no-salvage", "pairs.bin", "--no-salvage", status=105, stderr=["the kernel ended the VM: KVM_RUN: Function not implemented",
         "try without --no-salvage"], checks=[no_aborts, ended("kernel")]),
    Case("pairs-observe", "pairs.bin", "--policy=observe", status=105, stderr=["Function not implemented"],
         checks=[all_aborts(verdict="observed", would="completed")]),
    Case("pairs-verbose", "pairs.bin", "--verbose", stdout=["pairs: done"], stderr=["stp x", "ldpsw", "performed it"]),
    Case("pairs-events-on-stdout", "pairs.bin", "--events=-", **DONE),
    Case("mmu", "mmu.bin", stderr=["external abort"], checks=[aborts(gva="0xc000ff8", ipa="0xa003ff8", verdict="completed"),
         aborts(gva="0xffffff800a000080", verdict="completed"), aborts(pc="0x40200004", verdict="completed"),
         aborts(gva="0xffffff800b000000", cause="hole", verdict="injected")]),
    Case("straddle", "straddle.bin", stdout=["done with 4K", "done with 16K", "done with 64K"], stderr=["external abort"],
         checks=[aborts(cause="hole", verdict="injected", accesses=0),
                 aborts(cause="untranslatable", verdict="injected", accesses=0), aborts(verdict="completed", accesses=1)]),
    Case("smp", "smp.bin", "--smp=2", checks=[all_aborts(verdict="completed"), aborts(vcpu=0), aborts(vcpu=1)]),
    Case("smp-more", "smp.bin", "--smp=5", checks=[all_aborts(verdict="completed")]),
    Case("smp-one", "smp.bin", status=1, stdout=["smp.c:", "is 0xfffffffffffffffe"]),
    Case("race", "race.bin", "--smp=3", stdin="1000x1x", stdout=["race: done"], stderr=[""],
         checks=[endings("completed", "retried", "injected"), aborts(verdict="completed"), ended("guest")]),
    Case("simd", "simd.bin", stdout=["simd: done"], checks=[all_aborts(verdict="completed", device="recorder")]),
    # Accesses are those of vectors of 16 bytes, which every CPU with SVE has.
    Case("sve", "sve.bin", stdout=["sve: vectors of 0x0000000000000010 bytes", "sve: done"], may_skip=True,
         checks=[all_aborts(verdict="completed", device="recorder"), aborts(**SVE, text="str z5, ", accesses=16),
                 aborts(**SVE, text="ldr p4, ", accesses=2),
                 aborts(**SVE, text="ld4b { z30.b, z31.b, z0.b, z1.b }, p1/z, [x0]", accesses=64),
                 aborts(**SVE, text="st3d { z30.d, z31.d, z0.d }, p1, [x0, x4, lsl #3]", accesses=6),
                 aborts(**SVE, text="ld1sb { z30.d }, p1/z, [x0, #-8, mul vl]", accesses=2),
                 aborts(**SVE, text="ld1rqh { z30.h }, p1/z, [x0, #-32]", accesses=8),
                 aborts(**SVE, text="ld1rsw { z30.d }, p1/z, [x0, #4]", accesses=1),
                 aborts(**SVE, gva="0xc001000", ipa="0xa008000")]),
    Case("zero", "zero.bin", stdout=["zero: done"], stderr=["dc zva", "external abort"],
         checks=[all_aborts(**{"class": "zero"}), count(2, text="dc zva, ", verdict="completed"),
                 aborts(verdict="injected", cause="hole", gva="0xc002040", accesses=0)]),
    Case("tags", "tags.bin", stdout=["tags: done"], stderr=["external abort"], may_skip=True,
         checks=[all_aborts(**{"class": "tag"}), count(10, verdict="completed", device="recorder"), count(2, cause="hole"), count(12)]),
    Case("mops", "mops.bin", stdout=["mops: done"], stderr=["external abort"], newest=True,
         checks=[all_aborts(**{"class": "mops"}), count(6, cause="hole", verdict="injected", accesses=0),
                 aborts(verdict="completed", text="setpn [x0]!, x2!, x1")]),
    Case("refused", "refused.bin", stdout=["refused: done"], stderr=["external abort"], may_skip=True,
         checks=[all_aborts(verdict="injected", cause="unsupported", accesses=0)]),
    Case("atomics", "atomics.bin", "--smp=2", stdout=["atomics: done"], stderr=["atomic as one access", "external abort"],
         checks=[aborts(verdict="completed", cause="atomic", accesses=1), aborts(verdict="injected", cause="atomic"),
                 aborts(vcpu=1, verdict="completed", cause="atomic"), aborts(verdict="injected", cause="hole")]),
    Case("atomics-one", "atomics.bin", stdout=["atomics: done"], stderr=["atomic as one access", "external abort"]),
    Case("gic", "gic.bin", **GIC),
    Case("gic-smp", "gic.bin", "--smp=2", **GIC),
    Case("step", "step.bin", checks=[all_aborts(verdict="completed")]),
    Case("bti", "bti.bin", may_skip=True, checks=[all_aborts(verdict="completed")]),
    Case("boot", "boot.bin", "--mem=2M", stderr=["external abort"], checks=[aborts(ipa="0x40200000", cause="hole")]),
    Case("device-tree", "device-tree.bin", "--dtb={guests}/other.dtb", stdout=["device-tree: mine"]),
    Case("device-tree-amended", "device-tree.bin", "--dtb={guests}/other.dtb", "--append=x", stdout=["device-tree: amended"]),
    Case("device-tree-own", "device-tree.bin", status=1, stdout=["device-tree.c:"]),

    # Refused
    Case("hole", "hole.bin", stderr=["0x0b000000", "nearest is device register file", "external abort"],
         checks=[all_aborts(verdict="injected"), aborts(isv=True, ipa="0xb000003"), aborts(isv=False, ipa="0xb002341"),
                 aborts(isv=True, dir="w", ipa="0xb001004")]),
    Case("hole-symbols", "hole.bin", "--symbols={guests}/hole.elf", stderr=["(guest_main+0x", "nearest in the guest's device tree is /"],
         checks=[symbols("guest_main"), aborts(isv=True, node="/register-file@a020000", node_here=False)]),
    Case("hole-no-symbols", "hole.bin", stderr=["external abort"], checks=[all_aborts(symbol=None)]),
    Case("hole-told", "hole.bin", "--dtb={guests}/other.dtb",
         stderr=["the guest's device tree has /sensor@b000000 there, which this machine does not have", "nearest is device"],
         checks=[aborts(ipa="0xb000003", isv=True, node="/sensor@b000000", node_here=True),
                 aborts(ipa="0xb002340", isv=False, node="/sensor@b000000", node_here=False)]),
    Case("symbols-own", "pairs.elf", "--policy=class:pair=ignore", status=1, stdout=["pairs.c:"], stderr=["(guest_main+0x", "dropped"],
         checks=[symbols("guest_main")]),
    Case("symbols-completed", "pairs.elf", **{**DONE, "checks": DONE["checks"] + [symbols("guest_main")]}),
    Case("symbols-stripped", "hole.bin", "--symbols={guests}/stripped.elf", status=102,
         stderr=["stripped.elf: no symbol table; take the file that was not stripped"], checks=[no_aborts]),
    Case("symbols-none", "hole.bin", "--symbols={guests}/hole.bin", status=102, stderr=["hole.bin: not an ELF file"], checks=[no_aborts]),
    Case("hole-no-salvage", "hole.bin", "--no-salvage", status=105, stderr=["Function not implemented"], checks=[no_aborts]),
    Case("window", "window.bin", stderr=["external abort", "does not take accesses of this size"],
         checks=[aborts(device="register file", isv=True, verdict="injected"),
                 aborts(device="register file", isv=False, verdict="injected", accesses=0),
                 aborts(device="register file", verdict="completed", accesses=2)]),
    Case("unknown", "unknown.bin", stderr=["exclusives on a device"],
         checks=[all_aborts(verdict="injected", cause="exclusive", accesses=0)]),
    Case("aarch32", "aarch32.bin", "--aarch32", status=42, stderr=["AArch32 state"],
         checks=[all_aborts(cause="unsupported", verdict="injected"), aborts(ipa="0xa000000", dir="w")]),
    Case("aarch32-elf", "pairs.elf", "--aarch32", status=102, stderr=["only flat binaries"]),

    # As rules say
    Case("rule-stop", "hole.bin", "--policy=hole=stop", status=103, stderr=["stopped"], checks=[ended("stop"), aborts(rule="hole=stop",
         verdict="stopped")]),
    Case("rule-restart", "hole.bin", "--policy=hole=restart", status=104, stderr=["restart"], checks=[ended("restart")]),
    Case("rule-dump", "hole.bin", "--policy=hole@0x0b000000-0x0bffffff=dump", status=103, stderr=["sctlr_el1", "x30", "vcpu 0:"]),
    Case("rule-elsewhere", "hole.bin", "--policy=hole@0x0c000000-0x0cffffff=stop", stderr=["default hole=inject"]),
    Case("rule-observe", "hole.bin", "--policy=hole=observe", status=105, stderr=["watched"],
         checks=[aborts(isv=True, verdict="observed", would="injected"), aborts(isv=False, verdict="observed", would="injected")]),
    Case("rule-inject", "pairs.bin", "--policy=nisv@0x0a000000-0x0a000fff=inject", status=2, stdout=["unexpected exception"],
         stderr=["nisv@0x0a000000-0x0a000fff=inject"], checks=[aborts(rule="nisv@0x0a000000-0x0a000fff=inject", verdict="injected")]),
    Case("rule-class-sve", "sve.bin", "--policy=class:sve=inject", status=2, stdout=["unexpected exception"], stderr=["class:sve=inject"],
         may_skip=True, checks=[count(1), all_aborts(rule="class:sve=inject", verdict="injected", accesses=0)]),
    Case("rule-class-zero", "zero.bin", "--policy=class:zero=stop", status=103, stderr=["class:zero=stop"],
         checks=[count(1), all_aborts(rule="class:zero=stop", verdict="stopped", accesses=0), ended("stop")]),
    Case("rule-class-tag", "tags.bin", "--policy=class:tag=inject", status=1, stdout=["tags.c:"], stderr=["class:tag=inject"],
         may_skip=True, checks=[count(1), all_aborts(rule="class:tag=inject", verdict="injected", accesses=0)]),
    Case("rule-class-mops", "mops.bin", "--policy=class:mops=ignore", status=1, stdout=["mops.c:"], stderr=["dropped"], newest=True,
         checks=[all_aborts(rule="class:mops=ignore", verdict="ignored", accesses=0)]),
    Case("rule-ignore", "pairs.bin", "--policy=class:pair=ignore", status=1, stdout=["pairs.c:"], stderr=["dropped"],
         checks=[aborts(verdict="ignored", accesses=0)]),

    # Memory errors, which only the laboratory makes
    Case("sea", "sea.bin", *sea("a"), stdin="a", stdout=["sea: done"], stderr=told("a"),
         checks=[poison(*at("a", 0, 0, 0), source="sea-data", inferred=False, verdict="injected"), aborts(gva="0x40400128"),
                 aborts(gva="0x40410ff8"), aborts(gva="0x40420000", dir="w"), all_aborts(cause="sea", verdict="injected")]),
    Case("sea-restart", "sea.bin", *sea("b"), "--policy=sea:2=restart", status=104, stdin="b",
         stderr=told("b", 2) + ["rule sea:2=restart"],
         checks=[poison(*at("b", 0, 0)), verdicts("poison", "injected", "stopped"), ended("restart")]),
    Case("sea-fnv", "sea.bin", *sea("f", ",fnv"), stdin="f", stdout=["sea: done"],
         stderr=told("f") + ["by inference from the instruction"],
         checks=[poison(*at("f", 0x128, 0xff8, 0), source="sea-data", inferred=True, verdict="injected")]),
    Case("sea-fnv-restart", "sea.bin", *sea("e", ",fnv"), "--policy=sea:2=restart", status=104, stdin="e",
         stderr=["rule sea:2=restart"], checks=[poison(*at("e", 0x128, 0xff8)), ended("restart")]),
    Case("sea-fnv-insn", "sea.bin", *sea("g", ",fnv,insn"), stdin="g", stdout=["sea: done"], stderr=told("g"),
         checks=[poison(*at("g", 0, 0, 0), source="sea-insn", inferred=True, verdict="injected")]),
    Case("sea-insn", "sea.bin", *sea("i", ",insn"), stdin="i", stdout=["sea: done"], stderr=told("i"),
         checks=[poison(*at("i", 0, 0, 0), source="sea-insn", inferred=False, verdict="injected")]),
    Case("sea-insn-restart", "sea.bin", *sea("j", ",insn"), "--policy=sea:2=restart", status=104, stdin="j",
         stderr=["rule sea:2=restart"], checks=[poison(*at("j", 0, 0)), ended("restart")]),
    Case("sea-claimed", "sea.bin", *sea("c", ",claimed"), stdin="c", stdout=["sea: done"], stderr=told("c"),
         checks=[poison(*at("c", 0, 0, 0), source="sigbus-ar", verdict="injected"), all_aborts(cause="poison", verdict="injected")]),
    Case("sea-claimed-restart", "sea.bin", *sea("d", ",claimed"), "--policy=sea:2=restart", status=104, stdin="d",
         stderr=["rule sea:2=restart"], checks=[poison(*at("d", 0, 0)), ended("restart")]),
    Case("sea-dump", "sea.bin", *sea("k")[:1], "--policy=sea=dump", status=103, stdin="k",
         stderr=["vcpu 0:", "x30", "address 0x0000000040e00128, by the guest's tables:", "ipa 0x0000000040e00128"],
         checks=[poison(*at("k", 0), verdict="stopped", rule="sea=dump"), ended("stop")]),
    Case("sea-observe", "sea.bin", *sea("l")[:1], "--policy=sea=observe", stdin="l", stdout=["sea: done"], stderr=told("l", 1),
         checks=[poison(*at("l", 0), verdict="observed"), aborts(cause="sea", verdict="observed", would="injected")]),
    Case("sea-vectors", "sea.bin", *sea("h")[:1], status=103, stdin="h", stderr=["no vectors"],
         checks=[poison(*at("h", 0), verdict="stopped", rule="guest's vectors"), ended("stop")]),
    Case("sea-vectors-insn", "sea-alone.bin", "--sea=0x40400000,insn", status=103, stdin="v", stderr=["no vectors"],
         checks=[poison("0x40400000", verdict="stopped", rule="guest's vectors"), ended("stop")]),
    Case("sea-again", "sea-alone.bin", "--sea=0x40400000,times=2", status=2, stdin="r",
         stdout=["once more\nunexpected exception, vector 4 esr 0x0000000096000010 far 0x0000000040400008"],
         stderr=["the guest's page at 0x40400000"], checks=[poison("0x40400000", verdict="injected"), all_aborts(cause="sea", verdict="injected")]),

    # What KVM does by itself: the README's table
    Case("sea-alone", "sea-alone.bin", "--no-salvage", "--sea=0x40400000", status=2, stdin="l", stdout=[SERROR], checks=[no_aborts]),
    Case("sea-alone-fnv", "sea-alone.bin", "--no-salvage", "--sea=0x40400000,fnv", status=2, stdin="l", stdout=[SERROR]),
    Case("sea-alone-insn", "sea-alone.bin", "--no-salvage", "--sea=0x40400000,insn", status=2, stdin="i", stdout=[SERROR]),
    Case("sea-alone-again", "sea-alone.bin", "--no-salvage", "--sea=0x40400000,times=2", status=2, stdin="r",
         stdout=["once more\n" + SERROR]),

    # How runs end
    Case("off", "power.bin", stdin="o", checks=[ended("off")]),
    Case("reset", "power.bin", status=107, stdin="r", checks=[ended("reset")]),
    Case("status-clamped", "power.bin", status=99, true_status=200, stdin="x", checks=[ended("guest")]),
    Case("timeout", "power.bin", "--timeout=1", status=108, stdin="s", checks=[ended("timeout")]),
    Case("timeout-smp", "power.bin", "--timeout=1", "--smp=4", status=108, stdin="s", checks=[ended("timeout")]),
]
