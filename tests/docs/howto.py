#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the commands of pages, as they stand there, and compares what they print with what the page says.

usage: howto.py SALVAGE ROOT fast|lab PAGE...

In a page, a block of C, Rust or the like right after a line that is only `NAME`: is a file; it is written. A block marked sh is
run by the shell with -eu, in a new directory for each page. A block marked text after it is what it prints; a line of ... stands
for any lines. Any other block is only read. SALVAGE_SOURCE is the project's directory.

fast leaves out the blocks that need the laboratory. A block is left out, too, if it uses a command that the machine or this
salvage does not have; which one is said.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
NAMED = re.compile(r"`([\w.-]+)`:\s*\Z")
LABORATORY = re.compile(r"salvage lab|--backend=lab|meson test|salvage conform")
TOOLS = ("cargo", "rustc", "meson", "ninja", "dtc", "pkg-config", "qemu-system-aarch64", "aarch64-linux-gnu-gcc",
         "aarch64-linux-gnu-objdump", "aarch64-linux-gnu-objcopy", "clang")
COMMAND = re.compile(r"(?<![-\w])salvage ([a-z]+)\b")
TARGET = re.compile(r"--target[= ](aarch64-[\w-]+)")

number = failures = 0


def result(good, name, skip=None):
    global number, failures
    number += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {number} {name}" + (f" # SKIP {skip}" if skip else ""), flush=True)


def comment(text):
    for line in str(text).splitlines():
        print("# " + line)


def blocks(text):
    """(kind, name, text, line) of each block; kind is "file", "sh" or "text"."""
    last = None
    for match in FENCE.finditer(text):
        language, body = match.groups()
        named = NAMED.search(text[:match.start()])
        line = text.count("\n", 0, match.start()) + 1
        if named:
            yield "file", named[1], body, line
        elif language == "sh" or language == "text" and last == "sh":
            yield language, None, body, line
        last = language


def matches(pattern, printed):
    """Whether what was printed is what the page has, where ... is any lines."""
    parts = [re.escape(part) for part in re.split(r"^\.\.\.\n", pattern, flags=re.M)]
    return re.fullmatch("(?:.*\n)*?".join(parts), printed) is not None


def rust_targets():
    if not shutil.which("rustc"):
        return ()
    done = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=False)
    place = os.path.join(done.stdout.strip(), "lib", "rustlib")
    return os.listdir(place) if os.path.isdir(place) else ()


def lacking(body, commands, mode):
    """Why a block is left out, or None."""
    words = set(re.findall(r"[\w.+-]+", body))
    for tool in TOOLS:
        if tool in words and not shutil.which(tool):
            return f"no {tool}"
    for command in COMMAND.findall(body):
        if command not in commands:
            return f"no salvage {command}"
    for target in TARGET.findall(body):
        if target not in rust_targets():
            return f"no Rust target {target}"
    if mode == "fast" and LABORATORY.search(body):
        return "laboratory: the other run of this test has it"
    return None


def run_page(path, name, commands, mode, environment):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with tempfile.TemporaryDirectory(prefix="salvage-howto-") as directory:
        printed = None
        ran = 0
        for kind, target, body, line in blocks(text):
            where = f"{name}:{line}"
            if kind == "file":
                with open(os.path.join(directory, target), "w", encoding="utf-8") as file:
                    file.write(body)
            elif kind == "sh":
                why, printed = lacking(body, commands, mode), None
                if why:
                    result(True, where, why)
                    continue
                done = subprocess.run(["sh", "-eu"], input=body, cwd=directory, env=environment, capture_output=True, text=True,
                                      errors="replace", check=False, timeout=400)
                ran += 1
                printed = done.stdout
                result(done.returncode == 0, where)
                if done.returncode:
                    comment(f"status {done.returncode}\n{body}\n{done.stdout}\n{done.stderr}")
            elif printed is not None:
                good = matches(body, printed)
                result(good, f"{where}, what it prints")
                if not good:
                    comment(f"the page:\n{body}\nthe command:\n{printed}")
                printed = None
        if mode == "lab" and not ran and "```sh" in text:
            comment(f"{name}: nothing could be run")


def normal(text):
    return " ".join(text.split())


def check_quotations(path, name, root):
    """A block of C that is no file is a part of examples/embed.c, but for its indentation."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(os.path.join(root, "examples", "embed.c"), encoding="utf-8") as file:
        source = normal(file.read())
    for match in FENCE.finditer(text):
        if match[1] == "c" and not NAMED.search(text[:match.start()]):
            line = text.count("\n", 0, match.start()) + 1
            result(normal(match[2]) in source, f"{name}:{line} is in examples/embed.c")


def self_test():
    """What this runner would miss, it misses for everybody."""
    page = "`a.c`:\n\n```c\nint a;\n```\n\n```sh\ntrue\n```\n\nprints\n\n```text\nx\n```\n\n```text\ny\n```\n\n```ini\nz\n```\n"
    found = [(kind, name, body) for kind, name, body, _ in blocks(page)]
    result(found == [("file", "a.c", "int a;\n"), ("sh", None, "true\n"), ("text", None, "x\n")], "blocks are found")
    cases = (("a\n", "a\n", True), ("a\n", "b\n", False), ("a\n", "a\nb\n", False), ("a\n...\n", "a\nb\nc\n", True),
             ("...\nc\n", "a\nc\n", True), ("...\nc\n", "a\nb\n", False), ("a\n...\nc\n", "a\nc\n", True), ("a.\n", "ab\n", False))
    result(all(matches(pattern, text) == good for pattern, text, good in cases), "output is compared")
    result(lacking("salvage nonesuch x", {"run"}, "lab") == "no salvage nonesuch" and
           lacking("salvage run --backend=lab", {"run"}, "fast").startswith("laboratory") and
           lacking("true", set(), "fast") is None, "what is lacking is named")


def main(salvage, root, mode, *pages):
    salvage, root = os.path.abspath(salvage), os.path.abspath(root)
    usage = subprocess.run([salvage, "--help"], capture_output=True, text=True, check=True).stdout
    commands = set(re.findall(r"^  (\w+) ", usage, re.M))
    self_test()
    with tempfile.TemporaryDirectory() as tools:
        os.symlink(salvage, os.path.join(tools, "salvage"))
        build = os.path.dirname(salvage)
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "SALVAGE_SOURCE": root, "LC_ALL": "C.UTF-8",
                       "PKG_CONFIG_PATH": os.path.join(build, "meson-uninstalled")}
        environment.pop("MAKEFLAGS", None)
        for page in pages:
            check_quotations(page, os.path.relpath(page, root), root)
            run_page(page, os.path.relpath(page, root), commands, mode, environment)
    print(f"1..{number}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
