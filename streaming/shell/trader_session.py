"""Which session a starting trader trades in, and what is done with the ended ones."""

from collections.abc import Callable
from pathlib import Path

from streaming.errors import BadDataError, RefusedError
from streaming.live_journal import LiveJournal
from streaming.session_tables import LandedSession, land_session
from streaming.settings import Settings
from streaming.shell.trading_loop import TradingLoop
from streaming.trader.modes import Mode, mode_of, session_files
from streaming.trader.order_venue import OrderVenue
from streaming.trader.plan import TraderPlan
from streaming.trader.recovery import interrupted_session, resume_session, seal_interrupted
from streaming.trader.session import TradingSession
from streaming.trading_run import JOURNAL_SUFFIX, summary_path
from streaming.watchdog.latch import read_latch
from warehouse.lake import Lake

Progress = Callable[[str], None]

HALTED, WATCHDOG = "halted", "watchdog"


def open_session(
    settings: Settings, plan: TraderPlan, progress: Progress, *, is_new: bool, orders: OrderVenue | None = None
) -> TradingSession:
    """Return the session to trade in: the one that a killed trader left, unless `is_new` gives it up, or a new one.

    `orders`: where the orders of a live session go. Call it under the trader's lock. RefusedError when the one that was
    left does not fit the plan, BadDataError when its journal does not give its own outputs again.
    """
    folder = settings.warehouse.journal_dir
    while (left := interrupted_session(folder)) is not None:
        mode = _check_mode(left, plan, is_new=is_new)
        if not is_new and mode is not Mode.shadow:
            progress(f"going on with the interrupted session {left.name}")
            return resume_session(left, plan, progress, orders)
        left_bytes = left.stat().st_size
        sealed = seal_interrupted(left)
        cut_bytes = left_bytes - (0 if sealed is None else sealed.stat().st_size)
        end = "it was empty" if sealed is None else f"sealed as {sealed.name}, {cut_bytes} bytes at its end not whole"
        progress(f"interrupted session given up: {end}")
    return TradingSession(plan, LiveJournal(folder / f"{plan.header.run}{JOURNAL_SUFFIX}", plan.header), orders=orders)


def _check_mode(left: Path, plan: TraderPlan, *, is_new: bool) -> Mode:
    """Return the mode of the session that was left; RefusedError for another one than is begun, unless it is given up.

    A shadow is never gone on with: who refused its orders is not in its journal, and nothing of it rests anywhere.
    """
    mode, begun = mode_of(left.name), mode_of(plan.header.run)
    if mode is not begun and not is_new:
        raise RefusedError(
            f"{left.name}: a {mode} session was left here, and {begun} is to begin; go on with it: trader start --mode "
            f"{mode}; or give it up: trader start --mode {begun} --new-session"
        )
    return mode


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
    for journal in session_files(folder, JOURNAL_SUFFIX):
        run = journal.name.removesuffix(JOURNAL_SUFFIX)
        if journal == but or summary_path(folder, run).is_file():
            continue
        try:
            landed = land(settings, journal, progress)
            progress(f"landed the earlier session {landed.run}")
        except BadDataError as error:
            progress(f"earlier session {run} was not landed: {error}")
