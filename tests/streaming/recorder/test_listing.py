"""When exchange information is asked for, by an injected clock: no reply brings a tight loop."""

import random
from itertools import pairwise

import orjson
import pytest
from small_venue import INFO

from streaming.recorder.backoff import Backoff
from streaming.recorder.listing import ListingDesk, ListingSettings
from streaming.venues.dialects import DIALECTS
from streaming.venues.replies import Reply

SECOND = 1_000_000_000
SPOT, BYBIT = DIALECTS["binance_spot"], DIALECTS["bybit_spot"]
UNLISTED = Reply(400, b'{"code":-1121,"msg":"Invalid symbol."}')


def a_desk(dialect=SPOT, symbols=("BTCUSDT",)):
    settings = ListingSettings(every_ns=3_600 * SECOND, soon_ns=60 * SECOND)
    backoff = Backoff(random.Random(1), SECOND, 30 * SECOND)
    return ListingDesk(dialect, symbols, settings, backoff, now_ns=0)


def spot_reply(*symbols, **words):
    """Spot exchange information of these symbols."""
    document = orjson.loads(INFO["/api/v3/exchangeInfo"])
    document["symbols"] = [{**document["symbols"][0], "symbol": symbol, **words} for symbol in symbols]
    return Reply(200, orjson.dumps(document))


def tries_until(desk, end_ns, answer):
    """Answer every request at once until `end_ns` of the injected clock; return when each left."""
    times, now_ns = [], 0
    while desk.due_ns is not None and desk.due_ns <= end_ns:
        now_ns = max(now_ns, desk.due_ns)
        times.append(now_ns)
        answer(desk, desk.request(), now_ns)
    return times


BAD = [
    Reply(200, b"<html>blocked</html>"),
    Reply(200, b""),
    Reply(200, b'{"symbols":[{"symb'),
    Reply(200, b"[1,2]"),
    Reply(200, b"null"),
    Reply(200, b"\x00\xff\xfe garbage"),
    Reply(200, b'{"code":-1003,"msg":"Too many requests"}'),
    Reply(200, b'{"symbols":5}'),
    Reply(200, b'{"symbols":[1]}'),
    Reply(200, b'{"symbols":[{"symbol":"BTCUSDT"}]}'),
    Reply(200, b'{"symbols":[{"symbol":"BTCUSDT","filters":[{"filterType":"PRICE_FILTER","tickSize":"0"}]}]}'),
    Reply(302, b""),
    Reply(404, b"{}"),
    Reply(500, b"<html>"),
    Reply(503, b""),
]


@pytest.mark.parametrize("reply", BAD, ids=lambda reply: f"{reply.status} {reply.body[:30]!r}")
def test_a_wrong_reply_is_asked_again_with_growing_pauses(reply):
    desk = a_desk()

    times = tries_until(desk, 600 * SECOND, lambda desk, request, now_ns: desk.on_reply(request, reply, now_ns))

    pauses = [after - before for before, after in pairwise(times)]
    assert desk.failures == len(times) and desk.problem
    assert pauses[0] >= SECOND // 2 and all(pause >= 15 * SECOND for pause in pauses[6:])
    assert len(times) < 50


def test_a_venue_that_cannot_be_reached_is_asked_with_the_same_pauses():
    desk = a_desk()
    times = tries_until(desk, 600 * SECOND, lambda desk, request, now_ns: desk.on_failed("refused", now_ns))
    assert 20 < len(times) < 50


def test_an_answer_is_asked_for_again_after_its_time_and_forgets_the_failures():
    desk = a_desk()
    for _ in range(6):
        desk.on_failed("refused", 0)
    found = desk.on_reply(desk.request(), spot_reply("BTCUSDT"), 10)
    assert found is not None and found.trading == {"BTCUSDT"} and desk.due_ns == 10 + 3_600 * SECOND
    desk.on_failed("refused", 0)
    assert desk.due_ns is not None and desk.due_ns <= SECOND


def test_a_halted_instrument_is_listed_and_not_trading():
    desk = a_desk()
    found = desk.on_reply(desk.request(), spot_reply("BTCUSDT", status="BREAK"), 0)
    assert found is not None and (found.trading, found.halted) == (frozenset(), {"BTCUSDT"})


def test_a_refused_list_is_asked_one_by_one_and_then_for_what_is_listed():
    desk, asked = a_desk(symbols=("AAA", "GONE", "BBB")), []

    def answer(desk, request, now_ns):
        asked.append(request.target.partition("symbols=")[2])
        gone = "GONE" in request.target
        names = [name for name in ("AAA", "BBB") if name in request.target]
        return desk.on_reply(request, UNLISTED if gone else spot_reply(*names), now_ns)

    found = None
    while found is None:
        assert desk.is_due(0)
        found = answer(desk, desk.request(), 0)
    assert set(found.listings) == {"AAA", "BBB"} and orjson.loads(found.body)["symbols"][1]["symbol"] == "BBB"
    assert [text.count("%22") // 2 for text in asked] == [3, 1, 1, 1, 2]
    assert desk.failures == 0


@pytest.mark.parametrize("symbols", [("GONE",), ("GONE", "ALSO")])
def test_symbols_of_which_none_is_listed_are_an_answer_too(symbols):
    desk, found = a_desk(symbols=symbols), None
    while found is None:
        found = desk.on_reply(desk.request(), UNLISTED, 0)
    assert (found.listings, found.body) == ({}, b"")


def test_a_list_that_changes_while_it_is_read_is_a_failed_try():
    desk = a_desk(symbols=("AAA", "GONE"))
    for reply in (UNLISTED, spot_reply("AAA"), UNLISTED, UNLISTED):
        assert desk.on_reply(desk.request(), reply, 0) is None
    assert desk.failures == 1 and desk.due_ns is not None and desk.due_ns > 0


def test_a_doubt_has_the_question_asked_soon_but_not_at_every_doubt():
    desk = a_desk(BYBIT)
    desk.doubt(0)
    assert desk.due_ns == 0  # nothing was answered yet
    assert desk.on_reply(desk.request(), Reply(200, INFO["/v5/market/instruments-info"]), 0) is not None
    desk.doubt(5 * SECOND)
    assert desk.due_ns == 60 * SECOND
    desk.doubt(100 * SECOND)
    assert desk.due_ns == 60 * SECOND
    desk.request()
    desk.doubt(100 * SECOND)
    assert desk.due_ns is None  # an answer is awaited
