"""Figures of a session as text: of a running one by its status, of an ended one by its tables."""

from collections.abc import Sequence
from decimal import Decimal

from native.config import JsonObject
from streaming.tables import print_table

COLUMNS = (
    "scope",
    "pnl",
    "inventory",
    "spread",
    "fees",
    "funding",
    "fill rate",
    "trades",
    "hit rate",
    "profit factor",
    "max drawdown",
    "sharpe",
    "mse bps²",
    "mae bps",
)
MONEY = ("pnl", "inventory", "spread", "fees", "funding")
STAGE_COLUMNS = ("stage", "venue", "times", "p50", "p99 at most", "p99.9 at most", "longest")
E8 = 10**8


def show_performance(performance: object) -> None:
    """Print the section `performance` of a status; nothing where it has none."""
    if performance is None:
        return
    found = _object(performance)
    rows = [_row("all", _object(found["total"]))]
    for key in ("venues", "strategies"):
        rows += [_row(name, _object(figures)) for name, figures in _object(found[key]).items()]
    print_table(COLUMNS, rows)


def show_landed_figures(rows: Sequence[JsonObject]) -> None:
    """Print rows of table `performance`."""
    if rows:
        print_table(COLUMNS, [_row(_scope(row), _as_told(row)) for row in rows])


def show_landed_stages(rows: Sequence[JsonObject]) -> None:
    """Print what stages took."""
    if rows:
        keys = ("p50_ns", "p99_ns", "p999_ns", "max_ns")
        table = [[row["stage"], row["venue"], row["durations"], *(_time(row[key]) for key in keys)] for row in rows]
        print_table(STAGE_COLUMNS, table)


def show_way(way: object) -> None:
    """Print where the time of an order went."""
    found = _object(way)
    print(f"{found['side']} {found['size']} {found['instrument']} at {found['price']} by {found['strategy']}")
    stages = found["stages"]
    assert isinstance(stages, list), "the trader answers with stages"
    rows: list[list[object]] = []
    for stage in map(_object, stages):
        rows.append([stage["stage"], *(_time(float(str(stage[key])) * 1_000) for key in ("begin_us", "took_us"))])
    print_table(("stage", "began after", "took"), rows)
    print(f"{_time(float(str(found['total_us'])) * 1_000)} in all" if found["is_answered"] else "no answer yet")


def _object(value: object) -> JsonObject:
    """Return a part of a document, which is an object."""
    assert isinstance(value, dict), f"expected an object, found {value!r}"
    return value


def _scope(row: JsonObject) -> str:
    return " on ".join(str(row[key]) for key in ("strategy", "venue") if row[key]) or "all"


def _as_told(row: JsonObject) -> JsonObject:
    """Return a landed row in a status's form."""
    money = ("pnl", "inventory", "spread", "fees", "funding", "max_drawdown", "loss")
    earned = {name: str(Decimal(str(row[f"{name}_e8"])) / E8) if row["has_earnings"] else None for name in money}
    return {**row, **earned, "trades": row["trades"] if row["has_earnings"] else None}


def _row(scope: str, told: JsonObject) -> list[object]:
    return [
        scope,
        *(_money(told[name]) for name in MONEY),
        _share(told["fill_rate"]),
        told["trades"],
        _share(told["hit_rate"]),
        _factor(told),
        _money(told["max_drawdown"]),
        *(_short(told[name]) for name in ("sharpe", "mse_bps2", "mae_bps")),
    ]


def _money(value: object) -> str | None:
    return None if value is None else f"{Decimal(str(value)):.2f}"


def _share(value: object) -> str | None:
    return None if value is None else f"{float(str(value)):.1%}"


def _short(value: object) -> str | None:
    return None if value is None else f"{float(str(value)):.3g}"


def _factor(told: JsonObject) -> str | None:
    """An infinite one is told in words: a status has no number for it."""
    value, trades = told["profit_factor"], told["trades"]
    if value is not None and float(str(value)) != float("inf"):
        return _short(value)
    return "no loss" if trades and Decimal(str(told["loss"])) == 0 else None


def _time(ns: object) -> str:
    us = float(str(ns)) / 1_000
    return f"{us / 1_000:.1f} ms" if us >= 1_000 else f"{us:.0f} us"
