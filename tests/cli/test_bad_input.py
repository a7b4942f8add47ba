"""What goes wrong on a customer's machine: one clear sentence, the next step, the right exit code, nothing lost."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess

import pytest

from place import APP, WATCHED
from rig.ports import free_port
from rig.wait import WaitedInVain, wait_for


def told(answer):
    """The error's lines; never a traceback."""
    assert "Traceback" not in answer.err + answer.out, answer.err
    beginnings = [line.partition(" ")[0] for line in answer.err.splitlines()]
    assert beginnings.count("Error:") == beginnings.count("Next:") == 1, answer.err
    return answer.err


def serves(place, version):
    assert place.get() == (200, version)
    assert len(place.instances()) == 1
    assert not (place.home / "apps" / APP / "journal.json").exists()


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("install", "My App", "--from", "/x"), 2, "not a valid app name"),
        (("install", APP, "--from", "/nowhere"), 7, "/nowhere has no releases"),
        (("install", APP, "--from", "ftp://x"), 2, "neither a folder nor a web address"),
        (("install", APP, "--from", "http://127.0.0.1:9/"), 7, "cannot be reached"),
        (("install", APP, "--from", "/x", "--host", "a b"), 2, "not a host name"),
        (("install", APP, "--from", "/x", "--host", "192.0.2.7", "--tls", "auto"), 2, "is an IP address"),
        (("install", APP, "--from", "/x", "--host", "localhost", "--tls", "auto"), 2, "is a name for private use"),
        (("proxy", "renew", "https://shop.test"), 2, "it has a scheme"),
        (("certificate", "set", "nosuch"), 2, "Give either --certificate and --private-key, or --tls."),
        (("install", APP, "--from", "/x", "--path-prefix", "shop"), 2, "not a valid path prefix"),
        (("install", APP, "--from", "/x", "--http-port", "70000"), 2, "70000 is not a HTTP port"),
        (("install", APP, "--from", "/x", "--https-port", "0"), 2, "0 is not a HTTPS port"),
        (("install", APP, "--from", "/x", "--set", "nonsense"), 2, "Setting 1 must look like NAME=value."),
        (("install", APP, "--from", "/x", "--set-from-env", "NOT_THERE"), 2, "has no NOT_THERE"),
        (("install", APP, "--from", "/x", "--settings", "/nowhere"), 2, "cannot be read"),
        (("status", "nosuch"), 3, "not installed"),
        (("rollback", "nosuch"), 3, "not installed"),
        (("logs", "nosuch"), 3, "not installed"),
        (("uninstall", "nosuch"), 3, "not installed"),
        (("config", "get", "nosuch"), 3, "not installed"),
        (("settle",), 2, "Give an app's name, or --all"),
        (("release", "list", "--repo", "/nowhere"), 4, "not a repository"),
        (("release", "publish", "--file", "/nowhere.yml", "--repo", "/x"), 2, "cannot be read"),
    ],
)
def test_words_that_cannot_be_meant(place, words, code, expected):
    assert expected in told(place.run(*words, code=code))
    error = place.run(*words, "--json", code=code).last
    assert error["exit_code"] == code and error["error"]["sentence"] and error["error"]["next_step"]


def test_a_choice_that_there_is_not_is_told_with_those_that_there_are(place):
    answer = place.run("install", APP, "--tls", "own", code=2)
    assert "Invalid value for '--tls': 'own' is not one of 'auto', 'off'." in answer.err


@pytest.mark.parametrize("command", ["exec", "run"])
def test_a_command_in_an_app_has_to_be_said(place, command):
    assert "Give the command after --, as in: myapp -- ls -l" in place.run(command, APP, code=125).err
    assert "The command is empty." in told(place.run(command, APP, "--", "", code=125))


def test_a_file_with_mistakes_names_every_line(place):
    file = place.folder / "discode.yml"
    file.write_text("app: X\nversion: one\narchive: .\ncomand: [a]\n")
    answer = place.run("release", "publish", "--file", file, "--repo", place.repo, "--keys", place.keys, code=2)
    for line in ("line 1: app:", "line 2: version:", "line 4: comand: unknown field; did you mean command?"):
        assert line in told(answer)


def test_tampered_and_expired_releases_leave_the_app_alone(installed):
    installed.publish("1.1.0")
    for pattern in ("*.index.json", "archives/*"):
        newest = max(installed.repo.glob(f"targets/{APP}/{pattern}"), key=lambda path: path.stat().st_mtime_ns)
        good = newest.read_bytes()
        newest.write_bytes(good[:-1] + b"?")
        assert "was altered" in told(installed.run("update", APP, code=4))
        serves(installed, "1.0.0")
        newest.write_bytes(good)
    assert installed.run("update", APP, "--json").last["to"] == "1.1.0"


def test_a_missing_setting_without_a_terminal(place):
    place.publish("1.0.0", extra="")
    file = place.folder / "source" / "discode.yml"
    file.write_text(
        file.read_text().replace("version: 1.0.0", "version: 1.0.1").replace(', optional: true', "")
    )  # fmt: skip
    place.run("release", "publish", "--file", file, "--repo", place.repo, "--keys", place.keys)
    error = told(place.install(code=4))
    assert "GREETING" in error and "--set GREETING=" in error
    assert not place.instances() and not (place.home / "config.toml").exists()
    place.env["GREETING"] = "hello"
    place.install("--set-from-env", "GREETING")
    assert json.loads(place.get("/env")[1])["GREETING"] == "hello"


def test_an_install_that_is_refused_leaves_no_settings_of_the_machine(place):
    place.publish("1.0.0")
    ports = ("--http-port", place.port, "--https-port", free_port())
    for words, code in ((("--from", "/nowhere"), 7), (("--from", place.repo, "--version", "9"), 4)):
        place.run("install", APP, *words, *ports, code=code)
        assert not (place.home / "config.toml").exists()
    place.run("install", APP, "--from", place.repo, "--host", "shop.test", *ports)
    text = (place.home / "config.toml").read_text()
    assert text == f'proxy = "edge"\nhttp_port = {ports[1]}\nhttps_port = {ports[3]}\n'
    error = place.run("install", "other", "--from", place.repo, "--https-port", "9443", "--json", code=2).last["error"]
    assert error["key"] == "other-port" and (place.home / "config.toml").read_text() == text


@pytest.mark.parametrize(
    ("kept", "options", "sentence", "step"),
    [
        ("", {"http": 443}, "--http-port 443 is the port for HTTPS, unless told otherwise.",
         "Choose another one for HTTPS: --https-port PORT"),
        ("", {"https": 80}, "--https-port 80 is the port for HTTP, unless told otherwise.",
         "Choose another one for HTTP: --http-port PORT"),
        ("https_port = 8443\n", {"http": 8443}, "--http-port 8443 is the port for HTTPS, by https_port in {file}.",
         "Choose another one for HTTPS: --https-port PORT"),
        ("", {"http": 8443, "https": 8443}, "--http-port and --https-port are both 8443.",
         "Choose another port for one of them."),
    ],
    ids=["default of HTTPS", "default of HTTP", "kept", "both given"],
)  # fmt: skip
def test_one_port_for_both_is_told_with_where_the_other_comes_from(place, kept, options, sentence, step):
    file = place.home / "config.toml"
    if kept:
        place.home.mkdir()
        file.write_text(kept)
    words = [word for name, port in options.items() for word in (f"--{name}-port", port)]
    error = place.run("install", APP, "--from", place.repo, *words, "--json", code=2).last["error"]
    assert (error["sentence"], error["next_step"]) == (f"{sentence.format(file=file)} Nothing was changed.", step)
    assert (file.read_text() if file.exists() else "") == kept


def test_a_taken_port_is_told_with_who_has_it(place):
    place.publish("1.0.0")
    with socket.socket() as other:
        other.bind(("0.0.0.0", place.port))
        other.listen()
        error = told(place.install(code=4))
        assert f"(pid {os.getpid()}) is using port {place.port}" in error and "http_port=PORT" in error
    assert not place.instances()
    place.install()
    assert place.get() == (200, "1.0.0")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
def test_without_haproxy(place):
    """In a mount namespace of its own, where the program is not there."""
    place.publish("1.0.0")
    binary = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    command = " ".join(map(str, place.command("install", APP, "--from", place.repo, "--http-port", place.port)))
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"mount --bind /dev/null {binary} && exec {command}"],
        capture_output=True, text=True, env=place.env, timeout=300, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert (
        "needs HAProxy, which is not installed on this machine. Nothing was changed." in done.stderr
        and "apt-get install haproxy" in done.stderr
    )
    assert not place.instances()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a few megabytes under the home of Discode."""
    home = tmp_path / "home"
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(home)], check=True)
    yield home
    try:
        wait_for(lambda: subprocess.run(["umount", str(home)], capture_output=True, check=False).returncode == 0)
    except WaitedInVain:
        subprocess.run(["umount", "--lazy", str(home)], check=True)
        raise


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
def test_a_full_disk(small_disk, installed):
    installed.publish("1.1.0")
    filler = installed.home / "filler"
    with filler.open("wb", buffering=0) as file:
        for piece in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(piece)):
                    continue
    error = told(installed.run("update", APP, code=4))
    assert "disk" in error.lower() or "room" in error
    serves(installed, "1.0.0")
    filler.unlink()
    assert installed.run("update", APP, "--json").last["to"] == "1.1.0"


@pytest.mark.parametrize("content", ["", "{", '{"app": "shop"', "[]", '{"installation_schema": 99}'])
def test_a_state_file_that_was_cut_off(installed, content):
    path = installed.home / "apps" / APP / "installation.json"
    good = path.read_text()
    path.write_text(content)
    error = told(installed.run("update", APP, code=4))
    assert str(path) in error
    assert installed.get() == (200, "1.0.0") and len(installed.instances()) == 1
    assert str(path) in installed.run("doctor", code=4).out
    path.write_text(good)
    serves(installed, installed.run("status", APP, "--json").last["version"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_at_many_moments(installed, number):
    """From the first event on, later and later; one more ordinary command, and everything is as it should be."""
    version = "1.0.0"
    for moment in range(6):
        newer = f"1.{number}.{moment + 1}"
        installed.publish(newer, update=WATCHED)
        command = installed.start("update", APP, "--json")
        for _ in range(1 + 3 * moment):
            command.stdout.readline()
        command.send_signal(number)
        _, err = command.communicate(timeout=300)
        assert "Traceback" not in err, err
        installed.run("settle", APP)
        before, version = version, installed.run("status", APP, "--json").last["version"]
        assert version in (newer, before)
        serves(installed, version)
        if version != newer:
            installed.run("update", APP)
            serves(installed, newer)
            version = newer


@pytest.mark.parametrize("length", [83, 300])
def test_a_home_whose_path_is_too_long_for_sockets(place, length):
    home = place.home / ("x" * 80)
    while len(os.fsencode(home / "edge")) < length:
        home /= "y" * min(80, max(length - len(os.fsencode(home / "edge")) - 1, 1))
    place.env["DISCODE_HOME"] = str(home)
    over = len(os.fsencode(home / "edge")) - 82
    answer = place.run("proxy", "start", code=4)
    assert f"The path of Discode's folder is {over} bytes too long for sockets" in told(answer)
    assert not (home / "edge").exists()
    edge = subprocess.run(
        place.command("edge", "run", "--state-dir", str(home / "edge")), capture_output=True, text=True
    )
    assert edge.returncode == 1 and f"is {over} bytes too long for the sockets in it" in edge.stderr
