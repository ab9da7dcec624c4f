# SPDX-License-Identifier: BSD-2-Clause
"""The QEMU process: its command line and its end. All it is given is open descriptors, so it leaves no file behind."""

import socket
import subprocess

import process

APPEND = "console=ttyAMA0 earlycon rdinit=/.salvage/init nokaslr panic=-1 loglevel=7"


def _machine(cpu):
    """Memory tags need a CPU that has them; QEMU refuses others."""
    return "virt,virtualization=on,gic-version=3" + (",mte=on" if cpu.split(",")[0] == "max" else "")


def command(qemu, options, kernel, initrd, console, link):
    """kernel, initrd, console and link are descriptor numbers."""
    append = " ".join(filter(None, (APPEND, options.append)))
    return [
        qemu, "-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot",
        "-M", _machine(options.cpu), "-accel", "tcg", "-cpu", options.cpu,
        "-smp", str(options.smp), "-m", f"size={options.mem >> 20}M",
        "-chardev", f"socket,id=console,fd={console}", "-serial", "chardev:console",
        "-chardev", f"socket,id=link,fd={link}", "-device", "virtio-serial-pci,max_ports=2",
        "-device", "virtserialport,chardev=link,nr=1,name=salvage.link",
        "-kernel", f"/proc/self/fd/{kernel}", "-initrd", f"/proc/self/fd/{initrd}", "-append", append,
    ]


class Machine:
    """A running machine. console and link are this side's sockets, stderr what QEMU itself has to say."""

    def __init__(self, qemu, options, kernel, initrd):
        """qemu: the program; kernel, initrd: open files."""
        self.console, console = socket.socketpair()
        self.link, link = socket.socketpair()
        with console, link:
            fds = [file.fileno() for file in (kernel, initrd, console, link)]
            self.child = process.popen(command(qemu, options, *fds), pass_fds=fds, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.stderr = self.child.stderr

    def end(self):
        process.kill(self.child)
        for file in (self.console, self.link, self.stderr):
            file.close()
