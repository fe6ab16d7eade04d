"""Figures of one benchmark: printed as a table and kept in build/bench, with the machine in words and without names."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parents[2] / "build" / "bench"
Row = dict[str, float | int | str]


def machine() -> str:
    """Return what the figures depend on."""
    with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
        model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown")
    usable = len(os.sched_getaffinity(0))
    return f"{usable} cores of {model}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def percentiles_ms(values_ns: "NDArray[np.int64]", speed: float = 1.0) -> dict[str, float]:
    """Return p50 and p99 in real ms of durations on a clock of `speed`."""
    found = np.percentile(values_ns, [50, 99]) / speed / 1e6
    return {"p50_ms": round(float(found[0]), 2), "p99_ms": round(float(found[1]), 2)}


def show(name: str, title: str, rows: Sequence[Row]) -> None:
    """Print the rows and write them to build/bench/<name>.json."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    document = {"title": title, "machine": machine(), "rows": [*rows]}
    (FOLDER / f"{name}.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    columns = list(rows[0])
    widths = [max(len(column), *(len(_text(row[column])) for row in rows)) for column in columns]
    print(f"\n{title}\n{machine()}")
    for cells in (columns, *([_text(row[column]) for column in columns] for row in rows)):
        print("  " + "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)))


def _text(value: float | int | str) -> str:
    return f"{value:,}" if isinstance(value, int | float) else value
