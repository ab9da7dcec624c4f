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
TRANSLATE = 'translate'

# what is broken, row to run (or the translation oracle), file (in the table: the row's line), what, by what
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
    ('52-bit input', TRANSLATE, 'src/mmu/regime.c', '(large ? 52 : 48)', '48'),
    ('small tables', TRANSLATE, 'src/mmu/regime.c', '? most : 39)', '? 47 : 39)'),
    ('E0PD', TRANSLATE, 'src/mmu/regime.c', '(stage1->kind.el0 && has(stage1, SV_MMU_E0PD)', '(has(stage1, SV_MMU_E0PD)'),
    ('EPD', TRANSLATE, 'src/mmu/regime.c', 'TCR_EPD(regime->tcr, regime->upper)', 'TCR_EPD(regime->tcr, false)'),
    ('TBID', TRANSLATE, 'src/mmu/regime.c', 'stage1->kind.fetch && has(stage1, SV_MMU_TBID)', 'has(stage1, SV_MMU_TBID)'),
    ('IPS', TRANSLATE, 'src/mmu/regime.c', 'size < most ? size : most', 'most'),
    ('address bits with 64 KiB', TRANSLATE, 'src/mmu/walk.c', '(desc >> 12 & 0xf) << 48', '(desc >> 12 & 7) << 48'),
    ('address bits with DS', TRANSLATE, 'src/mmu/walk.c', '(desc >> 8 & 3) << 50', '(desc >> 8 & 1) << 50'),
    ('blocks with DS', TRANSLATE, 'src/mmu/walk.c', '== 12 ? !regime->ds', '== 12 ? 1'),
    ('the access flag', TRANSLATE, 'src/mmu/walk.c', ' && !regime->ha', ''),
    ('address size before access flag', TRANSLATE, 'src/mmu/walk.c', 'base >> regime->output_bits', 'desc & DESC_AF && base >> regime->output_bits'),
    ('endianness of tables', TRANSLATE, 'src/mmu/walk.c', 'SV_SCTLR_EE', 'SV_SCTLR_E0E >> 24'),
    ('what EL0 writes', TRANSLATE, 'src/mmu/permission.c', ' || el0 & W))', '))'),
    ('APTable', TRANSLATE, 'src/mmu/permission.c', ' || tables & DESC_APTable1', ''),
    ('HPD', TRANSLATE, 'src/mmu/permission.c', 'regime->hpd ? 0 : tables', 'tables'),
    ('the dirty state', TRANSLATE, 'src/mmu/permission.c', 'regime->hd && desc & DESC_DBM', 'desc & DESC_DBM'),
    ('PAN', TRANSLATE, 'src/mmu/permission.c', ' && !stage1->kind.el0', ''),
    ('WXN', TRANSLATE, 'src/mmu/permission.c', '(sctlr & SV_SCTLR_WXN ? WXN : 0)', '0'),
    ('shareability with DS', TRANSLATE, 'src/mmu/attributes.c', 'regime->ds ? TCR_SH(regime->tcr, regime->upper)', 'regime->ds ? DESC_SH(desc)'),
    ('level -1', TRANSLATE, 'src/mmu/fault.c', '0x2b, 0x04', '0x2a, 0x04'),
    ('UAO', TRANSLATE, 'src/mmu/walk.c', 'context->pstate & SV_PSTATE_UAO', '1'),
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
            what_to_run = ['--guest', options.guest, '--cases=3000', '--row', row]
            if row == TRANSLATE:
                what_to_run = ['--guest', options.guest.with_name('translate-guest.elf'), '--cases=30000', '--translate']
            run = subprocess.run([tree / 'run', '--seed=1', '--workers=1', *what_to_run], stdout=subprocess.PIPE, text=True, check=False)
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
