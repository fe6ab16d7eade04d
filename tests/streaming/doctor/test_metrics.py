"""The doctor on the InfluxDB that is to hear of us: one that is there, one that is not, one that knows us not."""

import re
import socket
from pathlib import Path

from influx_server import InfluxServer

from streaming.doctor.metrics import check_metrics
from streaming.metrics.config import MetricsSettings


def test_without_an_address_all_is_well() -> None:
    finding = check_metrics(MetricsSettings())

    assert finding.state == "ok" and "off by streaming.metrics.url" in finding.found


def test_a_server_is_named_with_its_version_and_nothing_is_made_there(tmp_path: Path) -> None:
    with InfluxServer(tmp_path) as influx:
        finding = check_metrics(influx.settings(timeout_ms=10_000))
        databases = influx.query("show databases")

    assert finding.state == "ok"
    assert re.fullmatch(rf"InfluxDB \d\S+ at {influx.url}, database lob", finding.found)
    assert "values" not in databases[0]


def test_a_server_that_is_not_there_is_warned_of_with_what_becomes_of_the_points() -> None:
    with socket.socket() as taken:  # bound and not listening: whoever connects is refused
        taken.bind(("127.0.0.1", 0))
        finding = check_metrics(MetricsSettings(url=f"http://127.0.0.1:{taken.getsockname()[1]}"))  # type: ignore[arg-type]

    assert finding.state == "warn" and "Connection refused" in finding.found
    assert "points wait on the disk" in finding.fix


def test_a_password_that_is_wrong_is_found_and_not_told(tmp_path: Path) -> None:
    with InfluxServer(tmp_path, is_guarded=True) as influx:
        address = influx.add_user("lob", "r1ght")
        wrong = check_metrics(influx.settings(url=address.replace("r1ght", "wr0ng"), timeout_ms=10_000))
        right = check_metrics(influx.settings(url=address, timeout_ms=10_000))

    assert (wrong.state, right.state) == ("warn", "ok")
    assert "401" in wrong.found and "wr0ng" not in wrong.found + wrong.fix
    assert "r1ght" not in right.found
