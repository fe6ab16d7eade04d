"""Recorder and trader as they can be seen from outside: their control sockets, and what they wrote last.

They are long-lived processes and never runs of Dagster. A process that does not answer is not running, whatever files
it left; one that answers but writes nothing is stale. Ages are of the world's clock: the market's may run faster.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestration.config import MonitorConfig
from orchestration.defs.session.journals import PREFIX, SUFFIX
from orchestration.settings import Settings
from streaming.errors import NotRunningError
from streaming.shell.control import ask
from streaming.shell.recorder_names import SOCKET_NAME as RECORDER_SOCKET
from streaming.shell.trader_names import SOCKET_NAME as TRADER_SOCKET
from warehouse.lake import RAW

PART_SUFFIX = ".part"
COUNTED = ("frames", "steps", "forecasts", "orders", "fills", "gaps_opened", "gaps_closed", "rejects")
"""Counts that a status may hold, at its head or summed over its venues."""

State = Literal["fresh", "stale", "not running"]


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
    return _see(settings, "recorder", RECORDER_SOCKET, newest_segment(settings.lake.root))


def see_trader(settings: Settings) -> Sighting:
    """Look at the trader."""
    journals = settings.folders.journal_dir
    return _see(settings, "trader", TRADER_SOCKET, _newest(journals.glob(f"{PREFIX}*{SUFFIX}*")))


SIGHTS: Mapping[str, Callable[[Settings], Sighting]] = {"recorder": see_recorder, "trader": see_trader}


def newest_segment(lake_root: Path) -> Path | None:
    """Return the raw segment written last, growing ones included; looks into each venue's newest hour alone."""
    hours = []
    for venue in (lake_root / RAW).glob("venue=*"):
        by_name = sorted(venue.glob("date=*/hour=*"))
        hours += by_name[-1:]
    return _newest(path for hour in hours for path in hour.glob(f"*{SUFFIX}*"))


def _see(settings: Settings, process: str, socket: str, newest: Path | None) -> Sighting:
    config = settings.orchestration.monitor
    age_s = None if newest is None else max(0.0, time.time() - newest.stat().st_mtime)
    answer: Mapping[str, object] = {}
    problem = ""
    try:
        answer = ask(settings.folders.run_dir / socket, {"op": "status"}, config.answer_s_max)
        problem = "" if answer.get("ok") else str(answer.get("error", "refused without a reason"))
    except NotRunningError as error:
        problem = str(error)
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
    wrote = "it has written nothing yet" if newest is None else f"{newest.name} was written {age_s:.0f} s ago"
    if problem:
        return "not running", f"not running: {problem}; {wrote}"
    if age_s is None or age_s > config.data_age_s_max:
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


def _newest(paths: Iterable[Path]) -> Path | None:
    ages = []
    for path in paths:
        try:
            ages.append((path.stat().st_mtime_ns, path))
        except FileNotFoundError:  # sealed meanwhile: it has another name now
            continue
    return max(ages)[1] if ages else None
