"""The host's config.toml: defaults, words for what is wrong, and edits that keep the user's comments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from discode.adapters.hostconfig import HostConfig, load, save
from discode.core.errors import UsageError


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == HostConfig(proxy="", http_port=80, https_port=443)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    wanted = HostConfig(
        proxy="docker", http_port=8080, bind="127.0.0.1", proxy_image="r.example.com:5000/edge@sha256:ab"
    )
    save(tmp_path, wanted)
    assert load(tmp_path) == wanted
    save(tmp_path, HostConfig())
    assert load(tmp_path) == HostConfig()


@pytest.mark.parametrize("bind", ["::", "0.0.0.0", "::1", "10.0.0.5,2001:db8::5"])
def test_where_the_proxy_listens(tmp_path: Path, bind: str) -> None:
    """An address that was the default of earlier versions stays when it is in the file: somebody wrote it there."""
    (tmp_path / "config.toml").write_text(f'bind = "{bind}"\n')
    save(tmp_path, replace(load(tmp_path), http_port=8080))
    assert load(tmp_path) == HostConfig(bind=bind, http_port=8080)


def test_only_what_differs_from_the_defaults_is_written(tmp_path: Path) -> None:
    save(tmp_path, HostConfig(http_port=8080))
    assert (tmp_path / "config.toml").read_text() == "http_port = 8080\n"


def test_comments_and_order_stay(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# ours\nbind = '10.0.0.1' # the inner net\n\nhttp_port=81\n# end\n")
    save(tmp_path, HostConfig(bind="10.0.0.2", http_port=82, proxy="docker"))
    text = '# ours\nbind = "10.0.0.2" # the inner net\n\nhttp_port=82\n# end\nproxy = "docker"\n'
    assert path.read_text() == text


@pytest.mark.parametrize(
    "line", ['bind = """127.0.0.1""" # long', '"bind" = "127.0.0.1" # long', "'bind' = '127.0.0.1'   # long"]
)
def test_a_comment_stays_however_its_value_is_written(tmp_path: Path, line: str) -> None:
    (tmp_path / "config.toml").write_text(f"{line}\n# bind = 1\n")
    save(tmp_path, HostConfig(bind="10.0.0.1", http_port=8080))
    assert load(tmp_path) == HostConfig(bind="10.0.0.1", http_port=8080)
    text = (tmp_path / "config.toml").read_text()
    assert "# long\n# bind = 1\n" in text


def test_a_value_that_does_not_change_keeps_its_notation(tmp_path: Path) -> None:
    text = "# ours\nbind = '10.0.0.1'\nhttp_port = 8_0\n"
    (tmp_path / "config.toml").write_text(text)
    save(tmp_path, HostConfig(bind="10.0.0.1", https_port=8443))
    assert (tmp_path / "config.toml").read_text() == f"{text}https_port = 8443\n"


def test_a_file_that_is_wrong_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("# mine\nhttp_port = \n")
    with pytest.raises(UsageError):
        save(tmp_path, HostConfig(http_port=8080))
    assert (tmp_path / "config.toml").read_text() == "# mine\nhttp_port = \n"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("http_port = 70000", "http_port"),
        ("http_port = true", "http_port"),
        ('https_port = "443"', "https_port"),
        ("https_port = 80", "https_port"),
        ('proxy = "nginx"', "edge or docker"),
        ('bind = "example.com"', "bind"),
        ('bind = "127.0.0.1,example.com"', "bind"),
        ('bind = ""', "bind"),
        ('proxy_image = "two words"', "proxy_image"),
        ("htp_port = 80", "htp_port"),
        ("http_port = \nbind = 1", "line 1"),
    ],
)
def test_a_wrong_file_is_told_by_file_and_key(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(UsageError) as raised:
        load(tmp_path)
    assert str(tmp_path / "config.toml") in raised.value.sentence
    assert word in f"{raised.value.sentence} {raised.value.next_step}"


def test_what_load_would_refuse_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        save(tmp_path, HostConfig(http_port=0))
    assert not (tmp_path / "config.toml").exists()
