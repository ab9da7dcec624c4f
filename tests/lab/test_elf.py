# SPDX-License-Identifier: BSD-2-Clause
"""What is sent to the guest is looked at first; ELF files come damaged."""

import random
import struct
import tempfile
import unittest

import elf


def program(machine=183, kind=2, bits=2, order=1, interpreter=None, needed=()):
    """A small ELF file: one loaded segment that is the whole file."""
    strings, offsets = b"\0", []
    for name in needed:
        offsets.append(len(strings))
        strings += name.encode() + b"\0"
    segments = 1 + (2 if interpreter else 0)
    interp_at = 64 + 56 * segments
    interp = (interpreter or "").encode() + b"\0"
    strings_at = interp_at + len(interp)
    dynamic_at = strings_at + len(strings)
    dynamic = b"".join(struct.pack("<QQ", 1, offset) for offset in offsets) + struct.pack("<QQQQ", 5, strings_at, 0, 0)
    end = dynamic_at + len(dynamic)
    head = b"\x7fELF" + bytes((bits, order, 1)) + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0, 64, 0, 0, 64, 56, segments, 0, 0, 0)
    table = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, end, end, 4096)
    if interpreter:
        table += struct.pack("<IIQQQQQQ", 3, 4, interp_at, interp_at, 0, len(interp), len(interp), 1)
        table += struct.pack("<IIQQQQQQ", 2, 4, dynamic_at, dynamic_at, 0, len(dynamic), len(dynamic), 8)
    return head + table + interp + strings + dynamic


def read(data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return elf.read(file.name)


DYNAMIC = program(kind=3, interpreter="/lib/ld-linux-aarch64.so.1", needed=("libc.so.6", "libm.so.6"))


class Elf(unittest.TestCase):
    def test_static(self):
        for kind in (2, 3):
            self.assertIsNone(read(program(kind=kind)).interpreter)

    def test_dynamic(self):
        found = read(DYNAMIC)
        self.assertEqual((found.interpreter, found.needed), ("/lib/ld-linux-aarch64.so.1", ["libc.so.6", "libm.so.6"]))

    def test_script(self):
        self.assertEqual(read(b"#! /bin/sh -e\nexit\n").script, "/bin/sh")

    def test_what_is_none(self):
        for name, data, why in (
                ("empty", b"", "not an ELF"), ("text", b"hello", "not an ELF"), ("x86-64", program(machine=62), r"\(x86-64\)"),
                ("32-bit Arm", program(machine=40, bits=1), "32-bit Arm"), ("big-endian", program(order=2), "not an arm64 program"),
                ("object", program(kind=1), "object"), ("core", program(kind=4), "object, core"), ("head only", program()[:20], "damaged"),
                ("no table", program()[:64], "damaged"), ("#!", b"#!\n", "not an ELF")):
            with self.subTest(name), self.assertRaisesRegex(elf.NotRunnable, why):
                read(data)

    def test_damage_never_does_more_than_refuse(self):
        rng = random.Random(1)
        for _ in range(3000):
            data = bytearray(DYNAMIC)
            for _ in range(rng.randrange(1, 6)):
                data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            try:
                read(bytes(data[:rng.randrange(len(data) + 1)] if rng.random() < 0.3 else data))
            except elf.NotRunnable:
                pass
