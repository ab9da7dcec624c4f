#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes inputs to begin with, from what the tests have: seeds.py DIRECTORY makes DIRECTORY/TARGET/NAME.

What of them reaches something is in the corpus already (run.py --merge puts it there); this is for a new target's first
corpus, and for one whose input changed.
"""
import pathlib
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def elf(symbols=True, kind=2, sections=True):
    """A small arm64 executable with a segment, a section of code, and names for what is in it."""
    code = bytes.fromhex('010840a9c0035fd6') * 4
    names = b'\0uart_init\0$x\0a_name_that_goes_on' + b'_and_on' * 24 + b'\0'
    sections_names = b'\0.text\0.symtab\0.strtab\0.shstrtab\0'
    table = b''.join(struct.pack('<IBBHQQ', *entry) for entry in (
        (0, 0, 0, 0, 0, 0), (1, 0x12, 0, 1, 0x40080000, 16), (11, 0x00, 0, 1, 0x40080000, 0), (14, 0x02, 0, 1, 0x40080010, 0)))
    at = 64 + 56
    places = []
    for part in (code, table, names, sections_names):
        places.append((at, len(part)))
        at += len(part)
    at = (at + 7) & ~7
    headers = [(0,) * 10, (1, 1, 6, 0x40080000, *places[0], 0, 0, 4, 0), (7, 2, 0, 0, *places[1], 3, 1, 8, 24),
               (15, 3, 0, 0, *places[2], 0, 0, 1, 0), (23, 3, 0, 0, *places[3], 0, 0, 1, 0)]
    count = len(headers) if sections else 0
    header = b'\x7fELF\2\1\1' + bytes(9) + struct.pack('<HHIQQQIHHHHHH', kind, 183, 1, 0x40000000, 64, at, 0, 64, 56, 1, 64, count,
                                                       4 if sections else 0)
    program = struct.pack('<IIQQQQQQ', 1, 5, places[0][0], 0x40000000, 0x40000000, len(code), len(code) + 64, 8)
    body = header + program + code + table + names + sections_names
    body += bytes(at - len(body)) + b''.join(struct.pack('<IIQQQQIIQQ', *entry) for entry in headers[:count])
    return body if symbols else body[:64 + 56 + len(code)]


def image(pe=0):
    header = struct.pack('<IIQQQQQQII', 0x91005a4d, 0x14000000, 0, 0x1000, 0xa, 0, 0, 0, 0x644d5241, pe)
    sections = b'PE\0\0' + struct.pack('<HHIIIHH', 0xaa64, 1, 0, 0, 0, 0, 0x206)
    sections += b'.text\0\0\0' + struct.pack('<IIIIIIHHI', 0, 0, 64, 64, 0, 0, 0, 0, 0)
    return header + sections if pe else header


def words():
    for line in (ROOT / 'tests/insn/decode.txt').read_text().splitlines():
        fields = line.split()
        if fields and len(fields[0]) == 8 and not line.startswith('#'):
            yield int(fields[0], 16)


def trees():
    for source in sorted([*(ROOT / 'tests').glob('*/trees/*.dts'), *(ROOT / 'demo').glob('*.dts'), *(ROOT / 'tests').glob('guests/*.dts')]):
        made = subprocess.run(['dtc', '-qq', '-f', '-O', 'dtb', source], capture_output=True, check=True).stdout
        yield source.stem, made + bytes(8)

    deep = '/dts-v1/; / {' + ''.join(f'n{i} {{' for i in range(40)) + '};' * 41
    yield 'deep', subprocess.run(['dtc', '-qq', '-f', '-O', 'dtb'], input=deep.encode(), capture_output=True, check=True).stdout


def seeds():
    text = [f'{word:08x}\n' for word in words()]
    for i in range(0, len(text), 40):
        yield 'decode', f'{i}', b'0' + ''.join(text[i:i + 40]).encode()
    yield 'decode', 'odd', b'1 a9400801 \n\n0xa9400801\nzz\na9\0\n123456789\n'
    for word in words():
        yield 'insn', f'{word:08x}', struct.pack('<HIQB', 0, word, 1, 0x22)
    for log in sorted((ROOT / 'tests/explain/logs').glob('*.log')):
        yield 'explain', log.stem, log.read_bytes()
    yield 'explain', 'many', b''.join(b'Unhandled fault: synchronous external abort (0x96000210) at 0x%x000\n' % i for i in range(1, 70))
    for name, tree in trees():
        yield 'tree', name, tree
    yield 'policy', 'rules', (b'hole=stop\nnisv@0x0a000000-0x0a000fff=inject\nclass:pair=inject\nsea:2=restart\nobserve\n# a comment\n'
                              b'  inject@0x10 \nclass:pair@0-0xffff=emulate\nsea=stop\nmismatch=emulate\n')
    for length in (79, 80):
        yield 'policy', f'{length}', b'hole@0x'.ljust(length - 6, b'0') + b'1=stop'
    yield 'policy', 'twice', b'hole@16=stop\nhole@0x10=inject\nhole@15-16=dump\nhole@16-17=inject\n'
    for options in (b'guest.elf', b'--backend=lab\n--mem=2G\n--smp\n4\n--policy=hole=stop\n--sea=0x40200000,fnv,times=3\n--timeout=5\nguest',
                    b'--dump-dtb=x\n--no-salvage\n--verbose', b'--append=\n--ledger=l\n--vm=a\n--\n-guest', b'--help', b'--qemu=newest\n--aarch32\ng', b'--smp=123\n--mem=1M\ng',
                    b'--smp=124\ng'):
        yield 'options', f'{len(options)}', options
    poison = b'salvage-poison 1\nvm 11111111-1111-1111-1111-111111111111\npage 0x0000000040001000\npage 0x0000000040002000\n'
    yield 'poison', 'sealed', b'\x07' + poison
    yield 'poison', 'edge', b'\x07' + poison.replace(b'40002000', b'4ffff000')
    yield 'poison', 'wrong', b'\x00' + poison + b'end 0000000002 00000000\n'
    for name, data in (('elf', elf()), ('stripped', elf(sections=False)), ('relocatable', elf(kind=1)), ('cut', elf(symbols=False))):
        yield 'loader', name, data + b'\x0f'
        yield 'symbols', name, data
    yield 'loader', 'image', image() + b'\x1f'
    yield 'loader', 'pe', image(64) + bytes(64) + b'\x2f'
    yield 'loader', 'flat', bytes(range(64))
    for target in ('journal', 'ledger'):
        yield target, 'records', bytes.fromhex('0f 00 00 01 03 00 11223344 55667788 99aabbcc 1122 0100 01 00 51 03 05 00' + '11' * 17)
        # The last byte of the name, in both copies of the header, whose checksums are mended; an action that is none.
        yield target, 'name', bytes.fromhex('01 70 9f00 80 41 70 9f02 80 41')
        yield target, 'action', bytes.fromhex('0f 00 c0 01 03 00 11223344 55667788 99aabbcc 1122 0100 01 0f')
        yield target, 'damage', bytes.fromhex('03 00 00 00 01 00' + '22' * 16 + '70 1080 81 0102 e0 01 f0 0110')
    yield 'journal', 'none', b'SVJOURNL' + bytes(600)


def main():
    for target, name, data in seeds():
        directory = pathlib.Path(sys.argv[1]) / target
        directory.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(data)
    return 0


if __name__ == '__main__':
    sys.exit(main())
