#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What `make demo-sea` shows, and what the README's table says that KVM alone does.

The rest of that table is in tests/guests/cases.py; here is what ends in a laboratory that is of no more use.

usage: demo-sea-test.py DEMO SALVAGE LAB-DIRECTORY GUEST
"""
import os
import re
import signal
import subprocess
import sys

UNAVAILABLE, SKIPPED = 101, 77
PAGE = '0x4ff00000'


def alone(salvage, guest, letter, sea):
    done = subprocess.run([salvage, 'run', '--backend=lab', '--no-salvage', '--timeout=5', f'--sea={sea}', guest], input=letter,
                          capture_output=True, check=False, text=True, errors='replace')
    return done.returncode, done.stdout + done.stderr


def main(demo, salvage, lab, guest):
    done = subprocess.run([sys.executable, demo, salvage, lab], stdin=subprocess.DEVNULL, capture_output=True, check=False,
                          text=True, errors='replace')
    if done.returncode == UNAVAILABLE:
        print(f'1..0 # SKIP {done.stderr.strip().splitlines()[-1]}')
        return SKIPPED
    # Its three parts, by the number that each begins with.
    parts = dict(re.findall(r'^([123])\. (.*?)(?=^[123]\. |\Z)', done.stdout, re.M | re.S))
    by_kvm, salvaged, record = (parts.get(number, '') for number in '123')
    victim = re.search(rf"^victim: loads from (0x[0-9a-f]+128), the guest's page at {PAGE}$", salvaged, re.M)
    killed, why = alone(salvage, guest, 'l', '0x40400000,claimed')
    # The first of them is not the last: the guest is still there when its time is up.
    spinning, aborts = alone(salvage, guest, 'v', '0x40400000,insn,times=1000000')
    number = re.search(r'(\d+) of 1000000 aborts', aborts)
    checks = {
        'the demonstration is content': done.returncode == 0 and done.stdout.endswith('All as it should be.\n'),
        'alone: the process gets as far as its load': f"the guest's page at {PAGE}" in by_kvm,
        'alone: an SError, and a panic': all(text in by_kvm for text in (
            'SError Interrupt on CPU', 'Kernel panic - not syncing: Asynchronous SError Interrupt')),
        'alone: nothing of the guest comes after it': 'init: ' not in by_kvm and '(status 107)' in by_kvm,
        'salvage: the address is that of the load': bool(victim) and f'si_code 3 (BUS_OBJERR), si_addr {victim[1]}\n' in salvaged,
        'salvage: the process is killed, the rest works': all(text in salvaged for text in (
            'the process was killed by signal 7', 'other memory hold what is written', 'another process uses the next page')),
        'salvage: no panic, and the guest powers off': 'panic - ' not in salvaged and '(status 0)' in salvaged,
        'salvage: every abort that was asked for came about': 'aborts came about' not in done.stdout,
        'the ledger has the page, once': len(re.findall(r'0x0*4ff00000\b', record)) == 1 and '(status 0)' in record,
        'alone: an error that was claimed kills the VMM': killed == 128 + signal.SIGBUS and 'Bus error' in why,
        'alone: no end of it if the vectors are bad': spinning == 108 and bool(number) and int(number[1]) > 1,
    }
    print(f'1..{len(checks)}')
    for number, (name, good) in enumerate(checks.items(), 1):
        print(f"{'ok' if good else 'not ok'} {number} {name}")
    if not all(checks.values()):
        print('\n'.join(f'# {line}' for line in (done.stdout + done.stderr + why + aborts).splitlines()))
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main(*map(os.path.abspath, sys.argv[1:5])))
