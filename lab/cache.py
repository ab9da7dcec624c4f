# SPDX-License-Identifier: BSD-2-Clause
"""What was fetched or built, kept outside the tree.

A file's name holds its SHA-256, and a record names the file: the record is replaced in one step, after the file is complete.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile

from errors import UNAVAILABLE, LabError, note

_UNDONE = "undone."     # prefix of directories that are being filled


def directory():
    root = os.environ.get("SALVAGE_CACHE")
    if not root:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        root = os.path.join(base, "salvage")
    root = os.path.abspath(root)
    try:
        os.makedirs(root, mode=0o755, exist_ok=True)
    except OSError as error:
        raise _unwritable(root, error) from error
    return root


def _unwritable(root, error):
    return LabError(UNAVAILABLE, root, f"{error.strerror}; set SALVAGE_CACHE to a directory that can be written")


def digest(file):
    """SHA-256 of an open binary file, from its start; leaves it at its start."""
    file.seek(0)
    sha = hashlib.sha256()
    while block := file.read(1 << 20):
        sha.update(block)
    file.seek(0)
    return sha.hexdigest()


@contextlib.contextmanager
def locked(quiet=False):
    """One fetch at a time. Yields a new directory to work in, which is removed afterwards."""
    root = directory()
    try:
        lock = open(os.path.join(root, "lock"), "a", encoding="ascii")
    except OSError as error:
        raise _unwritable(root, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not quiet:
                note("another salvage is fetching; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for name in os.listdir(root):
            # Left by one that was killed: whoever holds the lock knows that nobody works there.
            if name.startswith(_UNDONE):
                shutil.rmtree(os.path.join(root, name), ignore_errors=True)
        work = tempfile.mkdtemp(prefix=_UNDONE, dir=root)
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def put(work, kind, source, **facts):
    """Makes source, a file in work, the cache's file of that kind, described by facts. Called with the lock held."""
    root = directory()
    with open(source, "rb") as file:
        facts["sha256"] = digest(file)
        os.fsync(file.fileno())
    facts["file"] = f"{kind}-{facts['sha256'][:16]}"
    os.replace(source, os.path.join(root, facts["file"]))
    record = os.path.join(work, kind)
    with open(record, "w", encoding="utf-8") as file:
        json.dump(facts, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(record, os.path.join(root, f"{kind}.json"))
    for name in os.listdir(root):
        if name.startswith(f"{kind}-") and name != facts["file"]:
            os.unlink(os.path.join(root, name))
    return facts


def get(kind):
    """Returns (facts, open file), its contents checked, or (facts or None, None) if it is absent or damaged."""
    root = directory()
    try:
        with open(os.path.join(root, f"{kind}.json"), encoding="utf-8") as record:
            facts = json.load(record)
        file = open(os.path.join(root, os.path.basename(facts["file"])), "rb")
    except FileNotFoundError:
        return None, None
    except (OSError, ValueError, KeyError, TypeError):
        return {}, None
    if digest(file) != facts.get("sha256"):
        file.close()
        return facts, None
    return facts, file
