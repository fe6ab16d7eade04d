"""A session without sockets: its journal replays, its orders leave after their cause, its time never goes back."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray
from paper_market import (
    CONTEXT,
    NAMES,
    START_NS,
    Arrival,
    Feeder,
    Told,
    arrivals,
    begin,
    part_of,
    plan_of,
    scripted,
    silent,
    told,
)

import native
from streaming.errors import RefusedError
from streaming.journal import Journal
from streaming.replay import replay
from streaming.segments import KIND_COMMAND, KIND_FORECAST, KIND_TIMER, read_block, scan
from streaming.trader.machine import Machine
from streaming.trader.session import NEVER_NS, TradingSession

MS = 1_000_000
SIM_LATENCY_NS = 5 * MS


@pytest.fixture(scope="module")
def frames() -> list[Arrival]:
    return arrivals(120)


@pytest.fixture
def fed(tmp_path: Path, frames: list[Arrival]) -> TradingSession:
    session = begin(tmp_path)
    Feeder(session).feed(frames)
    return session


def closed(session: TradingSession) -> Told:
    path = session.close()
    assert replay(path, silent).identical
    return told(path, session.plan)


def test_every_frame_is_journaled_once_in_order_and_the_journal_replays(
    fed: TradingSession, frames: list[Arrival]
) -> None:
    found = closed(fed)

    offsets = fed.plan.source_offsets
    assert found.frames == [(offsets[frame.venue] + frame.source, frame.payload) for frame in frames]
    assert fed.counts.frames == len(frames)
    assert fed.counts.rejects == 0


def test_positions_are_the_sum_of_the_simulated_venues_fills(fed: TradingSession) -> None:
    shown = {item["instrument"]: item["position"] for item in fed.positions()}
    counts = fed.counts

    found = closed(fed)

    units = {entry.name: float(entry.size_unit) for entry in fed.plan.header.instruments}
    sums = {entry.name: found.positions[entry.id] * units[entry.name] for entry in fed.plan.header.instruments}
    assert {name: float(str(text)) for name, text in shown.items()} == pytest.approx(sums)
    assert counts.fills == len(found.outputs["fills"]) > 10
    assert counts.orders == len(found.outputs["order_requests"]) > 10


def test_order_meets_the_venue_only_after_its_cause_is_with_the_operating_system(
    tmp_path: Path, frames: list[Arrival]
) -> None:
    class Watched:
        """The simulated venue, which looks into the journal's file when an order comes."""

        def __init__(self, venue: native.SimVenue) -> None:
            self.venue = venue
            self.frame, self.due, self.next_ts_ns = venue.frame, venue.due, venue.next_ts_ns
            self.seen = 0

        def submit(self, requests: NDArray[np.void], ts_ns: int) -> None:
            on_disk = max(int(step.records["seq"].max()) for step in Journal(part).steps() if len(step.records))
            assert int(requests["seq"].max()) <= on_disk
            self.seen += len(requests)
            self.venue.submit(requests, ts_ns)

    plan = plan_of()
    machine = Machine.fresh(plan.header)
    watched = Watched(machine.venue)
    machine.venue = watched  # type: ignore[assignment]  # speaks as the venue does
    session = begin(tmp_path, plan, machine)
    part = part_of(session, tmp_path)

    Feeder(session).feed(frames)

    assert watched.seen == session.counts.orders > 10


def test_what_is_told_to_others_is_with_the_operating_system_before(tmp_path: Path, frames: list[Arrival]) -> None:
    session = begin(tmp_path)
    feeder = Feeder(session)
    fills = 0
    for start in range(0, len(frames), 50):
        feeder.feed(frames[start : start + 50])
        told = session.take_events()
        if not told:
            continue
        handed_over = sum(len(step.records) for step in Journal(part_of(session, tmp_path)).steps())
        session.sync()
        assert handed_over == sum(len(step.records) for step in Journal(part_of(session, tmp_path)).steps())
        fills += sum(event.kind == "fill" for event in told)

    assert fills > 10


def test_replies_are_inputs_of_the_moment_at_which_they_reach_us(fed: TradingSession) -> None:
    found = closed(fed)

    requests = found.outputs["order_requests"]
    sent = dict(zip(requests["client_order_id"].tolist(), requests["ts_ns"].tolist(), strict=True))
    heard = {
        (order, ts_ns - sent[order])
        for order, ts_ns, state in zip(
            found.outputs["order_events"]["client_order_id"].tolist(),
            found.outputs["order_events"]["ts_ns"].tolist(),
            found.outputs["order_events"]["state_to"].tolist(),
            strict=True,
        )
        if native.enums["OrderState"][state] == "filled"
    }
    assert {age for _, age in heard} == {2 * SIM_LATENCY_NS}


def test_time_that_goes_back_counts_as_the_last_moment(tmp_path: Path, frames: list[Arrival]) -> None:
    session = begin(tmp_path)
    for number, frame in enumerate(frames):
        early = 30 * MS if number % 3 else 0
        session.tape(frame.venue).frame(frame.source, frame.ts_ns - early, frame.payload)

    found = closed(session)

    assert len(found.frames) == len(frames)
    assert session.counts.rejects == 0


# --- time ---


def test_deadline_is_the_first_moment_after_the_open_step(tmp_path: Path, frames: list[Arrival]) -> None:
    session = begin(tmp_path)
    assert session.next_deadline_ns() == NEVER_NS

    session.frame(0, START_NS + 30 * MS, frames[0].payload)

    assert session.next_deadline_ns() == START_NS + 100 * MS + 1


def test_timer_before_its_deadline_leaves_no_trace(tmp_path: Path, frames: list[Arrival]) -> None:
    session = begin(tmp_path)
    session.frame(0, START_NS + 30 * MS, frames[0].payload)

    session.timer(START_NS + 100 * MS)

    block = read_block(session.close())
    assert KIND_TIMER not in scan(tmp_path, block)["kind"].tolist()


def test_a_long_silence_takes_one_timer(tmp_path: Path, frames: list[Arrival]) -> None:
    session = begin(tmp_path)
    Feeder(session).feed(frames)
    last_ns, steps = frames[-1].ts_ns, session.counts.steps

    session.timer(last_ns + 30_000 * MS)
    after_30_s = session.counts.steps
    session.timer(last_ns + 3_600_000 * MS)  # longer than the engine catches up: it jumps
    after_1_h = session.counts.steps

    assert after_30_s == steps + 300
    assert after_1_h == after_30_s
    assert session.next_deadline_ns() > last_ns + 3_600_000 * MS
    assert session.window(CONTEXT) is None
    closed(session)


# --- windows and forecasts ---


def test_window_is_given_out_once_a_step(fed: TradingSession, frames: list[Arrival]) -> None:
    fed.timer(frames[-1].ts_ns + 100 * MS)

    first = fed.window(CONTEXT)

    assert first is not None
    ts_step_ns, features, valid = first
    assert ts_step_ns // (100 * MS) == (frames[-1].ts_ns + 100 * MS) // (100 * MS)
    assert features.shape == (CONTEXT, len(NAMES), 58)
    assert valid.shape == (CONTEXT, len(NAMES))
    assert fed.window(CONTEXT) is None


def test_window_waits_until_it_is_full(tmp_path: Path, frames: list[Arrival]) -> None:
    session = begin(tmp_path)
    early = [frame for frame in frames if frame.ts_ns < START_NS + 450 * MS]
    Feeder(session, is_forecasting=False).feed(early)

    assert session.counts.steps < CONTEXT
    assert session.window(CONTEXT) is None


def test_a_model_that_looks_back_further_than_the_engine_keeps_is_refused(fed: TradingSession) -> None:
    with pytest.raises(RefusedError, match=r"native\.window_steps keeps 60"):
        fed.window(61)


def test_a_late_forecast_is_dropped_and_counted(fed: TradingSession, frames: list[Arrival]) -> None:
    ts_step_ns, before = frames[-1].ts_ns // (100 * MS) * 100 * MS, fed.counts.forecasts

    is_taken = fed.forecast(ts_step_ns + 501 * MS, ts_step_ns, 9, scripted(ts_step_ns))

    assert not is_taken
    assert fed.counts.forecasts_late == 1
    assert fed.counts.forecasts == before
    records = scan(Path("journal"), read_block(fed.close()))
    assert int((records["kind"] == KIND_FORECAST).sum()) == before


# --- commands ---


def test_refused_command_tells_the_engines_words_and_is_journaled(fed: TradingSession, frames: list[Arrival]) -> None:
    with pytest.raises(RefusedError, match=r"^resume: command refused: .*; the trader is active$"):
        fed.command(frames[-1].ts_ns, "resume", "no reason to")

    records = scan(Path("journal"), read_block(path := fed.close()))
    assert int((records["kind"] == KIND_COMMAND).sum()) == 1
    assert replay(path, silent).identical


def test_halted_trader_sends_nothing_until_it_is_resumed(tmp_path: Path, frames: list[Arrival]) -> None:
    session = begin(tmp_path)
    feeder, third = Feeder(session), len(frames) // 3
    feeder.feed(frames[:third])
    session.command(frames[third].ts_ns, "halt", "lunch")
    orders = session.counts.orders

    feeder.feed(frames[third : 2 * third])
    status = session.status()
    while_halted = session.counts.orders
    session.command(frames[2 * third].ts_ns, "resume", "back")
    feeder.feed(frames[2 * third :])

    assert (status.state, status.reason, status.trigger) == ("halted", "lunch", "operator")
    assert while_halted == orders
    assert session.counts.refused > 0
    assert session.counts.orders > while_halted
    assert session.status().state == "active"
    closed(session)


def test_flatten_closes_positions_and_halts(fed: TradingSession, frames: list[Arrival]) -> None:
    ts_ns = frames[-1].ts_ns
    fed.command(ts_ns, "flatten", "enough")
    for step in range(1, 5):
        fed.timer(ts_ns + step * 100 * MS)

    assert fed.status().state == "halted"
    assert [item["position"] for item in fed.positions()] == ["0", "0", "0"]
    assert set(closed(fed).positions.values()) == {0}


# --- what stands ---


def test_status_is_json_with_decimals_as_text(fed: TradingSession) -> None:
    document = orjson.loads(orjson.dumps(fed.status().to_json()))

    first = document["instruments"][0]
    assert first["instrument"] == NAMES[0]
    assert first["feed"] == "synced"
    assert float(first["bid"]) < float(first["ask"])
    assert isinstance(first["pnl"], str) and isinstance(first["position"], str)
    assert document["model_id"] == 9
    assert document["counts"]["orders"] == fed.counts.orders


def test_orders_come_newest_first_up_to_the_limit(fed: TradingSession) -> None:
    newest = fed.orders(5)

    numbers = [int(str(order["client_order_id"])) for order in newest]
    assert len(numbers) == 5
    assert numbers == sorted(numbers, reverse=True)
    assert {order["side"] for order in newest} <= {"buy", "sell"}


def test_events_tell_fills_and_state_changes_once(fed: TradingSession) -> None:
    kinds = [event.kind for event in fed.take_events()]

    assert kinds.count("fill") == fed.counts.fills
    assert kinds.count("state") == 1
    assert fed.take_events() == []


# --- venues ---


def without(frames: Sequence[Arrival], venue: str) -> list[Arrival]:
    return [frame for frame in frames if frame.venue != venue]


def test_instruments_trade_on_while_another_venue_is_down(tmp_path: Path, frames: list[Arrival]) -> None:
    session = begin(tmp_path)

    Feeder(session).feed(without(frames, "bybit_spot"))

    found = closed(session)
    assert not session.tape("bybit_spot").is_synced(0)
    assert session.tape("binance_spot").is_synced(0)
    assert set(np.unique(found.outputs["fills"]["instrument"]).tolist()) == {0, 1}


def test_a_hole_in_one_venues_stream_is_told_to_that_venue_alone(tmp_path: Path, frames: list[Arrival]) -> None:
    session = begin(tmp_path)
    half = len(frames) // 2
    Feeder(session).feed(frames[:half])
    later = [frame for frame in frames[half:] if frame.venue == "binance_spot" and b"@depth" in frame.payload[:40]]
    spot, perpetual = session.tape("binance_spot"), session.tape("binance_usdm")

    has_news = spot.frame(later[3].source, later[3].ts_ns, later[3].payload)  # the three before it are lost

    assert has_news
    assert spot.news().wanted == [0]
    assert perpetual.news().wanted == []
    assert not spot.is_synced(0)
    assert session.counts.gaps_opened == 1
    assert [event.kind for event in session.take_events()][-1] == "gap"
