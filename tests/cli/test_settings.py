"""Settings as a customer gives, sees and changes them."""

import json

from place import APP
from terminal import terminal

ENV = """
env:
  SECRET: {generate: hex64}
  MODE: production
  LEVEL: {ask: "How loud?", type: integer, choices: [5, 10], help: "From quiet to loud."}
  API_TOKEN: {ask: "Token?", pattern: "[a-z0-9-]{8,}"}
  GREETING: {ask: "Greeting?", default: "hello"}
  DATABASE_URL: "postgres://app:${API_TOKEN}@db/app"
  HOME_PAGE: "${url}/home"
"""
TOKEN = "token-0123456789"


def publish(place, version, env=ENV):
    """With other settings than the ones that every other test has."""
    source = place.folder / "source"
    place.publish("0.0.1")
    text = (source / "discode.yml").read_text().replace("0.0.1", version)
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("env:"))
    file = source / "discode.yml"
    file.write_text(kept + env)
    (source / "app" / "VERSION").write_text(version)
    place.run("release", "publish", "--file", file, *place.vendor_words())


def environment(place):
    return json.loads(place.get("/env")[1])


def values(place):
    return place.run("config", "get", APP, "--json").last["settings"]


def test_a_customer_is_asked_and_nobody_reads_the_secret(place):
    publish(place, "1.0.0")
    refused = place.install("--version", "1.0.0", code=4).err
    assert "that only you can provide: API_TOKEN, LEVEL" in refused
    assert "--set-from-env API_TOKEN --set LEVEL=…" in refused, "no secret on a command line"
    with terminal(place.command(*place.install_words(), "--version", "1.0.0", "--no-auto-updates"), place.env) as typed:
        typed.until("Token? (API_TOKEN): ")
        assert not typed.is_echoing()
        typed.type("secr")
        typed.until("It has to match the pattern [a-z0-9-]{8,}.")
        typed.until("Token? (API_TOKEN): ")
        typed.type(TOKEN)
        assert "From quiet to loud." in typed.until("How loud? (LEVEL, one of: 5, 10): ")
        assert typed.is_echoing()
        typed.type("7")
        typed.until("It has to be one of: 5, 10.")
        typed.until("one of: 5, 10): ")
        typed.type(" 5")
        typed.until("is installed and serving")
        assert typed.end() == 0
        assert TOKEN not in typed.screen and "secr" not in typed.screen
    has = environment(place)
    assert (has["LEVEL"], has["API_TOKEN"], has["GREETING"], has["MODE"]) == ("5", TOKEN, "hello", "production")
    assert has["DATABASE_URL"] == f"postgres://app:{TOKEN}@db/app"
    assert has["HOME_PAGE"] == f"http://shop.test:{place.port}/home"

    shown = place.run("config", "get", APP).out
    assert [line.split(maxsplit=1)[0] for line in shown.splitlines()] == [
        "SETTING", "API_TOKEN", "DATABASE_URL", "GREETING", "HOME_PAGE", "LEVEL", "MODE", "SECRET",
    ]  # fmt: skip
    for line in (
        "LEVEL         you         5", "GREETING      default     hello", "MODE          the vendor  production",
        "API_TOKEN     you         (set, hidden)", "DATABASE_URL  the vendor  (set, hidden)",
        "SECRET        generated   (set, hidden)",
    ):  # fmt: skip
        assert line in shown
    told = values(place)
    assert told["LEVEL"] == {"set": True, "value": "5", "secret": False, "by": "you"}
    assert told["API_TOKEN"] == {"set": True, "value": None, "secret": True, "by": "you"}
    assert place.run("config", "get", APP, "DATABASE_URL", "--reveal").out == f"postgres://app:{TOKEN}@db/app\n"
    assert place.run("config", "get", APP, "--reveal", "--json").last["settings"]["API_TOKEN"]["value"] == TOKEN
    assert "has no setting named NOPE" in place.run("config", "get", APP, "NOPE", code=2).err

    for words, code, told in [
        (("LEVEL=7",), 2, "LEVEL has to be one of: 5, 10. Nothing was changed."),
        (("API_TOKEN=short",), 2, "API_TOKEN has to match the pattern [a-z0-9-]{8,}. Nothing was changed."),
        (("MODE=test",), 2, "MODE has a value that the vendor chose, and other values were not tested."),
        (("SECRET=mine",), 2, "SECRET is generated once for this installation"),
        (("--unset", "SECRET"), 2, "SECRET is generated once for this installation"),
        (("--unset", "LEVEL"), 2, "does not run without LEVEL"),
        (("API_TOKEN",), 2, "there is no terminal to ask for it"),
    ]:
        answer = place.run("config", "set", APP, *words, code=code)
        assert told in answer.err and "short" not in answer.err, answer.err
    assert environment(place) == has

    with terminal(place.command("config", "set", APP, "API_TOKEN"), place.env) as typed:
        typed.until("Token? (API_TOKEN): ")
        typed.type("another-token")
        assert typed.end() == 0 and "another-token" not in typed.screen
    answer = place.run("config", "set", APP, "MODE=test", "--force", "GREETING=", "--unset", "GREETING")
    assert "Note: MODE has a value that the vendor chose" in answer.err and "because you said --force" in answer.err
    now = environment(place)
    assert (now["API_TOKEN"], now["MODE"], now["GREETING"]) == ("another-token", "test", "hello")
    assert now["DATABASE_URL"] == "postgres://app:another-token@db/app" and now["SECRET"] == has["SECRET"]


def test_what_a_bad_value_does_is_seen_at_once(installed):
    command = installed.start("config", "set", APP, "GREETING=unusable", "--json")
    seen = next(event["seen"] for line in command.stdout if (event := json.loads(line)).get("event") == "waiting")
    command.send_signal(2)
    assert seen == "500 at /up: 1.0.0"
    out, _ = command.communicate(timeout=300)
    assert command.returncode == 5 and "1.0.0 is still serving" in json.loads(out.splitlines()[-1])["error"]["sentence"]
    assert "GREETING" not in values(installed)


def test_an_update_takes_what_only_the_new_version_asks_for(installed):
    publish(installed, "1.1.0")
    refused = installed.run("update", APP, "--to", "1.1.0", code=4).err
    assert "that only you can provide: API_TOKEN, LEVEL. Nothing was changed." in refused
    assert "Run the command again with: --set-from-env API_TOKEN --set LEVEL=…" in refused
    bad = installed.run("update", APP, "--to", "1.1.0", "--set", "LEVEL=7", code=2).err
    assert "LEVEL has to be one of: 5, 10. Nothing was changed." in bad
    installed.env["API_TOKEN"] = TOKEN
    words = ("--to", "1.1.0", "--set-from-env", "API_TOKEN", "--set", "LEVEL=5")
    assert installed.run("update", APP, *words, "--json").last["to"] == "1.1.0"
    assert (environment(installed)["API_TOKEN"], environment(installed)["LEVEL"]) == (TOKEN, "5")

    publish(installed, "1.2.0", ENV.replace("[5, 10]", "[11, 12]"))
    refused = installed.run("update", APP, "--to", "1.2.0", code=4).err
    assert "shop 1.2.0: LEVEL has to be one of: 11, 12. Nothing was changed." in refused
    with terminal(installed.command("update", APP, "--to", "1.2.0"), installed.env) as typed:
        typed.until("How loud? (LEVEL, one of: 11, 12): ")
        typed.type("12")
        assert typed.end() == 0
    assert environment(installed)["LEVEL"] == "12"
    assert "LEVEL has to be one of: 5, 10" in installed.run("rollback", APP, code=4).err
    assert installed.run("rollback", APP, "--set", "LEVEL=10", "--json").last["to"] == "1.1.0"
    assert environment(installed)["LEVEL"] == "10"
