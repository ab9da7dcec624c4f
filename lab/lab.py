# SPDX-License-Identifier: BSD-2-Clause
"""salvage lab: runs an arm64 program under a real KVM in an emulated machine. README.md says how."""

import hashlib
import os
import shutil
import sys

import cache
import guest
import kernel
import options as command_line
import process
import qemu
import sea
import userland
from errors import INTERNAL, UNAVAILABLE, USAGE, LabError, note, one_line, run_main
from initramfs import Tree
from machine import Machine
from outputs import Outputs
from session import Session

HERE = os.path.dirname(os.path.abspath(__file__))
HEADERS, SOURCES = ("job.h", "link.h"), ("init.c", "job.c", "link.c")
FLAGS = ("-std=gnu11", "-D_GNU_SOURCE", "-Os", "-static", "-s")
COMPILER = "aarch64-linux-gnu-gcc"
SLOW = 10   # seconds after which booting is mentioned where there is no terminal to show it on


class Progress:
    """One line on standard error: on a terminal it changes in place, elsewhere each state is a line of its own."""

    def __init__(self, quiet):
        self.quiet, self.terminal = quiet, sys.stderr.isatty()
        self.shown = self.said_slow = False

    def fetching(self, text):
        if self.quiet:
            return
        if self.terminal:
            self.show(f"salvage: {text}...")
        else:
            note(text)

    def booting(self, text, seconds=0):
        if not text:
            self.clear()
        elif self.quiet:
            return
        elif self.terminal:
            self.show(f"salvage: {text}")
        elif seconds > SLOW and not self.said_slow:
            self.said_slow = True
            note(text)

    def show(self, text):
        self.shown = True
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def clear(self):
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        self.shown = False


def first_process(options):
    """The compiled init: the build's, the installed one, or one compiled now and kept in the cache."""
    for path in (options.init, os.path.join(HERE, "lab-init")):
        if path and os.path.isfile(path):
            with open(path, "rb") as file:
                return file.read()
    compiler = shutil.which(COMPILER)
    if not compiler or not os.path.isdir(os.path.join(HERE, "init")):
        raise LabError(UNAVAILABLE, "laboratory init", f"is not built and {COMPILER} is not installed; "
                       "apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross")
    return _compiled(compiler, options.quiet)


def _compiled(compiler, quiet):
    stamp = hashlib.sha256()
    for name in HEADERS + SOURCES:
        with open(os.path.join(HERE, "init", name), "rb") as source:
            stamp.update(source.read())
    facts, file = cache.get("init")
    if not file or facts.get("sources") != stamp.hexdigest():
        with cache.locked(quiet) as work:
            made = os.path.join(work, "init")
            sources = [os.path.join(HERE, "init", name) for name in SOURCES]
            status, _, err = process.run([compiler, *FLAGS, "-o", made, *sources])
            if status:
                raise LabError(UNAVAILABLE, "laboratory init", f"does not compile: {err[:200]}")
            cache.put(work, "init", made, sources=stamp.hexdigest())
            _, file = cache.get("init")
    with file:
        return file.read()


def boot(options, program, tree, image, progress, outputs):
    """One run of the machine. Returns (status, what the guest said about itself)."""
    with os.fdopen(os.memfd_create("initramfs"), "w+b") as initrd:
        tree.write(initrd)
        initrd.flush()
        machine = Machine(program, options, image, initrd)
    try:
        injector = sea.Injector(machine.debugger, machine.port, image) if options.sea else None
        session = Session(machine, options, progress.booting, outputs, injector)
        status = session.run()
        if injector and not options.quiet:
            injector.say_missed()
        return status, session.hello
    finally:
        machine.end()
        outputs.abandon()
        progress.clear()


def find_machine(options, progress, newest=False):
    """Returns (QEMU, facts of it, facts of the kernel, the kernel's open file). What the user gave is checked first."""
    given = kernel.given(options.kernel) if options.kernel else None
    try:
        if newest and qemu.wanted(options.qemu) == qemu.NEWEST:
            about, program = qemu.newest(progress.fetching, options.quiet)
        else:
            about, program = {}, qemu.find(options.qemu, progress.fetching, options.quiet)
        find = kernel.newest if newest else kernel.cached
        return (program, about, *(given or find(progress.fetching, options.quiet)))
    finally:
        progress.clear()


def run(options):
    progress = Progress(options.quiet)
    outputs = Outputs(options.outputs)
    root = None
    if options.packages:
        root = userland.cached(options.packages, progress.fetching, options.quiet)[1]
        progress.clear()
    tree = guest.build(options, root)
    program, _, _, image = find_machine(options, progress)
    tree.bytes(guest.INIT, first_process(options), 0o755)
    with image:
        status, hello = boot(options, program, tree, image, progress, outputs)
    if hello.get("kvm") != "1" and not options.quiet:
        note(f"the laboratory's kernel {hello.get('release')} offers no /dev/kvm")
    for problem in outputs.problems:
        print(one_line(str(problem)), file=sys.stderr)
    return status or (INTERNAL if outputs.problems else 0)


def fetch(options):
    """Brings the cache up to date, boots what is there once, and prints what it is and has."""
    progress = Progress(options.quiet)
    program, about, facts, image = find_machine(options, progress, newest=True)
    unpacked, root = userland.newest(options.packages, progress.fetching, options.quiet) if options.packages else ({}, None)
    progress.clear()
    tree = Tree()
    tree.bytes(guest.INIT, first_process(options), 0o755)
    with image:
        _, hello = boot(options, program, tree, image, progress, Outputs([]))
    print(f"kernel    {hello.get('release')}")
    for name in ("package", "version", "suite", "mirror", "sha256"):
        if facts.get(name):
            print(f"{name:9} {facts[name]}")
    if facts.get("file"):
        print(f"kept in   {os.path.join(cache.directory(), facts['file'])}")
    print(f"qemu      {qemu.version(program)}")
    if about:
        print(f"mirror    {about['mirror']}\nkept in   {os.path.dirname(program)}")
    for name, suite in options.packages:
        print(f"packages  {'/'.join(filter(None, (name, suite)))}")
    if root:
        print(f"          {len(unpacked['packages'])} in all\nmirror    {unpacked['mirror']}\nkept in   {root}")
    print(f"/dev/kvm  {'yes' if hello.get('kvm') == '1' else 'missing'}")
    for key, name, needs in kernel.FEATURES:
        print(f"          {name} " + ("yes" if hello.get(key, "0") not in ("0", "-1") else f"missing (needs {needs})"))
    return 0


def main():
    try:
        os.getcwd()
    except OSError as error:
        raise LabError(USAGE, "working directory", f"{error.strerror}; cd to one that is there") from error
    options = command_line.parse(sys.argv[1:])
    if options.help:
        print(command_line.USAGE_TEXT, end="")
        return 0
    return fetch(options) if options.fetch else run(options)


def open_standard_streams():
    """A caller may have closed them; nothing else may take their numbers."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(fd)


if __name__ == "__main__":
    open_standard_streams()
    run_main(main)
