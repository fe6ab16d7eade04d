"""`trader report`: what a run ordered, filled, holds and earned; money in exact decimals of the quote currency."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

import native
from native.config import JsonObject
from streaming.errors import BadDataError
from streaming.performance.report import landed_figures, landed_stages
from streaming.performance.text import show_landed_figures, show_landed_stages
from streaming.segments import InstrumentEntry, read_header
from streaming.tables import print_table
from streaming.trading_run import RunSummary
from warehouse.lake import Lake

TABLES = ("orders", "fills", "positions", "decisions", "risk_events")
MONEY = ("realised", "unrealised", "fees", "funding")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentReport:
    """One instrument of a run. Sizes in the instrument's own coin, money in its quote currency, exact decimals."""

    instrument: str
    orders: int
    orders_by_end: dict[str, int]
    """Orders by the state they ended in."""
    fills: int
    bought: Decimal
    sold: Decimal
    position: Decimal
    realised: Decimal
    """Before fees."""
    unrealised: Decimal
    fees: Decimal
    funding: Decimal
    """Paid; negative received."""
    pnl: Decimal
    """realised + unrealised - fees - funding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """A run's report."""

    summary: RunSummary
    instruments: tuple[InstrumentReport, ...]
    decisions_by_rule: dict[str, int]
    """Decisions by the risk rule that refused; `none` were not refused."""
    refused_by_rule: dict[str, int]
    """Orders that a rule refused, those of flattenings and quotes among them."""
    tripped_by_rule: dict[str, int]
    """Trips of the rules that look once a step; each is a row of `risk_events`."""
    figures: tuple[JsonObject, ...] = ()
    """Last rows of table `performance`, total first; none for runs that landed without it."""
    stages: tuple[JsonObject, ...] = ()
    """What stages took; none where nobody measured."""

    @property
    def pnl(self) -> Decimal:
        """Sum over instruments; meaningful while they share a quote currency."""
        return sum((item.pnl for item in self.instruments), Decimal(0))


def build_report(lake: Lake, summary: RunSummary) -> RunReport:
    """Return the report of a finished run from its lake tables; steps come from the journal's header.

    BadDataError when a table of the run is gone, SegmentError when its journal is damaged.
    """
    header = read_header(Path(summary.journal))
    tables = {name: _rows(lake, name, summary.run) for name in TABLES}
    entries = [entry for entry in header.instruments if entry.name in summary.instruments]
    rules = Counter(tables["decisions"]["rule_name"].to_list())
    return RunReport(
        summary=summary,
        instruments=tuple(_instrument_report(entry, tables) for entry in entries),
        decisions_by_rule=dict(rules.most_common()),
        refused_by_rule=_refused_by_rule(tables["orders"]),
        tripped_by_rule=dict(Counter(tables["risk_events"]["rule_name"].to_list()).most_common()),
        figures=tuple(landed_figures(lake, summary.run)),
        stages=tuple(landed_stages(lake, summary.run)),
    )


def report_document(report: RunReport) -> JsonObject:
    """Return the report as JSON, decimals as text."""
    return {
        **asdict(report.summary),
        "instruments": [_as_text(asdict(item)) for item in report.instruments],
        "decisions_by_rule": dict(report.decisions_by_rule),
        "refused_by_rule": dict(report.refused_by_rule),
        "tripped_by_rule": dict(report.tripped_by_rule),
        "figures": [*report.figures],
        "stages": [*report.stages],
        "pnl": format(report.pnl, "f"),
    }


def show_report(report: RunReport) -> None:
    """Print the report."""
    summary = report.summary
    model = f"model {summary.model[:12]}" if summary.model else "without a model: no orders"
    print(f"{summary.mode.upper()}  run {summary.run}  grid {summary.grid}  {model}")
    counts = summary.counts
    print(f"{counts.frames} frames, {counts.steps} steps, {counts.forecasts} forecasts, {counts.orders} order requests")
    columns = (
        "instrument",
        "orders",
        "fills",
        "bought",
        "sold",
        "position",
        "realised",
        "unrealised",
        "fees",
        "funding",
        "pnl",
    )
    rows: list[list[object]] = []
    for item in report.instruments:
        numbers = (
            item.bought,
            item.sold,
            item.position,
            item.realised,
            item.unrealised,
            item.fees,
            item.funding,
            item.pnl,
        )
        rows.append([item.instrument, item.orders, item.fills, *(_short(number) for number in numbers)])
    rows += [[name, "masked", *[None] * (len(columns) - 2)] for name in summary.masked]
    print_table(columns, rows)
    for title, counters in (("refused by risk", report.refused_by_rule), ("tripped", report.tripped_by_rule)):
        if counters:
            print(f"{title}: " + ", ".join(f"{count} {rule}" for rule, count in counters.items()))
    show_landed_figures(report.figures)
    show_landed_stages(report.stages)
    print(f"pnl {_short(report.pnl)}   journal {summary.journal}")


def _short(number: Decimal) -> str:
    """Return every digit of `number` but the zeros at its end."""
    return format(number.normalize() + 0, "f")


def _rows(lake: Lake, table: str, run: str) -> pl.DataFrame:
    if not lake.exists(table, {"run": run}):
        path = lake.partition_path(table, {"run": run})
        raise BadDataError(f"{path}: expected the run's table, found none; make the run again: trader start")
    frame = pl.from_arrow(lake.read_partition(table, {"run": run}))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _instrument_report(entry: InstrumentEntry, tables: dict[str, pl.DataFrame]) -> InstrumentReport:
    own = {name: _of(rows, entry) for name, rows in tables.items()}
    tick, unit = Decimal(entry.tick), Decimal(entry.size_unit)
    ends = own["orders"].group_by("client_order_id", maintain_order=True).agg(pl.col("state_to_name").last())
    position = own["positions"].tail(1).to_dicts() or [{}]
    money = {key: position[0].get(f"{key}_quote_units", 0) * tick * unit for key in MONEY}
    return InstrumentReport(
        instrument=entry.name,
        orders=len(ends),
        orders_by_end=dict(Counter(ends["state_to_name"].to_list()).most_common()),
        fills=len(own["fills"]),
        bought=_filled(own["fills"], 0) * unit,
        sold=_filled(own["fills"], 1) * unit,
        position=position[0].get("position_units", 0) * unit,
        pnl=money["realised"] + money["unrealised"] - money["fees"] - money["funding"],
        **money,
    )


def _refused_by_rule(orders: pl.DataFrame) -> dict[str, int]:
    """Count refused orders by the rule whose code is their reason."""
    refused = orders.filter(pl.col("state_to_name") == "refused")["reason"].to_list()
    return {native.enums["RiskRule"][code]: count for code, count in Counter(refused).most_common()}


def _of(rows: pl.DataFrame, entry: InstrumentEntry) -> pl.DataFrame:
    return rows.filter((pl.col("venue") == entry.venue) & (pl.col("instrument") == entry.symbol))


def _filled(fills: pl.DataFrame, side: int) -> int:
    sizes: Sequence[int] = fills.filter(pl.col("side") == side)["size_units"].to_list()
    return sum(sizes)


def _as_text(document: JsonObject) -> JsonObject:
    return {key: format(value, "f") if isinstance(value, Decimal) else value for key, value in document.items()}
