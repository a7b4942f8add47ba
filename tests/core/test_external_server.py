"""A database at the customer's own address: what of it the app's settings tell, and with what it is dumped."""

import pytest

from discode.core.accessory_spec import AccessorySpec
from discode.core.artifact import Image
from discode.core.external_server import Server, dump_from, server_of
from discode.core.manifest import Manifest

SECRET = "p/w: 1"
IMAGE = Image(repository="registry.example.com/db", digest=f"sha256:{'1' * 64}")


def manifest(line, *variables):
    env = {name: {"accessory": "db", **fields} for name, fields in variables}
    made = AccessorySpec.checked(**line).released(IMAGE)
    return Manifest.checked(
        manifest_schema=4, app="shop", version="1.0", artifact=IMAGE, port=3000, accessories={"db": made}, env=env
    )


@pytest.mark.parametrize(
    ("line", "text", "server"),
    [
        ({"postgres": "16"}, "postgres://me:p%2Fw%3A%201@h/app", Server("postgres", "h", 5432, "me", SECRET, "app")),
        (
            {"postgres": "16"}, "ecto://me@h:6432/app?sslmode=verify-full&pool=5",
            Server("postgres", "h", 6432, "me", "", "app", "verify-full"),
        ),
        (
            {"mariadb": "11.4"}, "mysql2://me:p%2Fw%3A%201@[2001:db8::1]/app",
            Server("mariadb", "2001:db8::1", 3306, "me", SECRET, "app"),
        ),
        (
            {"mariadb": "11.4"}, "mysql://me@h/app?ssl-mode=REQUIRED",
            Server("mariadb", "h", 3306, "me", "", "app", "on"),
        ),
        ({"redis": "7"}, "redis://:p%2Fw%3A%201@h", Server("redis", "h", 6379, "", SECRET, "")),
        ({"valkey": "8"}, "rediss://me:p%2Fw%3A%201@h:1/2", Server("valkey", "h", 1, "me", SECRET, "2", "on")),
    ],
)  # fmt: skip
def test_an_address_tells_all(line, text, server):
    assert server_of(manifest(line, ("URL", {})), {"URL": text}, "db") == server


def test_parts_tell_it_too_and_count_for_more_than_an_address():
    forms = [(f"DB_{form.upper()}", {"form": form}) for form in ("host", "port", "user", "password", "database")]
    given = {"HOST": "h", "PORT": "7", "USER": "me", "PASSWORD": SECRET, "DATABASE": "app"}
    settings = {f"DB_{name}": value for name, value in given.items()}
    wanted = Server("postgres", "h", 7, "me", SECRET, "app")
    assert server_of(manifest({"postgres": "16"}, *forms), settings, "db") == wanted
    both = manifest({"postgres": "16"}, *forms[:2], ("URL", {}))
    told = server_of(both, {"DB_HOST": "h", "DB_PORT": "7", "URL": "postgres://me@other:8/app"}, "db")
    assert (told.host, told.port, told.database) == ("h", 7, "app")


@pytest.mark.parametrize(
    ("line", "text", "why"),
    [
        ({"postgres": "16"}, "h/app", "at which host"),
        ({"postgres": "16"}, "postgres://h", "which database"),
        ({"postgres": "16"}, "postgres://me:secret@h:x/app", "URL is not an address that can be read"),
        ({"image": "registry.example.com/acme/smtp", "port": 25}, "smtp://h", "does not know how to dump it"),
    ],
)
def test_what_tells_too_little_is_told_without_a_secret(line, text, why):
    with pytest.raises(ValueError, match=why) as raised:
        server_of(manifest(line, ("URL", {"scheme": "smtp"} if "image" in line else {})), {"URL": text}, "db")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("kind", ["postgres", "mariadb", "redis", "valkey"])
def test_a_password_is_in_the_environment_alone(kind):
    dump = dump_from(Server(kind, "h", 1, "me", SECRET, "app", "on"))
    assert SECRET in dump.env.values() and not any(SECRET in word for word in dump.command)
    assert SECRET not in repr(dump) and "" not in dump.env.values()
    assert "me" in (*dump.command, *dump.env.values())
