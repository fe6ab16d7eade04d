"""The Model page over a running trader that forecasts with a real bundle: shown, and changed in two steps."""

from collections.abc import Iterator

import pytest
from browser import OpenPage, serious_findings, sideways_px
from model_house import ModelHouse, running_model_house
from playwright.sync_api import Page, expect

from ml.registry import read_pointer

CHANGE_MS = 90_000
"""For a command that starts Python and reads the whole project; the machine may be busy."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelHouse]:
    bundles = tmp_path_factory.getbasetemp() / "live-bundles"
    with running_model_house(tmp_path_factory.mktemp("model-house"), bundles) as running:
        yield running


def shares(page: Page, test_id: str, column: int) -> list[float]:
    """Return the percentages of a column."""
    texts = page.get_by_test_id(test_id).locator(f"tbody td:nth-child({column})").all_inner_texts()
    return [float(text.removesuffix(" %")) for text in texts]


def test_forecast_scores_attention_and_both_bundles_are_shown(house: ModelHouse, open_page: OpenPage) -> None:
    page = open_page(house, "/model")

    expect(page.get_by_test_id("forecast-model")).to_have_text(house.bundles["good"][:12])
    expect(page.get_by_test_id("forecast-now")).to_contain_text("bps")
    expect(page.get_by_test_id("settled-told")).to_contain_text("bps")
    expect(page.get_by_test_id("scores")).to_contain_text("challenger")
    expect(page.get_by_test_id("bundles")).to_contain_text(house.bundles["next"][:12])
    expect(page.get_by_test_id("gate-champion").locator("tbody tr")).to_have_count(7)
    expect(page.get_by_test_id("attention-model")).to_have_text(house.bundles["good"][:12])
    for kind, count in (("venues", 3), ("sides", 3), ("levels", 6), ("features", 7)):
        told = shares(page, f"attention-{kind}", 2)
        assert len(told) == count and sum(told) == pytest.approx(100.0, abs=0.5)
    of_reader = shares(page, "attention-ladders", 3)
    assert len(of_reader) == 9 and sum(of_reader[:3]) == pytest.approx(100.0, abs=0.3)


def test_another_instrument_and_horizon_may_be_chosen(house: ModelHouse, open_page: OpenPage) -> None:
    page = open_page(house, "/model")
    expect(page.get_by_test_id("choose-horizon")).to_have_value("5")

    page.get_by_test_id("choose-instrument").select_option("bybit_spot:BTCUSDT")
    page.get_by_test_id("choose-horizon").select_option("1")

    expect(page.get_by_test_id("settled-told")).to_contain_text("bps")
    expect(page.get_by_test_id("choose-instrument")).to_have_value("bybit_spot:BTCUSDT")


def test_on_a_narrow_screen_everything_fits_and_can_be_read(house: ModelHouse, open_page: OpenPage) -> None:
    page = open_page(house, "/model", width=390, theme="light")
    expect(page.get_by_test_id("gate-champion").locator("tbody tr")).to_have_count(7)

    assert sideways_px(page) == 0 and serious_findings(page) == []


def test_a_rollback_wants_a_reason_and_a_second_press_and_the_trader_follows(
    house: ModelHouse, open_page: OpenPage
) -> None:
    page = open_page(house, "/model")
    page.get_by_test_id("rollback").click()
    expect(page.get_by_test_id("change-problem")).to_contain_text("give a reason first")
    page.get_by_test_id("change-reason").fill("a bad <feeling>")
    page.get_by_test_id("rollback").click()
    page.get_by_test_id("change-cancel").click()
    expect(page.get_by_test_id("change-confirm")).to_be_hidden()
    champion = read_pointer(house.models_dir, "champion")
    assert champion is not None and champion.hash == house.bundles["good"], "nothing is done before the second press"

    page.get_by_test_id("rollback").click()
    expect(page.get_by_test_id("change-telling")).to_contain_text(f"Go back from {house.bundles['good'][:12]}")
    page.get_by_test_id("change-confirm").click()

    expect(page.get_by_test_id("change-outcome")).to_contain_text("done after", timeout=CHANGE_MS)
    expect(page.get_by_test_id("change-words")).to_contain_text(f"champion is {house.bundles['twin'][:12]} again")
    expect(page.get_by_test_id("forecast-model")).to_have_text(house.bundles["twin"][:12])
    expect(page.get_by_test_id("moves")).to_contain_text("rollback: a bad <feeling>")
    expect(page.get_by_test_id("model-news")).to_contain_text("took over")


def test_a_promotion_that_is_refused_is_shown_in_the_commands_words(house: ModelHouse, open_page: OpenPage) -> None:
    before = read_pointer(house.models_dir, "champion")
    page = open_page(house, "/model")
    page.get_by_test_id("choose-bundle").select_option(house.bundles["next"])
    page.get_by_test_id("change-reason").fill("it looks better")
    page.get_by_test_id("promote").click()
    expect(page.get_by_test_id("change-warning")).to_contain_text("overrides contiguous_test_steps")
    page.get_by_test_id("change-confirm").click()

    expect(page.get_by_test_id("change-outcome")).to_contain_text("refused after", timeout=CHANGE_MS)
    expect(page.get_by_test_id("change-words")).to_contain_text("is not promoted (no reason overrides data checks)")
    assert read_pointer(house.models_dir, "champion") == before
