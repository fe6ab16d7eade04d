"""Faults: each hits what it says, once it meets a client, and the log tells exactly what was lost."""

from itertools import pairwise

import orjson
import pytest

from streaming.emulator.faults import Fault, FaultKind, FaultSchedule
from streaming.emulator.instruments import SYMBOL
from streaming.emulator.market import MarketEmulator
from streaming.emulator.regime import Regime
from streaming.emulator.session import Ending, Send
from streaming.emulator.source import EndlessMarket
from streaming.emulator.streams import read_depth

START_NS = 1_767_571_200_000_000_000
S_NS = 1_000_000_000
PATHS = {"binance_usdm": "/public/stream", "binance_spot": "/stream", "bybit_spot": "/v5/public/spot"}
TOPIC = f"orderbook.50.{SYMBOL}"
STREAM = "btcusdt@depth@100ms"


class Bench:
    """An emulator and depth clients of one venue."""

    def __init__(self, venue, clients=1, schedule=None):
        self.emulator = MarketEmulator(EndlessMarket(3, START_NS), schedule=schedule)
        self.now_ns = self.emulator.prime()
        self.venue = self.emulator.venues[venue]
        self.clients = [self.open() for _ in range(clients)]

    def open(self):
        query = {"streams": STREAM} if self.venue.name != "bybit_spot" else {}
        session = self.venue.open(PATHS[self.venue.name], query, self.emulator.next_session_id(), self.now_ns)
        if self.venue.name == "bybit_spot":
            session.receive_text(orjson.dumps({"op": "subscribe", "args": [TOPIC]}), self.now_ns)
        return session

    def arm(self, kind, **options):
        return self.emulator.arm(Fault(kind=FaultKind(kind), venue=self.venue.name, **options), self.now_ns)

    def wait(self, seconds):
        self.now_ns += int(seconds * S_NS)
        while not self.emulator.advance(self.now_ns):
            pass


def depth_of(session):
    """Depth changes that a client got, its snapshots too."""
    messages = [item.data for item in session.data_to_send(10**6) if isinstance(item, Send)]
    venue = "bybit_spot" if any(b"orderbook" in message for message in messages) else "binance"
    return [read_depth(venue, message) for message in messages if b'"b":[' in message]


def holes(changes):
    """Previous and next id where a client's chain of depth frames breaks."""
    return [
        (before.ids.last, after.ids.previous)
        for before, after in pairwise(changes)
        if before.ids.last != after.ids.previous and not after.is_snapshot
    ]


@pytest.mark.parametrize("venue", PATHS)
def test_frames_are_continuous_without_a_fault_and_broken_exactly_where_the_log_says(venue) -> None:
    bench = Bench(venue)
    bench.wait(2)
    record = bench.arm("drop_depth", count=2)
    bench.wait(3)

    found = holes(depth_of(bench.clients[0]))

    loss = record.losses[0]
    assert found == [(loss.previous_id, loss.last_id)]
    assert loss.frames == 2


def test_a_fault_for_one_connection_spares_the_other() -> None:
    bench = Bench("binance_usdm", clients=2)
    bench.wait(1)
    record = bench.arm("drop_depth", connections="one")
    bench.wait(1)

    first, second = (holes(depth_of(client)) for client in bench.clients)

    assert (len(first), len(second)) == (1, 0)
    assert record.connections == [bench.clients[0].id]


def test_a_fault_waits_until_somebody_can_notice() -> None:
    bench = Bench("binance_spot", clients=0)
    record = bench.arm("drop_depth")
    bench.wait(2)
    unfired_ns = record.ts_fired_ns
    client = bench.open()

    bench.wait(1)

    assert (unfired_ns, bench.emulator.log.fired["binance_spot drop_depth"]) == (0, 1)
    assert record.connections == [client.id]


def test_a_repeated_frame_comes_twice_and_breaks_nothing_else() -> None:
    bench = Bench("binance_spot")
    record = bench.arm("repeat_depth")
    bench.wait(2)

    ids = [change.ids.last for change in depth_of(bench.clients[0])]

    assert [last for last in set(ids) if ids.count(last) == 2] == [record.last_id]


def test_a_stall_says_nothing_for_its_time_and_what_was_due_never_comes() -> None:
    bench = Bench("binance_usdm")
    bench.wait(1)
    record = bench.arm("stall", duration_ms=2_000)
    bench.wait(0.001)
    bench.wait(4)

    changes = depth_of(bench.clients[0])

    loss = record.losses[0]
    assert bench.clients[0].ending is None
    assert holes(changes) == [(loss.previous_id, loss.last_id)]
    assert loss.frames == 20
    assert 1.7 * S_NS < loss.ts_last_ns - loss.ts_first_ns < 2 * S_NS


def test_a_disconnect_cuts_the_connection() -> None:
    bench = Bench("bybit_spot", clients=2)
    record = bench.arm("disconnect")

    bench.wait(0.1)

    assert [(client.ending, client.is_cut) for client in bench.clients] == [(Ending.fault, True)] * 2
    assert record.connections == [client.id for client in bench.clients]


def test_a_restart_of_bybit_pushes_a_snapshot_with_id_1_and_counts_on() -> None:
    bench = Bench("bybit_spot")
    bench.wait(1)
    bench.arm("server_restart")
    bench.wait(1)

    changes = depth_of(bench.clients[0])

    snapshots = [place for place, change in enumerate(changes) if change.is_snapshot]
    assert len(snapshots) == 2
    after = changes[snapshots[1] :]
    assert [change.ids.last for change in after] == [*range(1, len(after) + 1)]
    assert holes(changes) == []
    assert bench.venue.books[SYMBOL].last_id == after[-1].ids.last


def test_a_client_that_follows_a_restart_has_the_true_book() -> None:
    bench = Bench("bybit_spot")
    bench.arm("server_restart")
    bench.wait(5)
    book: dict[str, dict[str, str]] = {"b": {}, "a": {}}

    for change in depth_of(bench.clients[0]):
        if change.is_snapshot:
            book = {"b": {}, "a": {}}
        for side, levels in (("b", change.bids), ("a", change.asks)):
            book[side].update(levels)

    truth = bench.emulator.truth_at(f"bybit_spot:{SYMBOL}")
    assert {price: size for price, size in book["b"].items() if size != "0"} == dict(truth.bids)
    assert {price: size for price, size in book["a"].items() if size != "0"} == dict(truth.asks)


def test_skew_moves_the_times_in_frames() -> None:
    bench = Bench("binance_usdm")
    bench.wait(1)
    bench.arm("clock_skew", skew_ms=1_500, duration_ms=60_000)
    bench.wait(1)

    stamps = [change.ts_event_ms for change in depth_of(bench.clients[0])]

    steps = [later - earlier for earlier, later in pairwise(stamps)]
    assert len([step for step in steps if step > 1_500]) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "drop_depth", "count": 0},
        {"kind": "refuse_rest", "status": 500},
        {"kind": "server_restart"},
        {"kind": "bad_reply", "form": "xml"},
        {"kind": "stall", "connections": "some"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(options) -> None:
    with pytest.raises(ValueError, match="fault"):
        Fault(venue="binance_spot", **{**options, "kind": FaultKind(options["kind"])})


def test_a_fault_of_an_unknown_instrument_is_refused() -> None:
    bench = Bench("binance_spot")

    with pytest.raises(ValueError, match="expected one of BTCUSDT"):
        bench.arm("drop_depth", symbol="NOPE")


def test_the_schedule_is_its_seeds() -> None:
    def drawn(seed):
        schedule = FaultSchedule(seed, 60, START_NS, ["binance_spot", "bybit_spot"], [*FaultKind])
        return [(schedule.next_ns, schedule.take()) for _ in range(200)]

    assert drawn(1) == drawn(1) != drawn(2)
    times = [at for at, _ in drawn(1)]
    assert times == sorted(times)
    assert 2 * 3_600 * S_NS < times[-1] - START_NS < 5 * 3_600 * S_NS


def test_scheduled_faults_fire_and_every_hole_is_in_the_log() -> None:
    kinds = [FaultKind.drop_depth, FaultKind.stall, FaultKind.repeat_depth]
    schedule = FaultSchedule(5, 600, START_NS, ["binance_usdm"], kinds)
    bench = Bench("binance_usdm", schedule=schedule)  # spot would close it: it sends no pongs
    changes = []
    for _ in range(60):
        bench.wait(2)
        changes += depth_of(bench.clients[0])
    bench.emulator.calm()
    bench.wait(11)
    changes += depth_of(bench.clients[0])

    fresh = [one for one, before in zip(changes[1:], changes, strict=False) if one.ids.last != before.ids.last]
    assert holes([changes[0], *fresh]) == bench.emulator.log.holes(bench.clients[0].id, SYMBOL)
    assert sum(bench.emulator.log.fired.values()) > 10


def test_a_change_of_regime_alters_what_follows_and_no_continuity() -> None:
    bench = Bench("binance_usdm")
    bench.wait(1)
    bench.emulator.set_regime(Regime(size_factor=10.0, is_wide=True), bench.now_ns)
    bench.wait(10)

    truth = bench.emulator.truth_at(f"binance_usdm:{SYMBOL}")

    assert holes(depth_of(bench.clients[0])) == []
    assert round(float(truth.asks[0][0]) - float(truth.bids[0][0]), 1) == 0.3
    assert float(truth.bids[0][1]) > 10
