# SPDX-License-Identifier: BSD-2-Clause
"""Where a field lies in a kernel structure, by the type information (BTF) that the kernel's Image carries.

The format is described in the kernel's Documentation/bpf/btf.rst. The blob has no table of contents: it is found by its
magic number. All of it is taken as hostile, since any file may be given as a kernel.
"""

import re
import struct

START = b"\x9f\xeb\x01\x00"     # magic, version, flags: little-endian
HEADER, TYPE, MEMBER = struct.Struct("<HBBIIIII"), struct.Struct("<III"), struct.Struct("<III")
STRUCT, UNION = 4, 5
ALIASES = (8, 9, 10, 11, 18)    # typedef, volatile, const, restrict, type tag: another name for a type
# What follows a type of each kind: so many bytes, and so many for each of its members.
SIZES = {1: (4, 0), 2: (0, 0), 3: (12, 0), 4: (0, 12), 5: (0, 12), 6: (0, 8), 7: (0, 0), 8: (0, 0), 9: (0, 0), 10: (0, 0),
         11: (0, 0), 12: (0, 0), 13: (0, 8), 14: (4, 0), 15: (0, 12), 16: (0, 0), 17: (4, 0), 18: (0, 0), 19: (0, 12)}
DEEPEST = 32                    # anonymous structures and typedefs inside each other


class NotFound(Exception):
    """The text says what is missing."""


class Types:
    """The types of one kernel image."""

    def __init__(self, image):
        self.data, self.strings = _find(image)
        self.places, self.names = [0], {}     # type 0 is void
        place = 0
        while place < len(self.data):
            try:
                name, info, _ = TYPE.unpack_from(self.data, place)
                fixed, each = SIZES[info >> 24 & 0x1F]
            except (struct.error, KeyError) as error:
                raise NotFound("its BTF is damaged or of a newer kind") from error
            if info >> 24 & 0x1F in (STRUCT, UNION):
                self.names.setdefault(name, len(self.places))
            self.places.append(place)
            place += TYPE.size + fixed + each * (info & 0xFFFF)
        if place != len(self.data):
            raise NotFound("its BTF is cut short")

    def offset(self, structure, path):
        """Offset in bytes of a field like "arch.fault.esr_el2" in a structure like "kvm_vcpu"."""
        # Fields and types of that name may have strings of their own.
        starts = (match.start() for match in re.finditer(re.escape(structure.encode() + b"\0"), self.strings))
        number, offset = next((self.names[start] for start in starts if start in self.names), None), 0
        if not number:
            raise NotFound(f"its BTF has no struct {structure}")
        for name in path.split("."):
            found = self._member(number, name.encode(), 0)
            if not found:
                raise NotFound(f"its BTF has no {structure}.{path}")
            number, bits = found
            offset += bits
        if offset % 8:
            raise NotFound(f"{structure}.{path} is a bit field")
        return offset // 8

    def _name(self, offset):
        end = self.strings.find(b"\0", offset)
        return self.strings[offset:end] if 0 <= end else b""

    def _type(self, number):
        if not 0 < number < len(self.places):
            raise NotFound("its BTF names a type that is not there")
        return TYPE.unpack_from(self.data, self.places[number])

    def _member(self, number, name, depth):
        """(type, offset in bits) of a member, also of one inside an anonymous structure; None if it has none."""
        if depth > DEEPEST:
            raise NotFound("its BTF goes round in circles")
        _, info, target = self._type(number)
        kind = info >> 24 & 0x1F
        if kind in ALIASES:
            return self._member(target, name, depth + 1)
        if kind not in (STRUCT, UNION):
            return None
        for i in range(info & 0xFFFF):
            called, member, bits = MEMBER.unpack_from(self.data, self.places[number] + TYPE.size + i * MEMBER.size)
            if info >> 31:
                bits &= 0xFFFFFF    # the rest is the width of a bit field
            if called:
                if self._name(called) == name:
                    return member, bits
                continue
            inside = self._member(member, name, depth + 1)
            if inside:
                return inside[0], bits + inside[1]
        return None


def _find(image):
    """(types, strings) of the blob in an image: of several candidates the first whose header adds up."""
    for match in re.finditer(re.escape(START), image):
        place = match.start()
        if place + HEADER.size > len(image):
            break
        _, _, _, header, types, types_size, strings, strings_size = HEADER.unpack_from(image, place)
        start = place + header
        whole = start + max(types + types_size, strings + strings_size) <= len(image)
        if header < HEADER.size or not types_size or not strings_size or not whole:
            continue
        text = image[start + strings:start + strings + strings_size]
        if text[:1] == b"\0" and text[-1:] == b"\0":
            return image[start + types:start + types + types_size], text
    raise NotFound("it carries no BTF")
