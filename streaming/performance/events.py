"""Drains of the engine as single events in the order in which they happened, however often it was drained.

An event is (seq, rank, place, ts_ns, ...): records of one input (`seq`) come in the order in which the core makes them,
steps before what the input itself caused. So one drain of a whole step, as a journal is heard again, tells the same as
many small ones.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streaming.journal import Outputs

Structured = NDArray[np.void]


class Rank(IntEnum):
    """Kinds of events, in the order within one input."""

    step = 0
    forecast = 1
    request = 2
    order = 3
    funding = 4
    fill = 5
    position = 6


Event = tuple[Any, ...]
"""seq, rank, place within its drain, ts_ns, then the fields of `FIELDS`, or what `step_events` gives."""

KINDS = {
    Rank.request: "order_requests",
    Rank.order: "order_events",
    Rank.funding: "funding",
    Rank.fill: "fills",
    Rank.position: "positions",
}
FIELDS = {
    Rank.request: (
        "ts_step_ns",
        "client_order_id",
        "instrument",
        "strategy",
        "size_units",
        "kind",
        "side",
        "purpose",
        "price_ticks",
        "model_id",
    ),
    Rank.order: ("client_order_id", "state_from", "state_to"),
    Rank.funding: ("instrument", "position_units", "paid_quote_units"),
    Rank.fill: (
        "instrument",
        "strategy",
        "side",
        "size_units",
        "price_ticks",
        "fee_quote_units",
        "is_maker",
        "client_order_id",
    ),
    Rank.position: (
        "instrument",
        "position_units",
        "cost_quote_units",
        "realised_quote_units",
        "unrealised_quote_units",
        "fees_quote_units",
        "funding_quote_units",
    ),
}


def has_events(outputs: Outputs) -> bool:
    """Tell whether a drain holds anything that counts here; asked once a drain, so it is short."""
    return bool(
        len(outputs["grid"])
        or len(outputs["positions"])
        or len(outputs["order_events"])
        or len(outputs["order_requests"])
    )


def events_of(outputs: Outputs) -> Iterator[Event]:
    """Yield the events of a drain, kind by kind."""
    yield from step_events(outputs["grid"])
    for rank, kind in KINDS.items():
        records = outputs[kind]
        if len(records):
            columns = [records[name].tolist() for name in ("ts_ns", *FIELDS[rank])]
            for place, (seq, *fields) in enumerate(zip(records["seq"].tolist(), *columns, strict=True)):
                yield (seq, rank, place, *fields)


def step_events(rows: Structured) -> Iterator[Event]:
    """Yield (..., ts_step_ns, instrument, twice the mid in ticks or 0 where it is not valid)."""
    if not len(rows):
        return
    mids = np.where(rows["is_valid"] != 0, rows["price_ticks"][:, 0] + rows["price_ticks"][:, 5], 0)
    columns: Sequence[list[int]] = [rows[name].tolist() for name in ("seq", "ts_step_ns", "instrument")]
    for place, (seq, ts_ns, instrument, mid) in enumerate(zip(*columns, mids.tolist(), strict=True)):
        yield (seq, Rank.step, place, ts_ns, instrument, mid)
