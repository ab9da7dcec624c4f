#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The AppArmor lines of libvirt's recipe, enforced by the laboratory's kernel: with them the chain from script to QEMU runs and
keeps the preload; without them it ends at the script.

usage: apparmor.py SALVAGE PROGRAM LINES
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

UNAVAILABLE, SKIP = 101, 77
PARSER = shutil.which("apparmor_parser") or "/sbin/apparmor_parser"
PROFILES = """
profile guest flags=(attach_disconnected) {{
  {qemu} rmix,
  /dev/** rw,
  /proc/** r,
{lines}
}}
profile other flags=(attach_disconnected) {{
  {script} rix,
  {qemu} rmix,
  /dev/** rw,
  /proc/** r,
}}
profile daemon flags=(attach_disconnected) {{
  /** rwm,
  change_profile -> guest,
  change_profile -> other,
}}
"""
EXPECTED = """guest
script: guest, AT_SECURE 1, without
salvage: guest, AT_SECURE 0, without
preload: can be read
qemu: guest, AT_SECURE 0, with preload
other
script: other, AT_SECURE 1, without
{salvage}: Permission denied
"""


def skip(why):
    print(f"1..0 # SKIP {why}")
    return 0


def main(salvage, program, lines):
    if not os.path.exists(PARSER):
        return skip("no apparmor_parser; apt-get install apparmor")
    with open(lines, encoding="ascii") as file:
        text = file.read()
    script = re.search(r"^(/\S+-salvage) rix,$", text, re.M)[1]
    command = re.search(r"^(/\S+/salvage) mrix,$", text, re.M)[1]
    preload = re.search(r"^(/\S+\.so) mr,$", text, re.M)[1]
    qemu = "/usr/bin/qemu-system-aarch64"
    with tempfile.TemporaryDirectory() as directory:
        policy, binary = os.path.join(directory, "policy"), os.path.join(directory, "binary")
        with open(policy, "w", encoding="ascii") as file:
            file.write(PROFILES.format(qemu=qemu, script=script, lines=text))
        with open(binary, "wb") as file:
            # Without this machine's own kernel: what it can is not asked.
            subprocess.run([PARSER, "-Q", "-K", "-S", policy], stdout=file, stderr=subprocess.DEVNULL, check=True)
        done = subprocess.run([salvage, "lab", "--quiet", "--timeout=120", f"--file={binary}:/policy", "--", program, "/policy",
                               script, command, qemu, preload], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
    if done.returncode in (UNAVAILABLE, SKIP):
        return skip((done.stderr or done.stdout).strip().replace("\n", "; "))
    good = done.returncode == 0 and done.stdout == EXPECTED.format(salvage=command)
    print(f"{'ok' if good else 'not ok'} 1 AppArmor's lines for libvirt\n1..1")
    if not good:
        print("\n".join("# " + line for line in (done.stdout + done.stderr).splitlines()))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
