"""Notices: in memory, and as files with Apprise, into a real mailbox and a real webhook."""

import json
import logging
import os
import stat
import subprocess
import sys
import threading
from contextlib import closing

import pytest
from notices_contract import MESSAGE, NoticesContract, a_book

from discode.adapters.notices import FileNotices
from discode.adapters.notices.sending import check, send
from discode.core.errors import Refused, StateError, Unreachable, UsageError
from discode.core.notice_address import Address
from discode.testing.memory_notices import MemoryNotices
from rig.certificates import server_context
from rig.ports import free_port
from rig.told import Hook, Mailbox


class InMemory:
    def __init__(self):
        self.notices, self.address = MemoryNotices(), Address(name="ops", url="json://hooks.test/secret")
        self.notices.add(self.address)

    def taken(self):
        return [(one.subject, one.body) for one in self.notices.taken.get("ops", [])]

    def go_away(self):
        self.notices.away.add("ops")
        self.notices.no_beat = True

    def come_back(self):
        self.notices.away.clear()

    def heartbeat(self):
        self.notices.set_heartbeat("https://health.test/ping")
        return self.beats()

    def beats(self):
        return self.notices.beats


class ByFiles:
    """Mails or calls of a webhook; the heartbeat is a webhook's always."""

    def __init__(self, home, hook, mailbox=None):
        self.hook, self.mailbox = hook, mailbox
        self.notices = FileNotices(home)
        self.address = Address(name="ops", url=(mailbox or hook).url)
        self.notices.add(self.address)

    def taken(self):
        return [(one.subject, one.body) for one in (self.mailbox or self.hook).taken]

    def go_away(self):
        self.hook.status = 503
        if self.mailbox:
            self.mailbox.close()

    def come_back(self):
        self.hook.status = 200
        if self.mailbox:
            self.mailbox.open()

    def heartbeat(self):
        self.notices.set_heartbeat(self.hook.web_address)
        return self.beats()

    def beats(self):
        return len(self.hook.called)


class TestMemoryNotices(NoticesContract):
    @pytest.fixture
    def site(self):
        return InMemory()


class TestNoticesByWebhook(NoticesContract):
    @pytest.fixture
    def site(self, tmp_path, hook):
        return ByFiles(tmp_path, hook)


class TestNoticesByMail(NoticesContract):
    @pytest.fixture
    def site(self, tmp_path, hook, mailbox):
        return ByFiles(tmp_path, hook, mailbox)


def test_what_is_kept_is_the_owners_alone(tmp_path, hook):
    site = ByFiles(tmp_path, hook)
    site.notices.keep(a_book())
    folder = tmp_path / "notices"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.iterdir()]}
    assert modes == {"notices": 0o700, "addresses.json": 0o600, "book.json": 0o600}
    assert hook.SECRET not in (folder / "book.json").read_text() + repr(site.notices.addresses())


def test_a_damaged_book_is_set_aside_and_begun_anew(tmp_path):
    said = []
    notices = FileNotices(tmp_path, said.append)
    notices.keep(a_book())
    path = tmp_path / "notices/book.json"
    path.write_text('{"begun": "yest')
    assert notices.book() is None
    assert "notices begin anew" in said[0] and list(path.parent.glob("book.json.damaged-*"))
    path.write_text(json.dumps({"begun": 1.0, "notices_schema": 99}))
    with pytest.raises(StateError) as caught:
        notices.book()
    assert caught.value.name == "newer-schema"


def test_damaged_addresses_are_refused(tmp_path):
    notices = FileNotices(tmp_path)
    notices.add(Address(name="ops", url="json://hooks.test"))
    (tmp_path / "notices/addresses.json").write_text("[]")
    with pytest.raises(StateError):
        notices.addresses()


def test_a_name_is_given_once_and_one_that_is_not_there_cannot_go(tmp_path):
    notices = FileNotices(tmp_path)
    notices.add(Address(name="ops", url="json://hooks.test"))
    with pytest.raises(UsageError):
        notices.add(Address(name="ops", url="json://other.test"))
    assert notices.remove("other") is None and notices.remove("ops").url == "json://hooks.test"
    assert notices.addresses() == []


def refused(port, words, url=None):
    with pytest.raises(Unreachable) as caught:
        send(url or f"json://user:pass-4711@127.0.0.1:{port}/hook-secret-4711", MESSAGE)
    told = f"{caught.value.sentence} {caught.value.next_step}"
    assert words in told and "4711" not in told
    return told


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "refuses the login"),
        (404, "nothing at that address"),
        (429, "too many"),
        (500, "trouble of its own (500)"),
    ],
)
def test_a_service_that_refuses_is_told_by_what_it_says(hook, status, words):
    hook.status = status
    assert f"json://127.0.0.1:{hook.port} did not take the message: " in refused(hook.port, words)


def test_what_keeps_a_message_from_its_service_is_told_without_its_secrets(hook, mailbox):
    nobody = free_port()
    refused(nobody, "nothing listens there (connection refused)")
    refused(0, "no host of that name", "json://no-such-host.invalid/hook-secret-4711")
    refused(0, "does not speak TLS", f"jsons://127.0.0.1:{hook.port}/hook-secret-4711")
    mail = "mailto://user:pass-4711@127.0.0.1:{}?from=a@example.com&to=b@example.com&mode=insecure"
    refused(0, "nothing listens there", mail.format(nobody))
    refused(0, "knows no login, or no encryption", mail.format(mailbox.port))


def test_what_a_mail_server_refuses_is_told():
    with closing(Mailbox(asks=True)) as locked, closing(Mailbox(stranger="ops@example.com")) as picky:
        login = locked.url.replace("://", "://user:pass-4711@") + "&mode=insecure"
        assert f"mailto://127.0.0.1:{locked.port} " in refused(0, "the mail server refuses the login", login)
        refused(0, "does not take mail for that recipient", picky.url)
        assert locked.taken == picky.taken == []


def test_a_certificate_that_nobody_vouches_for_is_told():
    with closing(Hook(server_context("localhost"))) as secure:
        refused(0, "its certificate is not trusted by this machine", f"jsons://localhost:{secure.port}/4711")


def test_without_the_library_it_is_said_what_to_install(tmp_path):
    line = "import sys; sys.modules['apprise'] = None; from discode.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", line, "notify", "add", "json://127.0.0.1/x"], capture_output=True, text=True,
        env={**os.environ, "DISCODE_HOME": str(tmp_path)}, check=False,
    )  # fmt: skip
    assert done.returncode == 4 and "Next: Install it: pip install 'discode-selfhosted[notices]'" in done.stderr


def test_a_service_that_does_not_answer_is_not_waited_for(hook):
    let_go = threading.Event()
    hook.before = lambda: let_go.wait(60)
    try:
        with pytest.raises(Unreachable) as caught:
            send(hook.url, MESSAGE, deadline=0.2)
        assert caught.value.sentence == f"json://127.0.0.1:{hook.port} did not take the message: no answer in 0.2 s."
    finally:
        let_go.set()


def test_nothing_of_a_message_or_an_address_gets_into_a_log(hook, caplog):
    caplog.set_level(logging.DEBUG, logger="apprise")
    hook.status = 500
    refused(hook.port, "trouble of its own")
    hook.status = 200
    send(hook.url, MESSAGE)
    assert not [one for one in caplog.records if one.name.startswith("apprise")]


WRONG = {
    "no address": ("4711 secret", "That is no address for notices."),
    "no service": ("carrier-pigeon://loft/4711", "No service for notices is called carrier-pigeon://."),
    "a web page": ("https://hooks.example.com/4711", "A web address alone does not say what is to be sent there."),
    "half a Slack": ("slack://T4711", "The address is not as Slack needs it"),
    "half a Telegram": ("tgram://4711", "The address is not as Telegram needs it"),
    "a mail to nobody": ("mailto://", "That is no address for notices."),
}


@pytest.mark.parametrize(("url", "words"), WRONG.values(), ids=WRONG)
def test_an_address_that_cannot_be_right_is_refused_and_not_repeated(url, words):
    with pytest.raises(UsageError) as caught:
        check(url)
    assert words in caught.value.sentence and "4711" not in f"{caught.value.sentence}{caught.value.next_step}"
    with pytest.raises((Refused, UsageError)):
        send(url, MESSAGE)


def test_an_address_that_is_right_is_only_looked_at(hook):
    check(hook.url)
    assert hook.taken == []
