"""The life of a venue's private sockets and of its listen key: opened, entered, pinged, followed, ended. Sans I/O.

See `links` for the table. What was under way on a socket that ends is given up through `give_up`.
"""

from collections.abc import Callable
from typing import Final

from streaming.live.commands import OpenSocket, SendText
from streaming.live.flight import Flight, Purpose
from streaming.live.links import NEVER_NS, Due, Links, PrivateSocket, SocketAction, SocketEvent, SocketState
from streaming.live.listen_key import ListenKey
from streaming.live.order_desk import OrderDesk
from streaming.live.reconcile_keeper import ReconcileKeeper
from streaming.live.ways import VenueWays
from streaming.live.wire import Wire
from streaming.live.words import Told
from streaming.recorder.commands import CloseSocket, SendPing
from streaming.venues.gateway import Action, Call, Outcome, Way

GiveUp = Callable[[Flight, str, int], None]
"""Takes a call that was under way on a socket, why the socket ended, and when."""
ENDED_BY_VENUE: Final = "the venue ended the subscription"


class SocketKeeper:
    """See the head of the file."""

    def __init__(self, wire: Wire, ways: VenueWays, desk: OrderDesk, account: ReconcileKeeper, give_up: GiveUp) -> None:
        self._wire, self._desk, self._account, self._give_up = wire, desk, account, give_up
        self._links: Links = wire.links
        self.events_way = ways.events
        """Over which the account's own events come."""
        self._listen_key = ListenKey(wire.limits.listen_key_every_ns) if ways.has_listen_key else None
        self._entries: dict[int, set[int]] = {}
        """Calls that a fresh socket waits for, by socket."""
        self._deaf_in_a_row = 0
        self.last_problem = ""

    def on_deadline(self, ts_ns: int) -> None:
        """Do what is due; call once the venue's time is known, as what is signed needs it."""
        self._keep_listen_key(ts_ns)
        self._keep_links(ts_ns)

    def next_ns(self) -> int:
        """Return when `on_deadline` has something to do."""
        key_ns = NEVER_NS if self._listen_key is None else self._listen_key.next_ns()
        return min(key_ns, self._links.next_ns())

    def opened(self, socket: PrivateSocket, ts_ns: int) -> None:
        """Take an open socket: it is sent what a fresh one must be sent."""
        self._links.opened(socket, ts_ns)
        calls = self._wire.gateway.on_open(socket.way, ts_ns)
        self._entries[socket.number] = {call.number for call in calls}
        for call in calls:
            if self._wire.send(call, Purpose.entry, ts_ns, about=socket.number, socket=socket.number):
                self.end(socket, SocketEvent.turned_away, "no budget for a logon", ts_ns)
                return
        self._maybe_entered(socket, ts_ns)

    def told(self) -> None:
        """Take note that the account's stream told of an order: it is not deaf."""
        self._deaf_in_a_row = 0

    def want(self, way: Way, ts_ns: int) -> None:
        """Open a follower of a way's socket."""
        self._links.want(way, ts_ns)

    def stop(self, ts_ns: int) -> None:
        """End every socket."""
        for socket in self._links.all():
            self.end(socket, SocketEvent.given_up, "the end", ts_ns)

    def retire_listen_key(self) -> bool:
        """Keep no listen key any more; False where the venue has none."""
        if self._listen_key is not None:
            self._listen_key.retire()
        return self._listen_key is not None

    def stream_ended(self, socket: PrivateSocket, text: str, ts_ns: int) -> None:
        """Take that the venue ended the subscription, or the key that it hangs on."""
        if self._listen_key is not None:
            self._listen_key.lost(ts_ns)
        self.end(socket, SocketEvent.given_up, text or ENDED_BY_VENUE, ts_ns)

    def renew(self, way: Way, ts_ns: int) -> None:
        """Open a way's session anew."""
        socket = self._links.serving(way) if way in self._links.ways else None
        if socket is not None:
            self.end(socket, SocketEvent.given_up, "the venue does not know this session any more", ts_ns)

    def look(self, ts_ns: int) -> None:
        """Do what an input may have made due: a deaf stream, drained sockets."""
        missed = self._desk.tracks.missed_echo(ts_ns)
        if missed is not None:
            self._deaf(missed, ts_ns)
        for socket in self._links.all():
            if socket.state is SocketState.draining:
                self._maybe_drained(socket, ts_ns)

    def on_entry(self, flight: Flight, outcome: Outcome, ts_ns: int) -> None:
        """Take an answer to what a fresh socket was sent."""
        socket = self._links.socket(flight.about)
        if socket is None:
            return
        if not outcome.is_accepted:
            self.end(socket, SocketEvent.turned_away, f"{flight.call.kind}: {outcome.code} {outcome.text}", ts_ns)
            return
        self._entries[socket.number].discard(flight.call.number)
        self._maybe_entered(socket, ts_ns)

    def on_listen_key(self, call: Call, outcome: Outcome, ts_ns: int) -> None:
        """Take what became of a question about the listen key."""
        key = self._listen_key
        assert key is not None, "only a venue with listen keys is asked for one"
        if not outcome.is_accepted:
            key.failed(ts_ns, is_gone=outcome.action is Action.renew)
            return
        if key.answered(call.kind, ts_ns):
            self._links.want(self.events_way, ts_ns)
            self._keep_links(ts_ns)

    def end(self, socket: PrivateSocket, event: SocketEvent, reason: str, ts_ns: int) -> None:
        """End a socket, and give up what is under way on it."""
        was_ready = socket.state is SocketState.ready
        is_alone = self._links.is_alone(socket)
        if self._links.ended(socket, event, ts_ns) is SocketAction.drop:
            self._wire.commands.append(CloseSocket(socket.number))
        self._entries.pop(socket.number, None)
        given_up = self._wire.flights.over(socket.number)
        if is_alone:
            self._wire.gateway.on_lost(socket.way)
        if was_ready:
            self.last_problem = f"{socket.way}: {reason}"
            self._wire.say(Told.lost, self.last_problem, ts_ns)
        if socket.way is self.events_way and self._links.serving(socket.way) is None:
            self._account.not_heard()
            self._desk.tracks.forget_echoes()
        for flight in given_up:
            self._wire.flights.pop(flight.call.number)
            if flight.purpose is not Purpose.entry:
                self._give_up(flight, reason, ts_ns)

    # --- inside ---

    def _keep_links(self, ts_ns: int) -> None:
        for way in self._links.ways:
            if self._links.is_missing(way):
                self._links.want(way, ts_ns)
        for due in self._links.due(ts_ns):
            self._keep_link(due, ts_ns)

    def _keep_link(self, due: Due, ts_ns: int) -> None:
        commands = self._wire.commands
        if due.socket is None:
            path = self._wire.gateway.user_path if due.way is Way.user_socket else self._wire.gateway.order_path
            if path is None:  # the listen key is not there yet: it wants the socket when it comes
                self._links.postpone(due.way, ts_ns)
                return
            commands.append(OpenSocket(self._links.asked(due.way, ts_ns).number, due.way, path))
        elif due.kind == "ping":
            text = self._wire.gateway.ping(due.way, due.socket.number)
            number = due.socket.number
            commands.append(SendPing(number) if text is None else SendText(number, text))
            self._links.pinged(due.socket, ts_ns)
        else:
            self.end(due.socket, SocketEvent.due, due.reason, ts_ns)

    def _maybe_entered(self, socket: PrivateSocket, ts_ns: int) -> None:
        if self._entries.get(socket.number) or socket.state is not SocketState.entering:
            return
        self._entries.pop(socket.number, None)
        before = self._links.entered(socket, ts_ns)
        if before is not None:
            self._maybe_drained(before, ts_ns)
        self._wire.say(Told.connected, f"{socket.way} is ready", ts_ns)
        if socket.way is self.events_way and before is None:
            self._account.heard(ts_ns)

    def _maybe_drained(self, socket: PrivateSocket, ts_ns: int) -> None:
        """End one that waits for nothing; of the account's events some may still be on their way over it."""
        if socket.way is not self.events_way and not self._wire.flights.over(socket.number):
            self._links.drained(socket, ts_ns)

    def _keep_listen_key(self, ts_ns: int) -> None:
        key = self._listen_key
        if key is None:
            return
        kind = key.due(ts_ns)
        if kind is None:
            return
        if self._wire.ask(kind, Purpose.listen_key, ts_ns)[1]:
            key.failed(ts_ns)

    def _deaf(self, client_order_id: int, ts_ns: int) -> None:
        """The stream did not tell of an order that the venue has acknowledged: it is worth nothing."""
        self._wire.counts.deaf += 1
        self._deaf_in_a_row += 1
        socket = self._links.serving(self.events_way)
        self._desk.tracks.forget_echoes()
        if self._listen_key is not None:
            self._listen_key.lost(ts_ns, is_suspect=self._deaf_in_a_row > 1)
        if socket is not None:
            text = self._desk.name_of(client_order_id)
            self.end(socket, SocketEvent.given_up, f"it did not tell of the acknowledged order {text}", ts_ns)
