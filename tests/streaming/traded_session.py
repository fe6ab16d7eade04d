"""A session of two strategies with fees: it trades, is flattened and halted in the middle, and trades on."""

from pathlib import Path

from paper_market import NAMES, START_NS, Feeder, arrivals, begin, plan_of

from native.config import FeeSettings, InstrumentLimits
from native.strategy_settings import ForecastStrategy, MarketMakingStrategy
from streaming.trader.plan import TraderPlan
from streaming.trader.session import TradingSession

STEPS = 200
HORIZON_STEP = 5
FEES = {"binance_usdm": ("0.5", "5"), "binance_spot": ("0.7", "3.3"), "bybit_spot": ("10", "10")}
"""Maker and taker, in bps."""


def trading_plan(made_ns: int = START_NS) -> TraderPlan:
    """Two strategies on one account, and other fees at each venue."""
    limits = InstrumentLimits(order_size="0.01", max_order_size="0.05", max_position="0.05", inventory="0.05")
    return plan_of(
        made_ns,
        strategies=(
            ForecastStrategy(name="trend", kind="forecast", horizon_step=HORIZON_STEP),
            MarketMakingStrategy(name="quotes", kind="market_making", min_half_width_bps=0.0, volatility_weight=0.0),
        ),
        limits=dict.fromkeys(NAMES, limits),
        fees={venue: FeeSettings(maker_bps=maker, taker_bps=taker) for venue, (maker, taker) in FEES.items()},
    )


def traded(folder: Path) -> TradingSession:
    """Return such a session, its journal in `folder` handed to the operating system and not sealed."""
    session = begin(folder, trading_plan())
    frames, feeder = arrivals(STEPS), Feeder(session)
    half, later = len(frames) // 2, len(frames) * 5 // 8
    feeder.feed(frames[:half])
    session.command(frames[half].ts_ns, "flatten", "test")
    feeder.feed(frames[half:later])
    assert session.status().state == "halted"
    session.command(frames[later].ts_ns, "resume", "test")
    feeder.feed(frames[later:])
    session.sync()
    return session
