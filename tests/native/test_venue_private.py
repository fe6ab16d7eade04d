"""Replies of a venue as frames of a source of their own: into the engine, its journal's inputs, and past a backtest."""

import json
from typing import cast

import numpy as np
import pytest
from one_market import document

import native
from native.config import ExecutionSettings, JsonObject
from streaming.venues.venue_reply import FeeAsset, Origin, ReplyKind, VenueReason, VenueReply

STEP_NS = 100_000_000
START_NS = 1_700_000_000 * 1_000_000_000
SOURCES: list[JsonObject] = [
    {"id": 0, "venue": "binance_usdm", "instrument": "BTCUSDT", "kind": "rest_depth"},
    {"id": 1, "venue": "binance_usdm", "instrument": None, "kind": "venue_private"},
]
LIVE = document(ExecutionSettings(), SOURCES)


@pytest.fixture
def engine() -> native.Engine:
    return native.Engine(json.dumps(LIVE))


def hear(engine: native.Engine, reply: VenueReply, seq: int = 1) -> dict[str, np.ndarray]:
    engine.frame(seq, 1, START_NS + seq, reply.encode())
    return cast(dict[str, np.ndarray], engine.drain())


def bought(trade_id: int, **changes: object) -> VenueReply:
    fill = VenueReply(
        kind=ReplyKind.fill,
        client_order_id=0,
        instrument=0,
        trade_id=trade_id,
        price_ticks=500_000,
        size_units=10,
        origin=Origin.stream,
    )
    return VenueReply(**{**{name: getattr(fill, name) for name in fill.__slots__}, **changes})


def test_a_fill_of_nobody_is_booked_once(engine):
    outputs = hear(engine, bought(7, fee_quote_units=12))
    again = hear(engine, bought(7, fee_quote_units=12), seq=2)

    assert outputs["fills"]["size_units"].tolist() == [10]
    assert outputs["positions"]["position_units"].tolist() == [10]
    assert outputs["positions"]["fees_quote_units"].tolist() == [12]
    assert len(again["fills"]) == 0 and len(again["rejects"]) == 0


def test_a_fee_in_the_base_asset_leaves_the_position_exactly(engine):
    outputs = hear(engine, bought(7, fee_asset=FeeAsset.base, fee_mantissa=25, fee_decimals=4, fee_quote_units=9))

    assert outputs["positions"]["position_units"].tolist() == [8]  # 0.0025 is 2 units of 0.001 and a half
    assert outputs["fills"]["fee_quote_units"].tolist() == [1_000_000]
    assert outputs["fills"]["fee_asset"].tolist() == [FeeAsset.base]


def test_what_is_no_reply_is_rejected_with_its_reason(engine):
    engine.frame(1, 1, START_NS, b"{}")
    outputs = engine.drain()

    assert len(outputs["rejects"]) == 1
    assert b"no reply of a venue's gateway" in outputs["arena"]


def test_a_reply_about_an_order_of_another_run_is_refused(engine):
    reply = VenueReply(kind=ReplyKind.cancelled, client_order_id=5, instrument=0, reason=VenueReason.none)
    outputs = hear(engine, reply)

    assert len(outputs["rejects"]) == 1
    assert b"not ours" in outputs["arena"]


def test_the_shell_tells_when_a_private_stream_was_heard(engine):
    fact = {"op": "observe", "fact": "private_binance_usdm_ns", "value": START_NS}
    engine.command(1, START_NS, json.dumps(fact).encode())

    assert len(engine.drain()["rejects"]) == 0


def test_a_backtest_passes_a_venues_replies_over():
    lane = {key: LIVE[key] for key in ("signal", "risk", "matching", "run_tag")}
    backtest = native.Backtest(json.dumps(LIVE), [json.dumps(lane)])
    block = native.encode_record(1, 1, START_NS, 1, bought(7).encode())
    backtest.process(block)

    outputs = backtest.drain(0)
    assert len(outputs["fills"]) == 0 and len(outputs["rejects"]) == 0
