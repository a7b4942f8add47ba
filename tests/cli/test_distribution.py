"""What `discode doctor --fix` installs, with an apt-get of the test's own."""

import pytest

from discode.cli.distribution import install


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """Writes down its calls; `has` makes it find packages once its lists are new."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program = tmp_path / "apt-get"
    program.write_text(f'''#!/bin/sh
cd "{tmp_path}"
echo "$DEBIAN_FRONTEND $*" >> calls
[ "$1" = update ] && {{ [ ! -e has ] || touch new; exit 0; }}
[ -e new ] || {{ echo "E: Unable to locate package" >&2; exit 100; }}
''')
    program.chmod(0o755)
    return tmp_path


def test_lists_that_are_old_are_brought_up_to_date(apt):
    (apt / "has").touch()
    assert install("haproxy", "HAProxy", "HAProxy 2.6 or newer") == "HAProxy is installed."
    wanted = "noninteractive install -y --no-install-recommends haproxy"
    assert (apt / "calls").read_text().splitlines() == [wanted, "noninteractive update", wanted]


def test_what_cannot_be_had_is_told_with_the_reason(apt):
    assert install("restic", "restic", "restic") == "apt-get could not install restic: E: Unable to locate package"


def test_another_system_is_told_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    told = install("haproxy", "HAProxy", "HAProxy 2.6 or newer")
    assert told == "This system has no apt-get: install HAProxy 2.6 or newer with its own package manager."
