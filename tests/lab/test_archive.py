# SPDX-License-Identifier: BSD-2-Clause
"""The initramfs: the archive, held against cpio(1), and the rules for what goes into it."""

import io
import os
import shutil
import stat
import subprocess
import tempfile
import unittest

import errors
import initramfs


def write(path, data=b"", mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def archive(tree):
    out = io.BytesIO()
    tree.write(out)
    return out.getvalue()


class Archive(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.top)

    def unpack(self, tree):
        """Has cpio unpack the archive; returns the directory."""
        if not shutil.which("cpio"):
            self.skipTest("cpio is not installed")
        out = os.path.join(self.top, "unpacked")
        os.makedirs(out)
        done = subprocess.run(["cpio", "-id", "--quiet"], input=archive(tree), cwd=out, stderr=subprocess.PIPE, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return out

    def test_contents_survive(self):
        source, tree = os.path.join(self.top, "source"), initramfs.Tree()
        # Every alignment of name and contents.
        for i in range(9):
            write(os.path.join(source, "n" * (i + 1)), bytes(range(i)))
        write(os.path.join(source, "deep/er/program"), os.urandom(70000), 0o4755)
        write(os.path.join(source, "sp ace\nné"), b"x")
        write(os.fsencode(source) + b"/\xff\xfe", b"not UTF-8")
        os.symlink("deep/er/program", os.path.join(source, "link"))
        os.symlink("/nowhere", os.path.join(source, "dangling"))
        os.mkfifo(os.path.join(source, "fifo"))
        os.mkdir(os.path.join(source, "empty"))
        tree.host(source, "/in/the/guest")
        out = os.path.join(self.unpack(tree), "in/the/guest")
        self.assertEqual(sorted(os.listdir(os.fsencode(out))), sorted(os.listdir(os.fsencode(source))))
        compared = subprocess.run(["diff", "-r", "--no-dereference", source, out], capture_output=True, text=True, check=False)
        self.assertEqual([line for line in compared.stdout.splitlines() if "is a fifo" not in line], [])
        self.assertEqual(os.readlink(os.path.join(out, "dangling")), "/nowhere")
        self.assertTrue(stat.S_ISFIFO(os.lstat(os.path.join(out, "fifo")).st_mode))
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(out, "deep/er/program")).st_mode), 0o4755)

    def test_directories_come_before_what_is_in_them(self):
        tree = initramfs.Tree()
        tree.bytes("/a/b/c/d", b"x")
        tree.directory("/a/e", 0o700)
        self.assertEqual(list(tree.entries), ["/a", "/a/b", "/a/b/c", "/a/b/c/d", "/a/e"])
        if shutil.which("cpio"):
            listed = subprocess.run(["cpio", "-t", "--quiet"], input=archive(tree), capture_output=True, check=True).stdout
            self.assertEqual(listed.decode().split(), ["a", "a/b", "a/b/c", "a/b/c/d", "a/e"])

    def test_later_files_replace_earlier_ones(self):
        tree = initramfs.Tree()
        tree.bytes("/x", b"1")
        tree.bytes("/x", b"2")
        self.assertEqual(tree.entries["/x"].data, b"2")

    def test_a_named_link_is_followed(self):
        write(os.path.join(self.top, "target"), b"x")
        os.symlink("target", os.path.join(self.top, "link"))
        tree = initramfs.Tree()
        tree.host(os.path.join(self.top, "link"), "/x")
        self.assertTrue(stat.S_ISREG(tree.entries["/x"].mode))

    def test_files_below_a_link_to_a_directory(self):
        root, tree = os.path.join(self.top, "root"), initramfs.Tree()
        os.makedirs(os.path.join(root, "usr/lib"))
        os.symlink("usr/lib", os.path.join(root, "lib"))
        tree.host(root, "/")
        tree.bytes("/lib/x", b"x")
        self.assertTrue(stat.S_ISLNK(tree.entries["/lib"].mode))

    def test_conflicts(self):
        for first, second in (("/x", "/x/y"), ("/x/y", "/x")):
            tree = initramfs.Tree()
            tree.bytes(first, b"")
            with self.subTest(second), self.assertRaisesRegex(errors.LabError, "is a directory in one --file"):
                tree.bytes(second, b"")

    def test_a_file_that_shrinks(self):
        path, tree = os.path.join(self.top, "file"), initramfs.Tree()
        write(path, b"x" * 100)
        tree.host(path, "/x")
        os.unlink(path)
        with self.assertRaises(errors.LabError):
            archive(tree)

    def test_absent_and_unreadable(self):
        with self.assertRaisesRegex(errors.LabError, "No such file"):
            initramfs.Tree().host(os.path.join(self.top, "absent"), "/x")

    def test_a_link_to_itself(self):
        os.symlink("loop", os.path.join(self.top, "loop"))
        with self.assertRaises(errors.LabError):
            initramfs.Tree().host(os.path.join(self.top, "loop"), "/x")


class Paths(unittest.TestCase):
    def test_normalized(self):
        for path, wanted in (("/a/b", "/a/b"), ("//a//b/", "/a/b"), ("/a/../b/./c", "/b/c"), ("/../../x", "/x"), ("/process", "/process")):
            with self.subTest(path):
                self.assertEqual(initramfs.guest_path(path), wanted)

    def test_refused(self):
        for path in ("a", "", "./a", "/proc", "/proc/x", "/dev/../sys/x", "/dev/kvm", "//dev/x", "/.salvage", "/.salvage/init"):
            with self.subTest(path), self.assertRaises(errors.LabError) as caught:
                initramfs.guest_path(path)
            self.assertEqual(caught.exception.status, errors.USAGE)


class Job(unittest.TestCase):
    def test_format(self):
        self.assertEqual(initramfs.job("/p", ["p", "", "a b\n"], ["A=1"], "/w", [], ["s"]),
                         b"/p\0/w\0" b"3\0p\0\0a b\n\0" b"1\0A=1\0" b"0\0" b"1\0s\0")
