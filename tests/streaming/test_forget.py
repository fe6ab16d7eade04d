"""`trader import --replace`: what was converted from the run that goes, goes with it."""

from dataclasses import replace
from pathlib import Path

import pytest
import spot_recording as recording

from native.config import GridConfig
from streaming.convert import convert_grid_hour, convert_hour
from streaming.errors import RecordingError
from streaming.importer import ImportRequest, import_recording
from streaming.segments import HOUR_NS
from warehouse.instruments import read_versions
from warehouse.lake import Lake

NAME = "binance_spot:ETHUSDT"
GRID = GridConfig(name="one", instruments=(NAME,), reference=NAME)


def silent(message: str) -> None:
    """Progress for tests."""


def request(file: Path, tick: str = "0.01") -> ImportRequest:
    return ImportRequest(files=(file,), venue="binance_spot", symbol="ETHUSDT", tick=tick, size_unit="0.0001")


def convert_all(lake: Lake) -> None:
    for hour in lake.hours("binance_spot"):
        convert_hour(lake, "binance_spot", hour)
        convert_grid_hour(lake, GRID, hour)


def tables(lake: Lake) -> list[str]:
    paths = [path for path in lake.root.rglob("*") if path.is_file() and "raw" not in path.parts]
    return sorted(path.relative_to(lake.root).as_posix() for path in paths)


@pytest.fixture
def converted(tmp_path: Path) -> Lake:
    """A lake with one run under tick 0.01 over two hours, converted."""
    late = recording.T0_NS + HOUR_NS
    texts = recording.lines(recording.messages()) + recording.lines([recording.depth(140)], begin_ns=late)
    recording.write(tmp_path / "file", texts)
    import_recording(tmp_path / "lake", request(tmp_path / "file"), silent)
    convert_all(Lake(tmp_path / "lake"))
    return Lake(tmp_path / "lake")


def test_replaced_run_takes_its_tables_checkpoints_grid_and_steps_with_it(converted: Lake, tmp_path: Path) -> None:
    assert any(name.startswith("grid/") for name in tables(converted))

    import_recording(converted.root, request(tmp_path / "file", tick="0.005"), silent, replace=True)

    assert tables(converted) == []


def test_replaced_run_is_converted_under_its_new_tick(converted: Lake, tmp_path: Path) -> None:
    before = tables(converted)
    import_recording(converted.root, request(tmp_path / "file", tick="0.005"), silent, replace=True)

    convert_all(converted)

    assert tables(converted) != []
    assert {name.replace(run, "RUN") for name in tables(converted) for run in runs_of(converted)} >= {
        name for name in before if name.startswith(("book_updates/", "grid/"))
    }
    assert [version.tick for version in read_versions(converted)] == ["0.005"]


def runs_of(lake: Lake) -> list[str]:
    return [path.stem for path in (lake.root / "raw" / "_runs").glob("*.json")]


def test_steps_of_a_run_that_stays_are_said_again(converted: Lake, tmp_path: Path) -> None:
    """The first run brought the steps in, the second one said the same: they must not go with the first."""
    other = recording.lines(recording.messages(first=9_000), begin_ns=recording.T0_NS + 2 * HOUR_NS)
    import_recording(converted.root, request(recording.write(tmp_path / "other", other)), silent)
    convert_all(converted)

    import_recording(converted.root, request(tmp_path / "file", tick="0.005"), silent, replace=True)

    assert [version.tick for version in read_versions(converted)] == ["0.01"]


def test_failed_replacement_takes_nothing_away(converted: Lake, tmp_path: Path) -> None:
    before = tables(converted), sorted(converted.root.rglob("*.zst"))

    with pytest.raises(RecordingError):
        import_recording(converted.root, replace(request(tmp_path / "file"), tick="0.03"), silent, replace=True)

    assert (tables(converted), sorted(converted.root.rglob("*.zst"))) == before
