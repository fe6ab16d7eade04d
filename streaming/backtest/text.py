"""A backtest and a parity verdict on the terminal."""

from native.config import JsonObject
from streaming.backtest import words
from streaming.backtest.document import fees_text, lane_row
from streaming.backtest.evaluate import Evaluation
from streaming.backtest.job import Backtested
from streaming.backtest.parity import ParityVerdict, Recomputed
from streaming.backtest.run import BacktestRun
from streaming.tables import print_table
from streaming.trader_document import strategy_names


def show(done: Backtested) -> None:
    """Print what the run was, what it gave, and what must not be missed."""
    run, evaluation = done.run, done.evaluation
    lane = run.lanes[0]
    model = f"model {run.bundle[:12]}" if run.bundle else "without a model"
    print(f"BACKTEST  run {run.run}  grid {run.grid.name}  {model}  {', '.join(strategy_names(lane.document))}")
    print(f"  queue {words.QUEUE_WORDS[lane.queue]}")
    print(f"  order latency {lane.latency.text}, forecasts {words.forecast_words(run)}")
    print(f"  fees in bps (maker / taker) {fees_text(run)}")
    print(f"  funding {words.funding_words(run)}")
    print(f"  gaps {words.gap_words(run)}, settings {run.settings_hash}")
    figures = words.figures(run, evaluation)
    print_table(("figure", "value", "beside it"), ((item.name, item.value, item.beside) for item in figures))
    if len(run.lanes) > 1:
        _show_sensitivity(run, evaluation)
    for told in words.told(run, evaluation):
        print(f"{'! ' if told.is_warning else ''}{told.text}")
    rate = done.document["counts"]
    assert isinstance(rate, dict), "a document has counts"
    print(f"{run.counts.frames:,} frames, {rate['frames_per_s']:,} a second with {len(run.lanes)} lane(s)")
    print(f"report {done.page}")


def _show_sensitivity(run: BacktestRun, evaluation: Evaluation) -> None:
    rows = [_lane_cells(lane_row(lane, run, number)) for number, lane in enumerate(run.lanes)]
    first, *others = rows
    ordered = [first, *sorted(others)]
    print_table(
        ("queue", "latency", f"pnl {evaluation.earnings.quote}", "orders", "fill rate", "drawdown"),
        ((cells[0], *cells[2:]) for cells in ordered),
    )


def _lane_cells(row: JsonObject) -> tuple[str, float, str, str, int, str, str]:
    equity, drawdown, rate, orders, ms = (
        row[name] for name in ("equity_e8", "max_drawdown_e8", "fill_rate", "orders", "latency_ms")
    )
    assert isinstance(equity, int) and isinstance(drawdown, int) and isinstance(orders, int), "sums of the core"
    assert isinstance(ms, float), "a time"
    share = f"{rate:.2%}" if isinstance(rate, float) else words.NONE
    return (
        str(row["queue"]),
        ms,
        str(row["latency"]),
        words.money(equity),
        orders,
        share,
        words.money(drawdown, signed=False),
    )


def show_parity(verdict: ParityVerdict) -> None:
    """Print whether a session came out the same, and what forecasts made anew change."""
    word = "IDENTICAL" if verdict.is_identical else "DIFFERENT"
    print(f"{word}  session {verdict.run} heard again as a backtest, {verdict.frames:,} frames, journal's forecasts")
    print_table(
        ("table", "session", "backtest", "differ", "first difference"),
        ((item.table, item.session_rows, item.backtest_rows, item.differing, item.first) for item in verdict.tables),
    )
    print(f"pnl {words.money(verdict.pnl_e8)} {verdict.quote}")
    if verdict.recomputed is not None:
        _show_recomputed(verdict.recomputed, verdict.quote)


def _show_recomputed(again: Recomputed, quote: str) -> None:
    difference, parts = again.difference, again.attribution
    print(
        f"forecasts made anew: {difference.differing} of {difference.compared} differ, at most "
        f"{difference.max_bps:.3g} bps, {difference.mean_bps:.3g} on average; {again.missed} steps had none in time"
    )
    changed = ", ".join(f"{item.differing} of {item.session_rows} {item.table}" for item in again.tables)
    print(f"with them, when the session's came, these differ: {changed}")
    rows = (
        ("session", parts.session_e8, "its own table of positions"),
        ("unknown", parts.unknown_e8, "the same forecasts, heard again: must be nothing"),
        ("forecasts", parts.forecasts_e8, "made anew, when the session's came"),
        ("latency", parts.latency_e8, f"of every step, {again.delay_ms:g} ms after it"),
        ("backtest", parts.stated_e8, "the sum"),
    )
    print_table(("result", f"pnl {quote}", "what changes"), ((name, words.money(e8), why) for name, e8, why in rows))
