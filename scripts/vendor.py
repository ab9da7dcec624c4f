#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The freestanding core as a directory of C files that any build compiles, or the list of them.

usage: vendor.py DIRECTORY         writes the core there, generated tables and all; removes nothing
       vendor.py --list            prints the C files, in Markdown
       vendor.py --check PAGE      says whether the list in PAGE is that one
       vendor.py --update PAGE     makes it that one

Which files they are is read from src/meson.build, which headers from what those include.
"""

import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "src", "meson.build")
# Made from the instruction set's table; they lie beside the headers that they include.
GENERATED = ("src/insn/a64.c", "src/insn/a64_names.c")
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<(salvage/[^>]+)>)', re.M)
BEGIN, END = "<!-- the core's files: scripts/vendor.py --update -->\n", "<!-- end -->\n"


def fail(what, why):
    print(f"salvage: {what}: {why}", file=sys.stderr)
    return 1


def sources():
    """The C files of the core that are in the tree, below ROOT."""
    with open(BUILD, encoding="utf-8") as file:
        listed = re.search(r"^core_sources = files\((.*?)\)", file.read(), re.S | re.M)
    return sorted("src/" + name for name in re.findall(r"'([^']+\.c)'", listed[1]))


def headers(names):
    """All that these files include of ours, and what that includes."""
    found, queue = set(), list(names)
    while queue:
        name = queue.pop()
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            text = file.read()
        for local, public in INCLUDE.findall(text):
            if public:
                path = "include/" + public
            else:
                path = os.path.normpath(os.path.join(os.path.dirname(name), local))
                # What is not beside the file is in src/insn, which the build looks in as well.
                path = path if os.path.exists(os.path.join(ROOT, path)) else "src/insn/" + local
            if path not in found:
                found.add(path)
                queue.append(path)
    return sorted(found)


def write(directory):
    names = sources()
    # The generated files include the tables' header.
    for name in [*names, "src/insn/tables.h", *headers([*names, "src/insn/tables.h"]), "LICENSE"]:
        target = os.path.join(directory, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(os.path.join(ROOT, name), target)
    # With -E no variable of the caller's changes what is made.
    subprocess.run([sys.executable, "-E", "-B", os.path.join(ROOT, "isa/gen.py"), os.path.join(ROOT, "isa/a64.isa"),
                    "--classes", os.path.join(ROOT, "include/salvage/insn.h"), "--out",
                    *(os.path.join(directory, name) for name in GENERATED)], check=True)
    with open(os.path.join(directory, "core.list"), "w", encoding="ascii") as file:
        file.writelines(f"{name}\n" for name in sorted([*names, *GENERATED]))
    return 0


def listing():
    """A line a directory."""
    by_directory = {}
    for name in sorted([*sources(), *GENERATED]):
        by_directory.setdefault(os.path.dirname(name), []).append(os.path.basename(name))
    rows = [f"| `{directory}/` | {' '.join(names)} |\n" for directory, names in by_directory.items()]
    return "".join(["| directory | files |\n", "|---|---|\n", *rows])


def page(path, update):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    before, begin, rest = text.partition(BEGIN)
    there, end, after = rest.partition(END)
    if not begin or not end:
        return fail(path, f"has no list; put it between {BEGIN.strip()} and {END.strip()}")
    if there == listing():
        return 0
    if not update:
        return fail(path, f"lists other files than src/meson.build; run scripts/vendor.py --update {path}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + begin + listing() + end + after)
    return 0


def main(arguments):
    if arguments == ["--list"]:
        print(listing(), end="")
        return 0
    if len(arguments) == 2 and arguments[0] in ("--check", "--update"):
        return page(arguments[1], arguments[0] == "--update")
    if len(arguments) == 1 and not arguments[0].startswith("-"):
        return write(arguments[0])
    print(__doc__, end="", file=sys.stdout if arguments == ["--help"] else sys.stderr)
    return 0 if arguments == ["--help"] else 100


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
