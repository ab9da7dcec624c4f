# SPDX-License-Identifier: BSD-2-Clause
"""Kernel images and the packages that hold them.

An arm64 Image is told by its header (Documentation/arch/arm64/booting.rst). Distributions also ship it gzipped, or as a
zboot image: an EFI program that holds a compressed Image (drivers/firmware/efi/libstub/zboot-header.S).
"""

import lzma
import re
import shutil
import struct
import subprocess
import tarfile
import zlib

import process
from errors import UNAVAILABLE, LabError

MAGIC = b"ARM\x64"      # at 56
INSIDE = re.compile(r"^\.?/?(usr/lib/modules/[^/]+/vmlinuz(?:\.unsigned)?|boot/vmlinuz-[^/]+)$")
VERSION = re.compile(rb"Linux version (\d+\.\d+\S*)")
LARGEST = 256 << 20     # nothing larger is unpacked: a damaged file must not fill the memory


class NotImage(Exception):
    """The file holds no arm64 kernel; the text says what it is instead."""


def unpack(data):
    """The plain Image in data."""
    if data[56:60] == MAGIC:
        return data
    if data[:2] == b"\x1f\x8b":
        return _plain(zlib.decompressobj(wbits=31), data, "gzip")
    if data[:2] == b"MZ" and data[4:8] == b"zimg":
        offset, size = struct.unpack_from("<II", data, 8)
        kind, payload = data[24:32].split(b"\0")[0], data[offset:offset + size]
        if kind == b"gzip":
            return _plain(zlib.decompressobj(wbits=31), payload, "gzip")
        if kind in (b"xzkern", b"xz", b"lzma"):
            return _plain(lzma.LZMADecompressor(), payload, "xz")
        raise NotImage(f"is compressed with {kind.decode('ascii', 'replace')}, which is not supported; unpack it first")
    if data[:4] == b"\x7fELF":
        raise NotImage("is an ELF file (a vmlinux?); give the Image that is built from it")
    if data[:2] == b"MZ" or data[0x202:0x206] == b"HdrS":
        raise NotImage("is a kernel of another architecture")
    raise NotImage("is no arm64 kernel Image, gzipped Image, zboot image or .deb of one")


def _plain(decompressor, data, kind):
    try:
        image = decompressor.decompress(data, LARGEST)
    except (zlib.error, lzma.LZMAError, EOFError) as error:
        raise NotImage(f"is a damaged {kind} file") from error
    if not decompressor.eof:
        raise NotImage(f"is a {kind} file cut short")
    if image[56:60] != MAGIC:
        raise NotImage(f"is a {kind} file that holds no arm64 kernel Image")
    return image


def release(image):
    """The kernel's release as its banner has it, or None."""
    match = VERSION.search(image)
    return match[1].decode("ascii", "replace") if match else None


def is_package(head):
    return head.startswith(b"!<arch>\n")


def from_package(deb):
    """The vmlinuz inside a .deb, unpacked; None if the package has none."""
    if not shutil.which("dpkg-deb"):
        raise LabError(UNAVAILABLE, "dpkg-deb", "is not installed; unpack the package and give its vmlinuz")
    child = process.popen(["dpkg-deb", "--fsys-tarfile", deb], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    try:
        with tarfile.open(fileobj=child.stdout, mode="r|") as tar:
            for member in tar:
                if member.isreg() and INSIDE.match(member.name) and member.size <= LARGEST:
                    return unpack(tar.extractfile(member).read())
    except (tarfile.TarError, EOFError) as error:
        raise NotImage("is a damaged package") from error
    finally:
        process.kill(child)
        child.stdout.close()
    return None
