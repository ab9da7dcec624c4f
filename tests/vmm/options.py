#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What "salvage run" says to command lines it cannot follow: one line that names the input, and the promised status.

usage: options.py SALVAGE
"""

import os
import struct
import subprocess
import sys
import tempfile

USAGE, UNAVAILABLE, IMAGE = 100, 101, 102

# arguments, status, what the line says; GUEST is a file that is there, RULES one with rules, DIR a directory
CASES = [
    ([], USAGE, "no guest"),
    (["--"], USAGE, "no guest"),
    ([""], USAGE, "no guest"),
    (["GUEST", "GUEST"], USAGE, "one guest at a time"),
    (["--nonsense", "GUEST"], USAGE, "--nonsense: no such option"),
    (["--nonsense=1", "GUEST"], USAGE, "--nonsense: no such option"),
    (["-m", "1G", "GUEST"], USAGE, "-m: no such option"),
    (["--me=1G", "GUEST"], USAGE, "--me: no such option"),
    (["GUEST", "--nonsense"], USAGE, "--nonsense: no such option"),
    (["--no-salvage=1", "GUEST"], USAGE, "--no-salvage: takes no value"),
    (["--mem"], USAGE, "--mem: needs a value"),
    (["--mem=", "GUEST"], USAGE, "--mem: needs a value"),
    (["--initrd=", "GUEST"], USAGE, "--initrd: needs a value"),
    (["--policy"], USAGE, "--policy: needs a value"),
    (["--backend=tcg", "GUEST"], USAGE, "--backend=tcg"),
    (["--mem=0", "GUEST"], USAGE, "--mem=0"),
    (["--mem=1M1", "GUEST"], USAGE, "--mem=1M1"),
    (["--mem=1000000", "GUEST"], USAGE, "--mem=1000000"),
    (["--mem=-1M", "GUEST"], USAGE, "--mem=-1M"),
    (["--mem=16777216T", "GUEST"], USAGE, "--mem=16777216T"),
    (["--mem=1e9", "GUEST"], USAGE, "--mem=1e9"),
    (["--smp=0", "GUEST"], USAGE, "--smp=0"),
    (["--smp=124", "GUEST"], USAGE, "--smp=124"),
    (["--smp=two", "GUEST"], USAGE, "--smp=two"),
    (["--smp=99999999999999999999", "GUEST"], USAGE, "--smp=9999"),
    (["--timeout=0", "GUEST"], USAGE, "--timeout=0"),
    (["--timeout=1.5", "GUEST"], USAGE, "--timeout=1.5"),
    (["--timeout=99999999", "GUEST"], USAGE, "--timeout=99999999"),
    (["--policy=hole", "GUEST"], USAGE, '--policy: "hole": column '),
    (["--policy=hole=stp", "GUEST"], USAGE, '--policy: "hole=stp": column 6: '),
    (["--policy=hol=stop", "GUEST"], USAGE, '--policy: "hol=stop": column 1: '),
    (["--policy=hole@5-4=stop", "GUEST"], USAGE, '"hole@5-4=stop": column '),
    (["--policy=hole=stop", "--policy=hole=inject", "GUEST"], USAGE, '"hole=inject": column 1: contradicts the rule "hole=stop"'),
    (["--policy=sea:0=restart", "GUEST"], USAGE, '"sea:0=restart": column 5: '),
    (["--policy=sea:2=inject", "GUEST"], USAGE, '"sea:2=inject": column 7: '),
    (["--policy=poison:2=stop", "GUEST"], USAGE, '"poison:2=stop": column 7: '),
    (["--policy=sea=emulate", "GUEST"], USAGE, '"sea=emulate": column 5: '),
    (["--policy=sea:2=stop", "--policy=sea:2=restart", "GUEST"], USAGE, 'contradicts the rule "sea:2=stop"'),
    (["--policy=@RULES", "GUEST"], USAGE, 'RULES:4: "hole=nonsense": column 6: '),
    (["--policy=@CLASH", "GUEST"], USAGE, 'CLASH:3: "hole=inject": column 1: contradicts'),
    (["--policy=@MISSING", "GUEST"], USAGE, "MISSING: No such file"),
    (["--policy=@DIR", "GUEST"], USAGE, "DIR: Is a directory"),
    (["--ledger=", "GUEST"], USAGE, "--ledger: needs a value"),
    (["--vm=", "GUEST"], USAGE, "--vm: needs a value"),
    (["--vm=" + 64 * "x", "GUEST"], USAGE, "at most 63 bytes"),
    (["--ledger=FILE", "--journal=FILE", "GUEST"], USAGE, "--journal=FILE: --ledger has a journal of its own"),
    (["--ledger=FILE", "--no-salvage", "GUEST"], USAGE, "--no-salvage: nothing is recorded then"),
    (["--backend=kvm", "--ledger=MISSING/ledger", "GUEST"], UNAVAILABLE, "--ledger=MISSING/ledger: "),
    (["--backend=kvm", "--ledger=DIR", "GUEST"], UNAVAILABLE, "--ledger=DIR: "),
    (["--backend=lab", "--ledger=MISSING/ledger", "GUEST"], UNAVAILABLE, "--ledger=MISSING/ledger: "),
    (["--sea=0x40000000,times=0", "GUEST"], USAGE, '--sea: "0x40000000,times=0": column 12: times= needs'),
    (["--sea=0x40000000,fnv,fnv", "GUEST"], USAGE, "column 16: given twice"),
    (["--sea=0x40000000,claimed,insn", "GUEST"], USAGE, "column 20: claimed goes with no other word"),
    (["--sea=0x40000000,", "GUEST"], USAGE, "column 12: expected fnv"),
    (["--sea=here", "GUEST"], USAGE, '--sea: "here": column 1: expected an address'),
    (["--sea=0x40000000,gone", "GUEST"], USAGE, "column 12: expected fnv"),
    (["--sea=", "GUEST"], USAGE, "--sea: needs a value"),
    (["--sea=0x3ffff000", "GUEST"], USAGE, "--sea=0x3ffff000: not in RAM, which is 0x40000000-0x5fffffff"),
    (["--sea=0x60000000", "--backend=lab", "GUEST"], USAGE, "--sea=0x60000000: not in RAM"),
    (["--sea=0x40200000", "--mem=2M", "--backend=lab", "GUEST"], USAGE, "0x40000000-0x401fffff"),
    (["--sea=0x40000000", "--sea=0x60000000,fnv", "GUEST"], USAGE, "--sea=0x60000000,fnv: not in RAM"),
    (["--sea=0x60000000", "--backend=soft", "GUEST"], USAGE, "--sea=0x60000000: not in RAM"),
    (["--backend=soft", "MISSING"], IMAGE, "MISSING: No such file"),
    (["--backend=soft", "--aarch32", "GUEST"], UNAVAILABLE, "no AArch32 state at EL1"),
    (["--backend=lab", "MISSING"], IMAGE, "MISSING: No such file"),
    (["--backend=lab", "DIR"], IMAGE, "DIR: a directory"),
    (["--backend=lab", "EMPTY"], IMAGE, "EMPTY: an empty file"),
    (["--backend=lab", "--mem=1M", "LARGE"], IMAGE, "LARGE: 1048577 bytes"),
    (["--backend=lab", "--qemu=", "GUEST"], USAGE, "--qemu: needs a value"),
    (["--backend=lab", "--initrd=MISSING", "GUEST"], IMAGE, "MISSING: No such file"),
    (["--backend=kvm", "MISSING"], IMAGE, "MISSING: No such file"),
    (["--backend=kvm", "--symbols=MISSING", "GUEST"], IMAGE, "--symbols=MISSING: No such file"),
    (["--backend=kvm", "--symbols=DIR", "GUEST"], IMAGE, "--symbols=DIR: not a regular file"),
    (["--backend=kvm", "--symbols=EMPTY", "GUEST"], IMAGE, "--symbols=EMPTY: not an ELF file"),
    (["--backend=kvm", "--symbols=GUEST", "GUEST"], IMAGE, "--symbols=GUEST: not an ELF file"),
    (["--backend=kvm", "--symbols=FOREIGN", "GUEST"], IMAGE, "not for little-endian arm64"),
    (["--backend=lab", "--symbols=MISSING", "GUEST"], IMAGE, "--symbols=MISSING: No such file"),
    (["--backend=lab", "--symbols=STRIPPED", "GUEST"], IMAGE, "no symbol table; take the file that was not stripped"),
    (["--symbols=", "GUEST"], USAGE, "--symbols: needs a value"),
    (["--backend=kvm", "--events=DIR", "GUEST"], USAGE, "--events=DIR: Is a directory"),
    (["--backend=kvm", "--events=MISSING/e", "GUEST"], USAGE, "--events="),
]
FOREIGN = [
    (["--backend=kvm", "GUEST"], UNAVAILABLE, "use --backend=lab"),
    (["--backend=kvm", "--policy=sea:2=restart", "--ledger=L", "--vm=web-1", "GUEST"], UNAVAILABLE, "use --backend=lab"),
    (["--backend=kvm", "--sea=0x40000000,claimed", "GUEST"], UNAVAILABLE, "use --backend=lab"),
    (["--sea=0x40000000", "--backend=kvm", "GUEST"], UNAVAILABLE, "use --backend=lab"),
    (["--backend", "kvm", "--", "GUEST"], UNAVAILABLE, "use --backend=lab"),
    (["--backend=kvm", "--append=", "--policy=@GOOD", "--policy=hole=stop", "GUEST"], UNAVAILABLE, "use --backend=lab"),
]


def elf_header(machine):
    """An ELF file that is only a header, without sections."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0)


FILES = {
    "GUEST": b"\x00" * 64,
    "EMPTY": b"",
    "LARGE": b"\x00" * 1048577,
    "GOOD": b"hole=stop # again is no contradiction\n",
    "RULES": b"# rules\n\n  nisv@0x0a000000-0x0a000fff=inject # fine\nhole=nonsense\nhole=stop\n",
    "FOREIGN": elf_header(62),
    "STRIPPED": elf_header(183),
    "CLASH": b"hole=stop\n\nhole=inject\n",
}


def main(salvage):
    cases = CASES + (FOREIGN if os.uname().machine != "aarch64" else [])
    print(f"1..{len(cases) + 1}")
    failed = False
    with tempfile.TemporaryDirectory() as work:
        os.mkdir(os.path.join(work, "DIR"))
        for name, content in FILES.items():
            with open(os.path.join(work, name), "wb") as file:
                file.write(content)
        for number, (arguments, status, says) in enumerate(cases, 1):
            done = subprocess.run([salvage, "run", *arguments], cwd=work, capture_output=True, text=True, errors="replace",
                                  stdin=subprocess.DEVNULL, check=False, timeout=60)
            lines = done.stderr.splitlines()
            good = (done.returncode == status and len(lines) == 1 and lines[0].startswith("salvage: ") and says in lines[0]
                    and not done.stdout)
            print(f"{'ok' if good else 'not ok'} {number} {' '.join(arguments)}")
            if not good:
                failed = True
                print(f"# status {done.returncode}, not {status}; wanted {says!r}")
                for line in lines:
                    print(f"# {line}")
    done = subprocess.run([salvage, "run", "--help"], capture_output=True, text=True, check=False)
    good = done.returncode == 0 and "--policy=RULE|@FILE" in done.stdout and "--symbols=FILE" in done.stdout and not done.stderr
    print(f"{'ok' if good else 'not ok'} {len(cases) + 1} --help")
    return 1 if failed or not good else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
