"""A journal's messages instead of a running trader's: the same pages, at any moment of the session, at any speed.

`trader dashboard --replay` writes the tape (`streaming.view.tape` says what stands in it). Playing it takes entries in
their order as time goes on, as if they were heard; a jump begins anew: the minutes before it, thinned, for charts, then
what stood there. One tape is played for all open pages. Nothing is sent anywhere.
"""

import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from dashboards.errors import DashboardError
from dashboards.event_log import EVENTS_MAX
from dashboards.feed import Heard
from dashboards.snapshot import HISTORY_S, Snapshot
from streaming.bus import EVENTS, TELEMETRY, VIEW

TAPE_VERSION: Final = 1
NS_PER_S: Final = 1_000_000_000
SPEEDS: Final = (0.25, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
JUMP_VIEWS: Final = 240
"""Views of the minutes before that a jump reads."""
TICK_VIEWS: Final = 24
"""Views that one look at the clock plays at most; faster ones are thinned: nobody sees more."""


class Tape:
    """The file. DashboardError when it is not one, or another version's."""

    def __init__(self, path: Path) -> None:
        try:
            self._database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
            meta = dict(self._database.execute("select key, value from meta"))
        except sqlite3.Error as error:
            raise DashboardError(f"{path}: expected a tape of `trader dashboard --replay`: {error}") from error
        if meta["version"] != TAPE_VERSION:
            raise DashboardError(f"{path}: expected a tape of version {TAPE_VERSION}, found {meta['version']}")
        self.run, self.journal, self.problem = str(meta["run"]), str(meta["journal"]), str(meta["problem"])
        self.first_ns, self.last_ns = int(meta["first_ns"]), int(meta["last_ns"])

    def between(self, after_ns: int, until_ns: int, views_max: int) -> Iterator[tuple[int, str, bytes]]:
        """Yield (ts_ns, stream, payload) of (after, until] in their order; of more than `views_max` views some."""
        found = self._database.execute(
            "select rowid, stream from entries where ts_ns > ? and ts_ns <= ? order by ts_ns, rowid",
            (after_ns, until_ns),
        ).fetchall()
        views = [rowid for rowid, stream in found if stream == VIEW]
        shown = {*_some(views, views_max)}
        yield from self._rows([rowid for rowid, stream in found if stream != VIEW or rowid in shown])

    def before(self, until_ns: int, stream: str, count: int, span_ns: int) -> Iterator[tuple[int, str, bytes]]:
        """Yield the last `count` entries of a stream up to a time, not older than a span."""
        found = self._database.execute(
            "select rowid from entries where stream = ? and ts_ns > ? and ts_ns <= ? order by ts_ns desc, rowid desc "
            "limit ?",
            (stream, until_ns - span_ns, until_ns, count),
        ).fetchall()
        yield from self._rows([rowid for (rowid,) in reversed(found)])

    def views_before(self, until_ns: int) -> Iterator[tuple[int, str, bytes]]:
        """Yield some of the views of the minutes that charts show, the newest among them."""
        found = self._database.execute(
            "select rowid from entries where stream = ? and ts_ns > ? and ts_ns <= ? order by ts_ns, rowid",
            (VIEW, until_ns - HISTORY_S * NS_PER_S, until_ns),
        ).fetchall()
        yield from self._rows(_some([rowid for (rowid,) in found], JUMP_VIEWS))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _rows(self, numbers: Sequence[int]) -> Iterator[tuple[int, str, bytes]]:
        for number in numbers:
            row = self._database.execute(
                "select ts_ns, stream, json from entries where rowid = ?", (number,)
            ).fetchone()
            yield row[0], row[1], zlib.decompress(row[2])


class TapeFeed:
    """Plays a tape; see the head of the file. A `Feed`. `now_s` is a monotonic clock."""

    def __init__(self, tape: Tape, now_s: Callable[[], float] = time.monotonic) -> None:
        self.tape = tape
        self._now_s = now_s
        self._heard = Heard()
        self._position_ns = tape.first_ns
        self._seen_s = now_s()
        self.speed = 1.0
        self.is_playing = True
        self.seek(tape.first_ns)

    def start(self) -> None:
        """Begin to play."""
        self._seen_s = self._now_s()

    async def stop(self) -> None:
        """Close the tape."""
        self.tape.close()

    @property
    def position_ns(self) -> int:
        """What time it is on the tape."""
        return self._position_ns

    @property
    def share(self) -> float:
        """How far that is, from 0 to 1."""
        span_ns = self.tape.last_ns - self.tape.first_ns
        return (self._position_ns - self.tape.first_ns) / span_ns if span_ns else 1.0

    def play(self) -> None:
        """Go on; from the beginning where it was at its end."""
        if self._position_ns >= self.tape.last_ns:
            self.seek(self.tape.first_ns)
        self._seen_s = self._now_s()
        self.is_playing = True

    def pause(self) -> None:
        """Stand still."""
        self._advance()
        self.is_playing = False

    def set_speed(self, speed: float) -> None:
        """Play faster or slower: one of `SPEEDS`."""
        assert speed in SPEEDS, f"expected one of {SPEEDS}, found {speed}"
        self._advance()
        self.speed = speed

    def seek(self, ts_ns: int) -> None:
        """Jump to a time; one before the beginning or behind the end is that."""
        self._position_ns = min(max(ts_ns, self.tape.first_ns), self.tape.last_ns)
        self._seen_s = self._now_s()
        heard = self._heard = Heard()
        span_ns = self.tape.last_ns - self.tape.first_ns + NS_PER_S
        for entries in (
            self.tape.views_before(self._position_ns),
            self.tape.before(self._position_ns, EVENTS, EVENTS_MAX, span_ns),
            self.tape.before(self._position_ns, TELEMETRY, 1, span_ns),
        ):
            for at_ns, stream, payload in entries:
                heard.take(stream, payload, at_ns / NS_PER_S)

    def seek_share(self, share: float) -> None:
        """Jump to a share of the whole, from 0 to 1."""
        self.seek(self.tape.first_ns + round(share * (self.tape.last_ns - self.tape.first_ns)))

    def snapshot(self) -> Snapshot:
        """Return what was known at this time of the tape; ages count in its own time."""
        self._advance()
        heard, now_s = self._heard, self._position_ns / NS_PER_S
        known = Snapshot(
            is_connected=True,
            view=heard.view,
            status=heard.documents.get("trader"),
            events=heard.events.events(),
            history=heard.history,
            is_replay=True,
            replay_share=self.share,
        )
        return replace(known, ages_s={kind: max(0.0, now_s - at_s) for kind, at_s in heard.heard_s.items()})

    def _advance(self) -> None:
        """Take what was told since the last look."""
        now_s = self._now_s()
        passed_ns = round((now_s - self._seen_s) * self.speed * NS_PER_S)
        self._seen_s = now_s
        if not self.is_playing:
            return
        until_ns = min(self._position_ns + passed_ns, self.tape.last_ns)
        for at_ns, stream, payload in self.tape.between(self._position_ns, until_ns, TICK_VIEWS):
            self._heard.take(stream, payload, at_ns / NS_PER_S)
        self._position_ns = until_ns
        self.is_playing = until_ns < self.tape.last_ns


def _some(numbers: Sequence[int], count: int) -> list[int]:
    """Return at most `count` of them, evenly, the last one always."""
    if len(numbers) <= count:
        return [*numbers]
    return [numbers[(place + 1) * len(numbers) // count - 1] for place in range(count)]
