"""`trader emulate`: the generator, started with progress on stderr."""

from datetime import datetime
from pathlib import Path

from native.config import JsonObject
from streaming.cli.grammar import ProgressLine
from streaming.emulator.generator import generate

PERCENT_EVERY = 10


def generate_market(
    lake_root: Path, hours: float, seed: int, effect: float, start: datetime, new_fields: bool
) -> JsonObject:
    """Write `hours` of generated market into the lake and return the run and its files."""
    line = ProgressLine()
    told = -1

    def progress(done: int, total: int) -> None:
        nonlocal told
        percent = 100 * done // total
        if percent // PERCENT_EVERY > told:
            told = percent // PERCENT_EVERY
            line(f"generating: {percent} %")

    try:
        run = generate(lake_root, hours, seed, effect=effect, start=start, new_fields=new_fields, progress=progress)
    finally:
        line.close()
    return {
        "run": run.run,
        "seed": run.seed,
        "effect": run.effect,
        "steps": run.steps,
        "frames": dict(run.frames),
        "payload_bytes": run.payload_bytes,
        "segments": [str(path) for path in run.segments],
        "truth": str(run.truth),
    }
