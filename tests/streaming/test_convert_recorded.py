"""The conversion of real recordings: `book_at` shows the engine's whole book, and a grid spans two hours."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
import pytest

import native
from native.config import EngineSettings, GridConfig, engine_document
from streaming.convert import convert_grid_hour, convert_hour, grid_hours
from streaming.importer import ImportRequest, import_recording
from streaming.raw_hour import read_runs
from streaming.recordings import read_recordings
from streaming.segments import scan
from warehouse.lake import Lake
from warehouse.views import connect


@pytest.fixture(scope="module")
def recorded(recordings, tmp_path_factory) -> Lake:
    """The ETHUSDT recordings of Binance spot and USD-M, converted."""
    lake = Lake(tmp_path_factory.mktemp("recorded"))
    for request in read_recordings(recordings):
        if request.symbol == "ETHUSDT":
            import_quietly(lake, request)
    for venue in lake.venues():
        for hour in lake.hours(venue):
            convert_hour(lake, venue, hour)
    return lake


def import_quietly(lake: Lake, request: ImportRequest) -> None:
    import_recording(lake.root, request, progress=lambda *_: None)


@pytest.mark.parametrize(
    ("venue", "hour"),
    [
        ("binance_usdm", datetime(2024, 8, 8, 23, tzinfo=UTC)),
        ("binance_spot", datetime(2024, 8, 8, 23, tzinfo=UTC)),
        ("bybit_spot", datetime(2026, 8, 9, 21, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("part", [0.02, 0.5, 0.97])
def test_book_at_equals_the_engines_whole_book(recorded, venue, hour, part):
    run = read_runs(recorded, venue, hour)[0]
    instruments = [{**orjson.loads(orjson.dumps(entry)), "id": 0} for entry in run.instruments]
    sources = [orjson.loads(orjson.dumps(source)) for source in run.sources]
    engine = native.Engine(orjson.dumps(engine_document(instruments, sources, EngineSettings())).decode())
    block = native.merge_blocks(list(run.blocks))
    records = scan(Path("merged"), block)
    ts_ns = int(records["ts_ns"][int(len(records) * part)])
    last = int(np.searchsorted(records["ts_ns"], ts_ns, side="right")) - 1
    engine.process(block[: int(records["offset"][last] + records["length"][last]) + 4])

    with connect(recorded) as connection:
        query = f"select side, price_ticks, size_units from book_at('{venue}', 'ETHUSDT', {ts_ns})"
        rows = connection.execute(query).fetchall()

    bids, asks = engine.book(0, 100_000)
    assert [(price, size) for side, price, size in rows if side == "bid"] == [tuple(row) for row in bids.tolist()]
    assert [(price, size) for side, price, size in rows if side == "ask"] == [tuple(row) for row in asks.tolist()]
    assert len(rows) > 300


def test_recorded_grid_covers_both_hours_and_masks_the_venue_of_another_day(recorded):
    grid = GridConfig(
        name="eth",
        instruments=("binance_usdm:ETHUSDT", "binance_spot:ETHUSDT", "bybit_spot:ETHUSDT"),
        reference="binance_usdm:ETHUSDT",
    )

    hours = grid_hours(recorded, grid)[:2]
    first, second = (convert_grid_hour(recorded, grid, hour) for hour in hours)

    assert [hour.hour for hour in hours] == [23, 0]
    assert second.start == "continued"
    assert first.valid_rows["binance_usdm:ETHUSDT"] > 3_400
    assert first.valid_rows["bybit_spot:ETHUSDT"] == 0
    assert second.valid_rows["binance_spot:ETHUSDT"] > 3_000
