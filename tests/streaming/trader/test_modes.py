"""The mode of a session stands in its run's name, and its files are found whatever it is."""

from pathlib import Path

import pytest

from streaming.trader.modes import Mode, mode_of, session_files


@pytest.mark.parametrize("mode", Mode)
def test_a_run_says_its_mode(mode: Mode) -> None:
    assert mode_of(f"{mode}-20260105T022448.083") is mode


@pytest.mark.parametrize("run", ["", "recorded-binance_spot-20260105T022448.083", "alive-2026"])
def test_the_name_of_another_run_is_refused(run: str) -> None:
    with pytest.raises(ValueError, match="expected a session's, beginning with paper, shadow, live"):
        mode_of(run)


def test_sessions_are_found_in_the_order_of_their_beginnings(tmp_path: Path) -> None:
    names = ["shadow-20260103", "live-20260104", "paper-20260105", "live-20260102"]
    for name in [*names, "recorded-20260101", "live-20260101.summary"]:
        (tmp_path / f"{name}.seg").touch()

    found = [path.name for path in session_files(tmp_path, "5.seg")]
    everything = [path.name.removesuffix(".seg") for path in session_files(tmp_path, ".seg")]

    assert found == ["paper-20260105.seg"]
    assert [name for name in everything if name in names] == sorted(names, key=lambda name: name.partition("-")[2])
    assert "recorded-20260101" not in everything
