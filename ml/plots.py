"""Pictures of a validation (skill by horizon and by venue, the weights of the blend) and of a promotion (money).

All are PNG files that stand alone: title, units, what the bars of an interval are, and no text over another.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ml.gate import E8, MoneyOutcome, MoneyVerdict
from ml.metrics import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ml.validate import ValidationReport

SKILL_NAME: Final = "skill.png"
BLEND_NAME: Final = "blend.png"
MONEY_NAME: Final = "money.png"
DPI: Final = 120
# Told apart by people who do not see all colours (Okabe and Ito).
MODEL, RIDGE, PLANTED, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
OFFSET: Final = 0.12
NS_PER_MINUTE: Final = 60_000_000_000
_UNKNOWN: Final = Interval(math.nan, math.nan, math.nan)


def draw_plots(report: "ValidationReport", directory: Path) -> tuple[Path, ...]:
    """Draw `skill.png` and `blend.png` in `directory` and return their paths."""
    figures = {SKILL_NAME: _skill_figure(report), BLEND_NAME: _blend_figure(report)}
    for name, figure in figures.items():
        figure.savefig(directory / name, dpi=DPI)
    return tuple(directory / name for name in figures)


def draw_money(verdict: MoneyVerdict, path: Path) -> None:
    """Draw what challenger and champion made over the span, and what each earned with its interval, as a PNG."""
    figure = _figure(9.0, 4.0)
    over_time, earned = figure.subplots(1, 2, width_ratios=(3, 2))
    minutes = (verdict.challenger.ts_ns[-1] - verdict.challenger.ts_ns[0]) / NS_PER_MINUTE
    figure.suptitle(f"Money after fees and funding, {minutes:,.0f} min out of sample", fontsize=13, weight="bold")
    rows = [("challenger", verdict.earned, MODEL)]
    _equity(over_time, verdict.challenger, MODEL, "challenger")
    if verdict.champion is not None and verdict.champion_earned is not None and verdict.difference is not None:
        _equity(over_time, verdict.champion, RIDGE, "champion")
        rows += [("champion", verdict.champion_earned, RIDGE), ("difference", verdict.difference, PLANTED)]
    for place, (_, interval, colour) in enumerate(rows):
        _points(earned, [*[_UNKNOWN] * place, interval], colour, "o", 0.0, "")
    over_time.set_title("equity gained", fontsize=11)
    over_time.set(xlabel="minutes", ylabel="quote units", xlim=(0.0, minutes))
    over_time.axhline(0.0, color=GREY, linewidth=1.0, zorder=0)
    over_time.grid(axis="y", color="#dddddd", linewidth=0.8)
    over_time.set_axisbelow(True)
    _label(earned, f"earned in all, interval of {verdict.blocks} blocks", "", [name for name, *_ in rows])
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(path, dpi=DPI, format="png")


def _equity(axes: "Axes", outcome: MoneyOutcome, colour: str, role: str) -> None:
    minutes = (outcome.ts_ns - outcome.ts_ns[0]) / NS_PER_MINUTE
    gained = (outcome.equity_e8 - outcome.equity_e8[0]) / E8
    axes.plot(minutes, gained, color=colour, linewidth=1.4, label=f"{role} {outcome.bundle[:12]}")


def _skill_figure(report: "ValidationReport") -> "Figure":
    figure = _figure(9.0, 4.3)
    by_horizon, by_venue = figure.subplots(1, 2, width_ratios=(3, 2), sharey=True)
    figure.suptitle(f"Skill of the mid on the test part: {report.test_anchors:,} windows", fontsize=13, weight="bold")
    places = range(len(report.mid))
    oracle = [(place, row.oracle_r2) for place, row in zip(places, report.mid, strict=True) if row.oracle_r2]
    for place, interval in oracle:
        by_horizon.hlines(interval.value, place - 0.3, place + 0.3, color=PLANTED, linewidth=2.5, zorder=1)
    if oracle:
        by_horizon.plot([], [], color=PLANTED, linewidth=2.5, label="planted in the generated market")
    _points(
        by_horizon,
        [row.vs_persistence for row in report.mid],
        MODEL,
        "o",
        -OFFSET,
        "model, with block-bootstrap interval",
    )
    _points(by_horizon, [row.ridge_vs_persistence for row in report.mid], RIDGE, "s", OFFSET, "ridge-flow")
    ticks = [_horizon(row.horizon_step, report.step_ms) for row in report.mid]
    _label(by_horizon, "all venues pooled", "horizon (* judged by the gate)", ticks)
    gate = [row.horizon_step for row in report.mid].index(report.horizon_step)
    by_horizon.set_xticks(list(places), [f"{tick}{' *' if place == gate else ''}" for place, tick in enumerate(ticks)])
    by_horizon.set_ylabel("R² against zero return (0 = persistence)")
    _points(by_venue, [row.r2 for row in report.venues], MODEL, "o", -OFFSET, "")
    _points(by_venue, [row.ridge_r2 for row in report.venues], RIDGE, "s", OFFSET, "")
    names = [row.instrument.replace(":", "\n") for row in report.venues]
    by_venue.tick_params(axis="x", labelsize=8)
    _label(by_venue, f"each venue at {_horizon(report.horizon_step, report.step_ms)}", "", names)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def _blend_figure(report: "ValidationReport") -> "Figure":
    figure = _figure(9.0, 3.2)
    axes = figure.subplots()
    steps = range(1, len(report.blend_ridge) + 1)
    axes.bar([step - 0.2 for step in steps], report.blend_ridge, 0.38, color=RIDGE, label="ridge-flow")
    axes.bar(
        [step + 0.2 for step in steps], report.blend_net, 0.38, color=MODEL, label="network (on what ridge leaves)"
    )
    axes.set_xticks(list(steps), [f"{step * report.step_ms:g}" for step in steps])
    axes.set(xlabel="horizon (ms)", ylabel="weight, 0 to 1", ylim=(0.0, 1.05), xlim=(0.4, len(steps) + 0.6))
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    figure.suptitle("Blend of the mid forecast, fitted on the validation part", fontsize=13, weight="bold")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def _figure(width_in: float, height_in: float) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _points(axes: "Axes", skills: Sequence[Interval], colour: str, marker: str, offset: float, label: str) -> None:
    known = [(place + offset, skill) for place, skill in enumerate(skills) if math.isfinite(skill.value)]
    x, y = [place for place, _ in known], [skill.value for _, skill in known]
    # Too few blocks leave a bound open: such a point is drawn without an interval.
    below = [skill.value - skill.lower if math.isfinite(skill.lower) else 0.0 for _, skill in known]
    above = [skill.upper - skill.value if math.isfinite(skill.upper) else 0.0 for _, skill in known]
    bars = [[max(0.0, size) for size in below], [max(0.0, size) for size in above]]
    axes.errorbar(x, y, yerr=bars, fmt=marker, color=colour, capsize=4, markersize=6, label=label or None)


def _label(axes: "Axes", title: str, xlabel: str, ticks: Sequence[str]) -> None:
    axes.set_title(title, fontsize=11)
    axes.set_xlabel(xlabel)
    axes.set_xticks(range(len(ticks)), ticks)
    axes.set_xlim(-0.6, len(ticks) - 0.4)
    axes.axhline(0.0, color=GREY, linewidth=1.0, zorder=0)
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)


def _horizon(step: int, step_ms: float) -> str:
    ahead_ms = step * step_ms
    return f"{ahead_ms:g} ms" if ahead_ms < 1000 else f"{ahead_ms / 1000:g} s"
