"""One venue of the emulator: its books, its clients, and the faults between them. No I/O, time an argument."""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from streaming.emulator.binance_views import IndexOf, binance_views
from streaming.emulator.bybit_views import make_bybit_view, snapshot_message
from streaming.emulator.dialects import BinanceDialect, BybitDialect
from streaming.emulator.exchange.exchange import Exchange
from streaming.emulator.faults import Fault, FaultKind, FaultLog, FaultRecord, VenueFaults
from streaming.emulator.orders_binance.front import BinanceFront
from streaming.emulator.orders_bybit.front import BybitFront
from streaming.emulator.orders_front import FrontVenue, OrderFront
from streaming.emulator.rest import NS_PER_MS, Query, Reply, RestDesk, RestVenue
from streaming.emulator.rest_forms import REST_FORMS
from streaming.emulator.session import NEVER_NS, NS_PER_S, Dialect, Ending, Session, SessionRules
from streaming.emulator.source import Snapshot
from streaming.emulator.streams import BYBIT, DepthChange, DepthIds, MarketFrame, is_depth, renumbered, symbol_of
from streaming.emulator.true_book import TrueBook
from streaming.emulator.views import MakeView, StreamViews
from streaming.segments import InstrumentEntry

SESSION_RULES = {
    "binance_usdm": SessionRules(ping_every_ns=180 * NS_PER_S, pong_within_ns=600 * NS_PER_S, requests_per_s=10),
    "binance_spot": SessionRules(
        ping_every_ns=20 * NS_PER_S,
        pong_within_ns=60 * NS_PER_S,
        requests_per_s=5,
        shutdown_notice_ns=10 * NS_PER_S,
    ),
    "bybit_spot": SessionRules(ping_every_ns=None, idle_ns=600 * NS_PER_S, requests_per_s=500, lifetime_ns=NEVER_NS),
}
"""What each venue documents."""
CONNECTIONS_MAX = {"binance_usdm": 300, "binance_spot": 300, "bybit_spot": 500}
"""Connections opened in five minutes."""
CONNECTIONS_WINDOW_NS = 300 * NS_PER_S
ENDED_KEPT_MAX = 10_000


class Venue:
    """A venue as its clients see it. The caller gives it frames in order of time, requests, and what clients say."""

    def __init__(
        self,
        name: str,
        entries: Sequence[InstrumentEntry],
        log: FaultLog,
        rules: SessionRules | None = None,
        index_of: IndexOf = lambda symbol: None,
    ) -> None:
        self.name = name
        self.rules = rules or SESSION_RULES[name]
        self.books = {entry.symbol: TrueBook(name, entry.symbol) for entry in entries}
        self.faults = VenueFaults(name, log)
        self.views = StreamViews(self.books, symbol_of, _make_view(name, index_of))
        self.rest = RestDesk(
            RestVenue(name, entries, self.books, self.faults, self.views.tapes, index_of, self._is_halted),
            REST_FORMS[name],
        )
        self.exchange = Exchange(name, entries, self.books, self.faults)
        self.order_front: OrderFront = _FRONTS[name](FrontVenue(name, self.exchange, self.rest))
        """The private side: signed requests, order sockets, account events."""
        self.sessions: dict[int, Session] = {}
        self.ended: deque[Session] = deque(maxlen=ENDED_KEPT_MAX)
        """Sessions that ended, for the log; the oldest are forgotten."""
        self.counts: Counter[str] = Counter()
        """`frames` published, `sent` to clients, `withheld`, `opened`, `refused`, and each `ended_<why>`."""
        self._dialect = self._open_dialect()
        self._opened_ns: deque[int] = deque()
        self._id_offsets: dict[str, int] = {}
        self._stalled: dict[int, FaultRecord] = {}
        self._depth_streams: dict[str, str] = {}
        """By symbol: the depth stream of the source that its book is made from, the first that was seen."""
        self._restarting: dict[str, FaultRecord] = {}
        """Instruments whose venue has restarted and whose next depth frame will say so."""

    def open(self, path: str, query: Query, session_id: int, now_ns: int) -> Session | Reply:
        """Return the session of a new websocket, or the refusal of its handshake."""
        opened = self._opened_ns
        while opened and opened[0] <= now_ns - CONNECTIONS_WINDOW_NS:
            opened.popleft()
        if len(opened) >= CONNECTIONS_MAX[self.name]:
            self.counts["refused"] += 1
            return Reply(429, b"", {"Retry-After": "300"})
        private = self.order_front.open(path, query, session_id, now_ns)
        if private is not None:
            return self._opened_private(private, now_ns)
        found = read_path(self.name, path, query)
        if found is None:
            self.counts["refused"] += 1
            return Reply(404, b"")
        opened.append(now_ns)
        route, is_combined, streams = found
        session = Session(session_id, self._dialect, self.rules, now_ns, dict.fromkeys(streams), is_combined, route)
        self.sessions[session_id] = session
        self.counts["opened"] += 1
        return session

    def _opened_private(self, found: Session | Reply, now_ns: int) -> Session | Reply:
        """Take a private session in; its life and its pongs are bounded as this venue's are."""
        if isinstance(found, Reply):
            self.counts["refused"] += 1
            return found
        rules = found.rules
        found.rules = replace(
            rules,
            lifetime_ns=min(rules.lifetime_ns, self.rules.lifetime_ns),
            pong_within_ns=max(rules.pong_within_ns, self.rules.pong_within_ns) if rules.pong_within_ns else 0,
        )
        found.is_private = True
        self._opened_ns.append(now_ns)
        self.sessions[found.id] = found
        self.counts["opened"] += 1
        return found

    def close(self, session: Session, now_ns: int) -> None:
        """Forget a session whose connection is gone."""
        if session.is_private:
            self.order_front.close(session, now_ns)
        session.end(Ending.client, now_ns, code=0)
        assert session.ending is not None
        if self.sessions.pop(session.id, None) is not None:
            self.counts[f"ended_{session.ending.value}"] += 1
            self.ended.append(session)
        self._stalled.pop(session.id, None)

    def grant_pongs(self, at_least_ns: int) -> None:
        """Give pongs of connections opened from now on at least this long."""
        self.rules = replace(self.rules, pong_within_ns=max(self.rules.pong_within_ns, at_least_ns))

    def bridge(self, snapshot: Snapshot) -> None:
        """Take a REST snapshot of the source."""
        book = self.books.get(snapshot.symbol)
        if book is not None:
            book.bridge(snapshot.change, snapshot.ts_ns)

    def publish(self, frame: MarketFrame) -> None:
        """Apply a message of the source to its book; send it, and what is made of it, to whoever subscribed."""
        if frame.depth is not None and self._depth_streams.setdefault(frame.symbol, frame.stream) != frame.stream:
            return  # the same book told a second time by the source: it is made from the first
        self.counts["frames"] += 1
        targets = self._targets(frame)
        self._want()
        if frame.depth is not None:
            frame = self._applied(frame, frame.depth, targets)
        self.exchange.on_frame(frame)
        self.order_front.push(frame.ts_ns)
        self._send(frame, targets)
        for made in self.views.take(frame):
            self._send(made, self._targets(made))

    def close_windows(self, ts_ns: int) -> None:
        """Send what the streams that are made of others say until `ts_ns`."""
        for made in self.views.close_windows(ts_ns):
            self._send(made, self._targets(made))

    def _is_halted(self, symbol: str) -> bool:
        return self.exchange.is_halted(symbol)

    def _targets(self, frame: MarketFrame) -> list[Session]:
        return [each for each in self.sessions.values() if each.ending is None and self._dialect.wants(each, frame)]

    def _want(self) -> None:
        self.views.want({stream for each in self.sessions.values() if each.ending is None for stream in each.streams})

    def _is_viewed(self, symbol: str) -> bool:
        """Tell whether a client has the book by a stream that is made of the source's."""
        streams = [stream for each in self.sessions.values() if each.ending is None for stream in each.streams]
        return any(is_depth(stream) and symbol_of(stream) == symbol for stream in streams)

    def _told(self, session: Session, topic: str) -> tuple[bytes, int] | None:
        """Return what a new subscriber of a Bybit topic is told at once."""
        symbol = symbol_of(topic)
        if topic == self._depth_streams.get(symbol):
            state = self.books[symbol].state()
            return None if state is None else (snapshot_message(topic, state), state.last_id)
        self._want()
        return self.views.snapshot(topic)

    def _send(self, frame: MarketFrame, targets: Sequence[Session]) -> None:
        """Send a message to whoever subscribed, faults permitting."""
        if not targets:
            return
        dropped, repeated = self._struck(frame, targets)
        skew_ms = self.faults.skew_ms(frame.ts_ns)
        for session in targets:
            if session.id in dropped or session.mute_until_ns > frame.ts_ns:
                self.counts["withheld"] += 1
                self._lose(frame, session, dropped.get(session.id) or self._stalled[session.id])
                continue
            for _ in range(2 if session.id in repeated else 1):
                session.deliver(frame, skew_ms)
                self.counts["sent"] += 1

    def handle_deadlines(self, now_ns: int) -> None:
        """Do what is due on connections and accounts: pings, rotation, faults that hit connections, countdowns."""
        if now_ns >= min(self.exchange.next_due_ns(), self.order_front.next_due_ns()):
            self.exchange.advance(now_ns)
            self.order_front.push(now_ns)
        for session in self.sessions.values():
            session.handle_deadline(now_ns)
        for kind in (FaultKind.disconnect, FaultKind.stall):
            armed = self.faults.waiting(kind)
            if armed is not None:
                self._hit_connections(armed, now_ns)

    def next_deadline_ns(self) -> int:
        """Return when `handle_deadlines` is due."""
        due = [session.next_deadline_ns() for session in self.sessions.values()]
        return min([*due, self.exchange.next_due_ns(), self.order_front.next_due_ns()])

    def _open_dialect(self) -> Dialect:
        if self.name == BYBIT:
            return BybitDialect(frozenset(self.books), self._told)
        is_spot = self.name == "binance_spot"
        return BinanceDialect(wraps_errors=not is_spot, has_shutdown_notice=is_spot)

    def _applied(self, frame: MarketFrame, change: DepthChange, targets: Sequence[Session]) -> MarketFrame:
        """Apply a depth frame; return it as clients get it, which after a restart of Bybit is not as it came."""
        book = self.books.get(frame.symbol)
        if book is None:
            return frame
        if self.name == BYBIT:
            if change.is_snapshot:
                self._id_offsets.pop(frame.symbol, None)
            frame = self._renumbered(frame, change)
        assert frame.depth is not None
        book.apply(frame.depth, frame.ts_ns)
        due = self._due_restart(frame, targets) if book.is_known else None
        return frame if due is None else self._restarted(frame, change, due)

    def _due_restart(self, frame: MarketFrame, targets: Sequence[Session]) -> FaultRecord | None:
        """Return the restart that strikes this depth frame; the first of a whole venue strikes one that is heard."""
        under_way = self._restarting.pop(frame.symbol, None)
        if under_way is not None:
            return under_way
        armed = self.faults.waiting(FaultKind.server_restart, frame.symbol)
        if armed is None or not (targets or self._is_viewed(frame.symbol)):
            return None
        if armed.fault.symbol is None:
            self._restarting = {symbol: armed for symbol in self.books if symbol != frame.symbol}
        self.faults.strike(armed, frame.ts_ns)
        return armed

    def _renumbered(self, frame: MarketFrame, change: DepthChange) -> MarketFrame:
        offset = self._id_offsets.get(frame.symbol, 0)
        return renumbered(frame, change.ids.last - offset) if offset else frame

    def _restarted(self, frame: MarketFrame, change: DepthChange, armed: FaultRecord) -> MarketFrame:
        """Return the snapshot with `u` 1 that stands for the depth frame `frame`, which is applied."""
        book = self.books[frame.symbol]
        state = book.state()
        assert state is not None
        self._id_offsets[frame.symbol] = change.ids.last - 1
        state = replace(state, last_id=1)
        ids = DepthIds(1, 1, 0, state.sequence)
        snapshot = DepthChange(ids, True, state.bids, state.asks, state.ts_event_ms, state.ts_engine_ms)
        book.apply(snapshot, frame.ts_ns)
        armed.last_id = change.ids.last
        armed.restarts.setdefault(frame.symbol, []).append(change.ids.last)
        hearing = [each.id for each in self.sessions.values() if frame.stream in each.streams]
        armed.connections += [number for number in hearing if number not in armed.connections]
        payload = snapshot_message(frame.stream, state)
        return MarketFrame(frame.venue, frame.symbol, frame.stream, payload, frame.ts_ns, snapshot)

    def _struck(self, frame: MarketFrame, targets: Sequence[Session]) -> tuple[dict[int, FaultRecord], set[int]]:
        """Return which sessions a depth frame is withheld from, by which fault, and which get it twice."""
        if frame.depth is None:
            return {}, set()
        hearing = [session for session in targets if session.mute_until_ns <= frame.ts_ns]
        hit: dict[FaultKind, dict[int, FaultRecord]] = {}
        for kind in (FaultKind.drop_depth, FaultKind.repeat_depth):
            armed = self.faults.waiting(kind, frame.symbol)
            chosen = _chosen(armed.fault, hearing) if armed is not None else []
            hit[kind] = {session.id: armed for session in chosen if armed is not None}
            if armed is not None and chosen:
                armed.connections += [each.id for each in chosen if each.id not in armed.connections]
                armed.last_id = frame.depth.ids.last
                self.faults.strike(armed, frame.ts_ns)
                break  # one fault a frame: a frame withheld cannot be repeated
        return hit[FaultKind.drop_depth], set(hit.get(FaultKind.repeat_depth, {}))

    def _lose(self, frame: MarketFrame, session: Session, record: FaultRecord) -> None:
        if frame.depth is None:
            record.other_frames += 1
            return
        ids = frame.depth.ids
        record.lose(session.id, frame.symbol, (ids.first, ids.last, ids.previous), frame.ts_ns)

    def _hit_connections(self, armed: FaultRecord, now_ns: int) -> None:
        fault = armed.fault
        open_sessions = [
            each for each in self.sessions.values() if each.ending is None and (each.streams or each.is_private)
        ]
        hearing = [each for each in open_sessions if each.mute_until_ns <= now_ns]
        chosen = _chosen(fault, open_sessions if fault.kind is FaultKind.disconnect else hearing)
        if not chosen:
            return
        armed.connections += [session.id for session in chosen]
        for session in chosen:
            if fault.kind is FaultKind.disconnect:
                session.end(Ending.fault, now_ns, code=0)
                continue
            session.mute_until_ns = now_ns + fault.duration_ms * NS_PER_MS
            self._stalled[session.id] = armed
        self.faults.strike(armed, now_ns)
        if fault.kind is FaultKind.stall:
            armed.ts_ended_ns = now_ns + fault.duration_ms * NS_PER_MS


_FRONTS: dict[str, Callable[[FrontVenue], OrderFront]] = {
    "binance_usdm": BinanceFront,
    "binance_spot": BinanceFront,
    "bybit_spot": BybitFront,
}


def _make_view(venue: str, index_of: IndexOf) -> MakeView:
    return make_bybit_view if venue == BYBIT else binance_views(venue, index_of)


def _chosen(fault: Fault, sessions: Sequence[Session]) -> list[Session]:
    """Return the sessions that a fault is meant for; they come in the order in which they were opened."""
    if fault.connections == "all":
        return [*sessions]
    if fault.connections == "one":
        return [*sessions[:1]]
    return [session for session in sessions if session.id == int(fault.connections)]


USDM_ROUTES = ("public", "market", "private")
"""The third opens, as the official client opens it always, and carries nothing public."""


def read_path(venue: str, path: str, query: Mapping[str, str]) -> tuple[str, bool, list[str]] | None:
    """Return route, whether streams are combined, and the streams that a websocket address names; None if unknown."""
    if venue == BYBIT:
        return ("", False, []) if path == "/v5/public/spot" else None
    route = ""
    if venue == "binance_usdm":
        named, slash, rest = path[1:].partition("/")
        route, path = (named, slash + rest) if named in USDM_ROUTES else ("public", path)
    if path == "/stream":
        return route, True, [stream for stream in query.get("streams", "").split("/") if stream]
    if path == "/ws" or path.startswith("/ws/"):
        return route, False, [stream for stream in path[4:].split("/") if stream]
    return None
