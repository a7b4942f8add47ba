"""What the vendor wants of settings, what the customer may change, what is shown, and what is made of others."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discode.core.errors import UsageError
from discode.core.manifest import EnvVar, Manifest
from discode.core.rule import held, possible
from discode.core.secrecy import has_credentials, is_secret_name
from discode.core.settings import broken, change, complete, environment, listed, missing, needs_address, warnings
from discode.core.template import expand, order
from discode.testing.memory_world import MemoryReleases


def manifest(**env) -> Manifest:
    return MemoryReleases("myapp").publish("1.0", env=env).manifest


def shown(spec, settings, **own):
    return {one.name: (one.origin, None if one.is_secret else one.value) for one in listed(spec, settings, own)}


def test_settings_come_from_the_vendor_the_customer_and_chance():
    spec = manifest(
        FIXED={"value": "f"}, MADE={"generate": "hex64"}, ASKED={"ask": "Which?"}, MAYBE={"ask": "?", "optional": True},
        USUAL={"ask": "?", "default": "u"}, EMPTY={"ask": "?", "default": ""},
    )  # fmt: skip
    made = complete(spec, {}, lambda digits: "x" * digits)
    assert made == {"MADE": "x" * 64}
    assert complete(spec, {"MADE": "kept"}, lambda digits: "new") == {"MADE": "kept"}
    assert missing(spec, made) == {"ASKED": "Which?"}
    values = {"FIXED": "f", "MADE": "x" * 64, "ASKED": "a", "USUAL": "u", "EMPTY": ""}
    assert environment(spec, {**made, "ASKED": "a"}) == values
    assert environment(spec, {**made, "ASKED": "a", "USUAL": "mine"}) == {**values, "USUAL": "mine"}


@pytest.mark.parametrize(
    ("name", "is_hidden"),
    [
        ("PASSWORD", True), ("SMTP_PASSWORD", True), ("DB_PASS", True), ("SECRET_KEY_BASE", True), ("API_KEY", True),
        ("APIKEY", True), ("apiKey", True), ("STRIPE_KEYS", True), ("GITHUB_TOKEN", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("RAILS_MASTER_KEY", True), ("SENTRY_DSN", True), ("AWS_ACCESS_KEY_ID", True), ("KEYBOARD_LAYOUT", False),
        ("KEYCLOAK_HOST", False), ("TOKENIZER", False), ("STRIPE_PUBLIC_KEY", False), ("STRIPE_PUBLISHABLE_KEY", False),
        ("SECRETARY", False), ("COMPASS", False), ("SMTP_ADDRESS", False), ("PASSENGER_APP_ENV", False), ("", False),
    ],
)  # fmt: skip
def test_a_name_says_what_is_secret(name, is_hidden):
    assert is_secret_name(name) is is_hidden


@pytest.mark.parametrize(
    ("value", "is_hidden"),
    [
        ("postgres://app:hunter2@db/app", True), ("redis://:hunter2@cache:6379/0", True),
        ("https://0123abcd@sentry.example.com/1", True), ("postgres://app:a/b#c@db/app", True),
        ("jdbc:postgresql://db/app?user=a&password=b", True), ("host=db user=a password=b", True),
        ("https://hooks.example.com/?sig=abc", True), ("https://a.example.com/?api_key=1", True),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc", True), ("https://example.com/@user", False),
        ("https://example.com:8080/a?b=c", False), ("ann@example.com", False), ("", False), ("monkey", False),
    ],
)  # fmt: skip
def test_a_value_says_what_is_secret(value, is_hidden):
    assert has_credentials(value) is is_hidden


def test_what_is_shown_and_what_is_hidden():
    spec = manifest(
        MODE={"value": "production"}, MADE={"generate": "hex64"}, ID={"generate": "hex32", "secret": False},
        SMTP={"ask": "?"}, TOKEN={"ask": "?"}, PLAN={"ask": "?", "secret": True}, CACHE={"ask": "?", "secret": False},
        KEY_TYPE={"ask": "?", "choices": ["rsa", "ec"]}, LATER={"ask": "?", "optional": True},
        LINK={"template": "${SMTP}/x"}, DSN={"template": "pg://a:${MADE}@db"}, WITHIN={"template": "<${DSN}>"},
    )  # fmt: skip
    given_ = {"MADE": "m", "ID": "i", "SMTP": "s", "TOKEN": "t", "PLAN": "p", "CACHE": "r://:x@c", "KEY_TYPE": "ec"}
    assert shown(spec, {**given_, "OLD": "o"}) == {
        "MODE": ("vendor", "production"), "MADE": ("generated", None), "ID": ("generated", "i"), "SMTP": ("you", "s"),
        "TOKEN": ("you", None), "PLAN": ("you", None), "CACHE": ("you", None), "KEY_TYPE": ("you", "ec"),
        "LATER": ("default", None), "LINK": ("vendor", "s/x"), "DSN": ("vendor", None), "WITHIN": ("vendor", None),
        "OLD": ("you", "o"),
    }  # fmt: skip
    assert "hidden-value" not in repr(listed(spec, {**given_, "TOKEN": "hidden-value"}))


def test_what_nobody_asked_for_is_changed_by_force_alone():
    spec = manifest(FIXED={"value": "1"}, MADE={"generate": "hex32"}, ASKED={"ask": "?", "optional": True})
    before = {"MADE": "old"}
    forced: list[tuple[dict[str, str | None], str]] = [
        ({"FIXED": "2"}, "FIXED has a value that the vendor chose"),
        ({"MADE": "new"}, "generated once"),
        ({"MADE": None}, "generated once"),
    ]
    for wanted, word in forced:
        with pytest.raises(UsageError, match=word) as refused:
            change(spec, before, wanted)
        assert refused.value.name == "not-asked" and "--force" in refused.value.next_step
        changed = change(spec, before, wanted, force=True)
        assert changed == {name: value for name, value in {**before, **wanted}.items() if value is not None}
        assert len(warnings(spec, before, changed)) == 1
    assert change(spec, before, {"MADE": "old", "ASKED": "a"}) == {"MADE": "old", "ASKED": "a"}
    assert change(spec, {}, {"MADE": "brought along"}) == {"MADE": "brought along"}, "nothing is lost yet"
    assert change(spec, {"FIXED": "mine"}, {"FIXED": None}) == {}, "back to the vendor's"
    assert change(spec, {"GONE": "1"}, {"GONE": None}) == {}, "what an earlier version knew"


def test_a_change_of_an_unknown_setting_is_refused_without_its_value():
    with pytest.raises(UsageError) as refused:
        change(manifest(A={"value": "1"}), {}, {"B": "hunter2"})
    assert "hunter2" not in refused.value.sentence + refused.value.next_step
    assert change(manifest(A={"ask": "?"}), {"A": "x"}, {"A": None}) == {}


@pytest.mark.parametrize(
    ("rule", "value", "told"),
    [
        ({"type": "integer"}, "7", "7"), ({"type": "integer"}, " -7 ", "-7"),
        ({"type": "integer"}, "7.5", "whole number"),
        ({"type": "integer"}, "٧", "whole number"), ({"type": "integer"}, "9" * 10**5, "whole number"),
        ({"type": "integer"}, "", "whole number"), ({"type": "number"}, "2.5e3", "2.5e3"),
        ({"type": "number"}, "1,5", "a number"),
        ({"type": "boolean"}, "Yes", "true"), ({"type": "boolean"}, "0", "false"),
        ({"type": "boolean"}, "maybe", "true or false"),
        ({"type": "url"}, "https://a.example.com:1/x", "https://a.example.com:1/x"),
        ({"type": "url"}, "a.example.com", "its scheme"),
        ({"type": "url"}, "http://a:99999", "its scheme"), ({"type": "url"}, "http://[::1", "its scheme"),
        ({"type": "email"}, "ann@example.com", "ann@example.com"), ({"type": "email"}, "ann", "an email address"),
        ({"choices": ["a", "b"]}, "b", "b"), ({"choices": ["a", "b"]}, "c", "one of: a, b"),
        ({"pattern": "[0-9]+-[0-9]+"}, "1-2", "1-2"),
        ({"pattern": "[0-9]+-[0-9]+"}, "1-2\n", "the pattern [0-9]+-[0-9]+"),
        ({"pattern": "[0-9]+-[0-9]+"}, "x1-2x", "the pattern"), ({"pattern": "a|b"}, "ab", "the pattern"),
        ({"pattern": "(a+)+b"}, "a" * 100_000, "the pattern"), ({"type": "integer", "pattern": "[1-9]"}, " 5 ", "5"),
    ],
)  # fmt: skip
def test_a_value_is_held_to_the_rule(rule, value, told):
    spec = manifest(A={"ask": "?", "help": "See the manual.", **rule})
    try:
        assert change(spec, {}, {"A": value}) == {"A": told}
        assert not broken(spec, {"A": value})
    except UsageError as refused:
        assert told in refused.sentence and refused.next_step == "See the manual." and refused.name == "invalid-setting"
        assert len(value) < 3 or value not in refused.sentence
        assert told in broken(spec, {"A": value})["A"]


@pytest.mark.parametrize(("value", "told"), [("a\0b", "NUL"), ("\udcff", "UTF-8"), ("x" * 131_071, "128 KB")])
def test_what_no_program_can_be_given_is_refused(value, told):
    with pytest.raises(ValueError, match=told):
        possible("A", value)
    possible("A", "x" * 131_069)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("plain", "plain"), ("${A}", "p@/:?#%"), ("<${A}> costs $5 and $${A}", "<p@/:?#%> costs $5 and ${A}"),
        ("postgres://app:${A}@${HOST}/${NAME}", "postgres://app:p%40%2F%3A%3F%23%25@db:5432/a/b%20c"),
        ("https://x/?q=${A}&more=${NAME}#${NAME}", "https://x/?q=p%40%2F%3A%3F%23%25&more=a%2Fb%20c#a/b c"),
        ("https://x/?${PART}", "https://x/?a=1&b=2"), ("${URL}/callback", "http://h:80/x/callback"),
        ("${A}://${A}", "p@/:?#%://p@/:?#%"), ("${GONE}", None), ("a ${GONE} b", None), ("", ""),
        ("a,b://${USER}:${A}@x", "a,b://u:p@/:?#%@x"), ("amqp://${USER}@x/${A}", "amqp://u@x/p%40/%3A%3F%23%25"),
    ],
)  # fmt: skip
def test_a_value_is_made_of_others(text, made):
    values = {
        "A": "p@/:?#%",
        "HOST": "db:5432",
        "NAME": "a/b c",
        "PART": "a=1&b=2",
        "URL": "http://h:80/x",
        "USER": "u",
    }
    assert expand(text, values) == made


@given(st.text(), st.text())
def test_a_password_is_found_again_in_the_address_that_is_made_of_it(user, password):
    from urllib.parse import unquote, urlsplit

    made = expand("scheme://${USER}:${PASSWORD}@db.example.com:5432/x", {"USER": user, "PASSWORD": password})
    parts = urlsplit(made)
    assert (unquote(parts.username), unquote(parts.password)) == (user, password)
    assert (parts.hostname, parts.port, parts.path) == ("db.example.com", 5432, "/x")


def test_made_values_follow_what_they_are_made_of():
    spec = manifest(
        PASSWORD={"generate": "hex32"}, USER={"ask": "?", "default": "app"}, MAYBE={"ask": "?", "optional": True},
        DSN={"template": "pg://${USER}:${PASSWORD}@db"}, COPY={"template": "${DSN}?x"}, NONE={"template": "<${MAYBE}>"},
        BASE={"ask": "Address?", "default": "${url}"}, MAIL={"template": "app@${host}"},
    )  # fmt: skip
    own = {"host": "a.test", "url": "http://a.test:8080/shop"}
    assert needs_address(spec) and not needs_address(manifest(A={"template": "${B}"}, B={"value": "${url}"}))
    assert environment(spec, {"PASSWORD": "s"}, own) == {
        "PASSWORD": "s", "USER": "app", "DSN": "pg://app:s@db", "COPY": "pg://app:s@db?x",
        "BASE": "http://a.test:8080/shop", "MAIL": "app@a.test",
    }  # fmt: skip
    mine = environment(spec, {"PASSWORD": "s", "BASE": "https://${x}", "MAYBE": "${PASSWORD}", "USER": "ann"}, own)
    assert mine["BASE"] == "https://${x}" and mine["NONE"] == "<${PASSWORD}>", "a customer's value is as it is"
    assert mine["DSN"] == "pg://ann:s@db"


def test_what_grows_without_end_is_refused():
    spec = manifest(A={"value": "x" * 100_000}, B={"template": "${A}${A}"}, C={"template": "${B}${B}"})
    with pytest.raises(ValueError, match="B is longer than 128 KB"):
        environment(spec, {})


def test_a_circle_is_named():
    with pytest.raises(ValueError, match=r"A is made of itself: A → B → A|B is made of itself: B → A → B"):
        order({"A": "${B}", "B": "x${A}"})


def test_a_value_with_dollars_that_was_published_before_stays_as_it_was():
    spec = manifest(OLD={"value": "${HOME}/x"})
    assert environment(spec, {}) == {"OLD": "${HOME}/x"}


def test_new_fields_are_in_what_is_signed_only_where_they_are_used():
    plain = json.loads(manifest(A={"ask": "?"}).canonical())["env"]["A"]
    assert plain == {"ask": "?", "generate": None, "optional": False, "value": None}
    assert json.loads(manifest(A={"ask": "?", "secret": False}).canonical())["env"]["A"] == {**plain, "secret": False}


@pytest.mark.parametrize(
    "fields",
    [{"value": "1", "type": "integer"}, {"generate": "hex32", "default": "x"}, {"value": "1", "choices": ["1"]},
     {"value": "1", "pattern": "1"}, {"value": "1", "help": "x"}, {"value": "1", "template": "2"}],
)  # fmt: skip
def test_rules_are_of_what_is_asked(fields):
    with pytest.raises(ValueError, match=r"need ask|exactly one of"):
        EnvVar(**fields)


def test_a_default_of_no_rule_is_any_text():
    assert held(EnvVar(ask="?"), " x ") == " x "
