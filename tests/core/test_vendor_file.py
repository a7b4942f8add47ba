import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discode.core.errors import ManifestError
from discode.core.vendor_file import parse_vendor_file

GOOD = """\
app: myapp
version: 1.2.0
archive: ./app
command: [python3, server.py]
health: {path: /up, timeout: 5s, deadline: 60s}
volumes: {storage: storage}
env:
  MODE: production
  WORKERS: 2
  SECRET: {generate: hex64}
  SMTP: {ask: "SMTP server", optional: true}
release_command: [python3, migrate.py]
processes: {worker: [python3, jobs.py]}
update: {strategy: hold, confirm: 1500ms, drain: 30s, stop: 10s}
timeouts: {response: 2m}
requires: ">=1.0"
resources: {memory: 512MB, cpus: 1}
"""


def problems(text):
    with pytest.raises(ManifestError) as refused:
        parse_vendor_file(text)
    assert "Nothing was published" in refused.value.sentence or "longer" in refused.value.sentence
    return list(refused.value.problems)


def test_a_whole_file():
    spec = parse_vendor_file(GOOD)
    assert spec.health.timeout == 5 and spec.update.confirm == 1.5 and spec.env["WORKERS"].value == "2"
    assert spec.resources.memory == 512 * 2**20 and spec.timeouts.response == 120


def test_numbers_stay_as_they_were_written():
    spec = parse_vendor_file(GOOD.replace("version: 1.2.0", "version: 1.10").replace("WORKERS: 2", "WORKERS: 0.10"))
    assert spec.version == "1.10" and spec.env["WORKERS"].value == "0.10"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("app: myapp", "app: My App", "line 1: app: 1 to 40 lowercase letters, digits and dashes"),
        ("version: 1.2.0", "version: one", "line 2: version: 'one' is not a version"),
        ("command: [python3", "comand: [python3", "line 4: comand: unknown field; did you mean command?"),
        ("timeout: 5s", "timeout: soon", "line 5: health.timeout: 'soon' is not a duration"),
        ("path: /up", "path: up", "line 5: health.path: a path within the app"),
        ("path: /up", 'path: "/up?full=1"', "line 5: health.path: a path within the app, starting with /, without"),
        ("path: /up", 'path: "/up#top"', "without a query (?…) or a fragment (#…)"),
        ("path: /up", 'host: "shop test"', "line 5: health.host: a host name such as app.example.com"),
        ("storage: storage", "storage: ../x", "line 6: volumes.storage.path: a folder inside the app, without .."),
        ("storage: storage", "storage: /x", "volumes of an archive are folders inside it"),
        ("MODE: production", "PORT: 80", "line 8: env.PORT"),
        ("generate: hex64", "generate: hex7", "line 10: env.SECRET.generate"),
        ("{generate: hex64}", "{generate: hex64, ask: x}", "give exactly one of"),
        ("MODE: production", "MODE: yes", "put it in quotes"),
        ("strategy: hold", "strategy: yolo", "line 14: update.strategy"),
        ('requires: ">=1.0"', 'requires: "about 1"', "line 16: requires: 'about 1' is not a requirement"),
        ("memory: 512MB", "memory: lots", "line 17: resources.memory: 'lots' is not a size"),
        ("response: 2m", "response: 0", "line 15: timeouts.response: a time from 1s to 24h"),
        ("response: 2m", "response: 25h", "line 15: timeouts.response: a time from 1s to 24h"),
        ("response: 2m", "response: long", "line 15: timeouts.response: 'long' is not a duration"),
        ("response: 2m", "respons: 2m", "line 15: timeouts.respons: unknown field; did you mean response?"),
        ("archive: ./app\n", "", "give exactly one of: archive"),
        ("app: myapp\n", "", "app: Field required"),
        ("version: 1.2.0\n", "version: 1.2.0\nversion: 1.3.0\n", "line 3: version appears twice"),
        ("MODE: production", "MODE: *alias", "line 8: aliases (*alias) are not allowed"),
        ("app: myapp", "app: [", "line"),
        ("memory: 512MB", "memoy: 512MB", "did you mean memory?"),
        ("processes: {worker:", "processes: {web:", "web is the app itself: give its process another name"),
        ("storage: storage", "storage: {pth: data}", "line 6: volumes.storage.pth: unknown field; did you mean path?"),
        ("storage: storage", "storage: {path: ../x}", "line 6: volumes.storage.path: a folder inside the app"),
        ("storage: storage", "storage: {path: x, share: 2}", "line 6: volumes.storage.share"),
    ],
)
def test_each_problem_is_told_with_its_line(old, new, told):
    assert old in GOOD
    found = problems(GOOD.replace(old, new))
    assert any(told in problem for problem in found), found


RULED = GOOD.replace(
    """  SMTP: {ask: "SMTP server", optional: true}\n""",
    """\
  DAY: 2026-11-28
  RATE: {value: 1.10}
  LEVEL:
    ask: "How loud?"
    type: integer
    default: 05
    choices: [05, 10]
    pattern: "[0-9]{2}"
    secret: false
    help: "From quiet to loud."
  FAST: {ask: "Fast?", type: boolean, default: yes}
  DB: "pg://app:${SECRET}@${host}/$${x}"
""",
)


def test_the_rules_of_a_setting():
    env = parse_vendor_file(RULED).env
    assert (env["DAY"].value, env["RATE"].value, env["FAST"].default) == ("2026-11-28", "1.10", "yes")
    level = env["LEVEL"]
    assert (level.type, level.default, level.choices, level.secret) == ("integer", "05", ("05", "10"), False)
    assert env["DB"].template == "pg://app:${SECRET}@${host}/$${x}" and env["DB"].value is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("default: 05", "default: 7", "line 16: env.LEVEL.default: has to be one of: 05, 10"),
        ("default: 05", "default: loud", "line 16: env.LEVEL.default: has to be a whole number"),
        ("choices: [05, 10]", "choices: [05, ten]", "line 17: env.LEVEL.choices: ten has to be a whole number"),
        ('pattern: "[0-9]{2}"', 'pattern: "[0-9]{3}"',
        "line 17: env.LEVEL.choices: 05 has to match the pattern [0-9]{3}"),
        ('pattern: "[0-9]{2}"', 'pattern: "(?=x)"', "line 18: env.LEVEL.pattern: is no pattern that can be used"),
        ('pattern: "[0-9]{2}"', 'pattern: "a)|(b"', "line 18: env.LEVEL.pattern: is no pattern that can be used"),
        ('pattern: "[0-9]{2}"', 'pattern: "(x{999}){999}"',
        "line 18: env.LEVEL.pattern: is no pattern that can be used"),
        ("type: integer", "type: colour", "line 15: env.LEVEL.type: Input should be 'text', 'integer'"),
        ("secret: false", "secrets: false", "line 19: env.LEVEL.secrets: unknown field; did you mean secret?"),
        ("${SECRET}", "${SECRTE}", "line 22: env.DB: DB is made of SECRTE, which is no name under env"),
        ("${SECRET}", "${SECRET", "line 22: env.DB: DB: after ${ it needs a name and }"),
        ("${SECRET}", "${DB}", "line 22: env.DB: DB is made of itself: DB → DB"),
        ("MODE: production", "MODE: ${DB}\n  DBX: x", "MODE is made"),
        ("default: yes", 'default: "${FAST}"', "line 21: env.FAST: FAST is made of itself: FAST → FAST"),
    ],
)  # fmt: skip
def test_rules_that_contradict_each_other_are_told_with_their_line(old, new, told):
    assert old in RULED
    text = RULED.replace(old, new)
    if "MODE: ${DB}" in new:
        text, told = text.replace("${SECRET}", "${MODE}"), "is made of itself"
    found = problems(text)
    assert any(told in problem for problem in found), found


def test_several_problems_are_told_together():
    assert len(problems(GOOD.replace("app: myapp", "app: X").replace("1.2.0", "one"))) == 2


DATABASE = """\
app: myapp
version: 1.2.0
image: registry.example.com/acme/myapp
port: 3000
volumes:
  data: /var/lib/postgresql
  uploads: {path: /uploads, share: true}
processes: {db: [postgres], worker: [jobs]}
"""


def test_a_volume_that_two_programs_would_write_in_an_overlap_is_refused_with_the_ways_out():
    [told] = problems(DATABASE)
    assert told.startswith("line 6: volumes.data: the app, db and worker have this volume, and each of them runs twice")
    for way_out in ("update: {strategy: hold}", "data: {path: /var/lib/postgresql, share: true}"):
        assert way_out in told
    shared = "data: {path: /var/lib/postgresql, share: true}"
    for text in (
        DATABASE + "update: {strategy: hold}\n",
        DATABASE.replace("data: /var/lib/postgresql", shared),
        DATABASE.replace("processes: {db: [postgres], worker: [jobs]}\n", ""),
    ):
        assert parse_vendor_file(text).volumes["data"].path == "/var/lib/postgresql"


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text", "{", "\0", "a: &x [*x]", "[" * 3000, "x" * 300_000])
def test_what_is_no_file_of_ours(text):
    with pytest.raises(ManifestError):
        parse_vendor_file(text)


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=200), st.text("abc:{}[]&*!|>-\n '\"#%@,?", max_size=200)))
def test_any_text_gives_a_file_or_a_manifest_error(text):
    try:
        assert parse_vendor_file(text).app
    except ManifestError as error:
        assert error.problems or error.sentence
