#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The core may be dropped into a kernel: it uses nothing of libc but memcpy and memset, and keeps no state.

Links the core's archive into one object and reads its symbols. Calls that compilers make by themselves in freestanding mode
(memcpy, memset; GCC and Clang may ask for memmove and memcmp too, which the core must not cause) are told by their names.
"""
import argparse
import subprocess
import sys
import tempfile

ALLOWED = {'memcpy', 'memset', '_GLOBAL_OFFSET_TABLE_'}
SANITIZER = ('__asan_', '__ubsan_', '__sanitizer_', '__sancov_')
# nm's letters for what can be written: .data, .bss, common, thread-local. Constants with addresses in them sit in
# .data.rel.ro, which nm also calls d; so sections are asked by name.
WRITABLE = ('.data', '.bss', '.tdata', '.tbss', 'COMMON')


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument('archive')
    arguments.add_argument('--cc', default='cc')
    arguments = arguments.parse_args()
    with tempfile.NamedTemporaryFile(suffix='.o') as linked:
        subprocess.run([arguments.cc, '-r', '-nostdlib', '-o', linked.name, '-Wl,--whole-archive', arguments.archive],
                       check=True)
        undefined = subprocess.run(['nm', '--undefined-only', '--format=posix', linked.name], check=True, text=True,
                                   capture_output=True).stdout
        sections = subprocess.run(['objdump', '--syms', linked.name], check=True, text=True, capture_output=True).stdout

    names = {line.split()[0] for line in undefined.splitlines()}
    if any(name.startswith(SANITIZER) for name in names):
        print('instrumented by sanitizers: nothing can be said')
        return 77
    bad = sorted(names - ALLOWED)
    state = []
    for line in sections.splitlines():
        fields = line.split()
        if len(fields) < 4 or 'd' in line[17:25] and fields[-1].startswith('.'):
            continue
        section, size = fields[-3], fields[-2]
        plain = section in WRITABLE or section.startswith(('.data.', '.bss.')) and not section.startswith('.data.rel.ro')
        if plain and int(size, 16) and 'O' in line[17:25]:
            state.append(fields[-1])
    for name in bad:
        print(f'not ok - the core calls {name}')
    for name in state:
        print(f'not ok - the core keeps state in {name}')
    print(f'{len(names)} outside symbols: {", ".join(sorted(names))}')
    return 1 if bad or state else 0


if __name__ == '__main__':
    sys.exit(main())
