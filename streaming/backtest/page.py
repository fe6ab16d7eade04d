"""The report of a backtest: one HTML file that needs nothing beside it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from native.config import JsonObject
from streaming.backtest import words
from streaming.backtest.charts import Chart, charts
from streaming.backtest.document import document_of, fees_text, lane_row
from streaming.backtest.evaluate import Evaluation
from streaming.backtest.kpi import NS_PER_S
from streaming.backtest.run import BacktestRun
from streaming.backtest.words import Figure, Told
from streaming.session_picture import BACK, DIM, DOWN, INK, LINE, PANEL, UP, WARN
from streaming.trader_document import strategy_names

MASKED_TOLD = 12
"""Masked spans that the page lists; the document holds all."""

STYLE = f"""
:root {{ color-scheme: dark; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; max-width: 1180px; padding: 28px 24px 60px; background: {BACK}; color: {INK};
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; font-variant-numeric: tabular-nums; }}
h1 {{ font-size: 24px; margin: 0; }} h1 .mode {{ color: {UP}; letter-spacing: .06em; margin-right: .5em; }}
h2 {{ font-size: 17px; margin: 34px 0 2px; }} p.note {{ color: {DIM}; margin: 0 0 8px; font-size: 13px; }}
.sub {{ color: {DIM}; margin: 2px 0 18px; }}
dl.head {{ display: grid; grid-template-columns: max-content 1fr; gap: 2px 18px; margin: 0 0 20px; padding: 12px 16px;
  background: {PANEL}; border: 1px solid {LINE}; border-radius: 8px; font-size: 13.5px; }}
dl.head dt {{ color: {DIM}; }} dl.head dd {{ margin: 0; overflow-wrap: anywhere; }}
.tiles {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 10px; }}
.tile {{ background: {PANEL}; border: 1px solid {LINE}; border-radius: 8px; padding: 10px 14px; }}
.tile b {{ display: block; font-size: 21px; font-weight: 600; }}
.tile span {{ color: {DIM}; font-size: 12.5px; }}
.up {{ color: {UP}; }} .down {{ color: {DOWN}; }}
.told {{ border-left: 4px solid {UP}; background: {PANEL}; padding: 9px 14px; margin: 10px 0;
  border-radius: 0 8px 8px 0; }}
.told.warn {{ border-color: {WARN}; }}
table {{ border-collapse: collapse; width: 100%; font-size: 13.5px; }}
th, td {{ text-align: right; padding: 5px 10px; border-bottom: 1px solid {LINE}; }}
th {{ color: {DIM}; font-weight: 500; }} th:first-child, td:first-child {{ text-align: left; }}
td.name {{ text-align: left; }} td.how {{ text-align: left; color: {DIM}; font-size: 12.5px; }}
td.chosen {{ outline: 1px solid {UP}; outline-offset: -2px; border-radius: 4px; }}
td small {{ display: block; color: {DIM}; font-size: 11.5px; }}
.scroll {{ overflow-x: auto; }} svg {{ width: 100%; height: auto; display: block; border-radius: 8px; }}
footer {{ color: {DIM}; font-size: 12.5px; margin-top: 36px; }} code {{ color: {INK}; overflow-wrap: anywhere; }}
"""


def page(run: BacktestRun, evaluation: Evaluation, command: str) -> str:
    """Return the page; `command` is what makes it again. Equal runs give equal bytes but for measured speed."""
    sections = [
        _head(run),
        "".join(_told(told) for told in words.told(run, evaluation)),
        _tiles(words.tiles(evaluation)),
        _sensitivity(run, evaluation),
        "".join(_chart(chart) for chart in charts(run, evaluation)),
        _figures(words.figures(run, evaluation)),
        _masked(run),
        _foot(run, evaluation, command),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(run.run)}</title>'
        f"<style>{STYLE}</style></head><body>{''.join(sections)}</body></html>\n"
    )


def _head(run: BacktestRun) -> str:
    lane = run.lanes[0]
    rows = [
        ("queue model", words.QUEUE_WORDS[lane.queue]),
        ("order latency", f"{lane.latency.text}, each way"),
        ("forecasts", words.forecast_words(run)),
        ("fees", f"{fees_text(run)} bps (maker / taker)"),
        ("funding", words.funding_words(run)),
        ("strategies", ", ".join(strategy_names(lane.document))),
        ("model", run.bundle or "none: no forecasts"),
        ("gaps", words.gap_words(run)),
        ("settings", f"hash {run.settings_hash}"),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows)
    return (
        f'<h1><span class="mode">BACKTEST</span>{escape(run.run)}</h1>'
        f'<p class="sub">{_moment(run.ts_from_ns)} to {_moment(run.ts_to_ns)} UTC, grid {escape(run.grid.name)}, '
        f'{run.counts.frames:,} frames, {run.counts.steps:,} steps</p><dl class="head">{listed}</dl>'
    )


def _moment(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns // NS_PER_S, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def _told(told: Told) -> str:
    return f'<div class="told{" warn" if told.is_warning else ""}">{escape(told.text)}</div>'


def _tiles(figures: Sequence[Figure]) -> str:
    tiles = (
        f'<div class="tile"><span>{escape(figure.name)}</span><b{_tone(figure)}>{escape(figure.value)}</b>'
        f"<span>{escape(figure.beside)}</span></div>"
        for figure in figures
    )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _tone(figure: Figure) -> str:
    return {1: ' class="up"', -1: ' class="down"', 0: ""}[figure.tone]


def _chart(chart: Chart) -> str:
    return f'<h2>{escape(chart.title)}</h2><p class="note">{escape(chart.note)}</p>{chart.svg}'


def _sensitivity(run: BacktestRun, evaluation: Evaluation) -> str:
    """Return pnl by queue model and latency: the same trader on the same market, each in a lane of one pass."""
    if len(run.lanes) == 1:
        return ""
    rows = {(lane.queue, lane.latency.median_ns): (lane_row(lane, run, n), n) for n, lane in enumerate(run.lanes)}
    latencies = sorted({latency for _, latency in rows})
    head = "".join(f"<th>{latency / 1e6:g} ms</th>" for latency in latencies)
    body = ""
    for queue in dict.fromkeys(queue for queue, _ in rows):
        cells = "".join(_cell(rows.get((queue, latency)), evaluation) for latency in latencies)
        body += f"<tr><td>{escape(queue)}</td>{cells}</tr>"
    return (
        "<h2>How much of it is the simulation</h2>"
        f'<p class="note">pnl in {escape(evaluation.earnings.quote)} by queue model and order latency; below it fill '
        "rate and largest drawdown. Framed: the run of this page.</p>"
        f'<div class="scroll"><table><tr><th>queue</th>{head}</tr>{body}</table></div>'
    )


def _cell(found: tuple[JsonObject, int] | None, evaluation: Evaluation) -> str:
    if found is None:
        return "<td>not run</td>"
    row, number = found
    equity, drawdown, rate = row["equity_e8"], row["max_drawdown_e8"], row["fill_rate"]
    assert isinstance(equity, int) and isinstance(drawdown, int), "sums of the core"
    tone = "up" if equity > 0 else "down" if equity < 0 else ""
    filled = f"{rate:.0%} filled" if isinstance(rate, float) else "no order"
    chosen = " chosen" if number == 0 else ""
    return (
        f'<td class="{tone}{chosen}">{words.money(equity)}'
        f"<small>{filled}, drawdown {words.money(drawdown, signed=False)}</small></td>"
    )


def _figures(figures: Sequence[Figure]) -> str:
    rows = "".join(
        f'<tr><td class="name">{escape(figure.name)}</td><td{_tone(figure)}>{escape(figure.value)}</td>'
        f'<td class="how">{escape(figure.beside)}</td></tr>'
        for figure in figures
    )
    return f'<h2>All figures</h2><p class="note">Formulas: docs/kpis.md.</p><table>{rows}</table>'


def _masked(run: BacktestRun) -> str:
    if not run.masked:
        return ""
    rows = "".join(_masked_rows(run))
    more = len(run.masked) - MASKED_TOLD
    note = f"; {more} more stand in the document" if more > 0 else ""
    return (
        f'<h2>Masked spans</h2><p class="note">Nothing is forecast from a context that touches one{note}.</p>'
        f"<table><tr><th>instrument</th><th>cause</th><th>from (UTC)</th><th>seconds</th></tr>{rows}</table>"
    )


def _masked_rows(run: BacktestRun) -> Iterator[str]:
    for span in run.masked[:MASKED_TOLD]:
        seconds = (span.ts_to_ns - span.ts_from_ns) / NS_PER_S
        yield (
            f'<tr><td>{escape(span.instrument)}</td><td class="name">{escape(span.cause)}</td>'
            f"<td>{_moment(span.ts_from_ns)}</td><td>{seconds:,.3f}</td></tr>"
        )


def _foot(run: BacktestRun, evaluation: Evaluation, command: str) -> str:
    counts = document_of(run, evaluation)["counts"]
    assert isinstance(counts, dict), "a document has counts"
    return (
        f"<footer>Made again by <code>{escape(command)}</code>. {len(run.lanes)} lane(s), "
        f"{counts['frames_per_s']:,} frames a second through all of them, forecasts not counted.</footer>"
    )
