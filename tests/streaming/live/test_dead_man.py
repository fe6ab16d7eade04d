"""USD-M's countdown is begun, renewed before it runs out, and never told longer than it is."""

from streaming.live.dead_man import NS_PER_S, DeadMan


def test_every_symbol_is_armed_at_once_and_counts_from_when_it_was_sent() -> None:
    switch = DeadMan(["BTCUSDT", "ETHUSDT"], 30.0)

    assert switch.due(0) == ("BTCUSDT", "ETHUSDT")
    assert switch.span_ms == 30_000
    for symbol in switch.due(0):
        switch.sent(symbol, 0)
    assert switch.due(0) == ()
    assert switch.left_s(0) is None
    switch.armed("BTCUSDT")
    assert switch.left_s(0) is None, "one of two is not armed"
    switch.armed("ETHUSDT")
    assert switch.left_s(4 * NS_PER_S) == 26.0
    assert switch.is_armed(4 * NS_PER_S)


def test_it_is_renewed_three_times_in_a_span() -> None:
    switch = armed(30.0)

    assert switch.due(10 * NS_PER_S - 1) == ()
    assert switch.next_due_ns() == 10 * NS_PER_S
    assert switch.due(10 * NS_PER_S) == ("BTCUSDT",)
    switch.sent("BTCUSDT", 10 * NS_PER_S)
    assert switch.next_due_ns() is None
    switch.armed("BTCUSDT")
    assert switch.left_s(10 * NS_PER_S) == 30.0


def test_a_renewal_that_fails_is_tried_again_soon_and_the_old_countdown_runs_on() -> None:
    switch = armed(30.0)
    switch.sent("BTCUSDT", 10 * NS_PER_S)

    switch.failed("BTCUSDT", 11 * NS_PER_S, "no answer")

    assert switch.left_s(11 * NS_PER_S) == 19.0
    assert switch.to_json(11 * NS_PER_S)["last_problem"] == "BTCUSDT: no answer"
    assert switch.due(13 * NS_PER_S) == ("BTCUSDT",)


def test_nothing_waits_long_for_a_switch_of_a_long_span() -> None:
    switch = DeadMan(["BTCUSDT"], 600.0)
    switch.sent("BTCUSDT", 0)

    switch.failed("BTCUSDT", 0, "no answer")

    assert switch.next_due_ns() == 2 * NS_PER_S


def test_one_that_ran_out_is_not_armed() -> None:
    switch = armed(30.0)

    assert switch.left_s(31 * NS_PER_S) == 0
    assert not switch.is_armed(31 * NS_PER_S)
    assert switch.to_json(31 * NS_PER_S)["is_armed"] is False


def armed(span_s: float) -> DeadMan:
    switch = DeadMan(["BTCUSDT"], span_s)
    switch.sent("BTCUSDT", 0)
    switch.armed("BTCUSDT")
    return switch
