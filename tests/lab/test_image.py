# SPDX-License-Identifier: BSD-2-Clause
"""Kernel images in the forms that distributions ship, and what is not one."""

import gzip
import lzma
import os
import struct
import subprocess
import tempfile
import unittest

import errors
import image
import kernel

IMAGE = bytes(56) + b"ARM\x64" + bytes(4) + b"Linux version 7.2.12+deb13-cloud-arm64 (x@y) " + bytes(range(256)) * 16


def zboot(payload, kind):
    return (b"MZ\0\0zimg" + struct.pack("<II", 64, len(payload)) + bytes(8) + kind.ljust(32, b"\0")).ljust(64, b"\0") + payload


def package(top, name, data):
    """A .deb with one file; returns its path."""
    root = os.path.join(top, "root")
    for directory in ("DEBIAN", os.path.dirname(name)):
        os.makedirs(os.path.join(root, directory), exist_ok=True)
    with open(os.path.join(root, "DEBIAN/control"), "w", encoding="ascii") as control:
        control.write("Package: x\nVersion: 1\nArchitecture: arm64\nMaintainer: x <x@example>\nDescription: x\n")
    with open(os.path.join(root, name), "wb") as file:
        file.write(data)
    deb = os.path.join(top, "x.deb")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", root, deb], check=True, stdout=subprocess.DEVNULL)
    return deb


class Images(unittest.TestCase):
    def test_forms(self):
        for name, data in (("plain", IMAGE), ("gzip", gzip.compress(IMAGE)), ("zboot, gzip", zboot(gzip.compress(IMAGE), b"gzip")),
                           ("zboot, xz", zboot(lzma.compress(IMAGE), b"xzkern"))):
            with self.subTest(name):
                self.assertEqual(image.unpack(data), IMAGE)

    def test_release(self):
        self.assertEqual(image.release(IMAGE), "7.2.12+deb13-cloud-arm64")
        self.assertIsNone(image.release(b"nothing"))

    def test_what_is_none(self):
        for name, data, why in (
                ("empty", b"", "is no arm64 kernel"), ("text", b"hello\n" * 20, "is no arm64 kernel"),
                ("vmlinux", b"\x7fELF" + bytes(100), "is an ELF file"), ("x86", b"MZ" + bytes(0x200) + b"HdrS", "another architecture"),
                ("cut gzip", gzip.compress(IMAGE)[:-9], "cut short"), ("damaged gzip", b"\x1f\x8b" + b"x" * 99, "damaged"),
                ("gzip of text", gzip.compress(b"hello"), "holds no arm64"), ("zstd", zboot(b"x", b"zstd"), "with zstd"),
                ("zboot beyond its end", zboot(b"", b"gzip"), "cut short"), ("damaged xz", zboot(b"x" * 99, b"xzkern"), "damaged")):
            with self.subTest(name), self.assertRaisesRegex(image.NotImage, why):
                image.unpack(data)

    def test_it_unpacks_no_more_than_a_kernel_can_be(self):
        largest, image.LARGEST = image.LARGEST, 1 << 16
        try:
            with self.assertRaises(image.NotImage):
                image.unpack(gzip.compress(IMAGE + bytes(1 << 20)))
        finally:
            image.LARGEST = largest


class Packages(unittest.TestCase):
    def test_places(self):
        for name in ("boot/vmlinuz-6.1.0-50-cloud-arm64", "usr/lib/modules/7.2.12+deb13/vmlinuz",
                     "usr/lib/modules/7.3.4+deb13/vmlinuz.unsigned"):
            with self.subTest(name), tempfile.TemporaryDirectory() as top:
                self.assertEqual(image.from_package(package(top, name, gzip.compress(IMAGE))), IMAGE)

    def test_a_package_without_a_kernel(self):
        for name in ("usr/share/doc/x/copyright", "boot/config-6.1.0", "etc/vmlinuz"):
            with self.subTest(name), tempfile.TemporaryDirectory() as top:
                self.assertIsNone(image.from_package(package(top, name, IMAGE)))

    def given(self, data):
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            facts, opened = kernel.given(file.name)
            with opened:
                opened.seek(0)
                return facts, opened.read()

    def test_given(self):
        facts, data = self.given(gzip.compress(IMAGE))
        self.assertEqual((facts["release"], data), ("7.2.12+deb13-cloud-arm64", IMAGE))
        with tempfile.TemporaryDirectory() as top, open(package(top, "boot/vmlinuz-1", IMAGE), "rb") as deb:
            self.assertEqual(self.given(deb.read())[1], IMAGE)

    def test_given_what_is_none(self):
        with tempfile.TemporaryDirectory() as top:
            with open(package(top, "usr/share/doc/x/copyright", b"x"), "rb") as deb:
                empty = deb.read()
        for name, data, why in (("text", b"hello", "no arm64 kernel"), ("no vmlinuz", empty, "holds no arm64 vmlinuz"),
                                ("damaged package", b"!<arch>\nnonsense", "damaged package"), ("cut package", empty[:200], "package")):
            with self.subTest(name), self.assertRaisesRegex(errors.LabError, why) as caught:
                self.given(data)
            self.assertEqual(caught.exception.status, errors.USAGE)
        for path in ("/nonexistent", "/"):
            with self.subTest(path), self.assertRaises(errors.LabError):
                kernel.given(path)
