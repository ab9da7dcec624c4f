#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turns a64-integer.isa (README.md beside this file) into the CPU's instructions: a C function a row, and the decoder."""

import argparse
import importlib.util
import itertools
import pathlib
import re
import sys

SPEC = importlib.util.spec_from_file_location('isa_gen', pathlib.Path(__file__).parent.parent / 'isa/gen.py')
isa = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(isa)

WIDTHS = dict(Rd=5, Rt=5, Rn=5, Rm=5, Ra=5, immlo=2, immhi=19, imm12=12, sh=1, N=1, immr=6, imms=6, hw=2, imm16=16, imm19=19,
              imm26=26, imm14=14, b5=1, b40=5, cond=4, nzcv=4, imm5=5, imm6=6, imm3=3, imm4=4, imm8=8, mask=4, shift=2, option=3,
              op1=3, op2=3, CRn=4, CRm=4, o0=1, Q=1, op=1, abc=3, defgh=5, cmode=4, size=2)
# Where struct soft_op has the registers.
PLACES = dict(Rd=0, Rt=0, Rn=5, Rm=16, Ra=10)
REGISTERS = dict(d='Rd', t='Rd', n='Rn', m='Rm', a='Ra')
# Operands that are worked out when a word is decoded: what of (prepare.c), and how the row's function gets at them.
PREPARED = {'imm': ('imm12', 'op->imm'), 'wide': ('wide', 'op->imm'), 'label': (None, 'cpu->pc + op->imm'),
            'page': ('page', '(cpu->pc & ~UINT64_C(0xfff)) + op->imm'), 'expanded': ('modified', 'op->imm'), 'float': ('float', 'op->imm')}
FLAGS = {'simd'}


class Row(isa.Row):
    """One line of the table."""

    widths, places = WIDTHS, PLACES

    def __init__(self, where, line):
        self.where = where
        columns = re.split(r'\s{2,}', line.strip())
        if len(columns) not in (3, 4):
            raise self.fault(f'{len(columns)} columns, expected 3 or 4, two or more spaces apart')
        self.name, self.bits, self.does = columns[:3]
        self.fields, self.mask, self.value, self.should, self.should_value = {}, 0, 0, 0, 0
        self.draw()
        words = set((columns[3] if len(columns) == 4 else '').split())
        features = {word for word in words if word.startswith('FEAT_')}
        if words - features - FLAGS or len(features) > 1:
            raise self.fault(f'unknown flags "{columns[3]}", known are {", ".join(FLAGS)} and one FEAT_')
        self.feature, self.flags = ''.join(features), words - features
        self.prepare, self.used = 'nothing', set()
        self.body = self.function()
        # Rt is Rd by another name; what is wholly fixed says nothing; SIMD registers are their functions' business.
        drawn = {'Rd' if name == 'Rt' else name for name, at in self.fields.items() if ~self.mask >> at & (1 << WIDTHS[name]) - 1}
        if 'simd' in self.flags:
            drawn -= set(PLACES)
        if 'word' not in self.used and drawn - self.used:
            raise self.fault(f'the fields drawn are not those used: {" ".join(sorted(drawn - self.used))}')

    def prepares(self, what, fields):
        if self.prepare != 'nothing':
            raise self.fault(f'two operands to work out: {self.prepare}, {what}')
        self.prepare = what
        for name in fields.split():
            if name not in self.fields:
                raise self.fault(f'needs the field {name}, which is not drawn')
            self.used.add(name)

    def register(self, text):
        """<Xn|SP> and its like, for a function of operations.h."""
        match = re.fullmatch(r'([WX])([dtnma])(\|SP)?', text)
        if not match:
            return None
        self.used.add(REGISTERS[match[2]])
        return f'{match[1]}{"_SP" if match[3] else ""}', f'op->{REGISTERS[match[2]]}'

    def operand(self, text):
        register = self.register(text)
        if register:
            return f'get_{register[0]}(cpu, {register[1]})'
        match = re.fullmatch(r'([WX]m) (shifted|shifted, no ror|extended)', text)
        if match:
            function, _, no_ror = match[2].partition(', ')
            self.prepares(function + ('_add' if no_ror else ''), 'shift imm6' if function == 'shifted' else 'option imm3')
            width = ('32' if match[1][0] == 'W' else '64') if function == 'shifted' else ''
            return f'{function}{width}(op, {self.operand(match[1])})'
        if text == 'bitmask':
            self.prepares('bitmask64' if self.value >> 31 else 'bitmask32', 'N immr imms')
            return 'op->imm'
        if text in PREPARED:
            what, code = PREPARED[text]
            if text == 'label':
                what = next((name for name in ('imm19', 'imm26', 'imm14') if name in self.fields), 'adr')
            self.prepares(what, {'imm12': 'sh imm12', 'wide': 'imm16 hw', 'page': 'immlo immhi', 'adr': 'immlo immhi',
                                 'modified': 'op cmode abc defgh', 'float': 'imm8'}.get(what, what))
            return code
        if text == 'bit' and 'b5' in self.fields:
            return f'({self.operand("b5")} << 5 | {self.operand("b40")})'
        if text == 'word':
            self.used.add('word')
            return 'op->word'
        if text in self.fields:
            self.used.add(text)
            return f'(op->word >> {self.fields[text]} & {(1 << WIDTHS[text]) - 1:#x})'
        if re.fullmatch(r'\d+', text):
            return text
        if re.fullmatch('[a-z]+', text):
            return 'op_' + text
        raise self.fault(f'unknown operand "{text}"')

    def expression(self, text):
        match = re.fullmatch(r'(\w+)\((.*)\)', text)
        if not match:
            return self.operand(text)
        operands = [self.operand(piece) for piece in re.split(r', (?!no ror)', match[2]) if piece]
        return f'op_{match[1]}({", ".join(["cpu", "op"] + operands)})'

    def function(self):
        target, _, does = self.does.rpartition(' = ')
        value = self.expression(does)
        if not target:
            return [f'return {value};']
        register = self.register(target)
        if not register:
            raise self.fault(f'unknown destination "{target}"')
        return [f'put_{register[0]}(cpu, {register[1]}, {value});', 'return SOFT_NEXT;']


def read(path):
    rows = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.strip() and not line.startswith('#'):
            rows.append(Row(f'{path.name}:{number}', line))
    names = {}
    for row in rows:
        if names.setdefault(row.name, row) is not row:
            raise row.fault(f'{row.name} is also at {names[row.name].where}')
    for a, b in itertools.combinations(rows, 2):
        if not (a.value ^ b.value) & a.mask & b.mask:
            raise b.fault(f'{b.name} overlaps {a.name} at {a.where}')
    return rows


def emit(rows):
    lines = ['/* SPDX-License-Identifier: BSD-2-Clause */', '/* Generated from softkvm/a64-integer.isa by softkvm/gen.py. */',
             '#include "operations.h"', '#include "simd.h"', '#include "prepare.h"', '']
    for row in rows:
        lines += [f'static enum soft_step {row.name}(struct soft_cpu *cpu, const struct soft_op *op)', '{']
        if 'simd' in row.flags:
            lines += ['\tif (!soft_simd_enabled(cpu))', '\t\treturn SOFT_TAKEN;']
        lines += [f'\t{line}' for line in row.body] + ['}', '']
    lines += isa.array('const struct soft_row soft_rows[]', [
        f'{{ {row.mask:#010x}, {row.value:#010x}, {row.should:#x}, {row.should_value:#x}, {row.name}, soft_prepare_{row.prepare}, '
        f'"{row.name}", "{row.feature}" }}' for row in rows])
    lines += isa.array('const uint16_t soft_tree[]',
                       [str(item).replace('SV_TREE_ROW', 'SOFT_TREE_ROW') for item in isa.tree(rows)])
    return '\n'.join(lines + [f'const size_t soft_row_count = {len(rows)};', ''])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('table', type=pathlib.Path, help='a64-integer.isa')
    parser.add_argument('--out', type=pathlib.Path, metavar='FILE.c', help='write C; without it the rows are listed')
    options = parser.parse_args()
    try:
        rows = read(options.table)
        if options.out:
            options.out.write_text(emit(rows))
        else:
            print(*(f'{row.value:08x} {row.mask:08x} {row.name:24} {row.does:44} {row.feature}'.rstrip() for row in rows), sep='\n')
    except (isa.Fault, OSError) as fault:
        sys.exit(f'gen.py: {fault}')


if __name__ == '__main__':
    main()
