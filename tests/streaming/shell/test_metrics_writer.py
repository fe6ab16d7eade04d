"""Series in a real InfluxDB that is there, missing, hanging, restarted, guarded, or of another mind."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from influx_server import InfluxServer
from waiting import until

from native.config import JsonObject
from streaming.bus import FillEvent, StateEvent
from streaming.metrics.config import MetricsSettings
from streaming.shell.metrics_writer import TAKE_MAX, MetricsReading, MetricsWriter

BEGIN_NS = 1_767_578_400_000_000_000
S = 1_000_000_000
POINTS_OF_A_NOISY_ONE = 203
"""Of a session, 200 instruments, the process and the writer."""
PNL = 'select "pnl" from "trader"'


def document(second: int = 0, **words: object) -> JsonObject:
    """Return a trader's status of this second, as far as points need it."""
    told = {"process": "trader", "mode": "paper", "run": "r1", "ts_ns": BEGIN_NS + second * S, "state": "active"}
    return {**told, "pnl": f"{second}.5", "counts": {"frames": second}, **words}  # type: ignore[dict-item]


def state(second: int, word: str = "halted") -> StateEvent:
    return StateEvent(run="r1", ts_ns=BEGIN_NS + second * S, state=word, reason="a test says so")


class Writing:
    """A writer that is stopped with the test."""

    def __init__(self, settings: MetricsSettings, folder: Path) -> None:
        self.writer = MetricsWriter(settings, folder, "trader")
        self.writer.start()

    @property
    def reading(self) -> MetricsReading:
        return self.writer.reading()

    def tell_seconds(self, first: int, last: int) -> None:
        """Tell these seconds, no faster than the writer takes them."""
        for second in range(first, last):
            self.writer.tell(document(second))
            if second % TAKE_MAX == 0:
                until(lambda: self.reading.waiting == 0, "the writer to take what was told")

    def until_written(self) -> MetricsReading:
        """Wait until nothing waits, here or on the disk."""
        until(lambda: (now := self.reading).waiting + now.spilled == 0 and now.is_connected, "all to be written")
        return self.reading


@pytest.fixture
def influx(tmp_path: Path) -> Iterator[InfluxServer]:
    with InfluxServer(tmp_path / "influx") as server:
        yield server


@pytest.fixture
def writing(influx: InfluxServer, tmp_path: Path) -> Iterator[Writing]:
    writing = Writing(influx.settings(), tmp_path / "run")
    try:
        yield writing
    finally:
        writing.writer.stop()


def seconds_of(influx: InfluxServer) -> list[float]:
    """Return the pnl of every second that the series holds, in order."""
    return [float(str(value)) for _, value in influx.values(PNL)]


def told(first: int, last: int) -> list[float]:
    return [second + 0.5 for second in range(first, last)]


def test_a_status_and_an_event_stand_in_a_database_that_was_not_there(influx: InfluxServer, writing: Writing) -> None:
    writing.writer.tell(document(3))
    writing.writer.tell(state(4))
    reading = writing.until_written()

    assert influx.values('select "pnl", "frames", "state" from "trader"') == [[BEGIN_NS + 3 * S, 3.5, 3, "active"]]
    assert influx.values('select "title", "words", "kind" from "event"') == [
        [BEGIN_NS + 4 * S, "trading halted", "a test says so", "state"]
    ]
    assert (reading.dropped, reading.refused, reading.documents_dropped, reading.last_problem) == (0, 0, 0, "")


def test_after_an_outage_of_ten_minutes_the_series_holds_every_point(influx: InfluxServer, writing: Writing) -> None:
    writing.tell_seconds(0, 5)
    writing.until_written()
    influx.stop()
    writing.tell_seconds(5, 605)
    until(lambda: writing.reading.spilled > 600, "points on the disk")
    assert not writing.reading.is_connected and "Connection refused" in writing.reading.last_problem
    influx.start()
    writing.tell_seconds(605, 610)
    reading = writing.until_written()

    assert seconds_of(influx) == told(0, 610)
    assert (reading.dropped, reading.refused, reading.documents_dropped) == (0, 0, 0)


def test_a_server_that_hangs_costs_no_point_and_is_not_waited_for(influx: InfluxServer, writing: Writing) -> None:
    writing.tell_seconds(0, 3)
    writing.until_written()
    influx.hang()
    writing.tell_seconds(3, 40)
    until(lambda: writing.reading.spilled > 0 and "timed out" in writing.reading.last_problem, "the hang to be seen")
    influx.go_on()
    reading = writing.until_written()

    assert seconds_of(influx) == told(0, 40)
    assert reading.documents_dropped == 0


def test_a_server_that_restarts_between_two_writes_is_not_even_noticed_as_lost(
    influx: InfluxServer, writing: Writing
) -> None:
    writing.tell_seconds(0, 3)
    writing.until_written()
    influx.restart()
    writing.tell_seconds(3, 6)
    reading = writing.until_written()

    assert seconds_of(influx) == told(0, 6)
    assert reading.failures == 0


def test_what_one_process_could_not_send_the_next_one_does(influx: InfluxServer, tmp_path: Path) -> None:
    influx.stop()
    first = Writing(influx.settings(), tmp_path / "run")
    first.tell_seconds(0, 20)
    until(lambda: first.reading.spilled > 0, "points on the disk")
    first.writer.stop()
    assert first.reading.waiting == 0 and first.reading.written == 0
    influx.start()
    second = Writing(influx.settings(), tmp_path / "run")
    second.tell_seconds(20, 25)
    second.until_written()
    second.writer.stop()

    assert seconds_of(influx) == told(0, 25)
    assert list((tmp_path / "run/metrics/trader").iterdir()) == []


def test_the_last_words_of_a_process_are_sent_though_it_ends_at_once(influx: InfluxServer, tmp_path: Path) -> None:
    writing = Writing(influx.settings(), tmp_path / "run")
    writing.writer.tell(document(1))
    writing.writer.stop()

    assert seconds_of(influx) == [1.5]


def test_a_process_that_ends_while_the_server_hangs_keeps_its_last_words(influx: InfluxServer, tmp_path: Path) -> None:
    writing = Writing(influx.settings(), tmp_path / "run")
    writing.tell_seconds(0, 1)
    writing.until_written()
    influx.hang()
    writing.tell_seconds(1, 4)
    writing.writer.stop()
    assert writing.reading.spilled > 0
    influx.go_on()
    later = Writing(influx.settings(), tmp_path / "run")
    later.until_written()
    later.writer.stop()

    assert seconds_of(influx) == told(0, 4)


def test_beyond_its_share_of_the_disk_the_oldest_points_go_and_are_counted(
    influx: InfluxServer, tmp_path: Path
) -> None:
    influx.stop()
    noise = {
        "instruments": [{"instrument": f"v:{os.urandom(40).hex()}", "pnl": "1", "feed": "gap"} for _ in range(200)]
    }
    writing = Writing(influx.settings(spill_mib=1), tmp_path / "run")
    seconds = 0
    while not writing.reading.dropped:
        writing.writer.tell(document(seconds, **noise, trigger=os.urandom(4_000).hex()))
        until(lambda: writing.reading.waiting == 0, "the writer to take what was told")
        seconds += 1
        assert seconds < 3_000, "a MiB is full at last"
    assert writing.reading.spill_bytes <= 1 << 20
    influx.start()
    reading = writing.until_written()
    writing.writer.stop()

    kept = seconds_of(influx)
    assert kept == told(seconds - len(kept), seconds) and len(kept) < seconds
    assert reading.dropped == (seconds - len(kept)) * POINTS_OF_A_NOISY_ONE


def test_points_that_the_server_refuses_are_counted_and_do_not_stand_in_the_way(
    influx: InfluxServer, writing: Writing
) -> None:
    writing.tell_seconds(0, 1)
    writing.until_written()
    influx.query("drop measurement trader")
    influx.post("/write?db=lob", f'trader,mode=paper,run=r1 pnl="a word" {BEGIN_NS}'.encode())
    writing.tell_seconds(1, 2)
    until(lambda: writing.reading.refused > 0, "the refusal")
    influx.query("drop measurement trader")
    writing.tell_seconds(2, 3)
    writing.until_written()

    assert "field type conflict" in writing.reading.last_problem
    assert seconds_of(influx) == told(2, 3)


def test_with_a_wrong_password_points_wait_and_it_is_never_told(tmp_path: Path) -> None:
    with InfluxServer(tmp_path / "influx", is_guarded=True) as influx:
        address = influx.add_user("lob", "r1ght")
        wrong = influx.settings(url=address.replace("r1ght", "wr0ng"), timeout_ms=10_000)
        writing = Writing(wrong, tmp_path / "run")
        writing.tell_seconds(0, 2)
        until(lambda: writing.reading.spilled > 0, "points on the disk")
        problem = writing.reading.last_problem
        writing.writer.stop()
        right = Writing(influx.settings(url=address, timeout_ms=10_000), tmp_path / "run")
        right.until_written()
        right.writer.stop()

    assert "401" in problem and "correct user and password" in problem and "wr0ng" not in problem


def test_a_full_queue_drops_the_oldest_and_counts_it(tmp_path: Path) -> None:
    writer = MetricsWriter(MetricsSettings(url="http://127.0.0.1:9", queue_max=5), tmp_path, "trader")
    for second in range(12):
        writer.tell(document(second))

    assert (writer.reading().waiting, writer.reading().documents_dropped) == (5, 7)


def test_a_document_that_is_none_costs_itself_alone(influx: InfluxServer, writing: Writing) -> None:
    writing.writer.tell(
        document(0, latency={"stage": {"count": 1}}, scores={"champion": {"horizons": [{"steps": {}}]}})
    )
    writing.writer.tell(document(1, counts=["not", "counts"], instruments="none", venues=7))
    writing.writer.tell({})
    writing.tell_seconds(2, 3)
    writing.until_written()

    assert seconds_of(influx) == told(0, 3)


def test_fills_are_counted_elsewhere_and_take_no_place_in_the_queue(tmp_path: Path) -> None:
    writer = MetricsWriter(MetricsSettings(url="http://127.0.0.1:9"), tmp_path, "trader")
    words = {"price": "1", "size": "1", "fee": "0", "client_order_id": "1"}
    writer.tell(FillEvent(run="r", ts_ns=1, instrument="v:S", side="buy", **words))  # type: ignore[arg-type]

    assert writer.reading().waiting == 0


def test_without_an_address_nothing_runs_and_nothing_waits(tmp_path: Path) -> None:
    writer = MetricsWriter(MetricsSettings(), tmp_path, "trader")
    writer.start()
    writer.tell(document(0))
    writer.stop()

    assert writer.to_json() is None and writer.reading().waiting == 0 and list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_nothing_costs_points_and_no_more(influx: InfluxServer, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/metrics").write_text("a file where the folder should be")
    influx.stop()
    writing = Writing(influx.settings(), tmp_path / "run")
    writing.tell_seconds(0, 3)
    until(lambda: writing.reading.dropped > 0, "the loss to be counted")
    influx.start()
    problem = writing.reading.last_problem
    seconds = iter(range(3, 10_000))
    until(lambda: writing.tell_seconds(now := next(seconds), now + 1) or writing.reading.written, "points to arrive")
    writing.until_written()
    writing.writer.stop()

    assert seconds_of(influx)[-1] == next(seconds) - 0.5
    assert "run/metrics/trader: Not a directory" in problem
