"""The `trader` command: exit codes, one-line errors, --json."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streaming.cli.main import main

LINE = (
    '1723161254024619568 {"stream":"ethusdt@depth","data":{"e":"depthUpdate","E":1723161254000,"s":"ETHUSDT",'
    '"U":5,"u":5,"b":[["2683.80","3.0292"]],"a":[]}}\n'
)
OPTIONS = ["--venue", "binance_spot", "--instrument", "ETHUSDT", "--tick", "0.01", "--size-unit", "0.0001"]


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_help_comes_at_once() -> None:
    """Nothing heavy is imported for it; half a second is the promise, twice that the alarm on a busy machine."""
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "streaming", "--help"], capture_output=True, text=True, check=True)

    assert time.monotonic() - begin < 1.0
    assert "exit codes: 0 done" in done.stdout


@pytest.mark.parametrize("words", [["fly"], ["start", "--mode", "sleep"], ["models", "rollback"]])
def test_words_that_are_no_command_are_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)

    assert caught.value.code == 2


def test_import_answers_in_json_and_is_idempotent(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").write_text(LINE)

    codes = [main(["import", str(tmp_path / "a"), *OPTIONS, "--json"]) for _ in range(2)]

    text = capsys.readouterr().out
    first, end = json.JSONDecoder().raw_decode(text)
    second = json.loads(text[end:])
    assert codes == [0, 0]
    assert (first[0]["already_there"], second[0]["already_there"]) == (False, True)


def test_bad_recording_is_exit_code_5_and_names_the_line(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").write_text(LINE + LINE[:40])

    assert main(["import", str(tmp_path / "a"), *OPTIONS]) == 5
    assert f"{tmp_path / 'a'}: line 2: " in error_of(capsys)


def test_unwritable_disk_is_named(settings_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").write_text(LINE)
    (tmp_path / "data").write_text("a file where the folder should be")

    assert main(["import", str(tmp_path / "a"), *OPTIONS]) == 1
    assert str(tmp_path / "data") in error_of(capsys)


def test_misspelt_setting_is_usage(settings_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings_file.write_text(settings_file.read_text() + "\n[warehouses]\nx = 1\n")

    assert main(["gaps"]) == 2
    assert "warehouses: unknown key" in error_of(capsys)


def test_sql_answers_over_an_empty_lake(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "select count(*) as n, 1.50::decimal(4, 2) as price from trades", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"n": 0, "price": "1.50"}]


def test_wrong_sql_is_usage_and_says_what_to_do(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "select nothing from nowhere"]) == 2
    assert 'see the tables with: trader sql "show tables"' in error_of(capsys)


def test_start_without_champion_is_refused(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulate", "--hours", "0.002", "--json"]) == 0
    capsys.readouterr()

    assert main(["start", "--mode", "replay"]) == 3
    assert "no champion" in error_of(capsys)


def test_missing_bundle_is_refused(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulate", "--hours", "0.002", "--json"]) == 0
    capsys.readouterr()

    assert main(["start", "--mode", "replay", "--model", "0" * 64]) == 3
    assert "bundle refused" in error_of(capsys)


def test_start_report_and_replay_tell_of_one_run(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["emulate", "--hours", "0.005", "--json"])
    capsys.readouterr()

    assert main(["start", "--mode", "replay", "--no-model", "--json"]) == 0
    started = json.loads(capsys.readouterr().out)
    assert main(["report", "--json"]) == 0
    reported = json.loads(capsys.readouterr().out)
    assert main(["replay", started["journal"], "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out)

    assert reported["run"] == verdict["run"] == started["run"]
    assert verdict["identical"]
    assert [item["instrument"] for item in reported["instruments"]] == started["instruments"]


def test_replay_of_a_segment_is_bad_data(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["emulate", "--hours", "0.002", "--json"])
    segment = json.loads(capsys.readouterr().out)["segments"][0]

    assert main(["replay", segment]) == 5
    assert "not a journal" in error_of(capsys)


def test_report_without_a_run_says_how_to_make_one(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report"]) == 1
    assert "trader start" in error_of(capsys)


def test_market_is_heard_without_limits_when_no_model_trades(
    settings_file: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = settings_file.read_text()
    begin, end = text.index("[native.risk]"), text.index("[native.limits")
    settings_file.write_text(text[:begin] + text[end:])
    main(["emulate", "--hours", "0.002", "--json"])
    capsys.readouterr()

    assert main(["start", "--mode", "replay", "--no-model", "--json"]) == 0
