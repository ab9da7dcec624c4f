#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A file's bytes as a C array.

usage: embed.py FILE NAME OUTPUT
"""
import sys

source, name, output = sys.argv[1:]
with open(source, "rb") as file:
    data = file.read()
with open(output, "w", encoding="ascii") as file:
    file.write(f"_Alignas(8) const uint8_t {name}[] = {{\n")
    for i in range(0, len(data), 16):
        file.write("\t" + " ".join(f"0x{byte:02x}," for byte in data[i:i + 16]) + "\n")
    file.write("};\n")
