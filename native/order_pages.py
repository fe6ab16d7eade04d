"""docs/orders.md, written from the core's own table: `python -m native.order_pages`."""

from pathlib import Path

from native.risk_tables import OrderCell, order_cells

DOCS = Path(__file__).resolve().parents[1] / "docs"

INTRODUCTION = """\
# Orders

Written by `python -m native.order_pages` from the table that the core obeys; a test compares.

An order request has one of four kinds: `place`, `cancel`, `amend` (price and size are the new totals) and `query`
(what became of it?). Whatever a venue says about an order is one trigger of the table below. Three outcomes of a
request exist: accepted, rejected, and unknown, which is never treated as failed:

- An order becomes `unknown` when no answer came in time, its connection broke under a request, or a cancel or an
  amendment found nothing. Live, it is asked for at once, and again after 1, 2, 4, 8, 16, 30, 30, ... s until a reply
  says what became of it. It is never sent again, under no id.
- While it is unknown it counts in full wherever exposure is counted, and nothing opens on its instrument
  (`unresolved`).
- `absent` is proof, made outside by queries, open orders and trades together, that the venue does not know it.
- A venue may say that an order ended with more filled than we were told. It stays live, with no more in flight than
  what is owed, until the fills came; after six further queries it ends without them, and late fills count all the
  same.
- Fills count once by (venue, instrument, trade id), in whatever state the order is, and also where it is none of
  ours: such a fill moves the account's position and is taken from the strategies that hold the other side, else given
  to the first strategy of that instrument.
- While an amendment is under way the larger size counts.

## Fees

A fee in the quote asset is what it is. A fee of x in the base asset on a fill at p is booked as a sale of x at p and
a fee of x * p: the position is what the venue credits, and money balances to the last unit. What is less than a size
unit is carried, exactly, until it makes a whole one. A fee in any third asset counts by its value in the quote
currency.

## States

`-` is illegal: the reply is refused, named in a reject, and changes nothing (a fill is booked all the same). Where
something has filled, `open` is `partially_filled`, and an order that is `absent` ends as `cancelled`.
"""


def orders_page() -> str:
    """Return docs/orders.md."""
    cells = order_cells()
    states = list(dict.fromkeys(cell.state for cell in cells))
    triggers = list(dict.fromkeys(cell.trigger for cell in cells))
    to = {(cell.trigger, cell.state): _word(cell) for cell in cells}
    lines = [["", *states], ["---"] * (len(states) + 1)]
    lines += [[f"**{trigger}**", *(to[trigger, state] for state in states)] for trigger in triggers]
    return INTRODUCTION + "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _word(cell: OrderCell) -> str:
    if cell.to is None:
        return "-"
    return "stays" if cell.to == cell.state else cell.to


def write_page(folder: Path) -> None:
    """Write the page into `folder`."""
    (folder / "orders.md").write_text(orders_page())


if __name__ == "__main__":
    write_page(DOCS)
