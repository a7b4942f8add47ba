"""What a process has from whoever started it, set to what it is for a command that a person types.

A background job of a script ignores SIGINT, `nohup` ignores SIGHUP, a server's child often ignores SIGPIPE or SIGCHLD;
exec keeps all that, so every process of every test would ignore them, too, and the signals that tests send do nothing.
"""

import os
import signal
import sys
from pathlib import Path

UMASK = 0o022


def reset():
    """For the processes that are started from here on. The run itself goes on ignoring what it was told to ignore: a
    handler that does nothing becomes the default one at exec."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _ignore)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # fixtures come to their end, and with them engines
    # Ignored, it has the kernel throw exit codes away. SIGPIPE: Python ignores it and subprocess resets it.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.umask(UMASK)
    # What is called python3 may be a script that looks for one; of the time of an app's start that would be the most.
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    own = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([own, *(place for place in places if place != own)])


def _ignore(*_):
    pass
