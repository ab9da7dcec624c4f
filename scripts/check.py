#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the tests of each build directory named, and closes with one line over all of them.

Tests that speak TAP count case by case, others as one. The first directory runs everything; the others, which are the
same code under sanitizers, leave the laboratory out (suite "lab"): it runs the arm64 build.
"""
import json
import os
import re
import subprocess
import sys

TAP = re.compile(r'^(not ok|ok)\b[^#\n]*(# *(SKIP|skip))?', re.M)


def outcomes(log):
    """(passed, failed, skipped) of one build directory's testlog.json."""
    passed = failed = skipped = 0
    with open(log, encoding='utf-8') as lines:
        for line in lines:
            test = json.loads(line)
            result = test['result']
            cases = TAP.findall(test.get('stdout') or '')
            bad = sum(1 for case in cases if case[0] == 'not ok')
            if result == 'SKIP':
                skipped += 1
            elif result not in ('OK', 'EXPECTEDFAIL'):
                failed += max(bad, 1)
                passed += sum(1 for case in cases if case[0] == 'ok' and not case[1])
            else:
                skips = sum(1 for case in cases if case[1])
                skipped += skips
                passed += max(len(cases) - skips, 1)
    return passed, failed, skipped


def main(directories):
    total = [0, 0, 0]
    broken = False
    for index, directory in enumerate(directories):
        print(f'-- {directory}', flush=True)
        command = ['meson', 'test', '-C', directory, '--print-errorlogs']
        if index:
            command += ['--no-suite', 'lab']
        log = os.path.join(directory, 'meson-logs', 'testlog.json')
        if os.path.exists(log):
            os.remove(log)
        broken |= subprocess.run(command, check=False).returncode != 0
        if not os.path.exists(log):
            print(f'salvage: check: {directory}: no test ran', file=sys.stderr)
            return 1
        total = [a + b for a, b in zip(total, outcomes(log))]
    print('{} passed, {} failed, {} skipped'.format(*total))
    return 1 if broken or total[1] or not total[0] else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
