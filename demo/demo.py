#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The main job, shown: a driver that KVM ends, the same driver with salvage, and a device tree that is wrong.

On an arm64 machine with /dev/kvm the guest runs there; anywhere else in the laboratory.
"""
import json
import os
import platform
import subprocess
import sys
import tempfile

ENDED_BY_KVM = 105


def say(text=''):
    print(text, flush=True)


def fail(text):
    sys.exit(f'salvage: demo: {text}')


def shorten(argument):
    """An argument without the folders of its file, for people to read."""
    option, equals, path = argument.rpartition('=')
    return option + equals + (os.path.basename(path) if path.startswith('/') else path)


def run(salvage, *arguments):
    """Runs the command with its output passing through; returns its status."""
    say('$ salvage ' + ' '.join(shorten(a) for a in arguments))
    status = subprocess.run([salvage, *arguments], check=False).returncode
    say(f'(status {status})')
    return status


def aborts(events):
    with open(events, encoding='utf-8') as lines:
        return [e for e in map(json.loads, lines) if e['event'] == 'abort']


def table(events):
    """The aborts by instruction: how many, where, what became of them."""
    rows = {}
    for event in events:
        key = (event['pc'], event.get('text', '?'), event['cause'], event['verdict'])
        row = rows.setdefault(key, {'count': 0, 'first': event['ipa'], 'last': event['ipa']})
        row['count'] += event.get('count', 1)
        row['last'] = event['ipa']
    say()
    say(f'{"pc":<12} {"instruction":<28} {"aborts":>6}  {"first address":<14} {"last address":<14} outcome')
    for (pc, text, cause, verdict), row in rows.items():
        say(f'{pc:<12} {text:<28} {row["count"]:>6}  {row["first"]:<14} {row["last"]:<14} {verdict} ({cause})')


def main():
    salvage = os.path.abspath(sys.argv[1])
    native = platform.machine() == 'aarch64' and os.access('/dev/kvm', os.R_OK | os.W_OK)
    backend = '--backend=' + ('kvm' if native else 'lab')
    guest, tree = (os.path.join(os.path.dirname(salvage), 'demo', name) for name in ('driver', 'wrong-tree.dtb'))
    for path in (guest, tree):
        if not os.path.exists(path):
            fail(f'{path} is missing: an arm64 compiler and dtc build it; make deps installs both, then run make')
    with tempfile.TemporaryDirectory() as directory:
        events = os.path.join(directory, 'events')

        say('1. A driver in plain C (demo/driver.c) under KVM as every VMM runs it: the compiler made')
        say('   post-indexed and paired stores of its volatile accesses.')
        say()
        if run(salvage, 'run', backend, '--no-salvage', guest) != ENDED_BY_KVM:
            fail('KVM was expected to end the guest; did the compiler emit other instructions?')

        say()
        say('2. The same guest with salvage. It checks every word that the device received.')
        say()
        if run(salvage, 'run', backend, f'--events={events}', guest) != 0:
            fail('the guest was expected to run to its end')
        completed = aborts(events)
        if not completed:
            fail('no abort was resolved: the demonstration shows nothing')
        table(completed)

        say()
        say('3. The same guest with one wrong digit in its device tree (demo/wrong-tree.dts). Nothing is')
        say('   hidden: the guest takes an exact abort, and the operator gets a sentence.')
        say()
        status = run(salvage, 'run', backend, f'--dtb={tree}', f'--events={events}', guest)
        refused = aborts(events)
        if status in (0, ENDED_BY_KVM) or [e['verdict'] for e in refused] != ['injected']:
            fail('the guest was expected to take one abort')
        table(refused)
        say()
        say('What the platform really has is in its own tree; explain finds the difference:')
        say()
        right = os.path.join(directory, 'platform.dtb')
        run(salvage, 'run', f'--dump-dtb={right}')
        abort = refused[0]
        run(salvage, 'explain', f'--nisv={abort["esr"]}', f'--ipa={abort["ipa"]}', f'--pc={abort["pc"]}',
            f'--insn={abort["insn"]}', f'--dtb={right}')
    say()
    say('All as it should be.')


if __name__ == '__main__':
    main()
