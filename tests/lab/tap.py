# SPDX-License-Identifier: BSD-2-Clause
"""Runs unittest cases and prints TAP, so that each case counts."""

import sys
import unittest


class _Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number, self.bad = 0, 0

    def _line(self, test, good, rest=""):
        self.number += 1
        print(f"{'ok' if good else 'not ok'} {self.number} - {test.id().split('.', 1)[-1]}{rest}", flush=True)

    def addSuccess(self, test):
        self._line(test, True)

    def addSkip(self, test, reason):
        self._line(test, True, f" # SKIP {reason}")

    def _bad(self, test, error):
        self.bad += 1
        self._line(test, False)
        for line in self._exc_info_to_string(error, test).splitlines():
            print(f"# {line}", flush=True)

    addFailure = addError = _bad

    def addSubTest(self, test, subtest, error):
        # A case of a table: it counts by itself when it fails; the table counts once when all of it passed.
        if error:
            self._bad(subtest, error)


def main(*modules):
    """Arguments are parts of names: only the cases they fit are run."""
    loader, result = unittest.TestLoader(), _Result()
    if len(sys.argv) > 1:
        loader.testNamePatterns = [f"*{part}*" for part in sys.argv[1:]]
    unittest.TestSuite(loader.loadTestsFromModule(module) for module in modules).run(result)
    print(f"1..{result.number}")
    sys.exit(1 if result.bad or not result.number else 0)
