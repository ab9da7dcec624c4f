#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turns an instruction set's table (README.md beside this file) into the decoder's tables, or a listing."""

import argparse
import itertools
import pathlib
import re
import sys

WIDTHS = dict(Rt=5, Rt2=5, Rn=5, Rm=5, option=3, S=1, imm7=7, imm9=9, imm12=12, imm19=19)
# Immediates: signed or not, and what scales them: the element's size, or a fixed number of bits.
IMMEDIATES = dict(imm7=(True, None), imm9=(True, 0), imm12=(False, None), imm19=(True, 2))
# Pieces of the operands column: how src/insn/tables.h calls each, and the fields it shows.
OPERANDS = {
    '<Wt>': ('Wt', 'Rt'), '<Wt1>': ('Wt', 'Rt'), '<Wt2>': ('Wt2', 'Rt2'),
    '<Xt>': ('Xt', 'Rt'), '<Xt1>': ('Xt', 'Rt'), '<Xt2>': ('Xt2', 'Rt2'),
    '<Xn|SP>': ('XnSP', 'Rn'), '<R><m>': ('Rm', 'Rm option'), '{, <extend>}': ('extend', 'option S'),
    '#<imm>': ('imm', 'imm'), '{, #<imm>}': ('offset', 'imm'), '<label>': ('label', 'imm'),
}
FLAGS = {'isv', 'acquire', 'release', 'unpriv'}
CLASS_FLAGS = {'unprivileged': {'unpriv'}}  # what a class implies


class Fault(Exception):
    """A bad table: one line, naming the place and the fault."""


class Row:
    """One line of the table."""

    def __init__(self, where, line, classes):
        self.where = where
        columns = re.split(r'\s{2,}', line.strip())
        if len(columns) not in (5, 6):
            raise self.fault(f'{len(columns)} columns, expected 5 or 6, two or more spaces apart')
        self.name, self.bits, self.operands, access, self.cls = columns[:5]
        self.fields, self.mask, self.value, self.should, self.should_value = {}, 0, 0, 0, 0
        self.draw()
        self.parse_access(access)
        if self.cls not in classes:
            raise self.fault(f'unknown class "{self.cls}", known are {", ".join(classes)}')
        words = set(columns[5].split()) if len(columns) == 6 else set()
        features = {word for word in words if word.startswith('FEAT_')}
        if len(features) > 1 or words - features - FLAGS:
            raise self.fault(f'unknown flags "{columns[5]}", known are {", ".join(sorted(FLAGS))} and one FEAT_')
        self.feature = ''.join(features)
        self.parse_operands()
        self.flags = words - features | CLASS_FLAGS.get(self.cls, set())
        self.flags |= {'load' if self.load else 'store'} | ({'signed'} if self.signed else set())
        if '<Xt' in self.operands:
            self.flags.add('sf')
        if 'isv' in self.flags and (self.writeback or self.count > 1):
            raise self.fault('isv on a pair or with writeback: the architecture reports ISV=0')

    def fault(self, text):
        return Fault(f'{self.where}: {text}')

    def draw(self):
        """The bits column, left to right from bit 31."""
        at = 32
        for token in self.bits.split():
            name, _, drawn = token.rpartition('=')
            if re.fullmatch(r'[01x()]+', drawn):
                if not re.fullmatch(r'([01x]|\([01]+\))+', drawn):
                    raise self.fault(f'cannot read the bits "{token}"')
            elif not name and drawn in WIDTHS:
                name, drawn = drawn, 'x' * WIDTHS[drawn]
            else:
                raise self.fault(f'unknown field "{token}", known are {", ".join(WIDTHS)}')
            width = len(re.sub('[()]', '', drawn))
            if name and WIDTHS.get(name) != width:
                raise self.fault(f'unknown field "{token}", or not as wide as it is drawn')
            if name in self.fields:
                raise self.fault(f'field "{name}" drawn twice')
            should = False
            for char in drawn:
                if char in '()':
                    should = char == '('
                    continue
                at -= 1
                if char == 'x' or at < 0:
                    continue
                if should:
                    self.should |= 1 << at
                    self.should_value |= int(char) << at
                else:
                    self.mask |= 1 << at
                    self.value |= int(char) << at
            if name:
                self.fields[name] = at
        if at:
            raise self.fault(f'{32 - at} bits drawn, expected 32')

    def parse_access(self, access):
        match = re.fullmatch(r'([rw]) ([1-9])x([1248])(s?)', access)
        if not match:
            raise self.fault(f'cannot read the access "{access}", expected e.g. "r 2x4s"')
        self.load, self.signed = match[1] == 'r', bool(match[4])
        self.count, self.esize = int(match[2]), int(match[3])
        if self.signed and not self.load:
            raise self.fault('a store has no sign')

    def parse_operands(self):
        """The operands column; it also tells the addressing mode."""
        self.syntax, shown = [], set()
        pattern = '|'.join(re.escape(piece) for piece in sorted(OPERANDS, key=len, reverse=True))
        for match in re.finditer(pattern + '|.', self.operands):
            piece = match[0]
            if piece in OPERANDS:
                operand, fields = OPERANDS[piece]
                self.syntax.append('SV_OPERAND_' + operand)
                shown |= set(fields.split())
            elif piece in '<>{}#|':
                raise self.fault(f'unknown operand at "{self.operands[match.start():]}"')
            else:
                self.syntax.append(f"'{piece}'")
        immediates = [field for field in self.fields if field in IMMEDIATES]
        self.imm = immediates[0] if immediates else ''
        drawn = {'imm' if field in IMMEDIATES else field for field in self.fields}
        if len(immediates) > 1 or drawn != shown:
            raise self.fault(f'fields drawn ({" ".join(sorted(drawn))}) are not those that the operands show '
                             f'({" ".join(sorted(shown))})')
        if self.count != sum(field in self.fields for field in ('Rt', 'Rt2')):
            raise self.fault(f'{self.count} elements do not match the transfer registers drawn')
        self.mode = ('literal' if '<label>' in self.operands else 'register' if 'Rm' in drawn else
                     'pre' if self.operands.endswith(']!') else 'post' if '], #<imm>' in self.operands else 'offset')
        self.writeback = self.mode in ('pre', 'post')

    def layout(self):
        scale = self.esize.bit_length() - 1
        mask = left = right = 0
        if self.imm:
            at, width = self.fields[self.imm], WIDTHS[self.imm]
            signed, shift = IMMEDIATES[self.imm]
            mask = (1 << width) - 1 << at
            left = 64 - at - width if signed else 0
            right = left + at - (scale if shift is None else shift)
        distinct = []
        if self.writeback:
            distinct += [f'SV_DISTINCT_{t}_n' for t in ('t', 't2') if 'R' + t in self.fields]
        if self.load and {'Rt', 'Rt2'} <= set(self.fields):
            distinct.append('SV_DISTINCT_t_t2')
        fields = ', '.join('{ %d, %d }' % (self.fields[name], (1 << WIDTHS[name]) - 1) if name in self.fields
                           else '{ 0, 0 }' for name in ('Rt', 'Rt2', 'Rn', 'Rm', 'option', 'S'))
        return (f'{{ {mask:#x}, {self.should:#x}, {self.should_value:#x}, {left}, {right}, '
                f'{scale if "S" in self.fields else 0}, {" | ".join(distinct) or 0}, {fields} }}')


def read(path, classes):
    rows = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.strip() and not line.startswith('#'):
            rows.append(Row(f'{path.name}:{number}', line, classes))
    names = {}
    for row in rows:
        if names.setdefault(row.name, row) is not row:
            raise row.fault(f'{row.name} is also at {names[row.name].where}')
    for a, b in itertools.combinations(rows, 2):
        if not (a.value ^ b.value) & a.mask & b.mask:
            raise b.fault(f'{b.name} overlaps {a.name} at {a.where}')
    return rows


def tree(rows):
    """The decision tree as src/insn/tables.h describes it: a list of numbers."""
    nodes = []

    def split(here, shift, width):
        children = [[] for _ in range(1 << width)]
        for index, row in here:
            free = ~row.mask >> shift & (1 << width) - 1
            value, subset = row.value >> shift & (1 << width) - 1, free
            while True:  # every value of the window that the row can have
                children[value | subset].append((index, row))
                if not subset:
                    break
                subset = subset - 1 & free
        return children

    def build(here):
        # The window of bits that leaves the fewest pairs of rows together. An entry weighs little: a wide root, which
        # tells most words from loads and stores in one step, halved the time of random words (salvage bench decode).
        windows = ((shift, width, split(here, shift, width)) for width in range(1, 12) for shift in range(33 - width))
        shift, width, children = min(windows, key=lambda window: len(window[2]) / 16 + sum(
            len(child) * (len(child) - 1) for child in window[2]))
        at = len(nodes)
        nodes.extend([shift | (1 << width) - 1 << 5] + [0] * len(children))
        for i, child in enumerate(children, at + 1):
            if child:
                nodes[i] = 'SV_TREE_ROW + %d' % child[0][0] if len(child) == 1 else build(child)
        return at

    build(list(enumerate(rows)))
    if max(len(nodes), len(rows)) > 0x8000:
        raise Fault('the decision tree has outgrown its 16-bit entries')
    return nodes


class Pool:
    """Strings, or arrays of numbers, kept once and referred to by offset."""

    def __init__(self):
        self.items, self.offsets, self.size = [], {}, 0

    def offset(self, item):
        if item not in self.offsets:
            self.offsets[item] = self.size
            self.items.append(item)
            self.size += len(item) + 1
            if self.size > 0x10000:
                raise Fault(f'"{item}" does not fit: 64 KiB of strings at most')
        return self.offsets[item]


def array(declaration, items):
    return [f'{declaration} = {{'] + [f'\t{item},' for item in items] + ['};', '']


def emit(isa, rows):
    """The decoder's tables, and apart from them the names, which only listings need."""
    layouts = list(dict.fromkeys(row.layout() for row in rows))
    mnemonics, syntax, names = Pool(), Pool(), Pool()
    lines = []
    for row in rows:
        flags = ' | '.join('SV_ROW_' + flag.upper() for flag in sorted(row.flags))
        imm = 'SV_IMM_' + (row.imm[3:] or 'NONE')
        # The mnemonic is the encoding's name up to the first underscore, in LLVM's lower case.
        lines.append(f'{{ {row.mask:#010x}, {row.value:#010x}, {flags}, SV_CLASS_{row.cls.upper()}, '
                     f'SV_MODE_{row.mode.upper()}, {imm}, {row.esize}, {row.count}, '
                     f'{layouts.index(row.layout())}, {mnemonics.offset(row.name.split("_")[0].lower())}, '
                     f'{syntax.offset(tuple(row.syntax))} }}')
    head = ['/* SPDX-License-Identifier: BSD-2-Clause */', f'/* Generated from isa/{isa}.isa by isa/gen.py. */',
            '#include "tables.h"', '']
    tables = head + array('static const struct sv_row rows[]', lines)
    tables += array('static const struct sv_layout layouts[]', layouts)
    tables += array('static const uint16_t tree[]', tree(rows))
    tables += ['static const char mnemonics[] ='] + [f'\t"{item}\\0"' for item in mnemonics.items] + ['\t;', '']
    tables += array('static const uint8_t syntax[]', [', '.join(item + ('SV_OPERAND_END',)) for item in syntax.items])
    tables += [f'const struct sv_tables sv_{isa} = {{ rows, layouts, tree, mnemonics, syntax, '
               'sizeof(rows) / sizeof(*rows) };']
    offsets = [f'{{ {names.offset(row.name)}, {names.offset(row.feature)} }}' for row in rows]
    strings = [f'\t"{item}\\0"' for item in names.items]
    return '\n'.join(tables) + '\n', '\n'.join(
        head + array('static const struct sv_row_names rows[]', offsets) + ['static const char pool[] =']
        + strings + ['\t;', '', f'const struct sv_names sv_{isa}_names = {{ rows, pool }};', ''])


def listing(rows):
    for row in rows:
        flags = ' '.join(sorted(row.flags & FLAGS) + [row.feature]).strip()
        yield (f'{row.value:08x} {row.mask:08x} {row.name:29} {"r" if row.load else "w"} {row.count}x{row.esize}'
               f'{"s" if row.signed else " "} {row.cls:13} {row.mode:9} {flags}').rstrip()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('table', type=pathlib.Path, help='the instruction set, e.g. a64.isa')
    parser.add_argument('--classes', type=pathlib.Path, help='the header that lists SV_CLASSES',
                        default=pathlib.Path(__file__).parent.parent / 'include/salvage/insn.h')
    parser.add_argument('--out', nargs=2, type=pathlib.Path, metavar=('TABLES.c', 'NAMES.c'),
                        help='write C; without it a listing is printed')
    options = parser.parse_args()
    try:
        classes = re.search(r'#define SV_CLASSES\(X\)((.*\\\n)*.*)', options.classes.read_text())
        classes = re.findall(r'"(\w+)"\)', classes[1] if classes else '')
        rows = read(options.table, classes)
        if options.out:
            for path, text in zip(options.out, emit(options.table.stem, rows)):
                path.write_text(text)
        else:
            print(*listing(rows), sep='\n')
    except (Fault, OSError) as fault:
        sys.exit(f'gen.py: {fault}')


if __name__ == '__main__':
    main()
