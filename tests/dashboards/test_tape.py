"""A tape is played as if it were heard now: at its own speed, from any moment, and never beyond its ends."""

import sqlite3
import zlib
from pathlib import Path

import pytest

from dashboards import tape as tape_module
from dashboards.errors import DashboardError
from dashboards.tape import JUMP_VIEWS, NS_PER_S, TICK_VIEWS, Tape, TapeFeed
from streaming.bus import EVENTS, TELEMETRY, VIEW, Message, StateEvent, Telemetry
from streaming.bus_view import View
from streaming.view.tape import SCHEMA, TAPE_VERSION

FIRST_NS = 1_767_571_200_000_000_000
VIEWS = 600
STEP_NS = NS_PER_S // 5


def view_at(number: int) -> View:
    return View(run="r", mode="replay", ts_ns=ts_of(number), number=number, state="active", pnl=str(number))


def ts_of(number: int) -> int:
    return FIRST_NS + number * STEP_NS


def written(path: Path, version: int = TAPE_VERSION) -> Path:
    """Two minutes of views five a second, an event a second, a status a second."""
    with sqlite3.connect(path) as database:
        database.executescript(SCHEMA)
        last_ns = ts_of(VIEWS - 1)
        words = {"version": version, "run": "r", "journal": "r.seg.zst", "first_ns": FIRST_NS, "last_ns": last_ns}
        database.executemany("insert into meta values (?, ?)", [*words.items(), ("problem", "")])
        for number in range(VIEWS):
            messages: list[Message] = [view_at(number)]
            if number % 5 == 0:
                messages.append(StateEvent(run="r", ts_ns=ts_of(number), state="active", reason=str(number)))
                body = {"number": number}
                messages.append(Telemetry(process="trader", run="r", mode="replay", ts_ns=ts_of(number), body=body))
            for message in messages:
                row = (ts_of(number), message.stream, number, zlib.compress(message.to_json()))
                database.execute("insert into entries values (?, ?, ?, ?)", row)
    return path


class Played:
    """A feed and a clock that the test turns."""

    def __init__(self, path: Path) -> None:
        self.now_s = 100.0
        self.feed = TapeFeed(Tape(path), lambda: self.now_s)

    def after(self, seconds: float) -> View:
        self.now_s += seconds
        view = self.feed.snapshot().view
        assert view is not None
        return view


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("tape") / "views.tape")


@pytest.fixture
def played(path: Path) -> Played:
    return Played(path)


def test_tape_begins_with_its_first_view_and_plays_as_time_goes_on(played: Played) -> None:
    assert played.after(0.0).number == 0
    assert played.after(2.0).number == 10
    assert played.after(0.2).number == 11


def test_speed_multiplies_time_and_a_pause_stops_it(played: Played) -> None:
    played.feed.set_speed(10.0)
    assert played.after(1.0).number == 50
    played.feed.pause()
    assert played.after(60.0).number == 50
    played.feed.play()
    assert played.after(0.25).number == 62


def test_jump_shows_what_stood_at_that_time_and_what_was_before_it(played: Played) -> None:
    played.feed.pause()
    played.feed.seek(ts_of(301) + 1)

    snapshot = played.feed.snapshot()
    assert snapshot.view == view_at(301)
    assert [event.ts_ns for event in snapshot.events] == [ts_of(number) for number in range(0, 302, 5)]
    assert snapshot.status == {"number": 300}
    assert len(snapshot.history.points) == JUMP_VIEWS
    assert snapshot.history.points[-1].ts_ns == ts_of(301)
    assert snapshot.is_replay and snapshot.is_connected
    assert snapshot.replay_share == pytest.approx(301 / 599, abs=1e-3)


def test_jump_back_forgets_what_came_later(played: Played) -> None:
    played.feed.seek(ts_of(400))
    played.feed.seek(ts_of(10))

    snapshot = played.feed.snapshot()
    assert snapshot.view == view_at(10) and len(snapshot.events) == 3
    assert snapshot.history.points[-1].ts_ns == ts_of(10)


def test_jump_beyond_an_end_is_to_that_end(played: Played) -> None:
    played.feed.seek(ts_of(10_000))
    assert played.after(0.0) == view_at(VIEWS - 1) and played.feed.share == 1.0
    played.feed.seek(0)
    assert played.after(0.0) == view_at(0) and played.feed.share == 0.0


def test_tape_stops_at_its_end_and_plays_from_its_beginning_again(played: Played) -> None:
    played.feed.seek(ts_of(VIEWS - 2))
    assert played.after(5.0).number == VIEWS - 1
    assert not played.feed.is_playing

    played.feed.play()
    assert played.after(0.4).number == 2


def test_ages_count_in_the_tapes_own_time(played: Played) -> None:
    played.feed.pause()
    played.feed.seek(ts_of(301) + STEP_NS // 2)
    played.now_s += 1_000.0

    snapshot = played.feed.snapshot()
    assert snapshot.age_s("view") == pytest.approx(0.1, abs=1e-3)
    assert snapshot.age_s("status") == pytest.approx(0.3, abs=1e-3)


def test_fast_play_leaves_views_out_but_never_an_event_or_the_newest_view(played: Played) -> None:
    played.feed.set_speed(60.0)
    assert played.after(1.5).number == 450

    snapshot = played.feed.snapshot()
    assert len(snapshot.events) == 91
    assert len(snapshot.history.points) == 1 + TICK_VIEWS


def test_share_of_the_whole_is_a_time(played: Played) -> None:
    played.feed.pause()
    played.feed.seek_share(0.5)

    assert played.feed.position_ns == FIRST_NS + (ts_of(VIEWS - 1) - FIRST_NS) // 2


def test_tape_of_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DashboardError, match="expected a tape of version 1, found 7"):
        Tape(written(tmp_path / "old.tape", version=7))


def test_what_is_no_tape_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "other.tape").write_bytes(b"no database at all, not even a small one")
    with pytest.raises(DashboardError, match=r"other\.tape: expected a tape of `trader dashboard --replay`"):
        Tape(tmp_path / "other.tape")


def test_writer_and_reader_agree_about_the_version() -> None:
    assert tape_module.TAPE_VERSION == TAPE_VERSION
    assert {VIEW, EVENTS, TELEMETRY} == {tape_module.VIEW, tape_module.EVENTS, tape_module.TELEMETRY}
