#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Boots a stock Linux, the laboratory's own kernel, as a guest of the reference VMM, and talks to its user space.

usage: linux.py SALVAGE LAB-DIRECTORY INIT
"""

import json
import os
import subprocess
import sys
import tempfile

SAID = "the quick brown fox 0123456789"
SECONDS = 240


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(77)


def entry(name, mode, data=b"", device=(0, 0)):
    """One member of a cpio archive of the "newc" kind."""
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def initramfs(init):
    with open(init, "rb") as file:
        program = file.read()
    return (entry("dev", 0o040755) + entry("dev/console", 0o020600, device=(5, 1)) + entry("init", 0o100755, program)
            + entry("TRAILER!!!", 0))


def kernel(lab):
    """The laboratory's kernel as an open file."""
    sys.dont_write_bytecode = True    # the source tree stays as it is
    sys.path.insert(0, lab)
    import kernel as lab_kernel
    from errors import LabError
    try:
        return lab_kernel.cached(lambda text: None, True)[1]
    except LabError as error:
        return skip(str(error).replace("\n", " "))


def talk(command):
    """Runs it and answers once user space is there. Returns (status, what was said)."""
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = b""
    while block := os.read(child.stdout.fileno(), 4096):
        before, said = said, said + block
        if b"user space: " not in before and b"user space: " in said:
            child.stdin.write(SAID.encode() + b"\n")
            child.stdin.flush()
    child.stdin.close()
    return child.wait(), said.decode("utf-8", "replace")


def main(salvage, lab, init):
    here = os.uname().machine == "aarch64" and os.access("/dev/kvm", os.R_OK | os.W_OK)
    with kernel(lab) as image, tempfile.TemporaryDirectory() as work:
        guest, initrd, events = (os.path.join(work, name) for name in ("Image", "initrd", "events"))
        with open(guest, "wb") as file:
            file.write(image.read())
        with open(initrd, "wb") as file:
            file.write(initramfs(init))
        status, said = talk([salvage, "run", f"--backend={'kvm' if here else 'lab'}", "--smp=2", f"--timeout={SECONDS}",
                             f"--initrd={initrd}", "--append=console=ttyAMA0 loglevel=7", f"--events={events}", guest])
        if status == 101:
            skip(said.strip().replace("\n", " "))
        try:
            with open(events, encoding="utf-8") as file:
                last = json.loads(file.readlines()[-1])
        except (OSError, ValueError, IndexError) as error:
            last = {"event": str(error)}
    checks = {
        "user space is reached, with both CPUs": "user space: 2 CPUs" in said,
        "input and output by interrupt": f"turned round: {SAID[::-1]}" in said,
        "the console's driver is there": "ttyAMA0 at MMIO 0x9000000" in said,
        "it ends by PSCI": status == 0 and last.get("event") == "exit" and last.get("reason") == "off",
    }
    print(f"1..{len(checks)}")
    for number, (name, good) in enumerate(checks.items(), 1):
        print(f"{'ok' if good else 'not ok'} {number} {name}")
    if not all(checks.values()):
        print("\n".join(f"# {line}" for line in [f"status {status}, last event {last}"] + said.splitlines()[-60:]))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:4])))
