"""A journal as a tape: the messages that windows would have heard, by time, in one SQLite file that can be jumped in.

    meta      key, value                       version, run, journal, first_ns, last_ns, problem
    entries   ts_ns, stream, number, json      one message of the bus each, JSON compressed by zlib; number counts views

The reader is `dashboards.tape`; `TAPE_VERSION` is in the file, since both change together. Of a session that is longer
than `VIEWS_MAX` views every second one is left out, as often as it takes: a tape is bounded, whatever its journal is.
"""

import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from streaming.bus import VIEW, Message, Telemetry
from streaming.errors import BadDataError, UsageError
from streaming.live_segments import PART_SUFFIX
from streaming.settings import Settings
from streaming.shell.trader_bus import bus_event
from streaming.trading_run import JOURNAL_SUFFIX
from streaming.view.past import MODE, Moment, PastSession

TAPE_VERSION: Final = 1
VIEWS_MAX: Final = 100_000
"""More than four hours at five a second; twice as many hours have half of the views, and so on."""
COMPRESSION: Final = 1
PROGRESS_STEPS: Final = 2_000
SCHEMA: Final = """
create table meta (key text primary key, value) without rowid;
create table entries (ts_ns integer not null, stream text not null, number integer not null, json blob not null);
create index entries_by_stream on entries (stream, ts_ns);
create index entries_by_time on entries (ts_ns);
"""

Progress = Callable[[str], None]


def write_tape(settings: Settings, journal: Path, path: Path, progress: Progress) -> None:
    """Write the tape of a journal (its file, sealed or still growing, or its run) to `path`, which must not be there.

    UsageError when there is no such journal; BadDataError when it is none, holds no step, or this build refuses it;
    SegmentError when it is damaged.
    """
    journal = _found(settings, journal)
    bundles = [found.parent.name for found in settings.warehouse.models_dir.glob("*/manifest.json")]
    past = PastSession(journal, settings.streaming.view, bundles)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript("pragma journal_mode = off; pragma synchronous = off;" + SCHEMA)
        database.execute("begin")
        writer = _Writer(database, past.header.run)
        for moment in past.moments():
            writer.add(moment)
            if past.steps % PROGRESS_STEPS == 0 and moment.view is not None:
                progress(f"replay: {past.steps} steps heard")
        if not writer.last_ns:
            raise BadDataError(f"{journal}: holds no step: nothing to show")
        problem = f"heard again, its outputs differ from the session's from {past.differs_ns} ns on"
        writer.close(journal, problem if past.differs_ns else "")
        database.execute("commit")


def _found(settings: Settings, journal: Path) -> Path:
    """Return the file of a journal that is named by its path or its run."""
    folder = settings.warehouse.journal_dir
    sealed = folder / f"{journal.name}{JOURNAL_SUFFIX}"
    for path in (journal, sealed, sealed.with_name(f"{sealed.name}{PART_SUFFIX}")):
        if path.is_file():
            return path
    raise UsageError(
        f"{journal}: expected a journal or a run, found no file; journals stand in {folder}, trader report names one"
    )


class _Writer:
    def __init__(self, database: sqlite3.Connection, run: str) -> None:
        self._database = database
        self._run = run
        self._views = self._kept = 0
        self._stride = 1
        self.first_ns = self.last_ns = 0

    def add(self, moment: Moment) -> None:
        """Write what is told at one moment."""
        for ts_ns, message in self._messages(moment):
            self._put(ts_ns, message, 0)
        if moment.view is not None:
            self._views += 1
            if self._views % self._stride == 0:
                self._put(moment.ts_ns, moment.view, self._views)
                self._kept += 1
                self.first_ns, self.last_ns = self.first_ns or moment.ts_ns, moment.ts_ns
            if self._kept > VIEWS_MAX:
                self._thin()

    def close(self, journal: Path, problem: str) -> None:
        """Write what the tape is."""
        words = {
            "version": TAPE_VERSION,
            "run": self._run,
            "journal": journal.name,
            "first_ns": self.first_ns,
            "last_ns": self.last_ns,
            "problem": problem,
        }
        self._database.executemany("insert into meta values (?, ?)", words.items())

    def _messages(self, moment: Moment) -> Iterator[tuple[int, Message]]:
        """Yield what is told beside the view; an event's own time may lie in the step that told of it."""
        for event in moment.events:
            yield moment.ts_ns, bus_event(self._run, event)
        if moment.status is not None:
            yield (
                moment.ts_ns,
                Telemetry(process="trader", run=self._run, mode=MODE, ts_ns=moment.ts_ns, body=moment.status),
            )

    def _put(self, ts_ns: int, message: Message, number: int) -> None:
        row = (ts_ns, message.stream, number, zlib.compress(message.to_json(), COMPRESSION))
        self._database.execute("insert into entries values (?, ?, ?, ?)", row)

    def _thin(self) -> None:
        """Leave out every second view, of those that are there and of those to come."""
        self._stride *= 2
        self._database.execute("delete from entries where stream = ? and number % ? != 0", (VIEW, self._stride))
        self._kept //= 2
