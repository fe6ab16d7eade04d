"""What a backtest's report must say to be relied on, and what its command's failure reads like."""

from pathlib import Path

import pytest
from sealed_stand_in import at, write_report

from orchestration.defs.drift.samples import SECOND_NS, Span
from orchestration.defs.promote.backtests import MoneyError, read_backtest, report_path, run_backtest, stored
from orchestration.settings import Settings, load_settings

BUNDLE = "ab" * 32
SPAN = Span(at(0), at(3))
SETTINGS = """
[warehouse]
data_dir = "data"

[[grid]]
name = "main"
instruments = ["binance_usdm:BTCUSDT"]
reference = "binance_usdm:BTCUSDT"
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    monkeypatch.setenv("LOB_SETTINGS", str(tmp_path / "settings.toml"))
    return load_settings()


def test_equity_is_read_in_order_of_time(settings: Settings) -> None:
    write_report(settings, BUNDLE, SPAN, [1.0, -0.5, 0.25])

    report = read_backtest(report_path(settings, BUNDLE))

    assert report.ts_ns.tolist() == [at(0), at(1), at(2), at(3)]
    assert report.equity_e8.tolist() == [0, 100_000_000, 50_000_000, 75_000_000]
    assert (report.max_drawdown_e8, report.gross_exposure_max_e8) == (100, 1_000)


@pytest.mark.parametrize(("off_s", "covers"), [(0, True), (5, True), (6, False)])
def test_a_span_is_the_one_asked_for_up_to_seconds_without_a_frame(
    settings: Settings, off_s: int, covers: bool
) -> None:
    write_report(settings, BUNDLE, Span(SPAN.first_ns + off_s * SECOND_NS, SPAN.last_ns), [])

    found = stored(settings, BUNDLE)

    assert found is not None and found.covers(SPAN) == covers


@pytest.mark.parametrize(
    "other", [{"queue": "front"}, {"settings_hash": "other"}, {"latency": "1 ms"}, {"on_gap": "refuse"}]
)
def test_backtests_on_other_terms_are_not_alike(settings: Settings, other: dict[str, object]) -> None:
    write_report(settings, BUNDLE, SPAN, [1.0])
    one = read_backtest(report_path(settings, BUNDLE))
    write_report(settings, BUNDLE, SPAN, [1.0], **other)

    assert one.is_like(one) and not one.is_like(read_backtest(report_path(settings, BUNDLE)))


def test_a_warning_of_a_leak_goes_with_the_figures(settings: Settings) -> None:
    write_report(settings, BUNDLE, SPAN, [1.0], leak={"warning": "skill jumps"})

    assert read_backtest(report_path(settings, BUNDLE)).header[-1] == "skill jumps"


@pytest.mark.parametrize("content", ["", "[]", '{"span": 1}'])
def test_what_is_no_report_is_an_error_and_counts_as_none(settings: Settings, content: str) -> None:
    path = report_path(settings, BUNDLE)
    path.parent.mkdir(parents=True)
    path.write_text(content)

    assert stored(settings, BUNDLE) is None
    with pytest.raises(MoneyError, match="expected the report of a backtest"):
        read_backtest(path)


def test_a_backtest_that_fails_says_why_in_one_line(settings: Settings) -> None:
    with pytest.raises(MoneyError, match=f"the backtest of {BUNDLE[:12]} failed: trader: ") as failed:
        run_backtest(settings, BUNDLE, SPAN)

    assert "\n" not in str(failed.value)
