"""What the project's settings show behind a # is taken as it stands once the # is gone."""

import re
from pathlib import Path

import pytest
from paper_market import START_NS, venue_plans

from native.risk_settings import InstrumentLimits, RiskSettings, WatchSettings, missing_limits
from native.section import Section
from native.strategy_settings import STRATEGY_SECTIONS
from streaming.settings import PROJECT_ROOT, Settings, load_settings
from streaming.trader.machine import Machine
from streaming.trader.plan import trader_plan

TEXT = (PROJECT_ROOT / "settings.toml").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^# (?=\[|\w+ = |\"[\w.]+\" = )", re.MULTILINE)


@pytest.fixture
def everything(settings_file: Path) -> Settings:
    settings_file.write_text(EXAMPLE.sub("", TEXT), encoding="utf-8")
    return load_settings()


def keys_of(text: str) -> set[str]:
    return set(re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE))


def test_all_examples_together_make_a_trader_that_starts(everything: Settings) -> None:
    plan = trader_plan(everything, everything.grid_named("main"), venue_plans(), "b" * 64, START_NS)

    Machine.fresh(plan.header)
    assert [strategy.kind for strategy in everything.native.strategies] == [
        str(section.model_fields["kind"].annotation.__args__[0])  # type: ignore[union-attr]  # a Literal of one word
        for section in STRATEGY_SECTIONS
    ]


def test_with_the_examples_only_what_they_switch_off_misses_its_limit(everything: Settings) -> None:
    assert everything.native.risk is not None
    switched_off = [*everything.native.risk.off, *(f"watch.{name}" for name in everything.native.risk.watch.off)]

    assert set(missing_limits(everything.native)) <= {*switched_off, "short_position"}


@pytest.mark.parametrize(
    ("section", "begin"),
    [(RiskSettings, "[native.risk]"), (WatchSettings, "[native.risk.watch]"), (InstrumentLimits, "[native.limits.")],
)
def test_every_key_of_a_limit_has_an_example(section: type[Section], begin: str) -> None:
    part = TEXT[TEXT.index(begin) :]
    own = part if section is InstrumentLimits else part[: part.index("\n\n")]

    assert keys_of(own) >= set(section.model_fields) - {"watch"}


def test_as_the_file_stands_no_example_is_in_force(settings_file: Path) -> None:
    settings = load_settings().native

    assert settings.strategies == ()
    assert settings.risk is not None
    assert settings.risk.watch == WatchSettings()
