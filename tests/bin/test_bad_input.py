"""What each command of bin/ says on a machine that lacks something: one sentence, and what to do about it."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = ["bench", "build", "chaos", "check", "demo", "test"]
USUAL = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")
NOBODY = 65534
PYTHON_3_10 = "#!/bin/sh\necho 3.10.13\n"
# What is asked of it before a command runs.
PYTHON_3_11 = """#!/bin/sh
case "$*" in
    *sys.version_info*) echo 3.11.7; exit ;;
    "-m pip --version") exit ;;
esac
"""


def every_command(test):
    return pytest.mark.parametrize("command", COMMANDS)(test)


class Machine:
    """A checkout, and a path with all of this system's programs but those that a test takes away or writes itself."""

    def __init__(self, folder: Path, programs: Path):
        """`programs` has links to those of this system."""
        self.checkout, self.programs = folder / "checkout", folder / "programs"
        self.user: int | None = None
        self.checkout.mkdir()
        shutil.copytree(ROOT / "bin", self.checkout / "bin")
        shutil.copy(ROOT / "pyproject.toml", self.checkout)
        # There are over a thousand: one by one they would take longer than most tests.
        subprocess.run(["cp", "-a", "--link", programs, self.programs], check=True)
        self.take_away("apt-get")

    def take_away(self, *patterns):
        for pattern in patterns:
            for program in self.programs.glob(pattern):
                program.unlink()

    def write(self, name, text):
        self.take_away(name)
        _write_program(self.programs / name, text)

    def give_python(self, refusing="nothing"):
        """This one, which knows nothing of what stands in `refusing`."""
        self.take_away("python*")
        text = f'#!/bin/sh\ncase "$*" in *{refusing}*) exit 1 ;; esac\nexec {sys.executable} "$@"\n'
        self.write("python3", text)

    def give_venv(self, python=None, made_for=None):
        """As if it had been completed: no package is asked for."""
        folder = self.checkout / ".venv"
        (folder / "bin").mkdir(parents=True)
        text = python or f'#!/bin/sh\nexec {sys.executable} "$@"\n'
        _write_program(folder / "bin/python", text)
        if made_for:
            (folder / "bin/activate").write_text(f'VIRTUAL_ENV="{made_for}/.venv"\n')

    def be_nobody(self):
        """From here on, and who owns the checkout stays."""
        self.user = NOBODY if os.getuid() == 0 else None

    def run(self, command, *words, **environment):
        """Without words `bin/test` would need root, too: it has an engine of its own."""
        words = words or (("--fast",) if command == "test" else ())
        given = {"PATH": str(self.programs), "HOME": str(self.checkout.parent), **environment}
        bash = self.programs / "bash"
        return subprocess.run(
            [bash, self.checkout / "bin" / command, *words], env=given, user=self.user, capture_output=True, text=True,
            timeout=300, stdin=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip

    def refused(self, command, *words, **environment):
        done = self.run(command, *words, **environment)
        assert done.returncode != 0 and done.stdout == ""
        sentence = done.stderr.rstrip("\n")
        assert re.fullmatch(f"bin/{command} needs .*[.]", sentence), sentence
        return sentence


def _write_program(path: Path, text: str):
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture(scope="session")
def programs():
    with tempfile.TemporaryDirectory(prefix="programs-") as folder:
        found = {program.name: program for place in reversed(USUAL) for program in Path(place).iterdir()}
        for name, program in found.items():
            (Path(folder) / name).symlink_to(program)
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def machine(programs):
    folder = Path(tempfile.mkdtemp(prefix="machine-"))
    folder.chmod(0o755)
    try:
        made = Machine(folder, programs)
        yield made
        made.checkout.chmod(0o755)
    finally:
        shutil.rmtree(folder)


@every_command
def test_a_checkout_without_write_permission(machine, command):
    machine.checkout.chmod(0o555)
    machine.be_nobody()
    assert f"to write to its checkout, and nobody cannot write to {machine.checkout}" in machine.refused(command)


@every_command
def test_a_python_that_is_too_old(machine, command):
    machine.take_away("python*")
    machine.write("python3", PYTHON_3_10)
    assert "Python 3.11 or newer, and python3 here is 3.10.13" in machine.refused(command)


def test_an_old_python_does_not_hide_a_newer_one(machine):
    machine.take_away("python*")
    machine.write("python3", PYTHON_3_10)
    machine.write("python3.12", '#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\necho 3.12.1\n')
    assert f"the module venv of Python, and {machine.programs}/python3.12 has none" in machine.refused("check")


@every_command
def test_no_python_at_all(machine, command):
    machine.take_away("python*")
    assert "Python 3.11 or newer, and python3 here is missing" in machine.refused(command)


@every_command
def test_a_python_without_venv(machine, command):
    machine.give_python(refusing="ensurepip")
    assert f"the module venv of Python, and {machine.programs}/python3 has none" in machine.refused(command)


@every_command
def test_a_virtual_environment_of_another_python(machine, command):
    machine.give_venv(python=PYTHON_3_10, made_for=machine.checkout)
    said = machine.refused(command)
    assert f"{machine.checkout}/.venv for its own virtual environment, and the one there is of Python 3.10.13" in said
    assert said.endswith("remove it with rm -r.") and (machine.checkout / ".venv").exists()


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        ({"python": "#!/bin/sh\nexit 127\n"}, "is incomplete"),
        ({"made_for": "/else/where"}, "was made for /else/where"),
    ],
    ids=["half-made", "moved"],
)
def test_a_virtual_environment_that_is_of_no_use(machine, made, fault):
    machine.give_venv(**made)
    assert f"the one there {fault}: remove it with rm -r." in machine.refused("check")


@pytest.mark.skipif(os.getuid() != 0, reason="it takes another user's virtual environment")
def test_a_virtual_environment_of_root(machine):
    """Of an earlier run with sudo."""
    machine.give_venv(python=PYTHON_3_11)
    (machine.checkout / ".venv/.made-for").write_text(f"{machine.checkout}\n")
    machine.checkout.chmod(0o777)
    machine.be_nobody()
    assert "/.venv, which belongs to root: remove it with sudo rm -r." in machine.refused("check")


@pytest.mark.parametrize("mark", [".made-for", ".installed-dev"])
def test_one_that_was_made_here_is_made_again(machine, mark):
    machine.give_venv(python="#!/bin/sh\nexit 127\n")
    (machine.checkout / ".venv" / mark).write_text(f"{machine.checkout}\n")
    machine.give_python(refusing="' venv '")
    done = machine.run("check", PIP_NO_INDEX="1")
    assert "Making .venv again: the one there is incomplete\nMaking a virtual environment in .venv\n" in done.stderr
    assert (machine.checkout / ".venv/.made-for").read_text() == f"{machine.checkout}\n"


def test_a_checkout_that_was_moved_gets_a_new_one(machine):
    """The old one would run the code of the place that it was made in."""
    machine.give_venv()
    (machine.checkout / ".venv/.made-for").write_text("/else/where\n")
    machine.give_python()
    done = machine.run("check", PIP_NO_INDEX="1")
    assert "Making .venv again: the one there was made for /else/where\n" in done.stderr


def test_no_network(machine):
    """Everything has to come from PyPI, which nothing answers for."""
    machine.give_python()
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": "/dev/null", "PIP_RETRIES": "0"}
    done = machine.run("check", **nowhere)
    assert done.returncode != 0
    *progress, sentence = done.stderr.splitlines()
    assert sentence.startswith("bin/check needs packages that pip cannot install (Could not find a version that")
    assert sentence.endswith("; all that it says is in .venv/pip.log).")
    assert progress == [
        "Making a virtual environment in .venv",
        "Installing Discode and its libraries (dev demo) into .venv",
    ]
    assert "hatchling" in (machine.checkout / ".venv/pip.log").read_text()


@pytest.fixture
def complete(machine):
    """A machine whose virtual environment has all that it takes; what would run there is told."""
    machine.give_venv(python=PYTHON_3_11 + 'echo "ran $*"', made_for=machine.checkout)
    sum_ = subprocess.run(["sha256sum"], stdin=(ROOT / "pyproject.toml").open(), capture_output=True).stdout
    for extra in ("dev", "demo", "hub", "build"):
        (machine.checkout / f".venv/.installed-{extra}").write_bytes(sum_)
    return machine


NEED_HAPROXY = ["bench", "chaos", "demo", "test"]


@pytest.mark.parametrize("command", NEED_HAPROXY)
@pytest.mark.parametrize("first", ["HA-Proxy version 2.2.9-2+deb11u6 2023/12/14", "HAProxy version 2.2.33 2024/01/01"])
def test_haproxy_2_2(complete, command, first):
    complete.write("haproxy", f"#!/bin/sh\necho '{first}'\n")
    said = complete.refused(command)
    assert f"HAProxy 2.6 or newer, and {complete.programs}/haproxy is 2.2." in said


def test_haproxy_3_0_is_taken(complete):
    complete.write("haproxy", "#!/bin/sh\necho 'HAProxy version 3.0.11-1+deb13u4 2026/05/01'\n")
    assert complete.run("chaos").stdout == f"ran {complete.checkout}/chaos/run.py\n"


@pytest.mark.parametrize(
    ("words", "missing", "packages"),
    [
        (("test", "--fast"), ["pebble*", "ruby*"], "pebble ruby"),
        (("bench", "hub"), ["wrk"], "wrk"),
    ],
    ids=["test", "bench"],
)
def test_without_root_and_with_programs_missing(complete, words, missing, packages):
    complete.write("apt-get", "#!/bin/sh\nexit 99\n")
    complete.write("haproxy", "#!/bin/sh\necho 'HAProxy version 3.0.11'\n")
    complete.take_away(*missing)
    (complete.checkout).chmod(0o777)
    complete.be_nobody()
    assert complete.refused(*words).endswith(f" needs {packages}: sudo apt-get install {packages}.")


@pytest.mark.parametrize("words", [("demo", "--runtime", "docker"), ("chaos", "--runtime=docker"), ("test", "-n3")])
def test_without_root_where_docker_is_run(complete, words):
    complete.write("haproxy", "#!/bin/sh\necho 'HAProxy version 3.0.11'\n")
    complete.checkout.chmod(0o777)
    complete.be_nobody()
    assert "root for a Docker engine of its own: run it with sudo" in complete.refused(*words)


@pytest.mark.skipif(os.getuid() != 0, reason="only root installs packages")
def test_apt_without_a_network(complete):
    complete.write("apt-get", "#!/bin/sh\necho 'E: Unable to locate package pebble' >&2\nexit 100\n")
    complete.write("haproxy", "#!/bin/sh\necho 'HAProxy version 3.0.11'\n")
    complete.take_away("pebble*")
    done = complete.run("test", "--fast")
    assert done.returncode != 0 and done.stderr.splitlines() == [
        "Installing from the distribution: pebble",
        "bin/test needs pebble, and apt-get cannot install pebble (Unable to locate package pebble).",
    ]


def test_bin_test_on_what_it_does_not_know(complete):
    assert "which is trixie (Debian 13)" in complete.refused("test", "--on", "noble")
    assert "which is trixie (Debian 13)" in complete.refused("test", "--on")


def test_bin_test_on_trixie_without_root(complete):
    complete.checkout.chmod(0o777)
    complete.be_nobody()
    assert "root to make and enter a root of trixie: run it with sudo" in complete.refused("test", "--on", "trixie")


TELLS_SIGNALS = f"""{PYTHON_3_11}
exec {sys.executable} -c '
import os, signal, locale, sys
mask = os.umask(0)
ignored = [name for name in ("SIGINT", "SIGQUIT") if signal.getsignal(getattr(signal, name)) == signal.SIG_IGN]
print(f"{{mask:03o}}", ignored, locale.getpreferredencoding())
' "$@"
"""


@pytest.mark.parametrize("mask", [0o077, 0o000])
def test_what_the_caller_ignores_masks_and_speaks_is_not_inherited(complete, mask):
    complete.write("haproxy", "#!/bin/sh\necho 'HAProxy version 3.0.11'\n")
    _write_program(complete.checkout / ".venv/bin/python", TELLS_SIGNALS)

    def ignore():
        os.umask(mask)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)

    given = {"PATH": str(complete.programs), "HOME": "/nowhere", "LANG": "C"}
    for command in NEED_HAPROXY:
        words = [complete.checkout / "bin" / command, *(["--fast"] if command == "test" else [])]
        done = subprocess.run(words, env=given, capture_output=True, text=True, preexec_fn=ignore, timeout=300)
        assert (done.stdout.splitlines()[-1], done.stderr) == ("022 [] UTF-8", "")


def test_two_at_once_do_not_install_over_each_other(machine):
    """The second waits for the first, and finds what that has made."""
    machine.give_python(refusing="'--editable'")
    two = [
        subprocess.Popen(
            [machine.programs / "bash", machine.checkout / "bin/check"], stderr=subprocess.PIPE, text=True,
            env={"PATH": str(machine.programs), "HOME": "/nowhere", "PIP_NO_INDEX": "1"},
        )
        for _ in range(2)
    ]  # fmt: skip
    said = "".join(one.communicate(timeout=300)[1] for one in two)
    assert said.count("Making a virtual environment in .venv") == 1 and "Making .venv again" not in said


def test_every_command_is_tested_here():
    found = sorted(path.name for path in (ROOT / "bin").iterdir() if path.is_file())
    assert found == COMMANDS
    assert all((ROOT / "bin" / name).stat().st_mode & stat.S_IXUSR for name in COMMANDS)
