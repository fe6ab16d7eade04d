"""Judges a tortured session by what is true at the emulated venues; an empty list of faults found is a good one."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from tortured_house import ACCOUNT, FEE_ASSET, FEE_ASSET_PRICE, SYMBOL, TorturedHouse
from tortured_limits import limit_faults

from native.config import JsonObject
from streaming.emulator.exchange.truth import AccountTruth
from streaming.emulator.exchange.words import ExchangeOrder
from streaming.emulator.venue import Venue
from streaming.journal import Journal
from streaming.reconcile.made import SYNTHETIC_BIT
from streaming.replay import engine_of, replay
from streaming.segments import InstrumentEntry
from streaming.venues.client_ids import ClientIds

IDS = ClientIds("lob")
HELD_BEFORE = {"USDT": Decimal(100_000), "BTC": Decimal(5)}


def verdict(house: TorturedHouse) -> list[str]:
    """Return what is wrong, in sentences; ends the session."""
    found = [*_session_faults(house), *limit_faults(house)]
    path = house.session.close()
    booked = fills_booked(path)
    for entry in house.plan.header.instruments:
        venue = house.emulator.venues[entry.venue]
        faults = [*_venue_faults(house, venue, entry), *_fill_faults(house, venue, booked[entry.id])]
        found += [f"{entry.venue}: {text}" for text in faults]
    if not replay(path, lambda message: None).identical:
        found.append("the journal does not replay byte for byte")
    return found


def _session_faults(house: TorturedHouse) -> Iterator[str]:
    if house.session.open_orders():
        yield f"{house.session.open_orders()} orders have not ended in the engine"
    if house.session.counts.rejects:
        yield f"the engine refused {house.session.counts.rejects} inputs: {house.session.machine.standing.last_reject}"
    for name, live in house.desk.venues.items():
        if not live.is_trusted:
            yield f"{name}: not trusted in the end: {live.desk.blocked_by}"


def _venue_faults(house: TorturedHouse, venue: Venue, entry: InstrumentEntry) -> Iterator[str]:
    truth = venue.exchange.truth(ACCOUNT)
    yield from _order_faults(house, truth, entry)
    yield from _double_faults(truth)
    yield from _money_faults(house, truth, entry)


def _order_faults(house: TorturedHouse, truth: AccountTruth, entry: InstrumentEntry) -> Iterator[str]:
    """Every order at the venue is one of the engine's, once, and both say the same of it."""
    known = {
        int(str(row["client_order_id"])): row
        for row in house.session.orders(1_000_000)
        if row["instrument"] == entry.name
    }
    for order in truth.open_orders:
        yield f"order {order.client_id} still rests"
    for order in _lasting(truth):
        number = IDS.number(order.client_id)
        row = None if number is None else known.pop(number, None)
        if row is None:
            yield f"order {order.client_id} ({order.state}, {order.filled} filled) is unknown to the engine"
        elif Decimal(str(row["filled"])) != order.filled or (row["state"] == "filled") != (order.filled == order.size):
            yield f"order {order.client_id}: {_told(order)} at the venue, {row['state']} {row['filled']} here"
    for number, row in known.items():
        if Decimal(str(row["filled"])) or row["state"] not in ("rejected", "refused"):
            yield f"order {IDS.text(number)} is {row['state']} here, {row['filled']} filled, and not at the venue"


def _told(order: ExchangeOrder) -> str:
    return f"{order.state} {order.filled} of {order.size} {order.end_reason}".rstrip()


def _lasting(truth: AccountTruth) -> list[ExchangeOrder]:
    """Return of every order of the engine's the last one that stood for it: spot changes a price by a new order."""
    return [*{IDS.number(order.client_id) or order.client_id: order for order in truth.orders}.values()]


def _double_faults(truth: AccountTruth) -> Iterator[str]:
    """No order came twice: of those that stood for one of the engine's each ended unfilled before the next began."""
    by_base = defaultdict[int | str, list[ExchangeOrder]](list)
    for order in truth.orders:
        by_base[IDS.number(order.client_id) or order.client_id].append(order)
    for orders in by_base.values():
        for before, after in pairwise(orders):
            is_replaced = IDS.revision(before.client_id) < IDS.revision(after.client_id)
            if not is_replaced or before.filled or before.is_open or before.ts_changed_ns > after.ts_made_ns:
                yield f"order {after.client_id} came after {before.client_id}: {_told(before)}"


def fills_booked(path: Path) -> dict[int, list[tuple[int, int]]]:
    """Return what a journal's engine booked, heard again: (trade id, size in units) of every fill, by instrument."""
    journal = Journal(path)
    engine, found = engine_of(path, journal.header), defaultdict[int, list[tuple[int, int]]](list)
    for step in journal.steps():
        engine.process(step.block)
        fills = engine.drain()["fills"]
        for instrument, *fill in fills[["instrument", "trade_id", "size_units"]].tolist():
            found[instrument].append((fill[0], fill[1]))
    return found


def _fill_faults(house: TorturedHouse, venue: Venue, booked: list[tuple[int, int]]) -> Iterator[str]:
    """Every fill of the venue is booked once, under its own id and with its size."""
    rules = venue.exchange.rules[SYMBOL]
    entry = next(each for each in house.plan.header.instruments if each.venue == venue.name)
    assert rules.lot % Decimal(entry.size_unit) == 0, "sizes are whole units"
    own = {trade.trade_id: int(trade.size / Decimal(entry.size_unit)) for trade in venue.exchange.truth(ACCOUNT).trades}
    for number, count in Counter(number for number, _ in booked).items():
        if count > 1:
            yield f"fill {number} was booked {count} times"
    for number, size in booked:
        if own.pop(number, None) != size:
            made_up = ", made up by reconciliation" if number & SYNTHETIC_BIT else ""
            yield f"fill {number} of {size} units{made_up} is none of the venue's"
    for number, size in own.items():
        yield f"fill {number} of {size} units was never booked"


def _money_faults(house: TorturedHouse, truth: AccountTruth, entry: InstrumentEntry) -> Iterator[str]:
    """Position and cash are what the account has gained, but for the engine's rounding of each fee to a unit."""
    row: JsonObject = house.session.machine.standing.position(entry.id)
    held = {each.asset: each.free + each.locked for each in truth.balances}
    is_spot = entry.market_type == "spot"
    gained = held["BTC"] - HELD_BEFORE["BTC"] if is_spot else truth.positions[0].size if truth.positions else Decimal(0)
    position = Decimal(str(row["position"]))
    if abs(position - gained) >= (Decimal(entry.size_unit) if is_spot else Decimal("1e-12")):
        yield f"position {position} here, {gained} at the venue"
    standing = house.session.machine.standing.held[entry.id]
    money = Decimal(entry.tick) * Decimal(entry.size_unit)
    paid = standing.fees_quote_units + standing.funding_quote_units + standing.cost_quote_units
    cash = (standing.realised_quote_units - paid) * money
    # What positions cost is taken off on both sides: which part of it a fill realised depends on the order of fills,
    # and they may reach us in another one.
    earned = held["USDT"] - HELD_BEFORE["USDT"] - sum(each.size * each.entry_price for each in truth.positions)
    # A fee in a third asset counts by what the account's rate makes of the fill; it itself is rounded to 8 decimals.
    third = [trade.fee for trade in truth.trades if trade.fee_asset == FEE_ASSET]
    earned -= sum(third) * FEE_ASSET_PRICE
    dust = _dust(house, entry, is_spot=is_spot) + len(third) * FEE_ASSET_PRICE * Decimal("1e-8")
    if abs(cash - earned) > money * (len(truth.trades) + 1) * 2 + dust:
        yield f"cash {cash} here, {earned} at the venue after {len(truth.trades)} fills"


def _dust(house: TorturedHouse, entry: InstrumentEntry, *, is_spot: bool) -> Decimal:
    """Return what a fraction of a size unit, carried and not booked yet, is worth."""
    mark = house.emulator.venues[entry.venue].exchange.mark_price(SYMBOL)
    return Decimal(entry.size_unit) * (mark or Decimal(0)) if is_spot else Decimal(0)
