# SPDX-License-Identifier: BSD-2-Clause
"""Every input that is refused: its status, and that it is one line which names it. QEMU, where it is reached, is a stand-in."""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from test_elf import DYNAMIC, program
from test_image import IMAGE

LAB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lab", "lab.py")
USAGE, UNAVAILABLE, INTERNAL = 100, 101, 106

# In a directory with the files that setUpClass makes. (name, arguments, status, what the line says)
CASES = (
    ("nothing", "", USAGE, "lab: no command was given"),
    ("no command", "--", USAGE, "lab: no command was given"),
    ("unknown option", "--frob -- ./static", USAGE, "--frob: no such option; .*--help"),
    ("unknown option with value", "--frob=1 -- ./static", USAGE, "--frob=1: no such option"),
    ("short option", "-v -- ./static", USAGE, "-v: no such option"),
    ("value missing", "--mem -- ./static", USAGE, "--mem: needs a value, as in --mem=VALUE"),
    ("value unwanted", "--quiet=1 -- ./static", USAGE, "--quiet=1: --quiet takes no value"),
    ("fetch with command", "--fetch -- ./static", USAGE, "--fetch: takes no command"),
    ("smp 0", "--smp=0 -- ./static", USAGE, "--smp=0: must be a number of CPUs, 1 to"),
    ("smp large", "--smp=4096 -- ./static", USAGE, "--smp=4096: must be"),
    ("smp negative", "--smp=-1 -- ./static", USAGE, "--smp=-1: must be"),
    ("smp words", "--smp=two -- ./static", USAGE, "--smp=two: must be"),
    ("smp empty", "--smp= -- ./static", USAGE, "--smp=: must be"),
    ("mem unit", "--mem=2X -- ./static", USAGE, "--mem=2X: must be a size from 256M"),
    ("mem small", "--mem=1M -- ./static", USAGE, "--mem=1M: must be a size from 256M"),
    ("mem large", "--mem=9999G -- ./static", USAGE, "--mem=9999G: must be a size"),
    ("mem fraction", "--mem=1.5G -- ./static", USAGE, "--mem=1.5G: must be"),
    ("mem too small for the files", "--mem=256M --file=big -- ./static", USAGE, "--mem=256M: too small for the files; at least"),
    ("timeout 0", "--timeout=0 -- ./static", USAGE, "--timeout=0: must be a number of seconds above 0"),
    ("timeout negative", "--timeout=-1 -- ./static", USAGE, "--timeout=-1: must be"),
    ("timeout nan", "--timeout=nan -- ./static", USAGE, "--timeout=nan: must be"),
    ("timeout inf", "--timeout=inf -- ./static", USAGE, "--timeout=inf: must be"),
    ("cpu with another option in it", "--cpu=max\t-x -- ./static", USAGE, "--cpu=max.-x: is no CPU name"),
    ("cpu empty", "--cpu= -- ./static", USAGE, "--cpu=: is no CPU name"),
    ("env without a name", "--env==x -- ./static", USAGE, "--env==x: names no variable"),
    ("file empty", "--file= -- ./static", USAGE, "--file=: names no file"),
    ("file absent", "--file=absent -- ./static", USAGE, ".*absent: No such file"),
    ("file to a relative path", "--file=text:guest -- ./static", USAGE, ".*text:guest: No such file"),
    ("file over /dev", "--file=text:/dev/x -- ./static", USAGE, "/dev/x: /dev is the laboratory's own"),
    ("file over the laboratory's", "--file=text:/.salvage/init -- ./static", USAGE, "/.salvage/init: /.salvage is the"),
    ("file over /", "--file=text:/ -- ./static", USAGE, "--file=text:/: is not a directory"),
    ("file and directory in one place", "--file=text:/a --file=text:/a/b -- ./static", USAGE, "/a: is a directory in one --file"),
    ("link to itself", "--file=loop -- ./static", USAGE, ".*loop"),
    ("output without host", "--output=/x -- ./static", USAGE, "--output=/x: must be --output=GUEST:HOST"),
    ("output of a relative path", "--output=x:y -- ./static", USAGE, "--output=x:y: must be"),
    ("output to a directory", "--output=/x:. -- ./static", USAGE, "--output=/x:.: the host path is a directory"),
    ("output to nowhere", "--output=/x:absent/y -- ./static", USAGE, "--output=/x:absent/y: the host path cannot be written"),
    ("kernel absent", "--kernel=absent -- ./static", USAGE, "--kernel=absent: No such file"),
    ("kernel a directory", "--kernel=. -- ./static", USAGE, "--kernel=.: Is a directory"),
    ("kernel empty", "--kernel= -- ./static", USAGE, "--kernel=: needs a value"),
    ("kernel a text", "--kernel=text -- ./static", USAGE, "--kernel=text: is no arm64 kernel"),
    ("kernel a program", "--kernel=static -- ./static", USAGE, "--kernel=static: is an ELF file"),
    ("kernel a broken package", "--kernel=deb -- ./static", USAGE, "--kernel=deb: is a damaged package"),
    ("command absent", "-- ./absent", USAGE, "./absent: no such file"),
    ("command not in PATH", "-- absent", USAGE, "absent: no such file"),
    ("command a directory", "-- ./bin", USAGE, "./bin: is not a file"),
    ("command not executable", "-- ./text", USAGE, "./text: is not executable; chmod"),
    ("command a text", "-- ./runnable-text", USAGE, "./runnable-text: is not an ELF program"),
    ("command for x86", "-- ./x86", USAGE, r"./x86: is not an arm64 program \(x86-64\); build it with aarch64-linux-gnu-gcc"),
    ("command for 32-bit Arm", "-- ./arm", USAGE, "./arm: is not an arm64 program"),
    ("command an object", "-- ./object", USAGE, "./object: is an arm64 object"),
    ("command damaged", "-- ./damaged", USAGE, "./damaged: is a damaged ELF"),
    ("command a script", "-- ./script", USAGE, "./script: is a script; give its interpreter /bin/frobsh"),
    ("command dynamic", "-- ./dynamic", USAGE,
     r"./dynamic: dynamic: needs /lib/ld-linux-aarch64.so.1, libc.so.6, libm.so.6; link with -static or pass the files with --file"),
    ("command dynamic, half supplied", "--file=text:/lib/ld-linux-aarch64.so.1 --file=text:/lib/libc.so.6 -- ./dynamic", USAGE,
     "./dynamic: dynamic: needs libm.so.6; link"),
    ("command's name over two lines", "-- ./two\nlines", USAGE, "./two lines: no such file"),
    ("no QEMU", "--kernel=image -- ./static", UNAVAILABLE, "qemu-system-aarch64: is not installed; apt-get install qemu-system-arm"),
    ("QEMU empty", "--qemu= -- ./static", USAGE, "--qemu=: needs a value"),
    ("QEMU absent", "--qemu=./absent -- ./static", USAGE, "--qemu=./absent: no such program; give one that runs as qemu-system-aarch64"),
    ("QEMU not executable", "--qemu=./text -- ./static", USAGE, "--qemu=./text: no such program"),
    ("QEMU to fetch without apt", "--qemu=newest -- ./static", UNAVAILABLE,
     "apt-get: is not installed, so nothing can be fetched; give .*--qemu=PROGRAM"),
    ("no QEMU to fetch for", "--fetch", UNAVAILABLE, "qemu-system-aarch64: is not installed"),
)

# The same with a stand-in that says this and ends. (name, what QEMU says, arguments, status, what the line says)
REFUSALS = (
    ("cpu", "unable to find CPU model 'x'", "--cpu=x", USAGE, "--cpu=x: no such CPU, qemu-system-aarch64 -cpu help lists them"),
    ("cpu property", "Property 'max-arm-cpu.x' not found", "--cpu=max,x=1", USAGE, "--cpu=max,x=1: no such property"),
    ("memory", "cannot set up guest memory 'mach-virt.ram': Cannot allocate memory", "--mem=4G", USAGE, "--mem=4G: more than this"),
    ("anything else", "failed to initialize: strange", "--smp=2", UNAVAILABLE, "qemu-system-aarch64: did not start: .*strange"),
    ("nothing", "", "--smp=2", INTERNAL, "laboratory: ended before the command did"),
)


def write(path, data, mode=0o644):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


class Errors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.top)
        cls.bin = os.path.join(cls.top, "bin")
        os.mkdir(cls.bin)
        for tool in ("python3", "dpkg-deb"):
            os.symlink(shutil.which(tool), os.path.join(cls.bin, tool))
        files = {"static": program(), "x86": program(machine=62), "arm": program(machine=40, bits=1), "object": program(kind=1),
                 "damaged": program()[:80], "dynamic": DYNAMIC, "script": b"#!/bin/frobsh\n", "runnable-text": b"hello\n"}
        for name, data in files.items():
            write(os.path.join(cls.top, name), data, 0o755)
        for name, data in (("text", b"hello\n"), ("image", IMAGE), ("deb", b"!<arch>\nnonsense")):
            write(os.path.join(cls.top, name), data)
        with open(os.path.join(cls.top, "big"), "wb") as big:
            big.truncate(300 << 20)
        os.symlink("loop", os.path.join(cls.top, "loop"))

    def lab(self, arguments, path=None):
        environment = {"PATH": path or self.bin, "SALVAGE_CACHE": os.path.join(self.top, "cache")}
        words = arguments.split(" ") if arguments else []
        return subprocess.run([sys.executable, LAB, *words], cwd=self.top, env=environment, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, check=False)

    def refused(self, done, status, says):
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        lines = done.stderr.splitlines()
        self.assertRegex(lines[-1], "^salvage: " + says)
        return lines

    def test_table(self):
        before = sorted(set(os.listdir(self.top)) - {"cache"})
        for name, arguments, status, says in CASES:
            with self.subTest(name):
                lines = self.refused(self.lab(arguments), status, says)
                self.assertEqual(len(lines), 1)
        self.assertEqual(sorted(set(os.listdir(self.top)) - {"cache"}), before)

    def test_what_qemu_refuses(self):
        for name, text, arguments, status, says in REFUSALS:
            with self.subTest(name):
                stand_in = os.path.join(self.top, "stand-in")
                os.makedirs(stand_in, exist_ok=True)
                write(os.path.join(stand_in, "qemu-system-aarch64"), f"#!/bin/sh\necho \"{text}\" >&2\nexit 1\n".encode(), 0o755)
                done = self.lab(f"{arguments} --kernel=image --init=static -- ./static", f"{stand_in}:{os.environ['PATH']}")
                self.refused(done, status, says)

    def test_a_machine_that_does_not_come_up_ends_with_it(self):
        # The other side of the link is not there yet: only the kernel can end such a QEMU when its parent is killed.
        stand_in, told = os.path.join(self.top, "asleep"), os.path.join(self.top, "told")
        os.makedirs(stand_in, exist_ok=True)
        os.mkfifo(told)
        self.addCleanup(os.unlink, told)
        script = f"#!/bin/sh\necho $$ >{told}\nexec sleep 3600\n"
        write(os.path.join(stand_in, "qemu-system-aarch64"), script.encode(), 0o755)
        for number in (signal.SIGKILL, signal.SIGTERM):
            with self.subTest(number):
                child = subprocess.Popen(
                    [sys.executable, LAB, "--kernel=image", "--init=static", "--", "./static"], cwd=self.top,
                    env={"PATH": f"{stand_in}:{os.environ['PATH']}"}, stdin=subprocess.DEVNULL)
                with open(told, encoding="ascii") as fifo:
                    qemu = os.pidfd_open(int(fifo.read()))
                child.send_signal(number)
                self.assertEqual(child.wait(), -number)
                ended, _, _ = select.select([qemu], [], [], 60)
                self.assertTrue(ended)
                os.close(qemu)

    def test_a_cache_that_cannot_be_made(self):
        stand_in = os.path.join(self.top, "stand-in")
        os.makedirs(stand_in, exist_ok=True)
        write(os.path.join(stand_in, "qemu-system-aarch64"), b"#!/bin/sh\nexit 1\n", 0o755)
        environment = {"PATH": stand_in + ":" + os.environ["PATH"], "SALVAGE_CACHE": os.path.join(self.top, "text")}
        done = subprocess.run([sys.executable, LAB, "--", "./static"], cwd=self.top, env=environment, capture_output=True,
                              text=True, check=False)
        self.assertEqual(len(self.refused(done, UNAVAILABLE, ".*text: .*; set SALVAGE_CACHE to a directory that can be written")), 1)

    def test_no_apt(self):
        stand_in = os.path.join(self.top, "no-apt")
        os.makedirs(stand_in, exist_ok=True)
        write(os.path.join(stand_in, "qemu-system-aarch64"), b"#!/bin/sh\nexit 1\n", 0o755)
        done = self.lab("-- ./static", stand_in)
        self.assertEqual(len(self.refused(done, UNAVAILABLE, "apt-get: is not installed.*--kernel=IMAGE or DEB")), 1)

    def test_a_working_directory_that_is_gone(self):
        script = f"mkdir gone && cd gone && rmdir ../gone && exec {sys.executable} {LAB} -- ./static"
        done = subprocess.run(["sh", "-c", script], cwd=self.top, capture_output=True, text=True, check=False)
        self.assertEqual(len(self.refused(done, USAGE, "working directory: No such file.*; cd to one that is there")), 1)

    def test_standard_streams_that_are_closed(self):
        done = subprocess.run(["sh", "-c", f"exec {sys.executable} {LAB} -- ./absent <&- >&-"], cwd=self.top, capture_output=True,
                              text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
        self.assertRegex(done.stderr, r"^salvage: ./absent: no such file[^\n]*\n$")

    def test_help(self):
        done = self.lab("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for option in ("--file", "--output", "--env", "--kernel", "--append", "--smp", "--mem", "--cpu", "--timeout", "--console",
                       "--quiet", "--fetch", "--package"):
            self.assertIn(option, done.stdout)
        self.assertLessEqual(max(len(line) for line in done.stdout.splitlines()), 90)
