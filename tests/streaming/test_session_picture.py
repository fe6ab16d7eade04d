"""The picture of a session shows what the run's tables hold, and can be drawn of a run that hardly did anything."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from streaming.cli.main import main
from streaming.convert import convert_grid_hour, convert_hour
from streaming.errors import BadDataError
from streaming.session_frames import read_session
from streaming.session_picture import DOWN, MARK, UP, WARN, Mark, draw_session
from streaming.settings import load_settings
from streaming.trading_run import RunSummary, read_summary
from warehouse.lake import Lake
from warehouse.schema import table_schema

HOUR = datetime(2026, 1, 5, tzinfo=UTC)
START_NS = 1_767_571_200 * 1_000_000_000
S = 1_000_000_000
BOUGHT_S, SOLD_S = 5, 20


def rows(table: str, *given: dict[str, object]) -> pa.Table:
    """Rows of `table` with the columns that matter; the others are zero or empty."""
    schema = table_schema(table).columns
    empty = {field.name: pa.scalar(0).cast(field.type).as_py() for field in schema}
    return pa.Table.from_pylist([empty | row for row in given], schema=schema)


@pytest.fixture
def quiet_run(data_dir: Path) -> RunSummary:
    """36 s of generated market, replayed without a model."""
    assert main(["emulate", "--hours", "0.01", "--json"]) == 0
    assert main(["start", "--mode", "replay", "--no-model", "--json"]) == 0
    settings = load_settings()
    lake = Lake(settings.warehouse.lake_dir)
    for venue in lake.venues():
        convert_hour(lake, venue, HOUR, settings=settings.native)
    convert_grid_hour(lake, settings.grid_named("main"), HOUR, settings=settings.native)
    return read_summary(settings.warehouse.journal_dir, None)


@pytest.fixture
def traded_run(data_dir: Path, quiet_run: RunSummary) -> RunSummary:
    """The same with a purchase and a sale of 0.01 BTC of the perpetual, 100 ticks dearer, written into its tables."""
    lake = Lake(data_dir / "lake")
    own = {"venue": "binance_usdm", "instrument": "BTCUSDT"}
    bought, sold = START_NS + BOUGHT_S * S, START_NS + SOLD_S * S
    forecasts = [
        own
        | {"ts_step_ns": START_NS + n * S, "ts_ns": START_NS + n * S, "expected_bps": (-1) ** n * 2.0, "cost_bps": 1}
        for n in range(1, 30)
    ]
    tables = {
        "decisions": rows("decisions", *forecasts),
        "fills": rows(
            "fills",
            own | {"ts_ns": bought, "price_ticks": 260_000, "size_units": 10, "side": 0},
            own | {"ts_ns": sold, "price_ticks": 260_100, "size_units": 10, "side": 1},
        ),
        "positions": rows(
            "positions",
            own | {"ts_ns": bought, "position_units": 10},
            own | {"ts_ns": sold, "realised_quote_units": 1_000, "fees_quote_units": 100},
        ),
    }
    for table, data in tables.items():
        lake.write_table(table, {"run": quiet_run.run}, data)
    return quiet_run


def has_colour(path: Path, ink: str) -> bool:
    pixels = imread(path)[:, :, :3]
    return bool((np.abs(pixels - np.array(to_rgb(ink))) < 0.01).all(axis=2).any())


def test_a_session_is_read_in_peoples_units_with_the_reference_first(data_dir: Path, traded_run: RunSummary) -> None:
    session = read_session(Lake(data_dir / "lake"), traded_run)

    trail = session.trails[0]
    assert [book.name for book in session.books] == [trail.name for trail in session.trails]
    assert (trail.name, session.quote, session.horizon_s) == ("binance_usdm:BTCUSDT", "USDT", 0.5)
    assert trail.fill_price.tolist() == [26_000.0, 26_010.0]
    assert trail.fill_at_s == pytest.approx([BOUGHT_S, SOLD_S], abs=0.01)
    assert trail.position.tolist() == [0.01, 0.0]
    assert trail.pnl == pytest.approx([0.0, (1_000 - 100) * 0.1 * 0.001])


def test_a_book_that_is_not_valid_has_no_price(data_dir: Path, quiet_run: RunSummary) -> None:
    book = read_session(Lake(data_dir / "lake"), quiet_run).books[0]

    assert not book.is_valid.all() and book.is_valid.any()
    assert np.isfinite(book.mid).tolist() == book.is_valid.tolist()


def test_fills_invalid_books_and_marks_are_to_be_seen(data_dir: Path, traded_run: RunSummary, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"

    draw_session(Lake(data_dir / "lake"), traded_run, path, [Mark(START_NS + 10 * S, "from here on")])

    assert all(has_colour(path, ink) for ink in (UP, DOWN, WARN, MARK))


def test_a_run_without_orders_is_drawn(data_dir: Path, quiet_run: RunSummary, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"

    assert main(["report", quiet_run.run, "--picture", str(path)]) == 0

    assert has_colour(path, WARN) and not has_colour(path, MARK)


def test_a_session_in_which_no_book_was_ever_valid_is_drawn(
    data_dir: Path, quiet_run: RunSummary, tmp_path: Path
) -> None:
    lake, path = Lake(data_dir / "lake"), tmp_path / "picture.png"
    for part in lake.files("grid"):
        pl.read_parquet(part).with_columns(is_valid=pl.lit(False)).write_parquet(part)

    draw_session(lake, quiet_run, path)

    assert has_colour(path, WARN)


def test_a_run_whose_steps_are_gone_is_refused(data_dir: Path, quiet_run: RunSummary, tmp_path: Path) -> None:
    lake = Lake(data_dir / "lake")
    for path in lake.files("grid"):
        path.unlink()

    with pytest.raises(BadDataError, match="expected steps of grid main in the lake, found none"):
        draw_session(lake, quiet_run, tmp_path / "picture.png")


def test_a_picture_of_another_kind_is_refused(data_dir: Path, quiet_run: RunSummary, tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match=r"expected a name that ends with \.png"):
        draw_session(Lake(data_dir / "lake"), quiet_run, tmp_path / "picture.svg")
