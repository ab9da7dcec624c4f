#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares `salvage decode` with LLVM's disassembler, word by word: which words are taken, their text, and what is
CONSTRAINED UNPREDICTABLE (LLVM: "potentially undefined"). Every difference must belong to a class named here."""

import argparse
import collections
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
PER_ROW, ANYWHERE, NEAR = 1500, 100000, 50000
FEATURES = '+v8.7a,+lor,+rcpc,+rcpc-immo,+mte,+ls64,+fullfp16,+sve,+sve2'

# What LLVM knows and the table does not (yet): by mnemonic, or by a SIMD&FP register among the operands.
NO_ROW = {
    'SIMD and floating point': r'(ld|st)[1-4]r? |\w+ ([bhsdq]\d+|\{)',
    'exclusive': r'(ldax|stlx|ldx|stx)[rp]',
    'compare and swap': r'casp?[al]*[bh]? ',
    'atomic': r'(ld|st)(add|clr|eor|set|[su]max|[su]min)|swp',
    'prefetch': r'prfu?m ',
    'memory tags': r'stz?2?g[mp]? |ldgm? ',
    'authenticated load': r'ldra[ab] ',
    '64 bytes': r'(ld|st)64b',
}


def llvm(tool, words):
    """For each word (text, undefined), text being None where LLVM does not take it."""
    with tempfile.NamedTemporaryFile('w', suffix='.txt') as file:
        for word in words:
            file.write(' '.join(f'{byte:#04x}' for byte in word.to_bytes(4, 'little')) + '\n')
        file.flush()
        run = subprocess.run([tool, '-disassemble', '-triple=aarch64', '-mattr=' + FEATURES, file.name],
                             capture_output=True, text=True)
    invalid, undefined = set(), set()
    for line, kind in re.findall(r':(\d+):\d+: warning: (invalid|potentially undefined) instruction', run.stderr):
        (invalid if kind == 'invalid' else undefined).add(int(line) - 1)
    texts = iter(line.strip().replace('\t', ' ', 1) for line in run.stdout.splitlines()
                 if line.strip() and not line.strip().startswith('.'))
    answer = [(None, False) if i in invalid else (next(texts), i in undefined) for i in range(len(words))]
    if next(texts, None) is not None:
        sys.exit(f'llvm.py: more lines of disassembly than words taken: {tool} does not print one a word')
    return answer


def salvage(command, words):
    run = subprocess.run([command, 'decode', '--json'], input='\n'.join(f'{word:08x}' for word in words),
                         capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert [int(line['word'], 16) for line in lines] == words
    return lines


def stimulus(rows, seed):
    draw = random.Random(seed)
    words = []
    for value, mask in rows:
        for _ in range(PER_ROW):
            free = draw.getrandbits(32)
            if draw.random() < 0.3:  # equal register fields and register 31 are where the rules differ
                number = draw.choice([31, draw.getrandbits(5)])
                for at in draw.sample([0, 5, 10, 16], 2):
                    free = free & ~(31 << at) | number << at
            if draw.random() < 0.5:  # should-be-one bits as they should be
                free |= draw.choice([0x1f7c00, 0x1f0000])
            if draw.random() < 0.1:
                free &= ~0x3ffc00  # immediates of zero
            words.append(value | free & ~mask)
    for value, mask in draw.choices(rows, k=NEAR):  # one bit off
        words.append((value | draw.getrandbits(32) & ~mask) ^ 1 << draw.randrange(32))
    # Bit 27 set, bit 25 clear: the load and store group (DDI 0487, C4.1).
    words += [draw.getrandbits(32) & ~(1 << 25) | 1 << 27 for _ in range(ANYWHERE)]
    return words


def compare(word, theirs, ours):
    """The name of the difference, None if there is none; a leading "!" marks what must not happen."""
    text, undefined = theirs
    if ours['text'] is None:
        if text is None:
            return None
        if not word & 1 << 27 or word & 1 << 25:
            return 'no row: outside the load and store group'
        return next((f'no row: {name}' for name, pattern in NO_ROW.items() if re.match(pattern, text)),
                    '!LLVM alone takes it')
    if text is None:
        if ours['encoding'].startswith('LDAPR') and 'memop' in ours['encoding'] and word >> 16 & 31 != 31:
            return 'LDAPR with should-be-one bits clear: LLVM does not take it; unpredictable (DDI 0487, LDAPR)'
        return '!salvage alone takes it'
    if text != ours['text']:
        return '!the texts differ'
    if undefined == ours['unpredictable']:
        return None
    Rt, Rn, Rt2 = word & 31, word >> 5 & 31, word >> 10 & 31
    overlap = Rn != 31 and (Rn == Rt or ours['count'] == 2 and Rn == Rt2)
    if undefined and ours['class'] == 'unprivileged' and ours['dir'] == 'r' and Rn == Rt:
        return 'LDTR of its own base: LLVM takes it for a form with writeback (DDI 0487, LDTR)'
    if not undefined and overlap and re.search('pre$|post$', ours['encoding']):
        if ours['dir'] == 'w':
            return 'store that writes back to its source: LLVM does not mark it; unpredictable (DDI 0487, STR, STP)'
        if ours['signed'] and not word & 1 << 22:
            return 'signed load that writes back to its target: LLVM marks only those with bit 22 set (DDI 0487, LDRSB)'
    return '!unpredictable in one only'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('salvage', help='the command')
    parser.add_argument('listing', type=pathlib.Path, nargs=2, help='isa/gen.py and isa/a64.isa')
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    tool = shutil.which('llvm-mc') or next(filter(None, (shutil.which(f'llvm-mc-{v}') for v in range(30, 13, -1))), None)
    if not tool:
        print('skipped: no llvm-mc on the path (Debian package llvm)')
        return SKIP
    listing = subprocess.run([sys.executable, *options.listing], capture_output=True, text=True, check=True).stdout
    rows = [tuple(int(column, 16) for column in line.split()[:2]) for line in listing.splitlines()]
    words = stimulus(rows, options.seed)
    counts, examples, taken = collections.Counter(), {}, 0
    for word, theirs, ours in zip(words, llvm(tool, words), salvage(options.salvage, words)):
        taken += ours['text'] is not None
        difference = compare(word, theirs, ours)
        if difference:
            counts[difference] += 1
            examples.setdefault(difference, f'{word:08x}: LLVM {theirs}, salvage {ours}')
    print(f'{len(words)} words, {taken} taken by salvage, {len(words) - counts.total()} judged alike')
    for difference, count in sorted(counts.items()):
        print(f'{count:8} {difference}')
        if difference.startswith('!'):
            print(f'         {examples[difference]}')
    return any(difference.startswith('!') for difference in counts)


if __name__ == '__main__':
    sys.exit(main())
