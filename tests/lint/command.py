#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""salvage lint on guests of ours under this machine's QEMU: what it finds, what it does not, and how it ends.

SALVAGE_QEMU names another QEMU than the installed one.

usage: command.py SALVAGE DIRECTORY-OF-GUESTS DIRECTORY-OF-SOURCES
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

SALVAGE, GUESTS, SOURCES = map(os.path.abspath, sys.argv[1:4])
QEMU = os.environ.get('SALVAGE_QEMU') or 'qemu-system-aarch64'
VIRT = [QEMU, '-M', 'virt', '-cpu', 'max', '-smp', '2', '-nic', 'none', '-display', 'none', '-serial', 'stdio', '-monitor', 'none']
USAGE, UNAVAILABLE = 100, 101
TIMES = 10000  # forms.c's
UART = 0x09000000


def guest(name):
    return os.path.join(GUESTS, name + '.elf')


def lint(*arguments, environment=None, timeout=60):
    return subprocess.run([SALVAGE, 'lint', *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout, check=False, errors='replace', env={**os.environ, **(environment or {})})


def report(*arguments, **more):
    """(status, findings, summary, all that was said)."""
    with tempfile.NamedTemporaryFile('r') as file:
        done = lint('--json', f'--output={file.name}', *arguments, **more)
        lines = [json.loads(line) for line in file]
    if not lines:
        raise AssertionError(f'no report, status {done.returncode}: {done.stderr}')
    return done.returncode, lines[:-1], lines[-1], done.stdout + done.stderr


def line_of(source, mark):
    with open(os.path.join(SOURCES, source), encoding='utf-8') as file:
        for number, text in enumerate(file, 1):
            if mark in text:
                return number
    raise AssertionError(f'{source} has no {mark}')


def number(text):
    return int(text, 16)


class Forms(unittest.TestCase):
    """All findings of one guest, once."""

    @classmethod
    def setUpClass(cls):
        cls.status, cls.findings, cls.summary, cls.said = report('--', *VIRT, '-kernel', guest('forms'))

    def of(self, name):
        return [finding for finding in self.findings if finding.get('symbol', '').startswith(name + '+')]

    def test_guest_is_unharmed(self):
        self.assertEqual(self.status, 0)
        self.assertIn('forms', self.said)
        self.assertIn('done', self.said)

    def test_each_form(self):
        for name, text, stores in (('pre_indexed', 'strh wzr, [x0, #0]!', True), ('pair', 'ldp w1, w2, [x0]', False),
                                   ('vector', 'ldr q0, [x0]', False), ('structure', 'ld1 { v0.4s }, [x0]', False),
                                   ('exclusive', 'ldxr w1, [x0]', False)):
            with self.subTest(name):
                finding, = self.of(name)
                self.assertEqual((finding['finding'], finding['text'], finding['isv']), ('device', text, False))
                self.assertEqual((finding['device'], finding['offset']), ('pl011', '0x20'))
                self.assertEqual(number(finding['pa']), UART + 0x20)
                self.assertEqual(finding['stores'] > 0, stores)
                self.assertEqual(finding['loads'] > 0, not stores)
                self.assertTrue(finding['why'])
                self.assertTrue(any('inline assembly' in text or 'ordinary memory' in text for text in finding['todo']))
                if 'file' in finding:
                    self.assertEqual(finding['function'], name)
                    self.assertEqual(os.path.basename(finding['file']), 'forms.c')
                    self.assertEqual(finding['line'], line_of('forms.c', f'/* {name} */'))

    def test_atomic(self):
        finding, = self.of('atomic')
        self.assertEqual(finding['text'], 'ldadd wzr, w1, [x0]')
        self.assertIn('atomic variables', finding['todo'][0])

    def test_counts_of_two_vcpus(self):
        finding, = self.of('post_indexed')
        self.assertEqual(finding['text'], 'ldr w1, [x0], #4')
        self.assertEqual(finding['loads'], 2 * TIMES + 1)
        self.assertEqual(finding['stores'], 0)

    def test_code_that_changes(self):
        found = {finding['insn']: finding for finding in self.findings if finding['insn'] in ('b8404401', '29400801')
                 and 'symbol' not in finding}
        self.assertEqual(sorted(found), ['29400801', 'b8404401'])
        self.assertEqual(found['29400801']['pc'], found['b8404401']['pc'])
        self.assertEqual(found['b8404401']['loads'], 1)

    def test_holes(self):
        pair, = self.of('hole_pair')
        self.assertEqual((pair['finding'], pair['isv'], pair['stores'], pair['el']), ('hole', False, 1, [1]))
        self.assertEqual(number(pair['pa']), 0x0b000008)
        self.assertEqual(pair['below']['device'], 'virtio-mmio')
        self.assertEqual(number(pair['below']['last']), 0x0a003fff)
        self.assertLess(number(pair['pa']), number(pair['above']['first']))
        plain, = self.of('hole_plain')
        self.assertEqual((plain['finding'], plain['isv'], plain['loads'], plain['todo']), ('hole', True, 1, []))
        self.assertEqual(number(plain['pa']), 0x0b001000)

    def test_nothing_else(self):
        names = {finding.get('symbol', 'code').partition('+')[0] for finding in self.findings}
        self.assertEqual(names, {'post_indexed', 'pre_indexed', 'pair', 'vector', 'structure', 'exclusive', 'atomic',
                                 'hole_pair', 'hole_plain', 'code'})
        self.assertEqual(self.of('described') + self.of('on_stack') + self.of('guest_print'), [])

    def test_summary(self):
        self.assertEqual(self.summary['nisv'], len(self.findings) - 1)
        self.assertEqual(self.summary['holes'], 1)
        self.assertEqual((self.summary['watched'], self.summary['aborts']), (True, True))
        self.assertEqual((self.summary['dropped'], self.summary['unwatched']), (0, 0))

    def test_levels(self):
        wanted = [1] if self.summary['levels'] else []
        for finding in self.findings:
            if finding['finding'] == 'device':
                self.assertEqual(finding['el'], wanted)


class Guests(unittest.TestCase):
    def test_demo(self):
        """The demonstration's guest. It fails: what it takes for its device is a flash."""
        done = lint('--fail', '--', *VIRT, '-kernel', guest('demo'))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn('2 findings', done.stderr)
        self.assertRegex(done.stderr, r'1\. .*\bguest_main\b')
        self.assertRegex(done.stderr, r'str w0, \[x1\], #4  \[load/store with writeback, ISV=0\]')
        self.assertRegex(done.stderr, r'stp x\d+, x\d+, \[x0\], #16  \[load/store pair, ISV=0\]')
        self.assertIn('volatile is not enough', done.stderr)
        self.assertIn('in C++, ', done.stderr)
        self.assertIn('in Rust, ', done.stderr)
        if 'driver.c:' in done.stderr:
            demo = os.path.join(SOURCES, '..', '..', 'demo', 'driver.c')
            for function, text in (('fill', '0x10001 * i'), ('post', 'ring[i] = *first')):
                line = line_of(demo, text)
                self.assertRegex(done.stderr, rf'{function} \(inlined into guest_main\S*\) at \S*driver\.c:{line}\n')

    def test_same_advice_as_explain(self):
        _, findings, _, _ = report('--', *VIRT, '-kernel', guest('demo'))
        for finding in findings:
            done = subprocess.run([SALVAGE, 'explain', '--json', '--insn=' + finding['insn']], capture_output=True, text=True,
                                  check=True)
            todo = json.loads(done.stdout)['todo']
            self.assertTrue(finding['todo'])
            self.assertEqual(finding['todo'], todo[:len(finding['todo'])])

    def test_proper(self):
        done = lint('--fail', '--', *VIRT, '-kernel', guest('proper'))
        self.assertEqual((done.returncode, done.stdout.strip()), (0, 'proper'), done.stderr)
        self.assertEqual(done.stderr.splitlines()[-1], 'salvage lint: 0 findings')

    def test_elf_is_given(self):
        flat = ['-kernel', os.path.join(GUESTS, 'forms.bin')]
        _, findings, _, _ = report('--', *VIRT, *flat)
        self.assertTrue(findings)
        self.assertFalse(any('symbol' in finding for finding in findings))
        _, findings, _, _ = report(f'--elf={guest("forms")}', '--', *VIRT, *flat)
        self.assertTrue(any(finding.get('symbol', '').startswith('pair+') for finding in findings))

    def test_another_board(self):
        status, findings, _, _ = report('--', QEMU, '-M', 'raspi3b', '-display', 'none', '-serial', 'stdio', '-monitor', 'none',
                                        '-semihosting', '-kernel', guest('raspi'))
        self.assertEqual([(one['finding'], one['symbol'], one.get('device'), one['pa']) for one in findings],
                         [('device', 'device+0x0', 'pl011', '0x3f201000'), ('hole', 'nothing+0x0', None, '0x40001010')])
        self.assertEqual(findings[1]['below']['device'], 'bcm2836-control')
        self.assertEqual(status, 7)

    def test_aarch32(self):
        """Not looked at, and said; its words must not be taken for A64. The guest wants another platform, and does not end."""
        _, findings, summary, _ = report('--', 'timeout', '1', QEMU, '-M', 'virt', '-cpu', 'cortex-a15', '-display', 'none',
                                         '-nic', 'none', '-kernel', os.path.join(GUESTS, '..', 'guests', 'aarch32.bin'))
        self.assertGreater(summary['aarch32'], 0)
        self.assertEqual([finding for finding in findings if 'insn' in finding], [])

    def test_status_is_the_guests(self):
        """A board that lets accesses to holes pass; its plain access is in the log only, without an instruction."""
        machine = [QEMU, '-M', 'integratorcp', '-cpu', 'cortex-a57', '-display', 'none', '-serial', 'stdio', '-monitor', 'none',
                   '-semihosting', '-kernel', guest('lenient')]
        environment = {'QEMU_AUDIO_DRV': 'none'}
        status, findings, summary, said = report('--', *machine, environment=environment)
        self.assertEqual(status, 7, said)
        self.assertEqual([(one['finding'], one.get('symbol'), one['pa']) for one in findings],
                         [('device', 'device+0x0', '0x16000000'), ('hole', 'nothing+0x0', '0xb0000010'), ('hole', None, '0xb0000020')])
        self.assertEqual(summary['nisv'], 2)
        self.assertEqual(report('--fail', '--', *machine, environment=environment)[0], 1)


class Ends(unittest.TestCase):
    ENDLESS = [*VIRT, '-kernel', guest('endless')]

    def check(self, status, wanted, findings, said):
        self.assertIn('endless', said)
        self.assertEqual(status, wanted)
        finding, = findings
        self.assertEqual((finding['device'], finding['offset']), ('pl011', '0x18'))

    def test_killed(self):
        """Nobody tells a process of SIGKILL: the report is there all the same."""
        status, findings, _, said = report('--', 'sh', '-c', '"$@" & sleep 1; kill -KILL $!; wait $!; kill -SEGV $$', 'sh', *self.ENDLESS)
        self.assertIn('was killed by signal 11; the report is of what came before', said)
        self.assertEqual(status, 139)
        status, findings, _, said = report('--', 'timeout', '-s', 'KILL', '1', *self.ENDLESS)
        self.check(status, 137, findings, said)

    def test_terminated(self):
        status, findings, _, said = report('--', 'timeout', '1', *self.ENDLESS)
        self.check(status, 124, findings, said)

    def interrupt(self, number):
        with tempfile.NamedTemporaryFile('r') as file, subprocess.Popen(
                [SALVAGE, 'lint', '--json', f'--output={file.name}', '--', *self.ENDLESS], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True) as child:
            said = ''
            while 'endless' not in said:
                line = child.stdout.readline()
                self.assertTrue(line, said)
                said += line
            child.send_signal(number)
            said += child.communicate(timeout=30)[0]
            lines = [json.loads(line) for line in file]
            self.check(child.returncode, 0, lines[:-1], said)

    def test_interrupted(self):
        self.interrupt(signal.SIGINT)

    def test_asked_to_end(self):
        self.interrupt(signal.SIGTERM)

    def test_report_on_standard_output(self):
        done = lint('--json', '--', *VIRT, '-serial', 'none', '-kernel', guest('proper'))
        self.assertEqual(json.loads(done.stdout.splitlines()[-1])['finding'], 'summary')

    def test_own_log(self):
        """The user's log is the user's; holes are not seen then, and that is said."""
        with tempfile.NamedTemporaryFile('r') as file:
            status, findings, summary, _ = report('--', *VIRT, '-d', 'int', '-D', file.name, '-kernel', guest('forms'))
            self.assertIn('Taking exception', file.read())
        self.assertEqual((status, summary['aborts']), (0, False))
        self.assertFalse([finding for finding in findings if finding['finding'] == 'hole'])
        done = lint('--', *VIRT, '-d', 'int', '-D', '/dev/null', '-kernel', guest('proper'))
        self.assertRegex(done.stderr, 'were not looked for: .*log, which -[dD] takes')


class Refusals(unittest.TestCase):
    def refused(self, status, pattern, *arguments, **more):
        done = lint(*arguments, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        last = done.stderr.splitlines()[-1]
        self.assertTrue(last.startswith('salvage: '), last)
        self.assertRegex(last, pattern)

    def test_command_lines(self):
        for arguments, pattern in (
                ([], 'no command'), (['--'], 'no command'), (['--nonsense', '--', QEMU], '--nonsense: not an option'),
                (['--elf', ], '--elf: not an option or its value'), (['--elf=/missing', '--', QEMU], '/missing: .*No such file'),
                ([f'--elf={os.path.join(SOURCES, "forms.c")}', '--', QEMU], 'not an ELF file'),
                (['--', QEMU, '-accel', 'kvm'], '-accel: .*"kvm".*-accel tcg'),
                (['--', QEMU, '-accel', 'hvf,x=y'], '-accel: .*"hvf"'),
                (['--', QEMU, '-enable-kvm'], '-enable-kvm: .*"kvm"'),
                (['--', QEMU, '--enable-kvm'], '--enable-kvm: .*"kvm"'),
                (['--', QEMU, '-M', 'virt,accel=kvm'], '-M: .*"kvm"'),
                (['--', QEMU, '-machine', 'accel=tcg:kvm,type=virt'], '-machine: .*"kvm"'),
                (['--', QEMU, '-daemonize'], "-daemonize: .*QEMU's end")):
            with self.subTest(arguments):
                self.refused(USAGE, pattern, *arguments)

    def test_options_in_values(self):
        """What only looks like an option is none."""
        done = lint('--', *VIRT, '-accel', 'tcg', '-append', '-enable-kvm', '-kernel', guest('proper'))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_no_qemu(self):
        self.refused(UNAVAILABLE, 'qemu-system-missing: No such file or directory; apt-get install', '--', 'qemu-system-missing')

    def test_other_target(self):
        other = shutil.which('qemu-system-arm')
        if not other:
            self.skipTest('no qemu-system-arm')
        self.refused(UNAVAILABLE, 'emulates arm, not arm64; give qemu-system-aarch64', '--', other, '-M', 'virt')

    def test_bad_machine(self):
        self.refused(UNAVAILABLE, 'status 1 before it took the plugin; what it said is above', '--', QEMU, '-M', 'nonsense')

    def fake(self, directory, text):
        path = os.path.join(directory, 'qemu-system-aarch64')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f'#!/bin/sh\n{text}\n')
        os.chmod(path, 0o755)
        return path

    def test_without_plugins(self):
        with tempfile.TemporaryDirectory() as directory:
            path = self.fake(directory, 'echo "QEMU emulator version 8.0.0"; echo "int  show"; echo "guest_errors  log"')
            self.refused(UNAVAILABLE, 'built without plugins.*--enable-plugins', '--', path)

    def test_unknown_version(self):
        with tempfile.TemporaryDirectory() as directory:
            path = self.fake(directory, 'case $* in -version) echo "QEMU emulator version 99.1 (x)";; *plugin*) '
                             'echo "plugin requires API version 7, but this QEMU supports only a minimum version of 42" >&2; exit 1;; '
                             '*) printf "int  a\\nguest_errors  b\\nplugin  c\\n";; esac')
            self.refused(UNAVAILABLE, 'QEMU 99.1, and salvage knows 7.2 to 11.1', '--', path)

    def test_nothing_ran(self):
        machine = [*VIRT, '-S', '-kernel', guest('proper')]
        done = lint('--', 'timeout', '1', *machine)
        self.assertEqual(done.returncode, 124)
        self.assertIn('ran no AArch64 code', done.stderr)
        self.refused(UNAVAILABLE, 'ran no AArch64 code', '--fail', '--', 'timeout', '1', *machine)

    def test_plugin_alone(self):
        plugin = os.path.join(os.path.dirname(SALVAGE), 'lint', 'salvage-lint.so')
        for option in (plugin, plugin + ',report=/dev/null', plugin + ',report=/missing'):
            done = subprocess.run([*VIRT, '-plugin', option], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=30, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn('run salvage lint', done.stderr)

    def test_output(self):
        self.refused(UNAVAILABLE, '/missing/report: No such file', '--output=/missing/report', '--', *VIRT, '-kernel',
                     guest('proper'))

    def test_help(self):
        done = lint('--help')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        for word in ('--fail', '--json', '--elf', '--output'):
            self.assertIn(word, done.stdout)


if __name__ == '__main__':
    sys.path.insert(0, os.path.join(SOURCES, '..', 'lab'))
    import tap
    del sys.argv[1:4]
    tap.main(sys.modules['__main__'])
