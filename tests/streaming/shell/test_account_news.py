"""News of our accounts at the venues, as others hear them."""

import asyncio

from streaming.bus import AccountEvent
from streaming.bus_config import RedisSettings
from streaming.live.words import LiveEvent, Told
from streaming.shell.trader_bus import TraderBus


def test_what_happens_to_an_account_is_told_with_its_order_and_cut_where_it_is_too_long(tmp_path):
    heard = []
    loop = asyncio.new_event_loop()
    bus = TraderBus(RedisSettings(url="off"), tmp_path, loop, lambda _: {}, lambda: None, heard.append)
    words = {"venue": "bybit_spot", "ts_ns": 5, "instrument": 2}
    bus.tell_account("live-1", LiveEvent(told=Told.difference, text="x" * 5_000, client_order_id=7, **words), "v:BTC")
    bus.tell_account("live-1", LiveEvent(told=Told.halt, text="the key is refused", venue="bybit_spot", ts_ns=6), "")
    loop.close()

    first, second = heard
    assert isinstance(first, AccountEvent) and len(first.words) == 1_000
    assert (first.told, first.instrument, first.client_order_id) == ("difference", "v:BTC", "7")
    assert (second.told, second.words, second.instrument, second.client_order_id) == (
        "halt", "the key is refused", "", "",
    )  # fmt: skip
