#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`salvage decode` from outside: output, errors and exit status, a case each."""

import json
import subprocess
import sys

NOT_A_WORD = 'salvage: {}: not an instruction word; expected up to 8 hexadecimal digits, such as a9400801\n'
LDP = 'a9400801  ldp x1, x2, [x0]                  pair          isv=0  r 2x8\n'
LDR = 'f8408401  ldr x1, [x0], #8                  writeback     isv=0  r 1x8\n'
NOP = 'd503201f  -\n'
LDAR = '08c0fc20  ldarb w0, [x1]                    ordered       isv=1  r 1x1  unpredictable\n'

# arguments, standard input, status, standard output, standard error
CASES = [
    ('a9400801 f8408401 d503201f', '', 0, LDP + LDR + NOP, ''),
    ('0xA9400801', '', 0, LDP, ''),
    ('08c0fc20', '', 0, LDAR, ''),
    ('39c00441', '', 0, '39c00441  ldrsb w1, [x2, #1]                single        isv=1  r 1x1s\n', ''),
    ('--isa=a64 a9400801', '', 0, LDP, ''),
    ('4c400020', '', 0, '4c400020  ld4 { v0.16b, v1.16b, v2.16b, v3.16b }, [x1]  structure     isv=0  r 64x1\n', ''),
    ('b8210002', '', 0, 'b8210002  ldadd w1, w2, [x0]                atomic        isv=0  rw 1x4\n', ''),
    ('c85f7c01', '', 0, 'c85f7c01  ldxr x1, [x0]                     exclusive     isv=0  r 1x8  refused\n', ''),
    ('a400a001', '', 0, 'a400a001  ld1b { z1.b }, p0/z, [x0]         sve           isv=0  r vx1\n', ''),
    ('85024001', '', 0, '85024001  ld1w { z1.s }, p0/z, [x0, z2.s, uxtw]  sve           isv=0  r vx4  refused\n', ''),
    ('c85f0001', '', 0, 'c85f0001  ldxr x1, [x0]                     exclusive     isv=0  r 1x8  refused  unpredictable\n', ''),
    ('0', '', 0, '00000000  -\n', ''),
    ('a9400801 zz f8408401', '', 1, LDP + LDR, NOT_A_WORD.format('zz')),
    ('a940080100', '', 1, '', NOT_A_WORD.format('a940080100')),
    ('-- -1', '', 1, '', NOT_A_WORD.format('-1')),
    ('', 'a9400801\n  f8408401\t\r\n\n0xd503201f', 0, LDP + LDR + NOP, ''),
    ('', '', 0, '', ''),
    ('', 'a9400801 f8408401\n' + LDP[:8] + '\n', 1, LDP, NOT_A_WORD.format('a9400801 f8408401')),
    ('', '\x1b[2J' + 'x' * 10000, 1, '', NOT_A_WORD.format('?[2J' + 'x' * 27)),
    ('', 'a9400801\0\nf8408401\n', 1, LDR, 'salvage: standard input: a line holds a NUL; expected one word a line\n'),
    ('--isa=a32 e5910000', '', 100, '', 'salvage: a32: this version has no decoder for it; it decodes a64\n'),
    ('--isa=t32 6808', '', 100, '', 'salvage: t32: this version has no decoder for it; it decodes a64\n'),
    ('--isa=x86 90', '', 100, '', 'salvage: x86: no such instruction set; there are a64, a32 and t32\n'),
    ('--jason 0', '', 100, '', 'salvage: --jason: not an option or its value is missing; "salvage decode --help" lists them\n'),
    ('--isa', '', 100, '', 'salvage: --isa: not an option or its value is missing; "salvage decode --help" lists them\n'),
]

JSON = [
    ('f8408401', dict(word='f8408401', text='ldr x1, [x0], #8', encoding='LDR_64_ldst_immpost', feature='',
                      **{'class': 'writeback'}, isv=False, dir='r', count=1, size=8, signed=False, unpredictable=False, refused='')),
    ('69400440', dict(word='69400440', text='ldpsw x0, x1, [x2]', encoding='LDPSW_64_ldstpair_off', feature='',
                      **{'class': 'pair'}, isv=False, dir='r', count=2, size=4, signed=True, unpredictable=False, refused='')),
    ('59000440', dict(word='59000440', text=None)),
    ('59000040', dict(word='59000040', text='stlurh w0, [x2]', encoding='STLURH_32_ldapstl_unscaled',
                      feature='FEAT_LRCPC2', **{'class': 'ordered'}, isv=True, dir='w', count=1, size=2, signed=False,
                      unpredictable=False, refused='')),
    ('f8008463', dict(word='f8008463', text='str x3, [x3], #8', encoding='STR_64_ldst_immpost', feature='',
                      **{'class': 'writeback'}, isv=False, dir='w', count=1, size=8, signed=False, unpredictable=True, refused='')),
]


def run(arguments, stdin=''):
    return subprocess.run([sys.argv[1], 'decode', *arguments], input=stdin, capture_output=True, text=True)


def main():
    failures = 0
    for arguments, stdin, *expected in CASES:
        done = run(arguments.split(), stdin)
        if [done.returncode, done.stdout, done.stderr] != expected:
            failures += 1
            print(f'decode {arguments} < {stdin[:40]!r}:\n  {expected}, expected\n  '
                  f'{[done.returncode, done.stdout, done.stderr]}')
    for word, expected in JSON:
        done = run(['--json', word])
        if done.stdout.count('\n') != 1 or json.loads(done.stdout) != expected:
            failures += 1
            print(f'decode --json {word}:\n  {expected}, expected\n  {done.stdout}')
    usage = run(['--help'])
    if usage.returncode or not usage.stdout.startswith('usage: salvage decode '):
        failures += 1
        print('decode --help:', usage)
    print(f'{len(CASES) + len(JSON) + 1 - failures} passed, {failures} failed')
    return failures > 0


if __name__ == '__main__':
    sys.exit(main())
