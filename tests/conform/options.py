#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What "salvage conform" says to command lines, and that a suite with a wrong expectation fails.

usage: options.py SALVAGE
"""

import json
import os
import subprocess
import sys
import tempfile

USAGE, UNAVAILABLE = 100, 101

# arguments, status, what standard error says; FILE is a result file, BAD one that is none, DIR a directory
REFUSED = [
    (["--nonsense"], USAGE, "--nonsense: no such option"),
    (["-v"], USAGE, "-v: no such option"),
    (["--list=1"], USAGE, "--list: takes no value"),
    (["--results"], USAGE, "--results: needs a value"),
    (["--results="], USAGE, "--results: needs a value"),
    (["--backend=tcg"], USAGE, "--backend=tcg: expected auto, kvm, soft or lab"),
    (["nothing_like_it"], USAGE, "nothing_like_it: no such case"),
    (["mmio_*", "nothing_*"], USAGE, "nothing_*: no such case"),
    (["--", "--list"], USAGE, "--list: no such case"),
    (["--kernel=Image"], USAGE, "--kernel: is the laboratory's"),
    (["--backend=soft", "--qemu=newest"], USAGE, "--qemu: is the laboratory's"),
    (["--backend=soft", "--cpu=max"], USAGE, "--cpu: is the laboratory's"),
    (["--backend=lab", "--poison"], USAGE, "--poison: is for this host's memory"),
    (["--backend=soft", "--poison"], USAGE, "--poison: is for this host's memory"),
    (["--from=FILE", "--backend=soft"], USAGE, "nothing is run"),
    (["--from=FILE", "--results=x"], USAGE, "nothing is run"),
    (["--behaviour=inject"], USAGE, "--behaviour=inject: no case knows it"),
    (["--behaviour=inject=later"], USAGE, "--behaviour=inject=later: no case knows it"),
    (["--behaviour=inject=deferred", "--behaviour=inject=at-once"], USAGE, "inject=deferred was given before"),
    (["--from=BAD"], USAGE, "--from=BAD: is no result file"),
    (["--from=MISSING"], USAGE, "MISSING"),
    (["--from=FILE", "--compare=BAD"], USAGE, "--compare=BAD: is no result file"),
    (["--backend=soft", "--compare=DIR"], USAGE, "--compare=DIR"),
    (["--backend=soft", "--results=DIR", "channel"], USAGE, "--results=DIR cannot be written"),
]


def run(salvage, directory, arguments):
    return subprocess.run([salvage, "conform", *arguments], cwd=directory, capture_output=True, text=True, check=False, timeout=120)


def refused(salvage, directory):
    for arguments, status, text in REFUSED:
        done = run(salvage, directory, arguments)
        lines = done.stderr.splitlines()
        good = done.returncode == status and len(lines) == 1 and lines[0].startswith("salvage: conform: ") and text in lines[0]
        yield good, " ".join(arguments) or "no arguments", done


def change(directory, source, target, edit):
    with open(os.path.join(directory, source), encoding="utf-8") as file:
        results = json.load(file)
    edit(results["cases"])
    with open(os.path.join(directory, target), "w", encoding="utf-8") as file:
        json.dump(results, file)


def spoil(cases):
    cases[0]["transcript"][0] += " and more"


def works(salvage, directory):
    done = run(salvage, directory, ["--help"])
    yield done.returncode == 0 and "--compare=FILE" in done.stdout, "--help", done
    done = run(salvage, directory, ["--list", "mmio_*"])
    names = [line.split()[0] for line in done.stdout.splitlines()]
    yield done.returncode == 0 and "mmio_loads" in names and all(name.startswith("mmio_") for name in names), "--list", done
    done = run(salvage, directory, ["--backend=soft", "--results=a.json", "mmio_loads", "channel"])
    yield done.returncode == 0 and done.stdout.startswith("1..2\nok 1 - mmio_loads"), "two cases", done
    done = run(salvage, directory, ["--from=a.json", "--compare=a.json"])
    yield done.returncode == 0 and "2 cases alike, 0 explained, 0 different" in done.stdout, "compared with itself", done
    done = run(salvage, directory, ["--backend=soft", "--behaviour=inject=at-once", "inject_load"])
    yield done.returncode == 0, "a behaviour that is met", done
    done = run(salvage, directory, ["--backend=soft", "--behaviour=inject=deferred", "inject_load"])
    yield done.returncode == 1 and "not ok 1 - inject_load" in done.stdout, "a behaviour that is not", done
    change(directory, "a.json", "b.json", spoil)
    done = run(salvage, directory, ["--from=a.json", "--compare=b.json"])
    yield done.returncode == 1 and "1 different" in done.stdout and "there: mmio read 1 at hole and more" in done.stdout, \
        "a line that differs", done
    done = run(salvage, directory, ["--backend=soft", "--compare=b.json", "mmio_loads"])
    yield done.returncode == 1 and "ok 1 - mmio_loads" in done.stdout, "a run that differs", done


def main():
    salvage, number, failed = os.path.abspath(sys.argv[1]), 0, False
    with tempfile.TemporaryDirectory() as directory:
        os.mkdir(os.path.join(directory, "DIR"))
        for name, text in (("BAD", "{}"), ("FILE", '{"salvage_conform": 1, "cases": []}')):
            with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                file.write(text)
        for test in (refused, works):
            for good, name, done in test(salvage, directory):
                number += 1
                failed |= not good
                print(f"{'ok' if good else 'not ok'} {number} - {name}")
                if not good:
                    print(f"# status {done.returncode}\n# " + (done.stdout + done.stderr).replace("\n", "\n# "))
    print(f"1..{number}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
