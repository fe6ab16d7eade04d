"""The replay loop: a generated market, an eager model, a journal that replays byte for byte."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

import native
from native.config import EngineSettings, GridConfig, InstrumentLimits, RiskSettings, engine_document, trading_document
from streaming.emulator.generator import generate
from streaming.journal import JournalWriter
from streaming.replay import replay
from streaming.segments import SegmentHeader, SourceEntry, read_block, read_header, scan
from streaming.shell.feed import Feed, open_feed
from streaming.shell.runner import ReplayRunner, RunCounts, RunnerSettings
from streaming.trading_records import Recorded
from warehouse.lake import Lake

INSTRUMENTS = ("binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT")
GRID = GridConfig(name="main", instruments=INSTRUMENTS, reference=INSTRUMENTS[0])
LIMITS = InstrumentLimits(order_size="0.01", max_order_size="0.05", max_position="0.05")
SETTINGS = EngineSettings(
    risk=RiskSettings(price_deviation_bps=50.0, max_exposure_quote="100000", forecast_age_max_ms=500),
    limits=dict.fromkeys(INSTRUMENTS, LIMITS),
)
HORIZON = 20


@dataclass(slots=True)
class EagerModel:
    """Forecasts a large move that turns every `period` steps, so that orders are sent and filled."""

    period: int = 20
    context_steps: int = 5
    asked: int = 0

    def forecast(
        self, features: NDArray[np.float32], valid: NDArray[np.uint8] | NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        assert features.shape == (self.context_steps, 3, 58)
        assert valid.shape == (self.context_steps, 3)
        values = np.zeros((HORIZON, 3, 20), dtype=np.float32)
        values[:, :, 0] = 50.0 if self.asked // self.period % 2 == 0 else -50.0
        self.asked += 1
        return values.reshape(HORIZON, 60)


@dataclass(slots=True)
class Played:
    """One run."""

    path: Path
    counts: RunCounts
    recorded: Recorded


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    root = tmp_path_factory.mktemp("generated")
    generate(root, 0.01, 5)
    return Lake(root)


def header_of(feed: Feed) -> SegmentHeader:
    private = SourceEntry(id=len(feed.sources), venue="binance_usdm", instrument=None, kind="sim_private")
    header = SegmentHeader(run="test", instruments=feed.instruments, sources=(*feed.sources, private))
    document = engine_document(header.instrument_rows(), header.source_rows(), SETTINGS, GRID)
    document = trading_document(document, GRID, SETTINGS, run_tag=7)
    return SegmentHeader(run="test", instruments=feed.instruments, sources=header.sources, engine=document)


def play(lake: Lake, path: Path, model: EagerModel | None, wrap: Callable[[int], int] | None = None) -> Played:
    feed = open_feed(lake, INSTRUMENTS, None, None)
    header = header_of(feed)
    config = orjson.dumps(header.engine).decode()
    journal = JournalWriter(path, header)
    numbers = RunnerSettings(
        step_ns=GRID.step_ns, max_catchup_steps=600, sim_source=len(header.sources) - 1, trade_from_ns=0
    )
    venue = None if model is None else native.SimVenue(config)
    runner = ReplayRunner(native.Engine(config), journal, numbers, venue, model, model_id=9)
    for hour in feed.read():
        runner.run(hour)
    counts = runner.finish()
    journal.close()
    return Played(path, counts, runner.recorded)


def test_every_recorded_frame_is_heard_once(lake: Lake, tmp_path: Path) -> None:
    played = play(lake, tmp_path / "j.seg.zst", None)

    frames = sum(int((hour.records["kind"] == 1).sum()) for hour in open_feed(lake, INSTRUMENTS, None, None).read())
    assert played.counts.frames == frames > 0
    assert played.counts.rejects == 0


def test_orders_are_sent_filled_and_booked(lake: Lake, tmp_path: Path) -> None:
    played = play(lake, tmp_path / "j.seg.zst", EagerModel())

    fills = played.recorded.table("fills")
    assert played.counts.orders > 0
    assert len(fills) > 0
    assert played.counts.rejects == 0
    assert len(played.recorded.table("positions")) >= len(fills)


def test_forecast_reaches_the_engine_its_stated_delay_after_the_step(lake: Lake, tmp_path: Path) -> None:
    played = play(lake, tmp_path / "j.seg.zst", EagerModel())

    decisions = played.recorded.table("decisions")
    assert set((decisions["ts_ns"] - decisions["ts_step_ns"]).tolist()) == {20_000_000}
    assert set(decisions["model_id"].tolist()) == {9}


@pytest.mark.parametrize("model", [None, EagerModel()], ids=["without model", "trading"])
def test_journal_replays_byte_for_byte(lake: Lake, tmp_path: Path, model: EagerModel | None) -> None:
    played = play(lake, tmp_path / "j.seg.zst", model)

    verdict = replay(played.path, lambda message: None)

    assert verdict.identical
    assert verdict.steps == played.counts.steps + 1  # and the hash after the last input


def test_same_feed_gives_the_same_journal_bytes(lake: Lake, tmp_path: Path) -> None:
    one = play(lake, tmp_path / "one.seg.zst", EagerModel())
    two = play(lake, tmp_path / "two.seg.zst", EagerModel())

    assert one.path.read_bytes() == two.path.read_bytes()


def test_time_and_seq_of_journaled_inputs_never_go_back(lake: Lake, tmp_path: Path) -> None:
    played = play(lake, tmp_path / "j.seg.zst", EagerModel())

    records = scan(played.path, read_block(played.path))
    assert (np.diff(records["ts_ns"].astype(np.int64)) >= 0).all()
    assert (np.diff(records["seq"].astype(np.int64)) > 0).all()


def test_replay_names_the_first_step_that_differs(lake: Lake, tmp_path: Path) -> None:
    """Leaving out one frame of the journal changes what comes out from its step on."""
    played = play(lake, tmp_path / "j.seg.zst", EagerModel())
    block = read_block(played.path)
    records = scan(played.path, block)
    victim = len(records) // 2
    while records[victim]["kind"] != 1 or records[victim]["length"] < 100:
        victim += 1
    earlier = int((records["kind"][:victim] == 6).sum())
    writer = JournalWriter(tmp_path / "k.seg.zst", read_header(played.path))
    for number in range(1, len(records)):
        if number != victim:
            offset = int(records[number]["offset"])
            writer.write(block[offset - 24 : offset + int(records[number]["length"]) + 4])
    writer.close()

    verdict = replay(tmp_path / "k.seg.zst", lambda message: None)

    assert not verdict.identical
    assert verdict.step_index == earlier
