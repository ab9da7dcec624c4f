# SPDX-License-Identifier: BSD-2-Clause
"""Which of the laboratory's parts this machine has, for `salvage doctor`: a line a part, fetching nothing.

A line is state ("ok" or "note"), name, detail and remedy, parted by tabs.
"""

import os
import shutil

import cache
import kernel
import lab
import qemu
from errors import LabError, one_line, run_main


def find_qemu():
    name = qemu.wanted(None)
    if name == qemu.NEWEST:
        return "ok", "the newest to be had, which is fetched", ""
    path = shutil.which(name)
    if not path:
        return "note", f"{name} is missing", qemu.REMEDY
    return "ok", f"{path}, version {qemu.version(path)}", ""


def find_kernel():
    facts, file = cache.get(kernel.KIND)
    if not file:
        return "note", "not fetched yet" if facts is None else "damaged", "salvage lab --fetch"
    file.close()
    return "ok", f"{facts.get('package')}, Linux {facts.get('release')}", ""


def find_init():
    if os.path.isfile(os.path.join(lab.HERE, "lab-init")):
        return "ok", "installed", ""
    if shutil.which(lab.COMPILER):
        return "ok", f"compiled with {shutil.which(lab.COMPILER)} where the build made none", ""
    return "note", f"neither installed nor {lab.COMPILER} to build it with", "apt-get install gcc-aarch64-linux-gnu"


def main():
    for name, find in (("lab qemu", find_qemu), ("lab kernel", find_kernel), ("lab init", find_init)):
        try:
            state, detail, remedy = find()
        except LabError as error:
            state, detail, remedy = "note", str(error), ""
        print("\t".join((state, name, one_line(detail), remedy)))
    return 0


if __name__ == "__main__":
    run_main(main)
