"""Skew on a session's own frames: exactly none, and every bit that differs is found."""

from pathlib import Path

import polars as pl
import pytest
from paper_market import GRID, NAMES, START_NS, Feeder, arrivals, begin, plan_of, settings_of, silent, venue_plans

from orchestration.defs.session.skew import (
    agreement_with_recorder,
    compared,
    converted_journal,
    skew_of,
    write_segments,
)
from streaming.live_journal import LiveJournal
from streaming.segments import read_header
from streaming.session_tables import land_session
from streaming.trader.modes import Mode
from streaming.trader.order_venue import REPLY_KINDS
from streaming.trader.plan import trader_plan
from streaming.trader.session import TradingSession
from streaming.venues.venue_reply import ReplyKind, VenueReply
from warehouse.lake import Lake

STEPS = 400
BEFORE_THE_HOUR_NS = START_NS + 3_580 * 10**9
SILENT_FROM_NS, SILENT_TO_NS = BEFORE_THE_HOUR_NS + 5 * 10**9, BEFORE_THE_HOUR_NS + 9 * 10**9
AFTER_NS = 5 * 10**8
ENGINE = settings_of().native


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Path]:
    """A landed session over a full hour, with four seconds in which nobody was heard, and its journal."""
    folder = tmp_path_factory.mktemp("session")
    trading = begin(folder / "journal", plan_of(BEFORE_THE_HOUR_NS))
    frames = arrivals(STEPS, start_ns=BEFORE_THE_HOUR_NS)
    feeder = Feeder(trading)
    feeder.feed([frame for frame in frames if not SILENT_FROM_NS < frame.ts_ns < SILENT_TO_NS])
    feeder.advance(frames[-1].ts_ns + AFTER_NS)
    journal = trading.close()
    lake = Lake(folder / "lake")
    land_session(lake, journal, silent)
    return lake, journal


@pytest.fixture(scope="module")
def saw(session: tuple[Lake, Path]) -> pl.DataFrame:
    return session[0].scan("session_grid").collect()


@pytest.fixture(scope="module")
def conversion(session: tuple[Lake, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[pl.DataFrame, int]:
    return converted_journal(session[1], Lake(tmp_path_factory.mktemp("made")), GRID, ENGINE)


@pytest.fixture(scope="module")
def made(conversion: tuple[pl.DataFrame, int]) -> pl.DataFrame:
    return conversion[0]


@pytest.fixture(scope="module")
def last_ns(conversion: tuple[pl.DataFrame, int]) -> int:
    return conversion[1]


def test_conversion_of_a_sessions_frames_gives_what_its_trader_saw_bit_for_bit(
    session: tuple[Lake, Path], saw: pl.DataFrame, tmp_path: Path
):
    lake, journal = session

    skew = skew_of(lake, saw["run"][0], journal, GRID, ENGINE, tmp_path)

    assert skew.is_none
    assert (skew.rows_different, skew.bits_different, skew.rows_missing, skew.max_abs_difference) == (0, 0, 0, 0.0)
    assert skew.rows + skew.rows_after_last_frame + skew.rows_of_silence == saw.height
    assert 0 < skew.valid_rows < skew.rows
    assert skew.rows_after_last_frame == 5 * len(NAMES)  # closed by the clock alone
    assert saw["hour"].n_unique() == 2
    assert list(tmp_path.iterdir()) == []


class OneReply:
    """Live venues that say one thing, of nobody's order."""

    def __init__(self, ts_ns: int) -> None:
        self._owed = [(ts_ns, VenueReply(kind=ReplyKind.cancelled, client_order_id=1, instrument=0).encode())]

    def frame(self, seq: int, source: int, ts_ns: int, payload: bytes) -> bool:
        return False

    def submit(self, requests: object, ts_ns: int) -> None:
        pass

    def next_ts_ns(self) -> int | None:
        return self._owed[0][0] if self._owed else None

    def due(self, ts_ns: int) -> list[tuple[int, bytes]]:
        owed, self._owed = self._owed, []
        return owed


def test_what_venues_say_of_orders_of_a_live_session_is_no_frame_of_the_market(tmp_path: Path):
    frames = arrivals(20)
    plan = trader_plan(settings_of(), GRID, venue_plans(NAMES), None, START_NS, Mode.live)
    journal = LiveJournal(tmp_path / f"{plan.header.run}.seg.zst", plan.header)
    trading = TradingSession(plan, journal, orders=OneReply(frames[30].ts_ns))
    feeder = Feeder(trading)
    feeder.feed(frames)
    feeder.advance(frames[-1].ts_ns + AFTER_NS)
    assert trading.counts.replies == 1
    sealed = trading.close()

    lake = Lake(tmp_path / "raw")
    write_segments(sealed, lake)
    landed = land_session(Lake(tmp_path / "lake"), sealed, silent)

    headers = [read_header(path) for path in lake.root.rglob("*.seg.zst")]
    kinds = {source.kind for header in headers for source in header.sources}
    assert headers and kinds.isdisjoint(REPLY_KINDS)
    assert landed.frames == trading.counts.frames


def test_one_bit_of_one_feature_is_found_and_named(saw: pl.DataFrame, made: pl.DataFrame, last_ns: int):
    at = saw.height // 2
    nudged = pl.int_range(pl.len()) == at
    other = saw.with_columns(
        micro_bps=pl.when(nudged)
        .then(pl.col("micro_bps").reinterpret(dtype=pl.UInt32).xor(1).reinterpret(dtype=pl.Float32))
        .otherwise("micro_bps")
    )

    skew = compared(other, made, last_ns)

    assert (skew.rows_different, skew.bits_different, skew.is_none) == (1, 1, False)
    assert skew.examples == [f"step {saw['ts_step_ns'][at]} slot {saw['slot'][at]}"]


def test_a_flag_or_a_price_that_differs_is_a_skew_too(saw: pl.DataFrame, made: pl.DataFrame, last_ns: int):
    first = pl.int_range(pl.len()) == 30
    flag = saw.with_columns(is_valid=pl.col("is_valid").xor(first))
    price = saw.with_columns(bid_price_ticks_1=pl.col("bid_price_ticks_1") + first.cast(pl.Int64))

    assert compared(flag, made, last_ns).rows_different == 1
    assert compared(price, made, last_ns).rows_different == 1


def test_a_step_that_the_conversion_lacks_or_has_alone_is_a_skew(saw: pl.DataFrame, made: pl.DataFrame, last_ns: int):
    valid = made.filter("is_valid").sort("ts_step_ns")
    lost = made.join(valid.head(1), on=["ts_step_ns", "slot"], how="anti")
    unseen = saw.join(valid.head(1), on=["ts_step_ns", "slot"], how="anti")

    assert compared(saw, lost, last_ns).rows_missing == 1
    assert compared(unseen, made, last_ns).rows_missing == 1


def test_a_conversion_that_ends_early_is_a_skew_and_not_a_silence_after_the_last_frame(
    saw: pl.DataFrame, made: pl.DataFrame, last_ns: int
):
    valid = made.filter("is_valid").sort("ts_step_ns")
    middle_ns = valid["ts_step_ns"][valid.height // 2]
    early = made.filter(pl.col("ts_step_ns") <= middle_ns)

    skew = compared(saw, early, last_ns)

    assert skew.rows_missing == valid.filter(pl.col("ts_step_ns") > middle_ns).height
    assert not skew.is_none


def test_nothing_compared_is_not_taken_for_no_skew(made: pl.DataFrame, saw: pl.DataFrame, last_ns: int):
    assert not compared(saw.clear(), made.clear(), last_ns).is_none


def test_agreement_with_the_recorder_is_told_where_the_lake_has_its_rows(
    session: tuple[Lake, Path], saw: pl.DataFrame, made: pl.DataFrame
):
    lake, run = session[0], saw["run"][0]
    without = agreement_with_recorder(lake, run, GRID)
    for (date, hour), part in made.partition_by("date", "hour", as_dict=True).items():
        keys = {"grid": "main", "date": str(date), "hour": f"{hour:02d}"}
        lake.write_table("grid", keys, part.drop("grid", "date", "hour").to_arrow())

    agreement = agreement_with_recorder(lake, run, GRID)

    assert without is None
    assert agreement is not None
    assert (agreement.equal_share, agreement.median_abs_difference) == (1.0, 0.0)
