# SPDX-License-Identifier: BSD-2-Clause
"""An arm64 file system with packages of the distribution and all they need, kept in the cache (--package).

They are unpacked, not installed: no maintainer script runs. What only people read is left out.
"""

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
from errors import UNAVAILABLE, LabError, note, one_line

KIND = "userland"
NAME = re.compile(r"([a-z0-9][a-z0-9+.-]+)(?:/([a-z][a-z0-9-]+))?")
UNREAD = tuple(f"usr/share/{name}" for name in ("bug", "doc", "doc-base", "info", "lintian", "locale", "man"))
# Debian has these since release 12, from a package that nothing depends on; its dynamic linker is named by way of them.
LINKS = ("bin", "lib", "sbin")
# Programs that ask who they are find root, as they do where base-passwd is installed.
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
}
OTHERWISE = "give the files with --file"


def parse(text):
    """(name, suite or None) of NAME or NAME/SUITE, as apt-get takes them; ValueError says what is wrong with it."""
    match = NAME.fullmatch(text)
    if not match:
        raise ValueError("is no package; --package=NAME or NAME/SUITE")
    return match[1], match[2]


class Wanted:
    """What was asked for: (name, suite) pairs, of one suite at most besides the machine's own release."""

    def __init__(self, pairs):
        self.pairs = sorted(set(pairs))
        release = aptsources.codename()
        others = sorted({suite for _, suite in pairs if suite} - {release})
        if len(others) > 1:
            raise LabError(UNAVAILABLE, "--package", f"packages of {' and '.join(others)} do not fit together; name one suite")
        self.suites = [*others, release]
        self.shown = ", ".join(name for name, _ in self.pairs)
        # The same packages in another release are other packages.
        stamp = json.dumps([self.pairs, self.suites])
        self.kind = f"{KIND}-{hashlib.sha256(stamp.encode()).hexdigest()[:8]}"


def _digest(top):
    """SHA-256 of names, kinds, modes and contents of all there is below top."""
    sha = hashlib.sha256()
    for directory, names, files in os.walk(top):
        names.sort()
        for name in sorted(files + names):
            path = os.path.join(directory, name)
            said = [os.path.relpath(path, top), os.lstat(path).st_mode]
            if os.path.islink(path):
                said.append(os.readlink(path))
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    said.append(cache.digest(file))
            sha.update(json.dumps(said).encode())
    return sha.hexdigest()


def _kept(kind):
    """(facts, directory), or (None or facts, None) if it is absent or damaged."""
    root = cache.directory()
    try:
        with open(os.path.join(root, f"{kind}.json"), encoding="utf-8") as record:
            facts = json.load(record)
        top = os.path.join(root, os.path.basename(facts["directory"]))
        return facts, top if _digest(top) == facts["sha256"] else None
    except FileNotFoundError:
        return None, None
    except (OSError, ValueError, KeyError, TypeError):
        return {}, None


def _unpack(deb, top):
    """Unlike dpkg-deb -x, tar can be told to leave a link to a directory, such as lib, a link."""
    script = 'dpkg-deb --fsys-tarfile "$1" | tar -x -p --no-same-owner --keep-directory-symlink -C "$2"'
    status, _, err = process.run(["sh", "-c", script, "sh", deb, top])
    if status:
        raise packages.NotFound(f"{os.path.basename(deb)}: {one_line(err)}")


def _fill(debs, top):
    os.makedirs(os.path.join(top, "usr"))
    for name in LINKS:
        os.makedirs(os.path.join(top, "usr", name))
        os.symlink(f"usr/{name}", os.path.join(top, name))
    for deb in debs:
        _unpack(deb, top)
        os.unlink(deb)
    for name in UNREAD:
        shutil.rmtree(os.path.join(top, name), ignore_errors=True)
    for name, text in FILES.items():
        path = os.path.join(top, name)
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as file:
                file.write(text)


def _fetch_from(work, source, wanted, have, progress):
    """The facts of what is then in work, or have if that is what the mirror has."""
    with tempfile.TemporaryDirectory(dir=work) as directory:
        progress(f"reading the package lists of {', '.join(wanted.suites)} from {source.shown}")
        root = packages.Root(directory, source, " ".join(wanted.suites))
        root.update()
        names = ["/".join(filter(None, pair)) for pair in wanted.pairs]
        needed = root.needed(*names)
        if have and have.get("packages") == [deb.name for deb in needed]:
            return have
        size = sum(deb.size for deb in needed) / 1e6
        progress(f"fetching {wanted.shown} from {source.shown}: {len(needed)} packages, {size:.0f} MB")
        debs = root.download_all(*names)
        progress(f"unpacking {len(debs)} packages")
        _fill(debs, os.path.join(work, "made"))
    return {"packages": [deb.name for deb in needed], "mirror": source.shown}


def _keep(work, kind, facts):
    """Puts work/made in place of what the cache has."""
    root, made = cache.directory(), os.path.join(work, "made")
    facts["sha256"] = _digest(made)
    facts["directory"] = f"{kind}-{facts['sha256'][:16]}"
    shutil.rmtree(os.path.join(root, facts["directory"]), ignore_errors=True)
    os.rename(made, os.path.join(root, facts["directory"]))
    record = os.path.join(work, kind)
    with open(record, "w", encoding="utf-8") as file:
        json.dump(facts, file, indent=1)
    os.replace(record, os.path.join(root, f"{kind}.json"))
    for name in os.listdir(root):
        if name.startswith(f"{kind}-") and name != facts["directory"]:
            shutil.rmtree(os.path.join(root, name), ignore_errors=True)


def _search(work, wanted, have, progress):
    """Goes through the mirrors; afterwards the packages are in the cache."""
    reasons = []
    for source in packages.mirrors(OTHERWISE):
        try:
            facts = _fetch_from(work, source, wanted, have, progress)
        except packages.NotFound as error:
            reasons.append(str(error))
            continue
        if facts is not have:
            _keep(work, wanted.kind, facts)
        return
    raise LabError(UNAVAILABLE, f"--package={wanted.shown}", f"{reasons[0]}; connect to the mirror and repeat, or {OTHERWISE}")


def _now(wanted):
    facts, top = _kept(wanted.kind)
    if not top:
        raise LabError(UNAVAILABLE, wanted.shown, "was damaged as soon as it was written; check the cache's disk")
    return facts, top


def newest(pairs, progress, quiet=False):
    """Fetches the packages, unless the cache has them as the mirror does. Returns (facts, directory)."""
    wanted = Wanted(pairs)
    with cache.locked(quiet) as work:
        facts, top = _kept(wanted.kind)
        _search(work, wanted, facts if top else None, progress)
        return _now(wanted)


def cached(pairs, progress, quiet=False):
    """(facts, directory) of the cache's packages, which are fetched if they are not there or were damaged."""
    wanted = Wanted(pairs)
    facts, top = _kept(wanted.kind)
    if top:
        return facts, top
    with cache.locked(quiet) as work:
        facts, top = _kept(wanted.kind)
        if top:
            return facts, top
        if facts is not None and not quiet:
            note(f"the cached packages ({wanted.shown}) are damaged; fetching them again")
        _search(work, wanted, None, progress)
        return _now(wanted)
