"""Which session a starting trader trades in, and what is done with the ended ones."""

from collections.abc import Callable
from pathlib import Path

from streaming.errors import BadDataError
from streaming.live_journal import LiveJournal
from streaming.session_tables import LandedSession, land_session
from streaming.settings import Settings
from streaming.shell.trading_loop import TradingLoop
from streaming.trader.plan import RUN_PREFIX, TraderPlan
from streaming.trader.recovery import interrupted_session, resume_session, seal_interrupted
from streaming.trader.session import TradingSession
from streaming.trading_run import JOURNAL_SUFFIX, summary_path
from streaming.watchdog.latch import read_latch
from warehouse.lake import Lake

Progress = Callable[[str], None]

HALTED, WATCHDOG = "halted", "watchdog"


def open_session(settings: Settings, plan: TraderPlan, progress: Progress, *, is_new: bool) -> TradingSession:
    """Return the session to trade in: the one that a killed trader left, unless `is_new` gives it up, or a new one.

    Call it under the trader's lock. RefusedError when the one that was left does not fit the plan, BadDataError when
    its journal does not give its own outputs again.
    """
    folder = settings.warehouse.journal_dir
    while (left := interrupted_session(folder)) is not None:
        if not is_new:
            progress(f"going on with the interrupted session {left.name}")
            return resume_session(left, plan, progress)
        left_bytes = left.stat().st_size
        sealed = seal_interrupted(left)
        cut_bytes = left_bytes - (0 if sealed is None else sealed.stat().st_size)
        end = "it was empty" if sealed is None else f"sealed as {sealed.name}, {cut_bytes} bytes at its end not whole"
        progress(f"interrupted session given up: {end}")
    return TradingSession(plan, LiveJournal(folder / f"{plan.header.run}{JOURNAL_SUFFIX}", plan.header))


def begin_as_latched(trading: TradingLoop, run_dir: Path, progress: Progress) -> None:
    """Halt a session before its first frame where a latch stands; call it before the loop begins."""
    latch = read_latch(run_dir)
    if latch is None:
        return
    progress(f"begins HALTED: {latch.reason} (set by {latch.by}); next: trader resume --reason TEXT")
    if trading.session.status().state != HALTED:
        trading.command("halt", latch.reason, WATCHDOG)


def land(settings: Settings, journal: Path, progress: Progress) -> LandedSession:
    """Write the tables of a sealed session; BadDataError, and nothing written, when it does not replay."""
    return land_session(Lake(settings.warehouse.lake_dir), journal, progress)


def land_left_sessions(settings: Settings, progress: Progress, but: Path) -> None:
    """Land sealed sessions whose tables were never written; one that cannot be is told and left."""
    folder = settings.warehouse.journal_dir
    for journal in sorted(folder.glob(f"{RUN_PREFIX}*{JOURNAL_SUFFIX}")):
        run = journal.name.removesuffix(JOURNAL_SUFFIX)
        if journal == but or summary_path(folder, run).is_file():
            continue
        try:
            landed = land(settings, journal, progress)
            progress(f"landed the earlier session {landed.run}")
        except BadDataError as error:
            progress(f"earlier session {run} was not landed: {error}")
