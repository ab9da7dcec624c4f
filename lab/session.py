# SPDX-License-Identifier: BSD-2-Clause
"""Relays the command's streams while the machine runs, and finds out how it ended."""

import os
import re
import select
import signal
import socket
import sys
import time
from collections import deque

import link
from errors import INTERNAL, TIMEOUT, UNAVAILABLE, USAGE, LabError, note, one_line
from qemu import QEMU

BOOT_SECONDS = 180      # without a first frame by then, the kernel is not coming up
CONSOLE_KEPT = 256 << 10
CONSOLE_SHOWN = 60      # lines, when something went wrong
CHUNK = 4096            # PIPE_BUF: a pipe that polls as writable takes this much without blocking
# What QEMU says when it is one of our options that it does not take.
REFUSED = (
    ("unable to find CPU model", "--cpu", "no such CPU, qemu-system-aarch64 -cpu help lists them"),
    ("-arm-cpu", "--cpu", "no such property of the CPU"),
    ("SMP CPUs", "--smp", "too many CPUs"),
    ("guest memory", "--mem", "more than this machine can give"),
)


class Session:
    """One run. progress(text or None) shows or clears a line; outputs receives the files sent back; injector: with --sea."""

    def __init__(self, machine, options, progress, outputs, injector=None):
        self.injector = injector
        self.machine, self.options, self.progress, self.outputs = machine, options, progress, outputs
        self.parser, self.splitter = link.Parser(), link.SerialSplitter()
        self.console, self.qemu_said = bytearray(), bytearray()
        self.writing = {1: deque(), 2: deque()}     # what waits for our stdout and stderr to take it
        self.to_guest = bytearray()
        self.link = machine.link                    # or the console's socket, once the guest has chosen that
        self.open = {machine.console, machine.link, machine.stderr}
        self.open |= {machine.port, machine.debugger} if injector else set()
        self.credit, self.reading = 0, True
        self.hello, self.status = None, None
        self.started = time.monotonic()

    def run(self):
        """Returns the command's exit status; anything else that ends the machine raises LabError."""
        while self.status is None or any(self.writing.values()):
            if self.hello and not self.options.command:
                return 0
            if not self.open and not any(self.writing.values()):
                self._fail("ended before the command did")
            self._wait()
        return self.status

    # One turn

    def _wait(self):
        poll, handlers = select.poll(), {}

        def watch(fd, events, handler):
            poll.register(fd, events)
            handlers[fd] = handler

        held = False
        for fd, blocks in self.writing.items():
            if blocks:
                watch(fd, select.POLLOUT, self._write_out)
                held = True
        # While our own reader is slow the guest waits; nothing is piled up here.
        if self.status is None and not held:
            for source, handler in ((self.machine.console, self._read_console), (self.machine.link, self._read_link),
                                    (self.machine.stderr, self._read_stderr)):
                if source in self.open:
                    watch(source.fileno(), select.POLLIN, handler)
            # Nobody asks and nothing stops before the machine's own user space is up.
            if self.injector and self.hello:
                for source, handler in ((self.machine.port, self._read_port), (self.machine.debugger, self._read_debugger)):
                    if source in self.open:
                        watch(source.fileno(), select.POLLIN, handler)
            if self.to_guest and self.link in self.open:
                poll.modify(self.link.fileno(), select.POLLIN | select.POLLOUT)
            if self.reading and self.credit and not self.to_guest:
                watch(0, select.POLLIN, self._read_stdin)
        for fd, events in poll.poll(self._timeout()):
            if fd == self.link.fileno() and events & select.POLLOUT:
                self._write_link()
            if events & ~select.POLLOUT or fd in self.writing:
                handlers[fd](fd)

    def _timeout(self):
        """Milliseconds until there is something to do; raises when time is up."""
        passed = time.monotonic() - self.started
        if self.options.timeout and passed >= self.options.timeout:
            self._fail(f"stopped after {self.options.timeout:g} s, as --timeout asked", TIMEOUT)
        if self.hello is None:
            if passed > BOOT_SECONDS:
                self._fail(f"the kernel did not reach its user space in {BOOT_SECONDS} s")
            self.progress(f"booting the laboratory... {passed:.1f} s", passed)
            return 100
        left = self.options.timeout - passed if self.options.timeout else 3600
        return int(left * 1000) + 1

    # What comes from the machine

    def _receive(self, source):
        try:
            data = source.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.open.discard(source)
        return data

    def _read_console(self, fd):
        data = self._receive(self.machine.console)
        # Once the guest has chosen the port, whatever its console says is text.
        taken = self.hello and self.link is self.machine.link
        text, frames = (data, b"") if taken else self.splitter.split(data)
        self._keep_console(text)
        if self.splitter.linked and self.link is not self.machine.console:
            self.link = self.machine.console
            if not self.options.quiet:
                note("this kernel has no virtio console: the command's streams share its serial line, slowly")
        self._take(frames)

    def _keep_console(self, text):
        self.console += text
        del self.console[:-CONSOLE_KEPT]
        if self.options.console and text:
            self.progress(None)
            self._queue(2, bytes(text))

    def _read_link(self, fd):
        self._take(self._receive(self.machine.link))

    def _read_port(self, fd):
        self.injector.take(self._receive(self.machine.port))

    def _read_debugger(self, fd):
        # The end of QEMU is noticed by the others.
        if self.machine.debugger.recv(1, socket.MSG_PEEK):
            self.injector.hit()
        else:
            self.open.discard(self.machine.debugger)

    def _read_stderr(self, fd):
        data = os.read(fd, 4096)
        if not data:
            self.open.discard(self.machine.stderr)
        self.qemu_said += data[:8192 - len(self.qemu_said)]

    def _take(self, data):
        self.parser.feed(data)
        try:
            for kind, payload in self.parser:
                self._frame(kind, payload)
        except link.Broken as error:
            if self.link is not self.machine.console:
                self._fail(f"the guest broke the link: {error}")
            # On a shared line only a dying kernel speaks between frames.
            self._keep_console(bytes(self.parser.data))
            self.parser = link.Parser()

    def _frame(self, kind, payload):
        if kind == link.HELLO:
            lines = payload.decode("utf-8", "replace").split("\n")
            self.hello = dict(line.split("=", 1) for line in lines if "=" in line)
            self.progress(None)
            if self.hello.get("protocol") != str(link.PROTOCOL):
                self._fail("its first process is of another version of salvage; build again with make")
            if self.injector:
                self.injector.hello = self.hello
        elif kind == link.SYMBOL:
            name, _, address = payload.decode("ascii", "replace").partition(" ")
            if self.injector and re.fullmatch(r"[0-9a-f]{1,16}", address):
                self.injector.symbols[name] = int(address, 16)
        elif kind == link.STDOUT:
            self._queue(1, payload)
        elif kind == link.STDERR:
            self._queue(2, payload)
        elif kind == link.WANT:
            self.credit += payload
        elif kind == link.UNREAD:
            self.reading = False
        elif kind == link.FILE:
            self.outputs.begin(payload)
        elif kind == link.FILE_DATA:
            self.outputs.data(payload)
        elif kind == link.FILE_END:
            self.outputs.end(payload)
        elif kind == link.EXIT:
            self.status = payload & 0xFF
        elif kind == link.KILLED:
            self.status = 128 + (payload & 0x7F)
            self._say_killed(payload & 0x7F)
        elif kind == link.FAILURE:
            raise LabError(INTERNAL, "laboratory", payload.decode("utf-8", "replace"))

    def _say_killed(self, number):
        name = signal.strsignal(number) or "unknown signal"
        self._queue(2, f"salvage: {one_line(self.options.command[0])}: killed by signal {number} ({name})\n".encode())

    # What goes to our own stdout and stderr, and to the guest

    def _queue(self, fd, data):
        for start in range(0, len(data), CHUNK):
            self.writing[fd].append(data[start:start + CHUNK])

    def _write_out(self, fd):
        blocks = self.writing[fd]
        try:
            written = os.write(fd, blocks[0])
        except BlockingIOError:
            return
        except OSError:
            # Nobody reads this any more: the command is to notice, as it would without the laboratory.
            blocks.clear()
            self.to_guest += link.frame(link.CLOSED, link.number(fd))
            return
        if written == len(blocks[0]):
            blocks.popleft()
        else:
            blocks[0] = blocks[0][written:]

    def _read_stdin(self, fd):
        try:
            data = os.read(0, min(self.credit, link.MAX))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.credit -= len(data)
        if data:
            self.to_guest += link.frame(link.STDIN, data)
        else:
            self.reading = False
            self.to_guest += link.frame(link.STDIN_END)

    def _write_link(self):
        try:
            sent = self.link.send(self.to_guest, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except ConnectionError:
            sent = len(self.to_guest)
        del self.to_guest[:sent]

    # How it ended

    def _fail(self, why, status=INTERNAL):
        self.progress(None)
        said = one_line(self.qemu_said.decode("utf-8", "replace"))
        if self.hello is None and not self.console and said:
            self._refused(said)
        if b"Kernel panic" in self.console and status == INTERNAL:
            why = "its kernel panicked"
        if not self.options.console:
            self._show_console()
        raise LabError(status, "laboratory", f"{why}; {said}" if said else why)

    def _refused(self, said):
        for pattern, name, why in REFUSED:
            if pattern in said:
                raise LabError(USAGE, self.options.said.get(name, name), f"{why}; QEMU says: {said}")
        raise LabError(UNAVAILABLE, QEMU, f"did not start: {said}")

    def _show_console(self):
        lines = self.console.decode("utf-8", "replace").splitlines()[-CONSOLE_SHOWN:]
        if not lines:
            note("laboratory: its console is empty; is the kernel an arm64 one with a PL011 console?")
            return
        note(f"laboratory: the last {len(lines)} lines of its console:")
        for line in lines:
            print("  " + "".join(c if c.isprintable() or c == "\t" else "?" for c in line), file=sys.stderr)
        sys.stderr.flush()
