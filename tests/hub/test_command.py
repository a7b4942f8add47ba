"""`discode hub` through the front door."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from discode.hub.listening import sockets
from rig.command import run
from rig.ports import free_port
from rig.wait import wait_for
from rig.web import NO_ANSWER


class Command:
    def __init__(self, folder):
        self.folder, self.env = folder, {**os.environ, "DISCODE_HUB_HOME": str(folder / "hub"), "NO_COLOR": "1"}

    def run(self, *args, code=0, **env):
        done = run("discode", ["hub", *map(str, args)], {**self.env, **env}, timeout=300)
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


@pytest.fixture
def command(tmp_path):
    return Command(tmp_path)


def get(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except NO_ANSWER:
        return None, None


def test_init_serve_tokens_and_an_orderly_end(command):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    made = json.loads(command.run("init", "--url", url, "--vendor", "acme", "--json").stdout)
    token = json.loads(
        command.run("token", "create", "--label", "CI", "--scope", "admin", "--days", 3, "--json").stdout
    )
    log = (command.folder / "log").open("wb")
    serve = [sys.executable, "-m", "discode", "hub", "serve", "--port", str(port)]
    server = subprocess.Popen(serve, env=command.env, stderr=log, stdout=log)
    try:
        wait_for(lambda: get(f"{url}/healthz")[0] == 200)
        status, about = get(f"{url}/api/v1/hub")
        assert status == 200 and about["vendor"] == "acme" and about["online_key"]["keytype"] == "ed25519"
        for secret in (made["token"], token["token"]):
            assert get(f"{url}/api/v1/tokens", Authorization=f"Bearer {secret}")[0] == 200
        command.run("token", "revoke", token["token_id"])
        assert get(f"{url}/api/v1/tokens", Authorization=f"Bearer {token['token']}")[0] == 401
        assert "revoked" in command.run("token", "list").stdout
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
    lines = [json.loads(line) for line in (command.folder / "log").read_text().splitlines()]
    told, *requests = [line["event"] for line in lines]
    assert (
        told == "customers cannot install Discode from this hub: it has no build of it"
        and "hub build" in lines[0]["next"]
    )
    assert set(requests) == {"request"}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--port", "TAKEN"], 4, "Port TAKEN is taken by another program on 127.0.0.1. The hub was not started."),
        (["--host", "nowhere.invalid"], 2, "--host cannot be 'nowhere.invalid'"),
        (["--host", "192.0.2.1"], 2, "--host cannot be '192.0.2.1'"),
        (["--trusted-proxies", "10.0.0.5;10.0.0.6"], 2, "--trusted-proxies cannot have '10.0.0.5;10.0.0.6'"),
    ],
)
def test_a_hub_that_cannot_listen_says_why(command, words, code, sentence):
    command.run("init", "--url", "http://127.0.0.1:8900", "--vendor", "acme")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = command.run("serve", *[word.replace("TAKEN", port) for word in words], code=code).stderr
    assert sentence.replace("TAKEN", port) in refused and "Next: " in refused
    assert "customers cannot install" not in refused, "nothing was started"


@pytest.mark.parametrize("host", ["::", "0.0.0.0", "localhost"])
def test_it_listens_on_every_address_of_its_host(host):
    port = free_port()
    opened = sockets(host, port)
    try:
        with socket.create_connection(("127.0.0.1", port), 60) as reached:
            assert reached.getpeername()[1] == port
    finally:
        for one in opened:
            one.close()


@pytest.mark.parametrize("place", ["nowhere/t", "link", "."])
def test_a_hub_is_not_made_for_want_of_a_place_for_its_token(command, place):
    (command.folder / "theirs").write_text("notes")
    (command.folder / "link").symlink_to(command.folder / "theirs")
    words = ["init", "--url", "https://hub.example.com", "--vendor", "acme", "--token-file", command.folder / place]
    refused = command.run(*words, code=2).stderr
    assert "API token cannot be written" in refused and "Nothing was changed" in refused
    assert (command.folder / "theirs").read_text() == "notes"
    command.run(*words[:-1], command.folder / "t")
    assert stat.S_IMODE((command.folder / "t").stat().st_mode) == 0o600, "and then it can be made"


def test_mistakes_are_told_with_the_next_step(command):
    assert "Create one: discode hub init" in command.run("serve", code=4).stderr
    command.run("init", "--url", "https://hub.example.com", "--vendor", "acme", "--token-file", command.folder / "t")
    assert (command.folder / "t").read_text().startswith("dht_")
    assert "already has a hub" in command.run("init", "--url", "https://x.y", "--vendor", "acme", code=4).stderr
    assert "no scope" in command.run("token", "create", "--label", "x", "--scope", "everything", code=2).stderr
    away = {"DISCODE_HUB_DATABASE": f"postgresql://hub@127.0.0.1:{free_port()}/hub"}
    assert "cannot be reached" in command.run("token", "list", code=7, **away).stderr
    assert "There is no token" in command.run("token", "revoke", "aaaaaaaa", code=4).stderr


def test_a_vendor_publishes_through_the_command_line(command):
    port = free_port()
    url, folder = f"http://127.0.0.1:{port}", command.folder
    command.run("init", "--url", url, "--vendor", "acme", "--token-file", folder / "token")
    (folder / "app").mkdir()
    (folder / "app" / "server.py").write_text("print()")
    (folder / "discode.yml").write_text(
        "app: myapp\nversion: 1.0.0\narchive: ./app\ncommand: [python3, server.py]\nhealth: {path: /up}\n"
    )
    options = ["--hub", url, "--token-file", str(folder / "token"), "--keys", str(folder / "keys"), "--json"]

    def release(*args, code=0, options=options):
        done = run("discode", ["release", *map(str, args), *options], command.env, timeout=300)
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout.strip().splitlines()[-1])

    file = ("--file", folder / "discode.yml")
    assert release("publish", *file, code=7)["error"]["key"] == "source-unreachable"
    serve = [sys.executable, "-m", "discode", "hub", "serve", "--port", str(port)]
    server = subprocess.Popen(serve, env=command.env, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: get(f"{url}/healthz")[0] == 200)
        assert release("publish", *file, code=4)["error"]["key"] == "no-repository"
        assert len(release("init")["fingerprint"]) == 64
        (folder / "notes.md").write_text("# Faster")
        notes = ("--notes", f"@{folder / 'notes.md'}", "--channel", "beta")
        assert release("publish", *file, *notes)["result"] == "published"
        assert release("publish", *file, *notes)["result"] == "nothing-to-do"
        assert release("promote", "myapp", "1.0.0", "--channel", "stable")["channels"] == ["beta", "stable"]
        assert release("yank", "myapp", "1.0.0", "--reason", "loses mail")["result"] == "yanked"
        assert release("renew")["result"] == "renewed"
        [told] = release("list")["releases"]
        assert (told["version"], told["yanked"], told["notes"]) == ("1.0.0", "loses mail", "# Faster")
        wrong = [*options[:2], "--token-file", str(folder / "notes.md"), *options[4:]]
        assert release("list", code=2, options=wrong)["error"]["key"] == "bad-token"
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
