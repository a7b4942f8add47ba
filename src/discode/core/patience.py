"""How long a new instance is waited for that listens and answers its health check with an error.

Nothing that says "not yet" ends the wait before the vendor's deadline: no answer at all, 503 (which is for what passes,
RFC 9110 15.6.4), 404 and redirects of servers that bring up their applications one by one. A 500 is for what nobody
expected (15.6.1). An app may still get over it, as when it answers before its database does: so it has to be the same
500 at every check, for a quarter of the deadline and ten seconds at least. kamal-proxy and Kubernetes wait for the
whole deadline. Whoever needs longer answers 503 meanwhile, or has a longer deadline.
"""

from __future__ import annotations

SHARE, LEAST = 0.25, 10.0
UNEXPECTED = 500


class Patience:
    """`deadline`: the vendor's, in seconds. Time is the caller's."""

    def __init__(self, deadline: float):
        self.longest = max(deadline * SHARE, LEAST)
        self._since: float | None = None
        self._words = ""

    def is_over(self, status: int | None, words: str, now: float) -> bool:
        """After a check that was answered with that status, and with those words of the app's own."""
        if status != UNEXPECTED:
            self._since = None
        elif self._since is None or words != self._words:
            self._since, self._words = now, words
        return self._since is not None and now - self._since >= self.longest
