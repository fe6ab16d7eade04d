"""The recorder of one venue without its sockets: frames, replies and time in, records and commands out.

The order of things at start and after a loss is the venues' own: subscribe first, keep what comes, then ask for the
snapshot. The engine beside the recorder asks for it when the first frame of a book has come (`Tape.news`), so a
snapshot is never older than the stream that it must join. See `lines` for connections, `desk` for snapshots,
`merge` for streams heard twice.
"""

import random
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from streaming.recorder.backoff import Backoff
from streaming.recorder.commands import Command, Fetch
from streaming.recorder.desk import DeskEvent, DeskState, SnapshotWish
from streaming.recorder.lines import Line, Lines, LinesSettings
from streaming.recorder.merge import StreamMerge
from streaming.recorder.plan import VenuePlan
from streaming.recorder.tape import FrameTape, News
from streaming.venues.budget import WeightBudget
from streaming.venues.dialect import RestRequest, Stream, StreamKind
from streaming.venues.replies import Reply, problem_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSettings:
    """Durations in ns of the shared clock."""

    lines: LinesSettings
    snapshot_retry_min_ns: int
    snapshot_retry_max_ns: int
    snapshot_check_ns: int
    hold_ns: int


@dataclass(slots=True)
class CoreCounts:
    """What was asked over REST and what was heard twice."""

    snapshot_requests: int = 0
    snapshots: int = 0
    rest_failures: int = 0
    duplicates: int = 0
    last_rest_problem: str = ""


class VenueCore:
    """See the head of the file. After each call take `take_commands`, and call `on_deadline` by `next_deadline_ns`."""

    def __init__(
        self,
        plan: VenuePlan,
        settings: CoreSettings,
        tape: FrameTape,
        budget: WeightBudget,
        rng: random.Random,
        now_ns: int,
    ) -> None:
        self._plan = plan
        self._settings = settings
        self._tape = tape
        self._budget = budget
        self._dialect = plan.dialect
        self._streams: dict[str, tuple[str, Stream]] = {
            stream.name: (line.route, stream) for line in plan.lines for stream in line.streams
        }
        self._merges: dict[str, StreamMerge] = {}
        self._merged_routes: dict[str, int] = {}
        self._wishes = [
            SnapshotWish(
                Backoff(rng, settings.snapshot_retry_min_ns, settings.snapshot_retry_max_ns), settings.snapshot_check_ns
            )
            for _ in plan.header.instruments
        ]
        self.counts = CoreCounts()
        self.lines = Lines(plan.dialect, plan.lines, settings.lines, rng, now_ns)
        self._books = {name for name, (_, stream) in self._streams.items() if stream.kind is StreamKind.book}
        self.last_book, self.last_book_ns = b"", now_ns
        """The last book frame and when it came: its own time tells the lag."""

    @property
    def is_synced(self) -> bool:
        """True when every book is whole, those left out of which the venue trades nothing."""
        return not self.unsynced()

    def unsynced(self) -> list[tuple[str, int]]:
        """Return the instruments without a whole book, each with the snapshots asked for in this episode."""
        entries = self._plan.header.instruments
        return [
            (entry.name, self._wishes[entry.id].attempts)
            for entry in entries
            if entry.symbol not in self.lines.resting and not self._tape.is_synced(entry.id)
        ]

    def resting(self) -> tuple[str, ...]:
        """Return the instruments that the venue does not trade now."""
        return tuple(entry.name for entry in self._plan.header.instruments if entry.symbol in self.lines.resting)

    def set_listed(self, trading: AbstractSet[str], halted: AbstractSet[str]) -> None:
        """Take what exchange information says: a halted symbol need not speak, one not listed is not asked for."""
        symbols = {entry.symbol for entry in self._plan.header.instruments}
        self.lines.resting.clear()
        self.lines.resting.update(symbols - trading)
        self.lines.unlisted.clear()
        self.lines.unlisted.update(symbols - trading - halted)

    @property
    def doubts(self) -> int:
        """Count what may mean that the venue's instruments changed: refusals, and books silent beside others."""
        return self.lines.counts.refused + self.lines.counts.renewed

    def take_commands(self) -> list[Command]:
        """Take what the shell must do, in order."""
        commands, self.lines.commands = self.lines.commands, []
        return commands

    # --- sockets ---

    def on_open(self, socket: int, now_ns: int) -> None:
        """A socket is open."""
        self.lines.opened(socket, now_ns)
        self._watch_paths(now_ns)

    def on_text(self, socket: int, data: bytes, now_ns: int) -> None:
        """A whole message came."""
        line = self.lines.line_of(socket)
        if line is None:  # of a connection that was given up
            return
        name = self._dialect.stream_of(data)
        if name is None:
            self.lines.control(line, self._dialect.control_of(data), now_ns)
            self._watch_paths(now_ns)
            return
        if name in self._books:
            self.last_book, self.last_book_ns = data, now_ns
        if self._merged_routes:
            self._merge(line, name, data, now_ns)
        else:
            self._write(line.spec.source, data, now_ns)
        if self.lines.heard(line, name, now_ns):
            self._watch_paths(now_ns)

    def on_pong(self, socket: int, now_ns: int) -> None:
        """A websocket pong came."""
        self.lines.pong(socket, now_ns)

    def on_lost(self, socket: int, reason: str, now_ns: int) -> None:
        """A socket ended or could not be opened."""
        self.lines.lost(socket, reason, now_ns)
        self._watch_paths(now_ns)

    # --- REST ---

    def on_reply(self, request: RestRequest, reply: Reply, now_ns: int) -> None:
        """A reply came; it is a frame when it is whole, else a failed try."""
        self._budget.on_reply(reply, now_ns)
        problem = problem_of(request, reply)
        if problem is not None:
            self.on_fetch_failed(request, f"{request.target}: {problem}", now_ns)
            return
        self.counts.snapshots += 1
        instrument = self._plan.instrument_id(request.symbol)
        self._wishes[instrument].fire(DeskEvent.answered, now_ns)
        self._write(self._plan.depth_source(request.symbol), reply.body, now_ns)
        if self._tape.is_synced(instrument):
            self._on_synced(instrument, now_ns)

    def on_fetch_failed(self, request: RestRequest, problem: str, now_ns: int) -> None:
        """A request brought nothing that can be used."""
        self.counts.rest_failures += 1
        self.counts.last_rest_problem = problem
        self._wishes[self._plan.instrument_id(request.symbol)].fire(DeskEvent.failed, now_ns)

    def on_listing_asked(self, request: RestRequest, now_ns: int) -> None:
        """Exchange information was asked for again."""
        self._tape.request(self._plan.exchange_info_source, now_ns, f"GET {request.target}".encode())

    def on_listing(self, body: bytes, now_ns: int) -> None:
        """Exchange information came again."""
        if body:
            self._write(self._plan.exchange_info_source, body, now_ns)

    def on_listing_failed(self, problem: str) -> None:
        """Exchange information was asked for again in vain; it will be asked for once more."""
        self.counts.rest_failures += 1
        self.counts.last_rest_problem = f"exchange information: {problem}"

    # --- time ---

    def next_deadline_ns(self) -> int | None:
        """Return when `on_deadline` has something to do."""
        times = [self.lines.next_deadline_ns()]
        times += [wish.due_ns for wish in self._wishes]
        times += [merge.next_deadline_ns() for merge in self._merges.values()]
        return min((ts_ns for ts_ns in times if ts_ns is not None), default=None)

    def on_deadline(self, now_ns: int) -> None:
        """Do what is due."""
        self.lines.on_deadline(now_ns)
        self._watch_paths(now_ns)
        for name, merge in self._merges.items():
            self._write_all(self._source_of(name), merge.expire(now_ns), now_ns)
        for instrument, wish in enumerate(self._wishes):
            if wish.is_due(now_ns):
                self._on_wish_due(instrument, wish, now_ns)

    def stop(self, now_ns: int) -> None:
        """Write what is held and close every connection."""
        self._end_merges(list(self._merged_routes), now_ns)
        self.lines.retire_all(now_ns)

    # --- inside ---

    def _write(self, source: int, data: bytes, now_ns: int) -> None:
        if self._tape.frame(source, now_ns, data):
            self._hear(self._tape.news(), now_ns)

    def _write_all(self, source: int, frames: Sequence[bytes], now_ns: int) -> None:
        for data in frames:
            self._write(source, data, now_ns)

    def _hear(self, news: News, now_ns: int) -> None:
        for instrument in news.synced:
            self._on_synced(instrument, now_ns)
        for instrument in news.wanted:
            self._wishes[instrument].fire(DeskEvent.wanted, now_ns)
            if self._wishes[instrument].is_due(now_ns):
                self._on_wish_due(instrument, self._wishes[instrument], now_ns)

    def _on_synced(self, instrument: int, now_ns: int) -> None:
        self._wishes[instrument].fire(DeskEvent.synced, now_ns)

    def _on_wish_due(self, instrument: int, wish: SnapshotWish, now_ns: int) -> None:
        if wish.state is DeskState.checking:
            wish.fire(DeskEvent.due, now_ns)
            return
        symbol = self._plan.header.instruments[instrument].symbol
        if symbol in self.lines.resting:
            wish.postpone(self._settings.snapshot_retry_max_ns, now_ns)
            return
        request = self._dialect.depth(symbol)
        if request is None:
            self._subscribe_anew(symbol, wish, now_ns)
            return
        wait_ns = self._budget.wait_ns(request.weight, now_ns)
        if wait_ns:
            wish.postpone(wait_ns, now_ns)
            return
        self._budget.take(request.weight, now_ns)
        wish.fire(DeskEvent.sent, now_ns)
        self.counts.snapshot_requests += 1
        self._tape.request(self._plan.depth_source(symbol), now_ns, f"GET {request.target}".encode())
        self.lines.commands.append(Fetch(request))

    def _subscribe_anew(self, symbol: str, wish: SnapshotWish, now_ns: int) -> None:
        """Ask for a pushed snapshot; where no connection carries the book, the next one will push it by itself."""
        names = [name for name, (_, stream) in self._streams.items() if _is_book_of(stream, symbol)]
        wish.fire(DeskEvent.sent, now_ns)
        self.counts.snapshot_requests += self.lines.subscribe_anew(names, now_ns)
        wish.fire(DeskEvent.answered, now_ns)

    # --- streams heard twice ---

    def _merge(self, line: Line, name: str, data: bytes, now_ns: int) -> None:
        merge = self._merges.get(name)
        if merge is None:
            self._write(line.spec.source, data, now_ns)
            return
        before = merge.duplicates
        self._write_all(
            line.spec.source, merge.offer(line.socket, self._dialect.ids_of(merge.kind, data), data, now_ns), now_ns
        )
        self.counts.duplicates += merge.duplicates - before

    def _watch_paths(self, now_ns: int) -> None:
        """Begin to merge where a second connection opened, end where one is left."""
        for route in {line.spec.route for line in self.lines.lines}:
            sockets = self.lines.open_sockets(route)
            if len(sockets) > 1 and route not in self._merged_routes:
                self._merged_routes[route] = sockets[0]
                for name, (own, stream) in self._streams.items():
                    if own == route:
                        self._merges[name] = StreamMerge(stream.kind, sockets[0], self._settings.hold_ns)
            elif len(sockets) <= 1 and route in self._merged_routes:
                self._end_merges([route], now_ns)

    def _end_merges(self, routes: Sequence[str], now_ns: int) -> None:
        for route in routes:
            del self._merged_routes[route]
            for name in [name for name, (own, _) in self._streams.items() if own == route]:
                self._write_all(self._source_of(name), self._merges.pop(name).flush(), now_ns)

    def _source_of(self, name: str) -> int:
        route = self._streams[name][0]
        return next(line.spec.source for line in self.lines.lines if line.spec.route == route)


def _is_book_of(stream: Stream, symbol: str) -> bool:
    return stream.kind is StreamKind.book and stream.symbol == symbol
