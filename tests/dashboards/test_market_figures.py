"""What a ladder shows of a market: exact prices, shares of the largest size, our orders, and where the mid is seen."""

import math

import pytest

from dashboards.market.figures import (
    Expected,
    Rung,
    expected_of,
    fixed,
    ladder,
    last_come,
    microprice_text,
    mid_text,
    places_of,
    spread_text,
)
from dashboards.snapshot import History
from streaming.bus_view import ForecastView, MarketView, OwnOrder, View

STEP_NS = 100_000_000
NAME = "binance_usdm:BTCUSDT"


def market(**words: object) -> MarketView:
    common: dict[str, object] = {
        "instrument": NAME,
        "feed": "synced",
        "is_valid": True,
        "tick": "0.10",
        "position": "0",
        "pnl": "0",
        "realised": "0",
        "unrealised": "0",
        "fees": "0",
        "funding": "0",
        "bids": (("100.2", "3"), ("100.1", "6"), ("100", "1")),
        "asks": (("100.5", "1"), ("100.6", "12")),
    }
    return MarketView.model_validate(common | words)


def own(side: str, price: str, **words: object) -> OwnOrder:
    common: dict[str, object] = {
        "client_order_id": "7",
        "side": side,
        "price": price,
        "size": "0.05",
        "filled": "0.01",
        "state": "open",
        "ts_sent_ns": 1,
    }
    return OwnOrder.model_validate(common | words)


def forecast(step: int, mid: str | None = "100", bps: float = 10.0, **words: object) -> ForecastView:
    common: dict[str, object] = {
        "model": "abc",
        "ts_step_ns": step * STEP_NS,
        "step_ns": STEP_NS,
        "instruments": (NAME,),
        "mid_bps": ((bps, 2 * bps, 3 * bps),),
        "mids": (mid,),
        "horizons": (1, 3),
        "band_bps": ((1.0, None),),
    }
    return ForecastView.model_validate(common | words)


def view(step: int, bid: str, told: ForecastView | None = None) -> View:
    ask = str(float(bid) + 0.2)
    books = market(bids=((bid, "1"),), asks=((ask, "1"),))
    return View(
        run="r",
        mode="paper",
        ts_ns=step * STEP_NS,
        number=step,
        state="active",
        pnl="0",
        markets=(books,),
        forecast=told,
    )


@pytest.mark.parametrize(("tick", "places"), [("0.10", 2), ("0.01", 2), ("1", 0), ("0.00000001", 8), ("5", 0)])
def test_prices_have_the_decimals_of_their_tick(tick: str, places: int) -> None:
    assert places_of(tick) == places


def test_price_is_padded_and_never_rounded_by_floats() -> None:
    assert fixed("0.1", 3) == "0.100"
    assert fixed("12345678901234567.89", 2) == "12345678901234567.89"


def test_ladder_stands_as_a_book_does_and_bars_are_shares_of_the_largest_size() -> None:
    rungs = ladder(market(), 2, None)

    assert [(rung.side, rung.price, rung.size) for rung in rungs] == [
        ("ask", "100.60", "12"),
        ("ask", "100.50", "1"),
        ("bid", "100.20", "3"),
        ("bid", "100.10", "6"),
    ]
    assert [rung.share for rung in rungs] == [1.0, pytest.approx(1 / 12), 0.25, 0.5]


def test_own_orders_stand_at_their_price_and_side_with_what_is_left_and_ahead() -> None:
    orders = (own("buy", "100.1", queue_ahead="2.5"), own("sell", "100.50"), own("buy", "99", queue_ahead="0"))
    words = [rung.own for rung in ladder(market(orders=orders), 2, None)]

    assert words == ["", "sell 0.04", "", "buy 0.04 · 2.5"]


def test_own_order_at_a_price_that_the_book_does_not_show_has_a_rung_of_its_own() -> None:
    orders = (own("buy", "100.3", queue_ahead="0"), own("sell", "100.4"))
    rungs = ladder(market(orders=orders), 2, None)

    assert [(rung.price, rung.size, rung.own) for rung in rungs] == [
        ("100.50", "1", ""),
        ("100.40", "0", "sell 0.04"),
        ("100.30", "0", "buy 0.04 · 0"),
        ("100.20", "3", ""),
    ]


def test_forecast_is_marked_at_the_level_nearest_to_it_and_the_band_around_it() -> None:
    expected = Expected(price=100.47, bps=0.0, band_bps=15.0)

    assert [rung.mark for rung in ladder(market(), 3, expected)] == ["band", "at", "", "", ""]
    assert [rung.mark for rung in ladder(market(), 3, Expected(101.0, 0.0, None))] == [""] * 5


def test_empty_book_has_no_rungs_and_no_figures() -> None:
    nothing = market(bids=(), asks=())

    assert ladder(nothing, 10, None) == list[Rung]()
    assert (mid_text(nothing), spread_text(nothing), microprice_text(nothing)) == (None, None, None)


def test_mid_spread_and_microprice_are_those_of_the_best_levels() -> None:
    assert mid_text(market()) == "100.350"
    assert spread_text(market()) == "0.3, 29.90 bps"
    # (100.2 x 1 + 100.5 x 3) / 4: the thin side pulls.
    assert microprice_text(market()) == "100.4250"


def test_forecast_is_a_price_from_the_mid_of_its_step() -> None:
    expected = expected_of(forecast(5, mid="100", bps=10.0), NAME, 3)

    assert expected is not None
    assert expected.price == pytest.approx(100 * math.exp(30e-4)) and expected.bps == 30.0
    assert expected.band_bps is None
    one = expected_of(forecast(5), NAME, 1)
    assert one is not None and one.band_bps == 1.0


def test_nothing_is_expected_of_other_instruments_and_horizons_or_without_a_mid() -> None:
    assert expected_of(None, NAME, 1) is None
    assert expected_of(forecast(5), "other:X", 1) is None
    assert expected_of(forecast(5), NAME, 4) is None
    assert expected_of(forecast(5, mid=None), NAME, 1) is None


def test_last_forecast_is_held_against_the_mids_of_its_own_steps() -> None:
    history = History()
    for step, mid in ((1, "100"), (2, "101"), (3, "102"), (4, "103")):
        history.add(view(step, "99.9", forecast(step, mid=mid, bps=float(step))))

    came = last_come(history, NAME, 2)

    assert came is not None and came.bps == 4.0  # of step 2, for two steps ahead
    assert came.move_bps == pytest.approx(1e4 * math.log(103 / 101))


def test_nothing_came_yet_of_a_forecast_whose_moment_has_not_come() -> None:
    history = History()
    history.add(view(1, "99.9", forecast(1)))

    assert last_come(history, NAME, 1) is None
    assert last_come(History(), NAME, 1) is None
