#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Explains each log of logs/ and compares with the text beside it: cases.txt. --write records what is printed now, to be read before it is kept."""

import difflib
import pathlib
import re
import sys
import tempfile

from trees import compile_tree, explain

HERE = pathlib.Path(__file__).parent


def cases():
    for line in (HERE / 'cases.txt').read_text().splitlines():
        if line and not line.startswith('#'):
            name, status, *options = re.split(r'  +', line)
            yield name, int(status), options[0].split() if options else []


def main():
    salvage, dtc = sys.argv[1:3]
    write = sys.argv[3:] == ['--write']
    failed = count = 0

    with tempfile.TemporaryDirectory() as out:
        for name, status, options in cases():
            options = [re.sub(r'TREE\(([\w-]+)\)', lambda match: str(compile_tree(dtc, match[1], pathlib.Path(out))), option)
                       for option in options]
            log, golden = HERE / 'logs' / (name + '.log'), HERE / 'logs' / (name + '.txt')
            done = explain(salvage, *options, stdin=log.read_bytes() if log.exists() else b'')
            printed = done.stdout.decode() + done.stderr.decode()
            if write:
                golden.write_text(printed)
            expected = golden.read_text() if golden.exists() else ''
            good = done.returncode == status and printed == expected
            count += 1
            failed += not good
            print('ok' if good else 'not ok', '-', name)
            if not good:
                print(f'# status {done.returncode}, expected {status}')
                for line in difflib.unified_diff(expected.splitlines(), printed.splitlines(), 'expected', 'printed', lineterm=''):
                    print('#', line)
    print(f'1..{count}')
    return bool(failed)


if __name__ == '__main__':
    sys.exit(main())
