#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""libvirt's emulator script: what it starts, in which process, with which arguments, descriptors and status.

usage: libvirt.py SCRIPT [QEMU]

With a QEMU, the questions that libvirt asks of a binary are also asked of it, through the script and without.
"""

import json
import os
import subprocess
import sys
import tempfile

SCRIPT, QEMU = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None

# Says what it is and what it was given, one word a line; then copies its input, and ends as it is told.
STUB = """#!/bin/sh
echo "$0" | sed 's|.*/||'
echo "pid $$"
for word; do echo "<$word>"; done
cat
echo warning >&2
exit {status}
"""

GUEST = ["-name", "guest=a b,debug-threads=on", "-S", "-machine", "virt,usb=off,gic-version=3", "-accel", "kvm", "-cpu", "host",
         "-object", '{"qom-type":"secret","id":"masterKey0"}', "-append", "a  $HOME `id` \"q\" 'r' \\ *", "", "-sandbox", "on"]

# name, environment, arguments, the program that is to run, arguments before the caller's
CASES = [
    ("a guest", {}, GUEST, "salvage", ["wrap", "--", "{qemu}"]),
    ("no argument", {}, [], "salvage", ["wrap", "--", "{qemu}"]),
    ("options", {"SALVAGE_WRAP": "--policy=observe --events=/tmp/e"}, GUEST, "salvage",
     ["wrap", "--policy=observe", "--events=/tmp/e", "--", "{qemu}"]),
    ("no options", {"SALVAGE_WRAP": ""}, GUEST, "salvage", ["wrap", "--", "{qemu}"]),
    ("-version", {}, ["-version"], "qemu", []),
    ("--version", {}, ["--version"], "qemu", []),
    ("-help", {}, ["-help"], "qemu", []),
    ("-cpu help", {}, ["-machine", "virt", "-cpu", "help"], "qemu", []),
    ("-machine help", {}, ["-machine", "help"], "qemu", []),
    ("probing", {}, ["-S", "-no-user-config", "-nodefaults", "-nographic", "-machine", "none,accel=kvm:tcg", "-qmp", "stdio"],
     "qemu", []),
    ("probing without properties", {}, ["-M", "none"], "qemu", []),
    ("a name that begins like it", {}, ["-machine", "nonesuch"], "salvage", ["wrap", "--", "{qemu}"]),
    ("the word elsewhere", {}, ["-name", "none"], "salvage", ["wrap", "--", "{qemu}"]),
]

failures = number = 0


def check(name, condition, *shown):
    global failures, number
    number += 1
    failures += not condition
    print(f"{'ok' if condition else 'not ok'} {number} {name}")
    if not condition:
        for each in shown:
            print("\n".join("# " + line for line in str(each).splitlines()))


def stubs(directory, status):
    paths = {}
    for name in ("salvage", "qemu"):
        paths[name] = os.path.join(directory, name)
        with open(paths[name], "w", encoding="ascii") as file:
            file.write(STUB.format(status=status))
        os.chmod(paths[name], 0o755)
    return paths


def cases(directory):
    paths = stubs(directory, 37)
    base = {**os.environ, "SALVAGE_COMMAND": paths["salvage"], "SALVAGE_QEMU_BINARY": paths["qemu"]}
    base.pop("SALVAGE_WRAP", None)
    for name, more, arguments, program, before in CASES:
        child = subprocess.Popen([SCRIPT, *arguments], env={**base, **more}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        out, err = child.communicate("input\n")
        words = [word.format(qemu=paths["qemu"]) for word in before] + arguments
        expected = [program, f"pid {child.pid}", *(f"<{word}>" for word in words), "input"]
        check(name, out.splitlines() == expected and err == "warning\n" and child.returncode == 37, expected, out, err)


def missing(directory):
    for name, key in (("salvage is not there", "SALVAGE_COMMAND"), ("QEMU is not there", "SALVAGE_QEMU_BINARY")):
        paths = stubs(directory, 0)
        environment = {**os.environ, "SALVAGE_COMMAND": paths["salvage"], "SALVAGE_QEMU_BINARY": paths["qemu"],
                       key: os.path.join(directory, "nothing")}
        done = subprocess.run([SCRIPT, "-version"] if "QEMU" in key else [SCRIPT], env=environment, capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL)
        # A guest must not run without what its operator wanted around it.
        check(name, done.returncode == 127 and "nothing" in done.stderr and not done.stdout, done)


def ask(program, environment):
    """What a QEMU says of itself by QMP, as libvirt asks it."""
    words = [program, "-S", "-no-user-config", "-nodefaults", "-nographic", "-machine", "none,accel=tcg", "-qmp", "stdio"]
    commands = ("qmp_capabilities", "query-version", "query-target", "query-machines", "query-commands", "quit")
    done = subprocess.run(words, input="".join(json.dumps({"execute": name}) + "\n" for name in commands), env=environment,
                          capture_output=True, text=True, check=False, timeout=60)
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, done.stderr, [reply for reply in replies if "event" not in reply]


def real():
    if not QEMU:
        print(f"ok {number + 1} QEMU itself # SKIP no qemu-system-aarch64")
        return 1
    environment = {**os.environ, "SALVAGE_COMMAND": "/nonexistent", "SALVAGE_QEMU_BINARY": QEMU}
    for option in ("-version", "--version", "-help"):
        with_it, without = ([subprocess.run([program, option], env=environment, capture_output=True, text=True, check=False)
                             for program in (SCRIPT, QEMU)])
        check(f"QEMU's {option}", (with_it.returncode, with_it.stdout, with_it.stderr) ==
              (without.returncode, without.stdout, without.stderr) and with_it.returncode == 0, with_it)
    with_it, without = ask(SCRIPT, environment), ask(QEMU, environment)
    check("QEMU's answers to libvirt's questions", with_it == without and with_it[0] == 0 and len(with_it[2]) == 7, with_it[:2],
          len(with_it[2]))
    return 0


with tempfile.TemporaryDirectory(prefix="salvage libvirt ") as place:
    cases(place)
    missing(place)
skipped = real()
print(f"1..{number + skipped}")
sys.exit(1 if failures else 0)
