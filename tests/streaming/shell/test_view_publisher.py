"""Views are told several times a second beside trading, and nothing that goes wrong with them is trading's affair."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from paper_market import Arrival, Feeder, arrivals, begin

from streaming.bus import VIEW, ControlReply, StateEvent
from streaming.bus_view import View
from streaming.shell.bus_outbox import QUEUE_MAX, Outbox
from streaming.shell.clock import Clock
from streaming.shell.latency import Latencies
from streaming.shell.trading_loop import TradingLoop
from streaming.shell.view_publisher import ViewPublisher, ViewSources
from streaming.trader.session import TradingSession
from streaming.view.config import ViewSettings

WAIT_S = 10.0
NOTHING = ViewSources(board=lambda: None, attention=lambda: None)


@pytest.fixture(scope="module")
def frames() -> list[Arrival]:
    return arrivals(30)


@pytest.fixture
def session(tmp_path: Path, frames: list[Arrival]) -> TradingSession:
    session = begin(tmp_path)
    Feeder(session).feed(frames)
    return session


def publish_until(
    session: TradingSession, tell: Callable[[View], None], is_done: Callable[[ViewPublisher], bool]
) -> ViewPublisher:
    async def run() -> ViewPublisher:
        clock = Clock.starting_at(session.next_deadline_ns() - 1, 1.0)
        failures = list[Exception]()
        trading = TradingLoop(session, clock, Latencies.on(clock), failures.append)
        views = ViewPublisher(trading, clock, ViewSettings(interval_ms=20), NOTHING, tell)
        trading.begin(None)
        views.start()
        deadline_s = asyncio.get_running_loop().time() + WAIT_S
        while not is_done(views):
            assert asyncio.get_running_loop().time() < deadline_s
            await asyncio.sleep(0.005)
        trading.end()
        views.stop()
        assert failures == []
        return views

    return asyncio.run(run())


def test_views_come_one_after_another_until_the_end(session: TradingSession) -> None:
    told = list[View]()
    views = publish_until(session, told.append, lambda views: views.made >= 5)

    assert [view.number for view in told] == list(range(1, views.made + 1))
    assert {view.run for view in told} == {session.plan.header.run}
    assert told[-1].mode == "paper" and views.failed == 0


def test_a_view_that_cannot_be_told_is_counted_and_trading_goes_on(session: TradingSession) -> None:
    steps = session.counts.steps

    def refuse(_: View) -> None:
        raise RuntimeError("no window is open")

    views = publish_until(session, refuse, lambda views: views.failed >= 3 and session.counts.steps > steps)

    assert views.made == 0
    assert views.to_json()["last_problem"] == "RuntimeError: no window is open"


def view_of(number: int) -> View:
    return View(run="r", mode="paper", ts_ns=number, number=number, state="active", pnl="0")


def test_of_views_that_wait_only_the_newest_is_kept_and_none_pushes_out_an_event() -> None:
    outbox = Outbox()
    for number in range(QUEUE_MAX):
        outbox.put(StateEvent(run="r", ts_ns=number, state="active", reason=""))
    for number in range(10):
        outbox.put(view_of(number))
    outbox.put(ControlReply(id="a", ok=True))

    sent = []
    while batch := outbox.take():
        sent += batch
    assert [message.number for message in sent if isinstance(message, View)] == [9]
    assert isinstance(sent[0], ControlReply) and len(sent) == QUEUE_MAX + 2
    assert outbox.dropped == 9
    assert View.stream == VIEW
