"""A discontinuity that the ledger names is told; one that it does not name is an error."""

import polars as pl
import pytest

from orchestration.defs.quality import ledger

SECOND = 1_000_000_000
SILENCE_NS = 60 * SECOND


def updates(*rows: tuple[int, int]) -> pl.DataFrame:
    """Rows of (receive time in seconds, update id)."""
    return pl.DataFrame(
        {
            "run": "r",
            "instrument": "BTCUSDT",
            "seq": list(range(1, len(rows) + 1)),
            "ts_recv_ns": [at * SECOND for at, _ in rows],
            "update_id": [update_id for _, update_id in rows],
            "is_snapshot": False,
        },
        schema_overrides={"seq": pl.UInt64},
    )


def gaps(*spans: tuple[int, int], gap_id: int = 0) -> pl.DataFrame:
    """Rows of (from, to) in seconds; a `to` of 0 is open."""
    return pl.DataFrame(
        {
            "run": ["r"] * len(spans),
            "instrument": ["BTCUSDT"] * len(spans),
            "gap_id": [gap_id] * len(spans),
            "ts_from_ns": [start * SECOND for start, _ in spans],
            "ts_to_ns": [end * SECOND for _, end in spans],
            "cause_name": ["sequence_break"] * len(spans),
        },
        schema={
            "run": pl.String,
            "instrument": pl.String,
            "gap_id": pl.UInt64,
            "ts_from_ns": pl.Int64,
            "ts_to_ns": pl.Int64,
            "cause_name": pl.String,
        },
    )


def events(*seqs: int) -> pl.DataFrame:
    """Feed events at which a synchronised book broke."""
    return pl.DataFrame(
        {
            "run": ["r"] * len(seqs),
            "instrument": ["BTCUSDT"] * len(seqs),
            "seq": list(seqs),
            "ts_recv_ns": [seq * SECOND for seq in seqs],
            "state_from": [ledger.STATE_SYNCED] * len(seqs),
            "state_to": [ledger.STATE_GAP] * len(seqs),
        },
        schema={
            "run": pl.String,
            "instrument": pl.String,
            "seq": pl.UInt64,
            "ts_recv_ns": pl.Int64,
            "state_from": pl.Int64,
            "state_to": pl.Int64,
        },
    )


def rules(rows: pl.DataFrame, broken: pl.DataFrame, known: pl.DataFrame, venue: str = "bybit_spot") -> list[str]:
    return [finding.rule for finding in ledger.unledgered(rows, broken, known, venue, SILENCE_NS)]


@pytest.mark.parametrize("known", [gaps((1, 3)), gaps((1, 0))])
def test_a_hole_in_dense_ids_must_stand_in_the_ledger(known: pl.DataFrame):
    rows = updates((1, 10), (2, 13), (3, 14))

    assert rules(rows, events(), gaps()) == ["update_ids_continuous"]
    assert rules(rows, events(), known) == []


def test_ids_that_are_not_dense_may_skip():
    assert rules(updates((1, 10), (2, 13)), events(), gaps(), venue="binance_spot") == []


def test_a_broken_feed_must_stand_in_the_ledger_under_its_seq():
    rows = updates((1, 10), (2, 11))

    assert rules(rows, events(7), gaps()) == ["feed_gap_in_ledger"]
    assert rules(rows, events(7), gaps((6, 8), gap_id=8)) == ["feed_gap_in_ledger"]
    assert rules(rows, events(7), gaps((6, 8), gap_id=7)) == []


def test_a_silence_must_stand_in_the_ledger():
    rows = updates((1, 10), (100, 11))

    assert rules(rows, events(), gaps()) == ["silence_in_ledger"]
    assert rules(rows, events(), gaps((1, 100))) == []
    assert rules(rows, events(), gaps((200, 300))) == ["silence_in_ledger"]


def test_a_ledgered_gap_is_a_warning_counted_once():
    (finding,) = ledger.ledgered(gaps((1, 0), (1, 3), gap_id=5))

    assert finding.severity == "warning"
    assert finding.violations == 1
    assert finding.examples == ("sequence_break x 1",)
