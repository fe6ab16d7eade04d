"""A session in one picture: what the market did, what the model said, what was traded, held and earned.

Above, the whole session of the reference instrument; below, a lively stretch of it with the book as a heat map.
Nothing is drawn that the run's tables do not hold, but for marks that the caller gives and names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, ScalarFormatter

from streaming.errors import BadDataError
from streaming.session_frames import BookSteps, Floats, SessionFrames, Trail, read_session
from streaming.trading_run import RunSummary
from warehouse.files import replacing
from warehouse.lake import Lake

BACK, PANEL, INK, DIM, LINE = "#0e1217", "#151b23", "#e6ebf0", "#8794a3", "#2a333f"
UP, DOWN, WARN, MARK = "#35b6ff", "#ff7a45", "#f2c14e", "#c792ea"
"""Buy and sell differ in colour and in form, so that nobody needs to tell the colours apart."""
VENUE_INKS = ("#9fb4c9", "#7bd88f", "#5ad4e6", "#d98ba8", "#b5a642")
LONG_SHORT = LinearSegmentedColormap.from_list("held", [DOWN, PANEL, UP])
HEAT = LinearSegmentedColormap.from_list("book", [PANEL, "#143049", "#1c5d7d", "#2c9c9c", "#b7d77a", "#fff3b0"])

CLOSE_UP_S = 20.0
CLOSE_UP_LEVELS = 30
"""A move of so many levels fills the close-up; over a longer one the book is a thread."""
COLUMNS_MAX = 1_400
"""Points of a line across the picture; more would fall on the same pixel."""
HEAT_ROWS_MAX = 140
FILLS_SHOWN_LARGE = 250
ROUND_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)
TICKS_MAX = 12


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that the caller knows happened, drawn as a line with a name."""

    ts_ns: int
    text: str


def draw_session(lake: Lake, summary: RunSummary, path: Path, marks: Sequence[Mark] = ()) -> None:
    """Draw a finished run into the PNG at `path`; BadDataError when its tables are gone or `path` is no PNG."""
    if path.suffix.lower() != ".png":
        raise BadDataError(f"{path}: expected a name that ends with .png")
    session = read_session(lake, summary)
    figure = Figure(figsize=(15, 11.5), facecolor=BACK, dpi=100)
    canvas = FigureCanvasAgg(figure)
    rows = figure.add_gridspec(
        6, 1, height_ratios=(3.6, 0.7, 1.3, 0.7, 1.6, 4.4), left=0.08, right=0.975, top=0.915, bottom=0.035, hspace=0.3
    )
    axes = [figure.add_subplot(rows[number]) for number in range(6)]
    window = _liveliest(session)
    _head(figure, session)
    _market(axes[0], session, window, marks)
    _coverage(axes[1], session)
    _forecasts(axes[2], session)
    _positions(axes[3], session)
    _earnings(axes[4], session)
    _close_up(axes[5], session, window)
    for axis in axes[:5]:
        axis.set_xlim(0, session.length_s)
        axis.tick_params(labelbottom=axis in (axes[0], axes[4]))
    for axis in axes:
        _dress(axis, session)
    with replacing(path) as temporary:
        canvas.print_png(str(temporary))


# --- panels ---


def _head(figure: Figure, session: SessionFrames) -> None:
    summary, fills = session.summary, sum(len(trail.fill_at_s) for trail in session.trails)
    pnl = sum(_last(trail.pnl) for trail in session.trails)
    start, end = (_clock(session, at, "%Y-%m-%d %H:%M:%S") for at in (0.0, session.length_s))
    model = f"model {summary.model[:12]}" if summary.model else "without a model"
    figure.text(0.08, 0.965, f"{summary.mode.upper()}  {summary.run}", color=INK, size=17, weight="bold")
    figure.text(0.08, 0.945, f"{start} to {end[11:]} UTC   {model}", color=DIM, size=11)
    words = f"{summary.counts.orders} orders   {fills} fills   pnl {pnl:+.4f} {session.quote}"
    figure.text(0.975, 0.965, words, color=INK, size=14, ha="right")
    held = (f"{_last(trail.position):g} {trail.name.partition(':')[0]}" for trail in session.trails)
    figure.text(0.975, 0.945, f"held at the end: {', '.join(held)}", color=DIM, size=11, ha="right")


def _market(axis: Axes, session: SessionFrames, window: tuple[float, float], marks: Sequence[Mark]) -> None:
    book, trail = session.books[0], session.trails[0]
    keep = _thinned(len(book.at_s))
    axis.plot(book.at_s[keep], book.mid[keep], color=INK, linewidth=0.9, label="mid", zorder=3)
    beside = float(np.ptp(book.mid[np.isfinite(book.mid)])) * 0.025 if np.isfinite(book.mid).any() else 0.0
    many = len(trail.fill_at_s) > FILLS_SHOWN_LARGE
    _fills(axis, trail, (0.0, session.length_s), 9.0 if many else 30.0, beside)
    for begin, end in _holes(book):
        axis.axvspan(begin, end, color=WARN, alpha=0.35, linewidth=0, zorder=1)
    axis.axvspan(*window, color=INK, alpha=0.09, linewidth=0, zorder=1)
    for mark in marks:
        at_s = (mark.ts_ns - session.ts_start_ns) / 1e9
        axis.axvline(at_s, color=MARK, linewidth=1.4, linestyle=(0, (5, 3)), zorder=4)
        axis.text(
            at_s, 1.0, f" {mark.text}", color=MARK, size=10, transform=axis.get_xaxis_transform(), ha="left", va="top"
        )
    _title(axis, f"{book.name}   mid and fills   (light band: the close-up below)")
    _legend(axis)


def _coverage(axis: Axes, session: SessionFrames) -> None:
    """One row a venue: is its book whole; and one for the trading state."""
    names = [book.name.partition(":")[0] for book in session.books]
    for row, book in enumerate(session.books):
        axis.axhspan(row - 0.32, row + 0.32, color="#23465a", linewidth=0)
        for begin, end in _holes(book):
            axis.barh(row, end - begin, left=begin, height=0.64, color=WARN, linewidth=0)
    for at_s, state, reason in session.states:
        if state != "active":
            axis.axvline(at_s, color=DOWN, linewidth=1.5)
            axis.text(at_s, -0.6, f" {state}: {reason}", color=DOWN, size=8, va="bottom")
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    _title(axis, "books   (amber: not valid, nothing is forecast or ordered from it)")


def _forecasts(axis: Axes, session: SessionFrames) -> None:
    trail = session.trails[0]
    at_s, low, high = _envelope(trail.forecast_at_s, trail.expected_bps, session.length_s)
    axis.fill_between(at_s, 0, np.maximum(high, 0), color=UP, alpha=0.75, linewidth=0, step="mid")
    axis.fill_between(at_s, 0, np.minimum(low, 0), color=DOWN, alpha=0.75, linewidth=0, step="mid")
    if len(trail.cost_bps):
        cost = float(np.median(trail.cost_bps))
        for side in (cost, -cost):
            axis.axhline(side, color=INK, linewidth=0.7, linestyle=(0, (4, 3)))
        _title(axis, f"forecast {session.horizon_s:g} s ahead, bps   (dashed: median cost of trading, {cost:.3f} bps)")
    else:
        _title(axis, "forecast   (none: the session ran without a model)")


def _close_up(axis: Axes, session: SessionFrames, window: tuple[float, float]) -> None:
    book, trail = session.books[0], session.trails[0]
    begin, end = window
    inside = (book.at_s >= begin) & (book.at_s <= end)
    _heat(axis, book, inside)
    for column, ink in ((0, UP), (5, DOWN)):
        axis.step(book.at_s[inside], book.prices[inside, column], where="mid", color=ink, linewidth=0.8, alpha=0.9)
    _arrows(axis, book, trail, session.horizon_s, window)
    _fills(axis, trail, window, 75.0)
    for hole_begin, hole_end in _holes(book):
        axis.axvspan(max(hole_begin, begin), min(hole_end, end), color=WARN, alpha=0.35, linewidth=0)
    axis.set_xlim(begin, end)
    _title(
        axis,
        f"close-up: best bid, best ask, five levels each side (brighter: more size); forecasts beyond their cost "
        f"as strokes of {session.horizon_s:g} s",
    )
    _legend(axis)


def _positions(axis: Axes, session: SessionFrames) -> None:
    """One row a venue: what was held on average, as a share of the most that ever was."""
    names = [trail.name.partition(":")[0] for trail in session.trails]
    moments = np.linspace(0, session.length_s, 8 * COLUMNS_MAX)
    shares = np.zeros((len(names), COLUMNS_MAX))
    for row, trail in enumerate(session.trails):
        if len(trail.position) and np.abs(trail.position).max() > 0:
            held = _at(moments, trail.position_at_s, trail.position)
            shares[row] = held.reshape(COLUMNS_MAX, 8).mean(1) / np.abs(trail.position).max()
    extent = (0, session.length_s, len(names) - 0.5, -0.5)
    axis.imshow(shares, aspect="auto", extent=extent, cmap=LONG_SHORT, vmin=-1, vmax=1, interpolation="nearest")
    axis.set_yticks(range(len(names)), names)
    most = (f"{float(np.abs(trail.position).max()) if len(trail.position) else 0.0:g}" for trail in session.trails)
    _title(axis, f"held   (blue: long, orange: short; full colour: the most that was held, {', '.join(most)})")


def _earnings(axis: Axes, session: SessionFrames) -> None:
    moments = np.linspace(0, session.length_s, COLUMNS_MAX)
    total = np.zeros(COLUMNS_MAX)
    for trail, ink in zip(session.trails, VENUE_INKS, strict=False):
        if len(trail.pnl):
            own = _at(moments, trail.position_at_s, trail.pnl)
            total += own
            axis.plot(moments, own, color=ink, linewidth=0.9, label=trail.name)
    axis.plot(moments, total, color=INK, linewidth=2.0, label="together")
    axis.axhline(0, color=DIM, linewidth=0.6)
    _title(axis, f"pnl after fees, {session.quote}")
    _legend(axis)


# --- pieces ---


def _heat(axis: Axes, book: BookSteps, inside: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> None:
    prices, sizes, at_s = book.prices[inside], book.sizes[inside], book.at_s[inside]
    known = np.isfinite(prices)
    if not known.any() or len(at_s) < 2:
        return
    low, high = float(prices[known].min()), float(prices[known].max())
    gaps = np.diff(np.unique(prices[known]))
    step = max(float(gaps.min()) if len(gaps) else 1.0, (high - low) / HEAT_ROWS_MAX)
    rows = round((high - low) / step) + 1
    heat = np.zeros((rows, len(at_s)))
    time_index, level = np.nonzero(known)
    row = np.rint((prices[time_index, level] - low) / step).astype(int)
    np.maximum.at(heat, (row, time_index), np.log1p(sizes[time_index, level] / np.nanmedian(sizes)))
    half = (at_s[1] - at_s[0]) / 2
    extent = (at_s[0] - half, at_s[-1] + half, low - step / 2, high + step / 2)
    bright = float(np.quantile(heat[heat > 0], 0.98))
    axis.imshow(
        heat, origin="lower", aspect="auto", extent=extent, cmap=HEAT, vmin=0, vmax=bright, interpolation="nearest"
    )


def _arrows(axis: Axes, book: BookSteps, trail: Trail, horizon_s: float, window: tuple[float, float]) -> None:
    """Forecasts beyond their cost, from the mid at their step to where they say it goes."""
    chosen = (trail.forecast_at_s >= window[0]) & (trail.forecast_at_s <= window[1])
    chosen &= np.abs(trail.expected_bps) > trail.cost_bps
    if not chosen.any():
        return
    at_s, bps = trail.forecast_at_s[chosen], trail.expected_bps[chosen]
    mid = book.mid[np.minimum(np.searchsorted(book.at_s, at_s), len(book.at_s) - 1)]
    strokes = np.stack([np.stack([at_s, mid], 1), np.stack([at_s + horizon_s, mid * (1 + bps / 1e4)], 1)], 1)
    inks = [UP if each > 0 else DOWN for each in bps]
    axis.add_collection(LineCollection(list(strokes), colors=inks, linewidths=1.0, alpha=0.85, zorder=4))


def _fills(axis: Axes, trail: Trail, window: tuple[float, float], area: float, beside: float = 0.0) -> None:
    """Mark fills at their price, buys `beside` below it and sells above so that the line stays to be seen."""
    inside = (trail.fill_at_s >= window[0]) & (trail.fill_at_s <= window[1])
    for is_buy, form, ink, word in ((True, "^", UP, "bought"), (False, "v", DOWN, "sold")):
        chosen = inside & (trail.is_buy == is_buy)
        axis.scatter(
            trail.fill_at_s[chosen],
            trail.fill_price[chosen] + (-beside if is_buy else beside),
            s=area,
            marker=form,
            color=ink,
            edgecolors=BACK,
            linewidths=0.4,
            zorder=5,
            label=f"{word} ({int(chosen.sum())})",
        )


def _liveliest(session: SessionFrames) -> tuple[float, float]:
    """Return the stretch in which the reference was traded most while it moved, but not out of the picture."""
    book, trail = session.books[0], session.trails[0]
    width = min(CLOSE_UP_S, session.length_s)
    enough = CLOSE_UP_LEVELS * _level_step(book.prices)
    best, found = -1.0, 0.0
    for begin in np.arange(0.0, max(session.length_s - width, 0.0) + 1e-9, width / 2):
        mid = book.mid[(book.at_s >= begin) & (book.at_s < begin + width)]
        mid = mid[np.isfinite(mid)]
        moved = float(np.ptp(mid)) if len(mid) else 0.0
        fills = int(((trail.fill_at_s >= begin) & (trail.fill_at_s < begin + width)).sum())
        score = (1 + fills) * min(moved, enough) / max(moved, enough)
        if score > best:
            best, found = score, float(begin)
    return found, found + width


def _level_step(prices: Floats) -> float:
    """Return the usual distance of two neighbouring levels, 1 where none is known."""
    gaps = np.abs(np.diff(prices[:, :5], axis=1))
    gaps = gaps[np.isfinite(gaps) & (gaps > 0)]
    return float(np.median(gaps)) if len(gaps) else 1.0


def _holes(book: BookSteps) -> list[tuple[float, float]]:
    """Return the stretches in which a book was not valid."""
    if not len(book.at_s):
        return []
    edges = np.flatnonzero(np.diff(np.concatenate(([True], book.is_valid, [True])).astype(np.int8)))
    ends = np.append(book.at_s, book.at_s[-1])
    return [(float(ends[begin]), float(ends[end])) for begin, end in zip(edges[::2], edges[1::2], strict=True)]


def _envelope(at_s: Floats, values: Floats, length_s: float) -> tuple[Floats, Floats, Floats]:
    """Return time, lowest and highest value of each pixel column; a column without a value is 0."""
    columns = min(COLUMNS_MAX, max(len(at_s), 1))
    column = np.clip((at_s / max(length_s, 1e-9) * columns).astype(int), 0, columns - 1)
    low, high = np.zeros(columns), np.zeros(columns)
    np.minimum.at(low, column, values)
    np.maximum.at(high, column, values)
    return (np.arange(columns) + 0.5) * length_s / columns, low, high


def _at(moments: Floats, at_s: Floats, values: Floats) -> Floats:
    """Return the value that held at each moment, 0 before the first."""
    index = np.searchsorted(at_s, moments, side="right") - 1
    held: Floats = np.where(index < 0, 0.0, values[np.maximum(index, 0)])
    return held


def _thinned(count: int, limit: int = 4 * COLUMNS_MAX) -> slice:
    return slice(None, None, max(1, count // limit))


def _last(values: Floats) -> float:
    return float(values[-1]) if len(values) else 0.0


def _clock(session: SessionFrames, at_s: float, form: str) -> str:
    return datetime.fromtimestamp(session.ts_start_ns / 1e9 + at_s, tz=UTC).strftime(form)


# --- dress ---


def _title(axis: Axes, text: str) -> None:
    axis.set_title(text, loc="left", color=DIM, size=10, pad=4)


def _legend(axis: Axes) -> None:
    """Stand above the panel, at the right: nothing of the data is covered."""
    axis.legend(
        loc="lower right",
        bbox_to_anchor=(1.005, 0.985),
        ncols=5,
        fontsize=9,
        frameon=False,
        labelcolor=INK,
        borderpad=0.2,
        handletextpad=0.4,
        columnspacing=1.4,
    )


def _dress(axis: Axes, session: SessionFrames) -> None:
    axis.set_facecolor(PANEL)
    axis.grid(True, color=LINE, linewidth=0.5)
    axis.set_axisbelow(True)
    axis.tick_params(colors=DIM, labelsize=9, length=0)
    if isinstance(axis.yaxis.get_major_formatter(), ScalarFormatter):  # not where venues are named
        axis.ticklabel_format(style="plain", useOffset=False, axis="y")
    axis.set_xticks(_round_times(session.ts_start_ns, *axis.get_xlim()))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda at_s, _: _clock(session, round(at_s, 3), "%H:%M:%S")))
    for spine in axis.spines.values():
        spine.set_color(LINE)


def _round_times(start_ns: int, begin_s: float, end_s: float) -> list[float]:
    """Return at most a dozen round clock times between two moments of the session."""
    every_s = next((each for each in ROUND_S if (end_s - begin_s) / each <= TICKS_MAX), ROUND_S[-1])
    offset_s = start_ns / 1e9 % every_s
    first = int(np.ceil((begin_s + offset_s) / every_s))
    last = int(np.floor((end_s + offset_s) / every_s))
    return [number * every_s - offset_s for number in range(first, last + 1)]
