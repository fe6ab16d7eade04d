"""A session in the lake: what its engine put out live, byte for byte, or nothing at all."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from paper_market import (
    CONTEXT,
    GRID,
    NAMES,
    START_NS,
    Arrival,
    Feeder,
    arrivals,
    begin,
    journal_without,
    plan_of,
    scripted,
    silent,
)

from streaming.errors import BadDataError
from streaming.journal import Outputs
from streaming.report import build_report, show_report
from streaming.segments import KIND_FORECAST, KIND_FRAME
from streaming.session_tables import land_session
from streaming.trader.machine import Machine
from streaming.trader.standing import Standing
from streaming.trading_records import TABLES_OF_KINDS
from streaming.trading_run import read_summary
from warehouse.lake import Lake
from warehouse.schema import FEATURE_NAMES
from warehouse.views import connect

BEFORE_THE_HOUR_NS = START_NS + 3_595 * 10**9


class Listening(Standing):
    """Keeps the grid as it was drained live."""

    def add(self, outputs: Outputs) -> None:
        super().add(outputs)
        self.grid = [*getattr(self, "grid", []), outputs["grid"]]


@pytest.fixture(scope="module")
def frames() -> list[Arrival]:
    """A market that crosses an hour."""
    return arrivals(100, start_ns=BEFORE_THE_HOUR_NS)


@pytest.fixture(scope="module")
def lived(frames: list[Arrival], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NDArray[np.void]]:
    """A sealed journal, and the grid that the live engine put out."""
    folder = tmp_path_factory.mktemp("lived")
    plan = plan_of(BEFORE_THE_HOUR_NS)
    machine = Machine.fresh(plan.header)
    standing = machine.standing = Listening(plan.header.instruments, machine.counts)
    session = begin(folder, plan, machine)
    Feeder(session).feed(frames)
    return session.close(), np.concatenate(standing.grid)


def test_landed_features_are_those_of_the_live_engine_byte_for_byte(
    lived: tuple[Path, NDArray[np.void]], tmp_path: Path
) -> None:
    journal, grid = lived
    lake = Lake(tmp_path)

    landed = land_session(lake, journal, silent)

    rows = lake.scan("session_grid").sort("ts_step_ns", "slot").collect()
    assert rows["run"].unique().to_list() == [landed.run]
    assert rows["hour"].unique().sort().to_list() == [0, 1]
    assert rows["ts_step_ns"].to_list() == grid["ts_step_ns"].tolist()
    assert rows.select(FEATURE_NAMES).to_numpy().astype(np.float32).tobytes() == grid["features"].tobytes()
    assert rows["is_valid"].to_list() == grid["is_valid"].astype(bool).tolist()
    assert (landed.first_step_ns, landed.last_step_ns) == (grid["ts_step_ns"][0], grid["ts_step_ns"][-1])
    assert landed.rows["session_grid"] == len(grid) == landed.steps * len(NAMES)


def test_landed_forecasts_are_what_the_model_said(lived: tuple[Path, NDArray[np.void]], tmp_path: Path) -> None:
    lake = Lake(tmp_path)

    land_session(lake, lived[0], silent)

    rows = lake.scan("forecasts").collect()
    first = rows.row(0, named=True)
    said = scripted(first["ts_step_ns"]).reshape(20, len(NAMES), 20)
    assert first["mid_bps_5"] == said[4, 0, 0]
    assert first["spread_ticks_20"] == 1.0  # the log of the spread is 0
    assert (first["venue"], first["instrument"], first["model_id"], first["horizon_steps"]) == (
        "binance_usdm",
        "BTCUSDT",
        9,
        20,
    )
    assert (rows["ts_ns"] > rows["ts_step_ns"]).all()
    assert len(rows) % len(NAMES) == 0


def test_landing_twice_gives_the_same_bytes(lived: tuple[Path, NDArray[np.void]], tmp_path: Path) -> None:
    def files() -> dict[str, bytes]:
        return {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*.parquet")}

    land_session(Lake(tmp_path), lived[0], silent)
    once = files()
    land_session(Lake(tmp_path), lived[0], silent)

    assert files() == once
    assert len(once) == len(TABLES_OF_KINDS) + 3 + 3  # forecasts, figures and stages as well, and hours of the grid


def test_report_works_on_a_landed_session(
    lived: tuple[Path, NDArray[np.void]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = Lake(tmp_path)
    landed = land_session(lake, lived[0], silent)

    summary = read_summary(lived[0].parent, None)
    report = build_report(lake, summary)
    show_report(report)

    assert (summary.run, summary.mode, summary.grid, summary.instruments) == (landed.run, "paper", GRID.name, NAMES)
    assert summary.counts.frames == landed.frames
    assert sum(item.fills for item in report.instruments) == landed.rows["fills"] > 0
    assert capsys.readouterr().out.startswith(f"PAPER  run {landed.run}  grid main  model bbbb")


def test_views_read_a_landed_session(lived: tuple[Path, NDArray[np.void]], tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    landed = land_session(lake, lived[0], silent)

    with connect(lake) as connection:
        found = connection.execute(
            "select run, count(*) from session_grid join forecasts using (run, ts_step_ns, slot) group by run"
        ).fetchall()

    assert found == [(landed.run, landed.rows["forecasts"])]


# --- what is not landed ---


@pytest.mark.parametrize("kind", [KIND_FRAME, KIND_FORECAST], ids=["frame", "forecast"])
def test_tampered_journal_is_not_landed(lived: tuple[Path, NDArray[np.void]], tmp_path: Path, kind: int) -> None:
    journal = journal_without(lived[0], tmp_path / "altered", kind).seal()

    with pytest.raises(BadDataError, match="differ from the session's at step"):
        land_session(Lake(tmp_path / "lake"), journal, silent)

    assert not (tmp_path / "lake").exists()
    assert list((tmp_path / "altered").iterdir()) == [journal]


def test_what_stands_behind_the_last_hash_is_left_out(frames: list[Arrival], tmp_path: Path) -> None:
    session = begin(tmp_path, plan_of(BEFORE_THE_HOUR_NS))
    Feeder(session).feed(frames)
    heard, last_ns = session.counts.frames, frames[-1].ts_ns
    session.sync()
    session.abandon()
    part = next(tmp_path.glob("*.part"))

    landed = land_session(Lake(tmp_path / "lake"), part.rename(part.with_suffix("")), silent)

    assert landed.last_step_ns == last_ns // GRID.step_ns * GRID.step_ns
    assert heard - 30 < landed.frames < heard
    assert landed.steps > CONTEXT
