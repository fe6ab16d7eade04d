"""A trader's status is told also when a part of it, that windows alone need, cannot be."""

import asyncio
from pathlib import Path

import pytest
from paper_market import Feeder, arrivals, begin, settings_of

from native.config import JsonObject
from streaming.bus_config import RedisSettings
from streaming.metrics.config import MetricsSettings
from streaming.shell import trader_meters
from streaming.shell.clock import Clock
from streaming.shell.latency import Latencies
from streaming.shell.metrics_writer import MetricsWriter
from streaming.shell.trader_bus import TraderBus
from streaming.shell.trader_meters import Sources, status_document
from streaming.shell.trading_loop import TradingLoop
from streaming.trader.modes import Mode

WINDOWS = {"latency_bars", "performance", "waterfalls", "orders", "limits"}


def told(folder: Path) -> JsonObject:
    """Return the status of a session that has traded a little, of a trader without a model."""

    async def look() -> JsonObject:
        session, clock = begin(folder), Clock.wall()
        Feeder(session).feed(arrivals(30))
        latencies = Latencies.on(clock)
        trading = TradingLoop(session, clock, latencies, lambda error: None)
        off = RedisSettings.model_validate({"url": "off"})
        bus = TraderBus(off, folder, asyncio.get_running_loop(), lambda request: {}, lambda: None)
        sources = Sources(
            mode=Mode.paper,
            clock=clock,
            engine=settings_of().native,
            trading=trading,
            facts=None,
            venues=(),
            life=None,
            latencies=latencies,
            bus=bus,
            metrics=MetricsWriter(MetricsSettings(), folder, "trader"),
        )
        try:
            return status_document(sources)
        finally:
            session.abandon()

    return asyncio.run(look())


def test_a_status_has_all_that_windows_need(tmp_path: Path) -> None:
    status = told(tmp_path)

    assert status.keys() >= WINDOWS and status["untold"] == {}


def test_a_part_that_cannot_be_told_is_left_out_and_said_and_the_rest_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("no limit")

    monkeypatch.setattr(trader_meters, "limit_rows", fail)

    status = told(tmp_path)

    assert status["untold"] == {"limits": "ZeroDivisionError: no limit"} and "limits" not in status
    assert status.keys() >= WINDOWS - {"limits"} and status["counts"]
