#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""isa/gen.py: what it makes of a bad table. Each case is a good table with one thing changed."""

import importlib.util
import pathlib
import subprocess
import sys
import tempfile

GOOD = '''# comment

LDP_64_ldstpair_post  10 101 0 001 1 imm7 Rt2 Rn Rt           <Xt1>, <Xt2>, [<Xn|SP>], #<imm>  r 2x8  pair
LDR_64_ldst_pos       11 111 0 01 01 imm12 Rn Rt              <Xt>, [<Xn|SP>{, #<imm>}]        r 1x8  single   isv
LDARB_LR32_ldstord    00 001000 1 1 0 (11111) 1 (11111) Rn Rt  <Wt>, [<Xn|SP>]                  r 1x1  ordered  isv acquire FEAT_X
'''
LISTING = '''a8c00000 ffc00000 LDP_64_ldstpair_post          r 2x8  pair          post
f9400000 ffc00000 LDR_64_ldst_pos               r 1x8  single        offset    isv
08c08000 ffe08000 LDARB_LR32_ldstord            r 1x1  ordered       offset    acquire isv FEAT_X
'''

# what is replaced, by what, and the line and the words of the message
CASES = [
    ('10 101 0 001 1', '10 101 0 001', 3, '31 bits drawn, expected 32'),
    ('10 101 0 001 1', '10 101 0 001 11', 3, '33 bits drawn, expected 32'),
    ('imm7', 'imm8', 3, 'unknown field "imm8"'),
    ('Rt2 Rn Rt ', 'Rt2 Rn 01021', 3, 'unknown field "01021"'),
    ('imm12 Rn Rt', 'imm7 Rt2 Rn Rt', 4, 'fields drawn'),
    ('imm7 Rt2 Rn Rt', 'imm7 Rt2 Rn Rn', 3, 'field "Rn" drawn twice'),
    ('imm7 Rt2 Rn Rt', 'imm7 Rt2 Rn=0000 x Rt', 3, 'not as wide as it is drawn'),
    ('(11111) 1', '(11111 1', 5, 'cannot read the bits "(11111"'),
    ('<Xn|SP>], #<imm>', '<Xn|SP>]', 3, 'fields drawn (Rn Rt Rt2 imm) are not those that the operands show (Rn Rt Rt2)'),
    ('<Xt2>', '<Xq>', 3, 'unknown operand at "<Xq>'),
    ('pair\n', 'pear\n', 3, 'unknown class "pear", known are single, literal, unprivileged, writeback, pair, ordered'),
    ('pair\n', 'pair  isv\n', 3, 'isv on a pair or with writeback'),
    ('r 2x8', 'r 1x8', 3, '1 elements do not match the transfer registers drawn'),
    ('r 2x8', 'wr 2x8', 3, 'cannot read the access "wr 2x8"'),
    ('r 2x8', 'r 2xT', 3, 'elements of the size of a field, but no list of vector registers'),
    ('pair\n', 'pair  add\n', 3, 'an operation belongs to what reads and writes'),
    ('acquire', 'acquire refused:atomics', 5, 'unknown reason "atomics", known are atomic'),
    ('acquire', 'acquire refused:atomic refused:atomic1', 5, 'unknown flags'),
    ('imm7 Rt2 Rn Rt', 'imm7 Rn 0000 Q Rt', 3, 'field "Q" at bit 5, expected at 30'),
    ('r 2x8', 'r 2x7', 3, 'cannot read the access "r 2x7"'),
    ('r 1x8', 'w 1x8s', 4, 'a store has no sign'),
    ('acquire', 'aquire', 5, 'unknown flags "isv aquire FEAT_X"'),
    ('FEAT_X', 'FEAT_X FEAT_Y', 5, 'unknown flags'),
    ('r 2x8  pair', 'r 2x8', 3, '4 columns, expected 5 or 6'),
    ('11 111 0 01 01 imm12', '10 101 0 001 imm7 (1)1 0000', 4, 'LDR_64_ldst_pos overlaps LDP_64_ldstpair_post at t.isa:3'),
    ('00 001000 1 1 0 (11111) 1 (11111)', '11 111 0 01 0 x xxxxx xxxxxxx', 5, 'LDARB_LR32_ldstord overlaps LDR_64_ldst_pos at t.isa:4'),
    ('LDARB_LR32_ldstord', 'LDR_64_ldst_pos', 5, 'LDR_64_ldst_pos is also at t.isa:4'),
]


sys.dont_write_bytecode = True  # gen.py is imported from the source tree


def run(generator, text, classes, folder):
    """What gen.py says of a table: its listing, or the fault."""
    table = pathlib.Path(folder, 't.isa')
    table.write_text(text)
    try:
        return ''.join(line + '\n' for line in generator.listing(generator.read(table, classes, ['atomic'])))
    except generator.Fault as fault:
        return str(fault)


def command(path, text, folder):
    """The command itself: one line on standard error, status 1, no file written; or none, 0 and both files."""
    table, out = pathlib.Path(folder, 't.isa'), [pathlib.Path(folder, name) for name in ('t.c', 't_names.c')]
    table.write_text(text)
    done = subprocess.run([sys.executable, path, table, '--out', *out], capture_output=True, text=True)
    return done.returncode, done.stderr, [path.exists() for path in out]


def main():
    path, failures, count = sys.argv[1], 0, 0
    spec = importlib.util.spec_from_file_location('gen', path)
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    classes = 'single literal unprivileged writeback pair ordered'.split()
    with tempfile.TemporaryDirectory() as folder:
        checks = [('the good table', run(generator, GOOD, classes, folder), LISTING)]
        for old, new, line, message in CASES:
            assert GOOD.count(old) == 1, old
            said = run(generator, GOOD.replace(old, new), classes, folder)
            matches = said.startswith(f't.isa:{line}: ') and message in said
            checks.append((f'"{new}" for "{old}"', said, said if matches else f't.isa:{line}: ... {message}'))
        fault = 'gen.py: t.isa:1: 1 columns, expected 5 or 6, two or more spaces apart\n'
        checks.append(('a bad table', command(path, 'LDR\n', folder), (1, fault, [False, False])))
        checks.append(('a good table', command(path, GOOD, folder), (0, '', [True, True])))
    for name, said, expected in checks:
        count += 1
        if said != expected:
            failures += 1
            print(f'{name}: expected\n  {expected}\nnot\n  {said}')
    print(f'{count - failures} passed, {failures} failed')
    return failures > 0


if __name__ == '__main__':
    sys.exit(main())
