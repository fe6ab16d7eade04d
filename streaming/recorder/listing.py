"""Asking for exchange information: at the start until it is there, then every so often, sooner upon doubt. Sans I/O.

Rules. A failed try is repeated after a pause that doubles up to a cap. A reply is good when it is whole and every
instrument that it lists can be read. A venue that refuses the request because it does not list one of several symbols
(Binance spot) is asked for each of them alone, then for those that it lists. A doubt (a refused subscription, one book
silent beside others) has the question asked at once, but `soon_ns` after the last answer at the earliest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from streaming.recorder.backoff import Backoff
from streaming.venues.dialect import Dialect, RestRequest
from streaming.venues.exchange_info import Listing, listings
from streaming.venues.replies import Reply, is_unlisted, problem_of


@dataclass(frozen=True, slots=True)
class Listed:
    """What the venue lists of the symbols asked for."""

    listings: dict[str, Listing]
    body: bytes
    """The reply as it came; empty when none of the symbols is listed."""

    @property
    def trading(self) -> frozenset[str]:
        """Symbols that are traded now."""
        return frozenset(symbol for symbol, listing in self.listings.items() if listing.is_trading)

    @property
    def halted(self) -> frozenset[str]:
        """Symbols that are listed and not traded now."""
        return frozenset(self.listings) - self.trading


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingSettings:
    """Durations in ns of the shared clock."""

    every_ns: int
    soon_ns: int


@dataclass(slots=True)
class _Round:
    """One question with all its requests."""

    to_ask_alone: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    is_whole_asked: bool = False


class ListingDesk:
    """See the head of the file. When `is_due`, send `request()`; tell what came by `on_reply` or `on_failed`."""

    def __init__(
        self, dialect: Dialect, symbols: Sequence[str], settings: ListingSettings, backoff: Backoff, now_ns: int
    ) -> None:
        self._dialect = dialect
        self._symbols = tuple(symbols)
        self._settings = settings
        self._backoff = backoff
        self._round = _Round()
        self._answered_ns: int | None = None
        self.due_ns: int | None = now_ns
        """When to ask; None while an answer is awaited."""
        self.failures = 0
        self.problem = "no answer"
        """What was wrong with the last try that failed."""

    def is_due(self, now_ns: int) -> bool:
        """Tell whether it is time to ask."""
        return self.due_ns is not None and now_ns >= self.due_ns

    def next_request(self) -> RestRequest:
        """Return what to ask, without asking."""
        asked = self._round
        if not asked.is_whole_asked:
            return self._dialect.exchange_info(self._symbols)
        return self._dialect.exchange_info(asked.to_ask_alone[:1] or asked.listed)

    def request(self) -> RestRequest:
        """Return what to ask now; one answer is owed."""
        request, self.due_ns = self.next_request(), None
        return request

    def postpone(self, wait_ns: int, now_ns: int) -> None:
        """Ask later: the budget is spent."""
        self.due_ns = now_ns + wait_ns

    def on_failed(self, problem: str, now_ns: int) -> None:
        """A try brought nothing that can be used."""
        self.failures += 1
        self.problem = problem
        self.due_ns = now_ns + self._backoff.next_ns()

    def on_reply(self, request: RestRequest, reply: Reply, now_ns: int) -> Listed | None:
        """Take a reply; None when it ends nothing: a failed try, or one of several requests."""
        if is_unlisted(reply):
            return self._on_unlisted(now_ns)
        problem = problem_of(request, reply)
        if problem is not None:
            self.on_failed(problem, now_ns)
            return None
        try:
            found = listings(self._dialect.venue, self._symbols, reply.body)
        except ValueError as error:
            self.on_failed(str(error), now_ns)
            return None
        if self._round.to_ask_alone:
            return self._on_asked_alone(now_ns, is_listed=True)
        return self._end(Listed(found, reply.body), now_ns)

    def doubt(self, now_ns: int) -> None:
        """Ask soon: what the venue lists may have changed."""
        if self.due_ns is not None and self._answered_ns is not None:
            self.due_ns = min(self.due_ns, max(now_ns, self._answered_ns + self._settings.soon_ns))

    def _on_unlisted(self, now_ns: int) -> Listed | None:
        if len(self._symbols) == 1:
            return self._end(Listed({}, b""), now_ns)
        if self._round.to_ask_alone:
            return self._on_asked_alone(now_ns, is_listed=False)
        if self._round.is_whole_asked:  # one more has gone since it was asked for alone
            self._round = _Round()
            self.on_failed("the venue's list changed while it was read", now_ns)
            return None
        self._round = _Round(to_ask_alone=list(self._symbols), is_whole_asked=True)
        self.due_ns = now_ns
        return None

    def _on_asked_alone(self, now_ns: int, *, is_listed: bool) -> Listed | None:
        symbol = self._round.to_ask_alone.pop(0)
        if is_listed:
            self._round.listed.append(symbol)
        if not self._round.to_ask_alone and not self._round.listed:
            return self._end(Listed({}, b""), now_ns)
        self.due_ns = now_ns
        return None

    def _end(self, found: Listed, now_ns: int) -> Listed:
        self._round = _Round()
        self._backoff.reset()
        self._answered_ns = now_ns
        self.due_ns = now_ns + self._settings.every_ns
        return found
