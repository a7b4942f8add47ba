"""A snapshot whose machine is gone, and one on which nothing of the app is known."""

from beside import publish
from scenarios import APP, CERTIFICATE, DATA, ENV, ROUTE

from discode.flows.backup import backup
from discode.flows.install import InstallRequest, install
from discode.flows.restore_new import Elsewhere
from discode.testing.memory_backups import HEADER, MemoryBackups
from discode.testing.memory_world import MemoryWorld

COPY = "copy"
FILES = {"note": b"of the snapshot", "app.db": HEADER + b"of the snapshot"}


def snapshot_of(accessories=None, settings=None, **fields):
    """A world with an app whose snapshot was taken."""
    world = MemoryWorld(APP)
    if accessories:
        publish(world, "1.0", accessories, **fields)
    else:
        world.publish("1.0", env=ENV, **fields)
    install(world.world(), InstallRequest(APP, "memory", route=ROUTE, certificate=CERTIFICATE, settings=settings or {}))
    if accessories and not settings:
        world.accessories.write(APP, "db", "of the snapshot")
    world.repositories.set_up(APP)
    world.repositories.files |= {DATA / name: data for name, data in FILES.items()}
    backup(world.world(), APP)
    world.system.sleep(600)
    return world


def bare(world):
    """Another machine: the vendor and the repository are as they were, and nothing else."""
    made = MemoryWorld(APP)
    made.vendor, made.runtime.behaviours = world.vendor, dict(world.runtime.behaviours)
    made.accessories.behaviours = dict(world.accessories.behaviours)
    made.system.time, made.system._secrets = world.system.time, world.system._secrets
    made.repositories.storage = world.repositories.storage
    return made


def elsewhere(world, **fields):
    return Elsewhere(**{"app": APP, "name": APP, "repository": repository(world), **fields})


def repository(world, password="memory"):
    return MemoryBackups(APP, world.repositories.storage, password, world.repositories.files)
