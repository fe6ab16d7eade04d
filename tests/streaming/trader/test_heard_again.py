"""A paper session's journal, heard by a backtest: the same orders and fills, byte for byte."""

from pathlib import Path

import orjson
import pytest
from paper_market import Feeder, arrivals, begin, plan_of

import native
from native.matching_settings import LatencySettings, MatchingSettings
from streaming.replay import engine_of
from streaming.segments import header_of, read_block

KINDS = ("decisions", "order_requests", "order_events", "fills", "positions", "funding", "equity", "state_events")

DRAWN = MatchingSettings(
    latency=LatencySettings(kind="lognormal", median_ms=30, sigma=0.8, seed=4), queue="proportional"
)


@pytest.mark.parametrize(
    "changes", [{}, {"order_latency_ms": 120}, {"matching": DRAWN}], ids=["usual", "slow", "drawn"]
)
def test_a_journal_heard_by_a_backtest_gives_the_sessions_trading_byte_for_byte(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    session = begin(tmp_path, plan_of(**changes))
    feeder = Feeder(session)
    frames = arrivals(120)
    feeder.feed(frames[: len(frames) // 2])
    session.command(frames[len(frames) // 2].ts_ns, "reduce", "a test")
    session.command(frames[len(frames) // 2].ts_ns, "resume", "a test")
    feeder.feed(frames[len(frames) // 2 :])
    path = session.close()
    block = read_block(path)
    header = header_of(path, block)
    live = engine_of(path, header)
    live.process(block)
    lived = live.drain()

    document = orjson.dumps(header.engine).decode()
    backtest = native.Backtest(document, [document, document])
    backtest.process(block)

    assert len(lived["fills"]) > 5
    for lane in range(2):
        heard = backtest.drain(lane)
        assert {kind: heard[kind].tobytes() for kind in KINDS} == {kind: lived[kind].tobytes() for kind in KINDS}
    assert backtest.summary()["fills"].tolist() == [len(lived["fills"])] * 2
