"""Accessories as containers: the port's contract, and what an engine has of it. Their images are the tests' own."""

import hashlib
import json
import os
import resource
import stat
import threading
from dataclasses import replace

import pytest
from accessories_contract import AccessoriesContract, started
from conftest_docker import APP, SERVER
from conftest_docker import Bench as InstancesBench

from discode.adapters.docker import DockerAccessories, DockerRuntime
from discode.adapters.docker.network import Network
from discode.adapters.docker.volumes import ensure_swaps
from discode.core.accessory import Accessory
from discode.core.artifact import Image, Resources
from discode.core.errors import NotHere, Refused, ReleaseFailed
from discode.ports.accessories import LONGEST, AccessorySpec
from discode.ports.report import Silence
from discode.ports.runtime import Phase
from rig.wait import wait_for, with_time

OWN = f"discode-test.{APP}"
NAP = "import signal, time\nsignal.signal(signal.SIGTERM, lambda *_: exit(0))\nwhile True: time.sleep(9)\n"


class Bench(InstancesBench):
    """`spec` is an instance's, `accessory` an accessory's."""

    cat = ("cat",)
    endless = ("sleep", "600")

    def __init__(self, daemon, registry, folder, addressing="name"):
        super().__init__(daemon, registry, addressing)
        self.folder, self.count = folder, 0
        self.accessories = DockerAccessories(self.engine, "discode-test", fixed=addressing == "address")
        self.image = self.brought("server", {"server.py": SERVER.encode()}, ["python3", "server.py"])

    def close(self):
        super().close()
        # The same image is an instance's in other tests, which look whether it is there.
        self.accessories.prune(APP, frozenset())

    def brought(self, name, files, command, **config):
        """The image, pushed and fetched."""
        repository = f"acme/{name}"
        digest = self.shelf.push_app(repository, "latest", files, command, more=config)
        image = Image(repository=f"{self.registry.name}/{repository}", digest=digest)
        self.accessories.fetch(APP, image, self.releases, Silence())
        return image

    def other(self):
        return self.brought("nap", {"nap.py": NAP.encode()}, ["python3", "nap.py"])

    def accessory(self, name="db", env=None, **fields):
        health = {"path": "/up", "timeout": 60.0}
        made = Accessory.checked(
            **{"image": self.image, "port": 3000, "volumes": {"data": "/data"}, "health": health, **fields}
        )
        return AccessorySpec(APP, name, made, {"PORT": "3000", **(env or {})})

    def line(self, spec, *words):
        done = self.accessories.execute(spec.app, spec.name, words, timeout=300)
        assert done.exit_code == 0, done
        return done.output

    def write(self, spec, line):
        self.line(spec, "sh", "-c", f"echo {line} >> /data/lines")

    def read(self, spec):
        return self.line(spec, "sh", "-c", "[ ! -e /data/lines ] || cat /data/lines").splitlines()

    def target(self, name):
        folder = ensure_swaps(self.engine, APP) / "one/incoming"
        folder.mkdir(parents=True)
        return folder / name

    def handed(self, folder):
        return (folder / "lines").read_text().splitlines()

    def exits(self, code):
        return ["sh", "-c", f"exit {code}"]

    def fails(self, why):
        return ["sh", "-c", f"echo {why} >&2; exit 1"]

    def file(self, lines):
        self.count += 1
        path = self.folder / f"file{self.count}"
        if lines is not None:
            path.write_text("".join(f"{line}\n" for line in lines))
        return path

    def lines(self, path):
        return path.read_text().splitlines()


class ContractBench(Bench):
    """As the contract has it."""

    def spec(self, name="db", **fields):
        return self.accessory(name, **fields)


@pytest.fixture
def place(daemon, registry, tmp_path):
    made = ContractBench(daemon, registry, tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(params=["name", "address"])
def beside(request, daemon, registry, tmp_path):
    """With instances, behind a proxy's container and behind one on the machine."""
    made = Bench(daemon, registry, tmp_path, request.param)
    try:
        yield made
    finally:
        made.close()


class TestContract(AccessoriesContract):
    @pytest.fixture
    def bench(self, place):
        return place


def test_the_container_is_as_promised_and_its_secrets_are_nowhere_else(place):
    spec = place.accessory(
        env={"PASSWORD": "hunter2-hunter2"}, resources=Resources(memory=64 << 20, cpus=0.5), stop=7.0,
        stop_signal="SIGINT",
    )  # fmt: skip
    place.accessories.start(spec)
    told = place.told("tiny-db")
    limits = told["HostConfig"]
    assert (limits["Memory"], limits["MemorySwap"], limits["NanoCpus"]) == (64 << 20, 64 << 20, 5 * 10**8)
    assert limits["ShmSize"] == 1 << 30, "PostgreSQL's parallel queries need more than the engine's 64 MB"
    assert limits["RestartPolicy"]["Name"] == "unless-stopped" and limits["LogConfig"]["Config"]["max-size"] == "10m"
    assert not limits["PortBindings"] and not any(told["NetworkSettings"]["Ports"].values())
    assert (told["Config"]["StopTimeout"], told["Config"]["StopSignal"]) == (7, "SIGINT")
    assert told["Config"]["Labels"] == {"discode.app": APP, "discode.role": "accessory"}
    assert [(one["Name"], one["Destination"]) for one in told["Mounts"]] == [("tiny_db.data", "/data")]
    assert list(told["NetworkSettings"]["Networks"]) == [OWN]
    assert "PASSWORD=hunter2-hunter2" in told["Config"]["Env"]
    told["Config"].pop("Env")
    assert "hunter2" not in json.dumps(told) and spec.fingerprint not in json.dumps(told)


def test_an_instance_finds_it_by_its_name_and_is_not_taken_for_one(beside):
    spec, instance = started(beside, beside.accessory()), beside.spec()
    beside.runtime.start(instance)
    assert beside.answers(instance.name)
    script = "import urllib.request as u; print(u.urlopen('http://db:3000/up', timeout=60).status)"
    assert beside.runtime.run_once(instance, ["python3", "-c", script], 300, print).output == ("200",)
    assert [state.name for state in beside.runtime.instances(APP)] == [instance.name]
    assert [one.name for one in beside.runtime.processes(instance.name)] == ["web"]
    assert beside.runtime.inspect(instance.name).restarts == 0
    beside.runtime.remove(instance.name)
    beside.runtime.sweep(APP, living=True)
    beside.runtime.prune(APP, frozenset())
    beside.runtime.forget(APP)
    assert beside.accessories.healthy(spec).ok and beside.accessories.has(APP, spec.accessory.image)
    beside.accessories.remove(APP, "db")
    beside.runtime.forget(APP)
    assert not beside.api.networks(names=[OWN])
    assert beside.runtime.data(APP) == ["db.data"]
    beside.runtime.drop_data(APP)
    assert beside.accessories.volumes(APP) == []


def test_it_does_not_take_the_address_of_an_instance_that_is_down(daemon, registry, tmp_path):
    bench = Bench(daemon, registry, tmp_path, "address")
    try:
        instance = bench.spec()
        endpoint = bench.runtime.start(instance)
        bench.runtime.stop(instance.name, 1)
        started(bench, bench.accessory())
        assert bench.runtime.start(instance) == endpoint
    finally:
        bench.close()


def test_the_one_before_is_only_stopped_for_an_image_that_is_here(place):
    spec = started(place, place.accessory())
    made = place.told("tiny-db")["Id"]
    absent = Image(repository=place.image.repository, digest="sha256:" + "0" * 64)
    with pytest.raises(NotHere, match="The image of tiny-db is not on this machine"):
        place.accessories.start(place.accessory(image=absent))
    assert place.told("tiny-db")["Id"] == made and place.accessories.healthy(spec).ok


def test_a_start_that_was_killed_is_completed(place):
    spec = place.accessory()
    network = Network(place.engine, OWN, APP)
    network.ensure()
    place.accessories._create(spec, network)
    state = place.accessories.inspect(APP, "db")
    assert (state.phase, state.since, state.fingerprint) == (Phase.EXITED, None, spec.fingerprint)
    made = place.told("tiny-db")["Id"]
    started(place, spec)
    assert place.told("tiny-db")["Id"] == made


def test_a_crash_is_told_with_its_reason_and_it_comes_back(place):
    spec = place.accessory(env={"CRASH": "7"})
    place.accessories.start(spec)
    wait_for(lambda: place.accessories.inspect(APP, "db").restarts)
    state = place.accessories.inspect(APP, "db")
    assert (state.phase, state.exit_code) == (Phase.RUNNING, 7)
    eats = place.accessory(env={"EAT": "200"}, resources=Resources(memory=32 << 20))
    place.accessories.start(eats)
    wait_for(lambda: place.accessories.inspect(APP, "db").reason)
    assert place.accessories.inspect(APP, "db").reason == "out of memory (its limit is 32 MB)"


def test_what_is_no_program_is_the_releases_fault(place):
    with pytest.raises(ReleaseFailed, match="tiny-db cannot be started: no-such-program is not an executable"):
        place.accessories.start(place.accessory(command=["no-such-program"]))


def test_what_belongs_to_somebody_else_is_refused_and_left_alone(place):
    image = place.image.reference
    place.api.create_container(image, name="tiny-db", command=["sleep", "600"])
    with pytest.raises(Refused) as raised:
        place.accessories.start(place.accessory())
    assert raised.value.name == "name-taken"
    place.accessories.stop(APP, "db", 0)
    place.accessories.remove(APP, "db")
    assert place.accessories.all(APP) == [] and place.told("tiny-db")
    place.api.create_volume("tiny_cache.data")
    with pytest.raises(Refused) as raised:
        place.accessories.start(place.accessory("cache"))
    assert raised.value.name == "volume-taken"
    place.accessories.drop_volume(APP, "cache.data")
    assert place.api.inspect_volume("tiny_cache.data")


@pytest.mark.parametrize(
    ("health", "detail", "says"),
    [
        ({"command": ["true"]}, "", ""),
        ({"command": ["sh", "-c", "echo not yet >&2; exit 2"]}, "sh exited with 2", "not yet"),
        ({"command": ["sleep", "60"], "timeout": 0.5}, "sleep did not end within 0.5 s", ""),
        ({"command": ["nothing"]}, "nothing", ""),
        ({}, "", ""),
        ({"path": "/missing"}, "404 at /missing", None),
    ],
)
@pytest.mark.parametrize("way", ["from here", "from inside"])
def test_its_health_is_what_the_spec_asks_for(place, health, detail, says, way):
    spec = started(place, place.accessory())
    asked = replace(spec, accessory=place.accessory(health={"timeout": 60.0, **health}).accessory)
    if way == "from inside":  # as for an engine on another machine
        place.engine.__dict__["reaches_containers"] = False
        place.accessories._through = "tiny-db"
    probe = place.accessories.healthy(asked)
    assert (probe.ok, says is None or probe.says == says) == (not detail, True) and detail in probe.detail
    nobody = replace(asked, accessory=place.accessory(health={"timeout": 60.0}, port=9).accessory)
    assert "refused at port 9" in place.accessories.healthy(nobody).detail


def test_a_network_that_was_pruned_is_made_again(place):
    spec = started(place, place.accessory())
    place.write(spec, "one")
    place.accessories.stop(APP, "db", 1)
    place.api.prune_networks()
    assert place.read(started(place, spec)) == ["one"]


def test_large_files_go_both_ways_in_little_memory(place):
    """The program writes while it reads, and more than any buffer on the way holds."""
    started(place, place.accessory())
    given, written = place.folder / "given", place.folder / "written"
    digest, piece = hashlib.sha256(), bytes(range(256)) * 4096
    with given.open("wb") as file:
        for number in range(150):
            digest.update(data := number.to_bytes(4, "big") + piece)
            file.write(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = place.accessories.execute(APP, "db", ["cat"], stdin=given, stdout=written, timeout=300)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert done.exit_code == 0 and written.stat().st_size == given.stat().st_size
    with written.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").digest() == digest.digest()
    assert grown < 50 << 10, f"{grown} KB"
    assert written.stat().st_mode & 0o777 == 0o600
    done = place.accessories.execute(APP, "db", ["head", "-c", "5"], stdin=given, timeout=300)
    assert done.exit_code == 0 and len(done.output) == 5, "what it does not read is not forced on it"


def test_a_file_that_was_there_is_written_anew_for_the_owner_alone(place):
    started(place, place.accessory())
    path = place.file(["what was there before"])
    path.chmod(0o644)
    place.accessories.execute(APP, "db", ["echo", "new"], stdout=path, timeout=300)
    assert path.read_text() == "new\n" and path.stat().st_mode & 0o777 == 0o600


def test_a_disk_that_is_full_is_told_and_the_command_ends(place):
    started(place, place.accessory())
    full = place.folder / "full"
    os.mknod(full, 0o600 | stat.S_IFCHR, os.makedev(1, 7))  # as /dev/full
    with pytest.raises(Refused) as raised:
        place.accessories.execute(APP, "db", ["yes"], stdout=full, timeout=300)
    assert raised.value.name == "disk-full"
    wait_for(lambda: "yes" not in _programs(place))


def _programs(place):
    return [row[-1].split()[0] for row in place.api.top("tiny-db")["Processes"]]


def test_a_command_that_takes_too_long_is_killed_with_what_it_has_begun(place):
    started(place, place.accessory())
    words = ["sh", "-c", "echo words >&2; sleep 600 | cat"]
    done = with_time(
        lambda seconds: place.accessories.execute(APP, "db", words, timeout=seconds), lambda done: done.errors, 2
    )
    assert done.exit_code is None and done.errors == ("words",)
    wait_for(lambda: not {"sleep", "cat", "sh"} & set(_programs(place)))


def test_a_command_that_leaves_something_behind_has_ended(place):
    started(place, place.accessory())
    done = place.accessories.execute(APP, "db", ["sh", "-c", "sleep 600 & echo done"], timeout=300)
    assert (done.exit_code, done.output) == (0, "done\n")


def test_what_is_printed_has_an_end(place):
    started(place, place.accessory())
    much = f"import sys; sys.stdout.write('x' * {LONGEST + 1000}); sys.stderr.write('y\\n' * 100000)"
    done = place.accessories.execute(APP, "db", ["python3", "-c", much], timeout=300)
    assert len(done.output) == LONGEST and done.errors[-1] == "y" and len(done.errors) == 50


def test_an_accessory_that_dies_takes_its_command_along(place):
    started(place, place.accessory())
    ended = []
    run = threading.Thread(
        target=lambda: ended.append(place.accessories.execute(APP, "db", ["sleep", "600"], timeout=300))
    )
    run.start()
    wait_for(lambda: "sleep" in _programs(place))
    place.api.remove_container("tiny-db", force=True)
    run.join(300)
    assert ended and ended[0].exit_code not in (0, None)


def test_an_image_is_kept_for_each_app_that_has_it(place):
    image = place.image
    place.accessories.fetch("blog", image, place.releases, Silence())
    place.accessories.prune(APP, frozenset())
    assert place.accessories.has("blog", image) and not place.accessories.has(APP, image)
    DockerRuntime(place.engine, "discode-test").prune("blog", frozenset())
    assert place.accessories.has("blog", image), "they are not a release's"
    place.accessories.prune("blog", frozenset())
    assert not place.accessories.has("blog", image)
