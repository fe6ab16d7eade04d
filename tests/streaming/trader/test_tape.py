"""A venue hears of its own books, whoever's input told of them, and not before its sockets speak."""

from paper_market import START_NS, plan_of

import native
from streaming.recorder.tape import News
from streaming.trader.machine import Machine
from streaming.trader.tape import VenueTape

INSTRUMENT = 1  # of the engine: the spot venue's only one


class Inputs:
    """Collects what a tape hands on."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, int, bytes]] = []

    def take(self, source: int, ts_ns: int, payload: bytes) -> None:
        self.taken.append((source, ts_ns, payload))


def tape_of(venue: str) -> tuple[VenueTape, Inputs]:
    plan = plan_of()
    engine: native.Engine = Machine.fresh(plan.header).engine
    inputs = Inputs()
    return VenueTape(venue, plan, engine, inputs.take, inputs.take), inputs


def test_sources_are_handed_on_in_the_engines_numbers() -> None:
    tape, inputs = tape_of("binance_spot")
    offset = plan_of().source_offsets["binance_spot"]

    tape.frame(0, START_NS, b"frame")
    tape.request(2, START_NS + 1, b"GET /")

    assert inputs.taken == [(offset, START_NS, b"frame"), (offset + 2, START_NS + 1, b"GET /")]


def test_news_of_another_venue_are_left_to_it() -> None:
    tape, _ = tape_of("binance_usdm")

    tape.tell([INSTRUMENT], [INSTRUMENT])

    assert not tape.frame(0, START_NS, b"x")
    assert tape.news() == News()


def test_news_that_anothers_frame_brought_are_told_with_the_next_own_frame() -> None:
    tape, _ = tape_of("binance_spot")
    assert not tape.frame(0, START_NS, b"x")

    tape.tell([INSTRUMENT], [])

    assert tape.frame(0, START_NS, b"x")
    assert tape.news() == News(wanted=[0])
    assert not tape.frame(0, START_NS, b"x")


def test_a_rest_reply_before_the_sockets_speak_tells_nothing() -> None:
    tape, _ = tape_of("binance_spot")
    exchange_info = 1

    tape.tell([INSTRUMENT], [])

    assert not tape.frame(exchange_info, START_NS, b"{}")
    assert tape.frame(0, START_NS, b"x")
    assert tape.frame(exchange_info, START_NS, b"{}")  # until they are taken
