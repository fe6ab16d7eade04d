"""Decimal text and whole numbers of steps say the same, exactly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.venues.fees import fee_of
from streaming.venues.instruments import Instrument, Instruments, Step
from streaming.venues.venue_reply import FeeAsset

BTC = Instrument(id=3, symbol="BTCUSDT", tick=Step.of("0.10"), size_unit=Step.of("0.001"), base="BTC", quote="USDT")


@given(st.integers(-(10**18), 10**18), st.sampled_from(["0.10", "0.00000001", "1", "25", "0.5", "1E-7", "1e2"]))
def test_every_number_of_steps_survives_being_printed_and_read(count, step):
    text = Step.of(step).text(count)
    assert Step.of(step).count(text) == count
    assert Decimal(text) == Decimal(step) * count
    assert "E" not in text.upper()
    assert not ("." in text and text.endswith("0"))


@pytest.mark.parametrize("text", ["", "x", "0", "-0.1", "NaN", "Infinity", "1E-999999999", "1E999999999"])
def test_what_is_no_step_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        Step.of(text)


def test_a_price_between_two_steps_is_no_count_of_them():
    with pytest.raises(ValueError, match=r"multiple of 0\.1, found '60000\.15'"):
        BTC.tick.count("60000.15")


def test_instruments_are_found_by_symbol_and_by_id():
    instruments = Instruments([BTC])
    assert instruments.of_symbol("BTCUSDT") is BTC
    assert instruments.of_symbol("ETHUSDT") is None
    assert instruments.of_id(3) is BTC
    with pytest.raises(KeyError):
        instruments.of_id(4)


def test_fee_in_the_quote_asset_is_counted_in_quote_units_rounded_up():
    fee = fee_of(BTC, "USDT", "0.02400004", 600_001)
    assert (fee.asset, fee.mantissa, fee.decimals) == (FeeAsset.quote, 2_400_004, 8)
    assert fee.quote_units == 241  # of 0.0001 USDT: 240.0004


def test_fee_in_the_base_asset_is_worth_its_amount_at_the_fills_price():
    fee = fee_of(BTC, "BTC", "0.0000004000", 600_001)
    assert (fee.asset, fee.name, fee.mantissa, fee.decimals) == (FeeAsset.base, "BTC", 4, 7)
    assert fee.quote_units == 241  # 0.0004 size units at 600001 ticks


def test_fee_in_a_third_asset_keeps_its_amount_and_has_no_known_worth():
    fee = fee_of(BTC, "BNB", "0.00012", 600_001)
    assert (fee.asset, fee.name, fee.mantissa, fee.decimals, fee.quote_units) == (FeeAsset.other, "BNB", 12, 5, 0)


def test_rebate_is_negative_and_loses_its_fraction():
    fee = fee_of(BTC, "USDT", "-0.00015", 600_001)
    assert (fee.mantissa, fee.quote_units) == (-15, -1)
