# SPDX-License-Identifier: BSD-2-Clause
"""Headers and static libraries for the arm64 build, and the Meson cross file that uses them.

usage: sysroot.py [--cross-file FILE] [--exe-wrapper]

Prints the directory that holds them: it has include/ and lib/. They come from this machine, if its arm64 packages are
installed, else from the same release's packages, fetched into the cache. --cross-file writes FILE; --exe-wrapper lets
Meson run arm64 programs in the laboratory, which it then does while it is set up.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile

import aptsources
import cache
import packages
import process
from errors import UNAVAILABLE, USAGE, LabError, note, one_line, run_main

HERE = os.path.dirname(os.path.abspath(__file__))
TRIPLET = "aarch64-linux-gnu"
# package, headers, archives
LIBRARIES = (
    ("libfdt-dev", ("libfdt.h", "fdt.h", "libfdt_env.h"), ("libfdt.a",)),
    ("libjansson-dev", ("jansson.h", "jansson_config.h"), ("libjansson.a",)),
    ("libelf-dev", ("libelf.h", "gelf.h"), ("libelf.a",)),
    # libelf's, for compressed sections; which of the two it wants depends on its version.
    ("zlib1g-dev", (), ("libz.a",)),
    ("libzstd-dev", (), ("libzstd.a",)),
)
NAME = "sysroot"
CROSS_FILE = """\
# Written by lab/sysroot.py: a build for arm64 whose programs are static.
[binaries]
c = '{triplet}-gcc'
ar = '{triplet}-ar'
strip = '{triplet}-strip'
{wrapper}
[built-in options]
c_args = ['-I{root}/include']
c_link_args = ['-L{root}/lib']

[properties]
needs_exe_wrapper = true
static_programs = true

[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
"""


def find(top):
    """{path in the sysroot: path below top} of everything LIBRARIES names; None if any is not there."""
    found = {}
    for _, headers, archives in LIBRARIES:
        for kind, names in (("include", headers), ("lib", archives)):
            for name in names:
                places = [os.path.join(top, "usr", kind, *middle, name) for middle in ((TRIPLET,), ())]
                # Without the triplet, an archive is of whatever architecture the machine has.
                places = places[:1] if kind == "lib" else places
                path = next(filter(os.path.isfile, places), None)
                if not path:
                    return None
                found[f"{kind}/{name}"] = path
    return found


def _digest(path):
    with open(path, "rb") as file:
        return cache.digest(file)


def _check(root):
    """Whether root is there and is what was put there."""
    try:
        with open(os.path.join(root, "files.json"), encoding="utf-8") as record:
            files = json.load(record)
        wanted = {f"{kind}/{name}" for _, headers, archives in LIBRARIES for kind, names in
                  (("include", headers), ("lib", archives)) for name in names}
        return set(files) == wanted and all(_digest(os.path.join(root, name)) == sha for name, sha in files.items())
    except (OSError, ValueError, AttributeError):
        return False


def _fill(work, found):
    """Makes a directory of what was found; returns its path, ready to be renamed."""
    made, files = os.path.join(work, NAME), {}
    for name, source in sorted(found.items()):
        target = os.path.join(made, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(source, target)
        files[name] = _digest(target)
    with open(os.path.join(made, "files.json"), "w", encoding="utf-8") as record:
        json.dump(files, record, indent=1)
    return made


def _unpack(work, release, source):
    with tempfile.TemporaryDirectory(dir=work) as directory:
        root = packages.Root(directory, source, release)
        root.update()
        for package, _, _ in LIBRARIES:
            versions = root.versions(f"^{package}$")
            if not versions:
                raise packages.NotFound(f"{release} at {source.shown} has no {package}")
            deb = root.download(*versions[0])
            status, _, err = process.run(["dpkg-deb", "-x", deb, os.path.join(work, "unpacked")])
            if status:
                raise packages.NotFound(f"{package}: {one_line(err)}")
    found = find(os.path.join(work, "unpacked"))
    if not found:
        raise packages.NotFound(f"the packages of {release} lack a header or a static library")
    return found


def _fetch(work, release):
    reason = None
    for source in packages.mirrors():
        try:
            note(f"fetching {', '.join(package for package, _, _ in LIBRARIES)} for arm64 from {source.shown}")
            return _unpack(work, release, source)
        except packages.NotFound as error:
            reason = reason or str(error)
    raise LabError(UNAVAILABLE, "arm64 libraries", f"{reason}; connect to the mirror and repeat, or install "
                   + " ".join(f"{package}:arm64" for package, _, _ in LIBRARIES))


def prepare():
    """Returns the sysroot's path, made if it is not there or not intact."""
    release = aptsources.codename()
    installed = find("/")
    # Another release, packages installed since, or a version of salvage that wants others make another directory.
    stamp = json.dumps([LIBRARIES, sorted((n, os.stat(p).st_mtime_ns) for n, p in installed.items()) if installed else ""])
    root = os.path.join(cache.directory(), f"{NAME}-{release}-{hashlib.sha256(stamp.encode()).hexdigest()[:8]}")
    if _check(root):
        return root
    with cache.locked() as work:
        if not _check(root):
            made = _fill(work, installed or _fetch(work, release))
            shutil.rmtree(root, ignore_errors=True)
            os.rename(made, root)
    return root


def main():
    cross, wrapper, rest = None, "", sys.argv[1:]
    while rest:
        word = rest.pop(0)
        if word == "--help":
            print(__doc__, end="")
            return 0
        if word == "--exe-wrapper":
            wrapper = f"exe_wrapper = ['python3', {os.path.join(HERE, 'lab.py')!r}, '--quiet', '--']\n"
        elif word == "--cross-file" and rest:
            cross = rest.pop(0)
        else:
            raise LabError(USAGE, word, "usage: sysroot.py [--cross-file FILE] [--exe-wrapper]")
    if not shutil.which(f"{TRIPLET}-gcc"):
        remedy = f"apt-get install gcc-{TRIPLET} libc6-dev-arm64-cross"
        raise LabError(UNAVAILABLE, f"{TRIPLET}-gcc", f"is not installed; {remedy}")
    root = prepare()
    if cross:
        text = CROSS_FILE.format(triplet=TRIPLET, root=root, wrapper=wrapper)
        try:
            os.makedirs(os.path.dirname(os.path.abspath(cross)), exist_ok=True)
            with open(cross + ".new", "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(cross + ".new", cross)
        except OSError as error:
            raise LabError(USAGE, cross, error.strerror) from error
    print(root)
    return 0


if __name__ == "__main__":
    run_main(main)
