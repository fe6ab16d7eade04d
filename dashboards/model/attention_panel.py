"""Where the live model looks: by venue, side, level and feature, and for each forecast instrument its ladders."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from pydantic import JsonValue

from dashboards.board import Align
from dashboards.desk import Desk, Update
from dashboards.snapshot import Snapshot
from streaming.bus_view import AttentionReader, AttentionView

LEVELS: Final = 5
KINDS: Final = ("venues", "sides", "levels", "features")
TITLES: Final = {"venues": "Venue", "sides": "Side", "levels": "Level", "features": "Feature"}
NAMES: Final = {
    "both": "both sides",
    "none": "no level",
    "volume": "size",
    "ofi_l1": "order flow",
    "imbalance_l5": "imbalance",
    "micro_bps": "micro-price",
    "trade_flow": "trades",
    "readout": "gathered",
}
HASH_SIGNS: Final = 12
NOTE: Final = (
    "The network's own weights in its last look, mean over heads; those of one forecast sum to 100 %. "
    "They say where it looked, not how much a price there moved the forecast. "
    "× even: 1 is as much as a look at everything alike would give."
)
LADDERS_NOTE: Final = (
    "By level, price and size together; flows are order flow, imbalance, micro-price, trades and what a venue "
    "gathered itself."
)


def build(desk: Desk) -> Update:
    """Draw the panel; return what brings it up to date."""
    board = desk.board
    with ui.element("section").classes("panel wide attention"):
        TextElement(tag="h2", text="Where the live model looks")
        TextElement(tag="p", text=NOTE).classes("soft above")
        with ui.element("div").classes("stats"):
            model = board.stat("Model", test_id="attention-model")
            note = board.cell(test_id="attention-note")
        with ui.element("div").classes("shares"):
            tables = {
                kind: board.rows([TITLES[kind], ("share", "right"), ("× even", "right")], test_id=f"attention-{kind}")
                for kind in KINDS
            }
        columns: list[str | tuple[str, Align]] = ["forecast of", "looks at", ("in all", "right")]
        columns += [(f"bid {level}", "right") for level in range(LEVELS, 0, -1)]
        columns += [(f"ask {level}", "right") for level in range(1, LEVELS + 1)]
        TextElement(tag="p", text=LADDERS_NOTE).classes("soft above")
        ladders = board.rows([*columns, ("flows", "right")], test_id="attention-ladders")

    def update(snapshot: Snapshot) -> None:
        attention = None if snapshot.view is None else snapshot.view.attention
        age_s = snapshot.age_s("view")
        model.put(None if attention is None else attention.model[:HASH_SIGNS], source="view", age_s=age_s)
        note.put(_note(snapshot), state="warn" if attention is not None and attention.note else "ok")
        for kind, table in tables.items():
            table.put(share_rows(attention, kind))
        ladders.put(ladder_rows(attention.readers if attention is not None else ()))

    return update


def ladder_rows(readers: Sequence[AttentionReader]) -> list[list[JsonValue]]:
    """Return a row a reader and instrument looked at; the deepest hue is the largest share of that reader."""
    rows: list[list[JsonValue]] = []
    names = short_names({name for reader in readers for name in (reader.instrument, *reader.books)})
    for reader in readers:
        places = [share for sides in reader.books.values() for side in sides for share in side]
        most = max([*places, *reader.rest.values()], default=0.0)
        for name, (bids, asks) in reader.books.items():
            rest = reader.rest.get(name, 0.0)
            whole = sum(bids) + sum(asks) + rest
            shares = [*_padded(bids)[::-1], *_padded(asks), rest]
            titles = (names[reader.instrument], names[name])
            rows.append([*titles, _percent(whole), *(_cell(share, most) for share in shares)])
    return rows


def share_rows(attention: AttentionView | None, kind: str) -> list[list[JsonValue]]:
    """Return a row a name of one kind: its share, and how much that is of what an even look would give."""
    if attention is None:
        return []
    shares: Mapping[str, float] = getattr(attention, kind)
    even, most = attention.even.get(kind, {}), max(shares.values(), default=0.0)
    names = short_names(shares) if kind == "venues" else NAMES
    return [
        [names.get(name, name), _cell(share, most), f"{share / even[name]:.2f}" if even.get(name) else None]
        for name, share in shares.items()
    ]


def _cell(share: float | None, most: float) -> JsonValue:
    if share is None:
        return None
    return {"text": _percent(share), "share": round(share / most, 3) if most else 0.0}


def _padded(side: Sequence[float]) -> list[float | None]:
    return [*side[:LEVELS], *[None] * (LEVELS - len(side))]


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _note(snapshot: Snapshot) -> str:
    attention = None if snapshot.view is None else snapshot.view.attention
    if attention is not None:
        return attention.note
    if snapshot.is_replay:
        return "a journal does not hold where a model looked"
    return "not told yet: the trader asks its model about once a second"


def short_names(instruments: Iterable[str]) -> dict[str, str]:
    """Return instruments by their venues alone where all are of one symbol, one a venue."""
    names = list(instruments)
    venues = {name: name.partition(":")[0] for name in names}
    is_clear = len({name.partition(":")[2] for name in names}) == 1 and len(set(venues.values())) == len(names)
    return venues if is_clear else {name: name for name in names}
