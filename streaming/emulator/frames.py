"""The venues' own words: bytes of each message, from values, in the key order in which the venues send them.

Frames are built as text, not by a JSON library: numbers are printed as the venues print them, trailing zeros included,
and a market-hour holds about 230,000 frames. `new_fields` adds what Binance USD-M has documented since the recordings
of 2024: `ps` and `st` on depth and book ticker, `nq` and `st` on aggregate trades.
Levels come as the book keeps them: keys are prices, negated on the ask side.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from streaming.emulator.book import Change
from streaming.emulator.instruments import INSTRUMENTS, SYMBOL, GeneratedInstrument


@dataclass(frozen=True, slots=True)
class PrintedTrade:
    """A public trade, ready to print. `id` counts this instrument's trades."""

    id: int
    price_ticks: int
    size_lots: int
    is_buyer_taker: bool
    ts_event_ms: int
    ts_engine_ms: int


class Decimals:
    """Prints prices and sizes of one instrument as its venue does."""

    def __init__(self, instrument: GeneratedInstrument) -> None:
        self._tick_decimals, self._lot_decimals = instrument.tick_decimals, instrument.lot_decimals
        self._padding = instrument.padding
        self._lot_scale = 10**instrument.lot_decimals
        self._size_end = instrument.padding[1] if instrument.padding else ""
        self._openings: dict[int, str] = {}

    def price(self, key: int) -> str:
        """Return the price of `key`."""
        whole, part = divmod(abs(key), 10**self._tick_decimals)
        text = f"{whole}.{part:0{self._tick_decimals}d}"
        return _stripped(text) if self._padding is None else text + self._padding[0]

    def size(self, lots: int) -> str:
        """Return a size; a removed level's is as many zeros as the venue prints."""
        whole, part = divmod(lots, self._lot_scale)
        text = f"{whole}.{part:0{self._lot_decimals}d}"
        return _stripped(text) if self._padding is None else text + self._size_end

    def levels(self, changes: Iterable[Change]) -> str:
        """Return the inside of a JSON array of [price, size] pairs."""
        openings, size = self._openings, self.size
        cells = []
        for key, lots in changes:
            opening = openings.get(key)
            if opening is None:  # each price recurs thousands of times: printed once
                opening = openings[key] = f'["{self.price(key)}","'
            cells.append(f'{opening}{size(lots)}"]')
        return ",".join(cells)


def _stripped(text: str) -> str:
    return text.rstrip("0").rstrip(".")


class UsdmFrames:
    """Binance USD-M, combined streams."""

    def __init__(self, *, new_fields: bool) -> None:
        self.decimals = Decimals(INSTRUMENTS[0])
        self._pair = f',"ps":"{SYMBOL}"' if new_fields else ""
        self._status = ',"st":1' if new_fields else ""
        self._has_normal_size = new_fields
        self._stream = SYMBOL.lower()

    def depth(self, ids: tuple[int, int, int], times_ms: tuple[int, int], bids: str, asks: str) -> bytes:
        """Return a diff depth frame; ids are U, u, pu, times E, T."""
        return (
            f'{{"stream":"{self._stream}@depth@100ms","data":{{"e":"depthUpdate","E":{times_ms[0]},"T":{times_ms[1]},'
            f'"s":"{SYMBOL}"{self._pair},"U":{ids[0]},"u":{ids[1]},"pu":{ids[2]},'
            f'"b":[{bids}],"a":[{asks}]{self._status}}}}}'
        ).encode()

    def quote(self, update_id: int, times_ms: tuple[int, int], bid: Change, ask: Change) -> bytes:
        """Return a book ticker; times are E, T."""
        show = self.decimals
        return (
            f'{{"stream":"{self._stream}@bookTicker","data":{{"e":"bookTicker","u":{update_id},"s":"{SYMBOL}"{self._pair},'
            f'"b":"{show.price(bid[0])}","B":"{show.size(bid[1])}","a":"{show.price(ask[0])}","A":"{show.size(ask[1])}",'
            f'"T":{times_ms[1]},"E":{times_ms[0]}{self._status}}}}}'
        ).encode()

    def trade(self, trade: PrintedTrade) -> bytes:
        """Return an aggregate trade; each of ours holds one trade."""
        size = self.decimals.size(trade.size_lots)
        normal_size = f',"nq":"{size}"' if self._has_normal_size else ""
        return (
            f'{{"stream":"{self._stream}@aggTrade","data":{{"e":"aggTrade","E":{trade.ts_event_ms},"a":{trade.id},'
            f'"s":"{SYMBOL}","p":"{self.decimals.price(trade.price_ticks)}","q":"{size}"{normal_size},'
            f'"f":{trade.id + USDM_TRADE_ID_OFFSET},"l":{trade.id + USDM_TRADE_ID_OFFSET},"T":{trade.ts_engine_ms},'
            f'"m":{_boolean(not trade.is_buyer_taker)}{self._status}}}}}'
        ).encode()

    def snapshot(self, update_id: int, times_ms: tuple[int, int], bids: str, asks: str) -> bytes:
        """Return the reply of `GET /fapi/v1/depth`; times are E, T."""
        return (
            f'{{"lastUpdateId":{update_id},"E":{times_ms[0]},"T":{times_ms[1]},"bids":[{bids}],"asks":[{asks}]}}'
        ).encode()


USDM_TRADE_ID_OFFSET = 2_000_000_000
"""Ids of trades run ahead of those of the aggregates that hold them."""


class SpotFrames:
    """Binance spot, combined streams. Its frames have gained no field since the recordings."""

    def __init__(self) -> None:
        self.decimals = Decimals(INSTRUMENTS[1])
        self._stream = SYMBOL.lower()

    def depth(self, ids: tuple[int, int, int], times_ms: tuple[int, int], bids: str, asks: str) -> bytes:
        """Return a diff depth frame; ids are U, u and the previous u, times E and T: spot sends neither pu nor T."""
        return (
            f'{{"stream":"{self._stream}@depth@100ms","data":{{"e":"depthUpdate","E":{times_ms[0]},"s":"{SYMBOL}",'
            f'"U":{ids[0]},"u":{ids[1]},"b":[{bids}],"a":[{asks}]}}}}'
        ).encode()

    def quote(self, update_id: int, times_ms: tuple[int, int], bid: Change, ask: Change) -> bytes:
        """Return a book ticker; spot sends no times with it."""
        show = self.decimals
        return (
            f'{{"stream":"{self._stream}@bookTicker","data":{{"u":{update_id},"s":"{SYMBOL}",'
            f'"b":"{show.price(bid[0])}","B":"{show.size(bid[1])}",'
            f'"a":"{show.price(ask[0])}","A":"{show.size(ask[1])}"}}}}'
        ).encode()

    def trade(self, trade: PrintedTrade) -> bytes:
        """Return a trade."""
        return (
            f'{{"stream":"{self._stream}@trade","data":{{"e":"trade","E":{trade.ts_event_ms},"s":"{SYMBOL}",'
            f'"t":{trade.id},"p":"{self.decimals.price(trade.price_ticks)}","q":"{self.decimals.size(trade.size_lots)}",'
            f'"T":{trade.ts_engine_ms},"m":{_boolean(not trade.is_buyer_taker)},"M":true}}}}'
        ).encode()

    def snapshot(self, update_id: int, times_ms: tuple[int, int], bids: str, asks: str) -> bytes:
        """Return the reply of `GET /api/v3/depth`, which holds no times."""
        return f'{{"lastUpdateId":{update_id},"bids":[{bids}],"asks":[{asks}]}}'.encode()


class BybitFrames:
    """Bybit v5 spot."""

    def __init__(self) -> None:
        self.decimals = Decimals(INSTRUMENTS[2])

    def depth(self, kind: str, ids: tuple[int, int], times_ms: tuple[int, int], bids: str, asks: str) -> bytes:
        """Return an `orderbook.50` frame of `kind` snapshot or delta; ids are u, seq, times ts, cts."""
        return (
            f'{{"topic":"orderbook.50.{SYMBOL}","ts":{times_ms[0]},"type":"{kind}",'
            f'"data":{{"s":"{SYMBOL}","b":[{bids}],"a":[{asks}],"u":{ids[0]},"seq":{ids[1]}}},"cts":{times_ms[1]}}}'
        ).encode()

    def trade(self, trade: PrintedTrade, sequence: int) -> bytes:
        """Return a `publicTrade` frame of one trade."""
        side = "Buy" if trade.is_buyer_taker else "Sell"
        return (
            f'{{"topic":"publicTrade.{SYMBOL}","ts":{trade.ts_event_ms},"type":"snapshot","data":[{{"i":"{trade.id}",'
            f'"T":{trade.ts_engine_ms},"p":"{self.decimals.price(trade.price_ticks)}",'
            f'"v":"{self.decimals.size(trade.size_lots)}","S":"{side}","seq":{sequence},'
            f'"s":"{SYMBOL}","BT":false,"RPI":false}}]}}'
        ).encode()


def _boolean(value: bool) -> str:
    return "true" if value else "false"
