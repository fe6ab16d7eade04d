"""What becomes of requests to the emulated Binance venues whose outcome nobody knows."""

import pytest
from binance_account import ACCOUNT, S
from binance_emulated import both, fills, kinds, opened, ways

from streaming.venues.gateway import (
    Action,
    CallKind,
    Outcome,
    Way,
)
from streaming.venues.venue_reply import ReplyKind, VenueReason, VenueReply


@both
@ways
@pytest.mark.parametrize("kind", ["order_unknown_done", "order_unknown_lost", "order_cut_done", "order_cut_lost"])
def test_placement_without_an_answer_is_resolved_by_its_id(venue: str, way: Way, kind: str) -> None:
    account = opened(venue)
    account.fault(kind, request="place")

    outcome = account.order(CallKind.place, account.spec(), way)
    resolved = account.order(CallKind.query, account.spec())

    assert isinstance(outcome, Outcome) and isinstance(resolved, Outcome)
    assert (outcome.action, kinds(outcome.replies)) == (Action.resolve, [ReplyKind.unanswered])
    assert kinds(resolved.replies) == ([ReplyKind.ack] if kind.endswith("done") else [])
    assert resolved.is_accepted == kind.endswith("done")


@both
@ways
@pytest.mark.parametrize("kind", ["order_unknown_done", "order_unknown_lost", "order_cut_done", "order_cut_lost"])
@pytest.mark.parametrize("is_told", [True, False])
def test_change_without_an_answer_is_resolved_to_price_and_size_in_force(
    venue: str, way: Way, kind: str, is_told: bool
) -> None:
    account = opened(venue)
    spec = account.spec()
    account.done(CallKind.place, spec)
    if not is_told:
        account.fault("stream_silent", duration_ms=10_000)
    account.fault(kind, request="amend")
    moved = account.spec(price_ticks=spec.price_ticks + 50)

    outcome = account.order(CallKind.amend, moved, way)
    replies: tuple[VenueReply, ...] = ()
    for _ in range(8):  # as the engine asks, later and later
        account.now_ns += 3 * S
        found = account.order(CallKind.query, spec)
        assert isinstance(found, Outcome)
        replies = found.replies or replies
    (gone,) = account.done(CallKind.cancel, spec)

    assert isinstance(outcome, Outcome)
    assert kinds(outcome.replies) == [ReplyKind.unanswered]
    asked = moved if kind.endswith("done") else spec
    assert (replies[-1].price_ticks, replies[-1].size_units) == (asked.price_ticks, asked.size_units)
    assert replies[-1].kind in (ReplyKind.ack, ReplyKind.amended)
    assert gone.kind is ReplyKind.cancelled
    assert not account.exchange.open_orders(ACCOUNT)


@both
@pytest.mark.parametrize("kind", ["order_unknown_done", "order_cut_lost"])
def test_cancel_without_an_answer_is_resolved_by_a_query(venue: str, kind: str) -> None:
    account = opened(venue)
    account.done(CallKind.place, account.spec())
    account.fault(kind, request="cancel")

    outcome = account.order(CallKind.cancel, account.spec())
    (known,) = account.done(CallKind.query, account.spec())

    assert isinstance(outcome, Outcome)
    assert kinds(outcome.replies) == [ReplyKind.unanswered]
    assert known.kind is (ReplyKind.cancelled if kind.endswith("done") else ReplyKind.ack)


@both
def test_cancel_that_comes_after_a_fill_settles_to_the_fill(venue: str) -> None:
    account = opened(venue)
    account.done(CallKind.place, account.spec())
    account.fault("cancel_races_fill")

    outcome = account.order(CallKind.cancel, account.spec())
    account.play(10 * S)
    (known,) = account.done(CallKind.query, account.spec())

    assert isinstance(outcome, Outcome)
    assert (outcome.action, kinds(outcome.replies)) == (Action.settle, [ReplyKind.cancel_rejected])
    assert sum(reply.size_units for reply in fills(account.told())) == account.spec().size_units
    assert (known.kind, known.cumulative_units) == (ReplyKind.ack, account.spec().size_units)


@both
def test_fill_before_a_cancel_is_told_late_and_counted_by_the_cancel(venue: str) -> None:
    account = opened(venue)
    account.done(CallKind.place, account.spec())
    account.fault("fill_after_cancel", duration_ms=500)

    (gone,) = account.done(CallKind.cancel, account.spec())
    account.play(2 * S)

    late = fills(account.told())
    assert gone.cumulative_units == sum(reply.size_units for reply in late) > 0


@both
def test_order_that_a_replica_hides_is_unknown_for_a_while(venue: str) -> None:
    account = opened(venue)
    account.fault("order_hidden", duration_ms=3_000)
    account.done(CallKind.place, account.spec())

    early = account.order(CallKind.query, account.spec())
    account.play(4 * S)
    late = account.order(CallKind.query, account.spec())

    assert isinstance(early, Outcome) and isinstance(late, Outcome)
    assert (early.action, early.replies) == (Action.settle, ())
    assert late.is_accepted


@both
@pytest.mark.parametrize("status", [429, 418])
def test_limits_hold_orders_until_the_venue_says(venue: str, status: int) -> None:
    account = opened(venue)
    account.fault("order_refused", status=status, retry_after_s=9)

    outcome = account.order(CallKind.place, account.spec())

    assert isinstance(outcome, Outcome)
    assert (outcome.action, outcome.replies) == (Action.wait, ())
    assert outcome.retry_at_ns == account.now_ns + 9 * S


@both
def test_clock_that_is_wrong_is_learnt_again(venue: str) -> None:
    account = opened(venue)
    account.gateway.set_clock_offset(-10 * S)

    early = account.order(CallKind.place, account.spec())
    account.gateway.set_clock_offset(0)

    assert isinstance(early, Outcome)
    assert (early.action, early.reason, early.replies) == (Action.resync_clock, VenueReason.clock, ())
    assert kinds(account.done(CallKind.place, account.spec())) == [ReplyKind.ack]


@both
def test_halted_listing_stops_its_instrument(venue: str) -> None:
    account = opened(venue)
    account.fault("listing_halted")
    account.play(S)

    outcome = account.order(CallKind.place, account.spec())

    assert isinstance(outcome, Outcome)
    assert outcome.action is Action.halt_instrument
    assert kinds(outcome.replies) == [ReplyKind.rejected]
