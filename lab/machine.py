# SPDX-License-Identifier: BSD-2-Clause
"""The QEMU process: its command line and its end. All it is given is open descriptors, so it leaves no file behind."""

import contextlib
import socket
import subprocess

import process

APPEND = "console=ttyAMA0 earlycon rdinit=/.salvage/init nokaslr panic=-1 loglevel=7"


def _machine(cpu):
    """Memory tags need a CPU that has them; QEMU refuses others."""
    return "virt,virtualization=on,gic-version=3" + (",mte=on" if cpu.split(",")[0] == "max" else "")


def command(qemu, options, kernel, initrd, console, link, *sea):
    """kernel, initrd, console and link are descriptor numbers; so are, with --sea, those of the debugger and its port."""
    append = " ".join(filter(None, (APPEND, options.append)))
    return [
        qemu, "-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot",
        "-M", _machine(options.cpu), "-accel", "tcg", "-cpu", options.cpu,
        "-smp", str(options.smp), "-m", f"size={options.mem >> 20}M",
        "-chardev", f"socket,id=console,fd={console}", "-serial", "chardev:console",
        "-chardev", f"socket,id=link,fd={link}", "-device", "virtio-serial-pci,max_ports=3",
        "-device", "virtserialport,chardev=link,nr=1,name=salvage.link",
        "-kernel", f"/proc/self/fd/{kernel}", "-initrd", f"/proc/self/fd/{initrd}", "-append", append,
        *(_sea(*sea) if sea else ()),
    ]


def _sea(debugger, port):
    return [
        "-chardev", f"socket,id=debugger,fd={debugger}", "-gdb", "chardev:debugger",
        "-chardev", f"socket,id=sea,fd={port}", "-device", "virtserialport,chardev=sea,nr=2,name=salvage.sea",
    ]


class Machine:
    """A running machine. console, link and, with --sea, debugger and port are this side's sockets, stderr what QEMU itself
    has to say."""

    def __init__(self, qemu, options, kernel, initrd):
        """qemu: the program; kernel, initrd: open files."""
        self.debugger = self.port = None
        with contextlib.ExitStack() as theirs:
            files = [kernel, initrd]
            for name in ("console", "link") + (("debugger", "port") if options.sea else ()):
                ours, other = socket.socketpair()
                setattr(self, name, ours)
                files.append(theirs.enter_context(other))
            fds = [file.fileno() for file in files]
            self.child = process.popen(command(qemu, options, *fds), pass_fds=fds, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.stderr = self.child.stderr

    def end(self):
        process.kill(self.child)
        for file in (self.console, self.link, self.debugger, self.port, self.stderr):
            if file:
                file.close()
