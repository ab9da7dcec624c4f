#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`salvage ledger` from outside, on a journal that is written here by docs/memory-errors.md, not by our code."""

import json
import os
import subprocess
import sys
import tempfile

SALVAGE = os.path.abspath(sys.argv[1])
VM = '01234567-89ab-cdef-0123-456789abcdef'
GPA, GVA, HVA, PC, ESR, INFERRED = 1, 2, 4, 8, 16, 32


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def le(value, size):
    return value.to_bytes(size, 'little')


def record(index, journal, sighting, source, valid, gpa=0, gva=0, hva=0, pc=0, count=1, distinct=0, threshold=0, action=0):
    body = (le(index, 4) + bytes([1, source, valid, sighting]) + le(0, 4) + le(1800000000 * 10**9 + index, 8) + le(7, 8)
            + le(0x92000010 if valid & ESR else 0, 8) + le(gpa, 8) + le(gva, 8) + le(hva, 8) + le(pc, 8) + le(journal, 8)
            + bytes.fromhex(VM.replace('-', '')) + bytes([0xb0] * 16) + le(count, 8) + le(distinct, 4) + le(threshold, 3)
            + bytes([action]))
    assert len(body) == 124
    return le(crc32c(body), 4) + body


def journal(hva):
    identity, capacity = 0x1122334455667788, 16
    header = (le(1, 4) + le(0, 8) + le(128, 4) + le(capacity, 4) + le(identity, 8) + le(0, 8)
              + bytes.fromhex(VM.replace('-', '')) + bytes([0xb0] * 16) + bytes([0x40] * 16) + b'guest'.ljust(64, b'\0'))
    header = header.ljust(500, b'\0')
    header = (b'SVJOURNL' + le(crc32c(header), 4) + header).ljust(4096, b'\0')
    records = [
        record(0, identity, 1, 0, GPA | ESR | PC, gpa=0x40001010, pc=0x80, distinct=1),
        record(1, identity, 1, 2, GPA | HVA, gpa=0x40002000, hva=hva, distinct=2, threshold=2, action=5),
        record(2, identity, 1, 1, GVA | INFERRED, gva=0xffff800000003008, distinct=3),
        record(3, identity, 3, 5, 0, distinct=3),
    ]
    tally = le(0, 4) + le(9, 8) + le(1800000060 * 10**9, 8) + le(identity, 8)
    return (header + b''.join(records)).ljust(4096 + 128 * capacity, b'\0') + (le(crc32c(tally), 4) + tally).ljust(
        32 * capacity, b'\0')


LIST = """\
page                              source           errors  first                 last                  VM
gpa 0x40001000                    sea-data              9  2027-01-15T08:00:00Z  2027-01-15T08:01:00Z  guest
gpa 0x40002000                    sigbus-ar             1  2027-01-15T08:00:00Z  2027-01-15T08:00:00Z  guest
gva 0xffff800000003000  inferred  sea-insn              1  2027-01-15T08:00:00Z  2027-01-15T08:00:00Z  guest
unknown                           hwpoison              1  2027-01-15T08:00:00Z  2027-01-15T08:00:00Z  guest
"""
POISON_BODY = f'salvage-poison 1\nvm {VM}\npage 0x0000000040001000\npage 0x0000000040002000\n'
POISON = f'{POISON_BODY}end 0000000002 {crc32c(POISON_BODY.encode()):08x}\n'
NEEDS = 'salvage: offline: expected --pid=PID, and either --hva=ADDRESS or --vm=VM and the guest\'s ADDRESS\n'
NONE = 'salvage: nowhere: there is no ledger; --ledger=FILE names another\n'
LEFT = 'salvage: ledger: 2 pages known by virtual address or inference, or not at all, are not in it\n'

# arguments, standard input, status, standard output or a piece of it, standard error or a piece of it
CASES = [
    ('list', '', 0, LIST, ''),
    ('list --vm=' + VM, '', 0, LIST, ''),
    ('list --vm=nobody', '', 0, 'no memory errors are known\n', ''),
    ('list --vm=nobody --json', '', 0, '', ''),
    ('show 0x40002abc', '', 0, '2027-01-15T08:00:00Z gpa 0x40002000 new sigbus-ar vcpu=0 gpa=0x40002000 hva=HVA distinct=2 '
     'rule sea:2=restart vm=guest\n', ''),
    ('show 0x40003000', '', 1, '', 'salvage: 0x40003000: no error on this page is known\n'),
    ('show page', '', 100, '', 'salvage: page: not an address; expected a number such as 0x40001000\n'),
    ('metrics', '', 0, f'salvage_memory_errors_total{{vm="guest",uuid="{VM}"}} 12\n', ''),
    ('metrics', '', 0, 'action="restart"} 1\n', ''),
    ('export --vm=' + VM, '', 0, POISON, LEFT),
    ('export', '', 100, '', 'salvage: export: of which VM? --vm=VM; "salvage ledger list" shows them\n'),
    ('import --vm=' + VM + ' -', POISON, 0, '2 pages, 0 of them new\n', ''),
    ('import --vm=' + VM + ' -', POISON[:-1], 1, '', 'no poison file has this length'),
    ('import --vm=' + VM + ' -', POISON.replace('2000', '3000'), 1, '', 'line 5: the number of pages or the checksum is wrong'),
    ('import --vm=other -', POISON, 1, '', 'line 2: these are the pages of another VM; nothing was imported\n'),
    ('import --vm=' + VM, '', 100, '', 'salvage: import: which file? - is standard input\n'),
    ('import --vm=' + VM + ' nowhere', '', 1, '', 'salvage: nowhere: No such file or directory\n'),
    ('offline', '', 100, '', NEEDS),
    ('offline --pid=1', '', 100, '', NEEDS),
    ('offline --pid=1 --hva=1 --vm=x 2', '', 100, '', NEEDS),
    ('offline --pid=1 --vm=x', '', 100, '', NEEDS),
    ('offline --pid=0 --hva=1', '', 100, '', 'salvage: 0: not a process number\n'),
    ('offline --pid=1 --hva=x', '', 100, '', 'not an address'),
    ('offline --pid=2000000000 --hva=4096', '', 101, '', 'is the process still running?\n'),
    ('offline --dry-run --pid=1 --vm=' + VM + ' 0x40001000', '', 1, '', 'give it with --hva=ADDRESS\n'),
    ('offline --dry-run --pid=1 --vm=' + VM + ' 0x40009000', '', 1, '', 'no error on this page is known'),
    ('forget', '', 100, '', 'of which VM?'),
    ('forget --vm=' + VM + ' 0x40002000', '', 0, '1 forgotten\n', ''),
    ('forget --vm=' + VM + ' 0x40002000', '', 1, '', 'nothing of the kind is known'),
    ('list', '', 0, LIST.replace(LIST.splitlines(True)[2], ''), ''),
    ('forget --vm=' + VM, '', 0, '3 forgotten\n', ''),
    ('list', '', 0, 'no memory errors are known\n', ''),
    ('list --ledger=nowhere', '', 1, '', NONE),
    ('list --ledger=', '', 100, '', 'the file\'s name is empty'),
    ('list extra', '', 100, '', 'unexpected'),
    ('list a b', '', 100, '', 'one argument too many'),
    ('list --pid=1', '', 100, '', 'does not take all of these options'),
    ('metrics --json', '', 100, '', 'does not take all of these options'),
    ('show --all', '', 100, '', 'does not take all of these options'),
    ('list --jason', '', 100, '', 'not an option'),
    ('', '', 100, '', 'expected list, show,'),
    ('lost', '', 100, '', 'no such subcommand'),
    ('--help', '', 0, 'usage: salvage ledger list', ''),
    ('list --help', '', 0, 'usage: salvage ledger list', ''),
]


def run(arguments, stdin=''):
    return subprocess.run([SALVAGE, 'ledger', *arguments.split()], input=stdin, capture_output=True, text=True,
                          env=dict(os.environ, SALVAGE_LEDGER='ledger'))


def whole_or_piece(expected, found):
    return found == expected or bool(expected) and expected in found


def main():
    hva, failed = 0x7f0000001000, 0
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        with open(f'ledger.{VM}.journal', 'wb') as file:
            file.write(journal(hva))
        for arguments, stdin, status, out, err in CASES:
            result = run(arguments, stdin)
            if (result.returncode, whole_or_piece(out.replace('HVA', hex(hva)), result.stdout),
                    whole_or_piece(err, result.stderr)) != (status, True, True):
                failed += 1
                print(f'FAILED: salvage ledger {arguments}\n{result}\n', file=sys.stderr)
        # What it takes over is in its database then: the journal may go.
        subprocess.run([SALVAGE, 'ledger', 'list', '--ledger=copy'], capture_output=True, check=False)
        os.rename(f'ledger.{VM}.journal', f'copy.{VM}.journal')
        pages = [json.loads(line) for line in run('list --json --ledger=copy').stdout.splitlines()]
        os.remove(f'copy.{VM}.journal')
        shown = [json.loads(line) for line in run('show --json --ledger=copy').stdout.splitlines()]
        if [page['page'] for page in pages] != ['0x40001000', '0x40002000', '0xffff800000003000', None] or (
                pages[0]['count'], pages[0]['vm'], pages[2]['inferred']) != (9, 'guest', True):
            failed += 1
            print(f'FAILED: list --json: {pages}', file=sys.stderr)
        if [(s['gpa'], s['gva'], s['pc'], s['rule']) for s in shown] != [
                ('0x40001010', None, '0x80', None), ('0x40002000', None, None, 'sea:2=restart'),
                (None, '0xffff800000003008', None, None), (None, None, None, None)]:
            failed += 1
            print(f'FAILED: show --json: {shown}', file=sys.stderr)
    print(f'{len(CASES) + 2 - failed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
