"""What a trader is made of, made at its start: plans of its venues, the way of live orders, forecasts, windows."""

import asyncio
from collections.abc import Callable, Sequence

import orjson

import native
from streaming.live.words import LiveEvent
from streaming.recorder.plan import VenuePlan, make_plan, run_name
from streaming.shell.inference import first_line
from streaming.shell.latency import Latencies
from streaming.shell.live_side import LiveSide
from streaming.shell.model_life import LifeSurroundings, ModelLife
from streaming.shell.trader_bus import TraderBus
from streaming.shell.trader_request import PaperRequest
from streaming.shell.trader_venue import TraderVenue
from streaming.shell.trading_loop import TradingLoop
from streaming.shell.venue_client import ExchangeInfo
from streaming.shell.view_publisher import ViewPublisher, ViewSources
from streaming.trader.modes import Mode
from streaming.trader.plan import TraderPlan

Say = Callable[[str], None]


def venue_plans(
    request: PaperRequest, venues: Sequence[TraderVenue], infos: Sequence[ExchangeInfo], now_ns: int
) -> list[VenuePlan]:
    """Return each venue's plan, of what it told of its instruments."""
    return [
        make_plan(venue.client.target, run_name(venue.name, now_ns), info.body, request.config.copies, info.ts_sent_ns)
        for venue, info in zip(venues, infos, strict=True)
    ]


def make_live_side(
    request: PaperRequest,
    plan: TraderPlan,
    say: Say,
    on_failure: Callable[[Exception], None],
    hear: Callable[[LiveEvent], None],
) -> LiveSide:
    """Return what a live or a shadow trader has beside a paper one; `hear` hears of its accounts."""
    assert request.access is not None, "every mode but paper has access to its accounts"
    is_shadow = request.mode is Mode.shadow
    return LiveSide(
        request.access,
        plan.header,
        request.clock,
        request.settings.warehouse.run_dir,
        say,
        on_failure,
        hear=hear,
        simulated=native.SimVenue(orjson.dumps(plan.document).decode()) if is_shadow else None,
        latency_ms=request.settings.native.order_latency_ms,
    )


def begin_forecasts(
    request: PaperRequest, trading: TradingLoop, latencies: Latencies, bus: TraderBus, say: Say
) -> ModelLife:
    """Return the life of the session's model, begun."""
    assert request.model is not None, "without a model there are no forecasts"
    around = LifeSurroundings(
        loop=asyncio.get_running_loop(),
        clock=request.clock,
        settings=request.settings,
        trading=trading,
        latencies=latencies,
        bus=bus,
        load=request.load,
        say=say,
    )
    life = ModelLife(around, request.model)
    life.start()
    return life


def begin_views(
    request: PaperRequest, trading: TradingLoop, life: ModelLife | None, bus: TraderBus, say: Say
) -> ViewPublisher | None:
    """Tell windows how things stand from now on; None where there is no bus to tell them by."""
    if not bus.is_on:
        return None
    sources = ViewSources(
        board=lambda: None if life is None else life.board,
        attention=lambda: None if life is None else life.attention.newest,
    )
    try:
        views = ViewPublisher(trading, request.clock, request.settings.streaming.view, sources, bus.tell_view)
        views.start()
    except Exception as error:  # a window that cannot be opened must not keep anybody from trading
        say(f"windows are told no views: {first_line(error)}")
        return None
    return views
