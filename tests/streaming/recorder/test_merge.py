"""One stream over two connections: every frame once, in order, whatever one of them loses."""

import random

import pytest

from streaming.recorder.merge import StreamMerge
from streaming.venues.dialect import FrameIds, StreamKind

HOLD_NS = 100


def frame(number, previous=None, *, is_snapshot=False):
    return FrameIds(number, number, previous, is_snapshot), f"{'s' if is_snapshot else ''}{number}".encode()


def a_merge(last=None):
    merge = StreamMerge(StreamKind.book, incumbent=1, hold_ns=HOLD_NS)
    if last is not None:
        assert merge.offer(1, *frame(last), 0)
    return merge


def test_a_frame_that_came_already_is_dropped():
    merge = a_merge(5)
    assert merge.offer(1, *frame(6), 0) == [b"6"]
    assert merge.offer(2, *frame(6), 0) == []
    assert merge.duplicates == 1


def test_a_frame_after_a_hole_waits_for_the_other_connection():
    merge = a_merge(5)
    assert merge.offer(1, *frame(7), 0) == []
    assert merge.offer(1, *frame(8), 1) == []
    assert merge.offer(2, *frame(6), 2) == [b"6", b"7", b"8"]
    assert merge.next_deadline_ns() is None


def test_a_hole_that_nobody_fills_is_shown_after_a_while():
    merge = a_merge(5)
    merge.offer(1, *frame(7), 0)
    assert merge.expire(99) == []
    assert merge.expire(100) == [b"7"]
    assert merge.offer(2, *frame(6), 101) == []


def test_counting_begins_with_the_connection_that_spoke_before():
    merge = a_merge()
    assert merge.offer(2, *frame(12), 0) == []
    assert merge.offer(1, *frame(10), 1) == [b"10"]
    assert merge.offer(1, *frame(11), 2) == [b"11", b"12"]


def test_usdm_frames_follow_by_the_id_before():
    merge = a_merge(100)
    assert merge.offer(2, *frame(250, 180), 0) == []
    assert merge.offer(1, *frame(180, 100), 1) == [b"180", b"250"]


def test_the_snapshot_pushed_to_a_new_connection_is_not_written_beside_the_stream():
    merge = a_merge(5)
    assert merge.offer(2, *frame(7, is_snapshot=True), 0) == []
    assert merge.offer(1, *frame(6), 1) == [b"6", b"s7"]
    assert merge.offer(1, *frame(7), 2) == []


def test_a_restart_is_told_once_though_both_connections_tell_it():
    merge = a_merge(500)
    assert merge.offer(1, *frame(1, is_snapshot=True), 0) == [b"s1"]
    assert merge.offer(1, *frame(2), 1) == [b"2"]
    assert merge.offer(2, *frame(1, is_snapshot=True), 2) == []
    assert merge.offer(2, *frame(2), 3) == []
    assert merge.offer(2, *frame(3), 4) == [b"3"]


def test_a_frame_of_the_time_before_a_restart_is_late():
    merge = a_merge(500)
    merge.offer(1, *frame(1, is_snapshot=True), 0)
    assert merge.offer(2, *frame(501), 1) == []


def test_trades_are_known_by_their_ids_in_any_order():
    merge = StreamMerge(StreamKind.trade, 1, HOLD_NS)
    assert merge.offer(1, FrameIds(keys=("1", "2")), b"a", 0) == [b"a"]
    assert merge.offer(2, FrameIds(keys=("2",)), b"b", 0) == []
    assert merge.offer(2, FrameIds(keys=("2", "3")), b"c", 0) == [b"c"]


def test_a_quote_older_than_the_last_one_is_dropped():
    merge = StreamMerge(StreamKind.quote, 1, HOLD_NS)
    assert merge.offer(1, FrameIds(last=4), b"4", 0) == [b"4"]
    assert merge.offer(2, FrameIds(last=4), b"4", 0) == []
    assert merge.offer(2, FrameIds(last=9), b"9", 0) == [b"9"]


def test_a_frame_without_ids_is_written():
    assert a_merge(5).offer(2, None, b"?", 0) == [b"?"]


@pytest.mark.parametrize("seed", range(20))
def test_what_either_connection_delivers_is_written_once_and_in_order(seed):
    rng = random.Random(seed)
    total = 300
    lost = {path: {n for n in range(2, total) if rng.random() < 0.05} for path in (1, 2)}
    queues = {path: [n for n in range(1, total + 1) if n not in lost[path]] for path in (1, 2)}
    merge, out, now = StreamMerge(StreamKind.book, 1, HOLD_NS), [], 0
    while queues[1] or queues[2]:
        now += 1
        path = rng.choice([path for path in (1, 2) if queues[path]])
        if abs(len(queues[1]) - len(queues[2])) > 20:  # neither connection falls far behind the other
            path = max(queues, key=lambda item: len(queues[item]))
        out += merge.offer(path, *frame(queues[path].pop(0)), now)
        out += merge.expire(now)
    out += merge.flush()

    numbers = [int(data) for data in out]
    assert numbers == sorted(set(numbers))
    assert set(range(1, total + 1)) - set(numbers) == lost[1] & lost[2]


def test_a_mark_price_of_two_connections_is_written_once_whichever_came_first():
    merge = StreamMerge(StreamKind.mark, incumbent=1, hold_ns=HOLD_NS)
    assert merge.offer(2, FrameIds(keys=("1000",)), b"a", 0) == [b"a"]
    assert merge.offer(1, FrameIds(keys=("1000",)), b"a", 1) == []
    assert merge.offer(1, FrameIds(keys=("2000",)), b"b", 2) == [b"b"]
    assert merge.duplicates == 1
