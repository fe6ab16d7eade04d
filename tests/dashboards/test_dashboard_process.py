"""`trader dashboard` as a process: what it prints, what it keeps to itself, how it begins and ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from streaming.dashboard_process import DashboardRequest, running_dashboard
from streaming.errors import RefusedError
from streaming.settings import load_settings

WAIT_S = 60.0


@pytest.fixture
def settings(settings_file):
    return load_settings(settings_file)


def status_of(address, headers=None):
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers or {}), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_it_answers_on_a_free_port_and_ends_with_the_block(settings):
    with running_dashboard(DashboardRequest(settings, port=0)) as served:
        assert served.address.startswith("http://127.0.0.1:")
        assert status_of(served.address + "/") == 401
        pid = served.process.pid

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_token_and_ticket_are_in_no_process_words_and_the_token_is_for_its_owner_alone(settings):
    with running_dashboard(DashboardRequest(settings, port=0)) as served:
        token = served.token_path.read_text().strip()
        ticket = served.ticket_address.rpartition("=")[2]
        assert served.token_path.stat().st_mode & 0o777 == 0o600
        for place in ("cmdline", "environ"):
            words = Path(f"/proc/{served.process.pid}/{place}").read_bytes()
            assert token.encode() not in words and ticket.encode() not in words


def test_the_token_is_made_once(settings):
    tokens = set()
    for _ in range(2):
        with running_dashboard(DashboardRequest(settings, port=0)) as served:
            tokens.add(served.token_path.read_text())

    assert len(tokens) == 1


def test_a_token_that_others_can_read_is_refused(settings):
    path = settings.warehouse.run_dir / "dashboard.token"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("ab" * 32)
    path.chmod(0o644)

    with pytest.raises(RefusedError, match="mode 600"), running_dashboard(DashboardRequest(settings, port=0)):
        pass


def test_a_port_that_is_taken_is_named_with_the_way_out(settings, settings_file):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "streaming", "dashboard", "--port", str(port), "--no-open"],
            env={**os.environ, "LOB_SETTINGS": str(settings_file)},
            capture_output=True,
            text=True,
            timeout=WAIT_S,
        )

    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr and "--port 0" in done.stderr


def test_ctrl_c_ends_it_at_once_with_its_server(settings_file):
    process = subprocess.Popen(
        [sys.executable, "-m", "streaming", "dashboard", "--port", "0"],
        env={**os.environ, "LOB_SETTINGS": str(settings_file)},
        stdout=subprocess.PIPE,
        text=True,
    )
    address = process.stdout.readline().split()[1]
    assert process.stdout.readline().startswith("token")
    process.send_signal(signal.SIGINT)

    assert process.wait(WAIT_S) == 0
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address, timeout=5)
    process.stdout.close()


def test_wrong_words_about_its_surroundings_are_named(settings):
    done = subprocess.run(
        [sys.executable, "-m", "dashboards"],
        input=json.dumps({"token": "x"}).encode(),
        capture_output=True,
        timeout=WAIT_S,
    )

    assert done.returncode == 2
    assert b"warehouse" in done.stderr and b"trader dashboard" in done.stderr


def test_a_command_that_is_killed_leaves_no_dashboard_behind(settings):
    command = [sys.executable, "-m", "streaming", "dashboard", "--port", "0", "--no-open"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    address = process.stdout.readline().split()[1]
    (child,) = [each for each in psutil.Process(process.pid).children() if "dashboards" in each.cmdline()]
    assert status_of(f"{address}/login") == 200

    process.kill()
    process.wait()
    process.stdout.close()

    child.wait(WAIT_S)
