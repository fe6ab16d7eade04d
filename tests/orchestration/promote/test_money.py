"""Promotion asks money: on data that neither model was fitted on, by equal terms, and never of nobody."""

import json
from pathlib import Path

import numpy as np
import pytest
from sealed_stand_in import at, seal_stand_in, write_report

from ml.bundle import Bundle
from ml.registry import promote
from orchestration.defs.drift.samples import Span
from orchestration.defs.promote.backtests import BacktestReport, MoneyError, read_backtest, report_path
from orchestration.defs.promote.money import Money, measured, weigh_money, write_money
from orchestration.settings import Settings, load_settings

SETTINGS = """
[warehouse]
data_dir = "data"

[[grid]]
name = "main"
instruments = ["binance_usdm:BTCUSDT"]
reference = "binance_usdm:BTCUSDT"

[ml.gate.money]
block_s = 20
blocks_min = 10
"""
SECONDS = 1_000
TEST_PART = Span(at(4_000), at(4_000 + SECONDS))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    monkeypatch.setenv("LOB_SETTINGS", str(tmp_path / "settings.toml"))
    return load_settings()


@pytest.fixture
def challenger(settings: Settings) -> Bundle:
    """Of 5,000 s of data, the last 1,000 its test part."""
    return seal_stand_in(settings.folders.models_dir, "challenger", (4_000, 5_000), 5_000)


def crowned(settings: Settings, test_s: tuple[float, float] | None = (3_000, 3_900), until_s: float = 3_900) -> Bundle:
    """Make another bundle champion: of older data unless said otherwise."""
    bundle = seal_stand_in(settings.folders.models_dir, "champion", test_s, until_s)
    promote(settings.folders.models_dir, bundle.hash, "a person", "the first", 1)
    return bundle


def noise(seed: int, mean: float = 0.0, seconds: int = SECONDS) -> list[float]:
    return list(np.random.default_rng(seed).normal(mean, 0.01, seconds))


class Simulator:
    """Stands for the command that backtests: earns per second what it is told, and remembers what it was asked."""

    def __init__(self, **means: float) -> None:
        self.asked: list[tuple[str, Span]] = []
        self.terms: dict[str, object] = {}
        self._means = means

    def __call__(self, settings: Settings, bundle: str, span: Span) -> BacktestReport:
        word = "challenger" if len(self.asked) % 2 == 0 else "champion"
        self.asked.append((bundle, span))
        seconds = (span.last_ns - span.first_ns) // 1_000_000_000
        write_report(settings, bundle, span, noise(len(self.asked), self._means.get(word, 0.0), seconds), **self.terms)
        return read_backtest(report_path(settings, bundle))


def refuse(settings: Settings, bundle: str, span: Span) -> BacktestReport:
    raise MoneyError(f"the backtest of {bundle[:12]} failed: no limits")


def names_failed(money: Money) -> list[str]:
    return [line.partition(":")[0] for line in money.weaknesses]


def test_both_are_backtested_on_the_challengers_test_part_and_the_better_one_passes(settings, challenger):
    champion, simulator = crowned(settings), Simulator(challenger=0.01)

    money = weigh_money(settings, challenger, simulator)

    assert simulator.asked == [(challenger.hash, TEST_PART), (champion.hash, TEST_PART)]
    assert (money.weaknesses, money.told, money.span) == ((), (), TEST_PART)
    assert [rule.kind for rule in money.rules] == ["money"] * 4


def test_a_challenger_that_earns_no_more_is_weak_and_says_so(settings, challenger):
    crowned(settings)

    money = weigh_money(settings, challenger, Simulator())

    assert names_failed(money) == ["money_difference"]
    assert "more than the champion" in money.words and "money_difference" in money.table


def test_without_a_champion_nothing_is_asked_and_the_earnings_are_told(settings, challenger):
    simulator = Simulator(challenger=0.01)

    money = weigh_money(settings, challenger, simulator)

    assert [bundle for bundle, _ in simulator.asked] == [challenger.hash]
    assert (money.rules, money.weaknesses) == ((), ())
    assert "no champion to compare with" in money.words and "queue model pessimistic" in money.table


def test_the_champion_itself_is_compared_with_nobody(settings, challenger):
    promote(settings.folders.models_dir, challenger.hash, "a person", "why not", 1)

    assert weigh_money(settings, challenger, Simulator()).rules == ()


def test_a_backtest_that_cannot_be_run_is_told_where_there_is_no_champion_and_a_failing_rule_where_there_is(
    settings, challenger
):
    alone = weigh_money(settings, challenger, refuse)
    crowned(settings)
    beside = weigh_money(settings, challenger, refuse)

    assert alone.weaknesses == () and "no limits" in alone.told[0] and "no limits" in alone.table
    assert names_failed(beside) == ["money_compared"] and "no limits" in beside.words


def test_where_the_champion_was_fitted_into_the_test_part_only_what_lies_after_is_compared_and_it_is_said(
    settings, challenger
):
    crowned(settings, (4_500, 6_000), 6_000)
    simulator = Simulator(challenger=0.01)

    money = weigh_money(settings, challenger, simulator)

    assert {span for _, span in simulator.asked} == {Span(at(4_500), at(5_000))}
    assert money.weaknesses == () and "within the challenger's test part" in money.told[0]
    assert "within the challenger's test part" in money.table


def test_a_champion_of_an_older_release_counts_as_fitted_on_all_its_data(settings, challenger):
    crowned(settings, None, 4_500)
    simulator = Simulator(challenger=0.01)

    weigh_money(settings, challenger, simulator)

    assert {span.first_ns for _, span in simulator.asked} == {at(4_500) + 1}


def test_too_little_after_both_trainings_is_a_failing_rule_and_no_backtest(settings, challenger):
    crowned(settings, (4_900, 6_000), 6_000)
    simulator = Simulator()

    money = weigh_money(settings, challenger, simulator)

    assert names_failed(money) == ["money_compared"] and simulator.asked == []
    assert "100 s lie after the training of both, at least 200 s are needed" in money.weaknesses[0]


def test_a_report_of_this_very_span_stands_and_one_of_another_is_made_again(settings, challenger):
    champion = crowned(settings)
    write_report(settings, challenger.hash, TEST_PART, noise(1, 0.01))
    write_report(settings, champion.hash, Span(at(3_000), at(4_000)), noise(2))
    simulator = Simulator()

    money = weigh_money(settings, challenger, simulator)

    assert simulator.asked == [(champion.hash, TEST_PART)]
    assert money.span == TEST_PART


def test_reports_of_other_settings_are_both_made_again(settings, challenger):
    champion = crowned(settings)
    write_report(settings, challenger.hash, TEST_PART, noise(1), settings_hash="old")
    write_report(settings, champion.hash, TEST_PART, noise(2), settings_hash="older")
    simulator = Simulator(challenger=0.01)

    assert weigh_money(settings, challenger, simulator).weaknesses == ()
    assert [bundle for bundle, _ in simulator.asked] == [challenger.hash, champion.hash]


def test_backtests_that_stay_unlike_are_not_compared(settings, challenger):
    champion = crowned(settings)

    def unlike(settings: Settings, bundle: str, span: Span) -> BacktestReport:
        write_report(settings, bundle, span, noise(1), queue="front" if bundle == champion.hash else "pessimistic")
        return read_backtest(report_path(settings, bundle))

    with pytest.raises(MoneyError, match="queue front"):
        measured(settings, challenger, champion.hash, unlike)


def test_a_damaged_champion_is_a_failing_rule(settings, challenger):
    champion = crowned(settings)
    (champion.directory / "weights.safetensors").write_bytes(b"")

    assert names_failed(weigh_money(settings, challenger, Simulator())) == ["money_compared"]


def test_table_figures_and_picture_are_kept_beside_each_other(settings, challenger):
    crowned(settings)

    picture = write_money(settings, challenger.hash, weigh_money(settings, challenger, Simulator(challenger=0.01)))

    folder = settings.folders.reports_dir / "promotion"
    document = json.loads((folder / f"{challenger.hash}.json").read_text())
    assert picture == folder / f"{challenger.hash}.png" and picture.read_bytes().startswith(b"\x89PNG")
    assert document["passed"] and document["difference_quote"][1] > 0
    assert "challenger less champion" in (folder / f"{challenger.hash}.md").read_text()
    assert write_money(settings, challenger.hash, Money((), ("nothing was measured",))) is None
    assert not picture.exists()
