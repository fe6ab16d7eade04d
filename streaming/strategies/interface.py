"""What a strategy written in Python is: the same question and answer as in `native/include/lob/strategy.hpp`.

It is asked once a closed step with a view and answers with wishes. The wishes go to the core as an input, are
journaled like every other, and stand until they are older than the strategy's `max_age_ms`; the core checks them,
compares them with what works already and sends what differs through its risk rules. A strategy holds no clock and does
no I/O: equal views in equal order give equal wishes.
"""

import importlib
import inspect
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from typing import Protocol, runtime_checkable

from pydantic import JsonValue

from streaming.errors import UsageError

PREFIX = struct.Struct("<qII")
"""ts_step_ns, strategy index, count of rows."""
ROW = struct.Struct("<IIqqqqqqdd")
"""slot, action, target, limit, bid price, bid size, ask price, ask size, expected_bps, cost_bps."""


class Action(IntEnum):
    """What a wish asks for; codes of the core's `SignalAction`."""

    HOLD = 0
    ENTER = 1
    EXIT = 2
    REVERSE = 3
    WAIT = 4
    NO_BOOK = 5
    QUOTE = 6


@dataclass(frozen=True, slots=True)
class Quote:
    """A resting order wished for; a size of 0 is none."""

    price_ticks: int = 0
    size_units: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a strategy wants of one slot. Sizes are multiples of the lot.

    `target_units` is the strategy's own position wanted, reached by taking; it counts where `action` is enter, exit or
    reverse, else the position is kept. `limit_ticks` is the worst price of a taker, 0 the touch and the slippage cap.
    """

    slot: int
    action: Action = Action.HOLD
    target_units: int = 0
    limit_ticks: int = 0
    bid: Quote = Quote()
    ask: Quote = Quote()
    expected_bps: float = 0.0
    cost_bps: float = 0.0


@dataclass(frozen=True, slots=True)
class Level:
    """One price with its summed resting size."""

    price_ticks: int
    size_units: int


@dataclass(frozen=True, slots=True)
class SlotView:
    """What a strategy sees of one slot: its terms, its book and its own position. Masked slots are not shown."""

    slot: int
    instrument: str
    """`venue:SYMBOL`."""
    tick: float
    size_unit: float
    lot_units: int
    order_size_units: int
    max_position_units: int
    short_max_units: int
    """How far below zero the position may go."""
    is_usable: bool
    """The book is synchronised, fresh and not crossed; else its levels mean nothing."""
    bids: tuple[Level, ...] = ()
    """Best first."""
    asks: tuple[Level, ...] = ()
    position_units: int = 0
    """The strategy's own, signed."""
    buys_in_flight_units: int = 0
    sells_in_flight_units: int = 0
    step_volatility_bps: float = 0.0
    """Of one step's mid; 0 while not known."""

    @property
    def mid(self) -> float:
        """Price half-way between the best bid and ask; the slot must be usable."""
        return 0.5 * (self.bids[0].price_ticks + self.asks[0].price_ticks) * self.tick


@dataclass(frozen=True, slots=True)
class StrategyView:
    """What a strategy sees when a step has closed."""

    ts_step_ns: int
    reference_slot: int
    """Whose mid the others are compared to."""
    slots: tuple[SlotView, ...] = field(default=())
    """Ascending, without masked ones."""

    def find(self, slot: int) -> SlotView | None:
        """Return the view of a slot, None where it is masked."""
        return next((view for view in self.slots if view.slot == slot), None)


@runtime_checkable
class PythonStrategy(Protocol):
    """A strategy; its constructor takes its settings by keyword."""

    def decide(self, view: StrategyView) -> list[Wish]:
        """Return at most one wish a slot, slots ascending; a slot without one keeps its position, without quotes."""


def encode_wishes(ts_step_ns: int, strategy: int, wishes: Sequence[Wish]) -> bytes:
    """Return the payload of a record of kind `wishes`; `strategy` is its index in the settings.

    Raises ValueError when slots do not ascend: the core would refuse the whole.
    """
    slots = [wish.slot for wish in wishes]
    if any(later <= earlier for earlier, later in pairwise(slots)):
        raise ValueError(f"wishes of strategy {strategy}: expected slots ascending, one wish each, found {slots}")
    rows = [
        ROW.pack(
            wish.slot,
            wish.action,
            wish.target_units,
            wish.limit_ticks,
            wish.bid.price_ticks,
            wish.bid.size_units,
            wish.ask.price_ticks,
            wish.ask.size_units,
            wish.expected_bps,
            wish.cost_bps,
        )
        for wish in wishes
    ]
    return PREFIX.pack(ts_step_ns, strategy, len(rows)) + b"".join(rows)


def load_strategy(path: str, settings: Mapping[str, JsonValue]) -> PythonStrategy:
    """Return the strategy that `package.module:Class` names, made with `settings` as keywords.

    Raises UsageError naming what is missing or wrong.
    """
    module_name, colon, class_name = path.partition(":")
    if not (module_name and colon and class_name):
        raise UsageError(f"strategy python: expected 'package.module:Class', found {path!r}")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UsageError(f"strategy {path!r}: expected a module that imports, found: {error}") from error
    factory = getattr(module, class_name, None)
    if not inspect.isclass(factory):
        raise UsageError(f"strategy {path!r}: expected a class {class_name} in {module_name}, found none")
    try:
        inspect.signature(factory).bind(**settings)
    except TypeError as error:
        expected = ", ".join(inspect.signature(factory).parameters) or "none"
        raise UsageError(f"strategy {path!r}: settings: expected the keys {expected}, found: {error}") from error
    try:
        strategy = factory(**settings)
    except (TypeError, ValueError) as error:
        raise UsageError(f"strategy {path!r}: settings refused: {error}") from error
    if not isinstance(strategy, PythonStrategy):
        raise UsageError(f"strategy {path!r}: expected a method decide(view), found none in {class_name}")
    return strategy
