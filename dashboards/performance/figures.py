"""The figures of a session as rows for people, out of the section `performance` of a status. No I/O."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from pydantic import JsonValue

from dashboards.board import Align
from dashboards.snapshot import Document

Row = list[JsonValue]
NS_PER_S: Final = 1_000_000_000
COLUMNS: Final[tuple[str | tuple[str, Align], ...]] = (
    "Of",
    ("Pnl", "right"),
    ("Inventory", "right"),
    ("Spread paid", "right"),
    ("Fees paid", "right"),
    ("Funding paid", "right"),
    ("Fill rate", "right"),
    ("Closed trades", "right"),
    ("Hit rate", "right"),
    ("Profit factor", "right"),
    ("Max drawdown", "right"),
    ("Sharpe", "right"),
    ("MSE, bps²", "right"),
    ("MAE, bps", "right"),
)
PARTS: Final = {
    "inventory": "moves of the mid while positions were held",
    "spread": "paid at our fills against the mid of the last closed step; below 0 earned",
    "fees": "paid to the venues; below 0 rebates",
    "funding": "paid for perpetual positions; below 0 received",
}
PNL_WORDS: Final = "inventory less spread, fees and funding"


def section(status: Document | None) -> Mapping[str, JsonValue]:
    """Return the section `performance`; empty where nobody tells it."""
    found = None if status is None else status.get("performance")
    return found if isinstance(found, dict) else {}


def total_of(performance: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """Return the figures of the whole session; empty where there are none."""
    return part(performance, "total")


def scope_rows(performance: Mapping[str, JsonValue]) -> tuple[list[Row], list[str]]:
    """Return a row a scope and its key: all, venues, strategies, each strategy on each venue."""
    scopes = [*_scopes(performance)]
    return [_row(name, words, figures) for name, words, figures in scopes], [name for name, _, _ in scopes]


def _scopes(performance: Mapping[str, JsonValue]) -> Iterator[tuple[str, str, Mapping[str, JsonValue]]]:
    if not performance:
        return
    yield "all", "the whole session", total_of(performance)
    for venue, figures in part(performance, "venues").items():
        yield venue, "venue", figures if isinstance(figures, dict) else {}
    for strategy, figures in part(performance, "strategies").items():
        yield strategy, "strategy", figures if isinstance(figures, dict) else {}
    rows = performance.get("rows")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict):
            yield f"{row.get('strategy')} on {row.get('venue')}", "strategy on a venue", row


def _row(name: str, words: str, told: Mapping[str, JsonValue]) -> Row:
    rate: JsonValue = {"text": share(told.get("fill_rate")), "title": _filled(told)}
    return [
        {"text": name, "title": words},
        money(told.get("pnl")),
        *(money(told.get(key)) for key in PARTS),
        rate,
        count(told.get("trades")),
        share(told.get("hit_rate")),
        factor(told),
        money(told.get("max_drawdown")),
        {"text": sharpe(told), "title": sharpe_words(told)},
        number(told.get("mse_bps2"), 4),
        number(told.get("mae_bps"), 4),
    ]


def part(document: Mapping[str, JsonValue], name: str) -> Mapping[str, JsonValue]:
    """Return an object within a document; empty where there is none."""
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def money(text: JsonValue) -> JsonValue:
    """Return an amount with two digits, the exact one in its title; None stays none."""
    if text is None:
        return None
    return {"text": money_text(text), "title": f"exactly {text}", "state": "ok"}


def money_text(text: JsonValue) -> str | None:
    """Return an amount with two digits; None stays none."""
    if text is None:
        return None
    shown = f"{Decimal(str(text)):.2f}"
    return shown.lstrip("-") if Decimal(shown) == 0 else shown


def share(value: JsonValue) -> str | None:
    """Return a share as a percentage."""
    return f"{value:.1%}" if isinstance(value, int | float) else None


def number(value: JsonValue, digits: int = 2) -> str | None:
    """Return a number with so many digits."""
    return f"{value:.{digits}f}" if isinstance(value, int | float) else None


def count(value: JsonValue) -> str | None:
    """Return a count."""
    return f"{value:,}" if isinstance(value, int) else None


def factor(told: Mapping[str, JsonValue]) -> JsonValue:
    """Return the profit factor: without a loss there is none, however much was earned, and the words say so."""
    found, trades = told.get("profit_factor"), told.get("trades")
    if isinstance(found, int | float):
        return {"text": number(found), "title": f"earned {told.get('profit')}, lost {told.get('loss')}"}
    if trades and Decimal(str(told.get("loss") or 0)) == 0:
        return {"text": "no loss", "title": f"earned {told.get('profit')}, lost nothing"}
    return None


def sharpe(told: Mapping[str, JsonValue]) -> str | None:
    """Return the Sharpe ratio; one of single seconds without digits, as its size means nothing."""
    found = told.get("sharpe")
    if not isinstance(found, int | float):
        return None
    return f"{found:,.0f}" if told.get("sharpe_period_s") == 1 else f"{found:.2f}"


def sharpe_words(told: Mapping[str, JsonValue]) -> str:
    """Return what the Sharpe ratio was taken of: over few minutes its size says little."""
    period, samples = told.get("sharpe_period_s"), told.get("samples")
    if not isinstance(period, int):
        return ""
    words = f"a year's, of {samples} changes of equity {period} s apart"
    if told.get("sharpe") is None and period == 1:
        return f"{words}: not told before there are 600"
    return f"{words}; of single seconds its size means nothing" if period == 1 else words


def _filled(told: Mapping[str, JsonValue]) -> str:
    if told.get("submitted") is None:
        return ""
    return (
        f"{told.get('filled_lots')} of {told.get('submitted_lots')} lots; "
        f"{told.get('filled')} of {told.get('submitted')} orders, {told.get('maker_fills')} of {told.get('fills')} "
        "fills as maker"
    )


def span_words(performance: Mapping[str, JsonValue]) -> str | None:
    """Return how long the figures' span is, and what they count in."""
    begin, end = performance.get("ts_from_ns"), performance.get("ts_to_ns")
    if not isinstance(begin, int) or not isinstance(end, int) or not begin:
        return None
    minutes, seconds = divmod((end - begin) // NS_PER_S, 60)
    others = performance.get("other_quotes")
    words = f"{minutes} min {seconds:02d} s of the session's clock, in {performance.get('quote')}"
    if isinstance(others, list) and others:
        words += f"; not counted, as they trade against another currency: {', '.join(map(str, others))}"
    if total_of(performance).get("sharpe_period_s") == 1:
        words += "; the Sharpe ratio is told from 10 minutes on, and up to 30 is one of single seconds"
    return words
