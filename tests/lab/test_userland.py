# SPDX-License-Identifier: BSD-2-Clause
"""--package: an arm64 file system from the distribution's packages, fetched from a mirror of our own."""

import os
import subprocess
import sys

import userland
from errors import LabError
from test_fetch import LAB, UNAVAILABLE, WithMirror

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import errors, userland
def main():
    pairs = [userland.parse(word) for word in sys.argv[3:]]
    print(getattr(userland, sys.argv[2])(pairs, lambda text: print(text, file=sys.stderr), False)[1])
    return 0
errors.run_main(main)
"""


class Userland(WithMirror):
    def publish(self, version="1.0-1", program=b"program"):
        self.mirror.suite(
            self.mirror.own,
            self.mirror.package("frob", version, {"usr/bin/frob": program, "usr/share/doc/frob/copyright": b"x" * 100000},
                                needs="libfrob0, frob-data"),
            # The package of a release whose lib is not yet a link, as Debian 12's libc6.
            self.mirror.package("libfrob0", "1.0-1", {"lib/aarch64-linux-gnu/libfrob.so.0": b"library"}),
            self.mirror.package("frob-data", "1.0-1", {"usr/share/frob/data": b"data", "usr/share/locale/de/x": b"x"}, "all"),
            self.mirror.package("other", "1.0-1", {"usr/bin/other": b"other"}))

    def start(self, what, *names):
        done = subprocess.run([sys.executable, "-c", PROGRAM, LAB, what, *names], env=self.mirror.environment(self.cache),
                              text=True, capture_output=True, check=False)
        return done.returncode, done.stdout.strip(), done.stderr

    def root(self, what="cached", names=("frob",)):
        status, top, err = self.start(what, *names)
        self.assertEqual(status, 0, err)
        return top

    @staticmethod
    def read(*path):
        with open(os.path.join(*path), "rb") as file:
            return file.read()

    def test_a_package_and_what_it_needs(self):
        self.publish()
        top = self.root()
        files = sorted(os.path.relpath(os.path.join(at, name), top) for at, _, names in os.walk(top) for name in names)
        self.assertEqual(files, ["etc/group", "etc/passwd", "usr/bin/frob", "usr/lib/aarch64-linux-gnu/libfrob.so.0",
                                 "usr/share/frob/data"])
        for name in ("bin", "lib", "sbin"):
            self.assertEqual(os.readlink(os.path.join(top, name)), f"usr/{name}")
        self.assertEqual(self.read(top, "lib/aarch64-linux-gnu/libfrob.so.0"), b"library")
        self.assertEqual(len(self.kept()), 2)

    def test_it_is_fetched_once_and_again_when_damaged(self):
        self.publish()
        top = self.root()
        asked = len(self.mirror.asked)
        for what in ("cached", "newest"):
            self.assertEqual((self.root(what), len(self.mirror.asked)), (top, asked))
        for name, damage in (("a file that changed", lambda path: os.truncate(path, 3)), ("a file that is gone", os.unlink),
                             ("another mode", lambda path: os.chmod(path, 0o600)),
                             ("a link in its place", lambda path: (os.unlink(path), os.symlink("/etc/passwd", path)))):
            with self.subTest(name):
                before = len(self.mirror.asked)
                damage(os.path.join(top, "usr/bin/frob"))
                status, again, err = self.start("cached", "frob")
                self.assertEqual((status, again, len(self.mirror.asked) - before), (0, top, asked), err)
                self.assertIn("the cached packages (frob) are damaged; fetching them again", err)
                self.assertEqual(self.read(top, "usr/bin/frob"), b"program")

    def test_a_newer_one_replaces_it_when_asked(self):
        self.publish()
        top = self.root()
        self.publish("1.0-2", b"newer")
        self.assertEqual(self.root(), top)
        newer = self.root("newest")
        self.assertEqual(self.read(newer, "usr/bin/frob"), b"newer")
        self.assertEqual(len(self.kept()), 2)

    def test_others_are_kept_beside_it(self):
        self.publish()
        tops = [self.root(), self.root(names=("other",)), self.root(names=("other", "frob"))]
        self.assertEqual(len(set(tops)), 3)
        self.assertEqual(self.root(names=("frob", "other", "frob")), tops[2], "the order does not matter")
        self.assertEqual(self.read(tops[2], "bin/frob") + self.read(tops[2], "bin/other"), b"programother")
        self.assertFalse(os.path.exists(os.path.join(tops[0], "bin/other")))

    def test_another_suite(self):
        self.publish()
        suite = f"{self.mirror.own}-backports"
        self.mirror.suite(suite, self.mirror.package("frob", "2.0-1", {"usr/bin/frob": b"backport"}, needs="libfrob0"))
        top = self.root(names=(f"frob/{suite}",))
        self.assertEqual(self.read(top, "bin/frob"), b"backport")
        self.assertEqual(self.read(top, "lib/aarch64-linux-gnu/libfrob.so.0"), b"library")
        self.assertEqual(self.read(self.root(), "bin/frob"), b"program")
        status, _, err = self.start("cached", f"frob/{suite}", "other/sid")
        self.assertEqual((status, err), (UNAVAILABLE, f"salvage: --package: packages of {suite} and sid do not fit together; "
                                                      "name one suite\n"))

    def test_what_is_not_to_be_had(self):
        def gone():
            with open(self.mirror.sources, "w", encoding="ascii") as file:
                file.write(f"deb http://127.0.0.1:1/debian {self.mirror.own} main\n")

        def unsigned():
            self.mirror.suite(self.mirror.own, self.mirror.package("frob", "1.0-1", {"usr/bin/frob": b"x"}), signed=False)

        def lacking():
            self.mirror.suite(self.mirror.own, self.mirror.package("frob", "1.0-1", {"usr/bin/frob": b"x"}, needs="nothing"))

        def absent():
            self.mirror.suite(self.mirror.own, self.mirror.package("other", "1.0-1", {"usr/bin/other": b"x"}))

        for name, change, says in (("no such package", absent, "Unable to locate package frob"),
                                   ("something it needs is not there", lacking, "held broken packages|unmet"),
                                   ("unsigned", unsigned, "is not signed"), ("the mirror does not answer", gone, "onnect")):
            with self.subTest(name):
                self.publish()
                change()
                status, out, err = self.start("cached", "frob")
                self.assertEqual((status, out), (UNAVAILABLE, ""), err)
                remedy = "connect to the mirror and repeat, or give the files with --file"
                self.assertRegex(err.splitlines()[-1], f"^salvage: --package=frob: .*({says}).*; {remedy}$")
                self.assertEqual(self.kept(), [])

    def test_names(self):
        for text, pair in (("qemu-system-arm", ("qemu-system-arm", None)), ("g++", ("g++", None)), ("libx1.0", ("libx1.0", None)),
                           ("frob/trixie-backports", ("frob", "trixie-backports"))):
            self.assertEqual(userland.parse(text), pair)
        for text in ("", "x", "Frob", "frob=1.0", "frob/", "/sid", "frob/sid/x", "-y", "frob;x", "frob bar", "frob\n", "../x"):
            with self.subTest(text), self.assertRaises(ValueError):
                userland.parse(text)
        with self.assertRaises(LabError):
            userland.Wanted([("a1", "sid"), ("b1", "trixie")])
