# SPDX-License-Identifier: BSD-2-Clause
"""One machine a case. guest.c says what each word of the guest program does."""

import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import cache
import kernel
import test_elf

GUEST = SALVAGE = None   # the programs; e2e.py sets them
USAGE, INTERNAL, TIMEOUT = 100, 106, 108
LIMIT = 600     # seconds for one machine: what hangs must not hang the tests


def lab(*arguments, options=()):
    return [SALVAGE, "lab", "--quiet", *options, "--", GUEST, *arguments]


def run(*arguments, options=(), data=b"", cwd=None):
    return subprocess.run(lab(*arguments, options=options), input=data, capture_output=True, timeout=LIMIT, cwd=cwd, check=False)


def start(*arguments, stdin=subprocess.DEVNULL):
    return subprocess.Popen(lab(*arguments), stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def cannot_run():
    """Why these tests cannot be run here, or None. The first run fetches the kernel if there is none."""
    done = run("status", "0")
    # 101: QEMU or a kernel is not to be had. Anything else is for the tests to find.
    return done.stderr.decode().strip() if done.returncode == 101 else None


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition):
    for _ in range(LIMIT * 20):
        if condition():
            return True
        time.sleep(0.05)
    return False


class Ending(unittest.TestCase):
    def test_statuses(self):
        # That nobody reads the large input is no concern of the status; 0 is seen all over these tests.
        for status in (3, 255):
            with self.subTest(status):
                done = run("status", str(status), data=Streams.DATA)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (status, b"", b""))

    def test_killed_by_a_signal(self):
        done = run("die", str(int(signal.SIGSEGV)))
        self.assertEqual((done.returncode, done.stdout), (128 + signal.SIGSEGV, b"dying\n"))
        self.assertRegex(done.stderr.decode(), r"^salvage: \S*guest: killed by signal 11 \(Segmentation fault\)\n$")

    def test_time_is_up(self):
        done = run("wait", options=["--timeout=5"])
        text = done.stderr.decode()
        self.assertEqual(done.returncode, TIMEOUT, text)
        self.assertIn("lines of its console:\n", text)
        self.assertRegex(text, r"\n  \[ *\d+\.\d+\] ")
        self.assertEqual(text.splitlines()[-1], "salvage: laboratory: stopped after 5 s, as --timeout asked")

    def test_panic(self):
        # What is under way when a kernel panics may be lost, so the guest waits until its line has arrived.
        with start("panic", stdin=subprocess.PIPE) as child:
            self.assertEqual(child.stdout.readline(), b"about to\n")
            rest, errors = child.communicate(b"now\n", LIMIT)
            text = errors.decode()
            self.assertEqual((child.returncode, rest), (INTERNAL, b""), text)
        self.assertIn("Kernel panic - not syncing: sysrq triggered crash", text)
        self.assertEqual(text.splitlines()[-1], "salvage: laboratory: its kernel panicked")

    def test_what_the_command_leaves_behind_does_not_matter(self):
        self.assertEqual(run("orphan").returncode, 4)

    def test_nobody_reads(self):
        with start("flood") as child:
            self.assertEqual(child.stdout.readline(), b"flood\n")
            child.stdout.close()
            errors = child.stderr.read().decode()
            self.assertEqual(child.wait(LIMIT), 128 + signal.SIGPIPE, errors)

    def started(self, *arguments):
        """A run whose guest waits, and its QEMU process."""
        child = start(*arguments)
        self.addCleanup(child.stderr.close)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.kill)
        self.assertEqual(child.stdout.readline(), b"waiting\n")
        qemu, = children(child.pid)
        return child, qemu

    def test_no_machine_outlives_it(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number):
                child, qemu = self.started("wait")
                child.send_signal(number)
                self.assertEqual(child.wait(LIMIT), -number)
                self.assertTrue(wait_until(lambda: not running(qemu)))

    def test_the_machine_is_killed(self):
        child, qemu = self.started("wait")
        os.kill(qemu, signal.SIGKILL)
        self.assertEqual(child.wait(LIMIT), INTERNAL)
        self.assertIn(b"salvage: laboratory: ended before the command did", child.stderr.read())


class Streams(unittest.TestCase):
    DATA = random.Random(3).randbytes(1 << 20)

    def test_a_megabyte_of_any_bytes(self):
        done = run("echo", data=self.DATA)
        self.assertEqual((done.returncode, done.stderr), (0, b"echoed\n"))
        self.assertTrue(done.stdout == self.DATA, f"{len(done.stdout)} bytes came back")

    def test_a_kernel_without_virtio_console(self):
        data = self.DATA[:20000]
        done = run("echo", data=data, options=["--append=initcall_blacklist=virtio_console_init"])
        self.assertEqual((done.returncode, done.stderr), (0, b"echoed\n"))
        self.assertTrue(done.stdout == data, f"{len(done.stdout)} bytes came back")

    def test_the_console_when_asked_for(self):
        done = run("status", "3", options=["--console"])
        self.assertEqual((done.returncode, done.stdout), (3, b""))
        self.assertIn(b"] Linux version ", done.stderr)


class Guest(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.top)

    def path(self, name, text=None):
        path = os.path.join(self.top, name)
        if text is not None:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path

    def test_surroundings(self):
        work = os.path.join(self.top, "a b", "ç")
        os.makedirs(work)
        done = run("surroundings", "", "a b", "é\n", options=["--smp=2", "--env=X=1 =2", "--env=PATH=/x"], cwd=work)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(done.stdout.decode(), f"cwd {work}\nuid 0\ncpus 2\nargument []\nargument [a b]\nargument [é\n]\n"
                         "variable PATH=/x\nvariable HOME=/root\nvariable X=1 =2\n"
                         + "".join(f"{path} there\n" for path in ("/proc/self", "/sys/kernel", "/dev/null", "/dev/shm",
                                                                  "/dev/pts/ptmx", "/dev/fd/0", "/tmp")))

    def test_kvm(self):
        done = run("kvm", "177", "178", "245")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        found = dict(re.findall(r"^capability (\d+) (\d+)$", done.stdout.decode(), re.M))
        self.assertRegex(done.stdout.decode(), r"^version 12\nvm created\n")
        self.assertEqual((found["177"], found["178"]), ("1", "1"))
        # Where no newer kernel was to be had, SEA is missing.
        self.assertEqual(found["245"], "1" if kernel.number(self.kernel()["release"]) >= (6, 19) else "0")

    def kernel(self):
        """What the cache knows of its kernel."""
        facts, file = cache.get(kernel.KIND)
        file.close()
        return facts

    def test_what_a_kernel_has(self):
        facts = self.kernel()
        image = os.path.join(cache.directory(), facts["file"])
        done = subprocess.run([SALVAGE, "lab", "--fetch", f"--kernel={image}"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, rf"(?m)^kernel +{re.escape(facts['release'])}$")
        for line in ("/dev/kvm  yes", "          KVM_CAP_ARM_NISV_TO_USER yes", "          KVM_CAP_ARM_INJECT_EXT_DABT yes"):
            self.assertIn(line, done.stdout.splitlines())

    def test_files_go_in_and_come_back(self):
        self.path("tree/one", "1 ")
        self.path("tree/deep/two", "2 ")
        os.symlink("deep/two", self.path("tree/link"))
        single, back = self.path("single", "3"), self.path("back")
        files = [f"--file={self.path('tree')}:/in/guest", f"--file={single}"]
        done = run("show", "/in/guest/one", "/in/guest/deep/two", "/in/guest/link", single, options=files)
        self.assertEqual((done.returncode, done.stdout), (0, b"1 2 2 3"))
        # Also when the command fails, and over a file that is there.
        self.path("back", "old")
        done = run("save", "/tmp/new", "kept\n", "7", options=[f"--output=/tmp/new:{back}"])
        self.assertEqual((done.returncode, done.stderr), (7, b""))
        with open(back, encoding="utf-8") as file:
            self.assertEqual(file.read(), "kept\n")
        self.assertEqual(sorted(os.listdir(self.top)), ["back", "single", "tree"])

    def test_an_output_that_is_not_there(self):
        back = self.path("back", "old")
        for status, wanted in (("0", INTERNAL), ("5", 5)):
            with self.subTest(status):
                absent, there = f"--output=/tmp/absent:{back}", f"--output=/tmp/a:{self.path('a')}"
                done = run("save", "/tmp/a", "", status, options=[absent, there])
                self.assertEqual(done.returncode, wanted)
                self.assertEqual(done.stderr.decode(), f"salvage: {absent}: in the guest: No such file or directory\n")
                self.assertEqual(sorted(os.listdir(self.top)), ["a", "back"])
                with open(back, encoding="utf-8") as file:
                    self.assertEqual(file.read(), "old")

    def test_a_command_that_only_the_guest_finds_wrong(self):
        # A program by its head, but with nothing to load.
        path, data = self.path("empty"), bytearray(test_elf.program())
        data[56:58] = bytes(2)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, 0o755)
        command = [SALVAGE, "lab", "--quiet", "--", path]
        done = subprocess.run(command, capture_output=True, timeout=LIMIT, check=False)
        self.assertEqual((done.returncode, done.stderr.decode()),
                         (INTERNAL, f"salvage: laboratory: {path}: cannot be executed: Exec format error\n"))
