# SPDX-License-Identifier: BSD-2-Clause
"""What goes into the guest: the command, its files, its job. Checked here: the guest itself could only say ENOENT."""

import os
import posixpath
import shutil
import stat

import elf
import initramfs
import sea
from errors import USAGE, LabError

INIT = initramfs.OWN + "/init"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CROSS_LIBRARIES = "/usr/aarch64-linux-gnu/lib"
# What the kernel, the emulated machine and the unpacking of the archive want besides the files themselves.
OVERHEAD = 192 << 20


def build(options, root=None):
    """Returns the Tree that the guest boots with; only the first process, at INIT, is missing. root: a directory that becomes /,
    unless a --file brings another version of a file."""
    tree = initramfs.Tree()
    if root:
        tree.host(root, "/")
    for host, guest in options.files:
        if guest != "/":
            guest = initramfs.guest_path(guest)
        elif os.path.exists(host) and not os.path.isdir(host):
            raise LabError(USAGE, f"--file={host}:/", "is not a directory; only one can take the place of /")
        tree.host(host, guest)
    if initramfs.OWN in tree.entries:
        raise LabError(USAGE, initramfs.OWN, "is the laboratory's own in the guest; leave it out of what --file names")
    path = _command(tree, options.command[0])
    cwd = _working_directory(tree)
    for directory, mode in (("/tmp", 0o1777), ("/var/tmp", 0o1777), ("/run", 0o755), ("/root", 0o700), (cwd, 0o755)):
        tree.want_directory(directory, mode)
    environment = {"PATH": PATH, "HOME": "/root", **dict(options.env)}
    job = initramfs.job(path, options.command, [f"{name}={value}" for name, value in environment.items()], cwd,
                        [guest for guest, _ in options.outputs], [sea.SYMBOL] if options.sea else [])
    tree.bytes(initramfs.OWN + "/job", job)
    # The files are in memory twice while the kernel unpacks them.
    need = OVERHEAD + 2 * tree.size()
    if need > options.mem:
        least = (need >> 20) + 1
        raise LabError(USAGE, options.said.get("--mem", "--mem=2G"), f"too small for the files; at least --mem={least}M")
    return tree


def _working_directory(tree):
    try:
        return initramfs.guest_path(os.getcwd())
    except (OSError, LabError):
        return "/"


def _in_tree(tree, path):
    """The entry at a guest path, links followed, or None."""
    for _ in range(40):
        entry = _walk(tree, path)
        if isinstance(entry, str):
            path = entry
            continue
        return entry
    return None


def _walk(tree, path):
    """The entry at path, or the path to look at instead if there is a link on the way."""
    walked, parts = "", path.strip("/").split("/")
    for i, part in enumerate(parts):
        walked += "/" + part
        entry = tree.entries.get(walked)
        if entry is None:
            return None
        if stat.S_ISLNK(entry.mode):
            target = posixpath.join(posixpath.dirname(walked), os.fsdecode(entry.data))
            return posixpath.normpath(posixpath.join(target, *parts[i + 1:]))
    return entry


def _command(tree, name):
    """The guest path of the command, which is added to the tree if it is not among the --file paths."""
    places = [os.path.abspath(name)] if "/" in name else [posixpath.join(directory, name) for directory in PATH.split(":")]
    for place in places:
        entry = _in_tree(tree, place)
        if entry and stat.S_ISREG(entry.mode):
            if entry.host:
                _check(tree, entry.host, name)
            return place
    host = name if "/" in name else shutil.which(name)
    if not host or not os.path.exists(host):
        raise LabError(USAGE, name, "no such file; COMMAND is an arm64 program here or among the --file paths")
    if not os.path.isfile(host):
        raise LabError(USAGE, name, "is not a file that can be run")
    if not os.access(host, os.X_OK):
        raise LabError(USAGE, name, "is not executable; chmod +x it")
    place = initramfs.guest_path(os.path.abspath(host))
    tree.host(host, place)
    _check(tree, host, name)
    return place


def _check(tree, host, name):
    try:
        program = elf.read(host)
    except OSError as error:
        raise LabError(USAGE, name, error.strerror) from error
    except elf.NotRunnable as error:
        raise LabError(USAGE, name, str(error)) from error
    if program.script and not _in_tree(tree, program.script):
        raise LabError(USAGE, name, f"is a script; give its interpreter {program.script}, for arm64, with --file")
    if not program.interpreter:
        return
    there = {posixpath.basename(path) for path in tree.entries}
    missing = [] if _in_tree(tree, program.interpreter) else [program.interpreter]
    missing += [library for library in program.needed if posixpath.basename(library) not in there]
    if missing:
        have = os.path.exists(CROSS_LIBRARIES + program.interpreter[4:]) and program.interpreter.startswith("/lib/")
        hint = f" (--file={CROSS_LIBRARIES}:/lib)" if have else ""
        needs = ", ".join(missing)
        raise LabError(USAGE, name, f"dynamic: needs {needs}; link with -static or pass the files with --file{hint}")
