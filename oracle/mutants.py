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
SVE, TAG, MOPS, BLOCK = (f'src/insn/{name}.c' for name in ('sve', 'tag', 'mops', 'block'))
TRANSLATE = 'translate'
INTEGER, CPU, SIMD, PREPARE = (f'softkvm/{name}' for name in ('a64-integer.isa', 'operations.h', 'simd.h', 'prepare.c'))

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
    ('the second page', 'LDP_64_ldstpair_off', 'src/abort/segments.c', 'va += part;', ''),
    ('BTYPE', 'LDP_64_ldstpair_off', 'src/abort/session.c', '(SV_PSTATE_BTYPE | (steps', '(0 | (steps'),
    ('tag bytes', 'LDP_64_ldstpair_off', 'src/mmu/regime.c', 'upper ? va | tag : va & ~tag', 'va'),
    ('SVE: width in the register', 'ld1b_z_p_br_u32', SVE, '1u << row->width', 'row->esize'),
    ('SVE: sign', 'ld1sh_z_p_bi_s64', SVE, 'SV_ROW_SIGNED && top & 0x80', 'SV_ROW_SIGNED && top & 0x40'),
    ('SVE: interleaving', 'ld3w_z_p_bi_contiguous', SVE, '!(row->flags & SV_ROW_COUNTER)', 'row->registers == 1'),
    ('SVE: interleaving', 'st2h_z_p_br_contiguous', SVE, 'i % shape->registers, i / shape->registers',
     'i / shape->elements, i % shape->elements'),
    ('SVE: inactive lanes of a load', 'ld1d_z_p_bi_u64', SVE, 'memset(value, 0, sizeof(value));',
     'ops->get_vector(vcpu, (insn->Rt + which) % 32, plan->vector, value);'),
    ('SVE: inactive lanes of a store', 'st4b_z_p_bi_contiguous', SVE, 'plan->predicated = true;', 'plan->predicated = false;'),
    ('SVE: inactive lanes on the missing page', 'ld1h_z_p_br_u16', 'src/abort/segments.c', 'plan->predicated ? run + plan->esize : end',
     'end'),
    ('SVE: which bit of a predicate', 'ld1w_z_p_br_u64', SVE, 'bit(plan->predicate, lane.index * shape->width)',
     'bit(plan->predicate, lane.index * plan->esize)'),
    ('SVE: immediate', 'ldr_z_bi_', SVE, '(uint64_t)insn->imm * plan->count', '(uint64_t)insn->imm * 16'),
    ('SVE: immediate', 'ld1sb_z_p_bi_s16', SVE, '*offset *= shape->elements * insn->esize', '*offset *= shape->elements * shape->width'),
    ('SVE: index', 'ld1h_z_p_br_u64', SVE, '*offset *= insn->esize', '*offset *= shape->width'),
    ('SVE: length of a predicate', 'str_p_bi_', SVE, 'predicate ? vector / 8 : vector', 'predicate ? vector / 16 : vector'),
    ('SVE: registers modulo 32', 'ld4h_z_p_bi_contiguous', SVE, 'ops->set_vector(vcpu, (insn->Rt + which) % 32',
     'ops->set_vector(vcpu, (insn->Rt + which) & 15'),
    ('SVE: replication', 'ld1rqw_z_p_bi_u32', SVE, 'at + block <= plan->vector', 'at + block < plan->vector'),
    ('SVE: replication', 'ld1rh_z_p_bi_u32', SVE, 'if (!bit(plan->predicate, at))', 'if (0)'),
    ('SVE: endianness', 'st1w_z_p_bi_u32', SVE, 'plan->data[sv_element_byte(plan, i, byte)] =', 'plan->data[i * plan->esize + byte] ='),
    ('SVE: predicate as counter', 'ld1w_mz_p_br_4', SVE, '>> (size + 1)', '>> size'),
    ('SVE: predicate as counter, inverted', 'st1h_mz_p_bi_2', SVE, '!= (counter >> 15 & 1)', '!= 0'),
    ('SVE: PN8 to PN15', 'ldnt1b_mz_p_bi_2', SVE, 'SV_ROW_COUNTER ? 8 : 0', 'SV_ROW_COUNTER ? 0 : 0'),
    ('DC ZVA: size', 'DC_ZVA', BLOCK, '(4u << DCZID_BS(dczid))', '(8u << DCZID_BS(dczid))'),
    ('DC ZVA: address', 'DC_ZVA', BLOCK, 'address & ~(uint64_t)(plan->count - 1)', 'address'),
    ('DC GVA: no data', 'DC_GVA', BLOCK, 'plan->no_access = OP2(insn->word) == OP2_GVA', 'plan->no_access = false'),
    ('STZG: size', 'STZG_64Spost_ldsttags', TAG, '{GRANULE, false, true}', '{2 * GRANULE, false, true}'),
    ('STZ2G: size', 'STZ2G_64Soffset_ldsttags', TAG, '{2 * GRANULE, false, true}', '{GRANULE, false, true}'),
    ('STZGM: size', 'STZGM_64bulk_ldsttags', TAG, '{{0, true, true}', '{{GRANULE, true, true}'),
    ('STG: no data', 'STG_64Spre_ldsttags', TAG, 'plan->no_access = !form->zeroes', 'plan->no_access = false'),
    ('ST2G: writeback', 'ST2G_64Spost_ldsttags', TAG, 'row->mode == SV_MODE_PRE || insn->row->mode == SV_MODE_POST',
     'row->mode == SV_MODE_PRE'),
    ('LDG: the tag', 'LDG_64Loffset_ldsttags', TAG, 'value & ~(UINT64_C(0xf) << 56)', 'value'),
    ('tags of memory', 'STZ2G_64Spre_ldsttags', 'src/abort/check.c', 'session->plan.tags && i <', '0 && i <'),
    ('copy: direction', 'CPYP_CPY_memcms', MOPS, 'return from < to &&', 'return from > to &&'),
    ('copy: direction', 'CPYM_CPY_memcms', MOPS, '(int64_t)plan->Xn >= 0', '(int64_t)plan->Xn < 0'),
    ('copy: progress forward', 'CPYFM_CPY_memcms', MOPS, '[OPTION_A] = {{0, 1}', '[OPTION_A] = {{0, -1}'),
    ('copy: progress backward', 'CPYE_CPY_memcms', MOPS, '[OPTION_A] = {{0, 1}, {0, -1}}', '[OPTION_A] = {{0, 1}, {0, 1}}'),
    ('copy: progress of the prologue', 'CPYFP_CPY_memcms', MOPS, '[PLAIN] = {{1, -1}', '[PLAIN] = {{0, -1}'),
    ('copy: progress of the prologue, backward', 'CPYP_CPY_memcms', MOPS, '[PLAIN] = {{1, -1}, {0, -1}}', '[PLAIN] = {{1, -1}, {1, -1}}'),
    ('copy: what is left', 'CPYFE_CPY_memcms', MOPS, 'plan->copy ? plan->Xs + moved : 0', 'plan->copy ? plan->Xs : 0'),
    ('copy: from the end', 'CPYM_CPY_memcms', MOPS, 'plan->from += plan->remaining - bytes;', ''),
    ('copy: shortened from the end', 'CPYE_CPY_memcms', MOPS, 'plan->va += plan->count - bytes;', ''),
    ('copy: privileges', 'CPYFPWT_CPY_memcms', MOPS, 'plan->unprivileged = T(insn->word)', 'plan->unprivileged = RT(insn->word)'),
    ('copy: privileges', 'CPYFPRT_CPY_memcms', MOPS, 'plan->copy && RT(insn->word)', 'plan->copy && T(insn->word)'),
    ('copy: the PC stays', 'CPYFP_CPY_memcms', 'src/abort/session.c', 'if (!session->plan.unfinished &&\n', 'if (true &&\n'),
    ('copy: where it may abort', 'CPYP_CPY_memcms', 'src/abort/segments.c', 'first += plan->count - plan->remaining;', ''),
    ('set: the value', 'SETP_SET_memcms', MOPS, '(int)(value & 0xff)', '(int)(value >> 8 & 0xff)'),
    ('set: progress', 'SETE_SET_memcms', MOPS, 'size > 0 ? left + done', 'size < 0 ? left + done'),
    ('set: progress', 'SETGM_SET_memcms', MOPS, '[OPTION_A] = {{0, 1}', '[OPTION_A] = {{1, 1}'),
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
    ('CPU: SP or XZR', 'ADD_64_addsub_imm', INTEGER, 'Xd|SP', 'Xd'),
    ('CPU: SP or XZR', 'ADDS_64S_addsub_ext', INTEGER, 'Xd =', 'Xd|SP ='),
    ('CPU: upper half', 'EON_32_log_shift', INTEGER, 'Wd =', 'Xd ='),
    ('CPU: flags', 'ANDS_64_log_shift', INTEGER, 'ands64', 'and'),
    ('CPU: reserved values', 'SUB_64_addsub_shift', INTEGER, ', no ror', ''),
    ('CPU: a field of fewer bits', 'ADD_32_addsub_shift', INTEGER, 'imm6=0xxxxx', 'imm6'),
    ('CPU: the other operand', 'CSEL_64_condsel', INTEGER, 'Xn, Xm', 'Xm, Xn'),
    ('CPU: operation', 'CRC32CW_32C_dp_2src', INTEGER, 'crc32c', 'crc32'),
    ('CPU: carry', 'SUBS_32_addsub_shift', CPU, '(uint##bits##_t) ~b, true', '(uint##bits##_t) ~b, false'),
    ('CPU: overflow', 'ADDS_64_addsub_shift', CPU, '((a ^ result) & (b ^ result)) >> 63', '((a ^ b) & (b ^ result)) >> 63'),
    ('CPU: carry into a carry', 'ADCS_64_addsub_carry', CPU, 'sum < a || result < sum', 'sum < a'),
    ('CPU: division overflows', 'SDIV_64_dp_2src', CPU, 'divisor == -1 ? 0 - a', 'divisor == -1 ? a'),
    ('CPU: shifts by the width', 'LSRV_32_dp_2src', CPU, 'return a >> (b & (bits - 1));', 'return a >> (b & 63);'),
    ('CPU: bitfields that wrap', 'UBFM_64M_bitfield', CPU, 'field >> immr : field << (bits - immr)', 'field >> immr : field << (bits - 1 - immr)'),
    ('CPU: extension', 'SUB_64_addsub_ext', CPU, 'op->shift & 4 ?', 'op->shift & 2 ?'),
    ('CPU: conditions', 'CCMP_64_condcmp_imm', CPU, 'result = c && !z;', 'result = c;'),
    ('CPU: signed halves', 'SMSUBL_64WA_dp_3src', CPU, 'a - (uint64_t)((int64_t)(int32_t)n', 'a - (uint64_t)((int64_t)n'),
    ('CPU: V of SETF', 'SETF8_only_setf', CPU, '(value >> bits ^ value >> (bits - 1)) & 1', 'value >> bits & 1'),
    ('CPU: link register', 'BL_only_branch_imm', CPU, 'cpu->x[30] = cpu->pc + 4;\n	return op_b(', 'cpu->x[30] = cpu->pc + 8;\n	return op_b('),
    ('CPU: tags of branches', 'BR_64_branch_reg', 'softkvm/exception.c', 'upper ? 38 : 37', 'upper ? 37 : 38'),
    ('CPU: bitmasks', 'AND_64_log_imm', PREPARE, 'element << (size - rotation)', 'element << (size - rotation - 1)'),
    ('CPU: floating-point immediates', 'FMOV_D_floatimm', PREPARE, '(exponent - 3)) - 1 : 0) << 2', '(exponent - 3)) - 1 : 0) << 3'),
    ('CPU: inverted immediates', 'MVNI_asimdimm_M_sm', PREPARE, 'cmode < 14 && (cmode >= 12 ||', 'cmode < 14 && (cmode >= 14 ||'),
    ('CPU: upper half of a vector', 'ORR_asimdsame_only', SIMD, 'for (unsigned i = 0; i <= Q; i++)', 'for (unsigned i = 0; i < 2; i++)'),
    ('CPU: lanes', 'INS_asimdins_IV_v', SIMD, 'lane(cpu, op->Rn, size, imm4 >> size)', 'lane(cpu, op->Rn, size, imm4 >> size ^ 1)'),
    ('CPU: sign of a lane', 'SMOV_asimdins_W_w', SIMD, 'Q ? value : (uint32_t)value', 'value'),
    ('CPU: who may read', 'MRS_RS_systemmove', 'softkvm/system.c', 'if (!el && !view->el0)\n			return SOFT_UNDEFINED;\n		if (!enabled(cpu, view->control))\n			return soft_take_system(cpu, word);\n		value',
     'if (!enabled(cpu, view->control))\n			return soft_take_system(cpu, word);\n		value'),
]


def fault(text):
    sys.exit(f'mutants.py: {text}')


def break_line(path, row, old, new):
    text = path.read_text()
    if path.suffix == '.isa':
        line = next((line for line in text.splitlines() if line.startswith(row + ' ')), '')
        old, new = line, line.replace(old, new)
    if not old or old == new or text.count(old) != 1:
        fault(f'{path.name}: cannot break {row}: its text has changed')
    path.write_text(text.replace(old, new))


def build(tree):
    tables = [tree / 'a64.c', tree / 'a64_names.c']
    subprocess.run([sys.executable, tree / 'isa/gen.py', tree / TABLE, '--classes', tree / 'include/salvage/insn.h', '--out', *tables],
                   check=True)
    subprocess.run([sys.executable, tree / 'softkvm/gen.py', tree / INTEGER, '--out', tree / 'a64-integer.c'], check=True)
    sources = [path for part in ('src/insn', 'src/mmu', 'src/except', 'src/abort', 'src/space', 'softkvm', 'oracle') for path in sorted((tree / part).glob('*.c'))]
    subprocess.run(['cc', '-std=gnu11', '-D_GNU_SOURCE', '-O1', '-mcx16', '-I', tree / 'include', '-I', tree / 'src', '-I', tree / 'src/insn',
                    '-I', tree / 'softkvm',
                    '-o', tree / 'run', *sources, tree / 'src/status.c', tree / 'a64-integer.c', *tables], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('guest', type=pathlib.Path, help='the bare-metal program, guest.elf')
    parser.add_argument('--qemu', action='append', help='a QEMU; if given more than once, the first that knows the row')
    parser.add_argument('--only', default='', help='mutants whose description begins like this')
    options = parser.parse_args()
    missed = 0
    mutants = [mutant for mutant in MUTANTS if mutant[0].startswith(options.only)]
    for what, row, path, old, new in mutants:
        with tempfile.TemporaryDirectory() as name:
            tree = pathlib.Path(name)
            for part in ('include', 'isa', 'src', 'softkvm', 'oracle'):
                shutil.copytree(ROOT / part, tree / part)
            break_line(tree / path, row, old, new)
            build(tree)
            what_to_run = ['--guest', options.guest, '--cases=8000', '--row', row]
            if row == TRANSLATE:
                what_to_run = ['--guest', options.guest.with_name('translate-guest.elf'), '--cases=30000', '--translate']
            if what.startswith('CPU: '):
                what_to_run.append('--integer')
            for qemu in options.qemu or ['qemu-system-aarch64']:
                run = subprocess.run([tree / 'run', '--seed=1', '--workers=1', '--qemu', qemu, *what_to_run], stdout=subprocess.PIPE,
                                     text=True, check=False)
                if 'no row was compared' not in run.stdout:
                    break
        output = run.stdout.splitlines()
        first = next((i for i, line in enumerate(output) if line.startswith('MISMATCH')), None)
        caught = run.returncode == 1 and first is not None
        print(f'-- {what}: {path}: {old} -> {new}: {"caught" if caught else "MISSED"}')
        print(*output[first or 0:], sep='\n', flush=True)
        missed += not caught
    print(f'{len(mutants)} mutants, {missed} missed')
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
