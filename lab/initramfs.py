# SPDX-License-Identifier: BSD-2-Clause
"""Writes the file system that the laboratory's kernel boots with: a cpio archive in the newc format.

The format is described in the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
"""

import os
import posixpath
import stat

from errors import USAGE, LabError

OWN = "/.salvage"       # the first process and its job; nobody else's files
MOUNTED = ("/proc", "/sys", "/dev")
LIMIT = 0xFFFFFFFF      # sizes in newc have 32 bits


class Entry:
    """One file: its mode and what it holds, which is a host path, a link's target, or bytes."""

    def __init__(self, mode, data=b"", host=None, mtime=0, made=False):
        self.mode, self.data, self.host, self.mtime = mode, data, host, mtime
        self.made = made    # a directory that exists only because something is below it

    def size(self):
        return os.stat(self.host).st_size if self.host else len(self.data)


def guest_path(path):
    """Normalized; refused if it is relative or would be hidden in the running guest."""
    if not path.startswith("/"):
        raise LabError(USAGE, path, "a guest path must begin with /")
    path = "/" + posixpath.normpath(path).lstrip("/")
    for top in MOUNTED + (OWN,):
        if path == top or path.startswith(top + "/"):
            raise LabError(USAGE, path, f"{top} is the laboratory's own in the guest; choose another guest path")
    return path


class Tree:
    """The files of the guest, by path; directories come before what they hold."""

    def __init__(self):
        self.entries = {}

    def _put(self, path, entry):
        old = self.entries.get(path)
        if old and stat.S_ISDIR(old.mode) != stat.S_ISDIR(entry.mode):
            raise LabError(USAGE, path, "is a directory in one --file and not in another")
        if old and entry.made:
            return
        self.entries[path] = entry

    def directory(self, path, mode=0o755, made=True):
        if path == "/":
            return
        parent = posixpath.dirname(path)
        # A link to a directory, from an unpacked root file system, serves as well; the kernel follows it.
        if path in self.entries and made:
            if stat.S_ISREG(self.entries[path].mode):
                raise LabError(USAGE, path, "is a directory in one --file and not in another")
            return
        self.directory(parent)
        self._put(path, Entry(stat.S_IFDIR | mode, made=made))

    def want_directory(self, path, mode):
        """A directory with this mode, unless a --file brings it itself."""
        self.directory(path)
        entry = self.entries.get(path)
        if entry and entry.made:
            entry.mode = stat.S_IFDIR | mode

    def bytes(self, path, data, mode=0o644):
        self.directory(posixpath.dirname(path))
        self._put(path, Entry(stat.S_IFREG | mode, data))

    def host(self, host, path):
        """A file or a whole directory of the host. A link named here is followed; one found below stays a link."""
        try:
            os.stat(host)
            self._host(os.path.realpath(host), path)
        except OSError as error:
            raise LabError(USAGE, error.filename or host, error.strerror) from error

    def _host(self, host, path):
        st = os.lstat(host)
        kind, mode = stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode)
        if kind == stat.S_IFDIR:
            self.directory(path, mode, made=False)
            for name in sorted(os.listdir(host)):
                self._host(os.path.join(host, name), posixpath.join(path, name))
            return
        self.directory(posixpath.dirname(path))
        if kind == stat.S_IFLNK:
            self._put(path, Entry(st.st_mode, os.fsencode(os.readlink(host)), mtime=int(st.st_mtime)))
        elif kind == stat.S_IFREG:
            if not os.access(host, os.R_OK):
                raise PermissionError(13, "cannot be read", host)
            if st.st_size > LIMIT:
                raise LabError(USAGE, host, "is larger than 4 GiB, the limit of an initramfs")
            self._put(path, Entry(st.st_mode, host=host, mtime=int(st.st_mtime)))
        elif kind == stat.S_IFIFO:
            self._put(path, Entry(st.st_mode))
        # Sockets are of no use without their process, and the guest makes its own device nodes.

    def size(self):
        """Bytes of memory the files will take in the guest, roughly."""
        return sum(entry.size() + 4096 for entry in self.entries.values())

    def write(self, out):
        """Writes the archive to a binary file. Owners are root: the guest has no other users."""
        for number, (path, entry) in enumerate(self.entries.items(), 1):
            if entry.host:
                size = _copy(out, number, path, entry)
            else:
                size = len(entry.data)
                _header(out, number, path, entry, size)
                out.write(entry.data)
            out.write(bytes(-size % 4))
        _header(out, 0, "/TRAILER!!!", Entry(0), 0)


def _header(out, number, path, entry, size):
    name = os.fsencode(path[1:]) + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    mtime = min(max(entry.mtime, 0), 0xFFFFFFFF)
    fields = (number, entry.mode, 0, 0, links, mtime, size, 0, 0, 0, 0, len(name), 0)
    out.write(b"070701" + b"".join(b"%08X" % field for field in fields) + name)
    out.write(bytes(-(110 + len(name)) % 4))


def _copy(out, number, path, entry):
    """Writes a host file; returns its size."""
    try:
        with open(entry.host, "rb") as data:
            left = size = os.fstat(data.fileno()).st_size
            _header(out, number, path, entry, size)
            while left:
                block = data.read(min(left, 1 << 20))
                if not block:
                    raise LabError(USAGE, entry.host, "became shorter while it was read")
                out.write(block)
                left -= len(block)
    except OSError as error:
        raise LabError(USAGE, entry.host, error.strerror) from error
    return size


def job(path, argv, env, cwd, outputs, symbols=()):
    """What the first process is to do; init/job.h describes the format."""
    strings = [path, cwd]
    for values in (argv, env, outputs, symbols):
        strings += [str(len(values)), *values]
    return b"".join(os.fsencode(string) + b"\0" for string in strings)
