#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A page of a Linux guest goes bad: without salvage its kernel panics, with salvage one process dies.

Always in the laboratory: memory errors can be made nowhere else. The guest is the laboratory's own kernel, as Debian
ships it, with a program of ours (linux-sea.c) for user space.

usage: demo-sea.py SALVAGE LAB-DIRECTORY
"""
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

RAM, MIB = 0x40000000, 1 << 20
MEMORY, KEPT = 256, 2    # MiB, of which the kernel does not get the last: the bad page is there
BAD = RAM + (MEMORY - KEPT // 2) * MIB
APPEND = f'console=ttyAMA0 loglevel=1 nokaslr panic=-1 mem={MEMORY - KEPT}M bad_page={BAD:#x}'
SECONDS = 300
RESET, UNAVAILABLE = 107, 101
VICTIM, PANIC, DIES, ENDS = ('victim: loads from', 'Kernel panic - not syncing: Asynchronous SError Interrupt',
                             'init: the process was killed by signal 7', 'init: powers off')


def say(text=''):
    # One write: lines may come of two threads.
    sys.stdout.write(text + '\n')
    sys.stdout.flush()


def fail(text, status=1):
    print(f'salvage: demo: {text}', file=sys.stderr)
    sys.exit(status)


class Progress:
    """Counts the seconds in which nothing is said: on a terminal in one line, else one line every ten."""

    def __init__(self):
        self.terminal, self.drawn = sys.stderr.isatty(), False
        self.last, self.ended, self.lock = time.monotonic(), threading.Event(), threading.Lock()
        self.thread = threading.Thread(target=self._count, daemon=True)
        self.thread.start()

    def _count(self):
        start, seconds = time.monotonic(), 0
        while not self.ended.wait(1):
            seconds += 1
            with self.lock:
                if time.monotonic() - self.last < 2 or (not self.terminal and seconds % 10 != 2):
                    continue
                text = f'(the laboratory and the guest are running, {time.monotonic() - start:.0f} s)'
                print(f'\r\033[K{text}' if self.terminal else text, end='' if self.terminal else '\n', file=sys.stderr, flush=True)
                self.drawn = self.terminal

    def clear(self):
        with self.lock:
            self.last = time.monotonic()
            if self.drawn:
                print('\r\033[K', end='', file=sys.stderr, flush=True)
                self.drawn = False

    def end(self):
        self.ended.set()
        self.thread.join()
        self.clear()


def run(salvage, directory, *arguments):
    """Runs the command, its output passing through line by line. Returns (status, all that was said)."""
    say('$ salvage ' + ' '.join(f"'{a}'" if ' ' in a else a for a in arguments))
    progress, said = Progress(), []

    def pass_on(stream):
        # The guest's console and salvage's own messages: each by itself, so that no line has parts of both.
        for line in stream:
            line = line.rstrip('\r\n')
            if line:
                progress.clear()
                said.append(line)
                say(line)

    with subprocess.Popen([salvage, *arguments], cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors='replace') as child:
        readers = [threading.Thread(target=pass_on, args=[stream]) for stream in (child.stdout, child.stderr)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    progress.end()
    say(f'(status {child.returncode})')
    if child.returncode == UNAVAILABLE:
        fail('the laboratory cannot be had, see above', UNAVAILABLE)
    return child.returncode, '\n'.join(said)


def prepare(lab, init, directory):
    """The guest's kernel and initial RAM disk. Returns the kernel's package."""
    sys.dont_write_bytecode = True    # the source tree stays as it is
    sys.path.insert(0, lab)
    import initramfs
    import kernel
    from errors import LabError
    tree = initramfs.Tree()
    try:
        tree.directory('/dev')
        tree.host(init, '/init')
        facts, image = kernel.cached(lambda text: print(f'salvage: {text}', file=sys.stderr, flush=True))
    except LabError as error:
        fail(str(error).partition(': ')[2], error.status)
    with image, open(os.path.join(directory, 'Image'), 'wb') as out:
        out.write(image.read())
    with open(os.path.join(directory, 'initrd'), 'wb') as out:
        tree.write(out)
    return facts['package']


def expect(said, *texts):
    """All of them, in this order."""
    place = 0
    for text in texts:
        place = said.find(text, place)
        if place < 0:
            fail(f'the guest was expected to say {text!r}')


def main():
    salvage, lab = map(os.path.abspath, sys.argv[1:3])
    init = os.path.join(os.path.dirname(salvage), 'demo', 'linux-sea')
    if not os.path.exists(init):
        fail(f'{init} is missing: an arm64 compiler builds it; make deps installs it, then run make')
    with tempfile.TemporaryDirectory() as directory:
        package = prepare(lab, init, directory)
        options = ['--backend=lab', f'--mem={MEMORY}M', f'--timeout={SECONDS}', f'--sea={BAD:#x}', '--initrd=initrd',
                   f'--append={APPEND}']

        say(f'1. A stock Linux ({package}) as a guest. A process (demo/linux-sea.c)')
        say('   loads from a page of memory that has gone bad. What KVM alone does:')
        say()
        status, said = run(salvage, directory, 'run', '--no-salvage', *options, 'Image')
        expect(said, VICTIM, PANIC)
        if status != RESET or DIES in said:
            fail('the guest was expected to panic, and to reset itself')

        say()
        say('2. The same guest with salvage. The process dies, and only the process.')
        say()
        status, said = run(salvage, directory, 'run', '--ledger=ledger', '--vm=linux', *options, 'Image')
        expect(said, VICTIM, DIES, ENDS)
        if status != 0 or 'Kernel panic' in said:
            fail('the guest was expected to go on, and to power itself off')

        say()
        say('3. What is on record, for whoever has to replace the memory:')
        say()
        run(salvage, directory, 'ledger', 'list', '--ledger=ledger')
        listed = subprocess.run([salvage, 'ledger', 'list', '--ledger=ledger', '--json'], cwd=directory,
                                stdout=subprocess.PIPE, check=False, text=True).stdout.splitlines()
        pages = [json.loads(line)['page'] for line in listed]
        if pages != [f'{BAD:#x}']:
            fail(f'the ledger was expected to have the page {BAD:#x} and no other, not {pages}')
    say()
    say('All as it should be.')


if __name__ == '__main__':
    main()
