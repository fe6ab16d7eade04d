"""A paper session as text: the status of a running one, and the summary at its end."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from streaming.cli.grammar import time_text
from streaming.cli.live_text import live_lines
from streaming.cli.model_text import SCORE_COLUMNS, model_lines, object_of, score_rows
from streaming.metrics.text import metrics_lines
from streaming.performance.text import show_performance
from streaming.tables import print_table

if TYPE_CHECKING:
    from native.config import JsonObject
    from streaming.shell.trader_request import PaperSummary

POSITION_COLUMNS = (
    ("instrument", "instrument"),
    ("position", "position"),
    ("average_price", "average"),
    ("realised", "realised"),
    ("unrealised", "unrealised"),
    ("fees", "fees"),
    ("funding", "funding"),
    ("pnl", "pnl"),
    ("open_orders", "open orders"),
)
INSTRUMENT_COLUMNS = (
    ("instrument", "instrument"),
    ("feed", "feed"),
    ("bid", "bid"),
    ("ask", "ask"),
    *POSITION_COLUMNS[1:],
)
STAGES = (
    ("socket_to_engine", "socket -> engine"),
    ("decode_book", "decode + book"),
    ("features", "features of a step"),
    ("inference", "model alone"),
    ("step_to_forecast", "step -> forecast"),
    ("decision", "decision"),
    ("socket_to_order", "socket -> order"),
    ("send_to_ack", "send -> ack"),
)
FEED_AGE = "feed_age."
PRICE_DIGITS = 12


def show_status(status: "JsonObject") -> None:
    """Print a running trader's status."""
    print(f"{str(status['mode']).upper()}  {str(status['state']).upper()}{_since(status)}")
    if "counts" not in status:
        print("  no session yet: the venues are being asked for their instruments")
        return
    print(f"  run {status['run']}, {_speed_text(status)}process {status['pid']}")
    for line in (*count_lines(status), *model_lines(status), *live_lines(status)):
        print(f"  {line}")
    show_rows(_objects(status["instruments"]), INSTRUMENT_COLUMNS)
    show_performance(status.get("performance"))
    if scores := score_rows(status):
        show_rows(scores, SCORE_COLUMNS)
    for part, problem in object_of(status["untold"]).items():
        print(f"  {part} cannot be told: {problem}")
    for venue in _objects(status["venues"]):
        print(f"  {_venue_text(venue)}")
    for line in (*latency_lines(status), *_bus_lines(status), *metrics_lines(status)):
        print(f"  {line}")
    print(f"pnl {status['pnl']}")


def show_rows(rows: Sequence["JsonObject"], columns: Sequence[tuple[str, str]]) -> None:
    """Print rows as a table of the named keys."""
    print_table([title for _, title in columns], [[_cell(row[key]) for key, _ in columns] for row in rows])


def show_summary(summary: "PaperSummary") -> None:
    """Print what an ended session did."""
    status, landed = summary.status, summary.landed
    print(f"{str(status['mode']).upper()}  ended {str(status['state']).upper()}  run {status['run']}")
    for line in (*count_lines(status), *model_lines(status), *latency_lines(status)):
        print(f"  {line}")
    is_open = [item for item in _objects(status["instruments"]) if Decimal(str(item["position"]))]
    for item in is_open:
        print(f"  OPEN POSITION  {item['instrument']} {item['position']} at {item['average_price']}, pnl {item['pnl']}")
    if left := sum(int(str(item["open_orders"])) for item in _objects(status["instruments"])):
        print(f"  {left} ORDERS WITHOUT AN END: the session ended before the venue answered")
    rows = ", ".join(f"{count} {table}" for table, count in landed.rows.items())
    for problem in summary.unconfirmed:
        print(f"  NOT CONFIRMED: {problem}; next: trader kill")
    print(f"  pnl {status['pnl']}; replayed: {landed.steps} steps identical; landed: {rows}")
    print(f"  journal {summary.journal}")
    print(f"next: trader report {status['run']}   |   trader replay {summary.journal}")


def count_lines(status: "JsonObject") -> list[str]:
    """Return the counters in one or two lines."""
    counts = object_of(status["counts"])
    lines = [
        f"{counts['frames']} frames, {counts['steps']} steps, {counts['forecasts']} forecasts "
        f"({counts['forecasts_late']} late, {counts['windows_skipped']} skipped), {counts['orders']} order requests, "
        f"{counts['fills']} fills, {counts['refused']} refused by risk, {counts['gaps_opened']} gaps "
        f"({counts['gaps_closed']} closed)"
    ]
    if counts["forecast_failures"]:
        lines.append(f"{counts['forecast_failures']} windows not forecast; last: {status['last_forecast_problem']}")
    lines += rule_lines(object_of(status["risk"]))
    if counts["rejects"]:
        lines.append(f"{counts['rejects']} inputs refused by the engine; last: {status['last_reject']}")
    return lines


def rule_lines(risk: "JsonObject") -> list[str]:
    """Return the rules that refused or tripped, each with its counter; `trader limits` shows all of them."""
    lines = []
    for key, title in (("refused_by_rule", "refused by"), ("tripped_by_rule", "tripped")):
        counters = object_of(risk[key])
        words = ", ".join(f"{rule} {count}" for rule, count in counters.items() if count)
        if words:
            lines.append(f"{title}: {words}")
    return lines


def latency_lines(status: "JsonObject") -> list[str]:
    """Return the percentiles of each stage that happened."""
    lines = []
    latency = object_of(status["latency"])
    ages = [(name, f"feed age, {name.removeprefix(FEED_AGE)}") for name in latency if name.startswith(FEED_AGE)]
    for name, title in (*ages, *STAGES):
        stage = object_of(latency[name])
        if stage["count"]:
            words = ", ".join(f"{key.removesuffix('_us')} {_us(stage[key])}" for key in stage if key.endswith("_us"))
            lines.append(f"{title}: {words} ({stage['count']} times)")
    return lines


def _since(status: "JsonObject") -> str:
    since_ns = status.get("since_ns")
    if not isinstance(since_ns, int):
        return ""
    reason = f": {status['reason']}" if status["reason"] else ""
    return f"  since {time_text(since_ns)} ({status['trigger']}{reason})"


def _speed_text(status: "JsonObject") -> str:
    return "" if status["clock_speed"] == 1.0 else f"clock at speed {status['clock_speed']}, "


def _venue_text(venue: "JsonObject") -> str:
    words = [
        "connected" if venue["is_connected"] else "NOT CONNECTED",
        "books whole" if venue["is_synced"] else f"NO BOOK {venue['waiting_for']}",
        "lag -" if venue["lag_ms"] is None else f"lag {venue['lag_ms']} ms",
    ]
    if venue["rules_changed"]:
        words.append(f"RULES CHANGED ({venue['rules_changed']})")
    if venue["connections_lost"]:
        words.append(f"{venue['connections_lost']} connections lost")
    if venue["last_problem"]:
        words.append(f"last problem: {venue['last_problem']}")
    return f"{venue['venue']}: {', '.join(words)}"


def _bus_lines(status: "JsonObject") -> list[str]:
    if status["bus"] is None:
        return ["redis: off"]
    bus = object_of(status["bus"])
    if bus["is_connected"]:
        return [f"redis: connected, {bus['published']} messages told, {bus['dropped']} dropped"]
    return [f"redis: NOT CONNECTED, {bus['dropped']} messages dropped; {bus['last_problem']}"]


def _us(value: object) -> str:
    us = float(str(value))
    return f"{us / 1_000:.1f} ms" if us >= 1_000 else f"{us:.0f} us"


def _cell(value: object) -> object:
    """Shorten a quotient's endless digits; exact ones stay."""
    text = str(value)
    return f"{Decimal(text):.4f}" if isinstance(value, str) and len(text.partition(".")[2]) > PRICE_DIGITS else value


def _objects(value: object) -> list["JsonObject"]:
    assert isinstance(value, list), f"expected a list, found {value!r}"
    return [object_of(item) for item in value]
