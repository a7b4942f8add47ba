"""Instances outlive whoever started them, come back after a crash, and are found again."""

import contextlib
import fcntl
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from conftest_process import APP, SERVER

from discode.adapters.process.layout import InstanceFolder
from discode.adapters.process.ports import Ports
from discode.adapters.process.proc import orphans
from discode.adapters.process.runtime import ProcessRuntime
from discode.ports.runtime import Phase
from rig.wait import wait_for, with_time


def web_pid(bench, spec):
    return json.loads((bench.folder_of(spec) / "state.json").read_text())["programs"]["web"]["pid"]


def supervisor_pid(bench, spec):
    return int((bench.folder_of(spec) / "lock").read_text())


def test_a_crash_is_seen_at_once_and_mended_after_a_pause(bench):
    spec = bench.spec()
    bench.runtime.start(spec)
    bench.answers(spec.name)
    first = web_pid(bench, spec)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: bench.runtime.inspect(spec.name).restarts == 1)
    state = bench.runtime.inspect(spec.name)
    assert state.exit_code == -9 and "SIGKILL" in state.reason
    bench.answers(spec.name)
    assert web_pid(bench, spec) != first


def test_the_pause_between_crashes_grows(bench):
    crashing = SERVER.replace("import http.server, os, sys", "import http.server, os, sys, time").replace(
        'print("crashing"', 'print("crashing at", time.monotonic()'
    )
    spec = bench.spec(release=bench.fetched(crashing), CRASH="7")
    bench.runtime.start(spec)
    wait_for(lambda: bench.runtime.inspect(spec.name).restarts >= 3)
    assert bench.runtime.inspect(spec.name).exit_code == 7
    starts = [float(line.split()[-1]) for line in bench.runtime.logs(spec.name) if "crashing at" in line]
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert all(gap >= pause for gap, pause in zip(gaps, (0.5, 1.0, 2.0), strict=False)), gaps


def test_a_killed_supervisor_leaves_the_app_alone_and_the_next_one_adopts_it(bench):
    spec = bench.spec()
    bench.runtime.start(spec)
    bench.answers(spec.name)
    app, supervisor = web_pid(bench, spec), supervisor_pid(bench, spec)
    os.kill(supervisor, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{supervisor}").exists() or _is_zombie(supervisor))
    assert bench.answers(spec.name)
    assert bench.runtime.inspect(spec.name).phase is Phase.RUNNING
    assert supervisor_pid(bench, spec) != supervisor and web_pid(bench, spec) == app
    bench.runtime.stop(spec.name, 2)
    assert orphans(bench.folder_of(spec)) == []


def test_an_orphan_without_files_is_found_and_removed(bench):
    spec = bench.spec()
    bench.runtime.start(spec)
    bench.answers(spec.name)
    os.kill(supervisor_pid(bench, spec), signal.SIGKILL)
    for path in sorted(bench.folder_of(spec).rglob("*"), reverse=True):
        if path.is_symlink() or not path.is_dir():
            path.unlink()
    assert [state.name for state in bench.runtime.instances(APP)] == [spec.name]
    bench.runtime.remove(spec.name)
    assert bench.runtime.instances(APP) == [] and orphans(bench.folder_of(spec)) == []


def test_a_supervisor_whose_folder_was_made_anew_leaves_the_new_one_alone(bench):
    """As when somebody deletes the folders of instances and settles: it looks only every second."""
    spec = bench.spec()
    bench.runtime.start(spec)
    bench.answers(spec.name)
    first = supervisor_pid(bench, spec)
    os.kill(first, signal.SIGSTOP)
    (bench.home / "instances").rename(bench.home / "lost")
    bench.runtime.start(spec)
    bench.answers(spec.name)
    second, app = supervisor_pid(bench, spec), web_pid(bench, spec)
    os.kill(first, signal.SIGCONT)
    wait_for(lambda: not Path(f"/proc/{first}").exists() or _is_zombie(first))
    state = bench.runtime.inspect(spec.name)
    assert (state.restarts, state.exit_code) == (0, None)
    assert (supervisor_pid(bench, spec), web_pid(bench, spec)) == (second, app)


def test_a_killed_starter_leaves_what_the_next_one_completes(bench):
    """SIGKILL at many moments of a start, in a process of its own."""
    for number in range(1, 13):
        spec = bench.spec(number)
        child = multiprocessing.get_context("fork").Process(target=bench.runtime.start, args=(spec,))
        child.start()
        child.join(0.012 * number)
        child.kill()
        child.join()
        again = ProcessRuntime(bench.home)
        again.start(spec)
        bench.answers(spec.name)
        wait_for(lambda spec=spec: len(orphans(bench.folder_of(spec))) == 1)  # a starter's child may be on its way out
        again.remove(spec.name)
    assert bench.runtime.instances(APP) == []


def test_a_supervisor_that_comes_after_its_instance_was_removed_makes_nothing_anew(bench):
    """Of a starter that was killed, on a busy machine."""
    folder = bench.folder_of(bench.spec())
    late = [sys.executable, "-P", "-m", "discode.adapters.process.supervisor", str(folder)]
    done = subprocess.run(late, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert not folder.exists() and bench.runtime.instances(APP) == []


def test_after_a_reboot_the_recorded_ids_mean_nothing(bench):
    spec = bench.spec()
    bench.runtime.start(spec)
    bench.answers(spec.name)
    supervisor = supervisor_pid(bench, spec)
    os.kill(supervisor, signal.SIGKILL)
    os.kill(web_pid(bench, spec), signal.SIGKILL)
    wait_for(lambda: not orphans(bench.folder_of(spec)))
    state = json.loads((bench.folder_of(spec) / "state.json").read_text())
    # The id is in use again, by somebody else: this test.
    state["programs"]["web"].update(pid=os.getpid(), identity="another-boot:1")
    (bench.folder_of(spec) / "state.json").write_text(json.dumps(state))
    bench.runtime.start(spec)
    assert bench.answers(spec.name) and web_pid(bench, spec) != os.getpid()


def test_it_gets_its_grace_and_then_the_end_with_all_its_children(bench):
    stubborn = SERVER.replace(
        "import http.server, os, sys",
        "import http.server, os, sys, signal, subprocess\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('not yet', flush=True))\n"
        "subprocess.Popen(['sleep', '300'])",
    )
    spec = bench.spec(release=bench.fetched(stubborn))

    def stopped(grace):
        bench.runtime.start(spec)
        bench.answers(spec.name)
        # Where `python3` is a script, it starts by way of others.
        wait_for(lambda: len(orphans(bench.folder_of(spec))) == 2)
        bench.runtime.stop(spec.name, grace)
        assert orphans(bench.folder_of(spec)) == []
        return list(bench.runtime.logs(spec.name))

    assert "not yet" in with_time(stopped, lambda lines: "not yet" in lines, 0.5)
    assert bench.runtime.inspect(spec.name).phase is Phase.STOPPED


def test_workers_are_started_and_stopped_with_it(bench):
    release = bench.fetched(SERVER, processes={"mailer": ["python3", "-c", "import time; time.sleep(300)"]})
    spec = bench.spec(release=release)
    bench.runtime.start(spec)
    bench.answers(spec.name)
    # Where `python3` is a script, it starts by way of others.
    wait_for(lambda: len(orphans(bench.folder_of(spec))) == 2)
    bench.runtime.stop(spec.name, 2)
    assert orphans(bench.folder_of(spec)) == []


def test_a_command_that_is_not_there_is_a_crash_with_its_reason(bench):
    release = bench.fetched(SERVER, command=["no-such-program"])
    spec = bench.spec(release=release)
    bench.runtime.start(spec)
    wait_for(lambda: bench.runtime.inspect(spec.name).restarts >= 1)
    assert bench.runtime.inspect(spec.name).exit_code == 127
    assert "no-such-program: No such file or directory" in list(bench.runtime.logs(spec.name))


def test_its_environment_is_its_own(bench):
    spec = bench.spec(TOKEN="hunter2")
    os.environ["OF_THE_CALLER"] = "x"
    try:
        bench.runtime.start(spec)
    finally:
        del os.environ["OF_THE_CALLER"]
    bench.answers(spec.name)
    environ = Path(f"/proc/{web_pid(bench, spec)}/environ").read_bytes().decode()
    assert "TOKEN=hunter2" in environ and "OF_THE_CALLER" not in environ and "DISCODE_APP=tiny" in environ
    for pid in (web_pid(bench, spec), supervisor_pid(bench, spec)):
        assert b"hunter2" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert (bench.folder_of(spec) / "env").stat().st_mode & 0o077 == 0


def test_data_outlives_the_instance_and_goes_when_it_is_asked_for(bench):
    release = bench.fetched(SERVER, volumes={"storage": "data/files"})
    one, two = bench.spec(1, release), bench.spec(2, release)
    bench.runtime.start(one)
    (bench.folder_of(one) / "work" / "data" / "files" / "note").write_text("kept")
    bench.runtime.remove(one.name)
    bench.runtime.start(two)
    assert (bench.folder_of(two) / "work" / "data" / "files" / "note").read_text() == "kept"
    bench.runtime.remove(two.name)
    bench.runtime.drop_data(APP)
    assert not (bench.home / "apps" / APP / "volumes").exists()


def test_a_log_is_rotated_and_read_across_its_files(bench, tmp_path):
    from discode.adapters.process import supervisor
    from discode.adapters.process.layout import InstanceFolder

    noisy = (
        "import os, sys, time\nfor n in range(40000): print('line', n, 'x' * 300)\nsys.stdout.flush()\ntime.sleep(300)"
    )
    spec = bench.spec(release=bench.fetched(noisy))
    bench.runtime.start(spec)
    log = InstanceFolder(bench.folder_of(spec)).log
    wait_for(lambda: log.with_name("old.1").exists() and log.stat().st_size < supervisor.LOG_SIZE, 300)
    assert len(list(bench.runtime.logs(spec.name, 30000))) == 30000
    assert bench.runtime.inspect(spec.name).restarts == 0


def test_a_log_of_several_processes_is_told_by_time_and_process(bench):
    talk = "import sys, time\nprint('first of', sys.argv[1], flush=True)\nsys.stdin.read()\ntime.sleep(300)"
    release = bench.fetched(
        talk, command=["python3", "server.py", "app"], processes={"jobs": ["python3", "server.py", "jobs"]}
    )
    spec = bench.spec(release=release)
    bench.runtime.start(spec)
    folder = bench.folder_of(spec)
    marks = folder / "log" / "jobs" / "marks"
    whole = str(len("first of jobs\n"))
    wait_for(lambda: marks.exists() and marks.read_text().endswith(f" {whole}\n"))
    wait_for(lambda: len(list(bench.runtime.logs(spec.name))) == 2)
    assert sorted(bench.runtime.logs(spec.name)) == ["[jobs] first of jobs", "first of app"]
    assert list(bench.runtime.logs(spec.name, process="jobs")) == ["first of jobs"]
    assert list(bench.runtime.logs(spec.name, process="web")) == ["first of app"]
    lines = bench.runtime.follow(spec.name, 0, process="jobs")
    assert next(lines) is None
    later = marks.read_text().splitlines()[-1].split()[0]
    with (folder / "log" / "jobs" / "current").open("a") as log:
        log.write("second of jobs\nno end")
    assert next(line for line in lines if line) == "second of jobs"
    assert list(bench.runtime.logs(spec.name, None, since=float(later), process="jobs")) == ["second of jobs", "no end"]
    assert "first of jobs" in bench.runtime.logs(spec.name, None, since=float(later) - 5, process="jobs")
    bench.runtime.remove(spec.name)
    assert [line for line in lines if line] == ["no end"]


def test_a_log_that_is_rotated_is_followed_without_a_gap(bench):
    from discode.adapters.process import supervisor
    from discode.adapters.process.layout import InstanceFolder

    spec = bench.spec(release=bench.fetched("import time\nprint('begun' * 20, flush=True)\ntime.sleep(300)"))
    bench.runtime.start(spec)
    folder = InstanceFolder(bench.folder_of(spec))
    wait_for((folder.log.parent / "marks").exists)
    wait_for(lambda: list(bench.runtime.logs(spec.name)) == ["begun" * 20])
    lines = bench.runtime.follow(spec.name)
    assert next(lines) == "begun" * 20
    with folder.log.open("a") as log:
        log.writelines(f"line {number}\n" for number in range(20))
    supervisor._rotate(folder.log)
    with folder.log.open("a") as log:
        log.write("after it\n")
    seen = []
    for line in lines:
        seen += [line] if line else []
        if line == "after it":
            break
    assert seen == [*(f"line {number}" for number in range(20)), "after it"]
    bench.runtime.remove(spec.name)


def _take_ports(folder, names, queue):
    queue.put([Ports(folder).take(name) for name in names])


def test_no_two_instances_get_the_same_port(tmp_path):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    names = [[f"app-{worker}-{number}" for number in range(10)] for worker in range(6)]
    workers = [context.Process(target=_take_ports, args=(tmp_path, mine, queue)) for mine in names]
    for worker in workers:
        worker.start()
    ports = [port for _ in workers for port in queue.get(timeout=300)]
    for worker in workers:
        worker.join()
    assert len(set(ports)) == 60 and all(20000 <= port < 30000 for port in ports)
    again = Ports(tmp_path)
    assert again.take("app-0-0") in ports
    freed = again.take("app-0-0")
    again.give_back("app-0-0")
    assert again.take("newcomer") != freed, "a freed port is not used again soon"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_it_outlives_the_terminal_and_the_command_that_started_it(bench, number):
    spec = bench.spec()
    code = (
        "import sys, pickle, os, time\n"
        "from discode.adapters.process.runtime import ProcessRuntime\nfrom pathlib import Path\n"
        "ProcessRuntime(Path(sys.argv[1])).start(pickle.load(sys.stdin.buffer))\nprint('started', flush=True)\n"
        "time.sleep(60)"
    )
    import pickle

    child = subprocess.Popen(
        [sys.executable, "-c", code, str(bench.home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    child.stdin.write(pickle.dumps(spec))
    child.stdin.close()
    assert child.stdout.readline() == b"started\n"
    os.killpg(child.pid, number)
    child.wait(60)
    child.stdout.close()
    assert bench.answers(spec.name) and bench.runtime.inspect(spec.name).restarts == 0


def test_a_start_after_a_stop_brings_new_settings(bench):
    """Else settings that were changed while the app was stopped would come with the next release only."""
    spec = bench.spec()
    bench.runtime.start(spec)
    bench.runtime.stop(spec.name, 2)
    bench.runtime.start(replace(spec, env={"GREETING": "hello"}, record="other"))
    assert bench.answers(spec.name)
    program = next(iter(_state_of(bench, spec.name)["programs"].values()))["pid"]
    assert b"GREETING=hello" in Path(f"/proc/{program}/environ").read_bytes().split(b"\0")
    assert [state.record for state in bench.runtime.instances(spec.name.app)] == ["other"]


def _state_of(bench, name):
    return json.loads((bench.home / "instances" / str(name) / "state.json").read_text())


def _is_zombie(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_start_while_others_look_whether_there_is_a_supervisor(bench):
    """Whoever looks holds the lock for a moment; a supervisor that starts just then must not take it for another."""
    spec = bench.spec()
    bench.runtime.start(spec)
    folder, over = InstanceFolder(bench.folder_of(spec)), threading.Event()

    def look():
        while not over.is_set():
            lock = os.open(folder.lock, os.O_RDWR)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            over.wait(0.004)
            os.close(lock)
            over.wait(0.002)

    threads = [threading.Thread(target=look)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(8):
            bench.runtime.stop(spec.name, 2)
            bench.runtime.start(spec)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert bench.runtime.inspect(spec.name).phase is Phase.RUNNING
