# SPDX-License-Identifier: BSD-2-Clause
"""Fetching a kernel, with the machine's real apt and a mirror of our own: what is taken, kept, refused, and left behind."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import unittest.mock

import mirror
import sysroot

HERE = os.path.dirname(os.path.abspath(__file__))
LAB = os.path.join(HERE, "..", "..", "lab")
# What the laboratory does for a run and for --fetch, without booting what it gets.
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import errors, kernel
def main():
    facts, file = getattr(kernel, sys.argv[2])(lambda text: print(text, file=sys.stderr), False)
    print(facts["package"], file.read().count(b"Linux version"))
    return 0
errors.run_main(main)
"""
NEW, OLD = "linux-binary-7.2.12+deb13-cloud-arm64", "linux-image-6.1.0-50-cloud-arm64"
UNAVAILABLE = 101


class WithMirror(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = mirror.have_tools()
        if reason:
            raise unittest.SkipTest(reason)
        cls.mirror = mirror.Mirror()
        cls.addClassCleanup(cls.mirror.close)

    def setUp(self):
        self.cache = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.cache)
        self.mirror.clear()

    def kept(self):
        return sorted(name for name in os.listdir(self.cache) if name != "lock")


class Fetch(WithMirror):
    def publish(self):
        """The ordinary case: an empty package that is newer in name only, the kernel, and an older one."""
        self.data = mirror.kernel_image("7.2.12+deb13-cloud-arm64")
        self.mirror.suite(
            "trixie-backports", self.mirror.kernel(NEW, "7.2.12-1", self.data),
            self.mirror.package("linux-binary-7.3.1+deb13-cloud-arm64", "7.3.1-1", {"usr/share/doc/x": b"x"}),
            self.mirror.kernel("linux-binary-7.2.9+deb13-cloud-arm64", "7.2.9-1", mirror.kernel_image("7.2.9")))

    def start(self, what):
        return subprocess.Popen([sys.executable, "-c", PROGRAM, LAB, what], env=self.mirror.environment(self.cache), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def fetch(self, what="cached"):
        child = self.start(what)
        out, err = child.communicate()
        return child.returncode, out, err

    def got(self, result, package=NEW):
        self.assertEqual(result[:2], (0, f"{package} 1\n"), result[2])

    def refused(self, result, says):
        self.assertEqual(result[:2], (UNAVAILABLE, ""), result[2])
        self.assertRegex(result[2].splitlines()[-1], "^salvage: " + says)
        self.assertEqual(self.kept(), [])

    def image(self):
        with open(os.path.join(self.cache, "kernel.json"), encoding="utf-8") as record:
            return os.path.join(self.cache, json.load(record)["file"])

    def test_the_newest_that_holds_a_kernel(self):
        self.publish()
        self.got(self.fetch())
        with open(self.image(), "rb") as file:
            self.assertEqual(file.read(), self.data)
        digest = hashlib.sha256(self.data).hexdigest()
        self.assertEqual(self.kept(), [f"kernel-{digest[:16]}", "kernel.json"])
        self.assertFalse(os.path.exists(self.mirror.hook_ran), "the machine's own update hook was run")

    def test_what_is_cached_is_not_asked_for_again(self):
        self.publish()
        self.got(self.fetch())
        before = list(self.mirror.asked)
        self.got(self.fetch())
        self.assertEqual(self.mirror.asked, before)

    def test_a_newer_one_replaces_it_when_asked(self):
        self.publish()
        self.got(self.fetch("newest"))
        newer = "linux-binary-7.4.1+deb13-cloud-arm64"
        self.mirror.suite("trixie-backports", self.mirror.kernel(newer, "7.4.1-1", mirror.kernel_image("7.4.1")))
        self.got(self.fetch())
        self.got(self.fetch("newest"), newer)
        before = list(self.mirror.asked)
        self.got(self.fetch("newest"), newer)
        self.assertEqual((self.mirror.asked, len(self.kept())), (before, 2))

    def test_a_damaged_kernel_is_fetched_again(self):
        self.publish()
        self.got(self.fetch())
        with open(self.image(), "r+b") as file:
            file.seek(1000)
            file.write(b"X")
        result = self.fetch()
        self.got(result)
        self.assertIn("the cached kernel is damaged; fetching it again", result[2])
        with open(self.image(), "rb") as file:
            self.assertEqual(file.read(), self.data)

    def test_a_damaged_or_absent_file_of_the_cache(self):
        self.publish()
        for name, damage in (("record cut short", lambda: os.truncate(os.path.join(self.cache, "kernel.json"), 20)),
                             ("record empty", lambda: os.truncate(os.path.join(self.cache, "kernel.json"), 0)),
                             ("record gone", lambda: os.unlink(os.path.join(self.cache, "kernel.json"))),
                             ("kernel cut short", lambda: os.truncate(self.image(), 100)),
                             ("kernel gone", lambda: os.unlink(self.image()))):
            with self.subTest(name):
                self.got(self.fetch())
                damage()
                self.got(self.fetch())
                self.assertEqual(len(self.kept()), 2)

    def test_unsigned(self):
        self.publish()
        for suite in ("trixie-backports", "sid", self.mirror.own):
            self.mirror.suite(suite, self.mirror.kernel(NEW, "7.2.12-1", b"x"), signed=False)
        self.refused(self.fetch(), "laboratory kernel: trixie-backports: .*is not signed")

    def test_signed_by_somebody_else(self):
        self.publish()
        other = mirror.Mirror()
        self.addCleanup(other.close)
        self.mirror.write_sources(other.key)
        self.refused(self.fetch(), "laboratory kernel: trixie-backports: .*(not signed|NO_PUBKEY|verified)")

    def test_a_package_that_was_tampered_with(self):
        self.publish()
        for name in os.listdir(os.path.join(self.mirror.archive, "pool")):
            with open(os.path.join(self.mirror.archive, "pool", name), "r+b") as file:
                file.seek(200)
                file.write(b"tampered")
        self.refused(self.fetch(), "laboratory kernel: trixie-backports: .*")

    def test_without_a_new_one_the_releases_own(self):
        self.mirror.suite("trixie-backports")
        self.mirror.suite(self.mirror.own, self.mirror.package(OLD, "6.1.176-1", {
            "boot/vmlinuz-6.1.0-50-cloud-arm64": mirror.kernel_image("6.1.0-50-cloud-arm64")}))
        result = self.fetch()
        self.got(result, OLD)
        self.assertIn(f"{OLD} is the newest kernel to be had; it lacks KVM_CAP_ARM_SEA_TO_USER, which needs Linux 6.19", result[2])

    def test_none_at_all(self):
        self.mirror.suite("trixie-backports")
        self.refused(self.fetch(), "laboratory kernel: .*; connect to the mirror and repeat, or give --kernel=IMAGE or DEB")

    def test_the_mirror_does_not_answer(self):
        gone = mirror.Mirror()
        gone.close()
        with open(self.mirror.sources, "w", encoding="ascii") as file:
            file.write(f"deb {gone.uri} {self.mirror.own} main\n")
        result = self.fetch()
        self.refused(result, "laboratory kernel: .*onnect.*; connect to the mirror and repeat")
        self.assertEqual(result[2].count("reading the package list"), 1, "asked again what does not answer")

    def test_interrupted(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
            with self.subTest(number):
                self.publish()
                self.mirror.stalled.clear()
                self.mirror.go_on.clear()
                child = self.start("cached")
                self.mirror.stalled.wait()
                child.send_signal(number)
                child.communicate()
                self.mirror.go_on.set()
                self.assertEqual(child.returncode, -number)
                left = [name for name in self.kept() if number != signal.SIGKILL or not name.startswith("undone.")]
                self.assertEqual(left, [])
                self.got(self.fetch())
                self.assertEqual(len(self.kept()), 2)
                for name in self.kept():
                    os.unlink(os.path.join(self.cache, name))

    def test_two_at_once_fetch_once(self):
        self.publish()
        self.mirror.go_on.clear()
        first = self.start("cached")
        self.mirror.stalled.wait()
        second = self.start("cached")
        self.assertEqual(second.stderr.readline(), "salvage: another salvage is fetching; waiting for it\n")
        self.mirror.go_on.set()
        # Both pipes are read at once: either may be the one that fills.
        results = [None, None]

        def finish(i, child):
            results[i] = (lambda out, err: (child.returncode, out, err))(*child.communicate())

        threads = [threading.Thread(target=finish, args=pair) for pair in enumerate((first, second))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for child, (_, out, err) in zip((first, second), results):
            self.got((child.returncode, out, err))
        self.assertEqual(self.mirror.asked.count(f"{NEW}_7.2.12-1_arm64.deb"), 1)


class Sysroot(WithMirror):
    """The arm64 build's libraries, from the same kind of mirror."""

    FILES = {"libfdt-dev": ("include/libfdt.h", "include/fdt.h", "include/libfdt_env.h", "lib/aarch64-linux-gnu/libfdt.a"),
             "libjansson-dev": ("include/jansson.h", "include/aarch64-linux-gnu/jansson_config.h",
                                "lib/aarch64-linux-gnu/libjansson.a"),
             "libelf-dev": ("include/libelf.h", "include/gelf.h", "lib/aarch64-linux-gnu/libelf.a"),
             "zlib1g-dev": ("lib/aarch64-linux-gnu/libz.a",), "libzstd-dev": ("lib/aarch64-linux-gnu/libzstd.a",)}

    def setUp(self):
        super().setUp()
        if sysroot.find("/"):
            self.skipTest("this machine has the libraries itself")
        if not shutil.which("aarch64-linux-gnu-gcc"):
            self.skipTest("aarch64-linux-gnu-gcc is not installed")
        self.cross = os.path.join(self.cache, "arm64.cross")

    def publish(self, *without):
        self.mirror.suite(self.mirror.own, *(
            self.mirror.package(name, "1.6.1-4", {f"usr/{path}": path.encode() for path in paths if path not in without})
            for name, paths in self.FILES.items() if name not in without))

    def prepare(self, *arguments):
        command = [sys.executable, os.path.join(LAB, "sysroot.py"), *(arguments or ("--cross-file", self.cross))]
        done = subprocess.run(command, env=self.mirror.environment(self.cache), capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_libraries_and_cross_file(self):
        self.publish()
        status, out, err = self.prepare()
        self.assertEqual(status, 0, err)
        root = out.strip()
        for name, wanted in (("include/jansson_config.h", "include/aarch64-linux-gnu/jansson_config.h"),
                             ("include/fdt.h", "include/fdt.h"), ("lib/libfdt.a", "lib/aarch64-linux-gnu/libfdt.a")):
            with open(os.path.join(root, name), encoding="ascii") as file:
                self.assertEqual(file.read(), wanted)
        with open(self.cross, encoding="ascii") as file:
            text = file.read()
        for line in (f"c_args = ['-I{root}/include']", f"c_link_args = ['-L{root}/lib']", "static_programs = true", "c = 'aarch64-linux-gnu-gcc'"):
            self.assertIn(line, text.splitlines())
        self.assertNotIn("\nexe_wrapper", text)

    def test_it_is_fetched_once_and_again_when_damaged(self):
        self.publish()
        root = self.prepare()[1].strip()
        asked = len(self.mirror.asked)
        self.assertEqual((self.prepare()[0], len(self.mirror.asked)), (0, asked))
        with open(os.path.join(root, "lib/libfdt.a"), "a", encoding="ascii") as file:
            file.write("x")
        self.assertEqual((self.prepare()[1].strip(), len(self.mirror.asked)), (root, 2 * asked))

    def test_another_list_of_libraries_is_another_directory(self):
        self.publish()
        kept = sysroot.LIBRARIES
        self.addCleanup(setattr, sysroot, "LIBRARIES", kept)
        environment = unittest.mock.patch.dict(os.environ, self.mirror.environment(self.cache))
        with environment, contextlib.redirect_stderr(io.StringIO()):
            roots = [sysroot.prepare()]
            sysroot.LIBRARIES = kept[:1]
            roots.append(sysroot.prepare())
        self.assertNotEqual(*roots)
        self.assertTrue(os.path.exists(os.path.join(roots[0], "lib/libjansson.a")))

    def test_what_is_not_to_be_had(self):
        for without, says in (("libfdt-dev", "has no libfdt-dev"), ("include/jansson.h", "lack a header or a static library")):
            with self.subTest(without):
                self.publish(without)
                status, out, err = self.prepare()
                self.assertEqual((status, out), (UNAVAILABLE, ""), err)
                self.assertRegex(err.splitlines()[-1], f"^salvage: arm64 libraries: .*{says}; connect to the mirror and repeat, or install")
                self.assertFalse(os.path.exists(self.cross))
                self.assertEqual(self.kept(), [])

    def test_usage(self):
        for arguments in (("--cross-file",), ("--frob",), ("x",)):
            with self.subTest(arguments):
                status, out, err = self.prepare(*arguments)
                self.assertEqual((status, out, len(err.splitlines())), (100, "", 1))


class Qemu(WithMirror):
    """--qemu=newest, from the same kind of mirror; what is fetched says its version, and which library it found."""

    PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import errors, qemu
def main():
    got = getattr(qemu, sys.argv[2])(lambda text: print(text, file=sys.stderr), False)
    print(qemu.version(got[1] if sys.argv[2] == "newest" else got))
    return 0
errors.run_main(main)
"""
    NEW, OLD = "10.0.2+ds-2", "7.2+dfsg-7"

    def setUp(self):
        super().setUp()
        self.architecture = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()

    def publish(self, new=NEW, library="frob0", backports=True):
        def package(*arguments):
            return self.mirror.package(*arguments[:3], self.architecture, *arguments[3:])

        def program(version):
            said = f"#!/bin/sh\necho QEMU emulator version {version} $(cat ${{LD_LIBRARY_PATH%%:*}}/libfrob.so.0)\n"
            return {"usr/bin/qemu-system-aarch64": said.encode(), "usr/bin/qemu-system-arm": b"x" * 100000}

        self.mirror.suite(self.mirror.own, package("qemu-system-arm", self.OLD, program(self.OLD)),
                          package("frob0", "1-1", {"usr/lib/x-linux-gnu/libfrob.so.0": b"frob"}), architecture=self.architecture)
        if backports:
            needs = f"{library}, qemu-data (= {new})"
            self.mirror.suite(f"{self.mirror.own}-backports", package("qemu-system-arm", new, program(new), needs),
                              package("qemu-data", new, {"usr/share/qemu/x": b"x"}), architecture=self.architecture)

    def fetch(self, what="newest"):
        done = subprocess.run([sys.executable, "-c", self.PROGRAM, LAB, what], env=self.mirror.environment(self.cache), text=True,
                              capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_the_backports_one_with_what_it_needs(self):
        self.publish()
        self.assertEqual(self.fetch()[:2], (0, f"{self.NEW} frob\n"))
        top, = (name for name in self.kept() if name != "qemu.json")
        files = sorted(os.path.relpath(os.path.join(at, name), os.path.join(self.cache, top))
                       for at, _, names in os.walk(os.path.join(self.cache, top)) for name in names)
        self.assertEqual(files, ["bin/qemu-system-aarch64", "lib/libfrob.so.0", "qemu-system-aarch64"])

    def test_it_is_fetched_once_and_again_when_damaged(self):
        self.publish()
        self.assertEqual(self.fetch("cached")[:2], (0, f"{self.NEW} frob\n"))
        asked = len(self.mirror.asked)
        for what in ("cached", "newest"):
            self.assertEqual(self.fetch(what)[:2], (0, f"{self.NEW} frob\n"))
            self.assertEqual(len(self.mirror.asked), asked)
        library = next(os.path.join(at, name) for at, _, names in os.walk(self.cache) for name in names if name == "libfrob.so.0")
        with open(library, "a", encoding="ascii") as file:
            file.write("x")
        status, out, err = self.fetch("cached")
        self.assertEqual((status, out, len(self.mirror.asked)), (0, f"{self.NEW} frob\n", 2 * asked))
        self.assertIn("the cached QEMU is damaged", err)

    def test_a_newer_one_replaces_it_when_asked(self):
        self.publish()
        self.fetch()
        before = self.kept()
        self.publish("10.1.0-1")
        self.assertEqual(self.fetch("cached")[1], f"{self.NEW} frob\n")
        self.assertEqual(self.fetch()[:2], (0, "10.1.0-1 frob\n"))
        self.assertEqual(len(self.kept()), len(before))

    def test_without_backports_the_releases_own_and_a_line_says_so(self):
        self.publish(backports=False)
        status, out, err = self.fetch()
        self.assertEqual((status, out), (0, f"{self.OLD}\n"), err)
        self.assertIn(f"salvage: qemu-system-arm {self.OLD} is the newest to be had", err)

    def test_none_at_all(self):
        status, out, err = self.fetch()
        self.assertEqual((status, out), (UNAVAILABLE, ""))
        self.assertRegex(err.splitlines()[-1], "^salvage: newest QEMU: .*; connect to the mirror and repeat, or give --qemu=PROGRAM")
        self.assertEqual(self.kept(), [])
