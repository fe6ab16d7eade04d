"""A journal becomes a tape: every message at its time, bounded, and honest about what it is made from."""

import sqlite3
import zlib
from itertools import pairwise
from pathlib import Path

import pytest
from paper_market import Arrival, arrivals, silent
from watched_session import watched

from streaming.bus import EVENTS, TELEMETRY, VIEW, FillEvent, Telemetry, event_from_json, message_from_json
from streaming.bus_view import View, view_from_json
from streaming.errors import BadDataError, UsageError
from streaming.performance.stage_file import StageRow, encode_rows, stage_path
from streaming.settings import Settings, load_settings
from streaming.shell.trader_bus import bus_event
from streaming.trader.standing import SessionEvent
from streaming.view import tape
from streaming.view.tape import write_tape


@pytest.fixture(scope="module")
def frames() -> list[Arrival]:
    return arrivals(80)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, frames: list[Arrival]) -> tuple[Path, list[SessionEvent], str]:
    """A sealed journal, what was told of its session, and its run."""
    feeder = watched(tmp_path_factory.mktemp("journal"))
    feeder.feed(frames)
    told = feeder.session.take_events()
    return feeder.session.close(), told, feeder.session.plan.header.run


@pytest.fixture
def settings(settings_file: Path) -> Settings:
    return load_settings(settings_file)


def rows(path: Path, stream: str) -> list[tuple[int, bytes]]:
    with sqlite3.connect(path) as database:
        found = database.execute("select ts_ns, json from entries where stream = ? order by ts_ns, rowid", [stream])
        return [(ts_ns, zlib.decompress(packed)) for ts_ns, packed in found]


def meta(path: Path) -> dict[str, object]:
    with sqlite3.connect(path) as database:
        return dict(database.execute("select key, value from meta"))


def made(settings: Settings, journal: Path, path: Path) -> list[View]:
    write_tape(settings, journal, path, silent)
    return [view_from_json(payload) for _, payload in rows(path, VIEW)]


def test_tape_holds_the_views_of_the_whole_session_in_order(
    settings: Settings, session: tuple[Path, list[SessionEvent], str], tmp_path: Path
) -> None:
    path = tmp_path / "views.tape"
    views = made(settings, session[0], path)

    times, words = [view.ts_ns for view in views], meta(path)
    assert times == sorted(times) and 35 <= len(views) <= 45  # eight seconds, five a second
    assert {view.mode for view in views} == {"replay"} and {view.run for view in views} == {session[2]}
    assert (words["first_ns"], words["last_ns"]) == (times[0], times[-1])
    assert words["problem"] == "" and words["run"] == session[2] and words["version"] == tape.TAPE_VERSION


def test_tape_holds_every_event_that_the_session_told(
    settings: Settings, session: tuple[Path, list[SessionEvent], str], tmp_path: Path
) -> None:
    path, (journal, told, run) = tmp_path / "views.tape", session
    write_tape(settings, journal, path, silent)

    found = [event_from_json(payload) for _, payload in rows(path, EVENTS)]
    assert found == [bus_event(run, event) for event in told]
    assert sum(isinstance(event, FillEvent) for event in found) > 10


def test_tape_holds_a_status_a_second_with_what_the_journal_knows(
    settings: Settings, session: tuple[Path, list[SessionEvent], str], tmp_path: Path
) -> None:
    path = tmp_path / "views.tape"
    views = made(settings, session[0], path)

    told = [message_from_json(Telemetry, payload) for _, payload in rows(path, TELEMETRY)]
    assert 7 <= len(told) <= 10
    newest = told[-1].body
    assert newest["mode"] == "replay" and newest["state"] == "active"
    counts = newest["counts"]
    assert isinstance(counts, dict) and counts["fills"] == views[-1].fills > 10
    performance = newest["performance"]
    assert isinstance(performance, dict) and performance["total"]["trades"] > 5  # type: ignore[index,call-overload,operator]
    scores = newest["scores"]
    assert isinstance(scores, dict) and scores["champion"]["horizons"][0]["scored"] > 100  # type: ignore[index,call-overload]


def test_what_stages_took_is_told_from_the_file_beside_the_journal(
    settings: Settings, tmp_path: Path, frames: list[Arrival]
) -> None:
    feeder = watched(tmp_path)
    feeder.feed(frames)
    journal, run = feeder.session.close(), feeder.session.plan.header.run
    at_ns = frames[0].ts_ns + 3_000_000_000
    row = StageRow(at_ns, "feed_age", "bybit_spot", 7, 1_000, 2_000, 3_000, 4_000, 5_500)
    stage_path(tmp_path, run).write_bytes(encode_rows([row]))
    write_tape(settings, journal, tmp_path / "views.tape", silent)

    told = [message_from_json(Telemetry, payload) for _, payload in rows(tmp_path / "views.tape", TELEMETRY)]
    recent = {
        "count": 7,
        "p50_us": 1.0,
        "p90_us": 2.0,
        "p99_us": 3.0,
        "p99.9_us": 4.0,
        "max_us": 5.5,
    }
    for status in told:
        assert status.body["latency"] == ({"feed_age.bybit_spot": {"recent": recent}} if status.ts_ns >= at_ns else {})


def test_long_session_keeps_every_second_view_as_often_as_it_takes(
    settings: Settings,
    session: tuple[Path, list[SessionEvent], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tape, "VIEWS_MAX", 8)
    views = made(settings, session[0], tmp_path / "views.tape")

    numbers = [view.number for view in views]
    assert 4 <= len(numbers) <= 8
    assert {after - before for before, after in pairwise(numbers)} == {8}
    assert sum(1 for _ in rows(tmp_path / "views.tape", EVENTS)) == len(session[1])


def test_what_is_no_journal_is_refused_by_name(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.seg\.zst: expected a journal or a run, found no file"):
        write_tape(settings, tmp_path / "nothing.seg.zst", tmp_path / "views.tape", silent)


def test_journal_is_found_by_the_name_of_its_run(settings: Settings, tmp_path: Path, frames: list[Arrival]) -> None:
    feeder = watched(tmp_path)
    feeder.feed(frames[:100])
    journal, folder = feeder.session.close(), settings.warehouse.journal_dir
    folder.mkdir(parents=True)
    journal.rename(folder / journal.name)

    write_tape(settings, Path(feeder.session.plan.header.run), tmp_path / "views.tape", silent)

    assert meta(tmp_path / "views.tape")["journal"] == journal.name


def test_journal_without_a_step_is_refused(settings: Settings, tmp_path: Path) -> None:
    journal = watched(tmp_path).session.close()

    with pytest.raises(BadDataError, match="holds no step"):
        write_tape(settings, journal, tmp_path / "views.tape", silent)
