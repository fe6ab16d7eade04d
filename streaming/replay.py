"""`trader replay JOURNAL`: the engine of the header hears all inputs again, and the hash of its outputs is compared."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

import native
from streaming.errors import BadDataError
from streaming.journal import Journal, JournalStep, OutputChain, Outputs
from streaming.segments import SegmentHeader

PROGRESS_EVERY_STEPS = 5_000

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayVerdict:
    """What a replay found. `step_ts_ns` is the first differing step's time, 0 when there is none."""

    run: str
    journal: str
    identical: bool
    steps: int
    """Steps compared."""
    inputs: int
    step_index: int
    """Which hash record differs first, from 0; -1 when none does."""
    step_ts_ns: int
    digest: str
    """The journal's last hash."""


def replay(path: Path, progress: Progress) -> ReplayVerdict:
    """Return whether the inputs of a journal, sealed or still growing, give its outputs again, byte for byte.

    Raises SegmentError for a damaged file and BadDataError when it is no journal or its engine document is refused.
    """
    journal = Journal(path)
    engine, chain = engine_of(path, journal.header), OutputChain()
    steps = inputs = 0
    last = b""
    differing = (-1, 0)
    for step in journal.steps():
        inputs += len(step.records)
        _, is_same = hear(step, engine, chain)
        if not step.digest:
            continue
        last = step.digest
        if not is_same:
            differing = (steps, step.ts_ns)
            break
        steps += 1
        if steps % PROGRESS_EVERY_STEPS == 0:
            progress(f"replay: {steps} steps identical")
    if not last:
        raise BadDataError(f"{path}: holds no hash of outputs: nothing to compare with")
    return ReplayVerdict(
        run=journal.header.run,
        journal=str(path),
        identical=differing[0] < 0,
        steps=steps,
        inputs=inputs,
        step_index=differing[0],
        step_ts_ns=differing[1],
        digest=last.hex(),
    )


def engine_of(path: Path, header: SegmentHeader) -> native.Engine:
    """Return the engine of a journal's header; BadDataError when there is none or this build refuses it."""
    if header.engine is None:
        raise BadDataError(
            f"{path}: a raw segment, not a journal: its header holds no engine; journals are in data/journal"
        )
    try:
        return native.Engine(orjson.dumps(header.engine).decode())
    except ValueError as error:
        raise BadDataError(f"{path}: header: {error}; the journal is of another build ({header.build})") from error


def hear(step: JournalStep, engine: native.Engine, chain: OutputChain) -> tuple[Outputs, bool]:
    """Feed a step's inputs; return the outputs, and whether the hash behind them is the chain's (True without one)."""
    engine.process(step.inputs)
    outputs = engine.drain()
    chain.add(outputs)
    return outputs, not step.digest or chain.close_step() == step.digest
