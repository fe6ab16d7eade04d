"""What the venue says is what is believed after one comparison; a second one finds nothing."""

from dataclasses import replace
from decimal import Decimal

import pytest
from compared_accounts import ASKED_NS, RULES, booked, confirmed, kinds, local, ours, snapshot, there, trade

from streaming.reconcile.compare import reconcile
from streaming.reconcile.made import SYNTHETIC_BIT, synthetic_trade_id
from streaming.reconcile.words import AccountSnapshot, DifferenceKind, Rule
from streaming.venues.gateway import Balance, VenuePosition
from streaming.venues.venue_reply import Origin, ReplyKind


def test_two_that_agree_have_no_differences():
    state = local(orders=(ours(1),), positions={0: 3}, balances={"USDT": Decimal(100)})
    venue = snapshot(
        open_orders=(there(1),),
        positions=(VenuePosition(symbol="BTCUSDT", size_units=3, entry_price=Decimal(1)),),
        balances=(Balance(asset="USDT", free=Decimal("60.5"), locked=Decimal(40)),),
    )
    found = reconcile(state, venue, RULES)
    assert (found.replies, found.differences, found.is_clean) == ((), (), True)


def test_fill_that_was_not_told_is_booked_under_its_own_id_and_to_its_order():
    state = local(orders=(ours(1),))
    venue = snapshot(
        open_orders=(there(1, status="PARTIALLY_FILLED", filled_units=4),), trades=(trade(77, 1, 4, is_named=False),)
    )
    found = reconcile(state, venue, RULES)
    (fill,) = found.replies
    assert (fill.kind, fill.trade_id, fill.client_order_id, fill.size_units) == (ReplyKind.fill, 77, 1, 4)
    assert fill.origin is Origin.reconciled
    assert kinds(found) == [DifferenceKind.missing_fill]
    assert reconcile(booked(state, found.replies), venue, RULES).replies == ()


def test_fills_are_booked_in_the_order_in_which_they_happened():
    venue = snapshot(
        trades=(trade(9, 1, 1, ts_venue_ns=3), trade(7, 1, 1, ts_venue_ns=2), trade(8, 1, 1, ts_venue_ns=2))
    )
    assert [reply.trade_id for reply in reconcile(local(), venue, RULES).replies] == [7, 8, 9]


def test_fill_of_before_the_first_session_is_no_affair_of_ours():
    venue = snapshot(trades=(trade(7, 1, 1, ts_venue_ns=2), trade(8, 1, 1, ts_venue_ns=3)))
    found = reconcile(local(since_ns=3), venue, RULES)
    assert [reply.trade_id for reply in found.replies] == [8]


def test_fill_of_a_person_moves_the_position_and_belongs_to_no_order():
    venue = snapshot(trades=(trade(7, 1, 2, is_named=False),))
    (fill,) = confirmed(local(), venue).replies
    assert (fill.client_order_id, fill.size_units) == (0, 2)


def test_fill_that_nobody_owns_yet_waits_a_round_for_its_order_to_be_asked_for():
    state = local(orders=(ours(1, is_unknown=True),))
    first = reconcile(state, snapshot(trades=(trade(7, 1, 10, is_named=False),)), RULES)
    assert first.replies == ()
    assert [(each.kind, each.rule) for each in first.differences if each.is_confirmed] == [
        (DifferenceKind.ghost_order, Rule.query)
    ]
    second = reconcile(state, snapshot(trades=(trade(7, 1, 10),)), RULES, first.ids)
    assert [fill.client_order_id for fill in second.replies] == [1]


def test_fill_that_waits_is_not_made_up_for_by_its_position():
    state = local(orders=(ours(7, is_unknown=True),), positions={0: 3}, balances={"USDT": Decimal(100)})
    said = snapshot(
        trades=(trade(100, 9, 4, is_named=False),),
        positions=(VenuePosition(symbol="BTCUSDT", size_units=7, entry_price=Decimal(60_000)),),
        balances=(Balance(asset="USDT", free=Decimal(50), locked=Decimal(0)),),
    )
    before = frozenset[str]()
    for _ in range(3):
        found = reconcile(state, said, RULES, before)
        before = found.ids
        assert not [reply for reply in found.replies if reply.kind is ReplyKind.fill]
        assert {*kinds(found)} == {DifferenceKind.missing_fill, DifferenceKind.ghost_order}


def test_fill_of_nobody_waits_as_long_as_an_order_of_its_side_is_unknown():
    state = local(orders=(ours(7, is_unknown=True),), positions={0: 0})
    said = snapshot(trades=(trade(100, 9, 4, is_named=False),))
    before = reconcile(state, said, RULES).ids

    waiting = reconcile(state, said, RULES, before)
    settled = reconcile(local(positions={0: 0}), said, RULES, waiting.ids)

    assert not [reply for reply in waiting.replies if reply.kind is ReplyKind.fill]
    assert [reply.trade_id for reply in settled.replies] == [100]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("CANCELED", ReplyKind.cancelled),
        ("Cancelled", ReplyKind.cancelled),
        ("PartiallyFilledCanceled", ReplyKind.cancelled),
        ("EXPIRED", ReplyKind.expired),
        ("EXPIRED_IN_MATCH", ReplyKind.expired),
        ("Rejected", ReplyKind.rejected),
    ],
)
def test_order_that_ended_there_ends_here_with_what_it_filled(status, kind):
    state = local(orders=(ours(1, filled_units=4),))
    found = reconcile(state, snapshot(queried=(there(1, status=status, filled_units=4),)), RULES)
    (reply,) = found.replies
    assert (reply.kind, reply.cumulative_units) == (kind, 4)
    assert kinds(found) == [DifferenceKind.ghost_order]


def test_order_that_filled_there_is_ended_by_its_fills_alone():
    state = local(orders=(ours(1),))
    venue = snapshot(queried=(there(1, status="FILLED", filled_units=10),), trades=(trade(5, 1, 6), trade(6, 1, 4)))
    found = reconcile(state, venue, RULES)
    assert [reply.kind for reply in found.replies] == [ReplyKind.fill, ReplyKind.fill]
    assert booked(state, found.replies).orders == ()


def test_open_order_that_no_list_names_is_asked_for():
    (difference,) = reconcile(local(orders=(ours(1),)), snapshot(), RULES).differences
    assert (difference.rule, difference.client_order_id) == (Rule.query, 1)


def test_order_that_was_sent_after_the_round_began_is_left_alone():
    found = reconcile(local(orders=(ours(1, ts_asked_ns=ASKED_NS),)), snapshot(), RULES)
    assert found.differences == ()


def test_unknown_order_that_the_venue_provably_never_knew_is_absent():
    state = local(orders=(ours(1, is_unknown=True),))
    (reply,) = reconcile(state, snapshot(absent=frozenset({1})), RULES).replies
    assert (reply.kind, reply.client_order_id) == (ReplyKind.absent, 1)


def test_unknown_order_that_rests_there_is_acknowledged_as_it_rests():
    state = local(orders=(ours(1, is_unknown=True),))
    venue = snapshot(open_orders=(there(1, price_ticks=600_100, size_units=8),))
    found = reconcile(state, venue, RULES)
    assert [reply.kind for reply in found.replies] == [ReplyKind.ack, ReplyKind.amended]
    assert kinds(found) == [DifferenceKind.lost_order]
    assert reconcile(booked(state, found.replies), venue, RULES).differences == ()


def test_change_that_was_not_told_is_taken_over():
    state = local(orders=(ours(1),))
    venue = snapshot(open_orders=(there(1, price_ticks=600_100),))
    found = reconcile(state, venue, RULES)
    assert [reply.kind for reply in found.replies] == [ReplyKind.amended]
    assert booked(state, found.replies).orders[0].price_ticks == 600_100


def test_order_under_our_prefix_that_is_not_open_here_is_cancelled():
    (difference,) = reconcile(local(), snapshot(open_orders=(there(9),)), RULES).differences
    assert (difference.kind, difference.rule) == (DifferenceKind.foreign_order, Rule.cancel)
    assert (difference.client_order_id, difference.instrument) == (9, 0)


def test_order_that_ended_while_the_list_was_on_its_way_is_not_foreign():
    assert reconcile(local(ended=frozenset({9})), snapshot(open_orders=(there(9),)), RULES).differences == ()


def test_strangers_order_is_told_and_left_alone():
    (difference,) = reconcile(local(), snapshot(open_orders=(there(9, text="by-hand"),)), RULES).differences
    assert (difference.kind, difference.rule) == (DifferenceKind.stranger_order, Rule.tell)


def test_fill_without_a_trade_is_booked_when_a_second_round_says_the_same():
    state = local(orders=(ours(1),))
    venue = snapshot(open_orders=(there(1, status="PARTIALLY_FILLED", filled_units=4),))
    first = reconcile(state, venue, RULES)
    assert first.replies == ()
    assert not first.differences[0].is_confirmed
    second = reconcile(state, venue, RULES, first.ids)
    (fill,) = second.replies
    assert (fill.size_units, fill.price_ticks, fill.cumulative_units) == (4, 600_000, 4)
    assert fill.trade_id & SYNTHETIC_BIT
    assert reconcile(booked(state, second.replies), venue, RULES, second.ids).differences == ()


def test_end_of_an_order_waits_until_its_fills_are_known():
    state = local(orders=(ours(1),))
    venue = snapshot(queried=(there(1, status="CANCELED", filled_units=4),))
    assert reconcile(state, venue, RULES).replies == ()
    assert [reply.kind for reply in confirmed(state, venue).replies] == [ReplyKind.fill, ReplyKind.cancelled]


def test_position_that_differs_is_booked_and_halts_when_a_second_round_says_the_same():
    state = local(positions={0: 3}, marks={0: 600_000})
    venue = snapshot(positions=())
    first = reconcile(state, venue, RULES)
    assert (first.replies, first.differences[0].is_confirmed) == ((), False)
    second = reconcile(state, venue, RULES, first.ids)
    assert second.differences[0].rule is Rule.halt
    assert "expected a position of 0.003, found 0" in second.differences[0].text
    (fill,) = second.replies
    assert (fill.client_order_id, fill.side, fill.size_units) == (0, 1, 3)
    assert reconcile(booked(state, second.replies), venue, RULES).differences == ()


def test_same_difference_of_a_position_can_be_booked_again_another_day():
    state, venue = local(positions={0: 3}, marks={0: 600_000}), snapshot(positions=())
    once = booked(state, confirmed(state, venue).replies)
    again = replace(once, positions={0: 3})
    twice = booked(again, confirmed(again, venue).replies)
    assert len(twice.trades) == 2
    assert twice.positions == {0: 0}


def test_position_is_not_compared_while_fills_move_it():
    assert reconcile(local(positions={0: 3}, moved=frozenset({0})), snapshot(positions=()), RULES).differences == ()


def test_position_that_nobody_here_trades_is_told():
    stray = VenuePosition(symbol="DOGEUSDT", size_units=5, entry_price=Decimal(1))
    (difference,) = reconcile(local(), snapshot(positions=(stray,)), RULES).differences
    assert (difference.kind, difference.rule, difference.symbol) == (DifferenceKind.position, Rule.tell, "DOGEUSDT")


def test_balance_that_differs_by_more_than_dust_is_told():
    state = local(balances={"USDT": Decimal(100), "BTC": Decimal(1)})
    venue = snapshot(
        balances=(
            Balance(asset="USDT", free=Decimal("99.5"), locked=Decimal(0)),
            Balance(asset="BTC", free=Decimal("0.9"), locked=Decimal(0)),
        )
    )
    (difference,) = confirmed(state, venue).differences
    assert (difference.kind, difference.asset, difference.rule) == (DifferenceKind.balance, "BTC", Rule.tell)
    assert difference.text == "expected 1 BTC, found 0.9"


def test_rule_of_a_kind_can_be_set():
    strict = replace(RULES, table={DifferenceKind.missing_fill: Rule.halt})
    found = reconcile(local(), snapshot(trades=(trade(7, 1, 1),)), strict)
    assert found.differences[0].rule is Rule.halt
    assert len(found.replies) == 1, "what is known is booked whatever follows"


def test_snapshot_of_another_venue_is_a_mistake():
    with pytest.raises(ValueError, match="expected a snapshot of binance_usdm, found one of bybit_spot"):
        reconcile(local(), AccountSnapshot(venue="bybit_spot", ts_asked_ns=0, ts_ns=0), RULES)


def test_synthetic_ids_say_what_differs_and_are_no_venues_ids():
    one = synthetic_trade_id("binance_usdm", "BTCUSDT", 1, 0, 4)
    assert one == synthetic_trade_id("binance_usdm", "BTCUSDT", 1, 0, 4)
    assert one != synthetic_trade_id("binance_usdm", "BTCUSDT", 1, 0, 5)
    assert 1 << 63 <= one < 1 << 64
