"""install.sh, run for real: with a build on a machine whose PATH has no Python, and what it does when things break."""

import os
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import httpx
import pytest
from conftest_hub import HubVendor
from conftest_source import Customer
from hub_rig import TOOLS

from discode.core.errors import UsageError
from discode.hub.installer import add_build

NAME = f"discode-linux-{os.uname().machine}.tar.gz"


@pytest.fixture
def vendor(tmp_path, small_place):
    small_place.serve()
    made = HubVendor(tmp_path / "vendor", small_place)
    made.begin("licensed")
    return made


@pytest.fixture
def machine(tmp_path):
    """A PATH with what install.sh says that it needs, and nothing else."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in TOOLS:
        (tools / tool).symlink_to(shutil.which(tool))
    return tmp_path / "machine"


def build(folder: Path, text: str):
    """A build in the form of bin/build's, around the Python of the tests: the real one takes a minute to make."""
    folder.mkdir()
    script = folder / "discode"
    script.write_text(text)
    script.chmod(0o755)
    path = folder / NAME
    with tarfile.open(path, "w:gz") as tar:
        tar.add(script, "discode/discode")
    return path


def command(**env):
    settings = "".join(f"export {name}='{value}'\n" for name, value in env.items())
    return f'#!/bin/sh\n{settings}exec {sys.executable} -m discode "$@"\n'


def run(vendor, machine, script=None, **env):
    script = script if script is not None else httpx.get(f"{vendor.place.url}/install.sh", timeout=60).text
    settings = {
        "PATH": str(machine.parent / "tools"), "HOME": str(machine), "DISCODE_PREFIX": str(machine),
        "DISCODE_HOME": str(machine / "state"), **env,
    }  # fmt: skip
    return subprocess.run(["/bin/sh"], input=script, env=settings, capture_output=True, text=True, timeout=300)


def test_a_machine_without_python_gets_the_command_the_root_and_the_floor(vendor, machine, tmp_path):
    vendor.publish("1.1", "print(11)")
    add_build(vendor.place.folder, build(tmp_path / "build", command()))
    done = run(vendor, machine)
    assert done.returncode == 0, done.stderr
    assert "Next: discode install" in done.stderr
    [root] = (machine / "state" / "trust").glob("*/root.json")
    assert root.read_bytes() == httpx.get(f"{vendor.place.url}/metadata/1.root.json", timeout=60).content
    assert (root.parent / "floor.json").read_text() == '{"targets": 3}'
    _, key = vendor.issue()
    with socket.create_server(("", 0)) as taken:  # so that it comes as far as the proxy, and starts none
        env = {**os.environ, "DISCODE_HOME": str(machine / "state"), "NO_COLOR": "1", "DISCODE_LICENSE": key}
        words = ["install", "myapp", "--http-port", str(taken.getsockname()[1]), "--json"]
        tried = subprocess.run(
            [machine / "bin" / "discode", *words], env=env, capture_output=True, text=True, timeout=300
        )
    assert "is using port" in tried.stdout and "Trusting this vendor" not in tried.stdout, tried.stdout
    assert (machine / "state" / "apps" / "myapp" / "license.json").exists(), "no --from was needed"
    assert run(vendor, machine).returncode == 0, "again is no harm"


def test_the_fingerprint_that_init_showed_counts_after_the_root_was_renewed(vendor, machine, tmp_path):
    vendor.place.call("PUT", "/api/v1/apps/myapp", json={"access": "public"})
    pin = vendor.repository.fingerprint()
    vendor.repository.rotate("root")
    vendor.at(days=190).renew()
    add_build(vendor.place.folder, build(tmp_path / "build", command()))
    with_blanks = machine.parent / "a b"
    with_blanks.mkdir()
    done = run(vendor, machine, TMPDIR=str(with_blanks))
    assert done.returncode == 0, done.stderr
    [folder] = (machine / "state" / "trust").iterdir()
    roots = [folder / "root.json", folder / "roots" / "2.root.json", folder / "roots" / "3.root.json"]
    served = [httpx.get(f"{vendor.place.url}/metadata/{number}.root.json", timeout=60).content for number in (1, 2, 3)]
    assert [path.read_bytes() for path in roots] == served
    customer = Customer(machine / "state", vendor.place.url)
    assert customer.releases(pin).index().releases[0].version == "1.0"
    assert customer.notes == [], "the root was brought, not found"


def test_a_build_that_was_altered_is_not_installed(vendor, machine, tmp_path):
    add_build(vendor.place.folder, build(tmp_path / "build", command()))
    (vendor.place.folder / "builds" / NAME).write_bytes(b"evil")
    done = run(vendor, machine)
    assert done.returncode == 1 and "not the file that this installer knows" in done.stderr
    assert not (machine / "bin").exists()


def test_half_a_script_does_nothing(vendor, machine, tmp_path):
    add_build(vendor.place.folder, build(tmp_path / "build", command()))
    text = httpx.get(f"{vendor.place.url}/install.sh", timeout=60).text
    for end in range(0, len(text) - 6, len(text) // 12):
        run(vendor, machine, text[:end])
        assert not machine.exists(), end


def test_without_a_build_it_takes_none_from_elsewhere(vendor, machine):
    done = run(vendor, machine)
    assert done.returncode == 1 and f"has no build of Discode for this machine ({os.uname().machine})" in done.stderr
    assert "Nothing was installed." in done.stderr and f"discode hub build {NAME}" in done.stderr
    assert not machine.exists(), "whatever a public index has under some name is not taken"
    assert httpx.get(f"{vendor.place.url}/download/{NAME}", timeout=60).json()["error"]["key"] == "no-such-build"
    assert httpx.get(f"{vendor.place.url}/download/..%2fhub.toml", timeout=60).status_code == 404


def rebuild(vendor, tmp_path, number, **env):
    add_build(vendor.place.folder, build(tmp_path / f"build{number}", command(NUMBER=number, **env)))


def builds_of(machine):
    return sorted(path.name for path in (machine / "lib" / "builds").iterdir())


def test_again_it_brings_the_newest_and_the_command_is_never_missing(vendor, machine, tmp_path):
    rebuild(vendor, tmp_path, 0)
    assert run(vendor, machine).returncode == 0
    path, missing, over = machine / "bin" / "discode", [], threading.Event()

    def look():
        while not over.is_set():
            missing.extend([1] * (not path.exists()))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for number in range(1, 5):
            rebuild(vendor, tmp_path, number)
            assert run(vendor, machine).returncode == 0
            assert f"NUMBER='{number}'" in path.read_text()
            assert len(builds_of(machine)) == 2, "this one, and the one from before, which may still run"
    finally:
        over.set()
        watcher.join()
    assert not missing
    before = builds_of(machine)
    assert run(vendor, machine).returncode == 0 and builds_of(machine) == before, "the same again"


@pytest.mark.parametrize("tool", ["mkdir", "tar", "mv", "ln", "rm"])
def test_killed_at_any_tool_it_leaves_the_command_of_before_or_the_new_one(vendor, machine, tmp_path, tool):
    rebuild(vendor, tmp_path, 0)
    assert run(vendor, machine).returncode == 0
    rebuild(vendor, tmp_path, 1)
    path = machine.parent / "tools" / tool
    real = path.readlink()
    path.unlink()
    path.write_text("#!/bin/sh\nkill -9 $PPID\n")
    path.chmod(0o755)
    assert run(vendor, machine).returncode != 0
    assert "NUMBER='" in (machine / "bin" / "discode").read_text(), "there is a command"
    path.unlink()
    path.symlink_to(real)
    done = run(vendor, machine)
    assert done.returncode == 0 and "NUMBER='1'" in (machine / "bin" / "discode").read_text(), done.stderr
    left = [name for name in builds_of(machine) if ".new." in name]
    assert left == [] and len(builds_of(machine)) <= 2


def test_what_it_unpacks_belongs_to_who_unpacks_it(vendor, machine, tmp_path):
    made = build(tmp_path / "build", command())
    with tarfile.open(made, "w:gz") as tar:
        info = tar.gettarinfo(made.parent / "discode", "discode/discode")
        info.uid = info.gid = 12345
        tar.addfile(info, (made.parent / "discode").open("rb"))
    add_build(vendor.place.folder, made)
    assert run(vendor, machine).returncode == 0
    assert (machine / "bin" / "discode").stat().st_uid == os.getuid()


@pytest.mark.parametrize(
    ("env", "what", "step"),
    [
        ({"TMPDIR": "/nowhere"}, "no temporary folder can be made in /nowhere", "set TMPDIR"),
        ({"DISCODE_PREFIX": "/proc/nowhere"}, "/proc/nowhere/lib/builds cannot be made", "set DISCODE_PREFIX"),
        ({"DISCODE_PREFIX": "", "HOME": ""}, "HOME is not set", "set DISCODE_PREFIX"),
        ({"DISCODE_HOME": "/proc/nowhere"}, "the vendor's root key could not be kept", "see the sentence above"),
    ],
)
def test_a_machine_that_does_not_let_it_gets_a_sentence_and_a_next_step(vendor, machine, tmp_path, env, what, step):
    rebuild(vendor, tmp_path, 0)
    be_nobody(machine)
    done = run(vendor, machine, **env)
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and what in done.stderr and step in lines[-1], done.stderr
    assert lines[-2] == "Nothing was installed." and lines[-3].startswith("Error: "), done.stderr


def test_variables_of_the_caller_are_not_taken_for_its_own(vendor, machine, tmp_path):
    rebuild(vendor, tmp_path, 0)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "discode").touch()
    own = {"bin": str(kept), "unpacked": str(kept)}
    for variables in ({}, own):  # the second time nothing is unpacked
        assert run(vendor, machine, **variables).returncode == 0
    assert (kept / "discode").exists()
    be_nobody(machine)
    told = run(vendor, machine, DISCODE_PREFIX="", HOME="", **own).stderr
    assert told.splitlines()[-2] == "Nothing was installed."


def be_nobody(machine):
    """Whoever asks who runs this hears that it is not root."""
    tool = machine.parent / "tools" / "id"
    tool.unlink()
    tool.write_text("#!/bin/sh\necho 1000\n")
    tool.chmod(0o755)


def test_there_is_no_installer_before_there_is_a_root(small_place, tmp_path):
    assert small_place.refusal("GET", "/install.sh", 404) == "no-root"
    with pytest.raises(UsageError, match="not a build"):
        add_build(small_place.folder, tmp_path / "x.zip")
