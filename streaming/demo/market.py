"""The market of a demo: generated or imported, its grid, and order sizes that are nobody's money."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import combinations
from pathlib import Path

from native.config import GridConfig, InstrumentLimits
from streaming.cli.grammar import ProgressLine
from streaming.emulator.generator import segment_header
from streaming.importer import ImportResult, import_recording
from streaming.recordings import read_recordings
from streaming.segments import InstrumentEntry, read_header
from streaming.settings import Settings

REFERENCE_ORDER = ("binance_usdm", "binance_spot", "bybit_spot")
ORDER_LOTS, LIMIT_LOTS = 100, 500
"""The demo's orders and limits in lots of each instrument; real ones are set by a person."""


def generated_grid(settings: Settings) -> GridConfig:
    """Return the grid that the settings trade on where the generated market lists all of it, else one of its own."""
    names = tuple(entry.name for entry in segment_header("", 0).instruments)
    own = settings.grid_named(settings.streaming.grid)
    if set(own.instruments) <= set(names):
        return own
    return GridConfig(name="demo", instruments=names, reference=names[0])


def generated_limits(settings: Settings) -> dict[str, InstrumentLimits]:
    """Return the settings' own limits of the generated market's instruments, the demo's where there are none."""
    entries = segment_header("", 0).instruments
    return {entry.name: settings.native.limits.get(entry.name) or limits_in_lots(entry) for entry in entries}


def import_all(lake_root: Path, folder: Path, say: Callable[[str, str], None]) -> list[ImportResult]:
    """Import every recording of a folder and tell of each."""
    progress = ProgressLine()
    results = []
    for request in read_recordings(folder):
        try:
            result = import_recording(lake_root, request, progress)
        finally:
            progress.close()
        results.append(result)
        words = "in the lake already" if result.already_there else "imported"
        say("import", f"{result.instrument}: {result.frames} frames {words}")
    return results


def derive_grid(results: Sequence[ImportResult]) -> GridConfig:
    """Return the grid of the symbol whose venues' recordings overlap longest; the longest recording where none do."""
    by_symbol: dict[str, list[ImportResult]] = defaultdict(list)
    for result in results:
        by_symbol[result.instrument.partition(":")[2]].append(result)
    symbol = max(sorted(by_symbol), key=lambda name: (_overlap_ns(by_symbol[name]), _length_ns(by_symbol[name])))
    own = by_symbol[symbol]
    longest = max(own, key=_span_ns)
    names = {result.instrument for result in own if _shared_ns(result, longest) > 0}
    ordered = sorted(names, key=lambda name: REFERENCE_ORDER.index(name.partition(":")[0]))
    return GridConfig(name="demo", instruments=tuple(ordered), reference=ordered[0])


def limits_in_lots(entry: InstrumentEntry) -> InstrumentLimits:
    """Return the demo's order size and limits of one instrument."""
    lot = Decimal(entry.lot)
    order, limit = format(lot * ORDER_LOTS, "f"), format(lot * LIMIT_LOTS, "f")
    return InstrumentLimits(order_size=order, max_order_size=limit, max_position=limit)


def imported_limits(lake_root: Path, results: Sequence[ImportResult], grid: GridConfig) -> dict[str, InstrumentLimits]:
    """Return the demo's limits of the grid's instruments."""
    headers = [read_header(lake_root / result.files[0]) for result in results if result.instrument in grid.instruments]
    return {entry.name: limits_in_lots(entry) for header in headers for entry in header.instruments}


def _span_ns(result: ImportResult) -> int:
    return result.ts_to_ns - result.ts_from_ns


def _shared_ns(one: ImportResult, other: ImportResult) -> int:
    return max(0, min(one.ts_to_ns, other.ts_to_ns) - max(one.ts_from_ns, other.ts_from_ns))


def _overlap_ns(results: Sequence[ImportResult]) -> int:
    pairs = combinations(results, 2)
    return sum(_shared_ns(one, other) for one, other in pairs if one.instrument != other.instrument)


def _length_ns(results: Sequence[ImportResult]) -> int:
    return max(_span_ns(result) for result in results)
