"""Every page, at both widths and in both themes: it can be read, it fits, and it says when what it shows is old."""

import signal
from types import ModuleType

import pytest
from browser import HEIGHTS, OpenPage, serious_findings, set_theme, sideways_px, take_picture, ticks_of, until_ticks
from dashboard_house import DashboardHouse, MakeHouse
from playwright.sync_api import Page, expect

from dashboards.pages_table import PAGES

THEMES = ("dark", "light")
CHANGING_RULES = ("color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable")
"""Of axe; what they find may differ by theme or width."""
BUSY_MS = 30_000
"""For words that come by themselves, on a machine that does much else."""


@pytest.fixture(params=PAGES, ids=lambda page: page.TITLE)
def module(request: pytest.FixtureRequest) -> ModuleType:
    found: ModuleType = request.param
    return found


def test_a_page_can_be_read_and_fits_at_both_widths_in_both_themes(
    module: ModuleType, house: DashboardHouse, open_page: OpenPage
) -> None:
    page = open_page(house, module.PATH)
    until_ticks(page)
    problems = []
    for theme in THEMES:
        set_theme(page, theme)
        for width, height in HEIGHTS.items():
            page.set_viewport_size({"width": width, "height": height})
            until_ticks(page, 1)
            place = f"{module.TITLE.lower()}-{width}-{theme}"
            take_picture(page, place)
            rules = () if (theme, width) == (THEMES[0], 1440) else CHANGING_RULES
            problems += [f"{place}: {finding}" for finding in serious_findings(page, *rules)]
            if sideways := sideways_px(page):
                problems.append(f"{place}: {sideways} px too wide")

    assert not problems, "\n".join(problems)


def test_every_page_is_reached_from_any_other_and_names_itself_the_mode_the_state_and_the_run(
    house: DashboardHouse, open_page: OpenPage
) -> None:
    page = open_page(house, "/", width=390)
    run = str(house.ask("status")["run"])

    for module in reversed(PAGES):
        page.get_by_test_id(f"nav-{module.TITLE.lower()}").click()

        expect(page.get_by_role("heading", level=1)).to_have_text(module.TITLE)
        expect(page.locator("nav a[aria-current=page]")).to_have_text(module.TITLE)
        expect(page.get_by_test_id("mode")).to_have_text("PAPER")
        expect(page.get_by_test_id("state")).to_contain_text("ACTIVE")
        expect(page.get_by_test_id("run")).to_have_text(run)
    for op in ("reduce", "halt", "flatten"):
        expect(page.get_by_test_id(f"kill-{op}")).to_be_in_viewport(ratio=1)
        expect(page.get_by_test_id(f"kill-{op}")).to_be_enabled()


def test_pages_are_brought_up_to_date_as_long_as_they_are_open(house: DashboardHouse, open_page: OpenPage) -> None:
    page = open_page(house, "/")
    begun = ticks_of(page)

    until_ticks(page, 25)

    assert ticks_of(page) >= begun + 25


# --- what is said when something is not there ---


@pytest.fixture
def own_house(make_own_house: MakeHouse) -> DashboardHouse:
    return make_own_house()


def freshness(page: Page, words: str) -> None:
    expect(page.get_by_test_id("freshness")).to_contain_text(words, timeout=BUSY_MS)


def test_a_page_says_what_is_old_what_is_gone_and_when_it_is_back(
    own_house: DashboardHouse, open_page: OpenPage
) -> None:
    page = open_page(own_house, "/", allowed=("WebSocket", "ERR_", "Failed to load resource"))
    pnl = page.get_by_test_id("mode")

    own_house.freeze("trader")
    freshness(page, "STALE")
    expect(pnl).to_have_text("PAPER")
    own_house.thaw("trader")
    freshness(page, "live")

    own_house.signal_redis(signal.SIGSTOP)
    freshness(page, "DISCONNECTED")
    expect(page.get_by_test_id("banner")).to_contain_text("What is shown is what was last known")
    own_house.signal_redis(signal.SIGCONT)
    freshness(page, "live")
    expect(page.get_by_test_id("banner")).to_be_empty()

    own_house.freeze("dashboard")
    freshness(page, "DISCONNECTED")
    own_house.thaw("dashboard")
    freshness(page, "live")

    own_house.kill("dashboard")
    freshness(page, "DISCONNECTED")
    expect(pnl).to_have_text("PAPER")
