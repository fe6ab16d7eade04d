"""What people read of a backtest in the UI, also where there is none."""

from pathlib import Path

import pytest

from orchestration.defs.backtest.assets import Tried, try_bundle
from orchestration.defs.promote.backtests import MoneyError
from orchestration.settings import Settings, load_settings

BUNDLE = "ab" * 32
SETTINGS = """
[warehouse]
data_dir = "data"

[[grid]]
name = "main"
instruments = ["binance_usdm:BTCUSDT"]
reference = "binance_usdm:BTCUSDT"
"""
DOCUMENT = {
    "run": "backtest-1",
    "queue": "pessimistic",
    "latency": "constant 5 ms",
    "masked_share": 0.25,
    "leak": {"warning": ""},
    "execution": {"fill_rate": None},
    "earnings": {
        "pnl_e8": 150_000_000,
        "pnl_interval": {"low": -5e7, "high": 3.5e8},
        "max_drawdown_e8": 20_000_000,
        "sharpe": 1.5,
    },
}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    monkeypatch.setenv("LOB_SETTINGS", str(tmp_path / "settings.toml"))
    return load_settings()


def test_figures_are_told_in_the_quote_currency_and_undefined_ones_left_out() -> None:
    told = {name: value.value for name, value in Tried(BUNDLE, DOCUMENT).metadata.items()}

    assert (told["pnl"], told["pnl_low"], told["pnl_high"]) == (1.5, -0.5, 3.5)
    assert (told["max_drawdown"], told["masked_share"], told["queue_model"]) == (0.2, 0.25, "pessimistic")
    assert told["leak_warning"] == "none"
    assert "fill_rate" not in told


def test_a_bundle_that_money_cannot_judge_is_told_and_fails_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_arguments: object) -> None:
        raise MoneyError("the backtest of abab failed: no limits")

    monkeypatch.setattr("orchestration.defs.promote.backtests.run_backtest", fails)
    monkeypatch.setattr("orchestration.defs.promote.money.span_of_test", lambda _bundle: None)
    monkeypatch.setattr("ml.bundle.open_bundle", lambda *_arguments: None)

    tried = try_bundle(settings, BUNDLE)

    assert tried.problem.endswith("no limits")
    assert {name: value.value for name, value in tried.metadata.items()} == {
        "bundle": BUNDLE,
        "not_known": tried.problem,
    }
