#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The main job, shown: a driver that KVM ends, the same driver with salvage, and a device tree that is wrong; then a VMM that
nobody here wrote, and a page of its guest that goes bad.

The former runs at once, in this process or on this machine's own KVM; the latter in the laboratory.
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


def own_vmm(salvage):
    """The reference VMM: at once and without network, on the KVM in this process; on an arm64 machine on its own."""
    native = platform.machine() == 'aarch64' and os.access('/dev/kvm', os.R_OK | os.W_OK)
    backend = '--backend=' + ('kvm' if native else 'soft')
    guest, tree = (os.path.join(os.path.dirname(salvage), 'demo', name) for name in ('driver', 'wrong-tree.dtb'))
    for path in (guest, tree):
        if not os.path.exists(path):
            fail(f'{path} is missing: an arm64 compiler and dtc build it; make deps installs both, then run make')
    with tempfile.TemporaryDirectory() as directory:
        events = os.path.join(directory, 'events')

        say('1. A driver in plain C (demo/driver.c) as KVM runs it in every VMM today: the compiler made')
        say('   post-indexed and paired accesses of its volatile ones.')
        say('   ' + ('This is the KVM of this machine.' if native else
                     'KVM is softkvm here, a model in this process, held to the real one by salvage conform.'))
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


# What is shown of each run of the distribution's QEMU: heading, case of tests/wrap/cases.py, whether under salvage wrap.
SHOWN = (
    ("4. Somebody else's VMM, and somebody else's loop: the volatile stores of rust-lang/rust issue 131894\n"
     "   (tests/wrap/loop-c.c), run by the distribution's QEMU on the laboratory's real KVM, as it is.", 'loop-c', False),
    ('5. One word more on the command line.', 'loop-c', True),
    ('   The same loop in Rust.', 'loop-rust', True),
    ('6. The guest goes by a device tree with one wrong digit.', 'tree-own', True),
    ('7. The host takes a page of the guest out of use, as after an uncorrected memory error; the guest\n'
     '   loads from it. QEMU as it is:', 'page-hard', False),
    ('8. And wrapped: the guest gets an abort, and lives.', 'page-hard', True),
)


def show_run(heading, one, outcome):
    status, _, stdout, stderr, _ = outcome
    options = ' '.join(shorten(word) for word in one.line([]).strip().split('\t')[-len(one.case.options):])
    say()
    say(heading)
    say()
    say(f'$ {"salvage wrap -- " if one.wrapped else ""}qemu-system-aarch64 -M virt -accel kvm -cpu host ... {options}')
    for text in (stdout, stderr):
        for line in text.strip().splitlines():
            if not line.startswith('@'):
                say(line)
    say(f'(status {status})')


def others_vmm(salvage, wrap):
    """The distribution's QEMU, unmodified, in the laboratory; False if there is no laboratory here."""
    build = os.path.dirname(salvage)
    cases = wrap.load('cases')
    arm64, guests = os.path.join(build, 'arm64'), os.path.join(build, 'tests', 'wrap')
    known = {case.name: case for case in cases.CASES}
    runs = [(heading, wrap.Run(known[name], wrapped)) for heading, name, wrapped in SHOWN
            if os.path.exists(os.path.join(guests, known[name].options[1].rpartition('/')[2]))]
    # loop-c's bare ending says nothing where the compiler made no store with writeback.
    say()
    say(f'The laboratory boots, and QEMU starts in it {len(runs)} times: about half a minute.')
    library = os.path.join(arm64, 'shim', 'libsalvage-wrap.so')
    try:
        outcomes = wrap.run_all(salvage, os.path.join(arm64, 'salvage'), guests, [one for _, one in runs], library, cases.QEMU,
                                quiet=False)
    except wrap.Unavailable as error:
        say(f'There is none here: {error}')
        return False
    for heading, one in runs:
        if one.key not in outcomes:
            fail(f'{one.name} did not run')
        show_run(heading, one, outcomes[one.key])
        wrong = list(wrap.problems(one, outcomes[one.key]))
        compiled = one.case.compiled and not wrap.post_indexed(
            os.path.join(guests, one.case.options[1].rpartition('/')[2]), one.case.compiled)
        if wrong and compiled:
            say('(this compiler made stores that KVM knows, so there was nothing to rescue)')
        elif wrong:
            fail('; '.join(wrong))
    return True


def main():
    salvage = os.path.abspath(sys.argv[1])
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'tests', 'wrap'))
    import run as wrap
    own_vmm(salvage)
    if others_vmm(salvage, wrap):
        say()
        say('All as it should be.')
    else:
        say('What came before it is as it should be.')


if __name__ == '__main__':
    main()
