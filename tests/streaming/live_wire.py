"""A live venue wired to the emulator in memory: a time that the test moves, every byte as over a socket, no sockets.

What is sent arrives at once; what the emulator says comes back within the same moment, or never where the test cuts it.
"""

import random
from collections import deque
from urllib.parse import parse_qsl

from streaming.emulator.accounts import open_account
from streaming.emulator.faults import Fault
from streaming.emulator.market import MarketEmulator
from streaming.emulator.rest import Reply
from streaming.emulator.session import Close, Ping, Send
from streaming.emulator.source import EndlessMarket
from streaming.live.commands import Http, OpenSocket, SendText
from streaming.live.config import LiveConfig
from streaming.live.gateways import make_gateway
from streaming.live.venue import LiveVenue
from streaming.live.words import LiveLimits, OrderRequest, RequestKind
from streaming.recorder.commands import CloseSocket, SendPing
from streaming.secret_keys import Credentials, Secret
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import HttpReply, OrderSpec, TimeInForce
from streaming.venues.instruments import Instrument, Instruments, Step
from streaming.venues.limits import LIMITS
from streaming.venues.rate_budget import RateBudget
from streaming.venues.venue_reply import ReplyKind

S = 1_000_000_000
MS = 1_000_000
TURN_NS = 10 * MS
START_NS = 1_767_571_200_000_000_000
PREFIX = "lob"
IDS = ClientIds(PREFIX)


class LiveWire:
    """See the head of the file. `run` lets time pass; `replies` collects what the engine would hear."""

    def __init__(self, venue, limits=None, rules=None, settle=True, fees=None, **words):
        self.emulator = MarketEmulator(EndlessMarket(3, START_NS), rules)
        self.now_ns = self.emulator.prime()
        self.venue = self.emulator.venues[venue]
        account = open_account(self.venue, 1, self.now_ns, fees)
        self.account = account.account_id
        self.instruments = Instruments([_instrument(entry) for entry in self.venue.rest.venue.entries])
        keys = Credentials(api_key=Secret(account.keys["api_key"]), secret=Secret(account.keys["secret"]))
        place = LiveConfig().account_of(venue)
        gateway = make_gateway(venue, keys, self.instruments.all, PREFIX, place)
        budget = RateBudget(LIMITS[venue])
        rng = random.Random(1)
        self.live = LiveVenue(gateway, self.instruments, IDS, limits or LiveLimits(), budget, rng, self.now_ns, **words)
        self.is_settling = settle
        self.sessions, self.heard, self.replies, self.events, self.opened = {}, deque(), [], [], []
        self.is_cut = False
        self._number = 0
        self.live.start(self.now_ns)

    # --- what tests say ---

    @property
    def symbol(self):
        return self.instruments.all[0].symbol

    @property
    def instrument(self):
        return self.instruments.all[0]

    @property
    def exchange(self):
        return self.venue.exchange

    def trusted(self):
        """Let time pass until orders may leave."""
        self.until(lambda: self.live.is_trusted)
        return self

    def until(self, condition, seconds=60):
        """Let time pass until a condition holds."""
        end_ns = self.now_ns + seconds * S
        while not condition():
            assert self.now_ns < end_ns, (self.live.to_json(self.now_ns), self.texts())
            self.run(TURN_NS)

    def run(self, span_ns):
        """Let time pass in small turns."""
        end_ns = self.now_ns + span_ns
        while True:
            while not self.emulator.advance(self.now_ns):
                pass
            if self.now_ns >= self.live.next_deadline_ns():
                self.live.on_deadline(self.now_ns)
            self.settle()
            if self.now_ns >= end_ns:
                return
            self.now_ns = min(end_ns, self.now_ns + TURN_NS)

    def submit(self, kind, spec, **words):
        """Give the venue a request, and let everything that follows at once happen."""
        self.live.submit(OrderRequest(kind, spec, **words), self.now_ns)
        self.settle()

    def place(self, *, side=0, away=200, size=None, force=TimeInForce.gtc, **words):
        """Place a limit order `away` ticks from the touch (into it where negative); return its spec."""
        self._number += 1
        size = size or self.instrument.size_unit.count("0.010")
        price = self.touch(side) + (away if side else -away)
        spec = OrderSpec(
            client_order_id=7 << 32 | self._number,
            instrument=self.instrument.id,
            side=side,
            price_ticks=price,
            size_units=size,
            time_in_force=force,
        )
        self.submit(RequestKind.place, spec, **words)
        return spec

    def touch(self, side):
        """The best price of the order's own side, in ticks."""
        (price, _), *_ = self.venue.books[self.symbol].top(1)[side]
        return self.instrument.tick.count(price)

    def arm(self, kind, **words):
        self.emulator.arm(Fault(venue=self.venue.name, kind=kind, **words), self.now_ns)

    def kinds(self, spec=None):
        """Kinds of the replies about an order, in their order."""
        number = None if spec is None else spec.client_order_id
        return [reply.kind for reply in self.replies if number is None or reply.client_order_id == number]

    def last(self, spec):
        return self.kinds(spec)[-1]

    def order(self, spec):
        """The order as the exchange has it, None where it does not know it."""
        text = IDS.text(spec.client_order_id)
        found = [order for order in self.exchange.truth(self.account).orders if order.client_id == text]
        return found[0] if found else None

    def texts(self):
        return [f"{event.told}: {event.text}" for event in self.events]

    # --- the wire ---

    def settle(self):
        """Carry bytes both ways until nothing moves; judge rounds as clean where nobody else does."""
        while True:
            for command in self.live.take_commands():
                self.carry(command)
            self.replies += [reply for _, reply in self.live.take_replies()]
            self.events += self.live.take_events()
            if self.is_settling and (snapshot := self.live.take_snapshot()) is not None:
                self.live.on_reconciled(snapshot, self.now_ns, is_settled=True)
            if not self.bring():
                return

    def carry(self, command):
        match command:
            case OpenSocket(socket, way, path):
                self.opened.append(way)
                name, _, query = path.partition("?")
                found = None if self.is_cut else self.open(name, dict(parse_qsl(query)))
                if found is None or isinstance(found, Reply):
                    self.heard.append(lambda: self.live.on_lost(socket, "refused", self.now_ns))
                else:
                    self.sessions[socket] = found
                    self.heard.append(lambda: self.live.on_open(socket, self.now_ns))
            case SendText(socket, data):
                if socket in self.sessions and not self.is_cut:
                    self.sessions[socket].receive_text(data, self.now_ns)
            case SendPing(socket):
                if socket in self.sessions and not self.is_cut:
                    self.heard.append(lambda: self.live.on_pong(socket, self.now_ns))
            case CloseSocket(socket):
                session = self.sessions.pop(socket, None)
                if session is not None:
                    self.venue.close(session, self.now_ns)
            case Http(call):
                self.heard.append(lambda: self.rest(call))

    def open(self, path, query):
        return self.venue.open(path, query, self.emulator.next_session_id(), self.now_ns)

    def rest(self, call):
        path, _, query = call.target.partition("?")
        headers = {name.lower(): value for name, value in call.headers.items()}
        if self.is_cut:
            return
        reply = self.venue.order_front.http(call.method, path, query, headers, call.body, self.now_ns)
        if reply.status == 0:
            self.live.on_http_failed(call.number, "cut", self.now_ns)
            return
        told = {name.lower(): value for name, value in reply.headers.items()}
        self.live.on_http(call.number, HttpReply(status=reply.status, body=reply.body, headers=told), self.now_ns)

    def bring(self):
        """Hand over what the emulator has said; False when it has said nothing."""
        for socket, session in [*self.sessions.items()]:
            for item in session.data_to_send(limit=1_000_000):
                self.hear(socket, session, item)
        moved = bool(self.heard)
        while self.heard:
            self.heard.popleft()()
        return moved

    def hear(self, socket, session, item):
        if self.is_cut:
            return
        match item:
            case Send(data):
                self.heard.append(lambda: self.live.on_text(socket, data, self.now_ns))
            case Ping(data):
                session.receive_pong(data, self.now_ns)
            case Close():
                self.sessions.pop(socket, None)
                self.venue.close(session, self.now_ns)
                self.heard.append(lambda: self.live.on_lost(socket, "closed", self.now_ns))

    def lose(self, way):
        """End the serving socket of a way as a broken connection would."""
        socket = self.live.serving(way)
        self.venue.close(self.sessions.pop(socket), self.now_ns)
        self.live.on_lost(socket, "broken", self.now_ns)
        self.settle()


def _instrument(entry):
    return Instrument(
        id=0,
        symbol=entry.symbol,
        tick=Step.of(entry.tick),
        size_unit=Step.of(entry.size_unit),
        base=entry.base,
        quote=entry.quote,
        market_type=entry.market_type,
    )


ENDS = (ReplyKind.cancelled, ReplyKind.rejected, ReplyKind.expired, ReplyKind.absent)
