#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What lint costs: CPU seconds of a Linux boot to user space, without and with it. Not a test; docs/lint.md has the figures.

The kernel is the laboratory's. SALVAGE_QEMU names another QEMU than the installed one.

usage: cost.py SALVAGE LAB-DIRECTORY [ROUNDS]
"""
import os
import resource
import subprocess
import sys
import tempfile

INIT = r'''
#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>

int main(void)
{
	printf("user space\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}
'''
SECONDS = 300


def prepare(lab, directory):
    sys.dont_write_bytecode = True
    sys.path.insert(0, lab)
    import initramfs
    import kernel
    facts, image = kernel.cached(lambda text: print(f'salvage: {text}', file=sys.stderr))
    with image, open(os.path.join(directory, 'Image'), 'wb') as out:
        out.write(image.read())
    init = os.path.join(directory, 'init')
    with open(init + '.c', 'w', encoding='ascii') as out:
        out.write(INIT)
    subprocess.run(['aarch64-linux-gnu-gcc', '-static', '-O2', '-o', init, init + '.c'], check=True)
    tree = initramfs.Tree()
    tree.directory('/dev')
    tree.host(init, '/init')
    with open(os.path.join(directory, 'initrd'), 'wb') as out:
        tree.write(out)
    return facts['package']


def seconds(command):
    """(CPU seconds, what was said on standard error)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace', timeout=SECONDS,
                          check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if 'user space' not in done.stdout:
        sys.exit(f'salvage: cost: the guest did not reach its user space: {done.stdout[-500:]}{done.stderr[-500:]}')
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done.stderr


def main():
    salvage, lab = map(os.path.abspath, sys.argv[1:3])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    qemu = os.environ.get('SALVAGE_QEMU') or 'qemu-system-aarch64'
    with tempfile.TemporaryDirectory() as directory:
        print(prepare(lab, directory))
        boot = [qemu, '-M', 'virt,gic-version=3', '-cpu', 'cortex-a72', '-m', '1G', '-smp', '1', '-nographic', '-nic', 'none',
                '-no-reboot', '-kernel', os.path.join(directory, 'Image'), '-initrd', os.path.join(directory, 'initrd'),
                '-append', 'console=ttyAMA0 loglevel=1 panic=-1']
        said = ''
        times = {'without': [], 'with lint': []}
        for _ in range(rounds):
            times['without'].append(seconds(boot)[0])
            spent, said = seconds([salvage, 'lint', '--', *boot])
            times['with lint'].append(spent)
        for name, values in times.items():
            print(f'{name}: {sorted(values)[len(values) // 2]:.2f} s of CPU, the middle of '
                  + ', '.join(f'{value:.2f}' for value in values))
        print(said, end='')


if __name__ == '__main__':
    main()
