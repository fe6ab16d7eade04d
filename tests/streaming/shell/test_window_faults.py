"""Windows that stop, hang or restart change nothing of what is traded: one journal, the whole shell, equal outputs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from influx_server import InfluxServer
from paper_market import Arrival, arrivals
from played_shell import Act, Played, play
from window_services import Service, dashboard, house_in, own_redis, running

STEPS, SPEED = 360, 10.0
"""36 s of market in 3.6 s: long enough for whoever waits a second for Redis to give up."""


@pytest.fixture(scope="module")
def frames() -> list[Arrival]:
    return arrivals(STEPS)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, frames: list[Arrival]) -> Played:
    """The journal played to a trader that has no window at all."""
    return play(house_in(tmp_path_factory.mktemp("alone"), "off"), frames, speed=2 * SPEED)


def faults(service: Service) -> Sequence[Act]:
    """It hangs, goes on, is stopped, and is started again."""
    return [*ailing(service), Act(0.75, service.start)]


def ailing(service: Service) -> Sequence[Act]:
    return [Act(0.1, service.hang), Act(0.5, service.go_on), Act(0.6, service.stop)]


def equal(found: Played, expected: Played) -> bool:
    """Tell whether two runs are equal in every record of the journal, every table's rows and every count."""
    landed = (found.summary.landed, expected.summary.landed)
    return (
        found.journal_sha256 == expected.journal_sha256
        and replace(landed[0], run="") == replace(landed[1], run="")
        and landed[0].identical
        and all(found.summary.status[key] == expected.summary.status[key] for key in ("counts", "pnl", "instruments"))
    )


def test_the_market_that_is_played_is_one_in_which_things_happen(undisturbed: Played) -> None:
    counts = undisturbed.summary.status["counts"]

    assert isinstance(counts, dict) and counts["steps"] >= STEPS - 1
    assert counts["forecasts"] > STEPS / 2 and counts["fills"] > 100 and counts["forecasts_late"] == 0


def test_a_redis_that_hangs_stops_and_comes_back_changes_no_output(
    tmp_path: Path, frames: list[Arrival], undisturbed: Played
) -> None:
    service, url = own_redis(tmp_path / "redis")
    with running(service):
        found = play(house_in(tmp_path, url), frames, speed=SPEED, acts=faults(service))

    bus = found.summary.status["bus"]
    assert isinstance(bus, dict) and bus["reconnects"] >= 1 and bus["dropped"] >= 1, "the faults were felt"
    assert bus["published"] > 5
    assert equal(found, undisturbed)


def test_a_dashboard_that_hangs_stops_and_comes_back_changes_no_output(
    tmp_path: Path, frames: list[Arrival], undisturbed: Played
) -> None:
    redis, url = own_redis(tmp_path / "redis")
    house = house_in(tmp_path, url)
    with running(redis), running(dashboard(tmp_path / "dashboard", house.settings_file)) as service:
        found = play(house, frames, speed=SPEED, acts=[*ailing(service), Act(0.7, service.launch)])

    bus = found.summary.status["bus"]
    assert isinstance(bus, dict) and bus["reconnects"] == 0
    assert bus["published"] > 20, "views were told all the time"
    assert equal(found, undisturbed)


def test_an_influxdb_that_hangs_stops_and_comes_back_changes_no_output_and_has_every_point(
    tmp_path: Path, frames: list[Arrival], undisturbed: Played
) -> None:
    with InfluxServer(tmp_path / "influx") as service:
        found = play(house_in(tmp_path, "off", service.url), frames, speed=SPEED, acts=faults(service))
        points = service.values('select "steps" from "trader"')

    metrics = found.summary.status["metrics"]
    assert isinstance(metrics, dict) and metrics["failures"] >= 2, "the faults were felt"
    assert metrics["documents_dropped"] == metrics["dropped"] == 0 and len(points) > 5
    assert equal(found, undisturbed)
