"""Page Market over a running trader: ladders that move, how feeds fare, forecasts and what came of them."""

import re
from decimal import Decimal

from browser import OpenPage
from dashboard_house import DashboardHouse
from playwright.sync_api import Locator, Page, expect

NAMES = ("binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT")
LEVELS = 10


def rungs(page: Page, name: str) -> Locator:
    """The rows of a ladder: asks, the mid, bids."""
    return page.get_by_test_id(f"ladder-{name}").locator("tbody tr")


def prices(page: Page, name: str) -> list[Decimal]:
    """All prices of a ladder, read in one go, from the top."""
    words = rungs(page, name).evaluate_all("rows => rows.map(row => row.cells[2].textContent)")
    return [Decimal(word.removeprefix("mid ")) for word in words]


def shares(page: Page, name: str) -> list[tuple[float, float]]:
    """Size and width in per cent of every level's bar."""
    found = rungs(page, name).evaluate_all(
        "rows => rows.filter(row => row.className !== 'mid')"
        ".map(row => [row.cells[1].textContent, row.cells[1].style.getPropertyValue('--share')])"
    )
    return [(float(size), float(share.rstrip("%"))) for size, share in found]


def test_ladder_of_every_venue_stands_as_a_book_does_and_goes_on(house: DashboardHouse, open_page: OpenPage) -> None:
    page = open_page(house, "/market")
    for name in NAMES:
        expect(rungs(page, name)).to_have_count(2 * LEVELS + 1)
        expect(rungs(page, name).nth(LEVELS)).to_contain_text("mid ")

        shown, bars = prices(page, name), shares(page, name)

        assert shown == sorted(shown, reverse=True)
        assert shown[LEVELS] == (shown[LEVELS - 1] + shown[LEVELS + 1]) / 2
        largest = max(size for size, _ in bars)
        assert all(abs(share - size / largest * 100.0) < 0.1 for size, share in bars)
    sequence = page.get_by_test_id(f"sequence-{NAMES[0]}")
    for _ in range(5):
        before = sequence.inner_text()
        expect(sequence).not_to_have_text(before)
        assert int(sequence.inner_text()) > int(before)


def test_every_feed_says_how_it_fares_and_every_figure_its_source_and_age(
    house: DashboardHouse, open_page: OpenPage
) -> None:
    page = open_page(house, "/market")
    for name in NAMES:
        expect(page.get_by_test_id(f"feed-{name}")).to_have_text("feed synced")
        expect(page.get_by_test_id(f"valid-{name}")).to_have_text("book valid")
        expect(page.get_by_test_id(f"sequence-{name}")).to_have_text(re.compile(r"^\d+$"))
        expect(page.get_by_test_id(f"book-age-{name}")).to_have_text(re.compile(r"\d+ (ms|s)$"))
        expect(page.get_by_test_id(f"lag-{name}")).to_have_text(re.compile(r"^-?\d+\.\d ms$"))
        expect(page.get_by_test_id(f"ladder-{name}")).to_have_attribute("title", re.compile(r"book of .* s old$"))
        expect(page.get_by_test_id(f"microprice-{name}")).to_have_attribute("title", re.compile(r"size, .* s old$"))


def test_forecast_and_what_came_of_the_last_one_are_told_for_the_chosen_horizon(
    house: DashboardHouse, open_page: OpenPage
) -> None:
    page = open_page(house, "/market")
    for steps in ("1", "10"):
        page.get_by_test_id("horizon").select_option(steps)
        for name in NAMES:
            expect(page.get_by_test_id(f"expected-{name}")).to_have_text(
                re.compile(r"^[+-]\d+\.\d\d( ± \d+\.\d\d)? bps → \d+\.\d+$")
            )
            expect(page.get_by_test_id(f"came-{name}")).to_have_text(re.compile(r"^told [+-].*, came [+-].* bps$"))
    expect(page.get_by_test_id(f"fan-{NAMES[0]}").locator("canvas")).to_be_visible()


def test_narrow_page_lists_trades_fills_and_coverage_and_nothing_is_cut(
    house: DashboardHouse, open_page: OpenPage
) -> None:
    page = open_page(house, "/market", width=390)
    for test_id in (f"trades-{NAMES[0]}", "own-fills"):
        rows = page.get_by_test_id(test_id).locator("tbody tr")
        expect(rows.nth(1).locator("td").nth(1)).to_have_text(re.compile("^(buy|sell)$"))
        times = rows.evaluate_all("rows => rows.map(row => row.cells[0].textContent)")
        assert times == sorted(times, reverse=True)
    strips = page.get_by_test_id("market-coverage").locator(".strip")
    expect(strips.first).to_have_attribute("aria-label", re.compile(r"^\w+:\w+: .*whole"))
    expect(rungs(page, NAMES[2])).to_have_count(2 * LEVELS + 1)

    cut = page.locator(".ladder td").evaluate_all(
        "cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth + 1 && !cell.closest('.mid')).length"
    )
    assert cut == 0
    assert page.evaluate("document.documentElement.scrollWidth") == 390
