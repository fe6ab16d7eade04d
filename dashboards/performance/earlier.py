"""Earlier sessions out of the lake: what they came to, and what their stages took. The SQL, and rows for people."""

from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import JsonValue

from dashboards.board import Align
from dashboards.clocks import day_time
from dashboards.performance.stages import duration

Row = list[JsonValue]
E8: Final = 10**8
SESSIONS_SHOWN: Final = 12
SESSIONS_SQL: Final = f"""
select run, ts_ns, quote, pnl_e8, inventory_e8, spread_e8, fees_e8, funding_e8, max_drawdown_e8, fill_rate, trades,
    hit_rate, sharpe, mse_bps2
from performance
where venue = '' and strategy = ''
qualify row_number() over (partition by run order by ts_ns desc) = 1
order by ts_ns desc
limit {SESSIONS_SHOWN}
"""
STAGES_SQL: Final = f"""
with newest as (
    select run, max(ts_ns) as ts_ns from stage_latencies group by run order by ts_ns desc limit {SESSIONS_SHOWN}
)
select
    run,
    newest.ts_ns as ts_end_ns,
    median(p50_ns) filter (where stage = 'decode_book') as decode_book_ns,
    median(p50_ns) filter (where stage = 'features') as features_ns,
    median(p50_ns) filter (where stage = 'inference') as inference_ns,
    median(p50_ns) filter (where stage = 'socket_to_order') as order_p50_ns,
    max(p99_ns) filter (where stage = 'socket_to_order') as order_p99_ns,
    max(p99_ns) filter (where stage = 'send_to_ack') as ack_p99_ns
from stage_latencies inner join newest using (run)
group by all
order by ts_end_ns desc
"""


class Earlier:
    """Columns of both tables."""

    COLUMNS: Final[tuple[str | tuple[str, Align], ...]] = (
        "Session",
        "Ended, UTC",
        ("Pnl", "right"),
        ("Inventory", "right"),
        ("Spread paid", "right"),
        ("Fees paid", "right"),
        ("Funding paid", "right"),
        ("Max drawdown", "right"),
        ("Fill rate", "right"),
        ("Closed trades", "right"),
        ("Hit rate", "right"),
        ("Sharpe", "right"),
        ("MSE, bps²", "right"),
    )
    STAGES: Final[tuple[str | tuple[str, Align], ...]] = (
        "Session",
        "Ended, UTC",
        ("Decode + book p50", "right"),
        ("Features p50", "right"),
        ("Model p50", "right"),
        ("Frame to order p50", "right"),
        ("p99 at most", "right"),
        ("Send to ack p99 at most", "right"),
    )


def session_rows(found: Iterable[Mapping[str, object]]) -> list[Row]:
    """Return a row a session."""
    return [
        [
            str(row["run"]),
            _ended(row["ts_ns"]),
            *(_money(row[f"{name}_e8"], row["quote"]) for name in ("pnl", "inventory", "spread", "fees", "funding")),
            _money(row["max_drawdown_e8"], row["quote"]),
            _form(row["fill_rate"], ".1%"),
            _form(row["trades"], ",d"),
            _form(row["hit_rate"], ".1%"),
            _form(row["sharpe"], ".2f"),
            _form(row["mse_bps2"], ".4f"),
        ]
        for row in found
    ]


def stage_rows(found: Iterable[Mapping[str, object]]) -> list[Row]:
    """Return a row a session: what its stages took."""
    names = ("decode_book", "features", "inference", "order_p50", "order_p99", "ack_p99")
    return [[str(row["run"]), _ended(row["ts_end_ns"]), *(_took(row[f"{name}_ns"]) for name in names)] for row in found]


def _ended(ts_ns: object) -> str | None:
    return day_time(ts_ns) if isinstance(ts_ns, int) else None


def _took(ns: object) -> str | None:
    return duration(float(ns) / 1_000) if isinstance(ns, int | float) else None


def _money(amount_e8: object, quote: object) -> JsonValue:
    if not isinstance(amount_e8, int):
        return None
    return {"text": f"{amount_e8 / E8:.2f}", "title": f"{amount_e8} / 10^8 {quote}", "state": "ok"}


def _form(value: object, form: str) -> str | None:
    """Return a number for people; one that is not defined is stored as NaN."""
    return format(value, form) if isinstance(value, int | float) and value == value else None
