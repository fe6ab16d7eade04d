"""What a demo ends with: real windows, asked as a browser would ask, and closed."""

import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from parsed_dbt import give_manifest

from streaming.cli.main import build_parser
from streaming.demo import windows as windows_module
from streaming.demo.telling import Teller
from streaming.demo.windows import Windows, ask_windows, open_windows, stay, tell_windows
from streaming.errors import TraderError
from streaming.settings import load_settings
from streaming.supervisor import Supervisor


class InterruptedTeller(Teller):
    """Somebody presses Ctrl-C as soon as it is said that everything runs."""

    def say(self, what: str, text: str) -> None:
        super().say(what, text)
        if what == "running":
            os.kill(os.getpid(), signal.SIGINT)


def is_listened_at(address: str) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", urlsplit(address).port or 0)) == 0


def test_dashboard_dagster_and_reports_open_answer_and_end_with_ctrl_c(
    settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, teller = load_settings(settings_file), InterruptedTeller()
    give_manifest(settings.warehouse)
    picture = settings.warehouse.reports_dir / "sessions" / "a run.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"\x89PNG")

    with Supervisor(settings.data_dir / "logs") as supervisor:
        opened = open_windows(supervisor, settings, settings_file, lambda words: None)
        tell_windows(opened, teller)
        ask_windows(opened, picture.relative_to(settings.warehouse.reports_dir))
        with pytest.raises(TraderError, match=r"reports/none\.png: expected an answer, found 404"):
            ask_windows(opened, Path("none.png"))
        assert all(map(is_listened_at, (opened.dashboard, opened.dagster)))
        stay(supervisor, teller)
        assert supervisor.running == []

    said = capsys.readouterr().out
    assert opened.dashboard in said and opened.dagster in said and opened.reports in said
    assert opened.token_file in said and Path(opened.token_file).read_text() not in said
    assert not any(map(is_listened_at, (opened.dashboard, opened.dagster)))


def test_a_window_that_does_not_answer_is_named(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("word")
    nobody = "http://127.0.0.1:9"

    with pytest.raises(TraderError, match=r"127\.0\.0\.1:9/login: expected an answer"):
        ask_windows(Windows(nobody, nobody, nobody, str(tmp_path / "token")))


def test_a_port_in_use_is_left_to_who_has_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        assert windows_module._free_port(wanted) != wanted

    assert windows_module._free_port(wanted) == wanted


def test_a_demo_may_end_without_windows() -> None:
    assert build_parser().parse_args(["demo", "--no-windows"]).no_windows
