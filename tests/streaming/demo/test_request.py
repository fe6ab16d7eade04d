"""A demo's folder: every demo begins anew, keeps the history that takes long, and touches nobody else's data."""

from pathlib import Path

import pytest

from streaming.cli.main import main
from streaming.demo.request import begin_anew
from streaming.emulator.generator import generate
from streaming.errors import RefusedError
from streaming.runs import RunManifest, read_manifest, write_manifest


def files_of(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def record_something(lake: Path) -> None:
    """Leave what a recorder leaves: a segment and its manifest; and what is made of it."""
    segment = lake / "raw" / "venue=bybit_spot" / "date=2026-01-05" / "hour=02" / "live.seg.zst"
    segment.parent.mkdir(parents=True)
    segment.write_bytes(b"bytes")
    files = {str(segment.relative_to(lake)): 5}
    manifest = RunManifest(
        run="live", instruments=(), origin=(), files=files, frames=1, snapshots=0, ts_from_ns=1, ts_to_ns=2
    )
    write_manifest(lake, manifest)
    table = lake / "trades" / "venue=bybit_spot" / "part.parquet"
    table.parent.mkdir(parents=True)
    table.write_bytes(b"rows")


def test_a_new_folder_is_marked_as_a_demos(tmp_path: Path) -> None:
    assert begin_anew(tmp_path / "demo", "market") is False

    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["demo.json"]


def test_a_later_demo_keeps_the_history_and_nothing_else(tmp_path: Path) -> None:
    demo, lake = tmp_path / "demo", tmp_path / "demo" / "lake"
    begin_anew(demo, "")
    market = generate(lake, 0.002, 1)
    begin_anew(demo, market.run)
    before = files_of(demo)
    record_something(lake)
    (demo / "models").mkdir()
    (demo / "models" / "champion.json").write_text("{}")

    assert begin_anew(demo, market.run) is True

    assert files_of(demo) == before
    assert read_manifest(lake, market.run) is not None


def test_a_history_cut_off_between_its_files_is_not_kept(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    market = generate(lake, 0.002, 1)
    market.segments[0].unlink()

    assert begin_anew(tmp_path, market.run) is False


def test_a_folder_with_another_market_is_refused_and_left_as_it_is(
    settings_file: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = data_dir / "demo"
    assert main(["emulate", "--hours", "0.002", "--to", str(demo / "lake")]) == 0
    before = files_of(demo / "lake")

    assert main(["demo", "--hours", "0.001", "--data-dir", str(demo)]) == 3

    assert "give another --data-dir" in capsys.readouterr().err
    assert files_of(demo / "lake") == before


@pytest.mark.parametrize(
    "name",
    [
        "lake/raw/venue=bybit_spot/date=2026-01-05/hour=02/live.seg.zst.part",
        "models/champion.json",
        "journal/a.seg.zst",
    ],
)
def test_a_folder_that_no_demo_made_is_refused_and_left_as_it_is(tmp_path: Path, name: str) -> None:
    """A recorder that was killed leaves no manifest, and a house may have no lake at all."""
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_bytes(b"dear to somebody")

    with pytest.raises(RefusedError, match=f"{Path(name).name}: no demo of market made it"):
        begin_anew(tmp_path, "market")

    assert (tmp_path / name).read_bytes() == b"dear to somebody"
    assert not (tmp_path / "demo.json").exists()


def test_a_demos_folder_of_another_market_is_refused(tmp_path: Path) -> None:
    begin_anew(tmp_path, "one")
    record_something(tmp_path / "lake")

    with pytest.raises(RefusedError, match="holds run live, which would mix with two"):
        begin_anew(tmp_path, "two")
