#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""salvage wrap around programs that make no VM: what they get, what is left of them, what is refused.

usage: wrap.py SALVAGE [CASE...]
"""
import ctypes
import errno
import json
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time

USAGE, UNAVAILABLE = 100, 101
PYTHON = sys.executable


class Failed(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Failed(what)


class Bench:
    def __init__(self, salvage, directory):
        self.salvage, self.directory = salvage, directory

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, *arguments, options=(), **more):
        return subprocess.Popen([self.salvage, "wrap", *options, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **more)

    def run(self, *arguments, options=(), stdin="", **more):
        process = self.start(*arguments, options=options, **more)
        out, err = process.communicate(stdin, timeout=60)
        process.out, process.err = out, err
        return process

    def events(self, name, wait=True):
        """Of a wrapped program that is over; the helper may be some milliseconds behind."""
        end = time.monotonic() + 10
        while True:
            try:
                with open(self.path(name), encoding="ascii") as lines:
                    events = [json.loads(line) for line in lines]
            except (FileNotFoundError, ValueError):
                events = []
            if any(event["event"] == "exit" for event in events) or time.monotonic() > end:
                return events
            time.sleep(0.02)

    def helpers(self):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if self.directory.encode() in file.read() and int(pid) != os.getpid():
                        found.append(int(pid))
            except OSError:
                pass
        return found

    def wait_for_helpers(self):
        end = time.monotonic() + 10
        while self.helpers():
            expect(time.monotonic() < end, f"processes are left: {self.helpers()}")
            time.sleep(0.02)


def statuses(bench):
    for status in (0, 1, 42, 100, 255):
        expect(bench.run("--", "sh", "-c", f"exit {status}").returncode == status, f"status {status}")
    expect(bench.run("--", "sh", "-c", "kill -KILL $$").returncode == -signal.SIGKILL, "killed")
    expect(bench.run("--", "sh", "-c", "kill -SEGV $$").returncode == -signal.SIGSEGV, "SIGSEGV")


def streams(bench):
    process = bench.run("--", "sh", "-c", 'cat; echo "$0 $1" >&2', "a b", "--policy=x", stdin="in\n")
    expect(process.out == "in\n", f"stdout {process.out!r}")
    expect(process.err == "a b --policy=x\n", f"stderr {process.err!r}")


def same_process(bench):
    process = bench.run("sh", "-c", "echo $$")
    expect(int(process.out) == process.pid, "the PID")


def no_children(bench):
    process = bench.run("--", PYTHON, "-c", "import os\ntry:\n os.wait()\nexcept ChildProcessError: print('none')")
    expect(process.out == "none\n", f"a child that the VMM does not know: {process.out!r} {process.err!r}")


def loaded(bench):
    program = "print(sum('libsalvage-wrap' in line for line in open('/proc/self/maps')) > 0)"
    expect(bench.run("--", PYTHON, "-c", program).out == "True\n", "the preload")
    # Once, however often it is wrapped; and what was preloaded before stays.
    process = bench.run("--", bench.salvage, "wrap", "--", "sh", "-c", "echo $LD_PRELOAD",
                        env={**os.environ, "LD_PRELOAD": ""})
    expect(process.out.count("libsalvage-wrap") == 1, f"LD_PRELOAD {process.out!r}")


def late(bench):
    """A library that is loaded while the VMM runs makes its requests by the shim too."""
    source, library = bench.path("late.c"), bench.path("late.so")
    with open(source, "w", encoding="ascii") as file:
        file.write("#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <sys/ioctl.h>\n"
                   "const char *whose(void) { Dl_info info; return dladdr((void *)ioctl, &info) ? info.dli_fname : 0; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    program = f"import ctypes\nlate = ctypes.CDLL('{library}')\nlate.whose.restype = ctypes.c_char_p\nprint(late.whose().decode())"
    expect("libsalvage-wrap" in bench.run("--", PYTHON, "-c", program).out, "ioctl of a library that is loaded late")


def events(bench):
    bench.run("--", "sh", "-c", "exit 5", options=[f"--events={bench.path('one')}", "--vm=name"])
    got = bench.events("one")
    expect([(event["event"], event["status"], event["reason"], event["vm"]) for event in got] ==
           [("exit", 5, "exit", "name")], f"events {got}")
    # Written before the program's end is seen.
    process = bench.run("--", "sh", "-c", "exit 0", options=["--events=-"])
    expect(json.loads(process.out)["event"] == "exit", f"events on stdout {process.out!r}")
    bench.run("--", "sh", "-c", "kill -KILL $$", options=[f"--events={bench.path('two')}"])
    got = bench.events("two")
    expect(len(got) == 1 and got[0]["reason"] == "ended", f"of a killed one {got}")
    bench.run("--", PYTHON, "-c", "import os; os._exit(6)", options=[f"--events={bench.path('three')}"])
    expect([event["status"] for event in bench.events("three")] == [6], "of _exit")
    bench.wait_for_helpers()


def processes(bench):
    """A VMM that forks, one that daemonises, one that closes what it does not know, one that starts others."""
    name = f"--events={bench.path('fork')}"
    process = bench.run("--", PYTHON, "-c", "import os\nif not os.fork(): os._exit(1)\nos.wait()\nos._exit(2)", options=[name])
    expect(process.returncode == 2, "the parent's status")
    expect([event["status"] for event in bench.events("fork")] == [2], "the parent's status in the event")

    name = f"--events={bench.path('close')}"
    process = bench.run("--", PYTHON, "-c", "import os; os.closerange(3, 5000); print('closed')", options=[name])
    expect(process.out == "closed\n", f"all descriptors closed: {process.err!r}")
    expect([event["status"] for event in bench.events("close")] == [0], "the event of one that closed all")

    name = f"--events={bench.path('daemon')}"
    daemon = ("import os, time\nif os.fork(): os._exit(0)\nos.setsid()\n"
              "[os.dup2(os.open('/dev/null', os.O_RDWR), n) for n in range(3)]\ntime.sleep(0.5)")
    process = bench.run("--", PYTHON, "-c", daemon, options=[name])
    expect(process.returncode == 0 and bench.helpers(), "the helper of a daemon")
    bench.wait_for_helpers()

    # What the VMM leaves running is no part of it.
    process = bench.start("--", "sh", "-c", "sleep 30 >/dev/null 2>&1 </dev/null & echo $!", options=["--vm=" + bench.directory[-20:]])
    out, _ = process.communicate(timeout=20)
    os.kill(int(out), signal.SIGKILL)
    bench.wait_for_helpers()


def signals(bench):
    """What a terminal sends to all of a group reaches the VMM, and not the helper."""
    process = bench.start("--", "sh", "-c", "trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.05; done",
                          options=[f"--events={bench.path('int')}"], start_new_session=True)
    expect(process.stdout.readline() == "ready\n", "the start")
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    expect(out == "caught\n" and process.returncode == 3, f"SIGINT: {out!r}")
    expect([event["status"] for event in bench.events("int")] == [3], "the event after SIGINT")


def refused(bench, what, status, pattern, *arguments, options=(), **more):
    process = bench.run(*arguments, options=options, **more)
    expect(process.returncode == status and re.search(pattern, process.err) and process.err.count("\n") == 1 and not process.out,
           f"{what}: {process.returncode} {process.err!r}")


def compile_program(bench, name, *flags):
    source = bench.path("program.c")
    with open(source, "w", encoding="ascii") as file:
        file.write("int main(void) { return 0; }\n")
    subprocess.run(["cc", *flags, "-o", bench.path(name), source], check=True)
    return bench.path(name)


def refusals(bench):
    refused(bench, "no VMM", USAGE, "no VMM")
    refused(bench, "an option", USAGE, "--frob: no such option", "--frob")
    refused(bench, "a value", USAGE, "--policy: needs a value", "--policy")
    refused(bench, "a rule", USAGE, "column 1", "--policy=frob", "--", "true")
    refused(bench, "contradiction", USAGE, "contradicts", "--policy=hole=stop", "--policy=hole=inject", "--", "true")
    refused(bench, "missing", UNAVAILABLE, "not found in PATH", "--", "no-such-vmm")
    refused(bench, "missing path", UNAVAILABLE, "No such file", "--", bench.path("none"))
    refused(bench, "directory", UNAVAILABLE, "not a program", "--", bench.directory)
    refused(bench, "events", USAGE, "--events=/none/x", "--events=/none/x", "--", "true")
    static = compile_program(bench, "static", "-static")
    refused(bench, "static", UNAVAILABLE, "statically linked.*libsalvage", "--", static)
    plain = compile_program(bench, "plain")
    expect(bench.run("--", plain).returncode == 0, "a plain program")
    with open(plain, "rb") as file:
        image = bytearray(file.read())

    def damaged(name, offset, data):
        copy = bytearray(image)
        copy[offset:offset + len(data)] = data
        with open(bench.path(name), "wb") as file:
            file.write(copy)
        os.chmod(bench.path(name), 0o755)
        return bench.path(name)

    refused(bench, "another machine", UNAVAILABLE, "a program for 32-bit Arm", "--", damaged("arm", 18, b"\x28\x00"))
    refused(bench, "program headers", UNAVAILABLE, "damaged ELF", "--", damaged("headers", 32, b"\xff" * 4))
    with open(bench.path("short"), "wb") as file:
        file.write(image[:100])
    os.chmod(bench.path("short"), 0o755)
    refused(bench, "cut short", UNAVAILABLE, "damaged ELF", "--", bench.path("short"))
    loader = image.index(b"/ld-linux")
    refused(bench, "musl", UNAVAILABLE, "another than glibc", "--", damaged("musl", loader, b"/ld-musl-"))
    if os.getuid() == 0:
        os.chown(plain, 65534, 65534)
        os.chmod(plain, 0o4755)
        refused(bench, "set-user-ID", UNAVAILABLE, "set-user-ID", "--", plain)
        os.chmod(plain, 0o2755)
        refused(bench, "set-group-ID", UNAVAILABLE, "set-group-ID", "--", plain)
        os.chmod(plain, 0o2705) # no right to execute for the group: the kernel sets no group
        expect(bench.run("--", plain).returncode == 0, "not quite set-group-ID")
    bench.wait_for_helpers()


def deny_new_calls():
    """What a kernel before 5.9 says to close_range(2), and one before 5.3 to pidfd_open(2), by a seccomp filter."""
    numbers, enosys, allow = (436, 434), 0x00050000 | errno.ENOSYS, 0x7fff0000
    words = [(0x20, 0, 0, 0)]
    words += [(0x15, len(numbers) - i, 0, number) for i, number in enumerate(numbers)]
    words += [(0x06, 0, 0, allow), (0x06, 0, 0, enosys)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *word) for word in words))
    libc = ctypes.CDLL(None)
    libc.prctl(38, 1, 0, 0, 0)
    libc.prctl(22, 2, ctypes.byref(ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(words), ctypes.addressof(program)))))


def poor_places(bench):
    """Kernels, limits and parents that leave less than is usual."""
    # The helper must not hold open what tells it of the VMM's end.
    process = bench.run("--", "sh", "-c", "exit 3", options=[f"--events={bench.path('old')}"], preexec_fn=deny_new_calls)
    expect(process.returncode == 3, f"without close_range: {process.err!r}")
    expect([event["status"] for event in bench.events("old")] == [3], "the event without close_range")
    bench.wait_for_helpers()

    def few_descriptors():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    bench.run("--", "sh", "-c", "exit 4", options=[f"--events={bench.path('few')}"], preexec_fn=few_descriptors)
    got = bench.events("few")
    expect([event["reason"] for event in got] == ["exit"], f"with few descriptors: {got}")

    # Closed streams are so for the VMM too, and the helper's pipes are not taken for them.
    daemon = ("import glob, os, time\nif os.fork(): os._exit(0)\nos.setsid()\n"
              "seen = [os.path.exists(f'/proc/self/fd/{n}') for n in range(3)]\ntime.sleep(0.5)\n"
              f"seen.append(sum(b'wrap\\0--events={bench.path('closed')}' in open(name, 'rb').read()"
              " for name in glob.glob('/proc/[0-9]*/cmdline') if os.path.exists(name)))\n"
              f"open('{bench.path('seen')}', 'w').write(str(seen))\n")
    bench.run("--", PYTHON, "-c", daemon, options=[f"--events={bench.path('closed')}"],
              preexec_fn=lambda: [os.close(n) for n in range(3)])
    bench.wait_for_helpers()
    with open(bench.path("seen"), encoding="ascii") as file:
        seen = file.read()
    expect(seen == "[False, False, False, 1]", f"a daemon that was started without streams saw {seen}")


def hand_over(bench):
    """QEMU's own forwarding of memory errors is left to it, unless a rule says otherwise."""
    process = bench.run("--", "sh", "-c", "exit 0", "virt,ras=on")
    expect("SIGBUS is left to it" in process.err, f"ras=on {process.err!r}")
    process = bench.run("--", "sh", "-c", "exit 0", "virt,ras=on", options=["--policy=poison=inject"])
    expect(process.err == "", f"ras=on with a rule {process.err!r}")


CASES = (statuses, streams, same_process, no_children, loaded, late, events, processes, signals, refusals, poor_places, hand_over)


def main(salvage, names):
    cases = [case for case in CASES if not names or case.__name__ in names]
    # Orphans come to us, so that what is left can be seen and reaped.
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    print(f"1..{len(cases)}")
    failures = 0
    for number, case in enumerate(cases, 1):
        with tempfile.TemporaryDirectory(prefix="salvage-wrap-") as directory:
            try:
                case(Bench(os.path.abspath(salvage), directory))
                print(f"ok {number} - {case.__name__}", flush=True)
            except (Failed, subprocess.TimeoutExpired, OSError, ValueError, KeyError) as error:
                failures += 1
                print(f"not ok {number} - {case.__name__}\n# {type(error).__name__}: {error}", flush=True)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
