"""An order followed back through everything that made it, on a market that was generated, learned from and traded."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from ml import registry
from ml.bundle import seal
from ml.dataset import build
from ml.train import train
from ml.validate import validate
from orchestration.defs.dataset.assets import dataset_dir
from orchestration.defs.ingest.capture import convert_grid_hours, convert_venue_hours
from orchestration.defs.lineage.assets import lineage
from orchestration.defs.quality.span import capturable_grid_hours, captured_hours, grid_venues
from orchestration.defs.resources import House
from orchestration.defs.train.assets import candidate_dir
from orchestration.settings import Settings, load_settings
from streaming.cli.main import main
from streaming.segments import KIND_FRAME, read_block, read_header, scan
from streaming.trading_run import RunSummary, StartRequest, start_replay

SETTINGS = """
[warehouse]
data_dir = "data"

[[grid]]
name = "main"
instruments = ["binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT"]
reference = "binance_usdm:BTCUSDT"

[ml]
preset = "nano_short"
steps = 20

[ml.gate]
contiguous_test_steps_min = 50
blocks_min = 1

[native.signal]
cost_multiple = 0.0

[native.risk]
price_deviation_bps = 50.0
max_exposure_quote = "100000"
forecast_age_max_ms = 500
"""
LIMITS = """
[native.limits."{name}"]
order_size = "0.01"
max_order_size = "0.05"
max_position = "0.05"
"""
NAMES = ("binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT")


@dataclass(frozen=True)
class Traded:
    """A house in which a model was trained, sealed, promoted and has traded."""

    settings: Settings
    bundle: str
    summary: RunSummary

    @property
    def filled(self) -> int:
        """The id of an order that was filled."""
        fills = self.settings.lake.scan("fills").filter(pl.col("run") == self.summary.run).collect()
        return int(fills["client_order_id"][len(fills) // 2])


def silent(line: str) -> None:
    """Progress for tests."""


@pytest.fixture(scope="module")
def made(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Traded:
    folder = tmp_path_factory.mktemp("traded")
    (folder / "settings.toml").write_text(SETTINGS + "".join(LIMITS.format(name=name) for name in NAMES))
    shutil.copytree(market, folder / "data" / "lake")
    settings = load_settings(folder / "settings.toml")
    lake, grid = settings.lake, settings.learning_grid
    convert_venue_hours(lake, settings.native, captured_hours(lake, grid_venues(grid)))
    convert_grid_hours(lake, settings.native, grid, capturable_grid_hours(lake, grid))
    build(lake, "main", settings.ml, dataset_dir(settings), instruments=NAMES)
    candidate = train(dataset_dir(settings), settings.ml, candidate_dir(settings))
    report = validate(candidate_dir(settings), dataset_dir(settings), settings.ml)
    bundle = seal(candidate, report, settings.folders.models_dir)
    registry.promote(settings.folders.models_dir, bundle, "a test", "to trade with it", 1)
    return Traded(settings, bundle, start_replay(settings, StartRequest(grid="main", model=bundle), silent))


@pytest.fixture
def traded(made: Traded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Traded:
    """The same in a folder of the test's own, that it may alter."""
    source = made.settings.data_dir.parent
    shutil.copytree(source, tmp_path / "own")
    monkeypatch.setenv("LOB_SETTINGS", str(tmp_path / "own" / "settings.toml"))
    return Traded(load_settings(), made.bundle, made.summary)


def chain_of(order: int | str, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    code = main(["why", str(order), "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def raw_frame(settings: Settings, book: dict[str, object]) -> tuple[int, bytes]:
    """The time and bytes of the frame that a chain names, read from the raw segment that it names."""
    path = settings.lake.root / str(book["raw"]["path"])
    assert read_header(path).run == book["raw_run"]
    block = read_block(path)
    records = scan(path, block)
    (row,) = records[(records["seq"] == book["raw_seq"]) & (records["kind"] == KIND_FRAME)]
    return int(row["ts_ns"]), block[int(row["offset"]) : int(row["offset"]) + int(row["length"])]


def test_an_order_is_followed_back_to_the_raw_frames(traded: Traded, capsys: pytest.CaptureFixture[str]) -> None:
    code, chain = chain_of(traded.filled, capsys)

    records, books = chain["records"], {book["instrument"]: book for book in chain["books"]}
    assert code == 0 and chain["broken"] == [] and chain["client_order_id"] == str(traded.filled)
    assert records["run"] == traded.summary.run and records["place"] == "lake" and len(records["fills"]) > 0
    assert records["decision"]["client_order_id"] == traded.filled
    assert chain["journal"]["state"] == "ok"
    forecast = chain["forecast"]
    assert forecast["seq"] == records["events"][0]["seq"] and forecast["delay_ns"] == 20_000_000
    assert f"{forecast['model_id']:08x}" == traded.bundle[:8] and chain["bundle"]["hash"] == traded.bundle
    assert sorted(books) == sorted(NAMES)
    updates = traded.settings.lake.scan("book_updates").collect()
    at_ns = records["events"][0]["ts_ns"]
    for name, book in books.items():
        venue, _, symbol = name.partition(":")
        own = updates.filter(
            (pl.col("venue") == venue) & (pl.col("instrument") == symbol) & (pl.col("ts_recv_ns") <= at_ns)
        )
        last = own.row(-1, named=True)
        assert (book["raw_run"], book["raw_seq"]) == (last["run"], last["seq"])
        assert (book["update_id"], book["ts_recv_ns"]) == (last["update_id"], last["ts_recv_ns"])
        ts_ns, payload = raw_frame(traded.settings, book)
        assert ts_ns == book["ts_recv_ns"] and str(book["update_id"]).encode() in payload
        assert float(book["bid"]) < float(book["ask"])


def test_the_model_is_followed_back_to_its_grid_files_and_segments(
    traded: Traded, capsys: pytest.CaptureFixture[str]
) -> None:
    _, chain = chain_of(hex(traded.filled), capsys)

    bundle, lake = chain["bundle"], traded.settings.lake
    assert bundle["state"] == "ok" and bundle["generations"][0]["reason"] == "to trade with it"
    files = {part["file"]["path"]: part for part in chain["partitions"]}
    assert sorted(files) == [path.relative_to(lake.root).as_posix() for path in lake.files("grid")]
    assert {name: part["file"]["sha256"] for name, part in files.items()} == bundle["sources"]
    segments = {segment["path"] for part in files.values() for segment in part["segments"]}
    assert segments == {path.relative_to(lake.root).as_posix() for path in lake.root.glob("raw/**/*.seg.zst")}
    assert {segment["state"] for part in files.values() for segment in part["segments"]} == {"ok"}
    assert chain["training_run"]["words"] == "the training was not logged to MLflow"


def test_an_altered_grid_file_is_reported_as_altered(traded: Traded, capsys: pytest.CaptureFixture[str]) -> None:
    first = next(traded.settings.lake.files("grid"))
    rows = pl.read_parquet(first)
    rows.head(len(rows) - 1).write_parquet(first)

    code = main(["why", "last"])

    lines = capsys.readouterr().out.splitlines()
    assert code == 5
    (told,) = [line for line in lines if line.startswith("  altered")]
    assert first.relative_to(traded.settings.lake.root).as_posix() in told and "when the model learned from it" in told


def test_a_segment_that_was_altered_after_the_lineage_was_written_is_reported(
    traded: Traded, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dg.materialize([lineage], resources={"house": House()}, selection=[lineage]).success
    lake = traded.settings.lake
    victim, other = sorted(lake.root.glob("raw/venue=bybit_spot/**/*.seg.zst"))
    before, _ = chain_of("last", capsys)
    shutil.copy(other, victim)  # whole, every checksum holds, and another file
    gone = next(iter(sorted(lake.root.glob("raw/venue=binance_spot/**/*.seg.zst"))))
    gone.unlink()

    code, chain = chain_of("last", capsys)

    states = {
        segment["path"]: segment["state"]
        for part in chain["partitions"]
        for segment in part["segments"]
        if segment["state"] != "ok"
    }
    assert (before, code) == (0, 5)
    assert states[victim.relative_to(lake.root).as_posix()] == "altered"
    assert gone.relative_to(lake.root).as_posix() in chain["broken"]


def test_a_segments_influence_is_asked_for_in_sql(traded: Traded, capsys: pytest.CaptureFixture[str]) -> None:
    lake = traded.settings.lake
    assert dg.materialize([lineage], resources={"house": House()}, selection=[lineage]).success
    segment = sorted(lake.root.glob("raw/**/*.seg.zst"))[0].relative_to(lake.root).as_posix()

    code = main(["sql", f"select distinct client_order_id from order_lineage where segment = '{segment}'", "--json"])

    sent = lake.scan("decisions").filter(pl.col("client_order_id") != 0).collect()["client_order_id"]
    found = {row["client_order_id"] for row in json.loads(capsys.readouterr().out)}
    assert code == 0 and found == set(sent.to_list()) and len(found) > 0
    assert main(["sql", "select * from order_lineage where segment = 'raw/none'", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_without_its_journal_the_lake_tells_the_same_books(traded: Traded, capsys: pytest.CaptureFixture[str]) -> None:
    _, heard = chain_of(traded.filled, capsys)
    for path in traded.settings.folders.journal_dir.iterdir():
        path.unlink()

    code, told = chain_of(traded.filled, capsys)

    def books(chain: dict[str, object]) -> list[tuple[object, ...]]:
        keys = ("instrument", "raw_run", "raw_seq", "update_id", "bid", "bid_size", "ask", "ask_size")
        return sorted(tuple(book[key] for key in keys) for book in chain["books"])

    assert code == 0 and books(told) == books(heard)
    assert told["journal"]["state"] == "missing" and told["bundle"]["hash"] == traded.bundle


def test_a_bundle_that_is_gone_or_altered_is_one_clear_line(traded: Traded, capsys: pytest.CaptureFixture[str]) -> None:
    folder = traded.settings.folders.models_dir / traded.bundle
    weights = next(folder.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    altered = main(["why", "last"]), capsys.readouterr().out
    shutil.rmtree(folder)

    gone = main(["why", "last"]), capsys.readouterr().out

    assert altered[0] == 5 and f"altered  {traded.bundle}: {weights}: altered since it was sealed" in altered[1]
    assert gone[0] == 0 and f"missing  {traded.bundle}" in gone[1] and "expected a sealed bundle, found none" in gone[1]


def test_an_order_that_nobody_knows_is_a_usage_error(traded: Traded, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "0x7b00000001"]) == 2
    assert "order 528280977409 (0x7b00000001)" in capsys.readouterr().err
    assert main(["why", "my order"]) == 2
    assert "client order id (decimal or hex) or `last`" in capsys.readouterr().err
