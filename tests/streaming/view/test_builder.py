"""A view tells what stands in the session, and a journal tells the same views again."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from paper_market import NAMES, Arrival, arrivals, part_of, plan_of
from watched_session import EVERY_STEP, WatchedFeeder, watched

from native.strategy_settings import MarketMakingStrategy
from streaming.bus_view import View, view_from_json
from streaming.view.past import PastSession


@pytest.fixture(scope="module")
def frames() -> list[Arrival]:
    return arrivals(120)


@pytest.fixture(scope="module")
def fed(tmp_path_factory: pytest.TempPathFactory, frames: list[Arrival]) -> WatchedFeeder:
    feeder = watched(tmp_path_factory.mktemp("taken"))
    feeder.feed(frames)
    return feeder


@pytest.fixture(scope="module")
def making(tmp_path_factory: pytest.TempPathFactory, frames: list[Arrival]) -> tuple[WatchedFeeder, Path]:
    """A session whose orders rest, and the folder of its journal."""
    folder = tmp_path_factory.mktemp("making")
    maker = MarketMakingStrategy(name="maker", kind="market_making", min_half_width_bps=0.0, requote_ticks=3)
    feeder = watched(folder, plan_of(strategies=(maker,)))
    feeder.feed(frames)
    return feeder, folder


def test_view_that_is_made_is_a_valid_message(fed: WatchedFeeder) -> None:
    for view in fed.views:
        assert view_from_json(view.to_json()) == view


def test_view_shows_the_books_and_the_money_that_the_session_has(fed: WatchedFeeder) -> None:
    session = fed.session
    assert fed.builder is not None
    view = fed.builder.build(session.machine, fed.views[-1].ts_ns, ())

    for number, market in enumerate(view.markets):
        tick, unit = (Decimal(word) for word in ("0.1 0.001", "0.01 0.00000001", "0.1 0.000001")[number].split())
        shown = [[int(Decimal(price) / tick), int(Decimal(size) / unit)] for price, size in market.bids]
        assert market.instrument == NAMES[number] and shown == session.book(number, 10)[0]
    held = {item["instrument"]: item for item in session.positions()}
    assert {market.instrument: market.position for market in view.markets} == {
        name: held[name]["position"] for name in NAMES
    }
    assert Decimal(view.pnl) == sum(Decimal(str(item["pnl"])) for item in held.values())
    assert Decimal(view.equity or "nan") == Decimal(view.pnl)
    assert (view.fills, view.orders) == (session.counts.fills, session.counts.orders)


def test_view_names_sequence_receipt_and_lag_of_every_book(fed: WatchedFeeder) -> None:
    for name in NAMES:
        markets = [next(item for item in view.markets if item.instrument == name) for view in fed.views[5:]]
        numbers = [market.update_id for market in markets]

        assert numbers == sorted(numbers) and numbers[0] > 0 and len(set(numbers)) > 20
        assert all(market.is_valid and market.feed == "synced" for market in markets)
        assert all(market.lag_ms is not None and 0.0 < market.lag_ms < 100.0 for market in markets)


def test_public_trades_are_the_newest_first_and_lie_at_prices_of_the_tick(fed: WatchedFeeder) -> None:
    trades = fed.views[-1].markets[0].trades

    assert len(trades) == EVERY_STEP.prints
    assert [trade.ts_ns for trade in trades] == sorted((trade.ts_ns for trade in trades), reverse=True)
    assert all(Decimal(trade.price) % Decimal("0.1") == 0 and Decimal(trade.size) > 0 for trade in trades)
    assert {trade.side for trade in trades} == {"buy", "sell"}


def test_forecast_is_shown_with_the_mids_of_its_step_and_a_band_once_it_was_scored(fed: WatchedFeeder) -> None:
    shown = [view.forecast for view in fed.views if view.forecast is not None]
    by_step = {view.ts_step_ns: view for view in fed.views}

    newest = shown[-1]
    assert newest.model == "00000009" and newest.instruments == NAMES and len(newest.mid_bps[0]) == 20
    assert abs(newest.mid_bps[0][0]) == 50.0
    first = by_step[newest.ts_step_ns].markets[0]
    mid = (Decimal(first.bids[0][0]) + Decimal(first.asks[0][0])) / 2
    # The step closed on the input after it, which may have moved the book already by a little.
    assert abs(Decimal(newest.mids[0] or "nan") - mid) < 2
    assert newest.band_bps[0][0] is not None and newest.band_bps[0][0] > 0.0
    assert shown[0].band_bps[0] == (None, None, None, None)


def test_resting_orders_are_shown_with_strategy_purpose_and_queue(making: tuple[WatchedFeeder, Path]) -> None:
    orders = [order for view in making[0].views for market in view.markets for order in market.orders]
    resting = [order for order in orders if order.state == "open"]

    assert len(resting) > 20
    assert Counter((order.strategy, order.purpose) for order in resting).keys() == {("maker", "quote")}
    known = [order.queue_ahead for order in resting if order.queue_ahead is not None]
    assert len(known) > 0.9 * len(resting) and all(Decimal(size) >= 0 for size in known)
    assert any(Decimal(size) > 0 for size in known)
    assert all(order.queue_ahead is None for order in orders if order.state == "pending_new")


def test_journal_tells_the_views_of_its_session_again(making: tuple[WatchedFeeder, Path]) -> None:
    feeder, folder = making
    feeder.session.sync()

    past = PastSession(part_of(feeder.session, folder), EVERY_STEP, [])
    again = [moment.view for moment in past.moments() if moment.view is not None]

    assert past.differs_ns == 0
    told = {view.ts_step_ns: view for view in feeder.views}
    assert len(again) > len(told) > 100  # and last, how it stands after inputs that closed no step
    for view in again[:-1]:
        assert plain(view) == plain(told[view.ts_step_ns])


def plain(view: View) -> dict[str, object]:
    """A view without its running number."""
    return view.model_dump(exclude={"number"})
