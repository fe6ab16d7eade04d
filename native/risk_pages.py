"""docs/risk.md and docs/trading_state.svg, written from the core's own tables: `python -m native.risk_pages`."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from native.risk_tables import risk_rows, trading_cells, watch_rows
from native.trading_drawing import trading_drawing

DOCS = Path(__file__).resolve().parents[1] / "docs"

INTRODUCTION = """\
# Risk: rules, limits, trading states

Written by `python -m native.risk_pages` from the tables that the core obeys; a test compares. Every rule has a name, a
formula, a limit of its own, a reason code, a counter and a switch. At exactly its limit a rule lets pass.

- No limit has a default. `price_deviation_bps`, `max_exposure_quote`, `forecast_age_max_ms`, `order_size`,
  `max_order_size` and `max_position` must be given before anything trades; any other rule is off without its limit.
- `off = ["order_rate"]` in `[native.risk]` switches rules off by name, in `[native.risk.watch]` those that look once a
  step. Trading with money asks for every rule: `native.risk_settings.missing_limits` names what is missing or off.
- Money is integers: 10^-8 of the quote currency, in 128 bits where products need it, rounded against us.
"""

PRE_TRADE = """\
## Before an order leaves

Asked in this order; the first rule that refuses gives the order its reason (`decisions.rule`, `order_events.reason`).
What is in flight counts as if it were filled; so does an order that was never answered.

**A limit never holds a position open.** A *closing* order brings the position towards zero and, with all of ours on its
side filled, nothing beyond zero. Of closing orders only the rules for every order are asked: they guard against a wrong
order, and the two position limits cannot be broken by an order towards zero. One rule is stricter: a drift of level 3
lets nothing pass but orders of a flattening, or of a watch rule that closes. Limits below are keys under `[native]`.
"""

WATCH = """\
## While something is held

Looked at once a closed step, after positions were marked. What a rule watches (an instrument, a quote currency, a
venue, a base asset, a pair, the process) trips once when it is beyond its limit, and again only after it was within. A
resume re-arms every rule: what still is beyond its limit trips anew, and the drawdown's peak starts from the equity of
that step. Trips are rows of `risk_events` with value and limit.

The action is the table's unless `[native.risk.watch.actions]` says otherwise: `close_slot` (rules of one instrument
only) closes that instrument and refuses to open it for `cool_down_ms`, `reduce`, `flatten` and `halt` move the trading
state with the trigger named. No trip wakes what is halted: a `flatten` is then told and counted, and nothing is sent
until a person says so. Limits below are keys under `[native.risk.watch]`; with two keys, either switches the rule on.

Facts are told by the trader's shell and stand in the journal: the clock's offset as the venues' time stamps show it,
drift level and expiry of the model that trades, and the watchdog's heartbeat while it lives, three times within
`heartbeat_age_max_ms` and only with that limit. `trader limits` shows every rule of both tables with limit, switch,
what is in use and its counter, `trader status` those that objected, `trader report` those of an ended run.
"""

STATES = """\
## Trading states

![trading states and what moves between them](trading_state.svg)

`resume` is the operator's alone and needs a reason; rules, the model's guard and the watchdog may reduce, halt and
flatten. `flat_confirmed` is the trader's own: nothing held, nothing working. Entering `halted` or `flattening` cancels
every order of ours, entering `reducing` those that would not close.
"""


def risk_page() -> str:
    """Return docs/risk.md."""
    pre_trade = _table(
        ("rule", "what must hold", "limit", "unit", "asked of", "code"),
        (
            (
                f"`{row.name}`",
                row.formula,
                _key(row.limit),
                row.unit,
                _asked(row.asked_of, row.is_always_on),
                row.number,
            )
            for row in risk_rows()
        ),
    )
    watch = _table(
        ("rule", "trips when", "limit", "unit", "action", "trigger", "code"),
        (
            (
                f"`{row.name}`",
                row.formula,
                ", ".join(_key(key) for key in row.limits),
                row.unit,
                f"`{row.action}`",
                row.trigger,
                row.number,
            )
            for row in watch_rows()
        ),
    )
    states = list(dict.fromkeys(cell.state for cell in trading_cells()))
    ops = list(dict.fromkeys(cell.op for cell in trading_cells()))
    to = {(cell.state, cell.op): cell.to or "refused" for cell in trading_cells()}
    table = _table(("state", *ops), ((f"`{state}`", *(to[state, op] for op in ops)) for state in states))
    return "\n".join([INTRODUCTION, PRE_TRADE, pre_trade, WATCH, watch, STATES, table])


def write_pages(folder: Path) -> None:
    """Write both files into `folder`."""
    (folder / "risk.md").write_text(risk_page())
    (folder / "trading_state.svg").write_text(trading_drawing(trading_cells()))


def _key(key: str) -> str:
    return f"`{key}`" if key else ""


def _asked(asked_of: str, is_always_on: bool) -> str:
    return f"{asked_of}, always" if is_always_on else asked_of


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    # A bar inside a cell would end it.
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    write_pages(DOCS)
