#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What `salvage explain --dtb` finds at an address: a row a case. Sources are in trees/, compiled here."""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent

# tree, address, kind, path of the node (device, pci, memory) or of the guess (hole), guess, text in the last advice or the place
CASES = [
    ('nested', 0x40000000, 'memory', '/memory@40000000', '', 'did not back'),
    ('nested', 0x47000010, 'memory', '/memory@40000000', '', 'did not back'),
    ('nested', 0x08010000, 'device', '/soc@8000000/serial@10000', '', 'offset 0x0'),
    ('nested', 0x08010fff, 'device', '/soc@8000000/serial@10000', '', 'offset 0xfff'),
    ('nested', 0x08011000, 'hole', None, '', '0x0 bytes past the end of /soc@8000000/serial@10000'),
    ('nested', 0x08011010, 'hole', None, '', '0x10 bytes past the end of /soc@8000000/serial@10000'),
    ('nested', 0x08020004, 'device', '/soc@8000000/crypto@20000', '', 'status = "okay"'),
    ('nested', 0x08400100, 'device', '/soc@8000000/bridge@400000/timer@100', '', 'offset 0x0'),
    ('nested', 0x0840803f, 'device', '/soc@8000000/bridge@400000/timer@100', '', 'offset 0x3f'),
    ('nested', 0x00010010, 'hole', '/soc@8000000/serial@10000', 'untranslated', 'moves it to 0x08010010'),
    ('nested', 0x00000110, 'hole', '/soc@8000000/bridge@400000/timer@100', 'untranslated', '0x08400110'),
    ('nested', 0x100000800, 'device', '/soc@8000000/high@80000000', '', 'offset 0x800'),
    ('nested', 0x48000000, 'hole', None, '', 'past the end of its memory'),
    ('nested', 0x108010000, 'hole', '/soc@8000000/serial@10000', 'high-bits', 'lower 32 bits'),
    ('nested', 0x06000000, 'device', '/intc@6000000', '', 'interrupt controller'),
    ('nested', 0x0608ffff, 'device', '/intc@6000000', '', 'offset 0xffff'),
    ('nested', 0x07800000, 'hole', None, '', 'the nearest device is /soc@8000000/serial@10000 at 0x08010000'),
    ('no-ranges', 0x0b300010, 'hole', '/soc/fifo@b300000', 'untranslated', 'give the bus a ranges property'),
    ('no-ranges', 0x0c000010, 'hole', '/half/far@c000000', 'untranslated', 'ranges property'),
    ('no-ranges', 0x20000800, 'device', '/half/near@800', '', 'offset 0x0'),
    ('no-ranges', 0x00000048, 'hole', None, '', 'nothing is at 0x00000048'),
    ('no-ranges', 0x0a330000, 'hole', None, '',
     'nothing is at 0x0a330000 in this device tree; the nearest device is /recorder@a000000 at 0x0a000000; '
     'check the reg property of /recorder@a000000, or the driver\'s base address'),
    ('no-ranges', 0x0a330000, 'hole', None, '', '0x320000 bytes below'),
    ('no-ranges', 0x20001000, 'hole', None, '', '0x700 bytes past the end of /half/near@800'),
    ('no-ranges', 0x00a00000, 'hole', '/recorder@a000000', 'digit', 'one zero more or less'),
    ('no-ranges', 0xa0000000, 'hole', '/recorder@a000000', 'digit', 'one zero more or less'),
    ('no-ranges', 0x0a100008, 'hole', '/recorder@a000000', 'one-bit', '0xa000008, which differs in one bit'),
    ('no-ranges', 0x0a300008, 'hole', '/recorder@a000000', 'one-digit', '0x0a000008, which differs in one digit'),
    ('defaults', 0x09000018, 'device', '/serial@9000000', '', 'offset 0x18'),
    ('defaults', 0x1f0000000, 'device', '/soc/rtc@1f0000000', '', 'offset 0x0'),
    ('pci', 0x3f001000, 'device', '/pcie@3f000000', '', 'offset 0x1000'),
    ('pci', 0x10004000, 'pci', '/pcie@3f000000', '', 'BARs'),
    ('pci', 0x8000001000, 'pci', '/pcie@3f000000', '', 'BARs'),
    ('pci', 0x14000010, 'device', '/nic@14000000', '', 'offset 0x10'),
    ('pci', 0x800, 'hole', None, '', 'the nearest device is /pcie@3f000000'),
    ('high', 0x09000000, 'hole', '/serial@109000000', 'high-bits', '0x109000000'),
    ('high', 0xffffffffffffffff, 'device', '/last@fffffffffffff000', '', 'offset 0xfff'),
    ('high', 0xffffffffffffe000, 'hole', None, '', '0x1000 bytes above'),
    ('high', 0x1004, 'hole', None, '', 'the nearest device is /serial@109000000'),
    ('broken', 0x5800, 'device', '/good@5000', '', 'offset 0x800'),
    ('broken', 0x1000, 'hole', None, '', '/good@5000'),
    ('empty', 0x1000, 'hole', None, '', 'check that this is the device tree'),
]


# The same for the tree that QEMU gives its virt machine, where QEMU is to be had.
VIRT = [
    (0x09000018, 'device', '/pl011@9000000', '', 'offset 0x18'),
    (0x10000000, 'pci', '/pcie@10000000', '', 'BARs'),
    (0x08000000, 'device', '/intc@8000000', '', 'interrupt controller'),
    (0x09001004, 'hole', None, '', '0x4 bytes past the end of /pl011@9000000'),
    (0x0a300000, 'hole', '/virtio_mmio@a000000', 'one-digit', 'the nearest device is /virtio_mmio@a003e00'),
    (0x0a330000, 'hole', None, '', 'the nearest device is /virtio_mmio@a003e00'),
]


def compile_tree(dtc, name, out):
    path = out / (name + '.dtb')
    subprocess.run([dtc, '-q', '-f', '-O', 'dtb', '-o', path, HERE / 'trees' / (name + '.dts')],
                   check=True, stderr=subprocess.DEVNULL)
    return path


def explain(salvage, *args, stdin=b''):
    return subprocess.run([salvage, 'explain', *map(str, args)], input=stdin, capture_output=True)


class Blob:
    """A flattened device tree made by hand, for those that no compiler makes in reasonable time."""

    def __init__(self):
        self.strings, self.struct = b'', b''

    def begin(self, name):
        text = name.encode() + b'\0'
        self.struct += struct.pack('>I', 1) + text + b'\0' * (-len(text) % 4)

    def end(self):
        self.struct += struct.pack('>I', 2)

    def prop(self, name, cells):
        offset = len(self.strings)
        self.strings += name.encode() + b'\0'
        self.struct += struct.pack('>III', 3, 4 * len(cells), offset) + struct.pack(f'>{len(cells)}I', *cells)

    def bytes(self):
        tree = self.struct + struct.pack('>I', 9)
        strings = 56 + len(tree)
        total = strings + len(self.strings)
        header = struct.pack('>10I', 0xd00dfeed, total, 56, strings, 40, 17, 16, 0, len(self.strings), len(tree))
        return header + b'\0' * 16 + tree + self.strings


def deep(levels, entries):
    """Buses inside buses, each with as many ranges, and a device in the innermost: deep or dear, as is asked for."""
    blob = Blob()
    ranges = [cell for i in range(entries) for cell in (0x10000 * i, 0x10000 * i, 0x10000)]
    blob.begin('')
    for level in range(levels):
        blob.prop('#address-cells', [1])
        blob.prop('#size-cells', [1])
        if level:
            blob.prop('ranges', ranges)
        blob.begin(f'level{level}')
    blob.prop('reg', [cell for i in range(entries) for cell in (0x10000 * (entries - 1), 0x1000)])
    for _ in range(levels + 1):
        blob.end()
    return blob.bytes()


def main():
    salvage, dtc, *qemu = sys.argv[1:]
    failures = []
    count = 0

    def check(what, good, result):
        nonlocal count
        count += 1
        print('ok' if good else 'not ok', '-', what)
        if not good:
            failures.append(what)
            print('# ' + repr(result))

    with tempfile.TemporaryDirectory() as name:
        out = pathlib.Path(name)
        def check_place(what, dtb, address, kind, path, guess, text):
            done = explain(salvage, '--json', '--nisv=47', f'--ipa={address:#x}', f'--dtb={dtb}')
            result = json.loads(done.stdout) if not done.returncode else {}
            place = result.get('place', {})
            node = place.get('node' if kind != 'hole' else 'guessed', {})
            told = result.get('where', '') + ' ' + ' '.join(result.get('todo', []))
            check(f'{what} {address:#x}', place.get('kind') == kind and node.get('path') == path and
                  place.get('guess', '') == guess and text in told, (place, told, done.stderr))
            if kind == 'hole':
                check(f'{what} {address:#x}: ends in what to check', 'check' in result.get('todo', [''])[-1], result)

        for tree, *case in CASES:
            check_place(tree, compile_tree(dtc, tree, out), *case)
        if qemu:
            virt = out / 'virt.dtb'
            subprocess.run([*qemu, '-M', f'virt,dumpdtb={virt}', '-display', 'none', '-nic', 'none'], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for case in VIRT:
                check_place('virt', virt, *case)
        else:
            print('# no QEMU: its virt machine is left out')

        good = compile_tree(dtc, 'nested', out).read_bytes()
        victim = out / 'victim.dtb'
        for cut in [0, 1, 39, 40, 72, len(good) // 2, len(good) - 1]:
            victim.write_bytes(good[:cut])
            done = explain(salvage, '--ipa=0', f'--dtb={victim}')
            check(f'cut at {cut}', done.returncode == 100 and not done.stdout and done.stderr.count(b'\n') == 1, done)
        for what, path in [('absent', out / 'absent.dtb'), ('directory', out)]:
            done = explain(salvage, '--ipa=0', f'--dtb={path}')
            check(what, done.returncode == 100 and done.stderr.count(b'\n') == 1, done)
        victim.write_bytes(b'\xd0\x0d\xfe\xed' + b'\xff' * (17 << 20))
        done = explain(salvage, '--ipa=0', f'--dtb={victim}')
        check('too large', done.returncode == 100 and b'16 MiB' in done.stderr, done)

        victim.write_bytes(deep(20, 4))
        done = explain(salvage, '--json', '--ipa=0x30800', f'--dtb={victim}')
        place = json.loads(done.stdout or '{}').get('place', {})
        check('twenty levels', place.get('node', {}).get('path', '').endswith('/level19'), done)
        victim.write_bytes(deep(200, 1))
        done = explain(salvage, '--ipa=0x800', f'--dtb={victim}')
        check('deeper than is searched', done.returncode == 0 and b'too large to be' in done.stdout, done)
        # 30 levels of 256 ranges for each of 256 regions, over a thousand nodes' worth of work in one: bounded, and still answered
        victim.write_bytes(deep(30, 256))
        done = explain(salvage, '--ipa=0xff0800', f'--dtb={victim}')
        check('dear to search', done.returncode == 0, done)

    print(f'1..{count}')
    return bool(failures)


if __name__ == '__main__':
    sys.exit(main())
