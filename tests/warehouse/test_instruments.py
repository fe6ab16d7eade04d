"""Laws of the instrument table."""

from dataclasses import replace

import pytest

from warehouse.errors import InstrumentError
from warehouse.instruments import InstrumentVersion, read_versions, record_version, version_at
from warehouse.lake import Lake

SPOT = InstrumentVersion(
    venue="binance_spot",
    symbol="ETHUSDT",
    valid_from_ns=100,
    market_type="spot",
    base="ETH",
    quote="USDT",
    tick="0.01",
    size_unit="0.00000001",
    lot="0.0001",
    maker_fee_bps="7.5",
    taker_fee_bps="10",
)


def test_a_version_is_read_back_as_the_venue_printed_it(tmp_path):
    record_version(Lake(tmp_path), SPOT)

    assert read_versions(Lake(tmp_path)) == [SPOT]


def test_the_latest_version_not_after_the_time_holds(tmp_path):
    later = replace(SPOT, valid_from_ns=200, tick="0.1")

    assert version_at([SPOT, later], SPOT.name, 199) == SPOT
    assert version_at([SPOT, later], SPOT.name, 200) == later


def test_the_first_version_holds_before_its_time_and_an_unknown_instrument_has_none():
    assert version_at([SPOT], SPOT.name, 0) == SPOT
    assert version_at([SPOT], "bybit_spot:ETHUSDT", 0) is None


def test_the_same_time_with_another_tick_is_refused(tmp_path):
    lake = Lake(tmp_path)
    record_version(lake, SPOT)

    with pytest.raises(InstrumentError, match=r"binance_spot:ETHUSDT: expected tick 0\.01 .* found 0\.1"):
        record_version(lake, replace(SPOT, tick="0.1"))


def test_the_same_time_with_another_fee_replaces_the_row(tmp_path):
    lake = Lake(tmp_path)
    record_version(lake, SPOT)

    record_version(lake, replace(SPOT, taker_fee_bps="9"))

    assert [item.taker_fee_bps for item in read_versions(lake)] == ["9"]


@pytest.mark.parametrize("tick", ["0.0000000000001", "1e-13", "10000000", "ten", "NaN"])
def test_a_step_that_the_table_cannot_hold_exactly_is_refused(tmp_path, tick):
    with pytest.raises(InstrumentError, match="tick: expected a decimal"):
        record_version(Lake(tmp_path), replace(SPOT, tick=tick))
