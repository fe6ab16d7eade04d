"""The one clock: three numbers, the same time wherever they are."""

import re
import time
from pathlib import Path

import pytest

from streaming.shell.clock import Clock

ROOT = Path(__file__).resolve().parents[3]
READS = re.compile(r"\btime\.(time|monotonic)(_ns)?\(|datetime\.(now|utcnow)\(")


def test_speed_one_shows_the_time_of_day() -> None:
    clock = Clock.wall()

    assert abs(clock.now_ns() - time.time_ns()) < 1_000_000_000


def test_a_fast_clock_runs_its_speed_times_real_time() -> None:
    clock = Clock.starting_at(5_000_000_000, 100.0)
    begin_ns, real_ns = clock.now_ns(), time.monotonic_ns()

    time.sleep(0.02)

    passed_ns, real_passed_ns = clock.now_ns() - begin_ns, time.monotonic_ns() - real_ns
    assert passed_ns == pytest.approx(100 * real_passed_ns, rel=0.05)


def test_two_processes_with_the_same_numbers_agree() -> None:
    clock = Clock.starting_at(1_767_571_200_000_000_000, 60.0)

    other = Clock.from_json(clock.to_json())

    assert other == clock
    assert abs(other.now_ns() - clock.now_ns()) < 60 * 50_000_000


def test_delay_is_in_real_seconds_and_never_negative() -> None:
    clock = Clock.starting_at(0, 10.0)

    assert clock.delay_s(clock.now_ns() + 10_000_000_000) == pytest.approx(1.0, abs=0.05)
    assert clock.delay_s(-1) == 0.0


@pytest.mark.parametrize("speed", [0.0, -1.0, 1e9, float("nan")])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        Clock.starting_at(0, speed)


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="expected the numbers"):
        Clock.from_json({"epoch_ns": 1, "speed": "fast", "start_ns": 2})


def test_the_emulator_reads_no_other_clock() -> None:
    files = (ROOT / "streaming" / "emulator").glob("*.py")

    assert not [path.name for path in files if READS.search(path.read_text(encoding="utf-8"))]
