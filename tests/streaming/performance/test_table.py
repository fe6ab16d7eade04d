"""What lands of a session's figures is what it said while it went on."""

import math
from fractions import Fraction

import polars as pl
import pytest
from paper_market import silent
from traded_session import traded

from native.config import JsonObject
from streaming.performance.figures import money_text
from streaming.performance.stage_file import StageRow, encode_rows, stage_path
from streaming.session_tables import land_session
from warehouse.lake import Lake

TEN_S = 10_000_000_000
QUOTE_UNIT = {
    "binance_usdm": Fraction(1, 10) * Fraction(1, 10**3),
    "binance_spot": Fraction(1, 10**2) * Fraction(1, 10**8),
    "bybit_spot": Fraction(1, 10) * Fraction(1, 10**6),
}
"""Tick x size unit."""


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> tuple[JsonObject, Lake]:
    """What a session said at its end, and the lake that it landed in."""
    folder = tmp_path_factory.mktemp("landed")
    session = traded(folder)
    status, lake = session.performance(), Lake(folder / "lake")
    age = StageRow(7, "feed_age", "bybit_spot", 3, 10, 20, 30, 30, 31)
    rows = [age, StageRow(7, "inference", "", 1, 5, 5, 5, 5, 5)]
    stage_path(folder, session.plan.header.run).write_bytes(encode_rows(rows) + b'{"ts_ns": 8, "stage": "tor')
    land_session(lake, session.close(), silent)
    return status, lake


def last_rows(lake: Lake) -> dict[tuple[str, str], dict[str, object]]:
    rows = lake.scan("performance").collect()
    rows = rows.filter(pl.col("ts_ns") == rows["ts_ns"].max())
    return {(row["venue"], row["strategy"]): row for row in rows.to_dicts()}


def test_the_last_rows_are_what_the_session_said_at_its_end(landed: tuple[JsonObject, Lake]) -> None:
    status, lake = landed
    rows = last_rows(lake)
    said = {("", ""): status["total"]}
    said |= {(venue, ""): each for venue, each in status["venues"].items()}
    said |= {("", strategy): each for strategy, each in status["strategies"].items()}
    said |= {(each["venue"], each["strategy"]): each for each in status["rows"]}

    assert rows.keys() == said.keys()
    for scope, row in rows.items():
        told = said[scope]
        assert row["has_earnings"] == (told["pnl"] is not None)
        for name in ("pnl", "spread", "fees", "funding", "inventory", "max_drawdown"):
            assert told[name] in (None, money_text(row[f"{name}_e8"])), (scope, name)
        for name in ("sharpe", "fill_rate", "hit_rate", "mse_bps2", "mae_bps"):
            is_told = told[name] is not None
            assert is_told != math.isnan(row[name])
            assert not is_told or told[name] == pytest.approx(row[name], abs=1e-6)
        for name in ("submitted", "filled", "fills", "trades"):
            assert told[name] in (None, row[name])


def test_a_row_stands_at_each_ten_seconds_of_the_clock_and_at_the_end(landed: tuple[JsonObject, Lake]) -> None:
    status, lake = landed

    times = lake.scan("performance").select("ts_ns").unique().sort("ts_ns").collect()["ts_ns"].to_list()

    first, last = status["ts_from_ns"], status["ts_to_ns"]
    assert times == [*range(-(-first // TEN_S) * TEN_S, last, TEN_S), last] and len(times) == 2


def test_a_rows_pnl_is_what_the_positions_came_to_by_then(landed: tuple[JsonObject, Lake]) -> None:
    _, lake = landed
    positions = lake.scan("positions").collect()
    total = lake.scan("performance").filter((pl.col("venue") == "") & (pl.col("strategy") == "")).collect()
    assert len(total) == 2 and total["pnl_e8"].n_unique() == 2

    for ts_ns, pnl_e8 in total.select("ts_ns", "pnl_e8").iter_rows():
        by_then = positions.filter(pl.col("ts_ns") <= ts_ns).group_by("venue", maintain_order=True).last()
        stood = 0
        for row in by_then.to_dicts():
            paid = row["fees_quote_units"] + row["funding_quote_units"]
            earned = row["realised_quote_units"] + row["unrealised_quote_units"] - paid
            stood += math.floor(earned * QUOTE_UNIT[row["venue"]] * 10**8)
        assert pnl_e8 == stood


def test_what_stages_took_lands_from_the_file_beside_the_journal_without_its_torn_line(
    landed: tuple[JsonObject, Lake],
) -> None:
    _, lake = landed

    rows = lake.scan("stage_latencies").collect()

    assert rows["stage"].to_list() == ["feed_age", "inference"] and rows["venue"].to_list() == ["bybit_spot", ""]
    assert rows["p99_ns"].to_list() == [30, 5] and rows["durations"].to_list() == [3, 1]
