# SPDX-License-Identifier: BSD-2-Clause
"""Children that end when this program ends, whatever ends it."""

import ctypes
import os
import signal
import subprocess

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)   # loaded here: the hook below runs between fork and exec


def popen(command, **options):
    """subprocess.Popen in a session of its own, so that Ctrl-C reaches this program only, which then ends the child."""
    parent = os.getpid()

    def die_with_parent():
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return subprocess.Popen(command, start_new_session=True, preexec_fn=die_with_parent, **options)


def kill(child):
    """Ends the child and the processes it started."""
    if child.poll() is None:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    child.wait()


def run(command, **options):
    """Runs to the end; returns (status, stdout, stderr) as text. The child does not survive an exception."""
    child = popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                  errors="replace", **options)
    try:
        out, err = child.communicate()
    except BaseException:
        kill(child)
        raise
    return child.returncode, out, err
