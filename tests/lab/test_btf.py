# SPDX-License-Identifier: BSD-2-Clause
"""Offsets from a kernel's BTF: of structures made here, and of anything else no more than an error."""

import random
import struct
import unittest

import btf

INT, STRUCT, UNION, FWD, TYPEDEF, CONST, FUNC_PROTO, ENUM64 = 1, 4, 5, 7, 8, 10, 13, 19


class Maker:
    """Types get the numbers 1, 2, ... in the order in which they are added."""

    def __init__(self):
        self.types, self.strings = b"", b"\0"

    def name(self, text):
        if not text:
            return 0
        self.strings += text.encode() + b"\0"
        return len(self.strings) - len(text) - 1

    def add(self, kind, name="", target=0, count=0, more=b"", flag=0):
        self.types += struct.pack("<III", self.name(name), flag << 31 | kind << 24 | count, target) + more

    def compound(self, kind, name, *members, flag=0):
        """members: (name, type, offset in bits)."""
        more = b"".join(struct.pack("<III", self.name(member), number, bits) for member, number, bits in members)
        self.add(kind, name, 0, len(members), more, flag)

    def blob(self, header=24):
        return struct.pack("<HBBIIIII", 0xEB9F, 1, 0, header, 0, len(self.types), len(self.types), len(self.strings)) \
            + bytes(header - 24) + self.types + self.strings


def kernel():
    """Nests and names types as the kernel does: through a typedef and an anonymous structure, in a numbered order that is none."""
    maker = Maker()
    maker.add(INT, "u64", 8, more=bytes(4))                                     # 1
    maker.compound(STRUCT, "kvm_vcpu", ("mode", 1, 0), ("", 6, 64), ("arch", 3, 256))   # 2
    maker.add(CONST, target=4)                                                  # 3
    maker.add(TYPEDEF, "arch_t", 5)                                             # 4
    maker.compound(STRUCT, "kvm_vcpu_arch", ("fault", 7, 128))                  # 5
    maker.compound(UNION, "", ("inside", 1, 0), ("", 8, 0))                     # 6
    maker.compound(STRUCT, "fault", ("esr_el2", 1, 0), ("far_el2", 1, 64), ("bits", 1, 5 << 24 | 131), flag=1)  # 7
    maker.compound(STRUCT, "", ("pad", 1, 0), ("deep", 1, 64))                  # 8
    maker.add(FUNC_PROTO, count=2, more=bytes(16))                              # 9
    maker.add(ENUM64, "e", 8, 1, bytes(12))                                     # 10
    maker.add(FWD, "elsewhere")                                                 # 11
    return maker


class Offsets(unittest.TestCase):
    def test_fields(self):
        for header in (24, 32):
            types = btf.Types(b"text" * 10 + kernel().blob(header) + b"more")
            for path, wanted in (("mode", 0), ("arch", 32), ("arch.fault", 48), ("arch.fault.esr_el2", 48),
                                 ("arch.fault.far_el2", 56), ("inside", 8), ("deep", 16)):
                with self.subTest(path, header=header):
                    self.assertEqual(types.offset("kvm_vcpu", path), wanted)

    def test_what_is_not_there(self):
        types = btf.Types(kernel().blob())
        for structure, path, says in (("kvm", "arch", "no struct kvm"), ("kvm_vcpu", "gone", "no kvm_vcpu.gone"),
                                      ("kvm_vcpu", "arch.fault.gone", "no kvm_vcpu"), ("kvm_vcpu", "mode.x", "no kvm_vcpu"),
                                      ("elsewhere", "x", "no struct"), ("u64", "x", "no struct"), ("fault", "bits", "bit field")):
            with self.subTest(path), self.assertRaisesRegex(btf.NotFound, says):
                types.offset(structure, path)

    def test_a_false_start_is_passed_over(self):
        false = btf.START + struct.pack("<IIIII", 24, 0, 1 << 20, 0, 1 << 20)
        self.assertEqual(btf.Types(false + bytes(64) + kernel().blob()).offset("kvm_vcpu", "arch"), 32)

    def test_no_blob(self):
        for data in (b"", b"x" * 1000, btf.START, btf.START + bytes(100), kernel().blob()[:-1]):
            with self.subTest(data[:8]), self.assertRaisesRegex(btf.NotFound, "no BTF"):
                btf.Types(data)

    def test_a_circle(self):
        maker = Maker()
        maker.compound(STRUCT, "a", ("", 2, 0))
        maker.add(TYPEDEF, "b", 2)
        with self.assertRaisesRegex(btf.NotFound, "circles"):
            btf.Types(maker.blob()).offset("a", "x")

    def test_noise_never_does_more_than_fail(self):
        rng, whole = random.Random(5), kernel().blob()
        for _ in range(3000):
            data = bytearray(whole)
            for _ in range(rng.randrange(1, 4)):
                data[rng.randrange(4, len(data))] = rng.choice((0, 1, 2, 7, 255, rng.randrange(256)))
            try:
                btf.Types(bytes(data)).offset("kvm_vcpu", "arch.fault.esr_el2")
            except btf.NotFound:
                pass
