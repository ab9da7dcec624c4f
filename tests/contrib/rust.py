#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The Rust example's own tests, on the core as scripts/vendor.py hands it out, without a network.

usage: rust.py ROOT
"""

import os
import shutil
import subprocess
import sys
import tempfile

SKIP = 77


def main(root):
    if not shutil.which("cargo"):
        print("cargo is not here")
        return SKIP
    with tempfile.TemporaryDirectory() as directory:
        crate = os.path.join(directory, "rust")
        shutil.copytree(os.path.join(root, "examples", "rust"), crate, ignore=shutil.ignore_patterns("core", "target"))
        environment = {**os.environ, "CARGO_TARGET_DIR": os.path.join(directory, "target")}
        environment.pop("SALVAGE_CORE", None)
        words = ["cargo", "test", "--offline", "--quiet"]
        # Without the core the build says how to get it.
        done = subprocess.run(words, cwd=crate, env=environment, capture_output=True, text=True, check=False)
        if "rustup could not choose" in done.stderr:
            print(done.stderr)
            return SKIP
        if not done.returncode or "run: make vendor VENDOR=" not in done.stderr:
            print(done.stderr)
            return 1
        subprocess.run([os.path.join(root, "scripts", "vendor.py"), os.path.join(crate, "core")], check=True)
        done = subprocess.run(words, cwd=crate, env=environment, capture_output=True, text=True, check=False)
        print(done.stdout, done.stderr)
        return 0 if not done.returncode and "6 passed" in done.stdout else 1


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
