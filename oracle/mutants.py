#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Breaks the table or the code on purpose, one thing at a time, and demands that the oracle notices.

Each mutant is a copy of the tree with one line changed, built apart; the oracle runs it on one row and prints the failing
case as one line.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = 'isa/a64.isa'

# what is broken, row to run, file (in the table: the row's line), what, by what
MUTANTS = [
    ('element size', 'LDP_32_ldstpair_off', TABLE, 'r 2x4', 'r 2x8'),
    ('element size', 'STRH_32_ldst_immpost', TABLE, 'w 1x2', 'w 1x1'),
    ('writeback', 'LDR_64_ldst_immpost', TABLE, '[<Xn|SP>], #<imm>', '[<Xn|SP>, #<imm>]!'),
    ('writeback', 'STP_64_ldstpair_pre', TABLE, '[<Xn|SP>, #<imm>]!', '[<Xn|SP>], #<imm>'),
    ('sign extension', 'LDPSW_64_ldstpair_off', TABLE, 'r 2x4s', 'r 2x4'),
    ('sign extension', 'LDRSB_32_ldst_immpre', TABLE, 'r 1x1s', 'r 1x1'),
    ('width', 'LDRSH_32_ldst_immpost', TABLE, '<Wt>', '<Xt>'),
    ('ISV', 'LDR_32_ldst_pos', TABLE, ' isv', ''),
    ('zeroing of a vector', 'LDR_D_ldst_immpost', 'src/insn/finish.c', 'insn->row->form == SV_FORM_LANE && which', 'which'),
    ('lanes dealt in turn', 'LD2_asisdlse_R2', 'src/insn/operands.h', 'if (dealt == 1)', 'if (dealt)'),
    ('registers modulo 32', 'LD4_asisdlso_S4_4s', 'src/insn/operands.h', '(insn->Rt + which) % 32', '(insn->Rt + which) & 15'),
    ('endianness of EL0', 'LDP_64_ldstpair_off', 'src/insn/plan.c', 'SV_SCTLR_EE : SV_SCTLR_E0E', 'SV_SCTLR_EE : SV_SCTLR_EE'),
    ('stack pointer', 'STP_64_ldstpair_pre', 'src/insn/operands.h', ' && context->pstate & SV_PSTATE_SP', ''),
    ('the second page', 'LDP_64_ldstpair_off', 'src/abort/segments.c', 'va = plan->va + offset, length', 'va = plan->va, length'),
    ('BTYPE', 'LDP_64_ldstpair_off', 'src/abort/session.c', '(SV_PSTATE_SS | SV_PSTATE_BTYPE)', 'SV_PSTATE_SS'),
    ('tag bytes', 'LDP_64_ldstpair_off', 'src/mmu/regime.c', 'upper ? va | tag : va & ~tag', 'va'),
]


def fault(text):
    sys.exit(f'mutants.py: {text}')


def break_line(path, row, old, new):
    text = path.read_text()
    if path.name == pathlib.Path(TABLE).name:
        line = next((line for line in text.splitlines() if line.startswith(row + ' ')), '')
        old, new = line, line.replace(old, new)
    if not old or old == new or text.count(old) != 1:
        fault(f'{path.name}: cannot break {row}: its text has changed')
    path.write_text(text.replace(old, new))


def build(tree):
    tables = [tree / 'a64.c', tree / 'a64_names.c']
    subprocess.run([sys.executable, tree / 'isa/gen.py', tree / TABLE, '--classes', tree / 'include/salvage/insn.h', '--out', *tables],
                   check=True)
    sources = [path for part in ('src/insn', 'src/mmu', 'src/abort', 'src/space', 'oracle') for path in sorted((tree / part).glob('*.c'))]
    subprocess.run(['cc', '-std=gnu11', '-D_GNU_SOURCE', '-O1', '-I', tree / 'include', '-I', tree / 'src', '-I', tree / 'src/insn',
                    '-o', tree / 'run', *sources, tree / 'src/status.c', *tables], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('guest', type=pathlib.Path, help='the bare-metal program, guest.elf')
    options = parser.parse_args()
    missed = 0
    for what, row, path, old, new in MUTANTS:
        with tempfile.TemporaryDirectory() as name:
            tree = pathlib.Path(name)
            for part in ('include', 'isa', 'src', 'oracle'):
                shutil.copytree(ROOT / part, tree / part)
            break_line(tree / path, row, old, new)
            build(tree)
            run = subprocess.run([tree / 'run', '--guest', options.guest, '--cases=3000', '--seed=1', '--workers=1', '--row', row],
                                 stdout=subprocess.PIPE, text=True, check=False)
        output = run.stdout.splitlines()
        first = next((i for i, line in enumerate(output) if line.startswith('MISMATCH')), None)
        caught = run.returncode == 1 and first is not None
        print(f'-- {what}: {path}: {old} -> {new}: {"caught" if caught else "MISSED"}')
        print(*output[first or 0:], sep='\n', flush=True)
        missed += not caught
    print(f'{len(MUTANTS)} mutants, {missed} missed')
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
