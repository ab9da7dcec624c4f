# SPDX-License-Identifier: BSD-2-Clause
"""Synchronous external aborts on demand.

QEMU delivers bus errors to EL1 only, so the laboratory's KVM never sees a real one. Instead a guest's ordinary stage-2 fault
is made one: at the kernel's kvm_handle_guest_abort, through QEMU's debugger stub, the syndrome that KVM has saved is
overwritten, and KVM takes it from there. The breakpoint is there only while an abort is wanted.

The command asks for aborts by lines on a port of its own, which init/init.c names to it:

    arm GPA[,fnv][,insn][,times=N]      armed
    disarm                              disarmed

Any request may be answered with "refused WHY" instead. The machine's vCPUs must not run in between.
"""

import re
import socket

import btf
import gdbstub
from errors import INTERNAL, LabError, note, one_line

SYMBOL = "kvm_handle_guest_abort"       # arch/arm64/kvm/mmu.c; its only argument is the vCPU
FIELDS = ("esr_el2", "far_el2", "hpfar_el2")
CAPABILITY, NEEDS = "cap245", "KVM_CAP_ARM_SEA_TO_USER, which needs Linux 6.19"
PAGE, ADDRESS_BITS = 4096, 52
TIMES_MAX = 1000000
PAGES_MAX = 1000
LINE_MAX = 256

# ESR_EL2 (DDI 0487, D24.2.40): the exception class, and the parts of an abort's syndrome.
EC, EC_SHIFT, EC_INSTRUCTION_ABORT, EC_DATA_ABORT = 0x3F, 26, 0x20, 0x24
IL, FNV, CM, S1PTW, WNR, FSC = 1 << 25, 1 << 10, 1 << 8, 1 << 7, 1 << 6, 0x3F
FSC_EXTERNAL, FSC_WALK_EXTERNAL = 0x10, 0x17
# Translation, access flag and permission faults, level in the low bits: what KVM's stage 2 gives rise to.
FSC_STAGE_2 = (0x04, 0x08, 0x0C)
# HPFAR_EL2 (D24.2.58): bits 47 to 4 are the page's address.
HPFAR_FIPA = 0x0000FFFFFFFFFFF0


class Wanted:
    """Aborts that somebody waits for: the page's address, on what, how many are left of how many."""

    def __init__(self, page, fnv=False, insn=False, times=1):
        self.page, self.fnv, self.insn, self.times, self.left = page, fnv, insn, times, times


def parse(text):
    """Wanted of "GPA[,fnv][,insn][,times=N]"; ValueError says what is wrong with it."""
    words = text.split(",")
    if not re.fullmatch(r"0x[0-9a-f]{1,16}", words[0]):
        raise ValueError("no address like 0x40000000")
    page = int(words[0], 16) & -PAGE
    if page >> ADDRESS_BITS:
        raise ValueError("an address of more than 52 bits")
    said = {}
    for word in words[1:]:
        match = re.fullmatch(r"(fnv|insn)|(times)=([1-9][0-9]{0,6})", word)
        name = match and (match[1] or match[2])
        if not name or name in said:
            raise ValueError("a word other than fnv, insn and times=N, or one twice")
        said[name] = int(match[3]) if match[3] else True
    if said.get("times", 1) > TIMES_MAX:
        raise ValueError(f"more than {TIMES_MAX} times")
    return Wanted(page, **said)


def syndrome(esr, fnv=False):
    """The syndrome of an external abort where esr is that of a stage-2 fault.

    What a CPU tells of the access stays. The access itself is not described (ISV): the architecture does not, for these. A
    fault on a page of the stage-1 tables becomes one of the walk, at level 3, for its level is not known.
    """
    kept = esr & (EC << EC_SHIFT | IL | CM | WNR)
    return kept | (FNV if fnv else 0) | (FSC_WALK_EXTERNAL if esr & S1PTW else FSC_EXTERNAL)


def fits(wanted, esr, hpfar):
    """Whether the fault with this syndrome and HPFAR is one that is to be an external abort."""
    kind = EC_INSTRUCTION_ABORT if wanted.insn else EC_DATA_ABORT
    return (wanted.left > 0 and esr >> EC_SHIFT & EC == kind and esr & FSC & ~3 in FSC_STAGE_2
            and (hpfar & HPFAR_FIPA) << 8 == wanted.page)


class Injector:
    """The debugger and the port by which the command asks for aborts. image: the kernel, an open file."""

    def __init__(self, debugger, port, image, patience=gdbstub.PATIENCE):
        self.stub, self.port, self.image = gdbstub.Stub(debugger, patience), port, image
        self.hello, self.symbols = {}, {}   # what the guest said about itself
        self.offsets, self.armed, self.wanted, self.line = None, False, [], b""

    # What the command asks for

    def take(self, data):
        """Bytes from the port."""
        self.line += data
        while b"\n" in self.line:
            line, _, self.line = self.line.partition(b"\n")
            self._answer(self._request(line.decode("ascii", "replace")))
        if len(self.line) > LINE_MAX:
            self.line = b""
            self._answer("refused a line without end")

    def _answer(self, text):
        try:
            self.port.send(one_line(text).encode() + b"\n", socket.MSG_DONTWAIT)
        except OSError:
            pass    # The machine is ending, or asks and does not read: neither is to be waited for.

    def _request(self, line):
        word, _, rest = line.partition(" ")
        try:
            if word == "arm":
                self._arm(parse(rest))
                return "armed"
            if line == "disarm":
                self.wanted = []
                self._breakpoint(False)
                return "disarmed"
        except (ValueError, btf.NotFound) as error:
            return f"refused {error}"
        except gdbstub.Broken as error:
            raise self._broken(error) from error
        return "refused a request that is neither arm nor disarm"

    def _arm(self, wanted):
        if self.hello.get(CAPABILITY, "0") in ("0", "-1"):
            raise ValueError(f"this kernel ({self.hello.get('release')}) has no {NEEDS}")
        if sum(other.left > 0 for other in self.wanted) >= PAGES_MAX:
            raise ValueError(f"more than {PAGES_MAX} requests at a time")
        if not self.symbols.get(SYMBOL):
            raise ValueError(f"this kernel does not tell where its {SYMBOL} is (CONFIG_KALLSYMS)")
        if not self.offsets:
            self.image.seek(0)
            types = btf.Types(self.image.read())
            self.offsets = [types.offset("kvm_vcpu", f"arch.fault.{field}") for field in FIELDS]
        self.wanted = [other for other in self.wanted if other.left] + [wanted]
        self._breakpoint(True)

    def _breakpoint(self, armed):
        """Sets or removes it in a running machine."""
        if armed == self.armed:
            return
        self.stub.stop()
        (self.stub.insert if armed else self.stub.remove)(self.symbols[SYMBOL])
        self.armed = armed
        self.stub.resume()

    # The debugger

    def hit(self):
        """The debugger has something to say, which is that a CPU is at the breakpoint."""
        try:
            if not self.stub.says():
                return
            thread, address = self.stub.stopped(), self.symbols.get(SYMBOL)
            self.stub.select(thread)
            if not self.armed or self.stub.register(gdbstub.PC) != address:
                raise gdbstub.Broken("stopped where there is no breakpoint")
            self._rewrite(self.stub.register(gdbstub.X))
            # A CPU that goes on from a breakpoint would meet it at once again.
            self.stub.remove(address)
            self.armed = any(wanted.left for wanted in self.wanted)
            if self.armed:
                self.stub.step(thread)
                self.stub.insert(address)
            self.stub.resume()
        except gdbstub.Broken as error:
            raise self._broken(error) from error

    def _rewrite(self, vcpu):
        """Makes the fault an abort if it is on a wanted page. What is no vCPU, or no such fault, is let go."""
        places = [vcpu + offset for offset in self.offsets]
        values = [self.stub.read(place, 8) for place in places]
        if None in values:
            return
        esr, _, hpfar = (int.from_bytes(value, "little") for value in values)
        wanted = next((wanted for wanted in self.wanted if fits(wanted, esr, hpfar)), None)
        if not wanted:
            return
        wanted.left -= 1
        self.stub.write(places[0], syndrome(esr, wanted.fnv).to_bytes(8, "little"))
        if wanted.fnv or esr & S1PTW:
            # HPFAR_EL2 says nothing then; the kernel knows that by its valid bit, which it keeps at 63.
            self.stub.write(places[2], bytes(8))

    @staticmethod
    def _broken(error):
        return LabError(INTERNAL, "laboratory", f"QEMU's debugger stub {error}")

    def say_missed(self):
        """After the run: those that never came about."""
        for wanted in self.wanted:
            if wanted.left:
                what = "instruction fetch" if wanted.insn else "load or store"
                note(f"--sea=0x{wanted.page:x}: {wanted.times - wanted.left} of {wanted.times} aborts came about; no other "
                     f"{what} of the guest faulted on that page")
