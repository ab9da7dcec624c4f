# SPDX-License-Identifier: BSD-2-Clause
"""The host's end of the link to the guest's first process; init/link.h describes the frames."""

import struct

PROTOCOL, HEADER, MAX = 2, 8, 32768
SERIAL_BEGINS = b"\x01\x02salvage link\x03\n"

HELLO, SYMBOL, STDOUT, STDERR, WANT, UNREAD = b"hsoewu"
FILE, FILE_DATA, FILE_END = b"fdn"
EXIT, KILLED, FAILURE = b"xk!"
STDIN, STDIN_END, CLOSED = b"izc"
WITH_NUMBER = (WANT, FILE, FILE_END, EXIT, KILLED)


class Broken(Exception):
    """The guest sent something that is no frame."""


def frame(kind, payload=b""):
    return b"SV" + bytes((kind, 0)) + struct.pack("<I", len(payload)) + payload


def number(value):
    return struct.pack("<I", value)


class Parser:
    """Cuts a stream into frames. What the guest sends is hostile: it can do no more than raise Broken."""

    def __init__(self):
        self.data = bytearray()

    def feed(self, data):
        self.data += data

    def __iter__(self):
        """Yields (kind, payload); for kinds WITH_NUMBER the payload is an int."""
        while len(self.data) >= HEADER:
            magic, kind, size = self.data[:2], self.data[2], int.from_bytes(self.data[4:8], "little")
            if magic != b"SV" or size > MAX:
                raise Broken("what it sent is no frame")
            if len(self.data) < HEADER + size:
                return
            payload = bytes(self.data[HEADER:HEADER + size])
            del self.data[:HEADER + size]
            if kind in WITH_NUMBER:
                if size != 4:
                    raise Broken(f"frame {chr(kind)!r} of {size} bytes")
                payload = int.from_bytes(payload, "little")
            yield kind, payload


class SerialSplitter:
    """Where the link shares the serial line with the console: the kernel's text comes first, then frames."""

    def __init__(self):
        self.held = b""
        self.linked = False

    def split(self, data):
        """Returns (console text, link bytes)."""
        if self.linked:
            return b"", data
        data = self.held + data
        before, mark, after = data.partition(SERIAL_BEGINS)
        if mark:
            self.linked, self.held = True, b""
            return before, after
        keep = len(SERIAL_BEGINS) - 1
        self.held = data[-keep:]
        return data[:-keep], b""
