"""The emulator as a machine, without sockets: a time that the test moves, and clients of it."""

import orjson

from streaming.emulator.market import MarketEmulator
from streaming.emulator.session import NS_PER_S, Send
from streaming.emulator.source import EndlessMarket

START_NS = 1_767_571_200_000_000_000
USDM, SPOT, BYBIT = "binance_usdm", "binance_spot", "bybit_spot"


class Bench:
    """An emulator, a time, and clients of it."""

    def __init__(self, rules=None):
        self.emulator = MarketEmulator(EndlessMarket(3, START_NS), rules)
        self.now_ns = self.emulator.prime()

    def open(self, venue, path, query=None):
        return self.emulator.venues[venue].open(path, query or {}, self.emulator.next_session_id(), self.now_ns)

    def ask(self, session, **request):
        session.receive_text(orjson.dumps(request), self.now_ns)
        return texts(session)

    def wait(self, seconds):
        """Let time pass in small turns, as servers do, and drop what sessions say."""
        end_ns = self.now_ns + int(seconds * NS_PER_S)
        while self.now_ns < end_ns:
            self.now_ns = min(end_ns, max(self.now_ns + 1, self.emulator.next_due_ns()))
            while not self.emulator.advance(self.now_ns):
                pass


def outgoing(session):
    return session.data_to_send(limit=1_000_000)


def texts(session):
    return [orjson.loads(item.data) for item in outgoing(session) if isinstance(item, Send)]
