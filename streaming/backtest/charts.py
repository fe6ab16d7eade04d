"""Pictures of a backtest as SVG that stands in the page itself; nothing is drawn that the run does not hold."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from streaming.backtest.evaluate import Evaluation
from streaming.backtest.kpi import NS_PER_S, Floats, Ints, drawdown_e8
from streaming.backtest.records import E8, held
from streaming.backtest.run import BacktestRun
from streaming.session_picture import BACK, DIM, DOWN, INK, LINE, LONG_SHORT, PANEL, UP, WARN

WIDTH_IN = 11.0
COLUMNS_MAX = 1_400
"""Points of a line across a picture; more would fall on the same pixel and only make the page heavy."""
FILLS_MAX = 1_500
"""Fills drawn one by one; of more, evenly chosen ones are, and the title says so."""
FILLS_LARGE = 300
"""With more, marks are small."""
BESIDE = 0.025
"""Of the picture's height: how far beside its price a fill is drawn, so that the line stays to be seen."""
CALIBRATION_BINS = 12
TICKS_MAX = 9
ROUND_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)

Draw = Callable[[Axes], None]


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture with the words above it."""

    title: str
    note: str
    svg: str


def charts(run: BacktestRun, evaluation: Evaluation) -> Iterator[Chart]:
    """Yield the pictures in the order of the page."""
    quote = evaluation.earnings.quote
    yield Chart(
        "Equity and drawdown",
        f"{quote}, realised and unrealised less fees and funding; below, how far under its highest value so far. "
        "Amber: a book had missed something there.",
        _timed(run, [(2.4, lambda axis: _equity(axis, evaluation)), (1.0, lambda axis: _drawdown(axis, evaluation))]),
    )
    yield Chart("Price and fills", _fills_note(run), _timed(run, [(2.8, lambda axis: _price(axis, run))]))
    yield Chart(
        "Position",
        _position_note(run, evaluation),
        _timed(run, [(1.1, lambda axis: _position(axis, run, evaluation))]),
    )
    yield Chart(
        "Where the result came from",
        f"{quote}. Moves of the mid earn it, first those within a second of a fill, then those while held; spread, "
        "fees and funding take of it.",
        _plain(lambda axis: _waterfall(axis, evaluation), height=2.9),
    )
    if evaluation.prediction.count:
        horizon_s = run.horizon_step * run.grid.step_ns / NS_PER_S
        yield Chart(
            "Forecast and what came",
            f"Mid move {horizon_s:g} s ahead in bps: forecasts in groups of equal count, the mean of what came with "
            "its 95 % interval. On the dashed line they are right on average.",
            _plain(lambda axis: _calibration(axis, evaluation), height=3.2),
        )


# --- panels over time ---


def _equity(axis: Axes, evaluation: Evaluation) -> None:
    ts_ns, equity = _thinned(evaluation.samples.ts_ns, evaluation.samples.equity_e8)
    axis.axhline(0.0, color=DIM, linewidth=0.6)
    axis.plot(_moments(ts_ns), equity / E8, color=UP, linewidth=1.3)
    axis.set_ylabel(evaluation.earnings.quote, color=DIM, fontsize=8)


def _drawdown(axis: Axes, evaluation: Evaluation) -> None:
    samples = evaluation.samples
    ts_ns, below = _thinned(samples.ts_ns, drawdown_e8(samples.equity_e8))
    axis.fill_between(_moments(ts_ns), -below / E8, 0.0, color=DOWN, alpha=0.75, linewidth=0)


def _price(axis: Axes, run: BacktestRun) -> None:
    slot = _drawn_slot(run)
    entry = run.entries[slot]
    if entry is None:
        return
    tick = float(entry.tick)
    ts_ns, mid_x2 = _thinned(run.ts_step_ns, run.mid_x2_ticks[:, slot])
    mid = np.where(mid_x2 > 0, mid_x2 * tick / 2.0, np.nan)
    axis.plot(_moments(ts_ns), mid, color=INK, linewidth=0.8)
    fills = run.records.of("fills", entry)
    fills = fills[:: max(1, -(-len(fills) // FILLS_MAX))]
    beside = float(np.ptp(mid[np.isfinite(mid)])) * BESIDE if np.isfinite(mid).any() else 0.0
    for side, form, ink, word in ((0, "^", UP, "bought"), (1, "v", DOWN, "sold")):
        chosen = fills[fills["side"] == side]
        moments = _moments(chosen["ts_ns"].astype(np.int64))
        area = 7 if len(fills) > FILLS_LARGE else 22
        price = chosen["price_ticks"] * tick + (-beside if side == 0 else beside)
        axis.scatter(moments, price, s=area, marker=form, color=ink, linewidths=0, label=word, alpha=0.85, zorder=3)
    axis.ticklabel_format(axis="y", style="plain", useOffset=False)
    if len(fills):
        _legend(axis)


def _position(axis: Axes, run: BacktestRun, evaluation: Evaluation) -> None:
    """One row an instrument: what was held on average in each column, as a share of the most that ever was."""
    course = evaluation.course
    names = [name for name, units in course.position_units.items() if units.any()]
    moments = np.linspace(run.ts_from_ns, run.ts_to_ns, 8 * COLUMNS_MAX).astype(np.int64)
    shares = np.zeros((max(1, len(names)), COLUMNS_MAX))
    for row, name in enumerate(names):
        units = course.position_units[name]
        shares[row] = held(course.ts_ns, units, moments).reshape(COLUMNS_MAX, 8).mean(1) / np.abs(units).max()
    extent = (run.ts_from_ns / NS_PER_S, run.ts_to_ns / NS_PER_S, len(shares) - 0.5, -0.5)
    axis.imshow(shares, aspect="auto", extent=extent, cmap=LONG_SHORT, vmin=-1, vmax=1, interpolation="nearest")
    axis.grid(False)
    axis.set_yticks(range(len(names)), [name.partition(":")[0] for name in names])


def _position_note(run: BacktestRun, evaluation: Evaluation) -> str:
    sizes = {entry.name: float(entry.size_unit) for entry in run.entries if entry is not None}
    most = [
        f"{name} {np.abs(units).max() * sizes[name]:g}"
        for name, units in evaluation.course.position_units.items()
        if units.any()
    ]
    if not most:
        return "Nothing was held."
    return f"Blue: long, orange: short; full colour: the most that was held ({', '.join(most)} coins)."


def _drawn_slot(run: BacktestRun) -> int:
    """Return the slot that was traded most, the reference where none was."""
    counts = [0 if entry is None else len(run.records.of("fills", entry)) for entry in run.entries]
    return int(np.argmax(counts)) if any(counts) else run.grid.reference_slot


def _fills_note(run: BacktestRun) -> str:
    entry = run.entries[_drawn_slot(run)]
    if entry is None:
        return "Nothing was traded."
    count = len(run.records.of("fills", entry))
    share = f"; one in {-(-count // FILLS_MAX)} is drawn" if count > FILLS_MAX else ""
    return f"{entry.name}: the mid, and {count} fills, a little beside their price{share}."


# --- panels without time ---


def _waterfall(axis: Axes, evaluation: Evaluation) -> None:
    costs = evaluation.earnings.costs
    parts = [
        ("after fills", costs.move_after_fill_e8),
        ("while held", costs.held_e8),
        ("spread", -costs.spread_e8),
        ("maker fees", -costs.fees_maker_e8),
        ("taker fees", -costs.fees_taker_e8),
        ("funding", -costs.funding_e8),
    ]
    at = 0.0
    for place, (_, amount) in enumerate(parts):
        value = amount / E8
        axis.bar(place, value, bottom=at, color=UP if amount >= 0 else DOWN, width=0.62)
        _amount(axis, place, max(at, at + value), value)
        at += value
        axis.plot([place + 0.31, place + 0.69], [at, at], color=DIM, linewidth=0.7)
    net = costs.net_e8 / E8
    axis.bar(len(parts), net, color=INK, width=0.62)
    _amount(axis, len(parts), max(net, 0.0), net)
    axis.axhline(0.0, color=DIM, linewidth=0.6)
    axis.set_xticks(range(len(parts) + 1), [*(name for name, _ in parts), "net"])
    axis.tick_params(axis="x", colors=INK, labelsize=9)
    low, high = axis.get_ylim()
    axis.set_ylim(low - (low < 0) * (high - low) * 0.08, high + (high - low) * 0.12)


def _amount(axis: Axes, place: int, top: float, value: float) -> None:
    place_pt = (0, 3)
    text = f"{value:+,.4g}" if value else "0"
    axis.annotate(text, (place, top), place_pt, textcoords="offset points", ha="center", color=INK, fontsize=8)


def _calibration(axis: Axes, evaluation: Evaluation) -> None:
    given, came = evaluation.predictions.forecast_bps.ravel(), evaluation.predictions.realised_bps.ravel()
    known = np.isfinite(given) & np.isfinite(came) & (given != 0.0)
    given, came = given[known], came[known]
    order = np.argsort(given, kind="stable")
    groups = [part for part in np.array_split(order, CALIBRATION_BINS) if len(part) > 1]
    if not groups:
        axis.text(0.5, 0.5, "too few forecasts", color=DIM, ha="center", transform=axis.transAxes)
        return
    mean_given = np.array([given[part].mean() for part in groups])
    mean_came = np.array([came[part].mean() for part in groups])
    spread = np.array([1.96 * came[part].std(ddof=1) / np.sqrt(len(part)) for part in groups])
    ends = [float(mean_given.min()), float(mean_given.max())]
    axis.plot(ends, ends, color=DIM, linewidth=0.9, linestyle=(0, (4, 3)))
    axis.axhline(0.0, color=LINE, linewidth=0.8)
    axis.errorbar(mean_given, mean_came, yerr=spread, fmt="o", color=UP, ecolor=DIM, markersize=5, elinewidth=1.2)
    axis.set_xlabel("forecast, bps", color=DIM, fontsize=9)
    axis.set_ylabel("came, bps", color=DIM, fontsize=9)


# --- dress ---


def _timed(run: BacktestRun, panels: Sequence[tuple[float, Draw]]) -> str:
    """Return panels one below the other over the run's span, masked spans shaded."""
    figure = _figure(sum(height for height, _ in panels) + 0.45)
    grid = figure.add_gridspec(len(panels), 1, height_ratios=[height for height, _ in panels], hspace=0.08)
    begin, end = run.ts_from_ns / NS_PER_S, max(run.ts_to_ns, run.ts_from_ns + NS_PER_S) / NS_PER_S
    for number, (_, draw) in enumerate(panels):
        axis = figure.add_subplot(grid[number])
        _dress(axis)
        draw(axis)
        for span in run.masked:
            axis.axvspan(span.ts_from_ns / NS_PER_S, span.ts_to_ns / NS_PER_S, color=WARN, alpha=0.3, linewidth=0)
        axis.set_xlim(begin, end)
        axis.set_xticks(_round_moments(begin, end))
        axis.xaxis.set_major_formatter(FuncFormatter(_clock(end - begin)))
        axis.tick_params(labelbottom=number == len(panels) - 1)
    return _svg(figure)


def _plain(draw: Draw, height: float) -> str:
    figure = _figure(height)
    axis = figure.add_subplot()
    _dress(axis)
    draw(axis)
    return _svg(figure)


def _figure(height_in: float) -> Figure:
    return Figure(figsize=(WIDTH_IN, height_in), facecolor=BACK, layout="constrained")


def _dress(axis: Axes) -> None:
    axis.set_facecolor(PANEL)
    axis.grid(True, color=LINE, linewidth=0.5)
    axis.set_axisbelow(True)
    axis.tick_params(colors=DIM, labelsize=8, length=0)
    for spine in axis.spines.values():
        spine.set_color(LINE)


def _legend(axis: Axes) -> None:
    axis.legend(loc="upper left", ncols=5, fontsize=8, frameon=False, labelcolor=INK, borderpad=0.1)


def _svg(figure: Figure) -> str:
    """Return the picture's element; equal figures give equal bytes."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "backtest", "font.family": "sans-serif"}):
        data = BytesIO()
        FigureCanvasSVG(figure).print_svg(data, metadata={"Date": None, "Creator": None})
    text = data.getvalue().decode()
    begin, end = text.index("<metadata>"), text.index("</metadata>") + len("</metadata>")
    return text[text.index("<svg") : begin] + text[end:]


def _moments(ts_ns: Ints) -> Floats:
    moments: Floats = ts_ns / NS_PER_S
    return moments


def _thinned(ts_ns: Ints, values: Ints) -> tuple[Ints, Ints]:
    every = max(1, len(ts_ns) // COLUMNS_MAX)
    return ts_ns[::every], values[::every]


def _round_moments(begin: float, end: float) -> list[float]:
    every = next((each for each in ROUND_S if (end - begin) / each <= TICKS_MAX), ROUND_S[-1])
    return [float(moment) for moment in np.arange(np.ceil(begin / every), np.floor(end / every) + 1) * every]


def _clock(length_s: float) -> Callable[[float, int], str]:
    form = "%m-%d %H:%M" if length_s > 86_400 else ("%H:%M" if length_s > 1_800 else "%H:%M:%S")
    return lambda at_s, _place: datetime.fromtimestamp(round(at_s), tz=UTC).strftime(form)
