"""Kinds that are known, as containers of real servers: what two lines give, and dumps from one version to the next."""

import secrets

import pytest
from conftest_docker import APP, Bench

from discode.adapters.docker import DockerAccessories
from discode.core.accessory_dumps import comparison, databases, dumps
from discode.core.artifact import Image
from discode.core.settings import accessory_environment, complete
from discode.core.vendor_file import parse_vendor_file
from discode.ports.accessories import AccessorySpec
from discode.ports.report import Silence
from discode.testing.memory_world import MemoryReleases
from rig import databases as images
from rig.debian import Debian
from rig.wait import wait_for

KINDS = {"postgres": (images.postgres, images.POSTGRES, "bookworm", "trixie"),
         "redis": (images.redis, images.REDIS, "bookworm", "trixie")}  # fmt: skip
FILL = {
    "postgres": ["psql", "-h", "127.0.0.1", "-qc", "create table t as select generate_series(1, 1000) as n"],
    "redis": ["sh", "-c", "for n in $(seq 1000); do echo set key$n value; done | redis-cli"],
}
SERVER = {"postgres": "postgres", "redis": "redis-server"}


class Kinds(Bench):
    def __init__(self, daemon, registry, folder):
        super().__init__(daemon, registry)
        self.folder, self.password = folder, secrets.token_hex(24)
        self.accessories = DockerAccessories(self.engine, "discode-test")

    def started(self, kind, suite, more=""):
        """As a vendor has it in two lines, with the image in a registry."""
        make, versions, *_ = KINDS[kind]
        repository = f"acme/{kind}-{suite}"
        digest = make(Debian(suite)).push(self.registry, repository, "latest")
        image = Image(repository=f"{self.registry.name}/{repository}", digest=digest)
        self.accessories.fetch(APP, image, self.releases, Silence())
        text = f'app: x\nimage: x\nport: 1\naccessories: {{db: {{{kind}: "{versions[suite]}"{more}}}}}\n'
        made = parse_vendor_file(text).accessories["db"].released(image)
        release = MemoryReleases(APP).publish("1.0", accessories={"db": made}, manifest_schema=4).manifest
        settings = complete(release, {}, lambda digits: self.password)
        spec = AccessorySpec(APP, "db", made, accessory_environment(release, settings, "db"))
        self.accessories.start(spec)
        wait_for(lambda: self.accessories.healthy(spec).ok, 240)
        return spec

    def run(self, command, **files):
        done = self.accessories.execute(APP, "db", command, timeout=300, **files)
        assert done.exit_code == 0, done
        return done.output

    def arguments(self):
        """Of all that runs in it, as every user of the machine sees them."""
        return [" ".join(line) for line in self.api.top("tiny-db", ps_args="-eo pid,args")["Processes"]]


@pytest.fixture
def place(daemon, registry, tmp_path):
    made = Kinds(daemon, registry, tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("kind", KINDS)
def test_two_lines_are_a_server_that_keeps_its_password_to_itself(place, kind):
    spec = place.started(kind, KINDS[kind][2])
    told = place.api.inspect_container("tiny-db")
    shown = [*place.arguments(), str(told["Config"]["Labels"]), str(told["Path"]), str(told["Args"])]
    shown += list(place.accessories.logs(APP, "db", None))
    assert any(SERVER[kind] in line for line in shown) and not [line for line in shown if place.password in line]
    assert place.password in spec.env.values()
    host = told["NetworkSettings"]["Networks"][f"discode-test.{APP}"]["IPAddress"]
    asked = [word.replace("127.0.0.1", host) for word in spec.accessory.health.command or []]
    for wrong, is_let_in in (([], True), (["env", "PGPASSWORD=wrong", "REDISCLI_AUTH=wrong"], False)):
        done = place.accessories.execute(APP, "db", [*wrong, *asked], timeout=300)
        assert (done.exit_code == 0) is is_let_in, done


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_is_there_after_a_stop_and_in_the_next_major_version(place, kind):
    _, _, old, new = KINDS[kind]
    before = place.started(kind, old)
    place.run(FILL[kind])
    said = place.run(comparison(kind))
    place.accessories.stop(APP, "db", 30)
    assert place.accessories.inspect(APP, "db").exit_code == 0, "it ended by itself when it was told to"
    place.accessories.start(before)
    wait_for(lambda: place.accessories.healthy(before).ok, 240)
    assert place.run(comparison(kind)) == said and "1000" in said
    listing = databases(kind)
    found = [(one, place.folder / one.file) for one in dumps(kind, place.run(listing) if listing else "")]
    for one, path in found:
        place.run(one.save, stdout=path)
    after = place.started(kind, new)
    assert not set(before.volumes) & set(after.volumes), "what has the data from before stays as it is"
    assert place.run(comparison(kind)) != said
    for _ in range(2):
        for one, path in found:
            place.run(one.load, stdin=path)
        assert place.run(comparison(kind)) == said


def test_options_of_a_server_are_given_to_it(place):
    place.started("redis", "bookworm", ", command: [--maxmemory, 64mb]")
    assert place.run(["redis-cli", "config", "get", "maxmemory"]).split() == ["maxmemory", str(64 * 2**20)]
