#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Breaks the instruction table on purpose, one row at a time, and demands that the oracle notices.

Each mutant is a copy of isa/a64.isa with one thing wrong, built apart; the oracle runs it on that row and prints the failing
case as one line.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent

# what is broken, row, in its line: what, by what
MUTANTS = [
    ('element size', 'LDP_32_ldstpair_off', 'r 2x4', 'r 2x8'),
    ('element size', 'STRH_32_ldst_immpost', 'w 1x2', 'w 1x1'),
    ('writeback', 'LDR_64_ldst_immpost', '[<Xn|SP>], #<imm>', '[<Xn|SP>, #<imm>]!'),
    ('writeback', 'STP_64_ldstpair_pre', '[<Xn|SP>, #<imm>]!', '[<Xn|SP>], #<imm>'),
    ('sign extension', 'LDPSW_64_ldstpair_off', 'r 2x4s', 'r 2x4'),
    ('sign extension', 'LDRSB_32_ldst_immpre', 'r 1x1s', 'r 1x1'),
    ('width', 'LDRSH_32_ldst_immpost', '<Wt>', '<Xt>'),
    ('ISV', 'LDR_32_ldst_pos', ' isv', ''),
]


def build(directory, table):
    tables = [directory / 'a64.c', directory / 'a64_names.c']
    subprocess.run([sys.executable, ROOT / 'isa/gen.py', table, '--classes', ROOT / 'include/salvage/insn.h', '--out', *tables],
                   check=True)
    sources = [path for part in ('insn', 'mmu', 'abort', 'space') for path in sorted((ROOT / 'src' / part).glob('*.c'))]
    subprocess.run(['cc', '-std=gnu11', '-D_GNU_SOURCE', '-O1', '-I', ROOT / 'include', '-I', ROOT / 'src', '-I', ROOT / 'src/insn',
                    '-o', directory / 'oracle', *sorted(HERE.glob('*.c')), *sources, ROOT / 'src/status.c', *tables], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('guest', type=pathlib.Path, help='the bare-metal program')
    options = parser.parse_args()
    lines = (ROOT / 'isa/a64.isa').read_text().splitlines(keepends=True)
    missed = 0
    for what, row, old, new in MUTANTS:
        with tempfile.TemporaryDirectory() as name:
            directory = pathlib.Path(name)
            at = next(i for i, line in enumerate(lines) if line.startswith(row + ' '))
            if old not in lines[at]:
                sys.exit(f'mutants.py: {row}: there is no "{old}" in its line')
            mutant = lines[:at] + [lines[at].replace(old, new)] + lines[at + 1:]
            (directory / 'a64.isa').write_text(''.join(mutant))
            build(directory, directory / 'a64.isa')
            run = subprocess.run([directory / 'oracle', '--guest', options.guest, '--cases=3000', '--seed=1', '--workers=1',
                                  '--row', row], stdout=subprocess.PIPE, text=True, check=False)
        print(f'-- {what}: {row}: {old} -> {new}: {"caught" if run.returncode == 1 else "MISSED"}')
        output = run.stdout.splitlines()
        first = next((i for i, line in enumerate(output) if line.startswith('MISMATCH')), len(output))
        print(*output[first:], sep='\n')
        missed += run.returncode != 1
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
