"""`trader dashboard --replay JOURNAL`: every page at any moment of a session, as its journal tells it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser import OpenPage
from paper_market import arrivals, plan_of
from playwright.sync_api import BrowserContext, Page, expect
from watched_session import watched

from native.strategy_settings import MarketMakingStrategy
from streaming.bus_view import OwnOrder, View
from streaming.dashboard_process import DashboardRequest, running_dashboard
from streaming.settings import load_settings
from streaming.view.config import ViewSettings
from streaming.view.past import PastSession

STEPS = 150
SCRUBBER_STEPS = 1_000


@dataclass
class ReplayHouse:
    """A dashboard over a journal. An `Address` of `browser.py`."""

    url: str
    token: str
    views: list[View]
    """That the tape holds."""

    def prepare(self, context: BrowserContext, theme: str) -> None:
        answer = context.request.post(
            f"{self.url}/login", form={"token": self.token}, headers={"Origin": self.url}, max_redirects=0
        )
        assert answer.status == 303, answer.text()

    def until_shown(self, page: Page) -> None:
        expect(page.get_by_test_id("mode")).to_have_text("REPLAY")
        expect(page.get_by_test_id("replay-at")).to_contain_text("UTC")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplayHouse]:
    """A session of a market maker, whose orders rest, in a dashboard of its own."""
    folder = tmp_path_factory.mktemp("replay")
    maker = MarketMakingStrategy(name="maker", kind="market_making", min_half_width_bps=0.0, requote_ticks=3)
    feeder = watched(folder, plan_of(strategies=(maker,)))
    feeder.feed(arrivals(STEPS))
    journal = feeder.session.close()
    file = folder / "settings.toml"
    file.write_bytes((Path(__file__).parents[2] / "settings.toml").read_bytes())
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LOB_SETTINGS", str(file))
        views = [
            moment.view for moment in PastSession(journal, ViewSettings(), []).moments() if moment.view is not None
        ]
        with running_dashboard(DashboardRequest(load_settings(file), port=0, replay=journal)) as served:
            yield ReplayHouse(served.address, served.token_path.read_text().strip(), views)


def stand_at(page: Page, place: int) -> None:
    """Pause, and drag the scrubber to a place."""
    if "pause" in page.get_by_test_id("replay-word").inner_text():
        page.get_by_test_id("replay-play").click()
    expect(page.get_by_test_id("replay-word")).to_contain_text("play")
    page.get_by_test_id("replay-scrubber").fill(str(place))


def view_at(house: ReplayHouse, place: int) -> View:
    first_ns, last_ns = house.views[0].ts_ns, house.views[-1].ts_ns
    at_ns = first_ns + round(place / SCRUBBER_STEPS * (last_ns - first_ns))
    return next(view for view in reversed(house.views) if view.ts_ns <= at_ns)


def clock(ts_ns: int) -> str:
    seconds = ts_ns // 1_000_000_000
    return f"{seconds // 3_600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def test_scrubber_shows_the_books_and_orders_of_any_moment(replayed: ReplayHouse, open_page: OpenPage) -> None:
    page = open_page(replayed, "/market")
    for place in (400, 850, 100):
        stand_at(page, place)

        view = view_at(replayed, place)
        for market in view.markets:
            expect(page.get_by_test_id(f"sequence-{market.instrument}")).to_have_text(str(market.update_id))
            expect(page.get_by_test_id(f"position-{market.instrument}")).to_have_text(f"position {market.position}")
            ladder = page.get_by_test_id(f"ladder-{market.instrument}")
            expect(ladder).to_contain_text(market.bids[0][1])
            expect(ladder).to_contain_text(market.asks[0][1])
        check_orders(page, [order for market in view.markets for order in market.orders])


def check_orders(page: Page, orders: list[OwnOrder]) -> None:
    """Our orders stand in their table with the queue before each, and in the ladders."""
    shown = page.get_by_test_id("own-orders").locator("tbody tr")
    assert len(orders) > 2
    expect(shown).to_have_count(len(orders))
    for number, order in enumerate(orders):
        expect(shown.nth(number)).to_have_attribute("data-key", order.client_order_id)
        ahead = "–" if order.queue_ahead is None else order.queue_ahead
        expect(shown.nth(number).locator("td").nth(4)).to_have_text(ahead)
    expect(page.locator(".ladder tr[data-own]").first).to_contain_text(re.compile(r"(buy|sell) 0\.01"))


def test_paused_replay_stands_still_and_goes_on_when_played(replayed: ReplayHouse, open_page: OpenPage) -> None:
    page = open_page(replayed, "/market")
    stand_at(page, 100)
    at = page.get_by_test_id("replay-at")
    expect(at).to_contain_text(clock(view_at(replayed, 100).ts_ns))
    page.get_by_test_id("replay-ahead").click()
    expect(at).to_contain_text(clock(replayed.views[0].ts_ns + 11_000_000_000))
    page.get_by_test_id("replay-back").click()
    expect(at).to_contain_text(clock(replayed.views[0].ts_ns + 1_000_000_000))

    page.get_by_test_id("replay-speed").select_option("10.0")
    page.get_by_test_id("replay-play").click()

    last = clock(replayed.views[-1].ts_ns)
    expect(at).to_contain_text(last)
    expect(page.get_by_test_id("replay-word")).to_contain_text("play")
    expect(page.get_by_test_id("replay-scrubber")).to_have_value(str(SCRUBBER_STEPS))
    page.get_by_test_id("replay-speed").select_option("1.0")


def test_every_page_says_that_it_is_a_replay_and_has_the_scrubber(replayed: ReplayHouse, open_page: OpenPage) -> None:
    page = open_page(replayed, "/market", width=390, theme="light")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for path in ("/", "/model", "/trading", "/risk", "/data", "/latency", "/alerts"):
        page.goto(f"{replayed.url}{path}")

        expect(page.get_by_test_id("mode")).to_have_text("REPLAY")
        expect(page.get_by_test_id("replay-scrubber")).to_be_visible()
        expect(page.get_by_test_id("run")).to_have_text(replayed.views[0].run)
        expect(page.get_by_test_id("freshness")).to_have_text("journal")
