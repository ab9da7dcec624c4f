# SPDX-License-Identifier: BSD-2-Clause
"""What goes into the guest: where the command is found, what a dynamic one needs, the job."""

import os
import shutil
import tempfile
import unittest

import errors
import guest
import options
from test_elf import DYNAMIC, program

STATIC = program()


class Build(unittest.TestCase):
    def setUp(self):
        self.top = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.top)

    def file(self, name, data=b"", mode=0o755):
        path = os.path.join(self.top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        return path

    def build(self, *arguments):
        tree = guest.build(options.parse(arguments))
        return tree, tree.entries["/.salvage/job"].data.split(b"\0")

    def test_a_program_of_the_host_keeps_its_path(self):
        path = self.file("a/program", STATIC)
        tree, job = self.build("--", path, "x", "")
        self.assertEqual(tree.entries[path].host, path)
        self.assertEqual(job[0], path.encode())
        self.assertEqual(job[2:6], [b"3", path.encode(), b"x", b""])

    def test_a_relative_name_stays_argument_0(self):
        self.file("a/program", STATIC)
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(os.path.join(self.top, "a"))
        tree, job = self.build("--", "./program")
        self.assertEqual((job[0], job[1], job[3]), (f"{self.top}/a/program".encode(), f"{self.top}/a".encode(), b"./program"))
        self.assertIn(f"{self.top}/a", tree.entries)

    def test_a_program_of_a_root_file_system(self):
        self.file("root/usr/bin/program", STATIC)
        os.symlink("usr/bin", os.path.join(self.top, "root/bin"))
        os.symlink("program", os.path.join(self.top, "root/usr/bin/alias"))
        for name, wanted in (("/usr/bin/program", "/usr/bin/program"), ("/bin/program", "/bin/program"), ("program", "/usr/bin/program"),
                             ("alias", "/usr/bin/alias"), ("/bin/../bin/program", "/bin/program")):
            with self.subTest(name):
                _, job = self.build(f"--file={self.top}/root:/", "--", name)
                self.assertEqual(job[0].decode(), wanted)

    def test_the_guests_file_goes_before_the_hosts(self):
        mine, other = self.file("program", STATIC), self.file("other", STATIC)
        tree, _ = self.build(f"--file={other}:{mine}", "--", mine)
        self.assertEqual(tree.entries[mine].host, other)

    def test_a_dynamic_program_whose_libraries_are_there(self):
        path = self.file("dynamic", DYNAMIC)
        for name in ("ld-linux-aarch64.so.1", "libc.so.6", "libm.so.6"):
            self.file(f"lib/{name}")
        os.makedirs(os.path.join(self.top, "root/usr"))
        os.rename(os.path.join(self.top, "lib"), os.path.join(self.top, "root/usr/lib"))
        os.symlink("usr/lib", os.path.join(self.top, "root/lib"))
        for where in (f"--file={self.top}/root:/", f"--file={self.top}/root/usr/lib:/lib"):
            with self.subTest(where):
                self.assertEqual(self.build(where, "--", path)[1][0].decode(), path)

    def test_a_script_whose_interpreter_is_there(self):
        script, shell = self.file("script", b"#!/bin/sh\n"), self.file("shell", STATIC)
        self.assertEqual(self.build(f"--file={shell}:/bin/sh", "--", script)[1][0].decode(), script)

    def test_links_that_lead_nowhere_or_round(self):
        os.makedirs(os.path.join(self.top, "root"))
        os.symlink("loop", os.path.join(self.top, "root/loop"))
        os.symlink("/nowhere", os.path.join(self.top, "root/dangling"))
        for name in ("/loop", "/loop/x", "/dangling"):
            with self.subTest(name), self.assertRaisesRegex(errors.LabError, "no such file"):
                self.build(f"--file={self.top}/root:/", "--", name)

    def test_environment(self):
        path = self.file("program", STATIC)
        os.environ["SALVAGE_TEST"] = "passed on"
        self.addCleanup(os.environ.pop, "SALVAGE_TEST")
        _, job = self.build("--env=A=b=c", "--env=SALVAGE_TEST", "--env=SALVAGE_ABSENT", "--env=HOME=/h", "--", path)
        self.assertEqual(job[4:9], [b"4", b"PATH=" + guest.PATH.encode(), b"HOME=/h", b"A=b=c", b"SALVAGE_TEST=passed on"])

    def test_outputs(self):
        path = self.file("program", STATIC)
        _, job = self.build(f"--output=/a:{self.top}/a", f"--output=/b:c:{self.top}/b", "--", path)
        self.assertEqual(job[-5:], [b"2", b"/a", b"/b", b"0", b""])

    def test_symbols_for_the_debugger(self):
        path = self.file("program", STATIC)
        _, job = self.build("--sea", "--", path)
        self.assertEqual(job[-4:], [b"0", b"1", b"kvm_handle_guest_abort", b""])

    def test_temporary_files_may_be_given_and_the_mode_of_tmp_stays(self):
        path = self.file("program", STATIC)
        tree, _ = self.build(f"--file={path}:/tmp/a/b", "--", path)
        self.assertEqual(tree.entries["/tmp"].mode & 0o7777, 0o1777)
