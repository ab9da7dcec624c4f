# SPDX-License-Identifier: BSD-2-Clause
"""What must be known of a program before it is sent to an arm64 machine."""

import os
import struct

EM_AARCH64, ET_EXEC, ET_DYN = 183, 2, 3
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NULL, DT_NEEDED, DT_STRTAB = 0, 1, 5
MACHINES = {EM_AARCH64: "not 64-bit little-endian", 3: "i386", 40: "32-bit Arm", 62: "x86-64", 21: "PowerPC", 22: "s390",
            243: "RISC-V", 258: "LoongArch"}


class NotRunnable(Exception):
    """Why the file is no arm64 program."""


class Program:
    """interpreter: None for a static program; needed: the libraries it names; script: a script's interpreter."""

    def __init__(self, interpreter=None, needed=(), script=None):
        self.interpreter, self.needed, self.script = interpreter, list(needed), script


def read(path):
    """Takes the file as hostile: every offset is checked by reading through it."""
    with open(path, "rb") as file:
        head = file.read(64)
        if head[:2] == b"#!":
            line = (head + file.read(192))[2:].split(b"\n")[0].split()
            if line:
                return Program(script=os.fsdecode(line[0]))
        if head[:4] != b"\x7fELF":
            raise NotRunnable("is not an ELF program")
        if len(head) < 64 or head[5] not in (1, 2):
            raise NotRunnable("is a damaged ELF file")
        machine = int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")
        if machine != EM_AARCH64 or head[4] != 2 or head[5] != 1:
            kind = MACHINES.get(machine, f"ELF machine {machine}")
            raise NotRunnable(f"is not an arm64 program ({kind}); build it with aarch64-linux-gnu-gcc")
        if int.from_bytes(head[16:18], "little") not in (ET_EXEC, ET_DYN):
            raise NotRunnable("is an arm64 object, core or module, not a program")
        return _program(file, head)


def _at(file, offset, size):
    try:
        file.seek(offset)
        data = file.read(size)
    except (OSError, OverflowError, ValueError):
        data = b""
    if len(data) != size:
        raise NotRunnable("is a damaged ELF file")
    return data


def _program(file, head):
    offset, = struct.unpack_from("<Q", head, 32)
    entry_size, count = struct.unpack_from("<HH", head, 54)
    if entry_size != 56:
        raise NotRunnable("is a damaged ELF file")
    table = _at(file, offset, entry_size * count)
    segments = []
    for i in range(count):
        kind, _, where, address, _, size = struct.unpack_from("<IIQQQQ", table, i * entry_size)
        segments.append((kind, where, address, size))
    interpreter = None
    for kind, where, _, size in segments:
        if kind == PT_INTERP:
            interpreter = os.fsdecode(_at(file, where, min(size, 4096)).split(b"\0")[0])
    return Program(interpreter, _needed(file, segments) if interpreter else ())


def _needed(file, segments):
    names, strings = [], None
    for kind, where, _, size in segments:
        if kind != PT_DYNAMIC:
            continue
        dynamic = _at(file, where, min(size, 1 << 16) // 16 * 16)
        for tag, value in struct.iter_unpack("<QQ", dynamic):
            if tag == DT_NULL:
                break
            if tag == DT_NEEDED:
                names.append(value)
            if tag == DT_STRTAB:
                strings = value
    for kind, where, address, size in segments:
        if kind == PT_LOAD and strings is not None and address <= strings < address + size:
            base, room = where + strings - address, address + size - strings
            return [_string(file, base + name) for name in names if name < room]
    return []


def _string(file, offset):
    try:
        file.seek(offset)
        return os.fsdecode(file.read(256).split(b"\0")[0])
    except (OSError, OverflowError, ValueError):
        return ""
