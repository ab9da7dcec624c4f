#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""softkvm/gen.py: what it makes of a bad table. Each case is a good table with one thing changed."""

import pathlib
import subprocess
import sys
import tempfile

GOOD = '''# comment

ADD_64_addsub_imm   1 0 0 100010 sh imm12 Rn Rd         Xd|SP = add(Xn|SP, imm)
ADD_32_addsub_ext   0 0 0 01011 00 1 Rm option imm3 Rn Rd  Wd|SP = add(Wn|SP, Xm extended)
CBZ_32_compbranch   0 011010 0 imm19 Rt                 cbz(Wt, label)
SB_only_barriers    1101010100 0 00 011 0011 (0000) 111 11111  barrier(0)  FEAT_SB
'''

# what is replaced, by what, and the line and the words of the message
CASES = [
    ('sh imm12', 'imm12', 3, '31 bits drawn, expected 32'),
    ('imm12', 'imm13', 3, 'unknown field "imm13"'),
    ('imm12 Rn Rd', 'imm12 Rd Rn', 3, 'expected at'),
    ('imm)\n', '<imm>)\n', 3, 'unknown operand "<imm>"'),
    (', imm)\n', ')\n', 3, 'the fields drawn are not those used: imm12 sh'),
    ('imm)\n', 'wide)\n', 3, 'needs the field imm16, which is not drawn'),
    ('imm)\n', 'imm, imm)\n', 3, 'two operands to work out: imm12, imm12'),
    ('Xd|SP =', 'Xq =', 3, 'unknown destination "Xq"'),
    ('  FEAT_SB', '  FEAT_SB FEAT_X', 6, 'unknown flags'),
    ('  FEAT_SB', '  simple', 6, 'unknown flags "simple"'),
    ('  FEAT_SB', '  FEAT_SB  simd', 6, '5 columns, expected 3 or 4'),
    ('ADD_32_addsub_ext ', 'ADD_64_addsub_imm ', 4, 'ADD_64_addsub_imm is also at'),
    ('0 011010 0 imm19 Rt', '1 0 0 100010 x imm19=xxxxxxxxxxxxxxxxx', 5, 'not as wide as it is drawn'),
    ('1 0 0 100010 sh', 'x 0 0 0xxxxx sh', 4, 'overlaps'),
]


def run(table):
    with tempfile.TemporaryDirectory() as name:
        path = pathlib.Path(name) / 'table.isa'
        path.write_text(table)
        return subprocess.run([sys.executable, sys.argv[1], path], capture_output=True, text=True, check=False)


def main():
    bad = 0
    good = run(GOOD)
    print('1..%d' % (len(CASES) + 1))
    ok = good.returncode == 0 and good.stdout.count('\n') == 4 and not good.stderr
    print('%s 1 the good table' % ('ok' if ok else 'not ok'))
    bad += not ok
    for number, (old, new, line, words) in enumerate(CASES, 2):
        assert GOOD.count(old), old
        result = run(GOOD.replace(old, new, 1))
        ok = result.returncode != 0 and f'table.isa:{line}: ' in result.stderr and words in result.stderr
        print('%s %d %s' % ('ok' if ok else 'not ok', number, words))
        if not ok:
            print('# ' + (result.stderr or result.stdout).strip().replace('\n', '\n# '))
        bad += not ok
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
