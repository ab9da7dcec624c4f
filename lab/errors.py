# SPDX-License-Identifier: BSD-2-Clause
"""The laboratory's exit statuses, and the one way in which it refuses something."""

import signal
import sys
import traceback

USAGE = 100        # what was asked for cannot be done as asked
UNAVAILABLE = 101  # QEMU, a kernel or the compiler is not to be had
INTERNAL = 106     # the machine died before the command ended, or an output could not be brought back
TIMEOUT = 108

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class LabError(Exception):
    """Ends the program with one line and a status. what: the input at fault; why: with the remedy."""

    def __init__(self, status, what, why):
        super().__init__(what, why)
        self.status, self.what, self.why = status, what, why

    def __str__(self):
        return f"salvage: {self.what}: {self.why}"


class Signalled(BaseException):
    """SIGINT, SIGTERM or SIGHUP: unwinds, so that everything that was started or made is ended or removed."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


def one_line(text):
    """Whatever a name or a foreign program contains, a message stays one printable line."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def note(text):
    print(f"salvage: {one_line(text)}", file=sys.stderr, flush=True)


def _raise_signalled(number, frame):
    for other in ENDING:
        signal.signal(other, signal.SIG_IGN)    # a second Ctrl-C must not interrupt the cleaning up
    raise Signalled(number)


def run_main(main):
    """Calls main(), turns what it raises into a line and a status, and ends the process."""
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _raise_signalled)
    # A background job that reads its terminal is to see the end of its input, not to be stopped.
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    try:
        status = main()
        sys.stdout.flush()
    except LabError as error:
        print(one_line(str(error)), file=sys.stderr)
        status = error.status
    except Signalled as stopped:
        # Dies of the signal, so that the caller's shell sees what happened.
        signal.signal(stopped.number, signal.SIG_DFL)
        signal.raise_signal(stopped.number)
        status = 128 + stopped.number
    except BrokenPipeError:
        status = 128 + signal.SIGPIPE
    except Exception as error:  # pylint: disable=broad-except
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{where.filename}:{where.lineno}"
        print(one_line(f"salvage: lab: {type(error).__name__}: {error} ({place}); please report this"), file=sys.stderr)
        status = INTERNAL
    sys.exit(status)
