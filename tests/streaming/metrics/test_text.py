"""What people are told of the writing of series."""

from native.config import JsonObject
from streaming.metrics.text import metrics_lines

FARES: JsonObject = {
    "is_connected": True,
    "written": 7,
    "spilled": 0,
    "dropped": 0,
    "refused": 0,
    "last_problem": "",
}


def test_where_it_is_off_nothing_is_said() -> None:
    assert metrics_lines({"metrics": None}) == [] == metrics_lines({})


def test_a_server_that_is_there_is_told_with_what_it_has() -> None:
    assert metrics_lines({"metrics": FARES}) == ["influxdb: 7 points written, 0 wait on the disk, 0 dropped, 0 refused"]


def test_a_server_that_is_not_is_told_aloud_and_why() -> None:
    away: JsonObject = {**FARES, "is_connected": False, "spilled": 9, "last_problem": "timed out"}

    assert metrics_lines({"metrics": away}) == [
        "influxdb: NOT THERE, 9 points wait on the disk, 0 dropped, 0 refused; timed out"
    ]
