"""A closing fill and a funding are parted among holders to the last unit."""

from hypothesis import given
from hypothesis import strategies as st

from streaming.performance.ledger import Ledger, Money, Part, funding_parts, parted
from streaming.performance.tracker import _mid_x2

HOLDINGS = st.dictionaries(st.integers(0, 5), st.integers(-500, 500), min_size=1, max_size=6)


@given(HOLDINGS, st.integers(-900, 900).filter(bool), st.integers(-10_000, 10_000))
def test_parts_of_a_closing_fill_add_up_and_go_first_to_those_it_closes(holdings, signed_units, fee):
    parts = parted(holdings, Part(signed_units, 100, fee, is_maker=False))

    assert sum(part.signed_units for part in parts.values()) == signed_units
    assert sum(part.fee_quote_units for part in parts.values()) == fee
    first = min(holdings)
    for holder, part in parts.items():
        assert holder == first or holdings[holder] * part.signed_units < 0
        assert holder == first or abs(part.signed_units) <= abs(holdings[holder])


def test_a_fill_of_nobody_who_held_is_nobodys():
    assert parted({}, Part(5, 100, 1, is_maker=False)) == {}


@given(HOLDINGS, st.integers(-(10**9), 10**9))
def test_parts_of_a_funding_add_up(holdings, paid):
    position = sum(holdings.values())

    parts = funding_parts(holdings, position, paid)

    assert sum(parts.values()) == (paid if position else 0)
    assert all(holdings[holder] for holder in parts)


@given(st.integers(-(10**6), 10**6).filter(lambda units: abs(units) > 1), st.integers(1, 10**9))
def test_the_mid_of_a_position_is_found_again_from_its_rounded_value(units, mid_x2):
    assert _mid_x2(units, units * mid_x2 // 2) == mid_x2


def test_a_ledger_by_hand():
    """Tick 0.1, size unit 0.001: a quote unit is 0.0001, or 10^4 of 10^-8."""
    ledger = Ledger(Money(10_000, 1))
    ledger.take(Part(10, 1_000, 5, is_maker=False), 1_999)  # buys half a tick above the mid
    ledger.take(Part(-10, 1_010, 5, is_maker=True), 2_022)  # sells a tick below it

    assert (ledger.position_units, ledger.cash_quote_units) == (0, 100)
    assert ledger.spread_e8 == (10 * 1 + 10 * 2) // 2 * 10_000
    assert ledger.fees_e8 == 100_000 and ledger.value_e8(0) == 900_000
    assert (ledger.trades.count, ledger.trades.won, ledger.trades.profit_e8) == (1, 1, 900_000)
