"""The doctor on the machine."""

import os
import resource
import socket
from pathlib import Path

import pytest

from streaming.doctor.machine import TIME_ERROR, check_clock, check_gpu, check_open_files, check_ports, clock_finding


def test_a_port_that_is_taken_names_who_has_it() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        finding = check_ports({"emulator": [port]})

    assert finding.state == "warn"
    assert f"emulator's {port} by process {os.getpid()} (" in finding.found
    assert f"kill {os.getpid()}" in finding.fix


def test_ports_that_are_free_are_listed() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]

    assert check_ports({"Dagster": [port]}).found == f"Dagster {port}: all free"


def test_this_clock_is_looked_at() -> None:
    finding = check_clock()

    assert finding.state in ("ok", "warn") and "offset" in finding.found


@pytest.mark.parametrize(("state", "words"), [(TIME_ERROR, "nobody synchronises it"), (-1, "does not say")])
def test_an_offset_that_nobody_knows_is_said_to_be_unknown(state: int, words: str) -> None:
    finding = clock_finding("now", state, 0, 0, 0)

    assert finding.state == "warn"
    assert words in finding.found and "offset unknown" in finding.found


@pytest.mark.parametrize(("status", "offset"), [(0x2001, 1_500_000), (0x0001, 1_500)])
def test_a_synchronised_clock_tells_its_offset_in_either_unit(status: int, offset: int) -> None:
    assert "offset +1.500 ms, error about 0.250 ms" in clock_finding("now", 0, offset, 250, status).found


def test_no_gpu_is_no_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert check_gpu().state == "ok"


@pytest.mark.parametrize(
    ("script", "state", "words"),
    [
        ("echo 'NVIDIA H100, 81559 MiB, 550.1'", "ok", "NVIDIA H100, 81559 MiB"),
        ("echo driver not loaded; exit 9", "warn", "driver not loaded"),
        ("exit 9", "warn", "exit code 9"),
    ],
)
def test_a_gpu_is_what_nvidia_smi_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, state: str, words: str
) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    finding = check_gpu()

    assert finding.state == state and words in finding.found


def test_a_low_limit_on_open_files_is_warned_of() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
    try:
        finding = check_open_files()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert finding.state == "warn" and finding.found.startswith("512 ")
