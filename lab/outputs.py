# SPDX-License-Identifier: BSD-2-Clause
"""Files of the guest that are brought back (--output=GUEST:HOST)."""

import os
import stat

from errors import INTERNAL, USAGE, LabError


class Outputs:
    """pairs: (guest path, host path). A host file appears whole or not at all; a FIFO is written as data comes."""

    def __init__(self, pairs):
        self.pairs = pairs
        self.problems, self.current, self.file, self.temporary = [], None, None, None
        for guest, host in pairs:
            target = os.path.realpath(host)
            where = target if os.path.exists(target) else os.path.dirname(target)
            if os.path.isdir(target):
                raise LabError(USAGE, f"--output={guest}:{host}", "the host path is a directory; name a file")
            if not os.path.isdir(os.path.dirname(target)) or not os.access(where, os.W_OK):
                raise LabError(USAGE, f"--output={guest}:{host}", "the host path cannot be written")

    def begin(self, index):
        self.abandon()
        if index >= len(self.pairs):
            return
        self.current = index
        target = os.path.realpath(self.pairs[index][1])
        try:
            if os.path.exists(target) and not stat.S_ISREG(os.stat(target).st_mode):
                self.file = open(target, "wb", buffering=0)
                return
            directory, name = os.path.split(target)
            self.temporary = os.path.join(directory, f".{name}.{os.getpid()}")
            self.file = open(os.open(self.temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), "wb")
        except OSError as error:
            self._problem(error.strerror)

    def data(self, data):
        if self.file:
            try:
                self.file.write(data)
            except OSError as error:
                self._problem(error.strerror)

    def end(self, error):
        if self.current is None:
            return
        if error:
            self._problem(f"in the guest: {os.strerror(error)}")
            return
        try:
            self.file.close()
            if self.temporary:
                os.replace(self.temporary, os.path.realpath(self.pairs[self.current][1]))
            self.file = self.temporary = self.current = None
        except OSError as failed:
            self._problem(failed.strerror)

    def _problem(self, why):
        guest, host = self.pairs[self.current]
        self.problems.append(LabError(INTERNAL, f"--output={guest}:{host}", why))
        self.abandon()

    def abandon(self):
        """Drops what is half done."""
        file, temporary = self.file, self.temporary
        self.file = self.temporary = self.current = None
        if file:
            try:
                file.close()
            except OSError:
                pass
        if temporary:
            try:
                os.unlink(temporary)
            except FileNotFoundError:
                pass
