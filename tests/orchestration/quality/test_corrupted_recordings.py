"""The hand-corrupted recordings, flattened to rows, held to the very rules that the lake's tables are held to."""

from pathlib import Path

import polars as pl
import pytest
import zstandard

from orchestration.config import QualityConfig
from orchestration.defs.quality import frames, ledger, rules
from orchestration.defs.quality.rules import Finding
from orchestration.defs.quality.suites import judge

DAY_NS = 24 * rules.HOUR_NS
DAY_START_NS = 1_741_046_400 * rules.NS_PER_S
SNAPSHOT_DAY_START_NS = 1_744_588_800 * rules.NS_PER_S
CONFIG = QualityConfig()
TICK = 1e-5


def read_rows(path: Path) -> pl.DataFrame:
    text = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    return pl.read_csv(text, comment_prefix="#", infer_schema_length=None)


def find(recordings: Path, sign: str, kind: str) -> Path:
    (path,) = (recordings / "binance-corrupted").glob(f"test_{sign}_binance_{kind}*.csv.zst")
    return path


def as_lake_rows(rows: pl.DataFrame, times: dict[str, str]) -> pl.DataFrame:
    """Name the recording's columns as the lake does; spot times are microseconds, the others milliseconds."""
    message = "FirstUpdateId" if "FirstUpdateId" in rows.columns else "TimestampOfReceive"
    to_ns = 1_000 if rows["TimestampOfReceive"].max() > 10**14 else 1_000_000
    return rows.select(
        run=pl.lit("recording"),
        instrument="Symbol",
        seq=pl.col(message).rle_id().cast(pl.UInt64),
        **{name: (pl.col(column) * to_ns).cast(pl.Int64) for name, column in times.items()},
        price_ticks=(pl.col("Price") / TICK).round().cast(pl.Int64),
        size_units=(pl.col("Quantity") * 1000).round().cast(pl.Int64),
        **{name: column for column, name in COUNTS.items() if column in rows.columns},
    )


COUNTS = {
    "IsAsk": "side",
    "IsBuyerMarketMaker": "aggressor_side",
    "FirstUpdateId": "first_update_id",
    "FinalUpdateId": "update_id",
    "FinalUpdateIdInLastStream": "previous_update_id",
    "TradeId": "trade_id",
}
TIMES = {"ts_recv_ns": "TimestampOfReceive", "ts_event_ns": "EventTime", "ts_engine_ns": "TransactionTime"}


def judge_depth(path: Path, spliced_rows: int = 0) -> list[Finding]:
    rows = read_rows(path)
    rows = rows.head(rows.height - spliced_rows)
    has_engine_time = "TransactionTime" in rows.columns
    times = {name: column for name, column in TIMES.items() if has_engine_time or name != "ts_engine_ns"}
    frame = as_lake_rows(rows, times).with_columns(is_snapshot=pl.lit(value=False))
    judged = frames.book_updates(frames.expect_instrument(frame, expected_symbol(path)), DAY_START_NS)
    found = judge("book_updates", judged, rules.book_update_rules(CONFIG, DAY_NS))
    return found + ledger.unledgered(frame, NO_EVENTS, recorded_gaps(frame), "binance", 3600 * rules.NS_PER_S)


def judge_trades(path: Path) -> list[Finding]:
    rows = read_rows(path)
    if "XUnknownParameter" in rows.columns:
        # USD-M prints rows of price 0 that are no trades; they carry no order type.
        rows = rows.filter(pl.col("XUnknownParameter") == "MARKET")
    frame = as_lake_rows(rows, TIMES).with_columns(is_aggregate=pl.lit(value=False))
    judged = frames.trades(frames.expect_instrument(frame, expected_symbol(path)), DAY_START_NS)
    return judge("trades", judged, rules.trade_rules(CONFIG, DAY_NS))


def judge_snapshot(path: Path) -> list[Finding]:
    rows = read_rows(path).select(
        run=pl.lit("recording"),
        instrument=pl.lit("BTCUSDT"),
        ts_recv_ns=pl.col("TimestampOfReceive").cast(pl.Int64) * 1_000_000,
        ts_event_ns=pl.col("TimestampOfRequest").cast(pl.Int64) * 1_000_000,
        price_ticks=(pl.col("Price") * 100).round().cast(pl.Int64),
        size_units=(pl.col("Quantity") * 1e8).round().cast(pl.Int64),
        side="IsAsk",
        update_id="LastUpdateId",
        seq=pl.col("LastUpdateId").rle_id(),
        is_snapshot=pl.lit(value=True),
    )
    judged = frames.book_updates(rows, SNAPSHOT_DAY_START_NS)
    return [
        *judge("book_updates", judged, rules.book_update_rules(CONFIG, DAY_NS)),
        *judge("book_snapshots", frames.book_snapshots(rows), rules.SNAPSHOT_RULES),
    ]


NO_EVENTS = pl.DataFrame(
    schema={
        "run": pl.String,
        "instrument": pl.String,
        "seq": pl.UInt64,
        "ts_recv_ns": pl.Int64,
        "state_from": pl.UInt8,
        "state_to": pl.UInt8,
    }
)


def recorded_gaps(frame: pl.DataFrame) -> pl.DataFrame:
    """The recordings end with one row moved to the end of the day: a hole that their maker knew of."""
    last_two = frame["ts_recv_ns"].unique(maintain_order=True).tail(2)
    row = {
        "run": "recording",
        "instrument": frame["instrument"][-1],
        "gap_id": 10**9,
        "ts_from_ns": last_two[0] - 1,
        "ts_to_ns": last_two[1],
    }
    return pl.DataFrame([row], schema_overrides={"gap_id": pl.UInt64})


def expected_symbol(path: Path) -> str:
    return "TRXUSD_PERP" if "coin_m" in path.name else "TRXUSDT"


def broken_rules(findings: list[Finding]) -> set[str]:
    return {finding.rule for finding in findings}


DEPTH_KINDS = ("difference_depth_stream_spot", "difference_depth_stream_usd_m", "difference_depth_stream_coin_m")
TRADE_KINDS = ("trade_stream_spot", "trade_stream_usd_m", "trade_stream_coin_m")


@pytest.mark.parametrize("kind", DEPTH_KINDS)
def test_healthy_depth_recording_is_clean(recordings: Path, kind: str):
    # The maker of the COIN-M file gave the last row of its last message a receive time at the end of the day.
    spliced_rows = 1 if "coin_m" in kind else 0

    assert judge_depth(find(recordings, "positive", kind), spliced_rows) == []


@pytest.mark.parametrize("kind", TRADE_KINDS)
def test_healthy_trade_recording_is_clean(recordings: Path, kind: str):
    assert judge_trades(find(recordings, "positive", kind)) == []


def test_healthy_snapshot_recording_is_clean(recordings: Path):
    assert judge_snapshot(find(recordings, "positive", "depth_snapshot_spot_btcusdt_14")) == []


def test_every_planted_kind_is_found_in_the_spot_depth_twin(recordings: Path):
    findings = judge_depth(find(recordings, "negative", "difference_depth_stream_spot"))

    assert broken_rules(findings) == {
        "price_positive",
        "price_plausible",
        "event_time_present",
        "one_event_time_a_message",
        "update_ids_continuous",
        "receive_time_in_partition",
    }


def test_identical_usd_m_depth_twin_is_clean(recordings: Path):
    assert judge_depth(find(recordings, "negative", "difference_depth_stream_usd_m")) == []


def test_every_planted_kind_is_found_in_the_coin_m_depth_twin(recordings: Path):
    findings = judge_depth(find(recordings, "negative", "difference_depth_stream_coin_m"))

    assert broken_rules(findings) == {
        "instrument_expected",
        "price_positive",
        "price_plausible",
        "side_known",
        "event_time_near_receive_time",
        "event_time_steady",
        "one_event_time_a_message",
        "engine_time_present",
        "engine_time_before_event_time",
        "ids_not_swapped",
        "update_id_increasing",
        "update_ids_continuous",
        "receive_time_in_partition",
    }


def test_duplicate_trade_id_and_time_in_the_future_are_found_in_the_spot_trade_twin(recordings: Path):
    findings = judge_trades(find(recordings, "negative", "trade_stream_spot"))

    assert broken_rules(findings) == {"trade_id_unique", "event_time_near_receive_time", "event_time_steady"}


def test_price_of_minus_one_is_found_in_the_usd_m_trade_twin(recordings: Path):
    findings = judge_trades(find(recordings, "negative", "trade_stream_usd_m"))

    assert broken_rules(findings) == {"price_positive", "price_plausible"}


def test_every_planted_kind_is_found_in_the_coin_m_trade_twin(recordings: Path):
    findings = judge_trades(find(recordings, "negative", "trade_stream_coin_m"))

    assert broken_rules(findings) == {
        "trade_id_unique",
        "price_plausible",
        "event_time_near_receive_time",
        "event_time_steady",
    }


def test_zero_receive_time_is_found_in_the_snapshot_twin(recordings: Path):
    findings = judge_snapshot(find(recordings, "negative", "depth_snapshot_spot_btcusdt_14"))

    assert "receive_time_in_partition" in broken_rules(findings)
    assert "event_time_near_receive_time" in broken_rules(findings)
