#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turns an instruction set's table (README.md beside this file) into the decoder's tables, or a listing."""

import argparse
import itertools
import pathlib
import re
import sys

WIDTHS = dict(Rt=5, Rd=5, Rt2=5, Rn=5, Rm=5, Rs=5, option=3, S=1, Q=1, size=2, imm7=7, imm9=9, imm12=12, imm19=19,
              Zt=5, Pt=4, Pg=3, xs=1, V=1, Rv=2, off4=4, imm4=4, imm5=5, imm6=6, imm9h=6, imm9l=3)
# Immediates: signed or not, and what scales them: the element's size, or a fixed number of bits.
IMMEDIATES = dict(imm7=(True, None), imm9=(True, 0), imm12=(False, None), imm19=(True, 2),
                  imm4=(True, 0), imm5=(False, None), imm6=(False, None), imm9h=(True, 3))
# Fields that decode.c and format.c look for at one place, in the rows that have them.
PLACES = dict(Q=30, size=10, imm9l=10, V=15, Rv=13, off4=0)
# Fields that are another one by a name of their own.
ALIASES = dict(Rd='Rt', Zt='Rt', Pt='Rt', xs='option')
# Pieces of the operands column: how src/insn/tables.h calls each, and the fields it shows. A capital S, D, ... before a
# vector register's number is a character of its own in the template.
OPERANDS = {
    '<Wt>': ('Wt', 'Rt'), '<Wt1>': ('Wt', 'Rt'), '<Wt2>': ('Wt2', 'Rt2'), '<W(t+1)>': ('Wtn', 'Rt'),
    '<Xt>': ('Xt', 'Rt'), '<Xt1>': ('Xt', 'Rt'), '<Xt2>': ('Xt2', 'Rt2'), '<X(t+1)>': ('Xtn', 'Rt'),
    '<Ws>': ('Ws', 'Rs'), '<Xs>': ('Xs', 'Rs'), '<W(s+1)>': ('Wsn', 'Rs'), '<X(s+1)>': ('Xsn', 'Rs'),
    '<Xd>': ('Xt', 'Rd'), '<Xn>': ('Xn', 'Rn'), '<Xt|SP>': ('XtSP', 'Rt'), '<Xm>': ('Xm', 'Rm'),
    '<Xn|SP>': ('XnSP', 'Rn'), '<R><m>': ('Rm', 'Rm option'), '{, <extend>}': ('extend', 'option S'),
    '#<imm>': ('imm', 'imm'), '{, #<imm>}': ('offset', 'imm'), '<label>': ('label', 'imm'),
    '[<index>]': ('index', 'Q S size'),
    '<Zn>': ('Zn', 'Rn'), '<Zm>': ('Zm', 'Rm'), '<Pt>': ('Pt', 'Pt'), '<Pg>': ('Pg', 'Pg'), '<PNg>': ('PNg', 'Pg'),
    '{, <Xm>}': ('added', 'Rm'), '{, <Xm>, lsl}': ('indexed', 'Rm'), '<Xm>, lsl': ('shifted', 'Rm'), '{, #<imm>, mul vl}': ('vectors', 'imm'),
    '<mod>': ('mod', 'xs'), '<Wv>': ('Wv', 'Rv'), '<offs>': ('offs', 'off4'), '{, #<offs>, mul vl}': ('offsvl', 'off4'),
    '{<tile>}': ('tile', 'V Rv off4'),
}
for step in 0, 1, 2, 3, 4, 8, 12:
    OPERANDS[f'<Zt+{step}>' if step else '<Zt>'] = (f'Zt{step}', 'Zt')
for count in 3, 4:
    for arrangement in 'bhsdq':
        OPERANDS[f'{{ <Zt>.{arrangement} - <Zt+{count - 1}>.{arrangement} }}'] = ('range', 'Zt')
for width in 'BHSDQ':
    OPERANDS |= {f'<{width}t>': (width + 't', 'Rt'), f'<{width}t1>': (width + 't', 'Rt'),
                 f'<{width}t2>': (width + 't2', 'Rt2'), f'<{width}s>': (width + 's', 'Rs')}
for count in range(1, 5):
    for arrangement in '<T>', 'B', 'H', 'S', 'D':
        registers = ', '.join(f'<Vt{n if n > 1 else ""}>.{arrangement}' for n in range(1, count + 1))
        OPERANDS[f'{{ {registers} }}'] = ('list' if arrangement == '<T>' else 'lanes', 'Rt' + (' Q size' if arrangement == '<T>' else ''))
FLAGS = {'isv', 'acquire', 'release', 'unpriv', 'cm'}
CLASS_FLAGS = {'unprivileged': {'unpriv'}}  # what a class implies
# What an atomic does; enum sv_op.
OPERATIONS = 'cas swp add clr eor set smax smin umax umin fadd fmax fmin fmaxnm fminnm'.split()
# Classes whose elements are not one for each transfer register.
UNCOUNTED = {'tag', 'mops', 'zero', 'ldst64b'}
DETAILS = {'no1d', 'replicate', 'granule', 'm31', 'x16', 'x32'}


class Fault(Exception):
    """A bad table: one line, naming the place and the fault."""


class Row:
    """One line of the table."""

    widths, places = WIDTHS, PLACES

    def __init__(self, where, line, classes, refusals):
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
        self.parse_flags(columns[5] if len(columns) == 6 else '', refusals)
        self.parse_operands()
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
            elif not name and drawn in self.widths:
                name, drawn = drawn, 'x' * self.widths[drawn]
            else:
                raise self.fault(f'unknown field "{token}", known are {", ".join(self.widths)}')
            width = len(re.sub('[()]', '', drawn))
            if name and self.widths.get(name) != width:
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
        for name, place in self.places.items():
            if self.fields.get(name, place) != place:
                raise self.fault(f'field "{name}" at bit {self.fields[name]}, expected at {place}')

    def parse_access(self, access):
        match = re.fullmatch(r'(r|w|rw) ([1-9]?v|[1-9]|16|32)x(1|2|4|8|16|64|T)(s?)', access)
        if not match:
            raise self.fault(f'cannot read the access "{access}", expected e.g. "r 2x4s"')
        self.load, self.store, self.signed = 'r' in match[1], 'w' in match[1], bool(match[4])
        # As many elements as a vector has: how many registers there are is all that can be said.
        self.vectors = int(match[2][:-1] or 1) if match[2].endswith('v') else 0
        self.count = 0 if self.vectors else int(match[2])
        self.esize = 0 if match[3] == 'T' else int(match[3])
        if self.signed and self.store:
            raise self.fault('a store has no sign')

    def parse_flags(self, column, refusals):
        words = set(column.split())
        features = {word for word in words if word.startswith('FEAT_')}
        refused = {word for word in words if word.startswith('refused:')}
        operation = words & set(OPERATIONS)
        self.details = words & DETAILS
        unknown = words - features - refused - operation - DETAILS - FLAGS
        if unknown or max(map(len, (features, refused, operation))) > 1:
            raise self.fault(f'unknown flags "{column}", known are {", ".join(sorted(FLAGS | DETAILS))}, one operation of an '
                             'atomic, one refused: and one FEAT_')
        self.feature = ''.join(features)
        self.refusal = ''.join(refused).removeprefix('refused:')
        if self.refusal and self.refusal not in refusals:
            raise self.fault(f'unknown reason "{self.refusal}", known are {", ".join(refusals)}')
        self.operation = ''.join(operation)
        if bool(self.operation) != (self.load and self.store and self.cls in ('atomic', 'rcw')):
            raise self.fault('an operation belongs to what reads and writes (rw), and only there')
        self.flags = words & FLAGS | CLASS_FLAGS.get(self.cls, set())
        self.flags |= {name for name in ('load', 'store', 'signed') if getattr(self, name)}

    def parse_operands(self):
        """The operands column; it also tells the addressing mode and what kind of registers are transferred."""
        self.syntax, shown = [], set()
        operands = '' if self.operands == '-' else self.operands
        pattern = '|'.join(re.escape(piece) for piece in sorted(OPERANDS, key=len, reverse=True))
        for match in re.finditer(pattern + r'|#-?\d+|\{ | \}|.', operands):
            piece = match[0]
            if piece in OPERANDS:
                operand, fields = OPERANDS[piece]
                if operand[0] in 'BHSDQ':
                    self.syntax.append(f"'{operand[0].lower()}'")
                    operand = 'V' + operand[1:]
                self.syntax.append('SV_OPERAND_' + operand)
                shown |= set(fields.split())
            elif piece in '<>{}#|':
                raise self.fault(f'unknown operand at "{self.operands[match.start():]}"')
            else:
                self.syntax += [f"'{char}'" for char in piece]
        self.place_immediate()
        drawn = {'imm' if field in IMMEDIATES else field for field in self.fields}
        drawn -= {'S'} if self.imm == '10' else {'imm9l'} if self.imm == '9vl' else set()
        if drawn - shown or shown - drawn - {'Q', 'size', 'S'}:
            raise self.fault(f'fields drawn ({" ".join(sorted(drawn))}) are not those that the operands show '
                             f'({" ".join(sorted(shown))})')
        self.mode = ('literal' if '<label>' in operands else 'register' if '<R><m>' in operands else
                     'pre' if operands.endswith(']!') else 'post' if re.search(r'\[<Xn\|SP>\], ', operands) else 'offset')
        self.writeback = self.mode in ('pre', 'post') and not operands.startswith('[<Xd>]!')
        self.form, self.registers = self.shape(operands)
        width = re.match(r'{ <Zt>\.([bhsdq])', operands)
        self.width = 'bhsdq'.index(width[1]) if width else 0
        if '<PNg>' in operands:
            self.flags.add('counter')
        transfers = sum(field in self.fields for field in ('Rt', 'Rt2'))
        if (self.form in ('general', 'simd') and self.cls not in UNCOUNTED and not self.refusal and not self.operation and
                self.count != transfers):
            raise self.fault(f'{self.count} elements do not match the transfer registers drawn')

    def place_immediate(self):
        immediates = [field for field in self.fields if field in IMMEDIATES]
        if len(immediates) > 1:
            raise self.fault(f'two immediates drawn ({" ".join(immediates)})')
        self.immediate = immediates[0] if immediates else ''
        fixed = '<Xm>' in self.operands or re.search(r'#-?\d', self.operands)
        # LDRAA's S and imm9 are one immediate with another field between them.
        split = self.immediate == 'imm9' and 'S' in self.fields
        self.imm = ('10' if split else 'footprint' if fixed and not self.cls.startswith('s') or '], <Xm>' in self.operands else
                    '9vl' if self.immediate == 'imm9h' else 'vl' if 'mul vl' in self.operands and self.immediate else
                    self.immediate[3:] or 'none')

    def shape(self, operands):
        """enum sv_form, and how many registers are transferred."""
        registers = operands.count('<Vt')
        if self.cls in ('sve', 'sme'):
            return 'predicate' if 'Pt' in self.fields else self.cls, self.vectors or 1
        if self.esize and not registers:
            return 'simd' if re.search('<[BHSDQ]t', operands) else 'general', self.count
        if registers == 0 or self.refusal:
            raise self.fault('elements of the size of a field, but no list of vector registers')
        if '[<index>]' in operands:
            return 'lane', registers
        if 'replicate' in self.details:
            return 'replicate', registers
        # LD1 and ST1 fill their registers one after the other; LD2 to LD4 deal the elements out.
        self.count = int(self.name[2])
        return 'multiple', registers

    def conditions(self):
        """What makes a word CONSTRAINED UNPREDICTABLE, and what UNDEFINED, though it has the row's bits."""
        unpredictable, undefined = set(), set()
        pair, atomic = {'Rt', 'Rt2'} <= set(self.fields), self.load and self.store
        if self.writeback and self.form == 'general' and self.cls != 'tag':
            unpredictable |= {f'{t}_n' for t in ('t', 't2') if 'R' + t in self.fields}
        if pair and self.load:
            unpredictable.add('t_t2')
        if pair and atomic:
            undefined |= {'t_31', 't2_31'}
        if self.cls == 'exclusive' and self.store:
            unpredictable |= {'s_t', 's_n'} | ({'s_t2'} if pair else set())
        if self.cls == 'mops':
            unpredictable |= {'t_n', 't_31', 'n_31'} | ({'s_t', 's_n'} if 'Rs' in self.fields else set())
            unpredictable |= {'s_31'} if self.load else set()
        if self.cls == 'ldst64b':
            undefined.add('t_24')
        undefined |= {name for name in ('1d', 'm_31') if name.replace('_', '') in (word.removeprefix('no') for word in self.details)}
        return unpredictable, undefined

    def layout(self):
        scale = max(self.esize.bit_length() - 1, 0)
        mask = left = right = 0
        if self.immediate:
            at, width = self.fields[self.immediate], WIDTHS[self.immediate]
            signed, shift = IMMEDIATES[self.immediate]
            mask = (1 << width) - 1 << at
            left = 64 - at - width if signed else 0
            shift = (4 if self.details & {'granule', 'x16'} else 5 if 'x32' in self.details else scale if shift is None else
                     shift)
            right = left + at - shift
        relations = [' | '.join(f'SV_RELATION_{name}' for name in sorted(names)) or '0' for names in self.conditions()]
        fields = {}
        for name, at in self.fields.items():
            width = (1 << WIDTHS[name]) - 1
            # Of the first of two or four vector registers some bits are not drawn, or say something else.
            fields[ALIASES.get(name, name)] = at, width & ~(self.mask >> at) if name == 'Zt' else width
        if 'option' not in fields or 'xs' in self.fields:
            fields.pop('S', None)
        fields = ', '.join('{ %d, %d }' % fields.get(name, (0, 0))
                           for name in ('Rt', 'Rt2', 'Rn', 'Rm', 'Rs', 'Pg', 'option', 'S'))
        return (f'{{ {mask:#x}, {self.should:#x}, {self.should_value:#x}, {left}, {right}, '
                f'{scale if "option" in self.fields else 0}, {relations[0]}, {relations[1]}, {fields} }}')


def read(path, classes, refusals=()):
    rows = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.strip() and not line.startswith('#'):
            rows.append(Row(f'{path.name}:{number}', line, classes, refusals))
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
        if len(here) == len(rows):
            windows = [(21, 11)]
        else:
            tested = 0
            for _, row in here:
                tested |= row.mask
            windows = ((shift, width) for width in range(1, 9) for shift in range(33 - width)
                       if not (~tested >> shift & (1 << width) - 1))
        windows = ((shift, width, split(here, shift, width)) for shift, width in windows)
        shift, width, children = min(windows, key=lambda window: len(window[2]) / 4 + sum(
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

    def __init__(self, room):
        self.items, self.offsets, self.size, self.room = [], {}, 0, room

    def offset(self, item):
        if item not in self.offsets:
            self.offsets[item] = self.size
            self.items.append(item)
            self.size += len(item) + 1
            if self.size > self.room:
                raise Fault(f'"{item}" does not fit: {self.room} bytes at most')
        return self.offsets[item]


def array(declaration, items):
    return [f'{declaration} = {{'] + [f'\t{item},' for item in items] + ['};', '']


def emit(isa, rows):
    """The decoder's tables, and apart from them the names, which only listings need."""
    layouts = list(dict.fromkeys(row.layout() for row in rows))
    mnemonics, syntax, names = Pool(1 << 14), Pool(1 << 14), Pool(1 << 16)
    lines = []
    for row in rows:
        flags = ' | '.join('SV_ROW_' + flag.upper() for flag in sorted(row.flags))
        # The mnemonic is the encoding's name up to the first underscore, in LLVM's lower case.
        lines.append(f'{{ {row.mask:#010x}, {row.value:#010x}, {flags}, SV_CLASS_{row.cls.upper()}, '
                     f'SV_MODE_{row.mode.upper()}, SV_IMM_{row.imm.upper()}, SV_FORM_{row.form.upper()}, '
                     f'SV_OP_{row.operation.upper() or "NONE"}, {row.esize}, {row.count}, {row.registers}, '
                     f'SV_REFUSAL_{row.refusal.upper() or "NONE"}, '
                     f'{layouts.index(row.layout())}, {mnemonics.offset(row.name.split("_")[0].lower())}, '
                     f'{syntax.offset(tuple(row.syntax))}, {row.width} }}')
    if len(layouts) > 1024:
        raise Fault('more than 1024 layouts')
    head = ['/* SPDX-License-Identifier: BSD-2-Clause */', f'/* Generated from isa/{isa}.isa by isa/gen.py. */',
            '#include "tables.h"', '']
    tables = head + array('static const struct sv_row rows[]', lines)
    tables += array('static const struct sv_layout layouts[]', layouts)
    tables += array('static const uint16_t tree[]', tree(rows))
    tables += ['static const char mnemonics[] ='] + [f'\t"{item}\\0"' for item in mnemonics.items] + ['\t;', '']
    tables += array('static const uint8_t syntax[]', [', '.join(item + ('SV_OPERAND_END',)) for item in syntax.items])
    tables += ['/* With some 2 KiB of code the decoder stays below 64 KiB, and with the printer too. */',
               '_Static_assert(sizeof(rows) + sizeof(layouts) + sizeof(tree) + sizeof(mnemonics) + sizeof(syntax) <= 58 << 10, "");', '']
    tables += [f'const struct sv_tables sv_{isa} = {{ rows, layouts, tree, mnemonics, syntax, '
               'sizeof(rows) / sizeof(*rows) };']
    offsets = [f'{{ {names.offset(row.name)}, {names.offset(row.feature)} }}' for row in rows]
    strings = [f'\t"{item}\\0"' for item in names.items]
    return '\n'.join(tables) + '\n', '\n'.join(
        head + array('static const struct sv_row_names rows[]', offsets) + ['static const char pool[] =']
        + strings + ['\t;', '', f'const struct sv_names sv_{isa}_names = {{ rows, pool }};', ''])


def listing(rows):
    for row in rows:
        flags = ' '.join(sorted(row.flags & FLAGS) + [row.refusal and 'refused:' + row.refusal, row.feature]).split()
        yield (f'{row.value:08x} {row.mask:08x} {row.name:29} {"r" * row.load + "w" * row.store} {f"{row.vectors}v" if row.vectors else row.count}x{row.esize or "T"}'
               f'{"s" if row.signed else " "} {row.cls:13} {row.mode:9} {" ".join(flags)}').rstrip()


def quoted(header, pattern, name):
    """What the lines of an X macro name, in lower case."""
    lines = re.search(rf'#define {name}\(X\)((.*\\\n)*.*)', header)
    return [item.lower() for item in re.findall(pattern, lines[1] if lines else '')]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('table', type=pathlib.Path, help='the instruction set, e.g. a64.isa')
    parser.add_argument('--classes', type=pathlib.Path, help='the header that lists SV_CLASSES',
                        default=pathlib.Path(__file__).parent.parent / 'include/salvage/insn.h')
    parser.add_argument('--out', nargs=2, type=pathlib.Path, metavar=('TABLES.c', 'NAMES.c'),
                        help='write C; without it a listing is printed')
    options = parser.parse_args()
    try:
        header = options.classes.read_text()
        rows = read(options.table, quoted(header, r'X\(\w+, "(\w+)"\)', 'SV_CLASSES'),
                    quoted(header, r'X\((\w+), "', 'SV_REFUSALS'))
        if options.out:
            for path, text in zip(options.out, emit(options.table.stem, rows)):
                path.write_text(text)
        else:
            print(*listing(rows), sep='\n')
    except (Fault, OSError) as fault:
        sys.exit(f'gen.py: {fault}')


if __name__ == '__main__':
    main()
