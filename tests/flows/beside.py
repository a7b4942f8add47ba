"""Releases of an app with a database and a cache beside it, for scenarios."""

from typing import Any

from discode.core.accessory import Accessory, AccessoryHealth
from discode.core.accessory_spec import AccessorySpec
from discode.core.artifact import Image
from discode.testing.memory_accessories import AccessoryBehaviour
from discode.testing.memory_runtime import Behaviour
from discode.testing.memory_world import MemoryWorld

APP_IMAGE = Image(repository="registry.example.com/acme/myapp", digest=f"sha256:{'a' * 64}")
ENV: dict[str, dict[str, Any]] = {
    "SECRET": {"generate": "hex32"},
    "GREETING": {"ask": "Which greeting?", "optional": True},
    "DATABASE_URL": {"accessory": "db"},
}
CACHE_ENV = {**ENV, "REDIS_URL": {"accessory": "cache"}}

SOON = AccessoryHealth(deadline=0.2)


def image(digit: str) -> Image:
    return Image(repository="registry.example.com/acme/beside", digest=f"sha256:{digit * 64}")


def postgres(version: str = "15", digit: str = "1", **fields: Any) -> Accessory:
    return AccessorySpec(postgres=version, health=SOON, **fields).released(image(digit))


def redis(digit: str = "7") -> Accessory:
    return AccessorySpec(redis="7", health=SOON).released(image(digit))


DB, PATCHED, MAJOR = postgres(), postgres(digit="2"), postgres("17", "3")
GREETED = postgres(env={"GREETING": "${GREETING}"})  # made of a setting of the app's
ONLY_DB, ONLY_PATCHED, ONLY_MAJOR = {"db": DB}, {"db": PATCHED}, {"db": MAJOR}
WITH_CACHE = {"db": DB, "cache": redis()}


def publish(
    world: MemoryWorld, version: str, accessories: dict[str, Accessory], behaviour=Behaviour.GOOD, **fields: Any
) -> None:
    world.publish(version, behaviour, **{**fields_of(accessories), **fields})


def fields_of(accessories: dict[str, Accessory]) -> dict[str, Any]:
    """Of a release that has them."""
    if not accessories:
        return {"env": {name: one for name, one in ENV.items() if "accessory" not in one}, "artifact": APP_IMAGE}
    env = CACHE_ENV if "cache" in accessories else ENV
    return {"env": env, "artifact": APP_IMAGE, "manifest_schema": 4, "accessories": accessories}


def behaves(world: MemoryWorld, one: Accessory, how: AccessoryBehaviour) -> None:
    world.accessories.behaviours[one.image.reference] = how
