"""The demo's settings file reads back as what was asked."""

from pathlib import Path

from native.config import FeeSettings, GridConfig, InstrumentLimits
from streaming.overlay import toml_text, write_overlay
from streaming.settings import load_settings


def test_overlay_reads_back_with_its_grid_and_limits(settings_file: Path, tmp_path: Path) -> None:
    own = load_settings()
    grid = GridConfig(name="demo", instruments=("binance_usdm:ETHUSDT",), reference="binance_usdm:ETHUSDT")
    limit = InstrumentLimits(order_size="0.1", max_order_size="0.5", max_position="0.5")

    write_overlay(tmp_path / "demo" / "settings.toml", own, tmp_path / "demo", grid, {"binance_usdm:ETHUSDT": limit})

    overlay = load_settings(tmp_path / "demo" / "settings.toml")
    assert overlay.data_dir == tmp_path / "demo"
    assert overlay.grid == (grid, *own.grid)
    assert overlay.streaming.grid == "demo"
    assert overlay.orchestration["grid"] == "demo"
    assert overlay.native.limits["binance_usdm:ETHUSDT"] == limit
    assert overlay.native.risk == own.native.risk


def test_overlay_may_replace_the_venues_fees(settings_file: Path, tmp_path: Path) -> None:
    own = load_settings()
    none = FeeSettings(maker_bps="0.0", taker_bps="0.0")

    write_overlay(tmp_path / "settings.toml", own, tmp_path, own.grid[0], {}, {"bybit_spot": none})

    assert load_settings(tmp_path / "settings.toml").native.fees == {"bybit_spot": none}


def test_toml_quotes_keys_and_nests_tables() -> None:
    text = toml_text({"a": 1, "b": {"x:y": {"c": "d"}}, "e": [{"f": [1, 2]}]})

    assert text == 'a = 1\n\n[b]\n\n[b."x:y"]\nc = "d"\n\n[[e]]\nf = [1, 2]\n'
