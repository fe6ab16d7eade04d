"""The estimate of the queue before an order of ours is never too small, and is exact where nobody cancels."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from streaming.view.queue import Depth, Print, QueueEstimate, Resting

PRICE, BEHIND_TOUCH = 100, 99
OTHER_SIDE = [[101, 50]]


def buy(price: int = PRICE, filled: int = 0) -> Resting:
    return Resting(7, True, price, filled)


def sold(size: int, price: int = PRICE) -> Print:
    """A print whose taker sold: it meets buyers."""
    return Print(1, price, size, False)


def depth(size: int) -> Depth:
    return Depth([[PRICE, size]] if size else [], OTHER_SIDE)


def look(queue: QueueEstimate, size: int, *prints: Print, order: Resting | None = None) -> int | None:
    levels = [[PRICE, size], [BEHIND_TOUCH, 4]] if size else [[BEHIND_TOUCH, 4]]
    return queue.look([order or buy()], Depth(levels, OTHER_SIDE), prints).get(7)


def test_all_that_is_shown_when_an_order_is_first_seen_stands_before_it() -> None:
    assert look(QueueEstimate(), 30) == 30


def test_prints_at_the_price_take_from_the_front_and_later_comers_stand_behind() -> None:
    queue = QueueEstimate()
    look(queue, 30)

    assert look(queue, 45, sold(10)) == 20


def test_nobody_stands_before_us_who_is_not_shown() -> None:
    queue = QueueEstimate()
    look(queue, 30)

    assert look(queue, 12) == 12
    assert look(queue, 40) == 12


def test_a_trade_that_shrank_the_level_before_it_was_printed_counts_once() -> None:
    queue = QueueEstimate()
    look(queue, 30)

    assert look(queue, 20) == 20
    assert look(queue, 20, sold(10)) == 20


def test_takers_of_our_own_side_and_other_prices_leave_the_queue_alone() -> None:
    queue = QueueEstimate()
    look(queue, 30)

    assert look(queue, 30, Print(1, PRICE, 9, True), sold(9, PRICE + 1)) == 30


def test_a_print_beyond_the_price_leaves_nobody_before_us() -> None:
    queue = QueueEstimate()
    look(queue, 30)

    assert look(queue, 30, sold(1, PRICE - 1)) == 0


def test_an_order_that_was_filled_in_part_is_the_first() -> None:
    queue = QueueEstimate()
    look(queue, 30)

    assert look(queue, 30, order=buy(filled=1)) == 0


def test_an_order_that_the_other_side_has_come_to_has_nobody_before_it() -> None:
    assert QueueEstimate().look([buy(101)], depth(30), ()) == {7: 0}


def test_nothing_is_said_of_a_price_deeper_than_the_book_is_known() -> None:
    assert QueueEstimate().look([buy(BEHIND_TOUCH - 1)], depth(30), ()) == {}


def test_nothing_is_said_while_the_book_is_not_whole_and_prints_count_on() -> None:
    queue = QueueEstimate()
    look(queue, 30)

    assert queue.look([buy()], None, [sold(5)]) == {}
    assert look(queue, 30) == 25


def test_an_order_that_moved_is_seen_anew() -> None:
    queue = QueueEstimate()
    look(queue, 30)

    assert look(queue, 30, order=buy(BEHIND_TOUCH)) == 4


def test_orders_that_rest_no_more_are_forgotten() -> None:
    queue = QueueEstimate()
    look(queue, 30)
    queue.look([], depth(30), ())

    assert look(queue, 50) == 50


@dataclass
class FairLevel:
    """One level as its venue keeps it: who came first is served first."""

    ahead: list[int]
    behind: list[int] = field(default_factory=list)

    @property
    def shown(self) -> int:
        """Without our own order, as in paper trading."""
        return sum(self.ahead) + sum(self.behind)

    def trade(self, size: int) -> int:
        """Serve the front; return what was printed: no more than stands before us."""
        printed = min(size, sum(self.ahead))
        left = printed
        while left:
            served = min(left, self.ahead[0])
            self.ahead[0] -= served
            left -= served
            if not self.ahead[0]:
                del self.ahead[0]
        return printed

    def cancel(self, place: int) -> None:
        every = [*((self.ahead, number) for number in range(len(self.ahead)))]
        every += [(self.behind, number) for number in range(len(self.behind))]
        if every:
            side, number = every[place % len(every)]
            del side[number]


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["trade", "join", "cancel", "look"]), st.integers(min_value=1, max_value=9)), max_size=40
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(min_value=1, max_value=9), max_size=6), ACTIONS)
def test_the_estimate_is_never_below_what_stands_before_us(first: list[int], actions: list[tuple[str, int]]) -> None:
    level, queue, prints = FairLevel([*first]), QueueEstimate(), list[Print]()
    look(queue, level.shown)
    has_cancelled = False

    for action, number in actions:
        if action == "trade":
            prints += [sold(printed)] if (printed := level.trade(number)) else []
        elif action == "join":
            level.behind.append(number)
        elif action == "cancel":
            level.cancel(number)
            has_cancelled = True
        else:
            estimate = look(queue, level.shown, *prints)
            prints.clear()
            assert estimate is not None and estimate >= sum(level.ahead)
            assert has_cancelled or estimate == sum(level.ahead)
