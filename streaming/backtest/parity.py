"""A session heard again as a backtest: with the journal's own forecasts its orders and fills must come out the same.

With forecasts made anew three passes say where a difference comes from, each changing one thing:

    journal   the session's own forecasts, when they came        journal - session   = unknown: must be nothing
    anew      forecasts made anew, when the session's came       anew - journal      = forecasts
    stated    forecasts made anew of every step, a stated        stated - anew       = latency, and forecasts that
              delay after it                                                            the session missed
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from native.config import NS_PER_MS
from streaming.backtest import anew
from streaming.backtest.anew import ForecastDifference
from streaming.backtest.session import COMPARED, Session, TableVerdict, as_it_was, session_journal
from streaming.errors import RefusedError
from streaming.journal import Journal
from streaming.session_tables import land_session
from streaming.settings import Settings
from streaming.trader.modes import Mode
from warehouse.lake import Lake

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Where the difference of results comes from, in 10^-8 of the quote currency."""

    session_e8: int
    stated_e8: int
    """What the backtest with a stated delay gives."""
    unknown_e8: int
    forecasts_e8: int
    latency_e8: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """What forecasts made anew change."""

    difference: ForecastDifference
    tables: tuple[TableVerdict, ...]
    """The session beside the pass `anew`."""
    missed: int
    """Steps that the session could have forecast and did not, or too late."""
    delay_ms: float
    attribution: Attribution


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityVerdict:
    """What came of hearing a session again."""

    run: str
    journal: str
    frames: int
    quote: str
    tables: tuple[TableVerdict, ...]
    pnl_e8: int
    recomputed: Recomputed | None = None

    @property
    def is_identical(self) -> bool:
        """Tell whether the journal's forecasts gave the session's orders and fills."""
        return all(table.is_identical for table in self.tables)


def compare_session(settings: Settings, run: str, *, is_recomputed: bool, progress: Progress) -> ParityVerdict:
    """Hear a session again and compare; it is landed in the lake first where it is not.

    UsageError for an unknown run, BadDataError or SegmentError for a journal that cannot be trusted, RefusedError for a
    bundle that is gone, or a live session: its orders met the venues, and no simulated one fills them the same.
    """
    path, lake = session_journal(settings, run), Lake(settings.warehouse.lake_dir)
    if run.startswith(f"{Mode.live}-"):
        raise RefusedError(f"{run}: its orders met the venues, not a simulated one; next: trader replay {path}")
    if not all(lake.exists(table, {"run": run}) for table in COMPARED):
        land_session(lake, path, progress)
    session = Session(path, Journal(path).header)
    records, frames = session.hear(as_it_was, progress)
    own = {table: lake.read_partition(table, {"run": run}) for table in COMPARED}
    verdict = ParityVerdict(
        run=run,
        journal=str(path),
        frames=frames,
        quote=session.quote,
        tables=tuple(session.verdict(table, own[table], records) for table in COMPARED),
        pnl_e8=session.pnl_e8(records),
    )
    if not is_recomputed:
        return verdict
    return replace(verdict, recomputed=_recomputed(settings, session, own, verdict, progress))


def _recomputed(
    settings: Settings, session: Session, own: Mapping[str, pa.Table], verdict: ParityVerdict, progress: Progress
) -> Recomputed:
    given = anew.Given()
    for step in session.steps():
        given.add(step, session.slots)
    grid = anew.seen(settings, session)
    models = anew.models_of(settings, session, given, int(grid.ts_step_ns[0]))
    progress(f"session {verdict.run}: {len(given.seq)} forecasts made anew")
    made = anew.made_anew(given, grid, models)
    again, _ = session.hear(anew.rewriting(made), progress)
    delay_ns = settings.streaming.replay.forecast_delay_ms * NS_PER_MS
    stated = anew.all_steps(given, grid, models, session.step_ns, delay_ns)
    later, _ = session.hear(anew.without_forecasts, progress, stated)
    session_e8 = session.landed_pnl_e8(Lake(settings.warehouse.lake_dir))
    again_e8, stated_e8 = session.pnl_e8(again), session.pnl_e8(later)
    return Recomputed(
        difference=anew.difference_of(given, made),
        tables=tuple(session.verdict(table, own[table], again) for table in COMPARED),
        missed=max(0, len(stated.ts_ns) - len(given.seq)),
        delay_ms=delay_ns / NS_PER_MS,
        attribution=Attribution(
            session_e8=session_e8,
            stated_e8=stated_e8,
            unknown_e8=verdict.pnl_e8 - session_e8,
            forecasts_e8=again_e8 - verdict.pnl_e8,
            latency_e8=stated_e8 - again_e8,
        ),
    )
