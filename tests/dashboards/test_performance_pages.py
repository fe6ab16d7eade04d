"""The pages Trading and Latency over a running trader: its own figures, and where the time of one order went."""

import re

from browser import OpenPage, cut_texts, serious_findings, sideways_px, take_picture
from dashboard_house import DashboardHouse
from playwright.sync_api import expect

MONEY = re.compile(r"^-?\d+\.\d\d$")
BUSY_MS = 30_000


def test_trading_shows_the_split_of_the_pnl_and_every_venue_and_strategy(
    house: DashboardHouse, open_page: OpenPage
) -> None:
    page = open_page(house, "/trading")

    for name in ("pnl", "inventory", "spread", "fees", "funding"):
        expect(page.get_by_test_id(f"trading-{name}")).to_have_text(MONEY)
    expect(page.get_by_test_id("trading-pnl")).to_have_attribute("title", re.compile("exactly .*old"))
    scopes = page.get_by_test_id("scopes").locator("tbody tr")
    expect(scopes.first).to_contain_text("all")
    shown = scopes.evaluate_all("rows => rows.map(row => row.dataset.key)")
    assert {"all", "binance_usdm", "binance_spot", "bybit_spot", "forecast"} <= set(shown)
    parts = [cell.replace("–", "") for cell in scopes.first.locator("td").all_inner_texts()[1:6]]
    pnl, inventory, spread, fees, funding = map(float, parts)
    assert abs(pnl - (inventory - spread - fees - funding)) < 0.04, "each is rounded to a hundredth"


def test_trading_shows_positions_orders_and_fills_and_an_order_leads_to_its_way(
    house: DashboardHouse, open_page: OpenPage
) -> None:
    page = open_page(house, "/trading")
    expect(page.get_by_test_id("positions").locator("tbody tr")).to_have_count(3)
    expect(page.get_by_test_id("fills").locator("tbody tr").first).to_contain_text("BTCUSDT")
    link = page.get_by_test_id("orders").locator("tbody a").first
    expect(link).to_be_visible()
    take_picture(page, "trading-live")

    number = str(link.get_attribute("href")).partition("order=")[2]
    page.goto(f"{house.url}/latency?order={number}")

    expect(page.get_by_test_id("way-stages").locator("tbody tr").first).to_contain_text("Receive", timeout=BUSY_MS)
    assert page.get_by_test_id("way-words").inner_text().count("BTCUSDT") == 1


def test_latency_shows_every_stage_over_the_last_minute_and_since_the_start(
    house: DashboardHouse, open_page: OpenPage
) -> None:
    page = open_page(house, "/latency")
    rows = page.get_by_test_id("stages").locator("tbody tr")

    expect(rows).to_have_count(len(house.ask("status")["latency"]))
    for stage in ("Feed age, bybit_spot", "Decode + book", "Features", "Model", "Decision", "Send to ack"):
        expect(rows.filter(has_text=stage).locator("td").nth(2)).to_have_text(re.compile("(µs|ms|s)$"))
    page.get_by_test_id("latency-span").select_option("whole")
    expect(rows.filter(has_text="Decode + book").locator("td").last).to_have_text(re.compile(r"^[\d,]{3,}$"))


def test_latency_draws_the_chosen_stage_and_the_way_of_the_slowest_order(
    house: DashboardHouse, open_page: OpenPage
) -> None:
    page = open_page(house, "/latency")
    page.get_by_test_id("latency-stage").select_option("decode_book")
    page.get_by_test_id("latency-order").select_option("slowest")

    stages = page.get_by_test_id("way-stages").locator("tbody tr")
    expect(stages.last).to_contain_text("Send to ack")
    expect(page.get_by_test_id("way-orders").locator("tbody tr").first).to_contain_text("BTCUSDT")
    expect(page.get_by_test_id("latency-histogram").locator("canvas")).to_be_visible()
    expect(page.get_by_test_id("waterfall").locator("canvas")).to_be_visible()
    take_picture(page, "latency-live")


def test_on_a_narrow_screen_both_fit_and_can_be_read(house: DashboardHouse, open_page: OpenPage) -> None:
    for path, test_id in (("/trading", "scopes"), ("/latency", "stages")):
        page = open_page(house, path, width=390, theme="light")
        expect(page.get_by_test_id(test_id).locator("tbody tr").first).to_be_visible()
        assert sideways_px(page) == 0 and serious_findings(page) == [] and cut_texts(page) == []
