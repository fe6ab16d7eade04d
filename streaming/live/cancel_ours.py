"""Cancelling what is ours at one venue, and seeing that it is gone. For whoever acts in a dead trader's stead.

    list open orders ─► none of ours: confirmed
          ▲                 │ some
          └── cancel each ◄─┘

Only orders whose client id begins with our prefix are touched; strangers are counted and named. An order counts as gone
when a list asked for after its cancel does not hold it: the answer to the cancel itself proves nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Protocol, TypeVar

from native.config import JsonObject
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import (
    Action,
    Balance,
    CallKind,
    OrderSpec,
    Outcome,
    Refused,
    VenueOrder,
    VenuePosition,
)
from streaming.venues.instruments import Instrument

Row = TypeVar("Row")
ROUNDS: Final = 8
PAUSE_S: Final = 0.25
"""Between a round and the next: a venue that acknowledges a cancel may list the order a little longer."""


class Asker(Protocol):
    """Asks one venue and waits for the answer."""

    @property
    def venue(self) -> str:
        """Its name."""

    def ask(self, kind: CallKind, *, symbol: str = "") -> Outcome:
        """Return what a question came to, after the retries that its errors allow."""

    def order(self, kind: CallKind, spec: OrderSpec) -> Outcome | Refused:
        """Return what a request about an order came to."""


@dataclass(slots=True)
class VenueCancels:
    """What came of one venue."""

    venue: str
    cancelled: list[str] = field(default_factory=list)
    """Client ids that were listed and are not any more."""
    left: list[str] = field(default_factory=list)
    is_confirmed: bool = False
    """The venue was asked after the last cancel, and lists none of ours."""
    strangers: list[str] = field(default_factory=list)
    """Open orders of others on our symbols; never touched."""
    positions: list[str] = field(default_factory=list)
    """Perpetual positions in words."""
    balances: list[str] = field(default_factory=list)
    """Of the assets that we trade, in words."""
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> JsonObject:
        """Return it as one JSON object."""
        return asdict(self)


def cancel_ours(
    asker: Asker,
    instruments: Sequence[Instrument],
    ids: ClientIds,
    pause: Callable[[float], None],
    *,
    rounds: int = ROUNDS,
) -> VenueCancels:
    """Cancel ours at one venue and confirm it; never raises for what the venue says. `pause` waits."""
    found = VenueCancels(asker.venue)
    seen: set[str] = set()
    for number in range(rounds):
        if number:
            pause(PAUSE_S * number)
        listed = _listed(asker, instruments, found)
        if listed is None:
            continue
        ours = {order.client_text: order for order in listed if ids.number(order.client_text) is not None}
        found.strangers = sorted(order.client_text for order in listed if order.client_text not in ours)
        found.left = sorted(ours)
        seen |= set(ours)
        if not ours:
            found.is_confirmed = True
            break
        for order in ours.values():
            _cancel(asker, instruments, ids, order, found)
    found.cancelled = sorted(seen - set(found.left))
    return found


def note_holdings(asker: Asker, instruments: Sequence[Instrument], found: VenueCancels) -> None:
    """Add what the account holds of our instruments, for the person who reads the lines."""
    by_symbol = {one.symbol: one for one in instruments}
    if any(one.market_type == "perpetual" for one in instruments):
        for position in _rows(asker.ask(CallKind.positions), VenuePosition, found):
            one = by_symbol.get(position.symbol)
            if one is not None and position.size_units:
                size = one.size_unit.text(position.size_units)
                found.positions.append(f"{found.venue}:{position.symbol} {size} at {position.entry_price}")
    assets = {asset for one in instruments for asset in (one.base, one.quote)}
    for balance in _rows(asker.ask(CallKind.balances), Balance, found):
        if balance.asset in assets and (balance.free or balance.locked):
            found.balances.append(
                f"{balance.asset} {balance.free.normalize():f} free, {balance.locked.normalize():f} locked"
            )


def _rows(outcome: Outcome, kind: type[Row], found: VenueCancels) -> list[Row]:
    if not outcome.is_accepted or not isinstance(outcome.document, tuple):
        _note(found, outcome.call.kind.value, outcome)
        return []
    return [row for row in outcome.document if isinstance(row, kind)]


def _listed(asker: Asker, instruments: Sequence[Instrument], found: VenueCancels) -> list[VenueOrder] | None:
    """Return every open order on our symbols, None when one list could not be had."""
    orders: list[VenueOrder] = []
    for one in instruments:
        outcome = asker.ask(CallKind.open_orders, symbol=one.symbol)
        if not outcome.is_accepted or not isinstance(outcome.document, tuple):
            _note(found, f"open orders of {one.symbol}", outcome)
            return None
        orders += [row for row in outcome.document if isinstance(row, VenueOrder) and row.is_open]
    return orders


def _cancel(
    asker: Asker, instruments: Sequence[Instrument], ids: ClientIds, order: VenueOrder, found: VenueCancels
) -> None:
    numbers: Mapping[str, int] = {one.symbol: one.id for one in instruments}
    number = ids.number(order.client_text)
    assert number is not None, "ours alone are cancelled"
    spec = OrderSpec(client_order_id=number, instrument=numbers[order.symbol], side=order.side)
    outcome = asker.order(CallKind.cancel, spec)
    if isinstance(outcome, Refused):
        found.problems.append(f"cancel {order.client_text}: {outcome.rule}: {outcome.text}")
    elif not outcome.is_accepted and outcome.action not in {Action.settle, Action.done}:
        _note(found, f"cancel {order.client_text}", outcome)


def _note(found: VenueCancels, what: str, outcome: Outcome) -> None:
    text = f"{what}: {outcome.code} {outcome.text}".strip()
    if text not in found.problems:
        found.problems.append(text)
