"""`trader doctor`: lines for people, a document for machines, an exit code for scripts."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from streaming.cli.doctor import finding_text
from streaming.cli.main import main
from streaming.doctor import examine
from streaming.doctor.findings import fail, ok

NAMES = [
    "python", "packages", "core", "settings", "disk", "lake", "journal", "locks", "redis", "metrics", "model", "ports",
    "gpu", "clock", "open files",
]  # fmt: skip


@pytest.fixture(autouse=True)
def free_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """What listens on the usual ports of this machine is nobody's business here."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        monkeypatch.setattr(examine, "PORTS", {"control": server.getsockname()[1]})
        monkeypatch.setattr(examine, "DAGSTER_PORT", server.getsockname()[1])


def test_a_house_in_order_is_exit_code_0(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line[2:14].strip() for line in lines if line[2:3].strip()][: len(NAMES)] == NAMES
    assert "next: trader demo" in lines[-1]
    assert not data_dir.exists()


def test_the_answer_in_json_has_every_check(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is True
    assert [check["name"] for check in document["checks"]] == NAMES
    assert all(bool(check["fix"]) == (check["state"] != "ok") for check in document["checks"])


def test_bad_settings_are_exit_code_1_and_the_machine_is_looked_at_all_the_same(
    settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings_file.write_text("[[grid]\n")

    assert main(["doctor", "--json"]) == 1

    states = {check["name"]: check["state"] for check in json.loads(capsys.readouterr().out)["checks"]}
    assert (states["settings"], states["data"], states["open files"]) == ("FAIL", "warn", "ok")


def test_a_check_that_breaks_is_a_finding_and_the_others_go_on(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examine, "PORTS", {"control": 1 << 20})

    assert main(["doctor", "--json"]) == 1

    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert "cannot be looked at: OverflowError" in checks["ports"]["found"]
    assert checks["open files"]["state"] == "ok"


def test_what_was_found_is_aligned_and_the_fix_stands_below() -> None:
    assert finding_text(ok("disk", "some")) == "  disk        ok    some"

    lines = finding_text(fail("redis", "word " * 40, "do this")).splitlines()
    assert lines[0].startswith("  redis       FAIL  word")
    assert all(line.startswith(" " * 20) and line[20] != " " for line in lines[1:])
    assert lines[-1] == f"{'':20}fix: do this"


def test_torch_is_not_imported_for_it(data_dir: Path) -> None:
    script = "import sys; from streaming.cli.main import main; main(['doctor']); sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], stdout=subprocess.DEVNULL, check=False).returncode == 0
