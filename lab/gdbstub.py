# SPDX-License-Identifier: BSD-2-Clause
"""A client of the remote protocol that QEMU's debugger stub speaks, as far as one breakpoint needs it.

The protocol is described in GDB's manual, appendix "Remote Serial Protocol". What the stub answers is checked, and waited for
only so long.
"""

import re
import select
import socket
import time

PATIENCE = 20           # seconds for one answer: a busy host may be slow, but not that slow
LONGEST = 1 << 16       # of one packet
HARDWARE, LENGTH = 1, 4     # kind of breakpoint, and the size of the instruction it is at
X, PC = 0, 32           # places in the answer to "g": X0 to X30, SP, PC, each of 8 bytes


class Broken(Exception):
    """The stub's answer makes no sense, or none came. The text says which."""


def packet(text):
    data = text.encode()
    return b"$" + data + b"#%02x" % (sum(data) & 0xFF)


class Stub:
    """A machine under the debugger. It runs, or it has stopped and answers."""

    def __init__(self, connection, patience=PATIENCE):
        self.connection, self.patience, self.data = connection, patience, bytearray()

    # Packets

    def _send(self, data):
        try:
            self.connection.sendall(data)
        except OSError as error:
            raise Broken("is gone") from error

    def _more(self, until):
        ready, _, _ = select.select([self.connection], [], [], max(0, until - time.monotonic()))
        if not ready:
            raise Broken(f"did not answer in {self.patience:g} s")
        try:
            data = self.connection.recv(4096)
        except OSError:
            data = b""
        if not data:
            raise Broken("is gone")
        self.data += data

    def _receive(self):
        """The contents of the next packet, which is acknowledged."""
        until = time.monotonic() + self.patience
        while True:
            # Its acknowledgements: nothing is lost on a socket, so they say nothing new.
            while self.data[:1] == b"+":
                del self.data[:1]
            if self.data and self.data[:1] != b"$":
                raise Broken("answered with something that is no packet")
            end = self.data.find(b"#")
            if end < 0 and len(self.data) > LONGEST:
                raise Broken("answered without end")
            if end < 0 or len(self.data) < end + 3:
                self._more(until)
                continue
            body, check = bytes(self.data[1:end]), bytes(self.data[end + 1:end + 3])
            del self.data[:end + 3]
            if not re.fullmatch(rb"[0-9a-fA-F]{2}", check) or int(check, 16) != sum(body) & 0xFF:
                raise Broken("answered with a wrong checksum")
            self._send(b"+")
            return body

    def _ask(self, text):
        self._send(packet(text))
        return self._receive()

    def _order(self, text):
        answer = self._ask(text)
        if answer != b"OK":
            raise Broken(f"refused {text.split(':')[0]!r}")

    # The machine

    def stop(self):
        """Stops it if it runs. That it had stopped by itself meanwhile is seen again after resume()."""
        # The stub drops what follows the first byte only if the machine had stopped; a question tells when it listens.
        self._send(b"\x03" + packet("qC"))
        for _ in range(4):
            if self._receive().startswith(b"QC"):
                return
        raise Broken("does not say that it stopped")

    def resume(self):
        self._send(packet("c"))

    def says(self):
        """Called when there is something to read and the machine runs: whether it is more than acknowledgements."""
        self._more(time.monotonic() + self.patience)
        self.data = self.data.lstrip(b"+")
        return bool(self.data)

    def stopped(self):
        """Called when it stopped by itself: the thread, which is the CPU, that did."""
        answer = self._receive()
        match = re.match(rb"T05(?:[^;]*;)*?thread:(p?[0-9a-f]+(?:\.[0-9a-f]+)?);", answer)
        if not match:
            raise Broken("stopped for a reason that nobody gave it")
        return match[1].decode()

    def select(self, thread):
        self._order(f"Hg{thread}")

    def step(self, thread):
        """One instruction of one CPU, while the others stay where they are."""
        self._send(packet(f"vCont;s:{thread}"))
        self.stopped()

    def insert(self, address):
        self._order(f"Z{HARDWARE},{address:x},{LENGTH}")

    def remove(self, address):
        self._order(f"z{HARDWARE},{address:x},{LENGTH}")

    def register(self, number):
        """X0 to X30 by number, or PC, of the selected thread."""
        answer, start = self._ask("g"), 16 * number
        if not re.fullmatch(rb"(?:[0-9a-f]{2})+", answer) or len(answer) < start + 16:
            raise Broken("gave no registers")
        return int.from_bytes(bytes.fromhex(answer[start:start + 16].decode()), "little")

    def read(self, address, size):
        """Bytes at a virtual address of the selected thread, or None if there is nothing."""
        answer = self._ask(f"m{address:x},{size:x}")
        if re.fullmatch(rb"E[0-9a-f]{2}", answer):
            return None
        if not re.fullmatch(rb"(?:[0-9a-f]{2})+", answer) or len(answer) != 2 * size:
            raise Broken("gave no memory")
        return bytes.fromhex(answer.decode())

    def write(self, address, data):
        self._order(f"M{address:x},{len(data):x}:{data.hex()}")
