"""A CA's directory, as it answers: with its names and the time, too late, or with something else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from discode.adapters.authority import ask
from discode.adapters.hostconfig import HostConfig
from discode.adapters.names import WorldNames
from discode.core.authority import Answered, Authority
from discode.core.name_checks import Machine
from rig import web
from rig.certificates import make_certificate, serving

YEAR = 365.0
DIRECTORY = {"newNonce": "https://ca.test/n", "newOrder": "https://ca.test/o", "meta": {"caaIdentities": ["ca.test"]}}
Serve = Callable[..., tuple[str, str]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """A CA; its answer is its address and the file with who signed its certificate."""
    with ExitStack() as stack:

        def begin(body: object, *, status: int = 200, late: float = 0.0, days: tuple[float, float] = (-1, 30)):
            certificate, key, _ = make_certificate("localhost", "127.0.0.1", days=days)
            text = body if isinstance(body, str) else json.dumps(body)

            class Handler(web.Handler):
                def date_time_string(self, timestamp: float | None = None) -> str:
                    return super().date_time_string(time.time() + late * 86400)

                def do_GET(self) -> None:
                    self.reply(status, text.encode())

            server = web.Web(Handler, serving(certificate, key))
            stack.callback(server.close)
            (tmp_path / "root.pem").write_bytes(certificate)
            return f"https://127.0.0.1:{server.port}/directory", str(tmp_path / "root.pem")

        yield begin


def test_a_ca_tells_its_names_and_the_time(serve):
    answered = ask(*serve(DIRECTORY))
    assert answered.identifiers == ("ca.test",) and not answered.reason
    assert answered.ahead is not None and abs(answered.ahead) < 60


@pytest.mark.parametrize("late", [YEAR, -YEAR])
def test_a_clock_that_is_a_year_off_is_seen(serve, late):
    answered = ask(*serve(DIRECTORY, late=late))
    assert not answered.reason and not answered.by_clock
    assert answered.ahead is not None and round(answered.ahead / 86400) == -late


@pytest.mark.parametrize(("days", "late"), [((-YEAR, -1), -30), ((YEAR, 2 * YEAR), YEAR + 1)])
def test_what_is_not_valid_by_our_clock_tells_the_time_all_the_same(serve, days, late):
    """The CA's certificate is for another time: the one in which its own clock is."""
    answered = ask(*serve(DIRECTORY, days=days, late=late))
    assert answered.by_clock and answered.reason and answered.identifiers == ()
    assert answered.ahead is not None and round(answered.ahead / 86400) == -late


@pytest.mark.parametrize(
    ("body", "status"),
    [("<html>maintenance</html>", 200), ("[]", 200), ("{}", 200), (DIRECTORY, 503), ({"newOrder": 1}, 200), ("", 200)],
)
def test_what_is_no_directory_is_no_answer(serve, body, status):
    answered = ask(*serve(body, status=status))
    assert answered.reason and answered.identifiers == () and not answered.by_clock


@pytest.mark.parametrize("meta", [None, [], {"caaIdentities": "ca.test"}, {"caaIdentities": [1, None]}, {}])
def test_a_directory_without_its_names_is_one(serve, meta):
    answered = ask(*serve({**DIRECTORY, "meta": meta}))
    assert answered.identifiers == () and not answered.reason


def test_a_ca_that_nobody_trusts_or_that_is_away_is_told(serve):
    address, root = serve(DIRECTORY)
    assert "certificate verify failed" in ask(address, "").reason
    assert ask(address, "").by_clock is False
    assert "refused" in ask("https://127.0.0.1:9/directory", root).reason
    assert ask(address, "/nowhere/root.pem").reason


def names(config: HostConfig, *, is_here: bool = True) -> WorldNames:
    return WorldNames(lambda: config, lambda: is_here)


def test_the_ca_is_that_of_the_settings(serve):
    assert names(HostConfig()).authority() == Authority("Let's Encrypt")
    by_dns = Authority("Let's Encrypt", by_dns=True, wait=7)
    assert names(HostConfig(dns_provider="powerdns", dns_wait=7)).authority() == by_dns
    address, root = serve(DIRECTORY)
    own = names(HostConfig(acme_directory=address, acme_ca_bundle=root))
    assert own.authority() == Authority("127.0.0.1", is_own=True)
    assert own.ask_authority().identifiers == ("ca.test",)
    away = names(HostConfig(acme_directory="https://127.0.0.1:9/directory")).ask_authority()
    assert away.identifiers == () and away.reason and isinstance(away, Answered)


def test_a_machine_knows_its_addresses_but_not_those_of_another_one():
    found = names(HostConfig()).machine()
    assert found.is_known and not any(one.startswith(("127.", "::1", "fe80")) for one in found.addresses)
    assert names(HostConfig(), is_here=False).machine() == Machine(is_known=False)
