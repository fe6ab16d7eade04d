"""A search's report as a person reads it."""

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from streaming.backtest.interval import Interval
from streaming.cli.grammar import time_text
from streaming.optimize.config import Scalar
from streaming.optimize.report import OptimizeReport
from streaming.optimize.verdict import FoldVerdict, Judged

WIDTH = 160
"""Columns of tables that go to a file or another program."""


def show_report(report: OptimizeReport, console: Console | None = None) -> None:
    """Print the report: folds, best sets, what matters, and the verdict last."""
    out = console or _console()
    verdict = report.verdict
    bundle = "no model" if report.bundle is None else f"bundle {report.bundle[:12]}"
    first = verdict.folds[0].fold
    purged_s = (first.test.from_ns - first.train.to_ns) / 1e9
    out.print(
        f"OPTIMIZE  {report.name}: {verdict.trials} sets in {len(verdict.folds)} folds, seed {report.seed}, {bundle}, "
        f"grid {report.grid}\n  {time_text(report.ts_from_ns)} to {time_text(report.ts_to_ns)}, a return every "
        f"{report.period_ns / 1e9:g} s, {purged_s:g} s purged between train and test"
    )
    out.print(_fold_table(report))
    out.print(_set_table(report))
    out.print(_importance_table(report))
    out.print(_words(report))


def _console() -> Console:
    """Return standard output; where that is no terminal, lines are as long as they are."""
    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH, soft_wrap=True)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)


def _fold_table(report: OptimizeReport) -> Table:
    table = _table("test windows: what the chosen set earned, and the settings as they are")
    for name in ("fold", "test window", "set", "pnl", "95 %", "Sharpe", "95 %", "fills", "overfit"):
        table.add_column(name, justify="left" if name in ("test window", "set") else "right")
    for fold in report.verdict.folds:
        window = f"{time_text(fold.fold.test.from_ns)} .. {time_text(fold.fold.test.to_ns)[11:]}"
        table.add_row(f"{fold.fold.index + 1}", window, f"{fold.chosen.number}", *_judged(fold.test), _overfit(fold))
        table.add_row("", "", "as given", *_judged(fold.default_test), "")
    table.add_section()
    table.add_row("all", "", "chosen", *_judged(report.verdict.test), "")
    table.add_row("", "", "as given", *_judged(report.verdict.default_test), "")
    return table


def _set_table(report: OptimizeReport) -> Table:
    table = _table("best sets on their train windows")
    keys = sorted(report.default_values)
    for name in ("fold", "set", "objective", "Sharpe", "pnl", "fills", *map(_short, keys)):
        table.add_column(name, justify="right")
    for item in report.best_sets:
        figures = (f"{item.objective:.4f}", f"{item.sharpe:.4f}", f"{item.pnl_quote:.4f}")
        values = (_value(item.values[key]) for key in keys)
        table.add_row(f"{item.fold + 1}", f"{item.number}", *figures, f"{item.fills}", *values)
    table.add_section()
    table.add_row("", "as given", "", "", "", "", *(_value(report.default_values[key]) for key in keys))
    return table


def _importance_table(report: OptimizeReport) -> Table:
    table = _table("share of each key in what makes a set good, by fold (PED-ANOVA)")
    table.add_column("key")
    folds = report.verdict.folds
    for fold in folds:
        table.add_column(f"{fold.fold.index + 1}", justify="right")
    for key in sorted(report.default_values, key=lambda key: -sum(fold.importance.get(key, 0.0) for fold in folds)):
        table.add_row(key, *(_share(fold.importance, key) for fold in folds))
    return table


def _words(report: OptimizeReport) -> str:
    verdict = report.verdict
    lines = [
        f"Sharpe ratio on the tests {verdict.test.sharpe:.5f} a return; luck alone would show "
        f"{verdict.luck_sharpe:.5f} (variance of the sets {verdict.trial_variance:.3g}); skew {verdict.skew:.2f}, "
        f"kurtosis {verdict.kurtosis:.1f}",
        f"deflated Sharpe ratio {verdict.deflated:.4f}",
    ]
    if verdict.gain_interval is not None:
        lines.append(f"earned more than the settings as they are: 95 % {_interval(verdict.gain_interval)}")
    lines += [f"VERDICT  {verdict.words}", f"best set: {report.overlay}"]
    return "\n".join(lines)


def _judged(judged: Judged) -> tuple[str, ...]:
    figures = (f"{judged.pnl_quote:.4f}", _interval(judged.pnl_interval), f"{judged.sharpe:.4f}")
    return (*figures, _interval(judged.sharpe_interval), f"{judged.fills}")


def _interval(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval.low:.4f} .. {interval.high:.4f}"


def _overfit(fold: FoldVerdict) -> str:
    return "-" if fold.overfitting is None else f"{fold.overfitting:.0%}"


def _share(importance: Mapping[str, float], key: str) -> str:
    return f"{importance[key]:.0%}" if key in importance else "-"


def _short(key: str) -> str:
    return key.rpartition(".")[2]


def _value(value: Scalar | None) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
