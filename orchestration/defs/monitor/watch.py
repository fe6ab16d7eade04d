"""Recorder and trader as they can be seen from outside: their control sockets, and what they wrote last.

They are long-lived processes and never runs of Dagster. A process that does not answer, gone or hanging, is not fresh,
whatever files it left; one that answers but writes nothing is stale, and so is a recorder of which one venue writes
nothing. Ages are of the world's clock: the market's may run faster.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestration.config import MonitorConfig
from orchestration.defs.session.journals import SUFFIX
from orchestration.settings import Settings
from streaming.errors import NotRunningError
from streaming.shell.control import ask
from streaming.shell.recorder_names import SOCKET_NAME as RECORDER_SOCKET
from streaming.shell.trader_names import SOCKET_NAME as TRADER_SOCKET
from streaming.trader.modes import session_files
from warehouse.lake import RAW

PART_SUFFIX = ".part"
COUNTED = ("frames", "steps", "forecasts", "orders", "fills", "gaps_opened", "gaps_closed", "rejects")
"""Counts that a status may hold, at its head or summed over its venues."""

Written = tuple[int, Path]
"""A file after the time in ns at which it was written to."""
Find = Callable[[Mapping[str, object]], Written | None]
"""Looks for what a process wrote last; it is given the process's answer, empty when it gave none."""
State = Literal["fresh", "stale", "not answering"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What was seen of a process."""

    process: str
    state: State
    words: str
    """The state in one line, for people."""
    run: str
    """The session's; of a recorder one a venue, between commas."""
    process_state: str
    """As a process that answers calls it: active, halted, ... of a trader, recording, ... of a recorder."""
    pnl: str
    """Of a trader that answers, in quote units, as decimal text."""
    counts: Mapping[str, int]
    newest_file: Path | None
    age_s: float | None
    """How long ago that file was written to; None without one."""

    @property
    def is_fresh(self) -> bool:
        """Tell whether the process runs and writes."""
        return self.state == "fresh"


def see_recorder(settings: Settings) -> Sighting:
    """Look at the recorder."""
    return _see(settings, "recorder", RECORDER_SOCKET, lambda answer: newest_segment(settings.lake.root, answer))


def see_trader(settings: Settings) -> Sighting:
    """Look at the trader."""
    journals = settings.folders.journal_dir
    return _see(settings, "trader", TRADER_SOCKET, lambda _answer: _newest(session_files(journals, f"{SUFFIX}*")))


SIGHTS: Mapping[str, Callable[[Settings], Sighting]] = {"recorder": see_recorder, "trader": see_trader}


def newest_segment(lake_root: Path, answer: Mapping[str, object]) -> Written | None:
    """Return the segment written last, growing ones included; looks into each venue's newest hour alone.

    Of the venues that a recorder's answer names it is that of the venue that wrote least lately, None when one of them
    wrote nothing: a venue that has fallen silent must not hide behind the others.
    """
    raw = lake_root / RAW
    named = {str(venue["venue"]) for venue in _venues(answer) if "venue" in venue}
    if not named:
        return _newest(path for venue in raw.glob("venue=*") for path in _newest_hour(venue))
    newest = [_newest(_newest_hour(raw / f"venue={venue}")) for venue in named]
    found = [written for written in newest if written is not None]
    return min(found) if len(found) == len(newest) else None


def _newest_hour(venue: Path) -> Iterable[Path]:
    hours = sorted(venue.glob("date=*/hour=*"))
    return hours[-1].glob(f"*{SUFFIX}*") if hours else ()


def _see(settings: Settings, process: str, socket: str, find: Find) -> Sighting:
    config = settings.orchestration.monitor
    answer: Mapping[str, object] = {}
    problem = ""
    try:
        answer = ask(settings.folders.run_dir / socket, {"op": "status"}, config.answer_s_max)
        problem = "" if answer.get("ok") else str(answer.get("error", "refused without a reason"))
    except NotRunningError as error:
        problem = str(error)
    written = find(answer)
    newest = None if written is None else written[1]
    age_s = None if written is None else max(0.0, time.time() - written[0] / 1e9)
    state, words = _state(problem, newest, age_s, config)
    return Sighting(
        process=process,
        state=state,
        words=words,
        run=str(answer.get("run", "")) or ", ".join(str(venue.get("run", "")) for venue in _venues(answer)),
        process_state=str(answer.get("state", "")),
        pnl=str(answer.get("pnl", "")),
        counts=_counts(answer),
        newest_file=newest,
        age_s=age_s,
    )


def _state(problem: str, newest: Path | None, age_s: float | None, config: MonitorConfig) -> tuple[State, str]:
    wrote = (
        "of it or of one of its venues nothing is written yet"
        if newest is None
        else f"{newest.name} was written {age_s:.0f} s ago"
    )
    if problem:
        return "not answering", f"not answering: {problem}; {wrote}"
    if age_s is None:
        return "stale", f"stale: it answers, but {wrote}"
    if age_s > config.data_age_s_max:
        return "stale", f"stale: it answers, but {wrote}, more than {config.data_age_s_max:g} s"
    return "fresh", f"fresh: it answers, {wrote}"


def _counts(answer: Mapping[str, object]) -> dict[str, int]:
    """Return the counts that an answer holds: its own, else the sums over its venues."""
    own = answer.get("counts")
    found: dict[str, int] = {}
    for place in [own] if isinstance(own, Mapping) else _venues(answer):
        for name in COUNTED:
            value = place.get(name)
            if isinstance(value, int):
                found[name] = found.get(name, 0) + value
    return found


def _venues(answer: Mapping[str, object]) -> list[Mapping[str, object]]:
    venues = answer.get("venues")
    return [venue for venue in venues if isinstance(venue, Mapping)] if isinstance(venues, list) else []


def _newest(paths: Iterable[Path]) -> Written | None:
    ages: list[Written] = []
    for path in paths:
        try:
            ages.append((path.stat().st_mtime_ns, path))
        except FileNotFoundError:  # sealed meanwhile: it has another name now
            continue
    return max(ages, default=None)
