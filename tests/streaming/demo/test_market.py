"""The demo's grid: the symbol whose venues were recorded together longest."""

from pathlib import Path

from streaming.demo.market import derive_grid, generated_grid
from streaming.importer import ImportResult
from streaming.settings import load_settings


def result(instrument: str, begin: int, end: int) -> ImportResult:
    return ImportResult(
        run="r",
        instrument=instrument,
        already_there=False,
        frames=1,
        snapshots=1,
        ts_from_ns=begin,
        ts_to_ns=end,
        skipped={},
        files=[],
        warnings=[],
    )


def test_symbol_with_the_longest_overlap_of_venues_is_chosen() -> None:
    results = [
        result("binance_spot:ETHUSDT", 0, 100),
        result("binance_usdm:ETHUSDT", 50, 120),
        result("binance_usdm:BTCUSDT", 0, 1_000),
        result("binance_spot:BTCUSDT", 2_000, 3_000),
        result("bybit_spot:ETHUSDT", 9_000, 9_010),
    ]

    grid = derive_grid(results)

    assert grid.instruments == ("binance_usdm:ETHUSDT", "binance_spot:ETHUSDT")
    assert grid.reference == "binance_usdm:ETHUSDT"


def test_longest_recording_is_chosen_where_none_overlap() -> None:
    grid = derive_grid([result("bybit_spot:ETHUSDT", 0, 10), result("binance_usdm:BTCUSDT", 20, 50)])

    assert grid.instruments == ("binance_usdm:BTCUSDT",)


def test_settings_of_other_instruments_leave_the_generated_market_a_grid_of_its_own(settings_file: Path) -> None:
    assert generated_grid(load_settings()).name == "main"

    settings_file.write_text(settings_file.read_text().replace("BTCUSDT", "ETHUSDT"))

    grid = generated_grid(load_settings())
    assert (grid.name, grid.reference) == ("demo", "binance_usdm:BTCUSDT")
