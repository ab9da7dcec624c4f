#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The parts of the laboratory that need neither QEMU nor a network."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "lab"))

# pylint: disable=wrong-import-position
import tap
import test_archive
import test_btf
import test_build
import test_choice
import test_elf
import test_errors
import test_fetch
import test_image
import test_link
import test_sea
import test_sources
import test_userland

if __name__ == "__main__":
    tap.main(test_sources, test_choice, test_image, test_archive, test_build, test_elf, test_link, test_errors, test_fetch,
             test_btf, test_sea, test_userland)
