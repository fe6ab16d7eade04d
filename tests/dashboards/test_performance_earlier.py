"""Earlier sessions on the pages Trading and Latency are those of the lake, as they landed."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from paper_market import silent
from traded_session import traded

from dashboards.performance.earlier import SESSIONS_SQL, STAGES_SQL, Earlier, session_rows, stage_rows
from streaming.performance.stage_file import StageRow, encode_rows, stage_path
from streaming.session_tables import land_session
from warehouse.lake import Lake
from warehouse.views import connect

Landed = tuple[Mapping[str, object], Lake]


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    """What a session said of all at its end, and the lake that it landed in."""
    folder = tmp_path_factory.mktemp("landed")
    session = traded(folder)
    status = session.performance()["total"]
    assert isinstance(status, dict)
    times = [StageRow(at, stage, "", 9, 1_500, 2_000, at * 1_000, 4_000, 5_000) for at in (7, 8) for stage in STAGES]
    stage_path(folder, session.plan.header.run).write_bytes(encode_rows(times))
    lake = Lake(folder / "lake")
    land_session(lake, session.close(), silent)
    return status, lake


STAGES = ("decode_book", "socket_to_order")


def asked(lake: Lake, sql: str) -> list[dict[str, object]]:
    with connect(lake) as connection:
        found = connection.execute(sql)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_a_session_is_told_by_its_last_row(landed: Landed) -> None:
    said, lake = landed

    (row,) = session_rows(asked(lake, SESSIONS_SQL))

    assert len(row) == len(Earlier.COLUMNS) and str(row[0]).startswith("paper-")
    assert isinstance(row[2], dict) and row[2]["text"] == f"{float(str(said['pnl'])):.2f}"
    assert row[8:10] == [f"{said['fill_rate']:.1%}", f"{said['trades']}"]


def test_what_stages_took_is_told_by_medians_and_the_worst_interval(landed: Landed) -> None:
    _, lake = landed

    (row,) = stage_rows(asked(lake, STAGES_SQL))

    assert len(row) == len(Earlier.STAGES)
    assert row[2:] == ["1.5 µs", None, None, "1.5 µs", "8.0 µs", None]


def test_an_empty_lake_has_no_session(tmp_path: Path) -> None:
    assert asked(Lake(tmp_path), SESSIONS_SQL) == asked(Lake(tmp_path), STAGES_SQL) == []
