"""A session on the event loop, at its end: what is under way comes home, and nothing new is begun."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from paper_market import Arrival, Feeder, arrivals, begin, part_of, plan_of, scripted, silent, told

from native.strategy_settings import ExternalStrategy
from streaming.errors import RefusedError
from streaming.replay import replay
from streaming.shell.clock import Clock
from streaming.shell.inference import Forecast, LoadedModel, Window
from streaming.shell.latency import Latencies
from streaming.shell.trading_loop import TradingLoop
from streaming.strategies.interface import encode_wishes
from streaming.trader.session import TradingSession

SLOW_ORDERS_MS = 120
WAIT_S = 10.0


@pytest.fixture(scope="module")
def frames() -> list[Arrival]:
    return arrivals(100)


@pytest.fixture
def under_way(tmp_path: Path, frames: list[Arrival]) -> TradingSession:
    """A session that has just sent an order."""
    session = begin(tmp_path, plan_of(order_latency_ms=SLOW_ORDERS_MS))
    feeder = Feeder(session)
    for frame in frames:
        feeder.feed([frame])
        if session.counts.fills and session.open_orders():
            return session
    raise AssertionError("no order was ever under way")


def loop_of(session: TradingSession, failures: list[Exception]) -> TradingLoop:
    clock = Clock.starting_at(session.next_deadline_ns() - 1, 1.0)
    return TradingLoop(session, clock, Latencies.on(clock), failures.append)


def test_orders_under_way_come_home_before_the_session_is_sealed(under_way: TradingSession) -> None:
    session, failures = under_way, list[Exception]()
    orders = session.counts.orders

    async def end() -> int:
        trading = loop_of(session, failures)
        trading.begin(None)
        trading.rest()
        left = await trading.settled(WAIT_S)
        trading.end()
        return left

    assert asyncio.run(end()) == 0 and failures == []
    shown = {str(item["instrument"]): float(str(item["position"])) for item in session.positions()}
    assert session.open_orders() == 0 and session.counts.orders == orders
    path = session.close()
    found = told(path, session.plan)
    assert replay(path, silent).identical
    assert len(found.replies[found.replies["kind"] == 1]) == len(found.outputs["fills"])
    units = {entry.id: float(entry.size_unit) for entry in session.plan.header.instruments}
    assert list(shown.values()) == pytest.approx([units[number] * found.positions[number] for number in units])


def test_orders_that_do_not_come_home_in_time_are_counted(under_way: TradingSession) -> None:
    async def end() -> int:
        trading = loop_of(under_way, [])
        trading.rest()  # `begin` was not called: no alarm rings
        return await trading.settled(0.01)

    assert asyncio.run(end()) == under_way.open_orders() > 0


def test_a_trader_that_ends_takes_no_command_and_no_forecast(under_way: TradingSession) -> None:
    session, failures = under_way, list[Exception]()

    class Silent:
        context_steps = 5

        def forecast(self, features: object, valid: object) -> None:
            raise AssertionError("not asked")

    async def end() -> None:
        trading = loop_of(session, failures)
        trading.rest()
        model = LoadedModel("a" * 64, Silent())  # type: ignore[arg-type]  # never asked
        step_ns = session.next_deadline_ns()
        window = Window(model, step_ns, np.zeros(0, np.float32), np.zeros(0, np.uint8), step_ns)
        trading.on_forecast(Forecast(window, scripted(step_ns), 1))
        with pytest.raises(RefusedError, match="is ending"):
            trading.command("halt", "too late")
        trading.end()

    before = session.counts.forecasts
    asyncio.run(end())

    assert (session.counts.forecasts, session.status().state, failures) == (before, "active", [])


def test_a_step_that_a_request_closes_is_handed_to_the_operating_system_like_any_other(
    under_way: TradingSession, tmp_path: Path
) -> None:
    session, part = under_way, part_of(under_way, tmp_path)
    later_ns = session.next_deadline_ns() + 2 * SLOW_ORDERS_MS * 1_000_000

    async def ask() -> None:
        trading = loop_of(session, [])
        tape = trading.tape("binance_spot")
        tape.request(1, later_ns, b"GET /api/v3/depth")
        trading.end()

    steps, before = session.counts.steps, part.stat().st_size
    asyncio.run(ask())

    assert session.counts.steps > steps  # by a reply that fell due before it
    assert part.stat().st_size > before


class SetClock:
    """A clock that shows what it is told."""

    speed = 1.0

    def __init__(self, now_ns: int) -> None:
        self.ns = now_ns

    def now_ns(self) -> int:
        return self.ns

    def delay_s(self, ts_ns: int) -> float:
        return WAIT_S


def test_strategies_slower_than_a_step_are_asked_once_an_input_of_the_newest_step_and_hold_nothing_up(
    tmp_path: Path, frames: list[Arrival]
) -> None:
    outside = tuple(ExternalStrategy(name=name, kind="external") for name in ("first", "second"))
    session, failures = begin(tmp_path, plan_of(strategies=outside)), list[Exception]()
    Feeder(session, is_forecasting=False).feed(frames[:200])
    clock, asked = SetClock(session.next_deadline_ns()), list[tuple[int, int]]()

    def asker(place: int) -> Callable[[TradingSession], bytes]:
        def ask(session: TradingSession) -> bytes:
            clock.ns += 150_000_000  # longer than the step of 100 ms
            found = session.newest_step()
            assert found is not None
            asked.append((place, found[0]))
            return encode_wishes(found[0], place, [])

        return ask

    async def trade() -> None:
        trading = TradingLoop(session, clock, Latencies.on(clock), failures.append)  # type: ignore[arg-type]  # as one
        trading.begin(None, [asker(0), asker(1)])
        for _ in range(3):
            session.timer(clock.now_ns())
            trading.after_input(clock.now_ns())
        trading.end()

    asyncio.run(trade())

    assert [place for place, _ in asked] == [0, 1, 0, 1, 0, 1] and failures == []
    assert len(set(asked)) == len(asked) and session.counts.rejects == 0
    assert replay(session.close(), silent).identical
