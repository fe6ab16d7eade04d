"""A client of an emulated Binance market's private side, in memory: signs as the venue documents, reads what is told.

It shares no code with the gateways: it is one of their judges.
"""

import base64
import hashlib
import hmac
from decimal import Decimal
from urllib.parse import urlencode

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from streaming.emulator.exchange.accounts import ApiKey, FeeRates, KeyKind
from streaming.emulator.faults import Fault, FaultKind
from streaming.emulator.market import MarketEmulator
from streaming.emulator.session import NS_PER_S, Close, Ping, Send
from streaming.emulator.source import EndlessMarket

START_NS = 1_767_571_200_000_000_000
NS_PER_MS = 1_000_000
SYMBOL = "BTCUSDT"
USDM, SPOT = "binance_usdm", "binance_spot"
KEY, SECRET, ACCOUNT = "TESTKEY0001", "test-secret-0001", "700001"
LOGON_KEY = "TESTKEY0002"
ORDER_EVENTS = ("ORDER_TRADE_UPDATE", "executionReport")
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def hmac_of(text, secret=SECRET):
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class BinanceClient:
    """One account at one market, whose time moves only by `play`."""

    def __init__(self, venue, *, quote="1000000", base="20"):
        self.emulator = MarketEmulator(EndlessMarket(3, START_NS))
        self.now_ns = self.emulator.prime() // NS_PER_MS * NS_PER_MS + NS_PER_MS
        self.venue = self.emulator.venues[venue]
        self.front, self.exchange = self.venue.order_front, self.venue.exchange
        held = {"USDT": Decimal(quote)} | ({"BTC": Decimal(base)} if venue == SPOT else {})
        self.exchange.open_account(ACCOUNT, held, self.now_ns)
        self.add_key(KEY, secret=SECRET)
        public = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.add_key(LOGON_KEY, kind=KeyKind.ed25519, public_key=public)
        self.exchange.set_fees(ACCOUNT, SYMBOL, FeeRates(maker=Decimal("0.001"), taker=Decimal("0.001")))
        self.order = "/api/v3/order" if venue == SPOT else "/fapi/v1/order"

    def add_key(self, key, **rights):
        self.exchange.add_key(ApiKey(key=key, account=ACCOUNT, **rights))

    def play(self, seconds):
        """Let the market go on."""
        end_ns = self.now_ns + int(seconds * NS_PER_S)
        while self.now_ns < end_ns:
            self.now_ns = min(end_ns, max(self.now_ns + 1, self.emulator.next_due_ns()))
            while not self.emulator.advance(self.now_ns):
                pass

    def arm(self, kind, **words):
        self.emulator.arm(Fault(kind=FaultKind(kind), venue=self.venue.name, **words), self.now_ns)

    def best(self):
        """Return the best bid and ask."""
        bids, asks = self.venue.books[SYMBOL].top(1)
        return Decimal(bids[0][0]), Decimal(asks[0][0])

    def far_bid(self):
        """Return a price to buy at that rests, as text."""
        return str(self.best()[0] - 100)

    def limit(self, **words):
        """Return the parameters of a limit order to buy that rests; a word that is None is left out."""
        usual = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
        words = {**usual, "price": self.far_bid(), "newClientOrderId": "mm-1", **words}
        return {name: word for name, word in words.items() if word is not None}

    # -- REST

    def signed(self, params, secret=SECRET):
        stamped = {"timestamp": str(self.now_ns // NS_PER_MS), **params}
        query = urlencode(stamped)
        return f"{query}&signature={hmac_of(query, secret)}"

    def raw(self, method, path, query="", *, key=KEY, body=b"", **headers):
        return self.front.http(method, path, query, {"x-mbx-apikey": key, **headers}, body, self.now_ns)

    def ask(self, method, path, *, key=KEY, **params):
        """Send a signed request; return status and document."""
        reply = self.raw(method, path, self.signed({name: str(value) for name, value in params.items()}), key=key)
        return reply.status, orjson.loads(reply.body)

    def done(self, method, path, **params):
        """Return the document of a request that must be done."""
        status, document = self.ask(method, path, **params)
        assert status == 200, document
        return document

    def refused(self, method, path, **params):
        """Return status and code of a request that must not be done."""
        status, document = self.ask(method, path, **params)
        assert status != 200, document
        return status, document["code"]

    # -- sockets

    def open(self, path, **query):
        """Return a private connection."""
        return Socket(self, self.venue.open(path, query, self.emulator.next_session_id(), self.now_ns))

    def listen(self, **query):
        """Return a connection that hears the account's events, of USD-M."""
        listen_key = orjson.loads(self.raw("POST", "/fapi/v1/listenKey").body)["listenKey"]
        return self.open("/private/ws", listenKey=listen_key, **query)

    def hearing(self):
        """Return a connection that hears the account's events."""
        if self.venue.name == USDM:
            return self.listen()
        socket = self.open("/ws-api/v3")
        assert socket.signed("userDataStream.subscribe.signature")["status"] == 200
        socket.events()
        return socket


class Socket:
    """A client's end of a private connection."""

    def __init__(self, client, session):
        self.client, self.session, self._number = client, session, 0
        self.told, self.is_closed = [], False

    def send(self, method, params):
        """Send a request; return its answer, None for none."""
        self._number += 1
        request = {"id": f"r-{self._number}", "method": method, "params": params}
        self.session.receive_text(orjson.dumps(request), self.client.now_ns)
        self.hear()
        return next((each for each in self.told if each.get("id") == f"r-{self._number}"), None)

    def signed(self, method, **params):
        """Send a request signed as WebSocket APIs want it; return the answer."""
        stamped = {"apiKey": KEY, "timestamp": self.client.now_ns // NS_PER_MS, **params}
        told = {name: str(word).lower() if isinstance(word, bool) else word for name, word in stamped.items()}
        text = "&".join(f"{name}={told[name]}" for name in sorted(told))
        return self.send(method, {**stamped, "signature": hmac_of(text)})

    def log_on(self):
        """Log on with the Ed25519 key; return the answer."""
        params = {"apiKey": LOGON_KEY, "timestamp": self.client.now_ns // NS_PER_MS}
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        signature = base64.b64encode(PRIVATE.sign(text.encode())).decode()
        return self.send("session.logon", {**params, "signature": signature})

    def stamped(self, method, **params):
        """Send a request of a session that has logged on."""
        return self.send(method, {**params, "timestamp": self.client.now_ns // NS_PER_MS})

    def hear(self):
        """Take what has been said."""
        for item in self.session.data_to_send(limit=100_000):
            if isinstance(item, Send):
                self.told.append(orjson.loads(item.data))
            if isinstance(item, Ping):
                self.session.receive_pong(item.data, self.client.now_ns)
            self.is_closed = self.is_closed or isinstance(item, Close)
        return self.told

    def events(self, kind=None):
        """Return and forget the events heard, of one kind or all."""
        self.hear()
        rows = [each.get("event", each.get("data", each)) for each in self.told if "id" not in each]
        self.told = []
        return [row for row in rows if kind in (None, row["e"])]

    def orders(self):
        """Return and forget what was said of orders, in the fields that both markets share; forget the rest."""
        rows = self.events()
        return [row["o"] if row["e"] == "ORDER_TRADE_UPDATE" else row for row in rows if row["e"] in ORDER_EVENTS]
