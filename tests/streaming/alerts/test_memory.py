"""What rules remember: spans, rises, peaks; and that it is bounded."""

from decimal import Decimal

from streaming.alerts.memory import KEPT_NS, KEYS_MAX, Memory

S = 1_000_000_000


def test_what_holds_counts_from_its_last_break() -> None:
    memory = Memory()

    assert [memory.held_s(("a",), at * S, holds=holds) for at, holds in ((1, True), (4, True))] == [0.0, 3.0]
    assert memory.held_s(("a",), 5 * S, holds=False) == 0.0
    assert [memory.held_s(("a",), at * S, holds=True) for at in (6, 8)] == [0.0, 2.0]


def test_value_is_still_from_its_last_change() -> None:
    memory = Memory()

    assert [memory.still_s(("a",), at * S, value) for at, value in ((1, 5), (4, 5), (6, 6), (7, 6))] == [0, 3, 0, 1]


def test_rise_begins_with_what_is_seen_first_and_survives_a_count_that_begins_anew() -> None:
    memory = Memory()

    assert [memory.rise(("a",), at * S, count) for at, count in ((1, 7), (2, 9), (3, 9), (4, 2))] == [0, 2, 0, 2]


def test_rise_within_a_window_forgets_what_is_older() -> None:
    memory = Memory()

    rises = [memory.rise(("a",), at * S, count, 10.0) for at, count in ((0, 0), (1, 3), (8, 5), (12, 5), (19, 5))]

    assert rises == [0, 3, 5, 2, 0]


def test_peak_is_exact() -> None:
    memory = Memory()

    peaks = [memory.peak(("a",), S, Decimal(text)) for text in ("0.1", "0.30000000000000000001", "0.3")]

    assert peaks[-1] == Decimal("0.30000000000000000001")


def test_what_nobody_asks_about_is_forgotten() -> None:
    memory = Memory()
    memory.held_s(("old",), 0, holds=True)

    for number in range(KEYS_MAX + 10):
        memory.held_s((str(number),), KEPT_NS + S, holds=True)

    assert len(memory._entries) <= KEYS_MAX
    assert memory.held_s(("old",), KEPT_NS + S, holds=True) == 0.0
