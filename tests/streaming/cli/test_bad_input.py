"""Bad input of every kind: one line that names file, line or key, the exit code of the table, nothing left behind."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
import spot_recording as recording
import zstandard

from streaming.cli.main import main

Damage = Callable[[Path], object]


def whole() -> bytes:
    return "".join(line + "\n" for line in recording.lines(recording.messages(400))).encode()


def outcome(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return the exit code and the one line of the error."""
    capsys.readouterr()
    try:
        code = main(words)
    except SystemExit as stop:  # argparse prints the usage before its line
        assert isinstance(stop.code, int)
        return stop.code, capsys.readouterr().err.strip().splitlines()[-1]
    found = capsys.readouterr().err.strip().splitlines()
    assert len(found) == 1, found
    return code, found[0]


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


BAD_FILES = {
    "cut gzip": (cut(gzip.compress(whole())), "compressed data is damaged or cut off after line"),
    "cut zstd": (cut(zstandard.ZstdCompressor().compress(whole())), "compressed data is damaged or cut off"),
    "cut last line": (whole()[:-30], "line 402: expected a whole recorded message, found it truncated"),
    "cut middle line": (whole().replace(b'"u":150', b"", 1), "line 52: expected a whole recorded message"),
    "empty": (b"", "empty file: expected recorded messages"),
    "blank": (b"\n\r\n\n", "empty file: expected recorded messages"),
    "other text": (b"hello world\n", "line 1: expected '<time> <json>', cryptofeed or recv_ts/market/raw lines"),
    "not text": (bytes(range(256)), "line 1: expected '<time> <json>'"),
    "no time": (b"12 {}\n", "line 1: expected a whole recorded message"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file_is_named(name: str, data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, problem = BAD_FILES[name]
    (tmp_path / "file").write_bytes(data)

    code, line = outcome(["import", str(tmp_path / "file"), *recording.VENUE, *recording.STEPS], capsys)

    assert code == 5
    assert str(tmp_path / "file") in line and problem in line
    assert not list(data_dir.glob("lake/raw/**/*.*"))


BAD_OPTIONS = [
    (["--venue", "kraken", "--instrument", "ETHUSDT"], 2, "unknown venue 'kraken'; expected one of: binance_usdm"),
    (["--venue", "binance_spot", "--instrument", "../x", *recording.STEPS], 2, "--instrument: expected the venue's"),
    (["--venue", "binance_spot", "--instrument", "BTCUSDT", *recording.STEPS], 5, "found lines of: ETHUSDT (41)"),
    (["--venue", "bybit_spot", "--instrument", "ETHUSDT", *recording.STEPS], 5, "check --venue"),
    (["--venue", "binance_usdm", "--instrument", "ETHUSDT", *recording.STEPS], 5, "needed field is missing (pu)"),
    ([*recording.VENUE], 2, "give --tick"),
    ([*recording.VENUE, "--tick", "0.01"], 2, "give --size-unit"),
    ([*recording.VENUE, "--tick", "0,01", "--size-unit", "1"], 2, "--tick: expected a decimal such as 0.01"),
    ([*recording.VENUE, "--tick", "nan", "--size-unit", "1"], 2, "--tick: expected a decimal above zero"),
    ([*recording.VENUE, "--tick", "0", "--size-unit", "1"], 2, "--tick: expected a decimal above zero"),
    ([*recording.VENUE, "--tick", "1e-30", "--size-unit", "0.0001"], 2, "tick is"),
    ([*recording.VENUE, "--tick", "0.03", "--size-unit", "0.0001"], 5, "line 3: a price is not a positive multiple"),
    ([*recording.VENUE, "--tick", "0.01", "--size-unit", "1"], 5, "line 3: a size is not a multiple of the size unit"),
    ([*recording.VENUE, *recording.STEPS, "--lot", "0.00015"], 2, "expected a positive multiple of size_unit"),
]


@pytest.mark.parametrize(("options", "code", "problem"), BAD_OPTIONS)
def test_options_that_do_not_fit_the_file_are_named(
    options: list[str],
    code: int,
    problem: str,
    data_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = recording.write(tmp_path / "file", recording.lines(recording.messages()))

    found, line = outcome(["import", str(file), *options], capsys)

    assert (found, problem in line) == (code, True), line
    assert not list(data_dir.glob("lake/raw/**/*.*"))


def test_perpetual_frames_are_not_taken_for_spot(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [text.replace('"b":[[', '"pu":1,"b":[[') for text in recording.messages()]
    file = recording.write(tmp_path / "file", recording.lines(texts))

    code, line = outcome(["import", str(file), *recording.VENUE, *recording.STEPS], capsys)

    assert code == 5
    assert "key pu is of binance_usdm" in line


BAD_ENVIRONMENT = [
    (
        "LOB_WAREHOUSE__DATADIR",
        "x",
        "LOB_WAREHOUSE__DATADIR: warehouse.datadir: unknown key; expected one of: data_dir",
    ),
    ("LOB_WAREHOSE__DATA_DIR", "x", "LOB_WAREHOSE__DATA_DIR: names no section"),
    ("LOB_SETTING", "x", "LOB_SETTING: names no section"),
    ("LOB_NATIVE__STALE_MS", "abc", "environment LOB_NATIVE__STALE_MS: native.stale_ms: "),
    ("LOB_NATIVE", "x", "environment: LOB_NATIVE: expected JSON"),
    ("LOB_SETTINGS", "/nowhere", "settings /nowhere: file: not found"),
]


@pytest.mark.parametrize(("name", "value", "problem"), BAD_ENVIRONMENT)
def test_misspelt_environment_is_named(
    name: str,
    value: str,
    problem: str,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)

    code, line = outcome(["gaps"], capsys)

    assert (code, problem in line) == (2, True), line


BAD_SETTINGS = [
    ("data_dir", "datadir", "warehouse.datadir: unknown key; expected one of: data_dir"),
    ("[warehouse]", "[warehose]", "warehose: unknown key; expected one of: warehouse, native"),
    ("stale_ms = 2000", 'stale_ms = "x"', "native.stale_ms: "),
    (
        'order_size = "0.010"',
        "order_size = 0.010",
        "order_size: expected a decimal in quotes such as '0.01', found 0.01",
    ),
    ("[native.signal]", "[[", "expected TOML"),
]


@pytest.mark.parametrize(("text", "other", "problem"), BAD_SETTINGS)
def test_misspelt_settings_are_named(
    text: str, other: str, problem: str, settings_file: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings_file.write_text(settings_file.read_text().replace(text, other, 1))

    code, line = outcome(["gaps"], capsys)

    assert (code, str(settings_file) in line, problem in line) == (2, True, True), line


BAD_WORDS = [
    (["sql", ""], 2, "query: expected a statement, found nothing"),
    (["sql", "selec 1"], 2, "Parser Error"),
    (["sql", "select 1", "--rows", "-1"], 2, "--rows: expected a whole number above 0"),
    (["emulate", "--hours", "nan"], 2, "expected at least one step of 100 ms and at most"),
    (["emulate", "--hours", "1e9"], 2, "expected at least one step of 100 ms and at most"),
    (["emulate", "--to", "lake"], 2, "--to: expected --hours N with it"),
    (["emulate", "--hours", "1", "--start", "then"], 2, "--start: expected a time such as"),
    (["start", "--mode", "replay", "--no-model"], 2, "the lake holds no segment of"),
    (["start", "--mode", "replay", "--from", "2026-01-02", "--to", "2026-01-01"], 2, "--to: expected a time after"),
    (["report"], 1, "expected a finished run, found none; next: trader start"),
    (["replay", "nowhere"], 5, "nowhere: expected a journal, found no file"),
    (["import", "--recordings", "/nowhere"], 5, "/nowhere/recordings.toml: not found"),
    (["demo", "--recordings", "/nowhere", "--json"], 5, "/nowhere/recordings.toml: not found"),
]


@pytest.mark.parametrize(("words", "code", "problem"), BAD_WORDS)
def test_words_that_cannot_be_done_are_named(
    words: list[str], code: int, problem: str, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, line = outcome(words, capsys)

    assert (found, problem in line) == (code, True), line


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)


def halve(path: Path) -> None:
    path.write_bytes(cut(path.read_bytes()))


DAMAGES = [
    (
        "lake/raw/venue=binance_spot/**/*.zst",
        flip,
        ["start", "--mode", "replay", "--no-model"],
        "make it again: trader",
    ),
    ("lake/raw/venue=binance_spot/**/*.zst", halve, ["start", "--mode", "replay", "--no-model"], "cut off"),
    ("lake/raw/venue=binance_spot/**/*.zst", lambda path: path.write_bytes(b""), ["instruments"], "cut off"),
    ("lake/raw/_runs/*.json", halve, ["import"], "not a run manifest"),
    ("journal/*.zst", flip, ["replay"], "make it again: trader"),
    ("journal/*.zst", halve, ["replay"], "cut off"),
    ("journal/*.json", halve, ["report"], "not a run's summary"),
    ("journal/*.json", lambda path: path.write_text("[]"), ["report"], "not a run's summary"),
    ("lake/fills/**/*.parquet", halve, ["report"], "not a whole Parquet file"),
    ("lake/fills/**/*.parquet", halve, ["sql", "select 1"], "remove that file"),
    ("lake/fills/**/*.parquet", lambda path: path.unlink(), ["report"], "expected the run's table, found none"),
    ("marts/lob.duckdb", lambda path: path.write_bytes(b"x"), ["sql", "select 1"], "expected published marts"),
]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one imported run and one replay of it, made once."""
    return tmp_path_factory.mktemp("filled")


@pytest.fixture
def lake_folder(filled: Path, settings_file: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    settings_file.write_text(settings_file.read_text().replace("BTCUSDT", "ETHUSDT"))
    file = recording.write(filled / "file", recording.lines(recording.messages()))
    if not (filled / "data").exists():
        assert main(["import", str(file), *recording.VENUE, *recording.STEPS]) == 0
        assert main(["start", "--mode", "replay", "--no-model"]) == 0
        (data_dir / "marts").mkdir()
        (data_dir / "marts" / "lob.duckdb").touch()
        shutil.copytree(data_dir, filled / "data")
    shutil.copytree(filled / "data", data_dir, dirs_exist_ok=True)
    for summary in data_dir.glob("journal/*.json"):  # it names the folder of the test that made it
        document = orjson.loads(summary.read_bytes())
        document["journal"] = str(summary.with_suffix(".seg.zst"))
        summary.write_bytes(orjson.dumps(document))
    return data_dir


@pytest.mark.parametrize(("pattern", "damage", "words", "problem"), DAMAGES)
def test_damage_of_what_we_wrote_is_named(
    pattern: str,
    damage: Damage,
    words: list[str],
    problem: str,
    filled: Path,
    lake_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (path,) = lake_folder.glob(pattern)
    damage(path)
    more = {"import": [str(filled / "file"), *recording.VENUE, *recording.STEPS], "replay": [str(path)]}

    code, line = outcome([*words, *more.get(words[0], [])], capsys)

    assert (code, path.name in line, problem in line) == (5, True, True), line


def test_report_names_the_runs_that_exist(lake_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = outcome(["report", "replay-x"], capsys)

    assert code == 2
    assert "no run is called 'replay-x'; the newest are: replay-" in line


def test_damaged_segment_is_mended_by_replace(
    filled: Path, lake_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (segment,) = lake_folder.glob("lake/raw/venue=binance_spot/**/*.zst")
    before = segment.read_bytes()
    flip(segment)

    assert main(["import", str(filled / "file"), *recording.VENUE, *recording.STEPS, "--replace"]) == 0

    assert segment.read_bytes() == before
