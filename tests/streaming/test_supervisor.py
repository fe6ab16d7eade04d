"""Children end with their supervisor, however it ends, and so does everything below them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import supervised
from waiting import until

from streaming import guard
from streaming.errors import TraderError
from streaming.supervisor import Supervisor, caveat

PYTHON = sys.executable
NOTHING_LEFT_S = 20.0
TREE_SIZE = 6
"""Two guards, two children, two grandchildren."""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(tmp_path, patience_s=0.2) as own:
        yield own


def start_supervised(folder: Path, ending: str = "wait") -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [PYTHON, supervised.__file__, str(folder), ending],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None and process.stdout.readline() == b"up\n"
    return process


def tree_of(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    tree = psutil.Process(process.pid).children(recursive=True)
    assert len(tree) == TREE_SIZE
    return tree


def assert_all_end(tree: list[psutil.Process]) -> None:
    """Processes are compared by pid and start time; a zombie that nobody buries counts as ended."""
    _, left = psutil.wait_procs(tree, timeout=NOTHING_LEFT_S)
    assert not [each for each in left if each.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_supervisor_ended_by_a_signal_leaves_no_process(number: signal.Signals, tmp_path: Path) -> None:
    process = start_supervised(tmp_path)
    tree = tree_of(process)

    process.send_signal(number)

    assert_all_end(tree)
    process.communicate(timeout=NOTHING_LEFT_S)


def test_a_supervisor_that_fails_leaves_no_process(tmp_path: Path) -> None:
    process = start_supervised(tmp_path, "raise")
    process.communicate(timeout=NOTHING_LEFT_S)

    assert process.returncode == 1
    assert not [each for each in psutil.process_iter(["cmdline"]) if str(tmp_path) in (each.info["cmdline"] or ())]


def test_a_killed_guard_takes_its_child_with_it(tmp_path: Path) -> None:
    process = start_supervised(tmp_path)
    tree = tree_of(process)
    guard = psutil.Process(process.pid).children()[0]
    child = guard.children()[0]

    guard.kill()

    assert_all_end([child])
    process.kill()
    process.communicate(timeout=NOTHING_LEFT_S)
    for left in tree:  # what a killed guard cannot end: an orphan in a session of its own
        with suppress(psutil.NoSuchProcess):
            left.kill()


def test_what_lived_below_a_killed_guard_is_killed_when_we_next_look(supervisor: Supervisor) -> None:
    other = supervisor.start("other", [PYTHON, "-c", supervised.CHILD], os.environ)
    child = supervisor.start("child", [PYTHON, "-c", supervised.CHILD], os.environ)
    for each in (other, child):
        supervisor.await_ready(each, lambda out=each.out: b"ready" in out.read_bytes(), 30, "the word ready")
    guards = psutil.Process().children()
    tree = guards[-1].children(recursive=True)
    assert len(tree) == 2, "a child, and one below it in a session of its own"

    guards[-1].kill()
    until(lambda: child.exit_code is not None, "the guard to end")

    with pytest.raises(TraderError, match="child: ended with exit code -9"):
        supervisor.check()
    assert_all_end(tree)
    assert other.exit_code is None, "nobody else is touched"


def test_a_child_hears_ctrl_c_though_our_shell_ignores_it(supervisor: Supervisor) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
        child = supervisor.start("child", [PYTHON, "-c", code], os.environ)
    finally:
        signal.signal(signal.SIGINT, before)

    assert supervisor.wait(child, 30) == 0
    assert child.out.read_text() == "True\n"


def test_what_a_child_leaves_behind_ends_with_it(supervisor: Supervisor) -> None:
    code = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {supervised.GRANDCHILD!r}], "
    child = supervisor.start("child", [PYTHON, "-c", code + "start_new_session=True).pid)"], os.environ)

    assert supervisor.wait(child, 30) == 0

    assert not psutil.pid_exists(int(child.out.read_text()))


def test_children_end_in_reverse_order(tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    code = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); print('up', flush=True)"
    say = f"\ntry: time.sleep(600)\nfinally: open({str(ends)!r}, 'a').write(sys.argv[1])"
    with Supervisor(tmp_path) as supervisor:
        for name in "abc":
            child = supervisor.start(name, [PYTHON, "-c", code + say, name], os.environ)
            supervisor.await_ready(child, lambda out=child.out: bool(out.read_bytes()), 30, "a line")

    assert ends.read_text() == "cba"
    assert supervisor.running == []


def test_a_child_that_dies_before_it_is_ready_is_told_with_its_last_lines(supervisor: Supervisor) -> None:
    child = supervisor.start("venue", [PYTHON, "-c", "import sys; sys.exit('the port is taken')"], os.environ)

    with pytest.raises(TraderError, match=r"venue: ended with exit code 1; it said: the port is taken \(.*venue.log\)"):
        supervisor.await_ready(child, lambda: False, 30, "its socket")


def test_a_child_that_is_not_ready_in_time_is_told(supervisor: Supervisor) -> None:
    child = supervisor.start("venue", [PYTHON, "-c", "import time; time.sleep(600)"], os.environ)

    with pytest.raises(TraderError, match=r"venue: expected its socket within 0.1 s; it said nothing"):
        supervisor.await_ready(child, lambda: False, 0.1, "its socket")


def test_a_command_that_does_not_exist_is_told(supervisor: Supervisor) -> None:
    child = supervisor.start("ghost", ["/no/such/program"], os.environ)

    assert supervisor.wait(child, 30) == 127
    assert child.last_lines() == ["/no/such/program: No such file or directory"]


def test_exit_codes_of_children_are_kept_and_signals_counted_from_128(supervisor: Supervisor) -> None:
    left = supervisor.start("left", [PYTHON, "-c", "raise SystemExit(5)"], os.environ)
    killed = supervisor.start("killed", [PYTHON, "-c", "import os; os.kill(os.getpid(), 9)"], os.environ)

    assert (supervisor.wait(left, 30), supervisor.wait(killed, 30)) == (5, 137)


def test_progress_is_the_newest_line_of_the_log(supervisor: Supervisor) -> None:
    code = "import sys, time; print('step 1', file=sys.stderr, flush=True); time.sleep(0.3)"
    lines: list[str] = []

    assert supervisor.wait(supervisor.start("child", [PYTHON, "-c", code], os.environ), 30, lines.append) == 0

    assert set(lines) == {"step 1"}


def test_a_system_without_prctl_is_told_what_it_cannot_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert caveat() == ""

    monkeypatch.setattr(guard, "prctl", lambda: None)

    assert "may outlive it" in caveat()
