"""Records at a DNS provider, by dns-lexicon. Runs in the child.

Its `Client` is passed by: that guesses the zone from the public list of suffixes, which it downloads, while `lookup`
has asked who has the zone. What is behind it, `lexicon.interfaces.Provider`, is the same for all providers.

Providers print, wait without end and raise what they like. The child's own output is closed to them, and the parent
ends a child that takes too long.
"""

from __future__ import annotations

import difflib
import re
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .credentials import Credentials
from .failure import DnsFailure, DnsKind
from .lookup import Place

if TYPE_CHECKING:
    from lexicon.config import ConfigResolver
    from lexicon.interfaces import Provider

# Seconds. Some providers take nothing shorter (GoDaddy, Porkbun: 600), and a challenge's value is used once.
TTL = 600
GENERAL = ("ttl",)  # in the file beside the provider's options


def available() -> Mapping[str, bool]:
    """Every provider; False for one that needs another Python package. Raises DnsFailure without the library."""
    try:
        from lexicon._private.discovery import find_providers
    except ImportError as error:
        raise DnsFailure(
            "provider", f"DNS-01 needs the Python package dns-lexicon ({error}): pip install 'discode-selfhosted[dns]'"
        ) from None
    return find_providers()


def options(provider: str) -> list[str]:
    """What its file of credentials may hold. Raises DnsFailure."""
    parser = ArgumentParser(add_help=False)
    _class_of(provider).configure_parser(parser)
    return sorted(vars(parser.parse_args([])))


def check_file(provider: str, credentials: Credentials) -> None:
    """Raises DnsFailure for an option that the provider does not have, and when there is none at all."""
    own = options(provider)
    known = [*own, *GENERAL]
    for name in credentials.values:
        if name not in known:
            raise DnsFailure("credentials", f"{provider} has no option {name!r}: {_instead(name, known)}")
    if own and not any(credentials.values.values()):
        raise DnsFailure("credentials", f"the file is empty; the options of {provider}: {', '.join(own)}")


def add(provider: str, credentials: Credentials, place: Place, value: str) -> None:
    """A record like it at the same name stays. Raises DnsFailure."""
    with _opened(provider, credentials, place.zone) as opened:
        if opened.create_record("TXT", place.name, value) is False:
            raise DnsFailure("refused", f"{provider} did not add the record {place.name}, and did not say why")


def remove(provider: str, credentials: Credentials, place: Place, value: str) -> None:
    """One that is not there is no failure. Raises DnsFailure."""
    with _opened(provider, credentials, place.zone) as opened:
        opened.delete_record(rtype="TXT", name=place.name, content=value)


def _class_of(provider: str) -> type[Provider]:
    known = available()
    if provider not in known:
        raise DnsFailure("provider", f"there is no DNS provider {provider!r} ({_instead(provider, list(known))})")
    if not known[provider]:
        raise DnsFailure("provider", f"{provider} needs more Python packages: pip install 'dns-lexicon[{provider}]'")
    from lexicon._private.discovery import load_provider_module

    found: type[Provider] = load_provider_module(provider).Provider
    return found


def _instead(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 3)
    return f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(known)}"


@contextmanager
def _opened(provider: str, credentials: Credentials, zone: str) -> Iterator[Provider]:
    check_file(provider, credentials)
    with _translated(provider, credentials, zone):
        opened = _class_of(provider)(_config(provider, credentials, zone))
        try:
            opened.authenticate()
            yield opened
        finally:
            opened.cleanup()


def _config(provider: str, credentials: Credentials, zone: str) -> ConfigResolver:
    from lexicon.config import ConfigResolver

    given = {name: value for name, value in credentials.values.items() if name not in GENERAL}
    # Some ask for `a-b`, others for `a_b`.
    both = given | {name.replace("_", "-"): value for name, value in given.items()}
    ttl = credentials.values.get("ttl", str(TTL))
    if not ttl.isdigit():
        raise DnsFailure("credentials", "ttl is a number of seconds")
    config = ConfigResolver()  # type: ignore[no-untyped-call]
    return config.with_dict({"provider_name": provider, "domain": zone, "ttl": int(ttl), provider: both})


@contextmanager
def _translated(provider: str, credentials: Credentials, zone: str) -> Iterator[None]:
    """What a provider raises, by type; its words without the credentials."""
    from lexicon.exceptions import AuthenticationError
    from requests.exceptions import ConnectionError, HTTPError, RequestException, Timeout

    def failure(kind: DnsKind, text: str, error: Exception) -> DnsFailure:
        return DnsFailure(kind, credentials.hidden(f"{provider} {text}: {_said(error)}"))

    try:
        yield
    except DnsFailure:
        raise
    except HTTPError as error:
        raise failure(*_status(error, zone), error) from None
    except (ConnectionError, Timeout) as error:
        raise failure("unreachable", "cannot be reached", error) from None
    except AuthenticationError as error:
        raise failure("credentials", f"does not accept the credentials, or has no zone {zone}", error) from None
    except (RequestException, OSError) as error:
        raise failure("unreachable", "cannot be asked", error) from None
    except Exception as error:  # noqa: BLE001 - a plug-in by somebody else
        missing = [name for name in options(provider) if not credentials.values.get(name)]
        rest = f"; not in the file: {', '.join(missing)}" if missing else ""
        raise DnsFailure("refused", credentials.hidden(f"{provider} refused: {_said(error)}") + rest) from None


def _status(error: Exception, zone: str) -> tuple[DnsKind, str]:
    answer = getattr(error, "response", None)
    status = getattr(answer, "status_code", 0)
    if status in (401, 403):
        return "credentials", "does not accept the credentials"
    if status == 404:
        return "zone", f"has no zone {zone}"
    if status == 429 or status >= 500:
        return "unreachable", "has trouble"
    return "refused", "refused"


def _said(error: Exception) -> str:
    """In one line; of an HTTP answer its status and the first words of its body, unless that is a page."""
    answer = getattr(error, "response", None)
    text = str(error) or type(error).__name__
    if answer is not None:
        body = "" if "html" in answer.headers.get("Content-Type", "") else answer.text
        text = f"{answer.status_code} {answer.reason} {body}"
    return re.sub(r"\s+", " ", text).strip()[:300]
