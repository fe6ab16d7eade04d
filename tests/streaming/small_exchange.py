"""One emulated exchange over a book of a few levels, moved by hand: bids 99.0 and 98.0, asks 101.0 and 102.0."""

from decimal import Decimal

import orjson

from streaming.emulator.exchange.accounts import FeeRates
from streaming.emulator.exchange.exchange import Exchange
from streaming.emulator.exchange.words import ExchangeOrder, Force, NewOrder, OrderKind, Refusal, RefusedError, Side
from streaming.emulator.faults import Fault, FaultKind, FaultLog, VenueFaults
from streaming.emulator.streams import DepthChange, DepthIds, read_frame
from streaming.emulator.true_book import TrueBook
from streaming.segments import InstrumentEntry

START_NS = 1_790_000_000_000_000_000
SECOND_NS = 1_000_000_000
SYMBOL = "BTCUSDT"
STEPS = {
    "binance_usdm": ("perpetual", "0.1", "0.001", "0.001"),
    "binance_spot": ("spot", "0.01", "0.00000001", "0.00001"),
    "bybit_spot": ("spot", "0.1", "0.000001", "0.000001"),
}
BIDS, ASKS = [("9900.0", "5"), ("9890.0", "8")], [("9910.0", "5"), ("9920.0", "8")]
FEES = FeeRates(maker=Decimal("0.0002"), taker=Decimal("0.001"))


class SmallExchange:
    """An exchange of one symbol with accounts `a` and `b`; `now_ns` is the time of whatever comes next."""

    def __init__(self, venue: str, fees: FeeRates = FEES) -> None:
        market_type, tick, unit, lot = STEPS[venue]
        entry = InstrumentEntry(
            id=0,
            venue=venue,
            symbol=SYMBOL,
            market_type=market_type,
            tick=tick,
            size_unit=unit,
            lot=lot,
            maker_fee_bps="0",
            taker_fee_bps="0",
            base="BTC",
            quote="USDT",
        )
        self.venue, self.now_ns = venue, START_NS
        self._last_id, self._trade_id = 1_000, 0
        self.book = TrueBook(venue, SYMBOL)
        ids = DepthIds(self._last_id, self._last_id, 0, 7)
        stamp = START_NS // 1_000_000
        self.book.apply(DepthChange(ids, True, [*BIDS], [*ASKS], stamp, stamp), START_NS)
        self.faults = VenueFaults(venue, FaultLog())
        self.exchange = Exchange(venue, [entry], {SYMBOL: self.book}, self.faults)
        held = {"USDT": Decimal(1_000_000)} | ({} if venue == "binance_usdm" else {"BTC": Decimal(10)})
        for account in ("a", "b"):
            self.exchange.open_account(account, held, START_NS)
            self.exchange.set_fees(account, SYMBOL, fees)

    def place(
        self, side: str, price: str | None, size: str, force: Force = Force.gtc, account: str = "a", **more: object
    ) -> ExchangeOrder:
        """Place an order, at the market without a price."""
        order = NewOrder(
            symbol=SYMBOL,
            side=Side(side),
            kind=OrderKind.market if price is None else OrderKind.limit,
            force=force,
            price=None if price is None else Decimal(price),
            size=Decimal(size),
            **more,  # type: ignore[arg-type]
        )
        return self.exchange.place(account, order, self.now_ns)

    def refusal(self, side: str, price: str | None, size: str, force: Force = Force.gtc, **more: object) -> Refusal:
        """Return why such an order is refused; fail when it is not."""
        try:
            order = self.place(side, price, size, force, **more)  # type: ignore[arg-type]
        except RefusedError as error:
            return error.refusal
        raise AssertionError(f"expected a refusal, found {order}")

    def depth(self, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> None:
        """Move the market's book; a size of 0 takes a level away."""
        self._last_id += 1
        last, ms = self._last_id, self._step()
        if self.venue == "bybit_spot":
            data = {"s": SYMBOL, "b": bids, "a": asks, "u": last, "seq": last}
            document = {"topic": f"orderbook.50.{SYMBOL}", "ts": ms, "type": "delta", "data": data, "cts": ms}
        else:
            data = {"e": "depthUpdate", "E": ms, "T": ms, "s": SYMBOL, "U": last, "u": last, "pu": last - 1}
            document = {"stream": "btcusdt@depth@100ms", "data": data | {"b": bids, "a": asks}}
        self._hear(document)

    def trade(self, price: str, size: str, *, is_buyer_taker: bool) -> None:
        """Print a trade of the market."""
        self._trade_id += 1
        ms = self._step()
        if self.venue == "bybit_spot":
            row = {"i": str(self._trade_id), "T": ms, "p": price, "v": size, "seq": 1, "s": SYMBOL, "BT": False}
            side = "Buy" if is_buyer_taker else "Sell"
            document = {"topic": f"publicTrade.{SYMBOL}", "ts": ms, "type": "snapshot", "data": [row | {"S": side}]}
        elif self.venue == "binance_spot":
            data = {"e": "trade", "E": ms, "s": SYMBOL, "t": self._trade_id, "p": price, "q": size, "T": ms}
            document = {"stream": "btcusdt@trade", "data": data | {"m": not is_buyer_taker, "M": True}}
        else:
            ids = {"a": self._trade_id, "f": self._trade_id, "l": self._trade_id}
            data = {"e": "aggTrade", "E": ms, "s": SYMBOL, "p": price, "q": size, "T": ms, **ids}
            document = {"stream": "btcusdt@aggTrade", "data": data | {"m": not is_buyer_taker}}
        self._hear(document)

    def arm(self, kind: FaultKind, **more: object) -> None:
        """Arm a fault."""
        self.faults.arm(Fault(kind=kind, venue=self.venue, **more), self.now_ns)  # type: ignore[arg-type]

    def free(self, asset: str, account: str = "a") -> Decimal:
        """Return what is free of an asset."""
        return next(held.free for held in self.exchange.balances(account) if held.asset == asset)

    def locked(self, asset: str, account: str = "a") -> Decimal:
        """Return what is locked of an asset."""
        return next(held.locked for held in self.exchange.balances(account) if held.asset == asset)

    def _step(self) -> int:
        self.now_ns += SECOND_NS // 10
        return self.now_ns // 1_000_000

    def _hear(self, document: dict[str, object]) -> None:
        frame = read_frame(self.venue, orjson.dumps(document), self.now_ns)
        assert frame is not None, "a frame of the market"
        if frame.depth is not None:
            self.book.apply(frame.depth, frame.ts_ns)
        self.exchange.on_frame(frame)
