"""Money of instruments with other steps adds up exactly, and values hold until the next one."""

import numpy as np
import pytest

import native
from streaming.backtest.records import LaneRecords, course_of, money_e8, moneys_e8
from streaming.segments import InstrumentEntry


def entry(number, tick, size_unit, symbol="BTCUSDT"):
    return InstrumentEntry(
        id=number,
        venue="binance_usdm",
        symbol=symbol,
        market_type="perpetual",
        tick=tick,
        size_unit=size_unit,
        lot=size_unit,
        maker_fee_bps="2",
        taker_fee_bps="5",
        quote="USDT",
    )


def positions(*rows):
    """(ts_ns, instrument, position, cost, realised, unrealised, fees)."""
    records = np.zeros(len(rows), dtype=native.dtypes["positions"])
    names = ("position_units", "cost_quote_units", "realised_quote_units", "unrealised_quote_units", "fees_quote_units")
    for record, (ts_ns, instrument, *values) in zip(records, rows, strict=True):
        record["ts_ns"], record["instrument"] = ts_ns, instrument
        for name, value in zip(names, values, strict=True):
            record[name] = value
    return records


@pytest.mark.parametrize(("tick", "unit", "amount", "e8"), [("0.1", "0.001", 7, 70_000), ("0.00001", "0.00001", 25, 0)])
def test_money_is_rounded_down_to_ten_to_the_minus_eight(tick, unit, amount, e8):
    assert money_e8(entry(0, tick, unit), amount) == e8
    assert moneys_e8(entry(0, tick, unit), np.array([amount, -amount])).tolist() == [
        e8,
        money_e8(entry(0, tick, unit), -amount),
    ]


def test_a_loss_below_the_last_digit_is_not_forgotten():
    assert money_e8(entry(0, "0.00001", "0.00001"), -25) == -1


def test_equity_is_the_sum_over_instruments_of_what_holds_at_each_moment():
    first, second = entry(0, "0.1", "0.001"), entry(1, "0.01", "0.00001", "ETHUSDT")
    records = LaneRecords()
    rows = positions(
        (10, 0, 5, 500, 0, -3, 2),  # -5 x 10000 e8
        (20, 1, 7, 70, 0, 40, 0),  # +40 x 10
        (30, 0, 0, 0, 9, 0, 4),  # +5 x 10000
    )
    records.parts["positions"] = [rows]

    course = course_of(records, [first, second])

    assert course.ts_ns.tolist() == [10, 20, 30]
    assert course.equity_e8.tolist() == [-50_000, -49_600, 50_400]
    assert course.gross_e8.tolist() == [497 * 10_000, 497 * 10_000 + 1_100, 1_100]
    assert course.is_exposed.tolist() == [True, True, True]
    assert course.sampled(np.array([5, 25, 99])).tolist() == [0, -49_600, 50_400]


def test_a_lane_without_positions_earned_nothing():
    course = course_of(LaneRecords(), [entry(0, "0.1", "0.001")])

    assert len(course.ts_ns) == 0 and course.sampled(np.array([1, 2])).tolist() == [0, 0]


def test_texts_of_several_drains_keep_their_places():
    records = LaneRecords()
    for word in (b"halt", b"resume"):
        event = np.zeros(1, dtype=native.dtypes["state_events"])
        event["text_length"] = len(word)
        records.add({"state_events": event, "arena": word})

    found = records.table("state_events")

    texts = [bytes(records.arena[row["text_offset"] :][: row["text_length"]]) for row in found]
    assert texts == [b"halt", b"resume"]
