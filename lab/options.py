# SPDX-License-Identifier: BSD-2-Clause
"""The command line of salvage lab."""

import math
import os
import re

import userland
from errors import USAGE, LabError

USAGE_TEXT = """\
usage: salvage lab [OPTION...] -- COMMAND [ARGUMENT...]
       salvage lab --fetch [--qemu=newest] [--package=NAME[/SUITE]]...

Runs COMMAND, an arm64 program, as root under a Linux kernel with KVM in an emulated
arm64 machine. Its standard streams and its exit status pass through.

  --file=HOST[:GUEST]   put a file or directory into the guest, at the same path or at
                        GUEST
  --package=NAME[/SUITE]
                        put a package of the distribution into the guest, for arm64,
                        with all that it needs
  --output=GUEST:HOST   bring a file of the guest back when the command has ended
  --env=NAME[=VALUE]    set an environment variable, or pass one on
  --kernel=IMAGE|DEB    use this kernel, not the cached one
  --qemu=PROGRAM|newest run this QEMU, or the newest that the distribution has, kept in
                        the cache; else SALVAGE_QEMU, else the one in PATH
  --append=STRING       add to the kernel's command line
  --smp=N               CPUs (1)
  --mem=SIZE            memory, with K, M or G behind the number (2G)
  --cpu=NAME            QEMU's name of the CPU (max,pauth-impdef=on)
  --sea                 let COMMAND ask for synchronous external aborts of its guests
  --timeout=SECONDS     end everything after so long, booting included
  --console             show the kernel's console on standard error
  --quiet               print neither progress nor notes
  --fetch               fetch the newest suitable kernel (with --qemu=newest QEMU too,
                        and what --package names), try it, print what it has

The environment is PATH, HOME and what --env names. COMMAND is looked for among the
--file paths and the packages, then on this machine, and has the same absolute path in
the guest. So has the working directory.

Exit status: the command's; 128+N if signal N killed it; 100 if the command line or
a file is at fault; 101 if QEMU or a kernel is not to be had; 106 if the machine
ended before the command, or an output could not be brought back; 108 if time was up.
What was fetched is kept in SALVAGE_CACHE, else in ~/.cache/salvage.
"""

GIB, MIB = 1 << 30, 1 << 20


class Options:
    """The defaults; parse() fills in the rest."""

    def __init__(self):
        self.files, self.outputs, self.env, self.command, self.packages = [], [], [], [], []
        self.kernel, self.qemu, self.append, self.init = None, None, "", None
        self.smp, self.mem, self.cpu, self.timeout = 1, 2 * GIB, "max,pauth-impdef=on", 0
        self.said = {}      # the text of each option that was given, by its name, for messages
        self.console = self.quiet = self.fetch = self.help = self.sea = False


def _file(options, value):
    host, guest = value, None
    match = re.fullmatch(r"(.+):(/.*)", value, re.S)
    if match and not os.path.exists(value):
        host, guest = match[1], match[2]
    if not host:
        raise ValueError("names no file; --file=HOST or --file=HOST:GUEST")
    options.files.append((host, guest or os.path.abspath(host)))


def _output(options, value):
    match = re.fullmatch(r"(/[^:]*):(.+)", value, re.S)
    if not match:
        raise ValueError("must be --output=GUEST:HOST, with GUEST an absolute path in the guest")
    options.outputs.append((match[1], match[2]))


def _package(options, value):
    options.packages.append(userland.parse(value))


def _env(options, value):
    name, given, text = value.partition("=")
    if not re.fullmatch(r"[^=\0]+", name):
        raise ValueError("names no variable; --env=NAME or --env=NAME=VALUE")
    if given:
        options.env.append((name, text))
    elif name in os.environ:
        options.env.append((name, os.environ[name]))


def _whole(value, low, high, what):
    if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
        raise ValueError(f"must be {what}, {low} to {high}")
    return int(value)


def _smp(options, value):
    options.smp = _whole(value, 1, 16, "a number of CPUs")


def _mem(options, value):
    match = re.fullmatch(r"([0-9]{1,12})([KMGkmg]?)", value)
    size = int(match[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[match[2].lower()] if match else 0
    if not 256 * MIB <= size <= 255 * GIB:
        raise ValueError("must be a size from 256M to 255G")
    options.mem = size


def _timeout(options, value):
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0
    if not (math.isfinite(seconds) and 0 < seconds <= 1e6):
        raise ValueError("must be a number of seconds above 0")
    options.timeout = seconds


def _cpu(options, value):
    if not re.fullmatch(r"[A-Za-z0-9._,=+-]+", value):
        raise ValueError("is no CPU name; qemu-system-aarch64 -cpu help lists them")
    options.cpu = value


def _text(name):
    def store(options, value):
        if not value:
            raise ValueError("needs a value")
        setattr(options, name, value)
    return store


def _flag(name):
    return lambda options: setattr(options, name, True)


WITH_VALUE = {
    "--file": _file, "--output": _output, "--env": _env, "--package": _package, "--kernel": _text("kernel"), "--qemu": _text("qemu"),
    "--append": _text("append"),
    "--smp": _smp, "--mem": _mem, "--cpu": _cpu, "--timeout": _timeout,
    "--init": _text("init"),    # where the build put the first process; the command passes it
}
FLAGS = {name: _flag(name[2:]) for name in ("--console", "--quiet", "--fetch", "--help", "--sea")}
LIST = '"salvage lab --help" lists the options'


def parse(arguments):
    options, rest = Options(), list(arguments)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        name, given, value = word.partition("=")
        if word in FLAGS:
            FLAGS[word](options)
        elif name in FLAGS:
            raise LabError(USAGE, word, f"{name} takes no value")
        elif name not in WITH_VALUE:
            raise LabError(USAGE, word, f"no such option; {LIST}")
        else:
            if not given:
                raise LabError(USAGE, word, f"needs a value, as in {name}=VALUE")
            try:
                WITH_VALUE[name](options, value)
                options.said[name] = word
            except ValueError as error:
                raise LabError(USAGE, word, str(error)) from error
    options.command = rest
    if options.help:
        return options
    if options.fetch and (rest or options.files or options.outputs):
        raise LabError(USAGE, "--fetch", "takes no command and no files")
    if not options.fetch and not rest:
        raise LabError(USAGE, "lab", "no command was given; salvage lab [OPTION...] -- COMMAND ARGUMENT...")
    return options
