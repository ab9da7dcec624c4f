# SPDX-License-Identifier: BSD-2-Clause
"""Finds the QEMU to run: the installed one, the one given, or the newest that the distribution has, kept in the cache."""

import hashlib
import json
import os
import re
import shutil
import tempfile

import aptsources
import cache
import packages
import process
from errors import UNAVAILABLE, USAGE, LabError, note, one_line

QEMU, PACKAGE = "qemu-system-aarch64", "qemu-system-arm"
REMEDY = f"apt-get install {PACKAGE}"
NEWEST = "newest"       # what --qemu says for the distribution's newest
KIND, NAME = "qemu", "newest QEMU"
# The program in the cache: with its own libraries, wherever it is run from.
RUN = """\
#!/bin/sh
# Written by lab/qemu.py.
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$here/bin/qemu-system-aarch64" "$@"
"""
STATUS = "/var/lib/dpkg/status"
LIBRARY = re.compile(r".+\.so(\.[0-9.]+)?")


def wanted(option):
    return option or os.environ.get("SALVAGE_QEMU") or QEMU


def find(option, progress, quiet=False):
    """The program to run, by --qemu's value or None; fetched if it is the newest that is wanted, and is not there."""
    name = wanted(option)
    if name == NEWEST:
        return cached(progress, quiet)
    path = shutil.which(name)
    if path:
        return path
    if name == QEMU:
        raise LabError(UNAVAILABLE, QEMU, f"is not installed; {REMEDY}")
    given = f"--qemu={name}" if option else f"SALVAGE_QEMU={name}"
    raise LabError(USAGE, given, f'no such program; give one that runs as {QEMU} does, or "{NEWEST}"')


def version(path):
    """What a QEMU says it is."""
    status, out, err = process.run([path, "--version"])
    if status:
        raise LabError(UNAVAILABLE, path, one_line(err or f"ends with status {status}"))
    match = re.search(r"version (.*)", out)
    return match[1] if match else one_line(out)


def _digests(top):
    """{path below top: SHA-256} of every file but the record itself."""
    found = {}
    for directory, _, names in os.walk(top):
        for name in names:
            path = os.path.join(directory, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, top)] = cache.digest(file)
    return found


def _kept():
    """(facts, program), or (None or facts, None) if it is absent or damaged."""
    root = cache.directory()
    try:
        with open(os.path.join(root, f"{KIND}.json"), encoding="utf-8") as record:
            facts = json.load(record)
        top = os.path.join(root, os.path.basename(facts["directory"]))
        if _digests(top) == facts["files"]:
            return facts, os.path.join(top, QEMU)
        return facts, None
    except FileNotFoundError:
        return None, None
    except (OSError, ValueError, KeyError, TypeError):
        return {}, None


def _gather(unpacked, made):
    """Makes a directory of what is needed: the program and the libraries that came with it. The machine has no firmware."""
    for name in ("bin", "lib"):
        os.makedirs(os.path.join(made, name))
    shutil.copy2(os.path.join(unpacked, "usr", "bin", QEMU), os.path.join(made, "bin", QEMU))
    for directory, _, names in os.walk(unpacked):
        # Modules of QEMU and of others lie in directories of their own.
        if not re.search(r"/lib/[^/]*-linux-[^/]*$", directory):
            continue
        for name in filter(LIBRARY.fullmatch, names):
            path = os.path.join(directory, name)
            target = os.path.normpath(os.path.join(directory, os.readlink(path))) if os.path.islink(path) else path
            if os.path.isfile(target):
                shutil.copyfile(target, os.path.join(made, "lib", name))
    with open(os.path.join(made, QEMU), "w", encoding="ascii") as file:
        file.write(RUN)
    os.chmod(os.path.join(made, QEMU), 0o755)


def _installed():
    """dpkg's status but for QEMU itself, an older one of which need not make way."""
    try:
        with open(STATUS, encoding="utf-8", errors="replace") as file:
            stanzas = file.read().split("\n\n")
    except OSError:
        return ""
    return "\n\n".join(stanza for stanza in stanzas if not re.match(r"Package: qemu-", stanza))


def _fetch_from(work, source, suites, have, progress):
    """The facts of what is then in work, have if that is the newest, or None if there is none."""
    architecture = process.run(["dpkg", "--print-architecture"])[1].strip()
    with tempfile.TemporaryDirectory(dir=work) as directory:
        progress(f"reading the package lists of {', '.join(suites)} from {source.shown}")
        root = packages.Root(directory, source, " ".join(suites), architecture, _installed())
        root.update()
        versions = root.versions(f"^{PACKAGE}$")
        if not versions:
            return None
        package, newest = versions[0]
        if have and have.get("version") == newest:
            return have
        progress(f"fetching {package} {newest} from {source.shown}")
        unpacked, made = os.path.join(directory, "unpacked"), os.path.join(work, "made")
        for deb in root.download_all(f"{package}={newest}"):
            status, _, err = process.run(["dpkg-deb", "-x", deb, unpacked])
            if status:
                raise packages.NotFound(f"{os.path.basename(deb)}: {one_line(err)}")
        if not os.path.isfile(os.path.join(unpacked, "usr", "bin", QEMU)):
            raise packages.NotFound(f"{package} {newest} holds no {QEMU}")
        _gather(unpacked, made)
    return {"package": package, "version": newest, "mirror": source.shown}


def _keep(work, facts):
    """Puts work/made in place of what the cache has."""
    root, made = cache.directory(), os.path.join(work, "made")
    facts["files"] = _digests(made)
    stamp = hashlib.sha256(json.dumps(facts["files"], sort_keys=True).encode()).hexdigest()
    facts["directory"] = f"{KIND}-{stamp[:16]}"
    shutil.rmtree(os.path.join(root, facts["directory"]), ignore_errors=True)
    os.rename(made, os.path.join(root, facts["directory"]))
    record = os.path.join(work, KIND)
    with open(record, "w", encoding="utf-8") as file:
        json.dump(facts, file, indent=1)
    os.replace(record, os.path.join(root, f"{KIND}.json"))
    for name in os.listdir(root):
        if name.startswith(f"{KIND}-") and name != facts["directory"]:
            shutil.rmtree(os.path.join(root, name), ignore_errors=True)


def _search(work, have, progress):
    """Goes through the mirrors; afterwards the newest QEMU is in the cache."""
    release, reasons = aptsources.codename(), []
    # The release itself as well: what QEMU needs is there, and so is QEMU where there are no backports of it.
    own = [release] if release == "sid" else [f"{release}-backports", release]
    for suites in (own, own[1:]):
        for source in packages.mirrors() if suites else ():
            try:
                facts = _fetch_from(work, source, suites, have, progress)
            except packages.NotFound as error:
                reasons.append(str(error))
                continue
            if not facts:
                continue
            if reasons:
                note(f"{PACKAGE} {facts['version']} is the newest to be had: {reasons[0]}")
            if facts is not have:
                _keep(work, facts)
            return
    why = reasons[0] if reasons else f"no package {PACKAGE} in {', '.join(own)}"
    raise LabError(UNAVAILABLE, NAME, f"{why}; connect to the mirror and repeat, or give --qemu=PROGRAM")


def _now():
    facts, program = _kept()
    if not program:
        raise LabError(UNAVAILABLE, NAME, "was damaged as soon as it was written; check the cache's disk")
    version(program)    # says which library is missing, if one is
    return facts, program


def newest(progress, quiet=False):
    """Fetches the newest QEMU unless the cache has it. Returns (facts, program)."""
    with cache.locked(quiet) as work:
        facts, program = _kept()
        _search(work, facts if program else None, progress)
        return _now()


def cached(progress, quiet=False):
    """The cache's QEMU, fetched if there is none or if it was damaged."""
    facts, program = _kept()
    if program:
        return program
    with cache.locked(quiet) as work:
        facts, program = _kept()
        if program:
            return program
        if facts is not None and not quiet:
            note("the cached QEMU is damaged; fetching it again")
        _search(work, None, progress)
        return _now()[1]
