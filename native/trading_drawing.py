"""The table of trading states as a drawing: boxes, one arrow a change, the operations that cause it beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import hypot

from native.risk_tables import TradingCell

WIDTH_PX, HEIGHT_PX = 860, 470
BOX_WIDTH_PX, BOX_HEIGHT_PX = 230, 92
CENTRES_PX: Mapping[str, tuple[float, float]] = {
    "active": (140, 80),
    "reducing": (720, 80),
    "flattening": (720, 380),
    "halted": (140, 380),
}
ALLOWED: Mapping[str, str] = {
    "active": "what the rules let pass",
    "reducing": "orders that close",
    "flattening": "closing orders of the flattening",
    "halted": "no order",
}
APART_PX = 16.0
"""Between the two arrows of a pair of states, each way."""
STYLE = (
    "text{font-family:sans-serif;font-size:13px;fill:#1f2933}"
    ".name{font-size:17px;font-weight:bold}.small{font-size:11.5px;fill:#52606d}"
    ".box{fill:#f5f7fa;stroke:#3e4c59;stroke-width:1.5}"
    ".arrow{stroke:#3e4c59;stroke-width:1.5;fill:none;marker-end:url(#tip)}"
    ".label{paint-order:stroke;stroke:#ffffff;stroke-width:6px;stroke-linejoin:round}"
)


@dataclass(frozen=True, slots=True)
class Arrow:
    """One change of state."""

    start: str
    end: str
    ops: tuple[str, ...]
    has_reverse: bool


def trading_drawing(cells: Sequence[TradingCell]) -> str:
    """Return the SVG of a table of trading states; raise KeyError for a state that has no place in it."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {HEIGHT_PX}" role="img"'
        ' aria-label="trading states and what moves between them">',
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 10 5 0 10z" fill="#3e4c59"/></marker></defs>',
        f'<rect width="{WIDTH_PX}" height="{HEIGHT_PX}" fill="#ffffff"/>',
    ]
    for arrow in _arrows(cells):
        lines += _arrow_lines(arrow)
    for state in dict.fromkeys(cell.state for cell in cells):
        lines += _box_lines(state, cells)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _arrows(cells: Sequence[TradingCell]) -> Iterator[Arrow]:
    ops: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        if cell.to is not None and cell.to != cell.state:
            ops.setdefault((cell.state, cell.to), []).append(cell.op)
    for (start, end), causes in ops.items():
        yield Arrow(start, end, tuple(causes), (end, start) in ops)


def _arrow_lines(arrow: Arrow) -> Iterator[str]:
    (x0, y0), (x1, y1) = CENTRES_PX[arrow.start], CENTRES_PX[arrow.end]
    length = hypot(x1 - x0, y1 - y0)
    across_x, across_y = -(y1 - y0) / length, (x1 - x0) / length
    aside = APART_PX if arrow.has_reverse else 0.0
    ends = [(x - across_x * aside, y - across_y * aside) for x, y in ((x0, y0), (x1, y1))]
    (ax, ay), (bx, by) = _leave(ends[0], ends[1]), _leave(ends[1], ends[0])
    yield f'<path class="arrow" d="M{ax:.1f} {ay:.1f} L{bx:.1f} {by:.1f}"/>'
    # Diagonals cross in the middle, so their words stand nearer to where they begin.
    share = 0.3 if x0 != x1 and y0 != y1 else 0.5
    x, y = ax + (bx - ax) * share, ay + (by - ay) * share
    anchor = "middle"
    if x0 == x1:
        anchor = "start" if across_x < 0 else "end"
        x += 7 if across_x < 0 else -7
    else:
        y += -6 if across_y > 0 else 16
    yield f'<text class="label" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(", ".join(arrow.ops))}</text>'


def _leave(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    """Return where the line from `start` to `end` leaves the box around `start`."""
    run_x, run_y = end[0] - start[0], end[1] - start[1]
    half = (BOX_WIDTH_PX / 2, BOX_HEIGHT_PX / 2)
    share = min(side / abs(run) for side, run in zip(half, (run_x, run_y), strict=True) if run != 0)
    return start[0] + run_x * share, start[1] + run_y * share


def _box_lines(state: str, cells: Sequence[TradingCell]) -> Iterator[str]:
    x, y = CENTRES_PX[state]
    stays = [cell.op for cell in cells if cell.state == state and cell.to == state]
    refused = [cell.op for cell in cells if cell.state == state and cell.to is None]
    yield (
        f'<rect class="box" x="{x - BOX_WIDTH_PX / 2:.1f}" y="{y - BOX_HEIGHT_PX / 2:.1f}"'
        f' width="{BOX_WIDTH_PX}" height="{BOX_HEIGHT_PX}" rx="10"/>'
    )
    yield f'<text class="name" x="{x}" y="{y - 22}" text-anchor="middle">{escape(state)}</text>'
    yield f'<text x="{x}" y="{y - 2}" text-anchor="middle">{escape(ALLOWED[state])}</text>'
    for place, (words, ops) in enumerate((("stays at", stays), ("refuses", refused))):
        if ops:
            line = f"{words}: {', '.join(ops)}"
            yield f'<text class="small" x="{x}" y="{y + 18 + 17 * place}" text-anchor="middle">{escape(line)}</text>'
