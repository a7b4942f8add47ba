"""What is hidden from whoever looks over a shoulder: settings whose name, or whose value, says that they are secret."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_ENDS = ("password", "passwd", "passphrase", "secret", "token", "apikey", "credential", "key")
_WHOLE = frozenset({"pass", "pwd", "pw", "dsn", "salt", "pepper", "pin", "auth", "jwt", "pat", "private"})
_OPEN = frozenset({"public", "publishable"})  # before `key`: what everybody may know

# A login in an address, a parameter that is named as one, and a private key.
_LOGIN = re.compile(r"://(?:[^/?#\s]*@|[^@\s]*:[^@\s]*@)")
_PARAMETER = re.compile(
    r"(?:^|[?&;,\s])[\w.-]*(?:password|passwd|pwd|secret|token|key|sig|signature)\s*=\s*[^&;,\s]", re.IGNORECASE
)
_PRIVATE = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")


def is_secret_name(name: str) -> bool:
    """`SMTP_PASSWORD`, `apiKey`, `ACCESS_KEYS`; not `KEYBOARD_LAYOUT`, nor `STRIPE_PUBLIC_KEY`."""
    words = [word.lower() for word in _WORDS.findall(name)]
    for before, word in zip(["", *words], words, strict=False):
        one = word.removesuffix("s")
        if word in _WHOLE or (one.endswith(_ENDS) and not (before in _OPEN and one == "key")):
            return True
    return False


def has_credentials(value: str) -> bool:
    """An address with a user or a password, `password=…` among parameters, a private key."""
    return any(pattern.search(value) for pattern in (_LOGIN, _PARAMETER, _PRIVATE))
