#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`salvage doctor` from outside: its options, its output, and processes with seccomp filters of several kinds.

usage: cli.py SALVAGE
"""

import ctypes
import json
import os
import platform
import queue
import shutil
import struct
import subprocess
import sys
import tempfile
import threading



def put_on(filters):
    """Filters for this thread. Returns what to say."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)                      # PR_SET_NO_NEW_PRIVS
    for text in filters:
        code = bytes.fromhex(text)
        buffer = ctypes.create_string_buffer(code)
        program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
        if libc.prctl(22, 2, program, 0, 0):        # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
            return "no: " + os.strerror(ctypes.get_errno())
    return "ready"


# A process that puts on the filters named, says so, and waits for the end of its input; or three threads of it do.
if len(sys.argv) > 1 and sys.argv[1] == "--filtered":
    print(put_on(sys.argv[2:]), flush=True)
    sys.stdin.read()
    sys.exit(0)
if len(sys.argv) > 1 and sys.argv[1] == "--threads":
    said, ended = queue.Queue(), threading.Event()
    for _ in range(3):
        threading.Thread(target=lambda: (said.put(put_on(sys.argv[2:])), ended.wait())).start()
    print(max((said.get() for _ in range(3)), key=lambda text: text != "ready"), flush=True)
    sys.stdin.read()
    ended.set()
    sys.exit(0)

SALVAGE = sys.argv[1]
IOCTL, WRITE = {"x86_64": (16, 1), "aarch64": (29, 64)}.get(platform.machine(), (0, 0))
RUN, GET_ONE_REG, SET_ONE_REG, SET_EVENTS = 0xae80, 0x4010aeab, 0x4010aeac, 0x4040aea0
ALLOW, LOG, KILL, EPERM = 0x7fff0000, 0x7ffc0000, 0x80000000, 0x00050001

failures = number = 0


def check(name, condition, *shown):
    global failures, number
    number += 1
    failures += not condition
    print(f"{'ok' if condition else 'not ok'} {number} {name}")
    if not condition:
        for each in shown:
            print("\n".join("# " + line for line in str(each).splitlines()))


def doctor(*arguments, **more):
    return subprocess.run([SALVAGE, "doctor", *arguments], capture_output=True, text=True, check=False, **more)


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def named(done, what):
    return [line for line in lines(done) if line["what"] == what]


def insn(code, jt, jf, k):
    return struct.pack("HBBI", code, jt, jf, k)


def requests_filter(requests, then, otherwise):
    """ioctl with one of these requests is answered with one action, with another with the other; all else is allowed."""
    body = b"".join(insn(0x15, len(requests) - i, 0, request) for i, request in enumerate(requests))
    return insn(0x20, 0, 0, 0) + insn(0x15, 1, 0, IOCTL) + insn(0x06, 0, 0, ALLOW) + insn(0x20, 0, 0, 24) + body + \
        insn(0x06, 0, 0, otherwise) + insn(0x06, 0, 0, then)


def forbid(call, action):
    return insn(0x20, 0, 0, 0) + insn(0x15, 0, 1, call) + insn(0x06, 0, 0, action) + insn(0x06, 0, 0, ALLOW)


# name, filters, the state of the line about them, what it says
FILTERED = [
    ("no filter", [], "ok", "none of 1 threads"),
    ("a filter for something else", [forbid(IOCTL + 100000, KILL)], "ok", "1 of 1 threads have filters; all 1 of these"),
    ("KVM_SET_ONE_REG fails", [requests_filter([SET_ONE_REG], EPERM, ALLOW)], "lack", "needs (KVM_SET_ONE_REG: EPERM)"),
    ("only KVM_RUN, as Firecracker has it", [requests_filter([RUN], ALLOW, KILL)], "lack",
     "(KVM_GET_ONE_REG: the end of the process, KVM_SET_ONE_REG: the end of the process, "
     "KVM_SET_VCPU_EVENTS: the end of the process)"),
    ("only what salvage needs", [requests_filter([RUN, GET_ONE_REG, SET_ONE_REG, SET_EVENTS], ALLOW, KILL)], "ok",
     "all 1 of these"),
    ("no vCPU's thread", [requests_filter([RUN, SET_ONE_REG], EPERM, ALLOW)], "ok", "all 0 of these"),
    ("logged", [requests_filter([SET_ONE_REG], LOG, ALLOW)], "ok", "all 1 of these"),
    ("two filters, one strict", [forbid(IOCTL + 100000, KILL), requests_filter([SET_EVENTS], EPERM, ALLOW)], "lack",
     "KVM_SET_VCPU_EVENTS: EPERM)"),
    ("two strict filters", [requests_filter([GET_ONE_REG], EPERM, ALLOW), requests_filter([GET_ONE_REG], KILL, ALLOW)],
     "lack", "KVM_GET_ONE_REG: the end of the process)"),
    ("threads with filters of their own", [requests_filter([RUN], ALLOW, KILL)], "lack", "3 threads (first "),
    ("threads that may", [requests_filter([RUN, GET_ONE_REG, SET_ONE_REG, SET_EVENTS], ALLOW, KILL)], "ok",
     "3 of 4 threads have filters; all 3 of these"),
]


def filters():
    for name, programs, state, part in FILTERED:
        if not IOCTL:
            print(f"# {name}: no numbers of this machine's calls")
            continue
        words = [sys.executable, __file__, "--threads" if "threads" in name else "--filtered", *(program.hex() for program in programs)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            ready = child.stdout.readline().strip()
            done = doctor("--json", f"--pid={child.pid}")
            alive = child.poll() is None
            child.stdin.close()
            child.wait()
        if ready != "ready":
            skip(name, ready)
            continue
        # The host has a line of that name, too; the process's comes after it.
        found = named(done, "seccomp")[-1]
        if "could not be read" in found["detail"]:
            skip(name, found["detail"])
            continue
        check(name, found["state"] == state and part in found["detail"] and alive and child.returncode == 0, found, child.returncode)


def sandbox():
    """QEMU's own filters, as libvirt asks for them: read from a VMM that nobody here wrote."""
    qemu = shutil.which("qemu-system-aarch64")
    if not qemu:
        skip("QEMU's sandbox", "no qemu-system-aarch64")
        return
    options = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
    with subprocess.Popen([qemu, "-S", "-nodefaults", "-machine", "none", "-display", "none", "-qmp", "stdio", "-sandbox", options],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        greeting = child.stdout.readline()      # the filters are there by now
        done = doctor("--json", f"--pid={child.pid}")
        child.kill()
        why = child.stderr.read()
    found = named(done, "seccomp")[-1]
    if not greeting or "could not be read" in found["detail"]:
        skip("QEMU's sandbox", why.strip() or found["detail"])
        return
    check("QEMU's sandbox", found["state"] == "ok" and "may do what salvage needs" in found["detail"], found)


def skip(name, why):
    global number
    number += 1
    print(f"ok {number} {name} # SKIP {why}")


USAGE = [
    (["--pid=0"], "salvage: 0: not the number of a process; ps lists them\n"),
    (["--pid=x"], "salvage: x: not the number of a process; ps lists them\n"),
    (["--root=/nonexistent"], "salvage: /nonexistent: No such file or directory; give a directory\n"),
    (["--jason"], 'salvage: --jason: not an option or its value is missing; "salvage doctor --help" lists them\n'),
    (["qemu"], "salvage: qemu: put -- before the VMM: salvage doctor -- VMM\n"),
    (["--pid=1", "--", "qemu"], "salvage: --pid: a VMM that runs or one to start; not both\n"),
]


def command():
    for arguments, message in USAGE:
        done = doctor(*arguments)
        check(f"usage {arguments}", (done.returncode, done.stdout, done.stderr) == (100, "", message), done)
    usage = doctor("--help")
    check("help", usage.returncode == 0 and usage.stdout.startswith("usage: salvage doctor "), usage)
    text, objects = doctor(), doctor("--json")
    found = lines(objects)
    lacking = any(line["state"] == "lack" for line in found)
    check("status", text.returncode == objects.returncode == int(lacking), text, objects)
    check("text and JSON are the same lines", len(text.stdout.splitlines()) == len(found) and all(
        shown.startswith(line["state"]) and line["detail"] + ("; " + line["remedy"] if line["remedy"] else "") in shown
        for shown, line in zip(text.stdout.splitlines(), found)), text.stdout, objects.stdout)
    check("columns", len({shown.index(line["detail"]) for shown, line in zip(text.stdout.splitlines(), found)}) == 1, text.stdout)
    check("every lack has a remedy", all(line["remedy"] for line in found if line["state"] == "lack"), objects.stdout)
    check("the laboratory", {"lab qemu", "lab kernel", "lab init", "lab salvage"} <= {line["what"] for line in found}, objects.stdout)
    done = doctor("--json", "--pid=999999999")
    check("no such process", named(done, "VMM")[0]["state"] == "lack", done)
    done = doctor("--json", "--", "vmm", "-accel", "kvm", env={**os.environ, "PATH": "/nonexistent"})
    check("no python3", named(done, "laboratory")[0]["detail"] == "cannot say what it has: python3 is missing", done)
    check("a VMM that is not there", named(done, "VMM")[0]["detail"] == "vmm is not there, nor in PATH", done)


def image():
    """A host's files elsewhere, with a VMM that was really compiled."""
    compiler = shutil.which("aarch64-linux-gnu-gcc") or (shutil.which("cc") if platform.machine() == "aarch64" else None)
    if not compiler:
        skip("a compiled VMM", "no compiler for arm64")
        return
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, "usr/bin"))
        source, vmm = os.path.join(root, "vmm.c"), os.path.join(root, "usr/bin/vmm")
        with open(source, "w", encoding="ascii") as file:
            file.write("#include <sys/ioctl.h>\nint main(int argc, char **argv) { return CALL(argc, 0xae80); }\n")
        for name, flags, linking, seen in (("dynamic", ["-DCALL=ioctl"], "ok", True), ("static", ["-DCALL=ioctl", "-static"], "lack", True),
                                           ("without ioctl", ["-DCALL(a,b)=0"], "ok", False)):
            subprocess.run([compiler, *flags, "-o", vmm, source], check=True)
            done = doctor("--json", f"--root={root}", "--", "/usr/bin/vmm")
            check(f"a compiled VMM, {name}", named(done, "linking")[0]["state"] == linking and
                  bool(named(done, "ioctl")) == (not seen), done.stdout)
        check("/dev/kvm of the image", named(done, "/dev/kvm")[0]["state"] == "lack", done.stdout)


command()
filters()
sandbox()
image()
print(f"1..{number}")
sys.exit(1 if failures else 0)
