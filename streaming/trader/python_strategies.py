"""Asks the strategies written in Python once a closed step, and encodes what they wish as an input of the core.

A strategy sees what the core's own strategies see, as far as it is told outside of the core: books and validity of the
step that closed, its own position and orders in flight (from the records that name it), and the volatility of one
step's mid, an exponentially weighted root mean square with the half-life of `native.cross_market`. Sans I/O; wishes are
journaled, so a replay asks no strategy.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from native.config import EngineSettings
from native.strategy_settings import ExternalStrategy
from streaming.segments import InstrumentEntry, SegmentHeader
from streaming.strategies.interface import Level, PythonStrategy, SlotView, StrategyView, encode_wishes, load_strategy
from streaming.trader.machine import grid_of

LEVELS = 5
BPS = 1e4


class Planned(Protocol):
    """What names instruments and grid: a `TraderPlan`."""

    @property
    def header(self) -> SegmentHeader:
        """A journal's header with the engine's document."""


class Asked(Protocol):
    """Where views come from: a `TradingSession`, or a backtest."""

    def newest_step(self) -> tuple[int, NDArray[np.uint8]] | None:
        """Return the step that closed last and which slots [V] were valid in it."""

    def book(self, instrument: int, levels: int) -> tuple[list[list[int]], list[list[int]]]:
        """Return bids and asks, best first, as [price_ticks, size_units]."""

    def own(self, strategy: int, instrument: int) -> tuple[int, int, int]:
        """Return a strategy's own position, and the units of its buys and sells that have not ended."""


class StepVolatility:
    """Root mean square of one-step log moves of a mid, older ones counting less; 0 while fewer than `samples_min`."""

    def __init__(self, half_life_steps: float, samples_min: int) -> None:
        self._keep = 0.5 ** (1.0 / half_life_steps)
        self._samples_min = samples_min
        self._last: tuple[int, float] | None = None
        self._square = self._weight = 0.0
        self._samples = 0

    def add(self, number: int, mid: float) -> None:
        """Take the mid of step `number`; a move is one between neighbouring steps."""
        if self._last is not None and self._last[0] == number - 1:
            move_bps = BPS * math.log(mid / self._last[1])
            self._square = self._keep * self._square + (1.0 - self._keep) * move_bps**2
            self._weight = self._keep * self._weight + (1.0 - self._keep)
            self._samples += 1
        self._last = (number, mid)

    @property
    def bps(self) -> float:
        """The volatility of one step."""
        return math.sqrt(self._square / self._weight) if self._samples >= self._samples_min else 0.0


class PythonStrategies:
    """The external strategies of a session whose settings name a class. Call it with the session: a `StepAsker`."""

    def __init__(
        self, plan: Planned, settings: EngineSettings, strategies: Sequence[tuple[int, PythonStrategy]]
    ) -> None:
        """`strategies` are (place among the engine's, strategy)."""
        grid = grid_of(plan.header)
        slots, reference = grid["slots"], grid["reference"]
        assert isinstance(slots, list) and isinstance(reference, int), "the engine took it"
        self._reference = reference
        self._step_ns = int(str(grid["step_ns"]))
        self._entries = [
            (slot, plan.header.instruments[number]) for slot, number in enumerate(slots) if isinstance(number, int)
        ]
        self._settings = settings
        self._strategies = strategies
        cross = settings.cross_market
        self._volatility = {slot: StepVolatility(cross.half_life_steps, cross.samples_min) for slot, _ in self._entries}

    @classmethod
    def of(cls, plan: Planned, settings: EngineSettings) -> Self:
        """Return those that the settings name; UsageError when a class cannot be loaded."""
        found = [
            (place, load_strategy(item.python, item.settings))
            for place, item in enumerate(settings.strategies)
            if isinstance(item, ExternalStrategy) and item.python is not None
        ]
        return cls(plan, settings, found)

    def askers(self) -> list["OneAsker"]:
        """Return one asker a strategy, for `TradingLoop.begin`."""
        return [OneAsker(self, place, strategy) for place, strategy in self._strategies]

    def view(self, session: Asked, place: int) -> StrategyView | None:
        """Return what the strategy at `place` sees of the step that closed; None before there is one."""
        found = session.newest_step()
        if found is None:
            return None
        ts_step_ns, valid = found
        views = tuple(self._slot(session, place, slot, entry, bool(valid[slot])) for slot, entry in self._entries)
        for view in views:
            if view.is_usable:
                self._volatility[view.slot].add(ts_step_ns // self._step_ns, view.mid)
        return StrategyView(ts_step_ns, self._reference, views)

    def _slot(self, session: Asked, place: int, slot: int, entry: InstrumentEntry, is_valid: bool) -> SlotView:
        bids, asks = session.book(entry.id, LEVELS)
        position, buys, sells = session.own(place, entry.id)
        limits, unit = self._settings.limits[entry.name], Decimal(entry.size_unit)
        can_short = entry.market_type == "perpetual" or self._settings.signal.is_spot_short_allowed
        largest = int(Decimal(limits.max_position) / unit)
        coins = limits.inventory or (limits.max_position if can_short else 0)
        return SlotView(
            slot=slot,
            instrument=entry.name,
            tick=float(entry.tick),
            size_unit=float(entry.size_unit),
            lot_units=int(Decimal(entry.lot) / unit),
            order_size_units=int(Decimal(limits.order_size) / unit),
            max_position_units=largest,
            short_max_units=int(Decimal(coins) / unit),
            is_usable=is_valid and bool(bids) and bool(asks),
            bids=tuple(Level(*level) for level in bids),
            asks=tuple(Level(*level) for level in asks),
            position_units=position,
            buys_in_flight_units=buys,
            sells_in_flight_units=sells,
            step_volatility_bps=self._volatility[slot].bps,
        )


class OneAsker:
    """Asks one strategy. A `StepAsker`."""

    def __init__(self, world: PythonStrategies, place: int, strategy: PythonStrategy) -> None:
        self._world = world
        self._place = place
        self._strategy = strategy

    def __call__(self, session: Asked) -> bytes | None:
        """Return the encoded wishes for the step that has just closed."""
        view = self._world.view(session, self._place)
        return None if view is None else encode_wishes(view.ts_step_ns, self._place, self._strategy.decide(view))
