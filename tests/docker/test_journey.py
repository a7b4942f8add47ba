"""The customer's commands on real containers: every promise, with traffic all the time."""

import json
from typing import Any

import pytest
from conftest_docker import EDGE_IMAGE

from place import APP
from rig.load import Load
from rig.wait import wait_for

from .docker_place import DockerPlace


@pytest.fixture
def installed(place):
    place.publish("1.0.0")
    place.install()
    return place


def test_from_install_to_uninstall_without_a_lost_request(installed):
    assert installed.get() == (200, "1.0.0")
    installed.get("/first", "POST")
    secret = installed.secret()
    with Load(installed.port, "shop.test", users=1) as load:
        installed.publish("1.1.0")
        result = installed.run("update", APP, "--json").last
        assert (result["result"], result["from"], result["to"]) == ("updated", "1.0.0", "1.1.0")
        assert installed.run("rollback", APP, "--json").last["result"] == "rolled-back"
        assert installed.run("restart", APP, "--json").last["result"] == "restarted"
        assert installed.run("config", "set", APP, "GREETING=hello", "--json").last["result"] == "configured"
    assert not load.bad and load.seen == ["1.0.0", "1.1.0", "1.0.0"]
    assert installed.get("/notes")[1] == "first" and installed.secret() == secret
    assert installed.instance_env()["GREETING"] == "hello"
    instance = installed.run("status", APP, "--json").last["instance"]
    assert installed.instances() == [instance] and instance.endswith("-3")
    told = "".join(json.dumps(dict(one, Image=0)) for one in installed.api.containers(all=True))
    assert secret not in told
    installed.run("stop", APP)
    assert installed.get()[0] == 503
    installed.run("start", APP)
    assert installed.get() == (200, "1.0.0")
    stranger = installed.api.create_container("discode-edge:test", name="stranger", command=["sleep", "1"])["Id"]
    installed.run("uninstall", APP)
    assert installed.left() == ["/stranger", "discode-proxy", f"{APP}_data"], "data and certificates stay"
    installed.install()
    assert installed.get("/notes")[1] == "first" and installed.secret() == secret
    installed.run("uninstall", APP)
    assert "shop" in installed.run("list").out, "what is kept is told, and can be deleted later"
    installed.run("uninstall", APP, "--purge", "--yes")
    assert installed.left() == ["/stranger"] and not (installed.home / "apps" / APP).exists()
    assert not installed.api.images(f"discode/{APP}")
    assert installed.api.inspect_container(stranger)


def test_bad_releases_are_refused_with_their_own_reason_and_the_old_one_serves(installed):
    with Load(installed.port, "shop.test", users=1) as load:
        bad: list[tuple[str, str, str, dict[str, Any]]] = [
            ("1.1.0", "never-healthy", " s: 503 at /up", {}),
            ("1.2.0", "exits", "exited with 3 while booting", {}),
            ("1.3.0", "eats", "while booting: out of memory (its limit is 64 MB)", {}),
            ("1.4.0", "turns-bad", "stopped answering after the switch", {"confirm": "3s"}),
            ("1.5.0", "good", " s: 404 at /nowhere", {"health": "/nowhere", "files": {}}),
        ]
        for version, behaviour, words, options in bad:
            if version == "1.5.0":
                options["files"] = {"server.py": _server_that_knows_two_paths()}
            installed.publish(version, behaviour, **options)
            answer = installed.run("update", APP, code=5)
            assert words in answer.err and "1.0.0 is still serving" in answer.err, answer.err
            assert ("did not answer within " in answer.err) == words.startswith(" s: ")
            assert installed.get() == (200, "1.0.0") and len(installed.instances()) == 1
        installed.publish("1.6.0", extra="platforms: [linux/arm64]\n", platform="linux/arm64")
        answer = installed.run("update", APP, code=4)
        assert "is for linux/arm64" in answer.err
    assert not load.bad
    assert installed.instances() == [installed.run("status", APP, "--json").last["instance"]]


def _server_that_knows_two_paths():
    from .docker_place import IMAGE_SERVER

    return IMAGE_SERVER.replace(
        'status = 503 if self.path == "/up" and bad else 200', 'status = 200 if self.path in ("/", "/up") else 404'
    ).encode()


def test_a_release_command_that_fails_shows_its_output_and_touches_nothing(installed):
    installed.get("/first", "POST")
    script = 'release_command: [sh, -c, "echo the table orders is locked; exit 4"]\n'
    installed.publish("1.1.0", extra=script)
    answer = installed.run("update", APP, code=5)
    assert "exited with 4" in answer.err and "the table orders is locked" in answer.err
    installed.publish(
        "1.2.0", extra='release_command: [sh, -c, "ls data | grep first && echo $SECRET > data/migrated"]\n'
    )
    installed.run("update", APP)
    assert installed.get("/notes")[1] == "firstmigrated"
    assert len(installed.instances()) == 1


def test_workers_change_with_the_release_and_their_log_goes_on(installed):
    program = "import time; print(open('VERSION').read(), flush=True); time.sleep(99)"
    process = f'processes: {{worker: [python3, -c, "{program}"]}}\n'
    reader = None
    for version in ("1.1.0", "1.2.0"):
        installed.publish(version, extra=process)
        installed.run("update", APP)
        status = installed.run("status", APP, "--json").last
        instance = status["instance"]
        assert installed.instances() == [instance, f"{instance}.worker"]
        assert [(one["name"], one["state"]) for one in status["processes"]] == [
            ("web", "running"), ("worker", "running")
        ]  # fmt: skip
        assert all(1 << 20 < one["memory"] < one["memory_limit"] == 64 << 20 for one in status["processes"])
        assert f"[worker] {version}" in installed.run("logs", APP, "-n", "10000").out
        if reader is None:
            reader = installed.start("logs", APP, "-f", "--process", "worker")
        else:
            assert reader.stdout.readline() == f"--- {APP} {version} is serving, as {instance} ---\n"
        assert reader.stdout.readline() == f"{version}\n"
    reader.send_signal(2)
    assert reader.communicate(timeout=300) == ("", "") and reader.returncode == 0


def test_two_apps_behind_one_proxy(installed):
    installed.publish("5.0.0", app="blog")
    answer = installed.run("install", "blog", "--from", installed.repo, "--host", "shop.test", code=4)
    assert "already uses shop.test on this machine" in answer.err
    installed.run("install", "blog", "--from", installed.repo, "--host", "blog.test")
    installed.publish("1.1.0")
    installed.run("update", APP)
    assert installed.get() == (200, "1.1.0")
    installed.run("uninstall", "blog", "--purge", "--yes")
    assert installed.get() == (200, "1.1.0"), "the proxy stays for the other one"


def test_a_killed_command_is_settled_by_the_next_one(installed):
    for version, step in [("1.1.0", "boot"), ("1.2.0", "confirm")]:
        installed.publish(version, confirm="1s")
        command = installed.start("update", APP, "--json")
        for line in command.stdout:
            if step in line:
                break
        command.kill()
        command.communicate(timeout=300)
        assert installed.get()[0] == 200
        installed.run("settle", APP)
        status = installed.run("status", APP, "--json").last
        assert status["serves"] and status["interrupted"] is None
        assert installed.get() == (200, status["version"]) and installed.instances() == [status["instance"]]


def test_what_somebody_took_away_is_put_back(installed):
    installed.api.stop("discode-proxy", timeout=2)
    told = " ".join(installed.run("status", APP).out.split())
    assert "container discode-proxy does not run: no request gets to the apps behind it." in told
    assert "Bring it back: discode settle --all" in told
    installed.run("settle", "--all")
    assert installed.get() == (200, "1.0.0")
    installed.api.remove_container("discode-proxy", force=True)
    told = " ".join(installed.run("status", APP).out.split())
    assert "container discode-proxy is not there: no request" in told and "discode settle --all" in told
    installed.publish("1.1.0")
    installed.run("update", APP)
    assert installed.get() == (200, "1.1.0")
    installed.api.remove_container(installed.instances()[0], force=True)
    installed.run("settle", "--all")
    assert installed.get() == (200, "1.1.0")
    installed.api.stop("discode-proxy", timeout=2)
    installed.api.remove_container("discode-proxy")
    installed.api.remove_volume("discode-proxy")
    installed.run("settle", "--all")
    assert installed.get() == (200, "1.1.0"), "the routes come back from what Discode knows"


def test_the_edge_on_the_host_routes_to_containers(tmp_path, daemon, registry, proxy_images):
    place = DockerPlace(tmp_path, daemon, registry, EDGE_IMAGE, "--proxy", "edge")
    place.init()
    try:
        place.publish("1.0.0")
        place.install()
        with Load(place.port, "shop.test", users=1) as load:
            place.publish("1.1.0")
            place.run("update", APP)
            instance = place.instances()[0]
            place.api.restart(instance, timeout=1)
            wait_for(lambda: place.get() == (200, "1.1.0"))
        assert load.seen[0] == "1.0.0" and load.seen[-1] == "1.1.0"
        assert place.run("proxy", "status", "--json").last["proxy"] == "edge"
        assert [one["Names"] for one in place.api.containers(all=True)] == [[f"/{instance}"]]
        place.run("uninstall", APP, "--purge", "--yes")
        assert place.get()[0] == 404
    finally:
        place.close()


def test_a_proxy_that_cannot_be_had_is_told_before_anything_else_is_asked_or_fetched(place):
    place.publish("1.0.0")
    file, image = place.folder / "discode.yml", f"acme/{APP}"
    text = file.read_text().replace(", optional: true", "").replace(f"{image}\n", f"{image}:1.0.0\n")
    file.write_text(text)
    place.run("release", "publish", "--file", file, *place.vendor_words(), "--version", "1.1.0")
    before, images = place.left(), len(place.api.images())
    assert place.install("--json", code=4).last["error"]["key"] == "missing-settings"
    place.proxy = ("--proxy-image", "127.0.0.1:9/no/proxy:1")
    error = place.install("--json", code=4).last["error"]
    assert error["key"] == "proxy-image" and "127.0.0.1:9/no/proxy:1 cannot be pulled" in error["sentence"]
    assert "--proxy edge" in error["next_step"] and "--proxy-image IMAGE" in error["next_step"]
    assert place.left() == before and len(place.api.images()) == images
