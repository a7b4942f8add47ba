"""A command on a terminal of its own, and somebody who types."""

import os
import select
import subprocess
import termios
from contextlib import contextmanager

PATIENCE = 120.0


class Typed:
    def __init__(self, master, child):
        self._master, self.child, self.screen, self._at = master, child, "", 0

    def until(self, words):
        """What comes on the screen up to these words, and after those that came before."""
        while (found := self.screen.find(words, self._at)) < 0:
            assert self._more(), f"{words!r} did not come:\n{self.screen}"
        begun, self._at = self._at, found + len(words)
        return self.screen[begun : self._at]

    def type(self, line):
        os.write(self._master, f"{line}\n".encode())

    def press(self, keys):
        os.write(self._master, keys)

    def resize(self, rows, columns):
        termios.tcsetwinsize(self._master, (rows, columns))

    def modes(self):
        return termios.tcgetattr(self._master)

    def is_echoing(self):
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    def end(self):
        while self._more():
            pass
        return self.child.wait(PATIENCE)

    def _more(self):
        if not select.select([self._master], [], [], PATIENCE)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the last one has closed it
            return False
        self.screen += data.decode()
        return bool(data)


def _of_a_terminal(environment):
    """Tests that run side by side have a size in theirs, which would be believed before the terminal's own."""
    return {**{name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}, "TERM": "xterm"}


@contextmanager
def terminal(command, environment, columns=80):
    master, slave = os.openpty()
    termios.tcsetwinsize(master, (24, columns))
    child = subprocess.Popen(
        # As from a shell, whatever the tests were started by: a background job has some of them ignored.
        ["setsid", "--ctty", "--wait", "env", "--default-signal=INT,QUIT,HUP", *command],
        env=_of_a_terminal(environment), stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    try:
        yield Typed(master, child)
    finally:
        child.kill()
        child.wait()
        os.close(master)
