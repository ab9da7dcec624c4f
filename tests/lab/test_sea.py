# SPDX-License-Identifier: BSD-2-Clause
"""Aborts on demand, without a machine: the requests, the syndromes, and a debugger stub that is played, also by a liar.

That the kernel takes the syndromes as told is what sea-probe.c shows.
"""

import contextlib
import io
import random
import socket
import threading
import time
import unittest

import errors
import gdbstub
import sea
from test_btf import Maker, STRUCT, INT

ADDRESS, VCPU, PAGE = 0xFFFF80008008B478, 0xFFF0000004657C80, 0x40010000
HPFAR = 1 << 63 | PAGE >> 8
TRANSLATION_LOAD, TRANSLATION_STORE, TRANSLATION_FETCH = 0x93C08007, 0x92000047, 0x82000007


def image():
    maker = Maker()
    maker.add(INT, "u64", 8, more=bytes(4))
    maker.compound(STRUCT, "fault", ("esr_el2", 1, 0), ("far_el2", 1, 64), ("hpfar_el2", 1, 128))
    maker.compound(STRUCT, "arch", ("fault", 2, 512))
    maker.compound(STRUCT, "kvm_vcpu", ("arch", 3, 512))
    return io.BytesIO(b"kernel" + maker.blob())


class Requests(unittest.TestCase):
    def test_good(self):
        for text, wanted in (("0x40010000", (PAGE, False, False, 1)), ("0x40010fff", (PAGE, False, False, 1)),
                             ("0x40010000,fnv", (PAGE, True, False, 1)), ("0x40010000,insn,fnv", (PAGE, True, True, 1)),
                             ("0x0,times=1000000", (0, False, False, 1000000)),
                             ("0x40010000,times=3,insn", (PAGE, False, True, 3))):
            with self.subTest(text):
                got = sea.parse(text)
                self.assertEqual((got.page, got.fnv, got.insn, got.left), wanted)

    def test_bad(self):
        for text, says in (("", "address"), ("40010000", "address"), ("0x", "address"), ("0x4001000g", "address"),
                           ("0x40010000 ", "address"), ("-0x1", "address"), ("0x40010000\n", "address"),
                           ("0x10000000000000", "52 bits"), ("0x10000000000000000", "address"),
                           ("0x0,", "word"), ("0x0,claimed", "word"), ("0x0,fnv,fnv", "word"), ("0x0,times=0", "word"),
                           ("0x0,times=-1", "word"), ("0x0,times=1,times=1", "word"), ("0x0,times=1000001", "more than"),
                           ("0x0,fnv=1", "word"), ("0x0,times", "word")):
            with self.subTest(text), self.assertRaisesRegex(ValueError, says):
                sea.parse(text)


class Syndromes(unittest.TestCase):
    def test_what_stays(self):
        for esr, fnv, wanted in ((TRANSLATION_LOAD, False, 0x92000010), (TRANSLATION_STORE, False, 0x92000050),
                                 (TRANSLATION_FETCH, False, 0x82000010), (TRANSLATION_LOAD, True, 0x92000410),
                                 (TRANSLATION_FETCH, True, 0x82000410), (0x92000147, False, 0x92000150),
                                 (0x90000007, False, 0x90000010), (0x92000087, False, 0x92000017),
                                 (0x82000087, True, 0x82000417)):
            with self.subTest(f"{esr:x}"):
                self.assertEqual(sea.syndrome(esr, fnv), wanted)

    def test_which_faults_fit(self):
        load, fetch, none = sea.Wanted(PAGE), sea.Wanted(PAGE, insn=True), sea.Wanted(PAGE)
        none.left = 0
        for wanted, esr, hpfar, fits in (
                (load, TRANSLATION_LOAD, HPFAR, True), (load, TRANSLATION_STORE, HPFAR, True),
                (load, TRANSLATION_LOAD, HPFAR & ~(1 << 63), True),
                (load, 0x9200000F, HPFAR, True), (load, 0x9200000B, HPFAR, True), (load, 0x92000004, HPFAR, True),
                (load, TRANSLATION_FETCH, HPFAR, False), (fetch, TRANSLATION_FETCH, HPFAR, True),
                (fetch, TRANSLATION_LOAD, HPFAR, False), (load, TRANSLATION_LOAD, HPFAR + 0x10, False),
                (load, TRANSLATION_LOAD, 0, False), (none, TRANSLATION_LOAD, HPFAR, False),
                # Already an external abort, an unsupported exclusive, and what is no abort.
                (load, 0x92000010, HPFAR, False), (load, 0x92000035, HPFAR, False), (load, 0x5A000007, HPFAR, False)):
            with self.subTest(f"{esr:x} {hpfar:x} insn={wanted.insn} left={wanted.left}"):
                self.assertEqual(sea.fits(wanted, esr, hpfar), fits)


class Machine(threading.Thread):
    """Plays QEMU's stub. faults: what the CPU meets, each as (esr, hpfar) or None for no vCPU there; afterwards it runs on."""

    def __init__(self, faults=(), alter=lambda question, answer: answer):
        super().__init__(daemon=True)
        self.ours, self.socket = socket.socketpair()
        self.faults, self.alter = list(faults), alter
        self.running, self.at, self.inserted, self.written, self.log = True, False, False, {}, []
        self.fault = None
        self.start()

    def send(self, question, answer):
        data = self.alter(question, gdbstub.packet(answer))
        if data:
            self.socket.sendall(data)

    def run(self):
        with contextlib.suppress(OSError), self.socket:
            data = b""
            while more := self.socket.recv(4096):
                data += more
                while data:
                    if data[:1] == b"\x03":
                        data = data[1:]
                        self.running = False
                        self.send("stop", "T02thread:01;")
                    elif data[:1] == b"+":
                        data = data[1:]
                    elif b"#" in data and len(data) >= data.index(b"#") + 3:
                        end = data.index(b"#")
                        question, data = data[1:end].decode(), data[end + 3:]
                        self.socket.sendall(b"+")
                        self.answer(question)
                    else:
                        break

    def answer(self, question):
        word = question[0]
        if question == "c":
            self.running = True
            if self.inserted and self.faults:
                self.fault, self.running = self.faults.pop(0), False
                self.send("hit", "T05thread:p01.02;")
        elif question.startswith("vCont;s:"):
            self.send("step", "T05thread:p01.02;")
        elif question == "qC":
            self.send(question, "QCp01.01")
        elif question == "g":
            registers = [0] * 33
            registers[0], registers[32] = VCPU, ADDRESS
            self.send("g", b"".join(value.to_bytes(8, "little") for value in registers).hex() + "c9030000")
        elif word == "m":
            place = int(question[1:].split(",")[0], 16) - VCPU - 128
            if self.fault is None:
                self.send("m", "E14")
            else:
                self.send("m", {0: self.fault[0], 8: 0, 16: self.fault[1]}[place].to_bytes(8, "little").hex())
        elif word == "M":
            place, value = question[1:].split(",")[0], question.split(":")[1]
            self.written[int(place, 16) - VCPU - 128] = int.from_bytes(bytes.fromhex(value), "little")
            self.send("M", "OK")
        else:
            self.inserted = {"Z": True, "z": False}.get(word, self.inserted)
            self.send(word, "OK")
        self.log.append(question)


class Played(unittest.TestCase):
    def start(self, faults=(), alter=lambda question, answer: answer, patience=5.0, kernel=None, hello="1"):
        self.machine = Machine(faults, alter)
        self.port, theirs = socket.socketpair()
        self.injector = sea.Injector(self.machine.ours, theirs, kernel or image(), patience)
        self.injector.hello, self.injector.symbols = {"cap245": hello, "release": "6.12.9"}, {sea.SYMBOL: ADDRESS}
        for end in (self.machine.ours, self.port, theirs):
            self.addCleanup(end.close)

    def ask(self, text):
        self.injector.take(text.encode() + b"\n")
        self.port.settimeout(5)
        return self.port.recv(1000).decode()

    def relay(self):
        """What the session does, until the machine runs and meets nothing more."""
        while True:
            until = time.monotonic() + 5
            # The last order is always to go on; the machine may not have come to it.
            while self.machine.log[-1:] != ["c"] and time.monotonic() < until:
                time.sleep(0.001)
            if self.machine.running:
                return
            self.injector.hit()


class Injection(Played):
    def test_one_abort(self):
        self.start([(TRANSLATION_FETCH, HPFAR), None, (TRANSLATION_LOAD, HPFAR + 0x10), (TRANSLATION_LOAD, HPFAR)])
        self.assertEqual(self.ask("arm 0x40010000"), "armed\n")
        self.relay()
        self.assertEqual(self.machine.written, {0: 0x92000010})
        self.assertEqual((self.machine.inserted, self.machine.running, self.machine.faults), (False, True, []))
        self.assertEqual(sum(question.startswith("vCont") for question in self.machine.log), 3)

    def test_no_address(self):
        self.start([(TRANSLATION_FETCH, HPFAR)])
        self.ask("arm 0x40010000,insn,fnv")
        self.relay()
        self.assertEqual(self.machine.written, {0: 0x82000410, 16: 0})

    def test_a_walk_has_no_page(self):
        self.start([(0x92000087, HPFAR)])
        self.ask("arm 0x40010000")
        self.relay()
        self.assertEqual(self.machine.written, {0: 0x92000017, 16: 0})

    def test_the_breakpoint_stays_as_long_as_it_is_needed(self):
        for times, inserted in ((3, False), (4, True)):
            with self.subTest(times):
                self.start([(TRANSLATION_STORE, HPFAR)] * 3)
                self.ask(f"arm 0x40010000,times={times}")
                self.relay()
                self.assertEqual((self.machine.inserted, self.injector.armed), (inserted, inserted))
                self.assertEqual([wanted.left for wanted in self.injector.wanted], [times - 3])

    def test_several_pages(self):
        self.start([(TRANSLATION_STORE, HPFAR + 0x10), (TRANSLATION_FETCH, HPFAR)])
        self.assertEqual(self.ask("arm 0x40011000"), "armed\n")
        self.relay()
        self.assertEqual(self.ask("arm 0x40010000,insn"), "armed\n")
        self.relay()
        self.assertEqual(self.machine.written, {0: 0x82000010})
        self.assertFalse(self.machine.inserted)

    def test_disarm(self):
        self.start()
        self.assertEqual(self.ask("disarm"), "disarmed\n")
        self.assertEqual(self.machine.log, [])
        self.ask("arm 0x40010000")
        self.assertEqual(self.ask("disarm"), "disarmed\n")
        self.assertEqual((self.machine.inserted, self.injector.wanted), (False, []))

    def test_refused(self):
        for text, options, says in (
                ("arm x", {}, "refused no address"), ("", {}, "refused a request"), ("\xff\x00", {}, "refused"),
                ("arm 0x0", {"hello": "0"}, r"refused this kernel \(6.12.9\) has no KVM_CAP_ARM_SEA_TO_USER, which needs Linux 6.19"),
                ("arm 0x0", {"hello": "-1"}, "refused this kernel"),
                ("arm 0x0", {"kernel": io.BytesIO(b"no types at all")}, "refused it carries no BTF")):
            with self.subTest(text, **options):
                self.start(**options)
                self.assertRegex(self.ask(text), f"^{says}")
                self.assertEqual(self.machine.log, [])
        self.start()
        self.injector.symbols = {}
        self.assertRegex(self.ask("arm 0x0"), "refused .*KALLSYMS")

    def test_a_line_without_end(self):
        self.start()
        self.injector.take(b"a" * 300)
        self.assertEqual(self.port.recv(100), b"refused a line without end\n")
        self.assertEqual(self.ask("disarm"), "disarmed\n")

    def test_so_many_at_a_time(self):
        self.start()
        for _ in range(sea.PAGES_MAX):
            self.assertEqual(self.ask("arm 0x40010000"), "armed\n")
        self.assertEqual(self.ask("arm 0x40010000"), f"refused more than {sea.PAGES_MAX} requests at a time\n")
        self.ask("disarm")
        self.assertEqual(self.ask("arm 0x40010000"), "armed\n")

    def test_one_who_asks_and_does_not_read(self):
        self.start()
        self.injector.take(b"x\n" * 100000)

    def test_what_never_came_about_is_said(self):
        self.start([(TRANSLATION_STORE, HPFAR)])
        self.ask("arm 0x40010000,times=2")
        self.relay()
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.injector.say_missed()
        self.assertRegex(said.getvalue(), "^salvage: --sea=0x40010000: 1 of 2 aborts came about; [^\n]*\n$")


# Of which question the answer is what instead; all end in one line, none in waiting.
LIES = (
    ("qC", b"", "did not answer"), ("Z", b"", "did not answer"), ("Z", b"$E01#a6", "refused 'Z1,"), ("Z", b"$#00", "refused"),
    ("Z", b"$OK#00", "wrong checksum"), ("Z", b"$OK#zz", "wrong checksum"), ("Z", b"OK", "no packet"),
    ("qC", b"$" + b"a" * 70000, "without end"), ("hit", b"$W00#b7", "nobody gave"), ("hit", b"$T05#b9", "nobody gave"),
    ("hit", gdbstub.packet("T0Bthread:01;"), "nobody gave"), ("g", b"$#00", "no registers"), ("g", gdbstub.packet("00" * 8), "no registers"),
    ("g", gdbstub.packet("0g" * 300), "no registers"), ("g", gdbstub.packet("00" * 300), "no breakpoint"),
    ("m", gdbstub.packet("00" * 7), "no memory"), ("m", gdbstub.packet("OK"), "no memory"), ("M", gdbstub.packet("E14"), "refused 'M"),
    ("step", b"", "did not answer"), ("step", gdbstub.packet("T02thread:01;"), "nobody gave"), ("H", gdbstub.packet("E22"), "refused 'Hg"),
)


class Liars(Played):
    def provoke(self, alter):
        self.start([(TRANSLATION_FETCH, HPFAR), (TRANSLATION_LOAD, HPFAR)], alter, 0.3)
        self.ask("arm 0x40010000")
        self.relay()

    def test_every_lie_is_one_line(self):
        for question, instead, says in LIES:
            with self.subTest(f"{question} {instead[:20]}"):
                with self.assertRaises(errors.LabError) as caught:
                    self.provoke(lambda asked, answer, question=question, instead=instead: instead if asked == question else answer)
                self.assertRegex(str(caught.exception), f"^salvage: laboratory: QEMU's debugger stub [^\n]*{says}")
                self.assertEqual(caught.exception.status, errors.INTERNAL)

    def test_a_stub_that_goes_away(self):
        self.start()
        self.machine.ours.shutdown(socket.SHUT_RDWR)
        with self.assertRaisesRegex(errors.LabError, "is gone"):
            self.injector.take(b"arm 0x40010000\n")

    def test_noise_never_does_more_than_fail(self):
        rng = random.Random(7)

        def noise(_, answer):
            data = bytearray(answer)
            if rng.random() < 0.1:
                data[rng.randrange(1, len(data))] = rng.choice(b"0#$+T}\x00")
            return bytes(data)

        failed = 0
        for _ in range(60):
            try:
                self.provoke(noise)
            except errors.LabError:
                failed += 1
        self.assertGreater(failed, 10)
