"""Rules about money and orders: trading stopped by itself, trips, drawdown, orders that go wrong."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Final

from native.config import JsonObject
from streaming.alerts.looking import Look, count_text
from streaming.alerts.sight import Finding, number_at, rows_at, text_at, value_at

STOPPED: Final = {"reducing": "only lowers positions", "flattening": "closes every position", "halted": "is halted"}
PERSON: Final = "operator"


def stopped(look: Look) -> Iterator[Finding]:
    """Trading is restrained, and no person said so."""
    status = look.trader
    state, trigger = text_at(status, "state"), text_at(status, "trigger")
    if status is None or state not in STOPPED or trigger == PERSON:
        return
    yield look.finding(
        "trading_stopped",
        f"{_mode(status)} trading {STOPPED[state]}",
        f"by {trigger}: {text_at(status, 'reason') or 'no reason was given'}; {_open_text(status)}; "
        "next: trader limits, then: trader resume --reason TEXT",
        severity="warning" if state == "reducing" else None,
        process="trader",
    )


def tripped(look: Look) -> Iterator[Finding]:
    """A watch rule of the risk settings tripped."""
    status = look.trader
    counts = value_at(status, "risk", "tripped_by_rule")
    for rule in counts if isinstance(counts, dict) else ():
        trips = look.rise(number_at(status, "risk", "tripped_by_rule", rule) or 0, "trip", _run(status), rule)
        if trips:
            words = f"{count_text(trips, 'trip')}, state {text_at(status, 'state')}; {_open_text(status)}"
            title = f"{_mode(status)} risk rule {rule} tripped"
            yield look.finding("risk_trip", title, words, subject=rule, process="trader", events=trips)


def drawdown(look: Look) -> Iterator[Finding]:
    """The session's pnl is far below its highest."""
    status, limit = look.trader, look.rules.drawdown_quote_max
    pnl = _decimal(text_at(status, "pnl"))
    if limit is None or pnl is None:
        return
    peak = look.memory.peak(("drawdown", _run(status)), look.sight.now_ns, pnl)
    if peak - pnl > Decimal(limit):
        words = f"pnl {pnl:.2f}, {peak - pnl:.2f} below its highest {peak:.2f}, limit {limit}; {_open_text(status)}"
        title = f"{_mode(status)} drawdown beyond {limit}"
        yield look.finding("drawdown", title, words, process="trader")


def order_errors(look: Look) -> Iterator[Finding]:
    """Many orders were rejected, left unanswered or refused within the window."""
    status, window_s = look.trader, look.rules.order_errors_window_s
    kinds = (
        ("venue", "order_errors", look.rules.order_errors_max, "rejected or left unanswered by a venue"),
        ("risk", "refused", look.rules.refused_max, "refused by our own risk rules"),
    )
    for subject, name, limit, meaning in kinds:
        count = number_at(status, "counts", name)
        if count is None:
            continue
        rose = look.rise(count, "orders", _run(status), name, window_s=window_s)
        if rose >= limit:
            words = f"{count_text(rose, 'order')} {meaning} within {window_s:g} s; next: trader orders"
            yield look.finding("order_errors", "Orders go wrong", words, subject=subject, process="trader")


def _mode(status: JsonObject | None) -> str:
    return text_at(status, "mode").upper()


def _run(status: JsonObject | None) -> str:
    return text_at(status, "run")


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _open_text(status: JsonObject | None) -> str:
    held = [row for row in rows_at(status, "instruments") if text_at(row, "position") not in ("", "0")]
    places = ", ".join(f"{text_at(row, 'instrument')} {text_at(row, 'position')}" for row in held)
    return f"open positions: {places}" if places else "no position is open"
