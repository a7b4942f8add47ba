"""A source that wants a name and a password: it gets them, and nobody else does."""

import hashlib
import json
from pathlib import Path
from urllib.parse import unquote

import pytest

from discode.core.login import Login
from place import APP
from rig.web import Handler, Web

USER, PASSWORD = "ann", "p:ss w@rd"
IN_ADDRESS = "ann:p%3Ass%20w%40rd@"


class Guarded:
    """The place's releases over HTTP, for those who log in; `logins` are what was shown."""

    def __init__(self, folder):
        self.logins, outer = set(), self

        class Site(Handler):
            def do_GET(self):
                shown = self.headers.get("Authorization")
                outer.logins.add(shown)
                path = folder / unquote(self.path).lstrip("/")
                if shown != Login(USER, PASSWORD).authorization:
                    self.reply(401)
                elif path.is_file():
                    self.reply(200, path.read_bytes())
                else:
                    self.reply(404)

        self.web = Web(Site)
        self.bare = f"http://{self.web.target}"
        self.url = self.bare.replace("//", f"//{IN_ADDRESS}")


@pytest.fixture
def site(place):
    place.publish("1.0.0")
    made = Guarded(place.repo)
    yield made
    made.web.close()


def words(place, url):
    return ("install", APP, "--from", url, "--host", place.host, "--http-port", place.port)


def traces(place):
    """Files of this machine in which the password is, in whatever form, but the one for it."""
    forms = [form.encode() for form in (PASSWORD, IN_ADDRESS, "p:ss", Login(USER, PASSWORD).authorization[6:])]
    return [
        path.relative_to(place.home)
        for path in place.home.rglob("*")
        if path.is_file() and path.name != "access.json" and any(form in path.read_bytes() for form in forms)
    ]


def kept(place):
    path = place.home / "apps" / APP / "access.json"
    return json.loads(path.read_bytes()), path.stat().st_mode & 0o777


def test_a_login_in_the_address_is_kept_apart_and_shown_nowhere(place, site):
    done = place.run(*words(place, site.url), "--json")
    assert "Other users of this machine could read the password" in done.out + done.err
    assert kept(place) == ({"source": site.bare, "username": USER, "password": PASSWORD, "plain_http": False}, 0o600)
    assert traces(place) == []
    place.publish("1.1.0")
    told = [done, place.run("update", APP), place.run("update", APP, "--check"), place.run("history", APP, "--json")]
    told += [place.run("status", APP), place.run("status", APP, "--json"), place.run("list", "--json")]
    assert all("ss w" not in answer.out + answer.err and "p%3A" not in answer.out + answer.err for answer in told)
    assert f"Source:      {site.bare} (stable)" in told[4].out
    assert place.get() == (200, "1.1.0") and traces(place) == []
    for pid in place.processes():
        assert b"p%3A" not in Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()


def test_a_purge_leaves_no_login(place, site):
    place.run(*words(place, site.url))
    place.run("uninstall", APP)
    assert kept(place)[0]["password"] == PASSWORD, "the next install asks by it"
    place.run("uninstall", APP, "--purge", "--yes")
    assert not (place.home / "apps" / APP).exists() and traces(place) == []


@pytest.mark.parametrize("way", ["file", "environment"])
def test_a_login_does_not_need_to_be_in_the_command(place, site, way):
    options = []
    if way == "file":
        file = place.folder / "login.txt"
        file.write_text(f"\ufeff{USER}:{PASSWORD}\r\n")
        options = ["--from-credentials-file", file]
    else:
        place.env["DISCODE_SOURCE_LOGIN"] = f"{USER}:{PASSWORD}"
    done = place.run(*words(place, site.bare), *options)
    assert "Other users" not in done.out + done.err
    place.env.pop("DISCODE_SOURCE_LOGIN", None)
    place.publish("1.1.0")
    assert place.run("update", APP, "--json").last["to"] == "1.1.0"
    assert traces(place) == []


def test_a_password_that_has_changed_is_asked_for_and_given(place, site):
    refused = place.run(*words(place, site.bare), code=4)
    assert "wants a name and a password" in refused.err and "--from-credentials-file FILE" in refused.err
    file = place.folder / "login.txt"
    file.write_text("ann:wrong")
    assert (
        "wants a name and a password"
        in place.run(*words(place, site.bare), "--from-credentials-file", file, code=4).err
    )
    file.write_text(f"{USER}:{PASSWORD}\n")
    place.run(*words(place, site.bare), "--from-credentials-file", file)
    place.publish("1.1.0")
    file.write_text("ann:old")
    place.run("update", APP, "--from-credentials-file", file, code=4)
    file.write_text(f"{USER}:{PASSWORD}\n")
    assert place.run("update", APP, "--from-credentials-file", file, "--json").last["to"] == "1.1.0"


@pytest.mark.parametrize("text", ["ann", ":secret", "", "ann:two\nlines"])
def test_what_is_no_login_is_refused_without_being_repeated(place, site, text):
    file = place.folder / "login.txt"
    file.write_text(text)
    refused = place.run(*words(place, site.bare), "--from-credentials-file", file, code=2)
    assert "must be one line: NAME:PASSWORD" in refused.err and "secret" not in refused.err
    assert not (place.home / "apps").exists()


def test_what_an_earlier_version_kept_is_put_right_by_the_next_flow(place, site):
    """It had the address with the login in its state, and trusted the vendor under that address."""
    place.run(*words(place, site.url))
    folder = place.home / "apps" / APP
    (folder / "access.json").unlink()
    state = json.loads((folder / "installation.json").read_bytes())
    (folder / "installation.json").write_text(json.dumps({**state, "source": site.url}))
    old, new = (hashlib.sha256(url.encode()).hexdigest()[:16] for url in (site.url, site.bare))
    (folder / "trust" / new).rename(folder / "trust" / old)
    pinned = (folder / "trust" / old / "root.json").read_bytes()
    assert "p%3A" not in place.run("status", APP, "--json").out
    place.publish("1.1.0")
    done = place.run("update", APP, "--json")
    assert done.last["to"] == "1.1.0" and "Trusting this vendor" not in done.out + done.err
    assert traces(place) == [] and kept(place)[0]["password"] == PASSWORD
    assert [path.name for path in (folder / "trust").iterdir()] == [new]
    assert (folder / "trust" / new / "root.json").read_bytes() == pinned


def test_the_address_of_a_hub_has_no_login(place, site):
    place.run("trust", site.url, "--root", place.repo / "metadata" / "1.root.json", code=2)
    place.env["DISCODE_HUB_TOKEN"] = "dht_aaaaaaaa_" + "a" * 32
    for command in (("release", "list", APP), ("license", "list")):
        refused = place.run(*command, "--hub", site.url, code=2)
        assert "cannot have a name and a password in it" in refused.err and f"without them: {site.bare}" in refused.err
        assert "p%3A" not in refused.err
    assert site.logins == set()


def test_a_login_and_the_leave_for_plain_http_are_taken_back(place, site):
    place.run(*words(place, site.url), "--plain-http")
    shown = place.run("source", "show", APP).out
    assert shown == f"Source:      {site.bare} (stable)\nLogin:       {USER}\nPlain HTTP:  allowed\n"
    assert place.run("source", "forget", APP, code=2).err.startswith("Error: Nothing was named to forget.")
    told = {"app": APP, "source": site.bare, "channel": "stable", "login": USER, "plain_http": False}
    done = place.run("source", "forget", APP, "--plain-http", "--json").last
    assert done == {"result": "forgotten", **told}
    done = place.run("source", "forget", APP, "--login")
    assert done.out == f"The login for {site.bare} is forgotten.\n"
    assert kept(place) == ({"source": site.bare, "username": "", "password": "", "plain_http": False}, 0o600)
    assert place.run("source", "show", APP, "--json").last == {**told, "login": None}
    place.run("update", APP, code=4)
    assert place.get() == (200, "1.0.0")
    assert place.run("source", "forget", "nobody", "--login", code=3).out == ""
