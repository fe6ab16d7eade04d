"""The emulator's own book: what a client that lost nothing must have."""

from streaming.emulator.streams import DepthChange, DepthIds
from streaming.emulator.true_book import TrueBook

S_NS = 1_000_000_000


def change(first, last, previous=None, bids=(), asks=(), is_snapshot=False):
    ids = DepthIds(first, last, first - 1 if previous is None else previous, 7)
    return DepthChange(ids, is_snapshot, [*bids], [*asks], 1, 1)


def known_book():
    book = TrueBook("binance_spot", "BTCUSDT")
    book.apply(change(10, 10, bids=[("99", "1"), ("100.0", "2")], asks=[("101", "3")], is_snapshot=True), 0)
    return book


def test_levels_are_absolute_sorted_and_removed_by_zero() -> None:
    book = known_book()

    book.apply(change(11, 12, bids=[("99", "0.000"), ("99.5", "4")], asks=[("100.5", "5"), ("7", "0")]), 1)

    state = book.state()
    assert state is not None
    assert state.bids == [("100.0", "2"), ("99.5", "4")]
    assert state.asks == [("100.5", "5"), ("101", "3")]
    assert (state.last_id, state.sequence, state.ts_ns) == (12, 7, 1)


def test_nothing_is_known_before_a_snapshot() -> None:
    book = TrueBook("binance_spot", "BTCUSDT")

    book.apply(change(1, 3, bids=[("1", "1")]), 0)

    assert book.state() is None


def test_a_snapshot_bridges_the_changes_that_came_before_it() -> None:
    book = TrueBook("binance_spot", "BTCUSDT")
    book.apply(change(1, 3, bids=[("1", "9")]), 0)
    book.apply(change(4, 6, bids=[("2", "5")]), 1)

    book.bridge(change(4, 4, bids=[("1", "1")], asks=[("3", "1")], is_snapshot=True), 2)

    state = book.state()
    assert state is not None
    assert (state.last_id, state.bids) == (6, [("2", "5"), ("1", "1")])


def test_a_snapshot_older_than_what_is_buffered_says_nothing() -> None:
    book = TrueBook("binance_spot", "BTCUSDT")
    book.apply(change(8, 9), 0)

    book.bridge(change(4, 4, is_snapshot=True), 1)

    assert book.state() is None


def test_a_hole_in_the_source_makes_the_book_unknown_until_the_next_snapshot() -> None:
    book = known_book()

    book.apply(change(15, 16), 1)
    assert (book.state(), book.holes) == (None, 1)
    book.bridge(change(15, 15, bids=[("1", "1")], is_snapshot=True), 2)

    assert book.last_id == 16


def test_usdm_ids_link_by_the_previous_id() -> None:
    book = known_book()

    book.apply(change(40, 50, previous=10, bids=[("98", "1")]), 1)

    assert (book.last_id, book.holes) == (50, 0)


def test_an_old_state_is_at_least_as_old_as_asked() -> None:
    book = known_book()
    for step in range(1, 11):
        book.apply(change(10 + step, 10 + step, bids=[("99", str(step))]), step * S_NS)

    state = book.state(age_ns=4 * S_NS)

    assert state is not None
    assert state.ts_ns <= 6 * S_NS
    assert dict(state.bids)["99"] == str(state.last_id - 10)


def test_the_best_levels_are_those_of_the_whole_state_through_every_change() -> None:
    book = known_book()
    changes = [
        change(11, 11, bids=[("99.7", "1"), ("99", "0")], asks=[("100.5", "2")]),
        change(12, 12, bids=[("100.0", "0"), ("99.7", "8")], asks=[("101", "0"), ("100.9", "1"), ("7", "0")]),
        change(13, 13, bids=[("3", "1")], asks=[("102", "1")], is_snapshot=True),
        change(14, 14, bids=[("4", "1")]),
    ]

    for step, each in enumerate(changes):
        book.apply(each, step)
        state = book.state()
        assert state is not None
        assert book.top(2) == (state.bids[:2], state.asks[:2])


def test_the_best_of_a_book_that_is_not_known_are_none() -> None:
    assert TrueBook("binance_spot", "BTCUSDT").top(5) == ([], [])
