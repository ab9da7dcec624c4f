# SPDX-License-Identifier: BSD-2-Clause
"""Finds the laboratory's kernel: the one given, the one in the cache, or the newest that Debian has."""

import os
import re
import tempfile

import aptsources
import cache
import image
import packages
from errors import UNAVAILABLE, USAGE, LabError, note

KIND, NAME = "kernel", "laboratory kernel"
# SEA exits begin with 6.19. The own release comes last: better an old kernel than none.
SUITES = ("trixie-backports", "sid")
WANTED = (6, 19)
# linux-binary-unsigned-* waits to be signed, and released as linux-binary-*.
PACKAGE = re.compile(r"linux-(?:image|binary)-\d+(?:\.\d+)+\S*-cloud-arm64(?:-unsigned)?")
TRIES = 6               # packages of one suite: some are empty and only depend on the one that holds the kernel
FEATURES = (
    ("cap177", "KVM_CAP_ARM_NISV_TO_USER", "Linux 5.5"),
    ("cap178", "KVM_CAP_ARM_INJECT_EXT_DABT", "Linux 5.5"),
    ("cap245", "KVM_CAP_ARM_SEA_TO_USER", "Linux 6.19"),
    ("cap105", "KVM_CAP_ARM_EL1_32BIT", "a CPU with 32-bit EL1"),
)


def number(name):
    """(6, 19, 1) from a package's name or a release."""
    match = re.search(r"(\d+(?:\.\d+)+)", name)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def own_suites(release):
    return [release] if release == "sid" else [release + "-backports", release]


def suites(release):
    """All suites to look in, best first."""
    return list(dict.fromkeys([*SUITES, *own_suites(release)]))


def candidates(found, wanted=WANTED):
    """Of (package, version) pairs, newest first, those that may hold a kernel as new as wanted.

    Of equal versions a name of the newer kind (linux-binary) and a signed one come first, being likelier to hold it.
    """
    fitting = [pair for pair in found if PACKAGE.fullmatch(pair[0]) and number(pair[0]) >= wanted]
    versions = {version: place for place, (_, version) in reversed(list(enumerate(fitting)))}
    return sorted(fitting, key=lambda pair: (versions[pair[1]], "image" in pair[0], "unsigned" in pair[0]))


def _fetch_from(root, wanted, have, progress):
    """Returns (package, version, Image), or None if there is none. Image is None if have, the cache's facts, are of it."""
    progress(f"reading the package list of {root.suite} from {root.source.shown}")
    root.update()
    for package, version in candidates(root.versions("^linux-(image|binary)-.*cloud-arm64"), wanted)[:TRIES]:
        if have and (have["package"], have["version"]) == (package, version):
            return package, version, None
        progress(f"fetching {package} {version} from {root.suite}")
        deb = root.download(package, version)
        try:
            data = image.from_package(deb)
        except image.NotImage:
            data = None
        os.unlink(deb)
        if data:
            return package, version, data
    return None


def _search(work, have, progress):
    """Goes through suites and mirrors; afterwards the newest suitable kernel is in the cache."""
    sources, reasons = packages.mirrors(), []
    release = aptsources.codename()
    for wanted, names in ((WANTED, suites(release)), ((), own_suites(release))):
        for suite in names:
            for source in list(sources):
                try:
                    with tempfile.TemporaryDirectory(dir=work) as directory:
                        got = _fetch_from(packages.Root(directory, source, suite), wanted, have, progress)
                except packages.NotFound as error:
                    reasons.append(f"{suite}: {error}")
                    if isinstance(error, packages.Unreachable):
                        sources.remove(source)
                    continue
                if got:
                    if got[2]:
                        _keep(work, suite, source, *got)
                    return
    why = reasons[0] if reasons else f"no package of {', '.join(suites(release))} holds one"
    raise LabError(UNAVAILABLE, NAME, f"{why}; connect to the mirror and repeat, or give --kernel=IMAGE or DEB")


def _keep(work, suite, source, package, version, data):
    path = os.path.join(work, KIND)
    with open(path, "wb") as file:
        file.write(data)
    cache.put(work, KIND, path, package=package, version=version, suite=suite, mirror=source.shown,
              release=image.release(data))
    if number(package) < WANTED:
        note(f"{package} is the newest kernel to be had; it lacks KVM_CAP_ARM_SEA_TO_USER, which needs Linux 6.19")


def newest(progress, quiet=False):
    """Fetches the newest suitable kernel unless the cache has it. Returns (facts, open file)."""
    with cache.locked(quiet) as work:
        facts, file = cache.get(KIND)
        if file:
            file.close()
        _search(work, facts if file else None, progress)
        return _now()


def cached(progress, quiet=False):
    """The cache's kernel, fetched if there is none or if it was damaged. Returns (facts, open file)."""
    facts, file = cache.get(KIND)
    if file:
        return facts, file
    with cache.locked(quiet) as work:
        # Another one may have fetched it while this one waited for the lock.
        facts, file = cache.get(KIND)
        if file:
            return facts, file
        if facts is not None and not quiet:
            note("the cached kernel is damaged; fetching it again")
        _search(work, None, progress)
        return _now()


def _now():
    facts, file = cache.get(KIND)
    if not file:
        raise LabError(UNAVAILABLE, NAME, "was damaged as soon as it was written; check the cache's disk")
    return facts, file


def given(path):
    """The kernel of --kernel. Returns (facts, open file); nothing is kept."""
    try:
        with open(path, "rb") as file:
            data = file.read(image.LARGEST + 1)
    except OSError as error:
        raise LabError(USAGE, f"--kernel={path}", error.strerror) from error
    try:
        if len(data) > image.LARGEST:
            raise image.NotImage("is too large for a kernel")
        data = image.from_package(path) if image.is_package(data) else image.unpack(data)
    except image.NotImage as error:
        raise LabError(USAGE, f"--kernel={path}", str(error)) from error
    if not data:
        raise LabError(USAGE, f"--kernel={path}", "this package holds no arm64 vmlinuz; linux-binary-* may")
    file = os.fdopen(os.memfd_create("kernel"), "w+b")
    file.write(data)
    file.flush()
    return {"package": path, "release": image.release(data)}, file
