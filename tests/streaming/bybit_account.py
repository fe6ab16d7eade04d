"""A client of the emulated Bybit's private side, in memory: signs requests as v5 documents, and reads what is told."""

import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import urlencode

import orjson

from streaming.emulator.exchange.accounts import ApiKey, FeeRates
from streaming.emulator.market import MarketEmulator
from streaming.emulator.orders_bybit.front import BybitFront
from streaming.emulator.rest import Reply
from streaming.emulator.session import Close, Send, Session
from streaming.emulator.source import EndlessMarket

START_NS = 1_767_571_200_000_000_000
MS, S = 1_000_000, 1_000_000_000
SYMBOL = "BTCUSDT"
Json = dict[str, object]


class BybitAccount:
    """One account at one venue whose market stands still until `play`."""

    def __init__(self, held: Mapping[str, str] | None = None, **key: object) -> None:
        self.emulator = MarketEmulator(EndlessMarket(1, START_NS))
        self.now_ns = self.emulator.prime()
        self.venue = self.emulator.venues["bybit_spot"]
        front = self.venue.order_front
        assert isinstance(front, BybitFront)
        self.front = front
        self.key, self.secret, self.account = "judge-key", "judge-secret", "70001"
        coins = held or {"USDT": "100000", "BTC": "2"}
        self.exchange = front.exchange
        self.exchange.open_account(self.account, {name: Decimal(size) for name, size in coins.items()}, self.now_ns)
        self.exchange.add_key(ApiKey(key=self.key, account=self.account, secret=self.secret, **key))  # type: ignore[arg-type]
        self.exchange.set_fees(self.account, SYMBOL, FeeRates(maker=Decimal("0.001"), taker=Decimal("0.001")))
        self._session_id = 1_000

    def play(self, for_ns: int) -> None:
        """Let the market go on."""
        self.now_ns += for_ns
        while not self.emulator.advance(self.now_ns):
            pass
        self.front.push(self.now_ns)

    def ask(self, method: str, path: str, params: Mapping[str, object] | None = None, **changed: str) -> Reply:
        """Send a signed request; `changed` replaces a header after signing (names with `_` for `-`)."""
        query = urlencode(params or {}) if method == "GET" else ""
        body = b"" if method == "GET" else orjson.dumps(params or {})
        stamp, window = str(self.now_ns // MS), "5000"
        signed = f"{stamp}{self.key}{window}{query or body.decode()}"
        headers = {
            "x-bapi-api-key": self.key,
            "x-bapi-timestamp": stamp,
            "x-bapi-recv-window": window,
            "x-bapi-sign": self.signed(signed),
        }
        headers |= {name.replace("_", "-"): value for name, value in changed.items()}
        return self.front.http(method, path, query, headers, body, self.now_ns)

    def post(self, path: str, **params: object) -> Json:
        """Return the document that a request of spot is answered."""
        return document(self.ask("POST", f"/v5/{path}", {"category": "spot", **params}))

    def get(self, path: str, **params: object) -> Json:
        """Return the document that a question about spot is answered."""
        return document(self.ask("GET", f"/v5/{path}", {"category": "spot", **params}))

    def rows(self, path: str, **params: object) -> list[Json]:
        """Return the list of an answer."""
        found = self.get(path, **params)
        assert found["retCode"] == 0, found
        return found["result"]["list"]  # type: ignore[index, no-any-return]

    def limit(self, price: str | Decimal, size: str = "0.01", side: str = "Buy", **more: object) -> Json:
        """Return the parameters of a limit order."""
        order = {"symbol": SYMBOL, "side": side, "orderType": "Limit", "qty": size, "price": str(price)}
        return {**order, **more}

    def best(self) -> tuple[Decimal, Decimal]:
        """Return the best bid and ask."""
        bids, asks = self.venue.books[SYMBOL].top(1)
        return Decimal(bids[0][0]), Decimal(asks[0][0])

    def passive(self) -> Decimal:
        """Return a price to buy at that nobody sells at."""
        return self.best()[0] - 50

    def signed(self, text: str) -> str:
        """Return the signature of a text."""
        return hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    def open(self, path: str, query: Mapping[str, str] | None = None) -> Session:
        """Return the session of a new connection."""
        self._session_id += 1
        session = self.front.open(path, query or {}, self._session_id, self.now_ns)
        assert isinstance(session, Session)
        return session

    def logged_on(self, path: str, *topics: str) -> Session:
        """Return a connection that has said who it is and what it wants to hear; its answers are read."""
        session = self.open(path)
        expires = self.now_ns // MS + 10_000
        self.say(session, op="auth", args=[self.key, expires, self.signed(f"GET/realtime{expires}")])
        if topics:
            self.say(session, op="subscribe", args=[*topics])
        said = heard(session)
        assert all(each.get("success", each.get("retCode") == 0) for each in said), said
        return session

    def say(self, session: Session, **request: object) -> None:
        """Send a message on a connection."""
        session.receive_text(orjson.dumps(request), self.now_ns)

    def order_request(self, session: Session, name: str, request_id: str, **params: object) -> Json:
        """Send an order's request on the trade socket and return the answer."""
        header = {"X-BAPI-TIMESTAMP": str(self.now_ns // MS)}
        self.say(session, reqId=request_id, header=header, op=name, args=[{"category": "spot", **params}])
        return heard(session)[-1]


def document(reply: Reply) -> Json:
    """Return what an answer says."""
    found: Json = orjson.loads(reply.body)
    return found


def heard(session: Session) -> list[Json]:
    """Return what a connection was sent since the last call."""
    return [orjson.loads(item.data) for item in session.data_to_send(10_000) if isinstance(item, Send)]


def told(session: Session, topic: str) -> list[Json]:
    """Return the rows of one topic that a connection was sent since the last call; other messages are dropped."""
    return [row for each in heard(session) if each.get("topic") == topic for row in each["data"]]  # type: ignore[attr-defined]


def is_closed(session: Session) -> bool:
    """Tell whether the last thing a connection was sent is its end."""
    return any(isinstance(item, Close) for item in session.data_to_send(10_000))
