"""Whatever was missed, two rounds tell it."""

from decimal import Decimal

from compared_accounts import IDS, RULES, booked, local, ours, snapshot, there, trade
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming.reconcile.compare import reconcile
from streaming.venues.gateway import VenuePosition


@st.composite
def lives(draw):
    """An order's true life, and how much of it was heard here."""
    size = draw(st.integers(1, 20))
    fills = draw(st.lists(st.integers(1, size), max_size=4).filter(lambda sizes: sum(sizes) <= size))
    is_full = sum(fills) == size
    status = "FILLED" if is_full else draw(st.sampled_from(["NEW", "NEW", "CANCELED", "EXPIRED"]))
    if status == "NEW" and fills:
        status = "PARTIALLY_FILLED"
    heard = draw(st.lists(st.booleans(), min_size=len(fills), max_size=len(fills)))
    listed = draw(st.lists(st.sampled_from([True, True, True, False]), min_size=len(fills), max_size=len(fills)))
    return {
        "side": draw(st.integers(0, 1)),
        "size": size,
        "fills": fills,
        "heard": heard,
        "listed": listed,
        "status": status,
        "is_end_heard": draw(st.booleans()),
        "is_unknown": draw(st.booleans()),
        "is_amended": draw(st.booleans()),
    }


def pictures(orders, position_error):
    """The two sides of some orders' lives: what is believed, what the venue says."""
    known, open_orders, queried, trades, booked_trades, position, true_position = [], [], [], [], set(), 0, 0
    for number, life in enumerate(orders, start=1):
        sign = -1 if life["side"] else 1
        heard = sum(size for size, is_heard in zip(life["fills"], life["heard"], strict=True) if is_heard)
        for place, size in enumerate(life["fills"]):
            trade_id = number * 100 + place
            true_position += sign * size
            if life["heard"][place]:
                booked_trades.add((0, trade_id))
                position += sign * size
            if life["listed"][place] or life["heard"][place]:
                trades.append(trade(trade_id, number, size, side=life["side"], is_named=bool(place % 2)))
        price = 600_100 if life["is_amended"] else 600_000
        order = there(
            number,
            status=life["status"],
            filled_units=sum(life["fills"]),
            size_units=life["size"],
            side=life["side"],
            price_ticks=price,
        )
        (open_orders if order.is_open else queried).append(order)
        is_ended_here = heard == life["size"] or (
            not order.is_open and life["is_end_heard"] and heard == sum(life["fills"])
        )
        if not is_ended_here:
            known.append(
                ours(
                    number,
                    side=life["side"],
                    size_units=life["size"],
                    filled_units=heard,
                    is_unknown=life["is_unknown"],
                )
            )
    state = local(orders=tuple(known), trades=frozenset(booked_trades), positions={0: position}, marks={0: 600_000})
    stated = VenuePosition(symbol="BTCUSDT", size_units=true_position + position_error, entry_price=Decimal(60_000))
    venue = snapshot(open_orders=tuple(open_orders), queried=tuple(queried), trades=tuple(trades), positions=(stated,))
    return state, venue


@settings(max_examples=300)
@given(orders=st.lists(lives(), max_size=6), position_error=st.sampled_from([0, 0, 0, 2, -5]))
def test_whatever_was_missed_two_rounds_tell_it_and_a_further_one_is_empty(orders, position_error):
    state, venue = pictures(orders, position_error)
    before = frozenset()
    for _ in range(4):
        found = reconcile(state, venue, RULES, before)
        assert found == reconcile(state, venue, RULES, before), "the same question has the same answer"
        before = found.ids
        state = booked(state, found.replies)
        if not found.differences:
            break
    assert (found.replies, found.differences) == ((), ())
    truth = {order.client_text: order for order in venue.open_orders}
    assert {IDS.text(order.client_order_id) for order in state.orders} == set(truth)
    for order in state.orders:
        stated = truth[IDS.text(order.client_order_id)]
        assert (order.price_ticks, order.size_units) == (stated.price_ticks, stated.size_units)
        assert order.filled_units == stated.filled_units
    assert state.positions[0] == venue.positions[0].size_units
