"""Everything that can go wrong and that a person can do something about.

    DiscodeError                 exit  the running app afterwards
      UsageError                   2   untouched: the command line or a file of the user's is wrong
        ManifestError              2   untouched: the vendor's file, field by field
      NoSuchApp                    3   there is none
      Refused                      4   untouched: nothing was begun
        TrustError                 4     a signature, hash, length or expiry is wrong
        PreflightError             4     disk, memory, a required setting
        StateError                 4     a state file is damaged; nothing is guessed
      Failed                       5   the old version serves
        ReleaseFailed              5     the new release did not make it
        NoHttps                    5     a host has no certificate, and the app was wanted with one or not at all
        NotHere                    5     its image or archive is gone from this machine, and cannot be had
        NothingAnswers             5     neither did, and the version from before does not answer any more
        Interrupted                5     a signal; the flow was settled
      Busy                         6   untouched: another command holds the app's lock
      Unreachable                  7   as it was: engine, proxy or hub does not answer
        RuntimeUnreachable, ProxyUnreachable, SourceUnreachable
        Unfinished                 7   one version serves, but the flow could not be recorded as finished
      CannotRun                  126   a command that was to run in the app is there, and is no program
      NoSuchCommand              127   there is no such command in the app

Where a command's exit code is that of a program in the app, errors have 125 instead, but for the last two: as `env`,
`timeout` and `docker exec` do it.
Any other exception is a bug of ours and exits with 1.
"""

from __future__ import annotations

from typing import ClassVar


class DiscodeError(Exception):
    """An error with all that a front end needs.

    key: stable, for programs (`--json`); says what happened, never with user data in it.
    sentence: what happened and what it means for the running app.
    next_step: what the user does now; a command where there is one.
    log: the last lines of the instance that failed, oldest first; may be empty.
    """

    key: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, sentence: str, next_step: str = "", *, key: str | None = None, log: tuple[str, ...] = ()):
        super().__init__(sentence)
        self.sentence = sentence
        self.next_step = next_step
        self.log = log
        self.name = key or self.key


class UsageError(DiscodeError):
    key, exit_code = "usage", 2


class ManifestError(UsageError):
    """A vendor's `discode.yml` that is invalid; `problems` has a line per field."""

    key = "manifest"

    def __init__(self, sentence: str, problems: tuple[str, ...], next_step: str = "Fix the file and publish again."):
        super().__init__(sentence, next_step)
        self.problems = problems


class NoSuchApp(DiscodeError):
    key, exit_code = "no-such-app", 3


class Refused(DiscodeError):
    key, exit_code = "refused", 4


class TrustError(Refused):
    key = "trust"


class PreflightError(Refused):
    key = "preflight"


class StateError(Refused):
    key = "state"


class Failed(DiscodeError):
    key, exit_code = "failed", 5


class ReleaseFailed(Failed):
    key = "release-failed"


class NoHttps(Failed):
    """A host of the app is not served with a certificate that is trusted, and HTTPS was required."""

    key = "no-https"


class NotHere(Failed):
    """The bytes of a release are not on this machine: they were never fetched, or somebody has removed them."""

    key = "not-here"


class NothingAnswers(Failed):
    """A flow has come to its end, and the version that was there before it does not answer."""

    key = "nothing-answers"


class Interrupted(Failed):
    key = "interrupted"
    is_explained = False  # whether the sentence says what became of the app


class Busy(DiscodeError):
    key, exit_code = "busy", 6


class Unreachable(DiscodeError):
    key, exit_code = "unreachable", 7


class RuntimeUnreachable(Unreachable):
    key = "runtime-unreachable"


class ProxyUnreachable(Unreachable):
    key = "proxy-unreachable"


class SourceUnreachable(Unreachable):
    key = "source-unreachable"


class Unfinished(Unreachable):
    """Discode's own files cannot be written in the middle of a flow. Its journal stays; the next command settles."""

    key = "store-unreachable"


class CannotRun(DiscodeError):
    """Exit codes of a shell: <https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html>, 2.8.2."""

    key, exit_code = "cannot-run", 126


class NoSuchCommand(DiscodeError):
    key, exit_code = "no-such-command", 127

    def __init__(self, program: str):
        super().__init__(
            f"There is no program {program} in the app.",
            "What a shell understands, such as pipes and variables, is one word for a shell: -- sh -c 'echo $HOME'",
        )
