"""One account at an emulated Binance market in memory, spoken to by its gateway: no socket, time by hand."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from urllib.parse import parse_qsl

from streaming.emulator.exchange.accounts import ApiKey, FeeRates, KeyKind
from streaming.emulator.exchange.words import NewOrder, OrderKind, Side
from streaming.emulator.faults import Fault, FaultKind
from streaming.emulator.instruments import INSTRUMENTS
from streaming.emulator.market import MarketEmulator
from streaming.emulator.session import Close, Send, Session
from streaming.emulator.source import EndlessMarket
from streaming.venues.binance_orders import BinanceOrders
from streaming.venues.binance_spot_orders import BinanceSpotOrders
from streaming.venues.binance_usdm_orders import BinanceUsdmOrders
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import (
    Call,
    CallKind,
    Heard,
    HttpReply,
    OrderSpec,
    Outcome,
    Refused,
    StreamEvent,
    Told,
    Way,
)
from streaming.venues.instruments import Instrument, Instruments, Step
from streaming.venues.signing import Ed25519Signer, HmacSigner, Signer
from streaming.venues.venue_reply import VenueReply

START_NS = 1_767_571_200_000_000_000
MS, S = 1_000_000, 1_000_000_000
SYMBOL, KEY, SECRET, ACCOUNT = "BTCUSDT", "TestKey1" * 8, "TestSecret1" * 6, "80001"
SEED = bytes(range(32))
HELD = {"binance_usdm": {"USDT": "1000000"}, "binance_spot": {"USDT": "1000000", "BTC": "10"}}
MAKERS: dict[str, type[BinanceOrders]] = {"binance_usdm": BinanceUsdmOrders, "binance_spot": BinanceSpotOrders}


def instrument_of(venue: str) -> Instrument:
    """Return the generated market's instrument at a venue."""
    made = next(one for one in INSTRUMENTS if one.venue == venue)
    return Instrument(
        id=made.slot,
        symbol=SYMBOL,
        tick=Step.of(made.tick),
        size_unit=Step.of(made.size_unit),
        base="BTC",
        quote="USDT",
        market_type=made.market_type,
    )


def gateway_of(venue: str, signer: Signer | None = None) -> BinanceOrders:
    """Return a gateway that knows no rules yet."""
    ids = ClientIds("test")
    return MAKERS[venue](KEY, signer or HmacSigner(SECRET), Instruments([instrument_of(venue)]), ids)


class BinanceAccount:
    """The market stands still until `play`."""

    def __init__(self, venue: str, *, is_ed25519: bool = False, held: Mapping[str, str] | None = None) -> None:
        self.emulator = MarketEmulator(EndlessMarket(1, START_NS))
        self.now_ns = self.emulator.prime()
        self.venue = self.emulator.venues[venue]
        self.front, self.exchange = self.venue.order_front, self.venue.order_front.exchange
        signer = Ed25519Signer.from_seed(SEED) if is_ed25519 else HmacSigner(SECRET)
        kind = KeyKind.ed25519 if is_ed25519 else KeyKind.hmac
        public = signer.public_key if isinstance(signer, Ed25519Signer) else b""
        self.exchange.open_account(
            ACCOUNT, {name: Decimal(size) for name, size in (held or HELD[venue]).items()}, self.now_ns
        )
        self.exchange.add_key(ApiKey(key=KEY, account=ACCOUNT, kind=kind, secret=SECRET, public_key=public))
        self.exchange.set_fees(ACCOUNT, SYMBOL, FeeRates(maker=Decimal("0.0002"), taker=Decimal("0.0005")))
        self.instrument = instrument_of(venue)
        self.sessions: dict[Way, Session] = {}
        self.heard: list[Heard] = []
        """Everything that sockets said, oldest first."""
        self._signer = signer
        self.gateway = gateway_of(venue, signer)
        assert self.ask(CallKind.rules).is_accepted

    def begin_anew(self) -> None:
        """Forget everything, as a process that begins again."""
        for session in self.sessions.values():
            self.front.close(session, self.now_ns)
        self.sessions.clear()
        self.gateway = gateway_of(self.gateway.venue, self._signer)
        assert self.ask(CallKind.rules).is_accepted

    def play(self, for_ns: int) -> None:
        """Let the market go on."""
        self.now_ns += for_ns
        while not self.emulator.advance(self.now_ns):
            pass
        self.front.push(self.now_ns)
        self.listen()

    def fault(self, kind: str, **words: object) -> None:
        """Arm a fault of this venue."""
        self.emulator.arm(Fault(kind=FaultKind(kind), venue=self.gateway.venue, **words), self.now_ns)  # type: ignore[arg-type]

    # --- sockets ---

    def open(self, way: Way) -> Sequence[Heard]:
        """Open a private socket and send what a fresh one must be sent; return what came of it."""
        text = self.gateway.order_path if way is Way.order_socket else self.gateway.user_path
        assert text is not None
        path, _, query = text.partition("?")
        session = self.front.open(path, dict(parse_qsl(query)), self.emulator.next_session_id(), self.now_ns)
        assert isinstance(session, Session), session
        self.sessions[way] = session
        at = len(self.heard)
        for call in self.gateway.on_open(way, self.now_ns):
            session.receive_text(call.body, self.now_ns)
            self.listen()
        return self.heard[at:]

    def open_all(self) -> None:
        """Open every private socket of the venue."""
        self.open(Way.order_socket)
        if self.gateway.venue == "binance_usdm":
            assert self.ask(CallKind.listen_key).is_accepted
            self.open(Way.user_socket)

    def listen(self) -> list[Heard]:
        """Read what sockets have said since the last call."""
        at = len(self.heard)
        for way, session in [*self.sessions.items()]:
            while outgoing := session.data_to_send():
                for item in outgoing:
                    if isinstance(item, Send):
                        self.heard += self.gateway.on_text(way, item.data, self.now_ns)
                    elif isinstance(item, Close):
                        self._lost(way)
        return self.heard[at:]

    def _lost(self, way: Way) -> None:
        """Take a socket's end."""
        session = self.sessions.pop(way, None)
        if session is not None:
            self.front.close(session, self.now_ns)
            self.gateway.on_lost(way)

    # --- calls ---

    def send(self, call: Call) -> Outcome | None:
        """Return what a call came to; None where nothing came back."""
        if call.way is Way.rest:
            path, _, query = call.target.partition("?")
            headers = {name.lower(): value for name, value in call.headers.items()}
            reply = self.front.http(call.method, path, query, headers, call.body, self.now_ns)
            if not reply.status:
                return None
            told = {name.lower(): value for name, value in reply.headers.items()}
            outcome = self.gateway.on_http(
                call, HttpReply(status=reply.status, body=reply.body, headers=told), self.now_ns
            )
            self.listen()
            return outcome
        self.sessions[call.way].receive_text(call.body, self.now_ns)
        found = [one for one in self.listen() if isinstance(one, Outcome) and one.call.number == call.number]
        return found[0] if found else None

    def ask(self, kind: CallKind, *, way: Way | None = None, since: int = 0, value: int = 0) -> Outcome:
        """Return what a question came to."""
        call = self.gateway.ask(kind, self.now_ns, symbol=SYMBOL, since=since, value=value, way=way)
        outcome = self.send(call)
        assert outcome is not None
        return outcome

    def order(self, kind: CallKind, spec: OrderSpec, way: Way = Way.rest) -> Outcome | Refused:
        """Return what a request about an order came to; given up where nothing came back."""
        call = self.gateway.order(kind, spec, way, self.now_ns)
        if isinstance(call, Refused):
            return call
        return self.send(call) or self.gateway.on_unanswered(call, self.now_ns, "no answer")

    def done(self, kind: CallKind, spec: OrderSpec, way: Way = Way.rest) -> tuple[VenueReply, ...]:
        """Return the replies to a request that must be accepted."""
        outcome = self.order(kind, spec, way)
        assert isinstance(outcome, Outcome) and outcome.is_accepted, outcome
        return outcome.replies

    def stranger_buys(self, client_id: str, price_ticks: int) -> None:
        """Place an order of somebody else with the same account."""
        order = NewOrder(
            symbol=SYMBOL,
            side=Side.buy,
            kind=OrderKind.limit,
            size=Decimal("0.01"),
            price=self.instrument.tick.decimal(price_ticks),
            client_id=client_id,
        )
        self.exchange.place(ACCOUNT, order, self.now_ns)

    # --- what was told ---

    def told(self) -> list[VenueReply]:
        """Return every reply of the account's events so far."""
        return [reply for one in self.heard if isinstance(one, StreamEvent) for reply in one.replies]

    def tolds(self) -> list[Told]:
        """Return the kinds of everything that was told beside answers."""
        return [one.told for one in self.heard if isinstance(one, StreamEvent)]

    # --- prices ---

    def touch_ticks(self, side: int) -> int:
        """Return the best price of a side of the book, 0 bids."""
        state = self.emulator.truth_at(f"{self.gateway.venue}:{SYMBOL}", 1)
        assert state is not None
        return self.instrument.tick.count((state.bids, state.asks)[side][0][0])

    def spec(self, number: int = 1, **words: object) -> OrderSpec:
        """Return a small buy far below the market, changed by `words`."""
        usual = {
            "client_order_id": number,
            "instrument": self.instrument.id,
            "price_ticks": self.touch_ticks(0) - self.instrument.tick.count("100"),
            "size_units": self.instrument.size_unit.count("0.01"),
        }
        return OrderSpec(**{**usual, **words})  # type: ignore[arg-type]
