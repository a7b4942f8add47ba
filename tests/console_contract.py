"""What `discode exec` and `run` keep, whatever an app runs as. A fixture `app` gives a place where one is installed,
which has a process `worker` and stays as it is."""

import os
import signal
import subprocess

import pytest

from place import APP
from terminal import terminal

BYTES = os.urandom(1 << 18)
COUNTS = """
import os, signal, sys
seen = []
signal.signal(signal.SIGINT, lambda *_: (seen.append(1), os.write(1, b"seen ")))
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(f"interrupts: {len(seen)}"))
print("ready", flush=True)
while True:
    signal.pause()
"""


def discode(place, *words, given=b""):
    """Standard output and error as bytes, and the exit code."""
    command = place.command(*words)
    return subprocess.run(command, env=place.env, input=given, capture_output=True, timeout=300, check=False)


def shell(place, script, name="exec"):
    return discode(place, name, APP, "--", "sh", "-c", script)


def started(place, name, script):
    """A command that runs: its script says `ready` first."""
    command = subprocess.Popen(
        place.command(name, APP, "--", "sh", "-c", script), env=place.env, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert command.stdout.readline() == "ready\n"
    return command


class ConsoleContract:
    def test_the_exit_code_and_both_streams_are_the_programs(self, app):
        for name in ("exec", "run"):
            done = shell(app, "echo out; echo err >&2; ls VERSION; test -n $SECRET && exit 7", name)
            assert (done.stdout, done.stderr, done.returncode) == (b"out\nVERSION\n", b"err\n", 7)
        assert shell(app, "exit 0").returncode == 0
        assert shell(app, "kill -9 $$").returncode == 137
        assert shell(app, "kill -15 $$").returncode == 143
        assert discode(app, "exec", APP, "--process", "worker", "-it", "--", "true").returncode == 125, "no terminal"
        assert discode(app, "exec", APP, "--process", "worker", "-i", "--", "true").returncode == 0

    def test_bytes_go_through_as_they_are_and_their_end_too(self, app):
        assert discode(app, "exec", APP, "--", "cat", given=BYTES).stdout == BYTES
        assert discode(app, "run", APP, "--", "cat", given=BYTES).stdout == BYTES
        both = discode(app, "exec", APP, "--", "sh", "-c", "cat; echo end >&2", given=BYTES)
        assert (both.stdout, both.stderr) == (BYTES, b"end\n")
        assert shell(app, "read -r line || exit 4").returncode == 4, "of no input there is the end alone"

    @pytest.mark.parametrize("stream", [0, 1, 2])
    def test_a_stream_that_is_closed_is_an_empty_one(self, app, stream):
        words = app.command("exec", APP, "--", "sh", "-c", "cat; echo out; echo err >&2; exit 7")
        done = subprocess.run(
            ["bash", "-c", f'"$@" {stream}>&-', "bash", *words], env=app.env, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=300, check=False,
        )  # fmt: skip
        assert (done.stdout, done.stderr) == (b"" if stream == 1 else b"out\n", b"" if stream == 2 else b"err\n")
        assert done.returncode == 7

    def test_who_reads_no_more_ends_it(self, app):
        reader = subprocess.run(
            ["bash", "-c", '"$@" | head -n 1; exit ${PIPESTATUS[0]}', "bash", *app.command("exec", APP, "--", "yes")],
            env=app.env, capture_output=True, timeout=300, check=False,
        )  # fmt: skip
        assert (reader.stdout, reader.returncode) == (b"y\n", 141)

    def test_what_keeps_it_from_running_is_told_from_what_it_does(self, app):
        def error(*words):
            answer = app.run(*words, code=None)
            assert answer.err.startswith("Error: ") and answer.out.count("\n") <= 1
            return answer.code, answer.err

        assert error("exec", APP, "--", "no-such-program")[0] == 127
        assert "There is no program no-such-program in the app" in error("run", APP, "--", "no-such-program")[1]
        assert error("exec", APP, "--", "/etc/passwd")[0] == 126
        assert error("run", APP, "--", "/etc/passwd")[0] == 126
        code, words = error("exec", "nobody", "--", "ls")
        assert code == 125 and "nobody is not installed on this machine" in words
        code, words = error("exec", APP, "--process", "works", "--", "ls")
        assert code == 125 and f"{APP} has no process works; it has: web, worker." in words
        answer = app.run("exec", APP, "ls", "-l", code=125)
        assert "Give the command after --" in answer.err
        told = app.run("exec", "nobody", "--json", "--", "ls", code=125).last
        assert (told["error"]["key"], told["exit_code"]) == ("no-such-app", 125)
        assert app.run("exec", "nobody", "--", "ls", "--json", code=125).out == "", "that is the program's own option"

    def test_a_program_is_told_as_events(self, app):
        answer = app.run("exec", APP, "--json", "--", "sh", "-c", "echo one; echo two >&2; exit 3", code=3)
        assert answer.last == {"result": "exited", "app": APP, "exit_code": 3}
        assert '{"event": "output", "stream": "stdout", "line": "one"}' in answer.out
        assert '{"event": "output", "stream": "stderr", "line": "two"}' in answer.out

    def test_a_shell_has_the_terminal(self, app):
        """Its history, its size, Ctrl-C, Ctrl-D, its exit code."""
        with terminal(app.command("exec", APP, "--", "bash", "--norc", "-i"), app.env) as typed:
            before = typed.modes()
            typed.until("# ")
            typed.type("stty size")
            typed.until("24 80")
            typed.type("echo $((6*7))")
            typed.until("42")
            typed.press(b"\x10")  # Ctrl-P: the line before
            typed.until("echo $((6*7))")
            typed.press(b"\n")
            typed.until("42")
            typed.resize(12, 40)
            typed.type("until [ \"$(stty size)\" = '12 40' ]; do :; done; echo it has $((12 * 40))")
            typed.until("it has 480")
            typed.type("sh -c 'echo sleeps; exec sleep 600'")
            typed.until("sleeps\r\n")
            typed.press(b"\x03")
            typed.until("^C")
            typed.type("echo it was $?")
            typed.until("it was 130")
            typed.type("exit 7")
            assert typed.end() == 7
            assert typed.modes() == before

    def test_a_key_reaches_a_program_once(self, app):
        with terminal(app.command("exec", APP, "--", "python3", "-c", COUNTS), app.env) as typed:
            typed.until("ready")
            typed.press(b"\x03")
            typed.until("seen")
            typed.child.send_signal(signal.SIGUSR1)  # passed on after whatever came before it
            typed.until("interrupts: 1")
            assert typed.end() == 1
        with terminal(app.command("run", APP, "--", "cat"), app.env) as typed:
            typed.type("hello")
            typed.until("hello\r\nhello")
            typed.press(b"\x04")
            assert typed.end() == 0

    @pytest.mark.parametrize("name", ["exec", "run"])
    def test_signals_are_passed_on(self, app, name):
        script = "trap 'echo heard; exit 9' TERM; trap 'echo hup' HUP; echo ready; while :; do sleep 0.05; done"
        command = subprocess.Popen(
            app.command(name, APP, "--", "sh", "-c", script), env=app.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert command.stdout.readline() == "ready\n"
        command.send_signal(signal.SIGHUP)
        assert command.stdout.readline() == "hup\n"
        command.send_signal(signal.SIGTERM)
        assert command.communicate(timeout=300)[0] == "heard\n" and command.returncode == 9

    def test_who_does_not_heed_an_end_is_killed_and_the_terminal_is_as_it_was(self, app):
        """A shell with a terminal ignores SIGTERM. It takes the seconds that the vendor gives the app to end."""
        with terminal(app.command("exec", APP, "--", "bash", "--norc", "-i"), app.env) as typed:
            before = typed.modes()
            typed.until("# ")
            typed.child.send_signal(signal.SIGTERM)
            assert typed.end() == 137
            assert typed.modes() == before
