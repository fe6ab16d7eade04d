"""Resting quotes in a live session: filled by public trades, heard at once, and gone on with after a kill."""

from pathlib import Path

import numpy as np
import pytest
from paper_market import FILL, NAMES, START_NS, Arrival, Feeder, arrivals, begin, part_of, plan_of, silent, told

from native.strategy_settings import MarketMakingStrategy
from streaming.live_segments import whole_frames_bytes
from streaming.replay import replay
from streaming.segments import read_block
from streaming.trader.plan import TraderPlan
from streaming.trader.recovery import resume_session

MS = 1_000_000
STEP_NS = 100 * MS
REPLY_NS = 5 * MS
LATER_NS = START_NS + 10**12
KILLS = 8


def quoting_plan(made_ns: int = START_NS) -> TraderPlan:
    """One market maker on a spot market that may not be sold short: before it bought, one bid is all that rests."""
    quotes = MarketMakingStrategy(
        name="quotes", kind="market_making", min_half_width_bps=0.0, volatility_weight=0.0, instruments=(NAMES[1],)
    )
    return plan_of(made_ns, strategies=(quotes,))


@pytest.fixture(scope="module")
def frames() -> list[Arrival]:
    return arrivals(200)


def test_a_quote_that_a_public_trade_fills_is_heard_after_the_replys_latency_though_nothing_else_is_due(
    tmp_path: Path, frames: list[Arrival]
) -> None:
    session = begin(tmp_path, quoting_plan())
    feeder = Feeder(session, is_forecasting=False)
    heard_alone = 0
    for frame in frames:
        feeder.advance(frame.ts_ns)
        is_step_all_that_is_due = session.next_deadline_ns() % STEP_NS == 1
        open_before, fills_before = session.open_orders(), session.counts.fills
        feeder.feed([frame])
        if not is_step_all_that_is_due or open_before != 1 or session.next_deadline_ns() != frame.ts_ns + REPLY_NS:
            continue
        session.timer(frame.ts_ns + REPLY_NS)
        heard_alone += session.counts.fills == fills_before + 1 and session.open_orders() == 0

    path = session.close()

    assert heard_alone > 0
    found = told(path, session.plan)
    makers, fills = found.outputs["fills"], found.replies[found.replies["kind"] == FILL]
    assert makers["is_maker"].all()
    assert makers["ts_ns"].tolist() == (fills["ts_venue_ns"] + REPLY_NS).tolist()
    assert replay(path, silent).identical


def test_a_session_killed_with_quotes_at_rest_writes_the_journal_of_the_one_that_never_died(
    tmp_path: Path, frames: list[Arrival]
) -> None:
    whole = begin(tmp_path, quoting_plan())
    Feeder(whole, is_forecasting=False).feed(frames)
    whole.sync()
    data = part_of(whole, tmp_path).read_bytes()
    expected, at_rest = read_block(whole.close()), 0
    for number, share in enumerate(np.linspace(0.1, 0.95, KILLS)):
        part = tmp_path / str(number) / "paper-20260105T000000.000.seg.zst.part"
        part.parent.mkdir()
        part.write_bytes(data[: whole_frames_bytes(data[: int(len(data) * share)])])

        session = resume_session(part, quoting_plan(LATER_NS), silent)

        at_rest += session.open_orders()
        Feeder(session, steps=session.counts.steps, is_forecasting=False).feed(frames[session.counts.frames :])
        assert read_block(session.close()) == expected
    assert at_rest > KILLS // 2, "they died with quotes at rest"
