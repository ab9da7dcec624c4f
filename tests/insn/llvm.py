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
PER_ROW, ANYWHERE, NEAR = 250, 100000, 50000
# What LLVM knows and the table does not (yet): by mnemonic.
NO_ROW = {
    'prefetch: it generates no abort': r'prfu?m |rprfm |prf[bhwd] ',
}


def llvm(tool, words):
    """For each word (text, undefined), text being None where LLVM does not take it."""
    with tempfile.NamedTemporaryFile('w', suffix='.txt') as file:
        for word in words:
            file.write(' '.join(f'{byte:#04x}' for byte in word.to_bytes(4, 'little')) + '\n')
        file.flush()
        run = subprocess.run([tool, '-disassemble', '-triple=aarch64', '-mattr=+all', file.name],
                             capture_output=True, text=True)
    invalid, undefined = set(), set()
    for line, kind in re.findall(r':(\d+):\d+: warning: (invalid|potentially undefined) instruction', run.stderr):
        (invalid if kind == 'invalid' else undefined).add(int(line) - 1)
    # LLVM puts two blanks into its STFADD and friends, and a comment after some atomics.
    texts = iter(re.sub(r'\s*//.*', '', re.sub(', +', ', ', line.strip())).replace('\t', ' ', 1) for line in run.stdout.splitlines()
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
    encoding, group = ours['encoding'], ours['class']
    if text is None:
        if encoding.startswith('LDAPR') and 'memop' in encoding and word >> 16 & 31 != 31:
            return 'LDAPR with should-be-one bits clear: LLVM does not take it; unpredictable (DDI 0487, LDAPR)'
        if group == 'mops' and ours['unpredictable']:
            return 'CPY and SET with equal registers or register 31: LLVM does not take it; unpredictable'
        return '!salvage alone takes it'
    if text != ours['text'] and ours['text'] == text + ' xzr':
        return 'GCSPOPM XZR: LLVM leaves the register out'
    if text != ours['text']:
        return '!the texts differ'
    if undefined == ours['unpredictable']:
        return None
    Rt, Rn, Rt2 = word & 31, word >> 5 & 31, word >> 10 & 31
    overlap = Rn != 31 and (Rn == Rt or ours['count'] == 2 and Rn == Rt2)
    if undefined and ours['class'] == 'unprivileged' and ours['dir'] == 'r' and Rn == Rt:
        return 'LDTR of its own base: LLVM takes it for a form with writeback (DDI 0487, LDTR)'
    if undefined and encoding.startswith('STGP'):
        return 'STGP that writes back to its source: LLVM marks it as STP; the Arm ARM has no such condition for it'
    if not undefined and group == 'mops':
        return 'CPY and SET with some equal registers or a register 31: LLVM takes it; unpredictable'
    if not undefined and group == 'exclusive':
        return 'exclusive with should-be-one bits clear, or a status register that is also used: LLVM does not mark it'
    if not undefined and group in ('atomic', 'rcw') and ours['count'] == 2:
        return '128-bit atomic of one register twice: LLVM does not mark it'
    if not undefined and ('ldiapp' in encoding or 'ldapstl_writeback' in encoding):
        return 'RCpc3: a pair loaded into one register, or writeback to it: LLVM does not mark it'
    if not undefined and overlap and re.search('pre$|post$|64W_ldst_pac$', encoding):
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
    tool = next(filter(None, (shutil.which(f'llvm-mc-{v}') for v in range(30, 21, -1))), None)
    if not tool:
        print('skipped: no llvm-mc of version 22 or later on the path (Debian package llvm-22)')
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
