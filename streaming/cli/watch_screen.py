"""The screen of `trader status --watch`: a running trader's figures as the dashboard's Overview has them. No I/O.

What nobody has told yet is shown as "–", never as 0; a colour never stands alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from native.config import JsonObject
from streaming.cli.grammar import time_text
from streaming.cli.model_text import model_lines

NOTHING = "–"
STALE_S = 2.5
"""Answers come once a second; an older one is marked."""
STATE_STYLES = {"active": "bold green", "reducing": "bold yellow", "flattening": "bold yellow", "halted": "bold red"}
FIGURES = (
    ("pnl", "pnl"),
    ("max drawdown", "max_drawdown"),
    ("Sharpe", "sharpe"),
    ("profit factor", "profit_factor"),
    ("hit rate", "hit_rate"),
    ("fill rate", "fill_rate"),
)
COUNTS = ("orders", "fills", "refused", "frames", "gaps_opened")
PARTS = (
    ("inventory", "inventory"),
    ("spread paid", "spread"),
    ("fees paid", "fees"),
    ("funding paid", "funding"),
    ("pnl", "pnl"),
)
MONEY = ("inventory", "spread", "fees", "funding", "pnl")
SHARES = ("hit_rate", "fill_rate")
STAGES = ("socket_to_engine", "decode_book", "features", "inference", "step_to_forecast", "decision", "send_to_ack")
LIMITS_SHOWN = 5
WIDE = 120
"""Columns of the terminal from which everything is shown."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known at one moment."""

    status: JsonObject = field(default_factory=dict)
    """The trader's last answer; empty before the first."""
    age_s: float = 0.0
    """Since that answer came."""
    problem: str = ""
    """Why the last question had no answer; empty when it had one."""
    way: str = "socket"

    @property
    def is_stale(self) -> bool:
        """Whether the figures are older than they should be."""
        return bool(self.problem) or self.age_s > STALE_S


def draw(watched: Watched, width: int = 140) -> RenderableType:
    """Return the whole screen, with fewer columns where it is narrower than `WIDE` signs."""
    status = watched.status
    if "counts" not in status:
        words = "no session yet: the venues are being asked for their instruments"
        return Group(_head(watched), Text(words if status else watched.problem or "asking"))
    is_wide = width >= WIDE
    last = (_stages(status), _limits(status))
    parts: list[RenderableType] = [_head(watched), _figures(status), _positions(status, is_wide)]
    parts += [_venues(status, is_wide), *((_beside(*last),) if is_wide else last)]
    return Group(*parts, *(Text(line, "dim") for line in model_lines(status)))


def _head(watched: Watched) -> Panel:
    status = watched.status
    state = str(status.get("state", "unknown"))
    words = Text.assemble(
        (f" {str(status.get('mode', NOTHING)).upper()} ", "bold reverse"),
        " ",
        (state.upper(), STATE_STYLES.get(state, "bold")),
        f"  run {status.get('run', NOTHING)}  process {status.get('pid', NOTHING)}",
    )
    if status.get("clock_speed", 1.0) != 1.0:
        words.append(f"  clock at speed {status['clock_speed']}", "yellow")
    if isinstance(since_ns := status.get("since_ns"), int):
        reason = f": {status['reason']}" if status["reason"] else ""
        words.append(f"\nsince {time_text(since_ns)} ({status['trigger']}{reason})", "dim")
    words.append_text(_age(watched))
    return Panel(words, border_style="red" if watched.is_stale else "green")


def _age(watched: Watched) -> Text:
    at = watched.status.get("ts_ns")
    clock = f"market time {time_text(at)}, " if isinstance(at, int) else ""
    text = Text(f"\n{clock}told {watched.age_s:.1f} s ago over {watched.way}; Ctrl-C ends this screen alone", "dim")
    if watched.problem:
        text.append(f"\nNOT ANSWERING: {watched.problem}", "bold red")
    elif watched.is_stale:
        text.append("  STALE", "bold yellow")
    return text


def _figures(status: JsonObject) -> Table:
    """The session's figures, its counts, and where its pnl comes from."""
    total = _within(_within(status, "performance"), "total")
    counts = _within(status, "counts")
    left = _plain([(title, _figure(key, total.get(key))) for title, key in FIGURES])
    middle = _plain([(name.replace("_", " "), _count(counts.get(name))) for name in COUNTS])
    right = _plain([(title, _figure(key, total.get(key))) for title, key in PARTS])
    return _beside(_titled("session", left), _titled("counts", middle), _titled("where the pnl comes from", right))


def _positions(status: JsonObject, is_wide: bool) -> Table:
    prices = ("bid", "ask", "average price") if is_wide else ()
    table = _table("positions", ("instrument", "feed", *prices, "position", "unrealised", "pnl", "open"))
    for item in _rows(status, "instruments"):
        feed = str(item.get("feed", NOTHING))
        keys = ("bid", "ask", "average_price", "position") if is_wide else ("position",)
        table.add_row(
            str(item["instrument"]),
            Text(feed, "" if feed == "synced" else "bold red"),
            *(_plain_number(item.get(key)) for key in keys),
            *(_figure("pnl", item.get(key)) for key in ("unrealised", "pnl")),
            _count(item.get("open_orders")),
        )
    return table


def _venues(status: JsonObject, is_wide: bool) -> Table:
    more = ("lost", "snapshots") if is_wide else ()
    table = _table("venues", ("venue", "connection", "books", "feed age p50", "p99", "lag", *more, "last problem"))
    for item in _rows(status, "venues"):
        age = _within(_within(status, "latency"), f"feed_age.{item['venue']}")
        missing = item.get("waiting_for") or ()
        assert isinstance(missing, list | tuple), "the trader tells a list"
        counts = (_count(item.get("connections_lost")), _count(item.get("snapshots"))) if is_wide else ()
        table.add_row(
            str(item["venue"]),
            Text("connected") if item.get("is_connected") else Text("NOT CONNECTED", "bold red"),
            Text(f"NO BOOK {len(missing)}", "bold red") if missing else Text("whole"),
            *_times(age, "p50_us", "p99_us"),
            NOTHING if item.get("lag_ms") is None else f"{float(str(item['lag_ms'])):.0f} ms",
            *counts,
            str(item.get("rules_changed") or item.get("last_problem") or "none"),
        )
    return table


def _stages(status: JsonObject) -> Table:
    table = _table("latency, last minute", ("stage", "times", "p50", "p99", "p99.9"))
    latency = _within(status, "latency")
    for name in STAGES:
        recent = _within(_within(latency, name), "recent")
        table.add_row(
            name.replace("_", " "),
            _count(recent.get("count")),
            *_times({"recent": recent}, "p50_us", "p99_us", "p99.9_us"),
        )
    return table


def _limits(status: JsonObject) -> Table:
    """The limits of which most is in use."""
    table = _table("limits nearest to their cap", ("rule", "of", "used", "cap", "share"))
    uses = [
        (float(str(use["share"])), str(row["rule"]), use)
        for row in _rows(status, "limits")
        for use in _rows(row, "uses")
        if use.get("share") is not None
    ]
    for share, rule, use in sorted(uses, key=lambda item: (-item[0], item[1]))[:LIMITS_SHOWN]:
        style = "bold red" if share >= 0.9 else "yellow" if share >= 0.7 else ""
        words = (rule, str(use["of"]) or "all", f"{use['used']} {use['unit']}", str(use["cap"]))
        table.add_row(*words, Text(f"{share * 100:.0f} %", style))
    return table


# --- pieces ---


def _figure(key: str, value: object) -> str:
    """Return a figure as the Overview has it."""
    if value is None:
        return NOTHING
    number = float(str(value)) + 0.0
    if key in SHARES:
        return f"{number * 100:.1f} %"
    return f"{round(number, 2) + 0.0:+.2f}" if key in MONEY else f"{number:.2f}"


def _count(value: object) -> str:
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else NOTHING


def _plain_number(value: object) -> str:
    """Shorten a quotient's endless digits; exact ones stay."""
    text = NOTHING if value is None else str(value)
    whole, point, rest = text.partition(".")
    return f"{whole}{point}{rest[:4]}" if len(rest) > 8 else text


def _times(stage: JsonObject, *keys: str) -> list[str]:
    """Return percentiles of the last minute; nothing where nothing happened in it."""
    recent = _within(stage, "recent")
    if not recent.get("count"):
        return [NOTHING] * len(keys)
    found = [float(str(recent[key])) for key in keys]
    return [f"{us / 1_000:.1f} ms" if us >= 1_000 else f"{us:.0f} µs" for us in found]


def _within(document: JsonObject, key: str) -> JsonObject:
    """Return an object in a document; empty where it is missing."""
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _rows(document: JsonObject, key: str) -> list[JsonObject]:
    found = document.get(key)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False, pad_edge=False
    )
    words = {columns[0], "feed", "connection", "books", "last problem", "of"}
    for column in columns:  # where it is too narrow, words are folded and numbers stay whole
        is_word = column in words
        table.add_column(column, justify="left" if is_word else "right", no_wrap=not is_word, overflow="fold")
    return table


def _plain(rows: Sequence[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    for title, value in rows:
        table.add_row(Text(title, "dim"), value)
    return table


def _titled(title: str, inner: Table) -> Group:
    return Group(Text(title, "bold"), inner)


def _beside(*parts: RenderableType) -> Table:
    """Return parts beside one another."""
    table = Table.grid(padding=(0, 4))
    for _ in parts:
        table.add_column()
    table.add_row(*parts)
    return table
