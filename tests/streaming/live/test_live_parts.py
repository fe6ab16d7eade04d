"""Small parts of a live venue: what waits, listen keys, rounds of reconciliation, balances, order tracks."""

from decimal import Decimal

import pytest

from streaming.live.balances import ExpectedBalances
from streaming.live.desk import begun_at_ns
from streaming.live.links import NEVER_NS
from streaming.live.listen_key import ListenKey
from streaming.live.orders import OrderTracks
from streaming.live.rounds import NEWEST, Rounds
from streaming.live.waiting import Waiting
from streaming.live.words import OrderRequest, RequestKind
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import Balance, Call, CallKind, OrderSpec, Outcome, VenueTrade, Way
from streaming.venues.instruments import Instrument, Instruments, Step
from streaming.venues.venue_reply import FeeAsset, Origin, ReplyKind, VenueReply

S = 1_000_000_000
IDS = ClientIds("lob")


def instruments(market_type="spot"):
    return Instruments(
        [
            Instrument(
                id=3,
                symbol="BTCUSDT",
                tick=Step.of("0.01"),
                size_unit=Step.of("0.00001"),
                base="BTC",
                quote="USDT",
                market_type=market_type,
            )
        ]
    )


def request(number, kind=RequestKind.cancel):
    return OrderRequest(kind, OrderSpec(client_order_id=number, instrument=3))


def fill(trade_id, **words):
    base = {"client_order_id": 1, "instrument": 3, "price_ticks": 100_00, "size_units": 100_000}
    return VenueReply(kind=ReplyKind.fill, trade_id=trade_id, **{**base, **words})


def trade(trade_id, client_text="", **words):
    return VenueTrade(symbol="BTCUSDT", client_text=client_text, venue_id="9", reply=fill(trade_id, **words))


def answer(kind, document=()):
    call = Call(number=1, kind=kind, way=Way.rest, ts_ns=0)
    return Outcome(call=call, is_accepted=True, document=document)


def test_requests_go_in_the_order_of_their_times_and_a_repeated_one_once_at_its_later_time():
    waiting = Waiting()
    waiting.put(30, 0, request(1))
    waiting.put(20, 0, request(2))
    waiting.put(40, 5, request(1))
    assert waiting.next_ns() == 20 and len(waiting) == 2
    assert [item.spec.client_order_id for _, item in waiting.take(35)] == [2]
    assert waiting.take(40) == [(5, request(1))] and waiting.next_ns() == NEVER_NS


def test_a_listen_key_is_asked_for_then_renewed_and_asked_for_anew_when_it_is_gone():
    key = ListenKey(every_ns=60 * S)
    assert key.due(0) is CallKind.listen_key and key.due(0) is None
    assert key.answered(CallKind.listen_key, 1 * S)
    assert key.next_ns() == 61 * S and key.due(61 * S) is CallKind.renew_listen_key
    key.failed(62 * S, is_gone=True)
    assert key.due(63 * S) is CallKind.listen_key


def test_a_listen_key_whose_stream_is_deaf_again_is_ended_before_another_is_asked_for():
    key = ListenKey(every_ns=60 * S)
    key.due(0)
    key.answered(CallKind.listen_key, 0)
    key.lost(1 * S, is_suspect=True)
    assert key.due(1 * S) is CallKind.end_listen_key
    assert not key.answered(CallKind.end_listen_key, 2 * S)
    assert key.due(2 * S) is CallKind.listen_key


@pytest.mark.parametrize(("market_type", "has_positions"), [("spot", False), ("perpetual", True)])
def test_a_round_asks_for_trades_after_everything_that_they_explain(market_type, has_positions):
    rounds = Rounds("v", instruments(market_type), by_time=False, since_ns=0)
    first = rounds.begin(10)
    assert [item.kind for item in first] == [
        CallKind.open_orders,
        CallKind.balances,
        *([CallKind.positions] if has_positions else []),
    ]
    for number, question in enumerate(first):
        rounds.sent(number, question)
    asked = [rounds.answered(number, answer(question.kind)) for number, question in enumerate(first)]
    assert all(not item for item in asked[:-1])
    assert [item.kind for item in asked[-1]] == [CallKind.trades] and rounds.take_whole(11) is None
    rounds.sent(9, asked[-1][0])
    rounds.answered(9, answer(CallKind.trades, (trade(5),)))
    found = rounds.take_whole(12)
    assert (found.ts_asked_ns, found.ts_ns, len(found.trades)) == (10, 12, 1)
    assert (found.positions is not None) is has_positions and rounds.take_whole(13) is None


def test_trades_are_asked_from_where_the_round_before_the_last_one_ended():
    rounds = Rounds("v", instruments(), by_time=False, since_ns=77)

    def whole(trades):
        questions = rounds.begin(0)
        while questions:
            for number, question in enumerate(questions):
                rounds.sent(number, question)
            since = questions[-1].about.since
            documents = [trades if item.kind is CallKind.trades else () for item in questions]
            asked = [
                rounds.answered(number, answer(question.kind, document))
                for number, (question, document) in enumerate(zip(questions, documents, strict=True))
            ]
            questions = asked[-1]
        assert rounds.take_whole(1) is not None
        return since

    assert whole((trade(5), trade(8))) == NEWEST
    assert whole((trade(8), trade(9))) == 5
    assert whole(()) == 8
    assert whole((trade(12),)) == 8
    assert whole(()) == 9


def test_a_round_with_a_question_that_came_to_nothing_is_given_up():
    rounds = Rounds("v", instruments(), by_time=True, since_ns=5)
    for number, question in enumerate(rounds.begin(0)):
        rounds.sent(number, question)
    assert rounds.failed(0) and not rounds.failed(1)
    assert rounds.answered(1, answer(CallKind.balances)) == [] and rounds.take_whole(2) is None


def test_expected_balances_move_with_fills_and_fees_of_any_asset_to_the_last_digit():
    expected = ExpectedBalances(instruments())
    expected.note(fill(1))  # before the first settled round nothing is expected
    held = [
        Balance(asset="BTC", free=Decimal(2), locked=Decimal(1)),
        Balance(asset="USDT", free=Decimal(500), locked=Decimal(0)),
    ]
    expected.settle(held, ())
    expected.note(fill(2, fee_asset=FeeAsset.base, fee_mantissa=1_001, fee_decimals=6))
    expected.note(fill(3, side=1, price_ticks=110_00, fee_mantissa=11, fee_decimals=2))
    expected.note(fill(4, fee_asset=FeeAsset.other, fee_asset_name="BNB", fee_mantissa=5, fee_decimals=3))
    assert expected.now == {"BTC": Decimal("3.998999"), "USDT": Decimal("409.89")}


def test_assets_that_moved_while_the_venue_was_asked_keep_what_was_expected():
    expected = ExpectedBalances(instruments())
    expected.settle([Balance(asset="BTC", free=Decimal(2), locked=Decimal(0))], ())
    expected.settle([Balance(asset="BTC", free=Decimal(9), locked=Decimal(0))], ["BTC", "USDT"])
    assert expected.now["BTC"] == 2


def test_an_order_is_too_young_to_be_absent_until_the_agreed_time_is_over():
    tracks = OrderTracks(begun_ns=100)
    tracks.asked(OrderSpec(client_order_id=1, instrument=3), 500, is_new=True)
    assert tracks.may_be_late(1, 599, 100) and not tracks.may_be_late(1, 600, 100)
    assert tracks.may_be_late(2, 199, 100) and not tracks.may_be_late(2, 200, 100)


def test_trades_of_an_order_of_an_earlier_process_are_asked_for_from_its_last_words_on():
    tracks = OrderTracks(100 * S)
    tracks.past_ns = 40 * S
    before = tracks.asked(OrderSpec(client_order_id=1, instrument=0), 101 * S, is_new=False)
    fresh = tracks.asked(OrderSpec(client_order_id=2, instrument=0), 101 * S, is_new=True)
    assert (before.ts_trades_ns, fresh.ts_trades_ns) == (40 * S, 101 * S)
    assert tracks.may_be_late(1, 105 * S, 10 * S) and not tracks.may_be_late(1, 110 * S, 10 * S)


def test_a_trade_that_does_not_say_whose_it_is_speaks_against_an_absence_until_it_is_known():
    tracks = OrderTracks(begun_ns=0)
    tracks.asked(OrderSpec(client_order_id=1, instrument=3, side=0), 0, is_new=True)
    strange = trade(7, client_order_id=0)
    assert tracks.is_named_by(1, IDS, [strange])
    assert not tracks.is_named_by(1, IDS, [trade(8, client_order_id=0, side=1)])
    assert not tracks.is_named_by(1, IDS, [trade(8, client_order_id=5)])
    tracks.judged([strange])
    assert not tracks.is_named_by(1, IDS, [strange])
    assert tracks.is_named_by(1, IDS, [trade(9, IDS.text(1, 2), client_order_id=0)])


def test_the_stream_must_tell_of_an_acknowledged_order_in_time():
    tracks = OrderTracks(begun_ns=0)
    tracks.asked(OrderSpec(client_order_id=1, instrument=3), 0, is_new=True)
    ack = VenueReply(kind=ReplyKind.ack, client_order_id=1, instrument=3)
    tracks.told(ack, echo_by_ns=50)
    assert tracks.missed_echo(49) is None and tracks.missed_echo(50) == 1 and tracks.next_echo_ns() == 50
    tracks.told(VenueReply(kind=ReplyKind.ack, client_order_id=1, instrument=3, origin=Origin.stream), 0)
    assert tracks.missed_echo(60) is None


def test_a_session_s_beginning_stands_in_its_name():
    assert begun_at_ns("live-20260105T000000.191") == 1_767_571_200_191_000_000
    with pytest.raises(ValueError, match="time data"):
        begun_at_ns("live-nonsense")
