"""A killed session goes on from its journal: nothing that was flushed is lost or doubled, no order is invented."""

import errno
import os
import random
from pathlib import Path

import numpy as np
import pytest
from paper_market import (
    NAMES,
    START_NS,
    Arrival,
    Feeder,
    arrivals,
    begin,
    journal_without,
    part_of,
    plan_of,
    silent,
    told,
)

from streaming.errors import BadDataError, RefusedError
from streaming.journal import Journal
from streaming.live_journal import LiveJournal
from streaming.live_segments import whole_frames_bytes
from streaming.replay import replay
from streaming.segments import KIND_FRAME, KIND_OUTPUT_HASH, RECORD_HEAD_BYTES, read_block, read_header, scan
from streaming.trader.plan import TraderPlan
from streaming.trader.recovery import difference, interrupted_session, resume_session, seal_interrupted
from streaming.trader.session import TradingSession

LATER_NS = START_NS + 10**12
KILLS = 25
SLOW_ORDERS_MS = 120
"""Orders are under way most of the time: a kill seldom finds none in flight."""


def later_plan(**changes: object) -> TraderPlan:
    """The plan of the process that comes after."""
    return plan_of(LATER_NS, **{"order_latency_ms": SLOW_ORDERS_MS, **changes})  # type: ignore[arg-type]  # settings


@pytest.fixture(scope="module")
def frames() -> list[Arrival]:
    return arrivals(100)


@pytest.fixture(scope="module")
def left(frames: list[Arrival], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The growing journal of a process that died at its end."""
    folder = tmp_path_factory.mktemp("left")
    session = begin(folder, plan_of(order_latency_ms=SLOW_ORDERS_MS))
    Feeder(session).feed(frames)
    session.sync()
    session.abandon()
    return part_of(session, folder).read_bytes()


def killed_at(folder: Path, data: bytes) -> Path:
    """Put a growing journal where the next process looks for it."""
    folder.mkdir(exist_ok=True)
    part = folder / "paper-20260105T000000.000.seg.zst.part"
    part.write_bytes(data)
    return part


def go_on(session: TradingSession, frames: list[Arrival]) -> None:
    """Feed what the killed process had not journaled."""
    Feeder(session, steps=session.counts.steps).feed(frames[session.counts.frames :])


def check_whole(session: TradingSession, frames: list[Arrival]) -> None:
    """Seal the session and hold its journal against all that must be true of it."""
    held = {item["instrument"]: float(str(item["position"])) for item in session.positions()}
    path = session.close()
    found = told(path, session.plan)
    offsets = session.plan.source_offsets
    assert found.frames == [(offsets[frame.venue] + frame.source, frame.payload) for frame in frames]
    assert replay(path, silent).identical
    requests, replies = found.outputs["order_requests"], found.replies
    assert len(np.unique(requests["client_order_id"])) == len(requests)
    fills = replies[replies["kind"] == 1]
    assert len(np.unique(fills[["instrument", "trade_id"]])) == len(fills) == len(found.outputs["fills"])
    assert not (replies["kind"] == 3).any()  # the venue turned nothing down, no duplicate above all
    units = {entry.id: float(entry.size_unit) for entry in session.plan.header.instruments}
    assert held == pytest.approx({NAMES[number]: units[number] * found.positions[number] for number in units})


# --- kills ---


def test_session_killed_at_any_byte_goes_on_without_loss_or_double(
    left: bytes, frames: list[Arrival], tmp_path: Path
) -> None:
    rng = random.Random(4)
    begin_bytes = whole_frames_bytes(left[: len(left) // 8])
    in_flight = 0
    for number in range(KILLS):
        data = left[: rng.randrange(begin_bytes, len(left))]
        part = killed_at(tmp_path / str(number), data)
        kept = data[: whole_frames_bytes(data)]

        session = resume_session(part, later_plan(), silent)

        assert session.counts.frames == frames_in(kept, tmp_path)
        in_flight += sum(int(str(item["open_orders"])) for item in session.positions())
        go_on(session, frames)
        assert session.counts.orders > 10
        check_whole(session, frames)
    assert in_flight > KILLS // 2  # they died with orders under way


def frames_in(data: bytes, folder: Path) -> int:
    """Market frames in whole blocks; replies of the simulated venue are 64 bytes and no JSON."""
    file = folder / "kept"
    file.write_bytes(data)
    records = scan(file, read_block(file))
    return int(((records["kind"] == KIND_FRAME) & (records["length"] != 64)).sum())


def test_killed_at_random_moments_only_what_was_not_flushed_is_lost(frames: list[Arrival], tmp_path: Path) -> None:
    """Three processes after each other in one session; what a kill takes is what the file did not hold."""
    rng = random.Random(8)
    session = begin(tmp_path, plan_of(order_latency_ms=SLOW_ORDERS_MS))
    part = part_of(session, tmp_path)
    for _ in range(3):
        done = session.counts.frames
        go_on(session, frames[: done + rng.randrange(100, 200)])
        session.abandon()
        session = resume_session(part, later_plan(), silent)
        assert done < session.counts.frames <= len(frames)

    go_on(session, frames)

    check_whole(session, frames)


def test_recovered_session_counts_as_the_one_that_never_died(
    left: bytes, frames: list[Arrival], tmp_path: Path
) -> None:
    lived = begin(tmp_path, plan_of(order_latency_ms=SLOW_ORDERS_MS))
    Feeder(lived).feed(frames)

    session = resume_session(killed_at(tmp_path / "k", left), later_plan(), silent)

    assert session.counts == lived.counts
    assert session.orders(1_000) == lived.orders(1_000)
    assert session.positions() == lived.positions()
    assert session.next_deadline_ns() == lived.next_deadline_ns()


def test_recovered_session_writes_the_journal_of_the_one_that_never_died(
    left: bytes, frames: list[Arrival], tmp_path: Path
) -> None:
    """Without a model nothing depends on when forecasts came: record for record the journals are one."""
    whole = begin(tmp_path, plan_of())
    Feeder(whole, is_forecasting=False).feed(frames)
    whole.sync()
    data = part_of(whole, tmp_path).read_bytes()

    session = resume_session(killed_at(tmp_path / "k", data[: len(data) // 2]), plan_of(LATER_NS), silent)
    Feeder(session, steps=session.counts.steps, is_forecasting=False).feed(frames[session.counts.frames :])

    assert read_block(session.close()) == read_block(whole.close())


def test_replies_that_fell_due_meanwhile_come_with_the_first_new_input(
    left: bytes, frames: list[Arrival], tmp_path: Path
) -> None:
    data = left
    session = None
    while session is None or not any(item["open_orders"] for item in session.positions()):
        data = data[: whole_frames_bytes(data[:-1])]
        session = resume_session(killed_at(tmp_path / "k", data), later_plan(), silent)
    replies = session.counts.replies

    session.timer(LATER_NS)

    assert session.counts.replies > replies
    assert not any(item["open_orders"] for item in session.positions())
    assert replay(session.close(), silent).identical


def test_latched_halt_survives_the_kill(frames: list[Arrival], tmp_path: Path) -> None:
    session = begin(tmp_path, plan_of(order_latency_ms=SLOW_ORDERS_MS))
    Feeder(session).feed(frames[:300])
    session.command(frames[300].ts_ns, "halt", "fire drill")
    session.abandon()  # the operator had his answer: no step closed since, and nothing was synced

    recovered = resume_session(part_of(session, tmp_path), later_plan(), silent)
    orders = recovered.counts.orders
    go_on(recovered, frames)

    assert (recovered.status().state, recovered.status().reason) == ("halted", "fire drill")
    assert recovered.counts.orders == orders


def test_hash_that_was_lost_with_the_tail_is_written_anew(left: bytes, frames: list[Arrival], tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.write_bytes(left)
    block, header = read_block(whole), read_header(whole)
    records = scan(whole, block)
    last = int(np.flatnonzero(records["kind"] == KIND_OUTPUT_HASH)[-1])
    first = int(records["offset"][1]) - RECORD_HEAD_BYTES
    journal = LiveJournal(tmp_path / "paper-1.seg.zst", header)
    journal.append(block[first : int(records["offset"][last]) - RECORD_HEAD_BYTES])
    journal.flush()
    journal.abandon()

    session = resume_session(tmp_path / "paper-1.seg.zst.part", later_plan(), silent)

    session.sync()
    assert [step.digest != b"" for step in Journal(tmp_path / "paper-1.seg.zst.part").steps()][-1]
    go_on(session, frames)
    check_whole(session, frames)


def test_book_that_waited_for_its_snapshot_is_asked_for_again(frames: list[Arrival], tmp_path: Path) -> None:
    session = begin(tmp_path)
    books = [frame for frame in frames if frame.venue == "binance_spot" and b"@depth" in frame.payload[:40]]
    tape = session.tape("binance_spot")
    assert tape.frame(books[0].source, books[0].ts_ns, books[0].payload)
    assert tape.news().wanted == [0]
    session.sync()
    session.abandon()

    recovered = resume_session(part_of(session, tmp_path), plan_of(LATER_NS), silent).tape("binance_spot")

    assert recovered.frame(books[1].source, LATER_NS, books[1].payload)
    assert recovered.news().wanted == [0]


def test_session_whose_disk_was_full_takes_nothing_more_and_is_gone_on_with(
    frames: list[Arrival], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frame that could not be written was not heard: were a later one written, the journal would be another's."""
    session = begin(tmp_path, plan_of(order_latency_ms=SLOW_ORDERS_MS))
    Feeder(session).feed(frames[:300])

    def is_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("streaming.live_journal.BLOCK_BYTES", 1)
        patch.setattr("streaming.live_segments.LiveSegment.append", is_full)
        with pytest.raises(OSError, match="No space"):
            session.tape(frames[300].venue).frame(frames[300].source, frames[300].ts_ns, frames[300].payload)

    for again in (lambda: Feeder(session).feed(frames[301:]), session.sync, session.close):
        with pytest.raises(OSError, match="No space"):
            again()
    session.abandon()

    recovered = resume_session(part_of(session, tmp_path), later_plan(), silent)
    go_on(recovered, frames)
    check_whole(recovered, frames)


# --- what is not gone on with ---


def test_other_settings_are_refused_by_the_key_and_the_ways_on(left: bytes, tmp_path: Path) -> None:
    part = killed_at(tmp_path, left)

    with pytest.raises(RefusedError, match=r"matching\.order_latency_ns = 120000000, now it is 7000000.*--new-session"):
        resume_session(part, later_plan(order_latency_ms=7), silent)

    assert part.read_bytes() == left


def test_clock_behind_the_journal_is_refused(left: bytes, tmp_path: Path) -> None:
    part = killed_at(tmp_path, left)

    with pytest.raises(RefusedError, match="the clock says 2026-01-05T00:00:00"):
        resume_session(part, plan_of(START_NS, order_latency_ms=SLOW_ORDERS_MS), silent)


def test_altered_journal_is_not_gone_on_with(left: bytes, tmp_path: Path) -> None:
    journal = journal_without(killed_at(tmp_path / "whole", left), tmp_path, KIND_FRAME)
    journal.flush()
    journal.abandon()

    with pytest.raises(BadDataError, match=r"differ from the journal's.*--new-session"):
        resume_session(tmp_path / f"{journal.path.name}.part", later_plan(), silent)


def test_damage_before_the_end_is_told_and_nothing_is_cut(left: bytes, tmp_path: Path) -> None:
    middle = len(left) // 2
    damaged = left[:middle] + bytes(32) + left[middle + 32 :]
    part = killed_at(tmp_path, damaged)

    with pytest.raises(BadDataError, match=r"not whole.*trader start --new-session"):
        resume_session(part, later_plan(), silent)

    assert part.read_bytes() == damaged


def test_zeros_of_a_power_cut_count_as_a_torn_tail(left: bytes, frames: list[Arrival], tmp_path: Path) -> None:
    session = resume_session(killed_at(tmp_path, left + bytes(4_096)), later_plan(), silent)

    go_on(session, frames)
    check_whole(session, frames)


# --- which one ---


def test_newest_growing_journal_is_found_and_an_empty_one_removed(left: bytes, tmp_path: Path) -> None:
    for name, data in (("paper-1", left), ("paper-2", left), ("paper-3", left[:40]), ("recorded-4", left)):
        (tmp_path / f"{name}.seg.zst.part").write_bytes(data)

    found = interrupted_session(tmp_path)

    assert found == tmp_path / "paper-2.seg.zst.part"
    assert not (tmp_path / "paper-3.seg.zst.part").exists()
    assert interrupted_session(tmp_path / "nowhere") is None


@pytest.mark.parametrize("tail", [b"", b"\x28\xb5\x2f\xfd\x20"])
def test_journal_without_a_whole_input_is_removed_and_binds_nobody_to_its_settings(tmp_path: Path, tail: bytes) -> None:
    session = begin(tmp_path)
    session.abandon()
    part = part_of(session, tmp_path)
    part.write_bytes(part.read_bytes() + tail)

    assert interrupted_session(tmp_path) is None
    assert not part.exists()


def test_session_behind_a_damaged_header_is_not_removed(left: bytes, tmp_path: Path) -> None:
    part = killed_at(tmp_path, bytes(64) + left[64:])

    with pytest.raises(BadDataError, match=r"byte 0: not whole.*move the file away"):
        interrupted_session(tmp_path)

    assert part.is_file()


def test_journal_with_nothing_but_its_header_goes_on(frames: list[Arrival], tmp_path: Path) -> None:
    session = begin(tmp_path, plan_of(order_latency_ms=SLOW_ORDERS_MS))
    session.abandon()

    recovered = resume_session(part_of(session, tmp_path), later_plan(), silent)

    go_on(recovered, frames)
    check_whole(recovered, frames)


def test_session_that_is_given_up_is_sealed_up_to_its_last_whole_block(left: bytes, tmp_path: Path) -> None:
    sealed = seal_interrupted(killed_at(tmp_path, left[:-10]))

    assert sealed == tmp_path / "paper-20260105T000000.000.seg.zst"
    assert replay(sealed, silent).identical
    assert interrupted_session(tmp_path) is None


def test_damaged_session_that_is_given_up_is_kept_as_it_was_beside_what_could_be_sealed(
    left: bytes, tmp_path: Path
) -> None:
    middle = len(left) // 2
    damaged = left[:middle] + bytes(32) + left[middle + 32 :]

    sealed = seal_interrupted(killed_at(tmp_path, damaged))

    assert sealed is not None and replay(sealed, silent).identical
    assert (tmp_path / f"{sealed.name}.damaged").read_bytes() == damaged
    assert interrupted_session(tmp_path) is None


def test_session_without_inputs_that_is_given_up_leaves_no_file(tmp_path: Path) -> None:
    session = begin(tmp_path)
    session.abandon()

    assert seal_interrupted(part_of(session, tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_growing_journal_replays_while_it_grows(left: bytes, tmp_path: Path) -> None:
    assert replay(killed_at(tmp_path, left[:-3]), silent).identical


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"a": 1}, {"a": 1}, None),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ("a.b", 1, 2)),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, ("a.1.b", 2, 3)),
        ({"a": [1]}, {"a": [1, 2]}, ("a", [1], [1, 2])),
        ({}, {"a": 1}, ("a", None, 1)),
    ],
)
def test_difference_names_the_first_key_that_differs(old, new, found):
    assert difference(old, new) == found
