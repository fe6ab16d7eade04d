"""Private questions over REST, one after another, each waited for: of `trader kill`, the watchdog and the start checks.

The trader itself never waits like this. The standard library's client is used, without a loop: it works in a process
that has little else, and a request that hangs ends by its own limit of time. One connection is kept open, so that the
day it is needed it needs no more than one round trip.
"""

import http.client
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Final
from urllib.parse import SplitResult, urlsplit

from streaming.venues.clock_offset import ClockOffset
from streaming.venues.gateway import (
    Action,
    Call,
    CallKind,
    FrameError,
    Gateway,
    HttpReply,
    OrderSpec,
    Outcome,
    Refused,
    Way,
)
from streaming.venues.rate_budget import Budget, Use, cost_of

TIMEOUT_S: Final = 5.0
TIMEOUT_MIN_S: Final = 0.5
"""Of a request that was begun while there was still time."""
TRIES: Final = 4
WAIT_MAX_S: Final = 5.0
"""What a venue may ask us to wait before the next try; told to wait longer, the question is given up."""
PAUSE_S: Final = 0.2
CLOCK_SAMPLES: Final = 3
REPLY_BYTES_MAX: Final = 64 << 20
NS_PER_S: Final = 1_000_000_000
AGAIN: Final = frozenset({Action.retry, Action.wait, Action.resync_clock, Action.resolve, Action.renew})
"""After these the same question may be asked again: it changes nothing, or cancels by client id."""


class PrivateRest:
    """Asks one venue. `close` it. Nothing of a request is in any error: it may hold key and signature."""

    def __init__(
        self,
        gateway: Gateway,
        base_url: str,
        now_ns: Callable[[], int],
        pause: Callable[[float], None] = time.sleep,
        timeout_s: float = TIMEOUT_S,
        budget: Budget | None = None,
        *,
        use: Use = Use.cancel,
    ) -> None:
        """`budget`: what other processes at this address spend from too, `use` what all that is asked here is for."""
        self.gateway = gateway
        self._budget = budget
        self._use = use
        self._silence_s = inf
        self._heard_s = 0.0
        self.has_answered = False
        """Whether the venue ever did, whatever it said."""
        self._url = urlsplit(base_url)
        self._now_ns = now_ns
        self._pause = pause
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None
        self.clock_offset_ns: int | None = None
        """The venue's clock against ours, once learned."""
        self.clock_uncertainty_ns = 0

    @property
    def venue(self) -> str:
        """Its name."""
        return self.gateway.venue

    def begin(self, silence_s: float) -> None:
        """From now on give up whatever is asked once nothing was answered for so long, however often it is tried."""
        self._silence_s, self._heard_s = silence_s, time.monotonic()

    @property
    def left_s(self) -> float:
        """How long an answer is still waited for, 0 when that is over."""
        return max(0.0, self._heard_s + self._silence_s - time.monotonic())

    def learn_clock(self, samples: int = CLOCK_SAMPLES) -> Outcome:
        """Ask for the venue's clock a few times and let the gateway sign by it; return the last answer."""
        offset = ClockOffset()
        for _ in range(samples):
            sent_ns = self._now_ns()
            outcome = self._tried(lambda: self.gateway.ask(CallKind.time, self._now_ns()))
            if outcome.is_accepted and isinstance(outcome.document, int):
                offset.on_answer(sent_ns, self._now_ns(), outcome.document)
        if offset.is_known:
            now_ns = self._now_ns()
            self.clock_offset_ns, self.clock_uncertainty_ns = (
                offset.offset_ns(now_ns),
                offset.uncertainty_ns(now_ns) or 0,
            )
            self.gateway.set_clock_offset(self.clock_offset_ns)
        return outcome

    def ask(self, kind: CallKind, *, symbol: str = "", value: int = 0) -> Outcome:
        """Return what a question came to, after the retries that its errors allow."""
        return self._until_known(lambda: self.gateway.ask(kind, self._now_ns(), symbol=symbol, value=value))

    def order(self, kind: CallKind, spec: OrderSpec) -> Outcome | Refused:
        """Return what a cancel or query came to; nothing else may be asked here, as it is asked again."""
        assert kind in {CallKind.cancel, CallKind.query}, "what places or changes is never repeated"
        made = self.gateway.order(kind, spec, Way.rest, self._now_ns())
        if isinstance(made, Refused):
            return made
        calls = iter([made])

        def call() -> Call:
            first = next(calls, None)
            again = first or self.gateway.order(kind, spec, Way.rest, self._now_ns())
            assert isinstance(again, Call), "it was taken before"
            return again

        return self._until_known(call)

    def send(self, call: Call) -> Outcome:
        """Send a call once and return what it came to, whatever that is."""
        return self._tried(lambda: call)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _until_known(self, make: Callable[[], Call]) -> Outcome:
        outcome = self._tried(make)
        for number in range(1, TRIES):
            if outcome.is_accepted or outcome.action not in AGAIN:
                break
            wait_s = max(PAUSE_S * number, (outcome.retry_at_ns - self._now_ns()) / NS_PER_S)
            if wait_s > WAIT_MAX_S or wait_s >= self.left_s:
                break
            self._pause(wait_s)
            if outcome.action is Action.resync_clock:
                self.learn_clock()
            outcome = self._tried(make)
        return outcome

    def _tried(self, make: Callable[[], Call]) -> Outcome:
        if not self.left_s:
            return self.gateway.on_unanswered(make(), self._now_ns(), f"no answer within {self._silence_s:g} s")
        call = self._paid(make)
        if call is None:
            wanted = make()
            return self.gateway.on_unanswered(wanted, self._now_ns(), "never sent: the venue's limits are used up")
        outcome = self._sent(call)
        if self._budget is not None:
            self._budget.on_outcome(outcome, self._now_ns())
        return outcome

    def _paid(self, make: Callable[[], Call]) -> Call | None:
        """Return the call once it may go, made anew after a wait; None where that would be too long."""
        call = make()
        wait_s = self._wait_s(call)
        if 0 < wait_s <= WAIT_MAX_S:
            self._pause(wait_s)
            call = make()
            wait_s = self._wait_s(call)
        return None if wait_s else call

    def _wait_s(self, call: Call) -> float:
        """Spend, and return 0; or return how long to wait."""
        if self._budget is None:
            return 0.0
        cost = replace(cost_of(call), use=self._use)
        return self._budget.try_take(cost, self._now_ns()) / NS_PER_S

    def _sent(self, call: Call) -> Outcome:
        try:
            reply = self._exchange(call)
            return self.gateway.on_http(call, reply, self._now_ns())
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return self.gateway.on_unanswered(call, self._now_ns(), f"{type(error).__name__}: {_words(error)}")
        except FrameError as error:
            return self.gateway.on_unanswered(call, self._now_ns(), str(error))

    def _exchange(self, call: Call) -> HttpReply:
        timeout_s = min(self._timeout_s, max(self.left_s, TIMEOUT_MIN_S))
        connection = _connect(urlsplit(call.base), timeout_s) if call.base else self._open(timeout_s)
        connection.request(
            call.method, f"{self._url.path}{call.target}", body=call.body or None, headers={**call.headers}
        )
        response = connection.getresponse()
        body = response.read(REPLY_BYTES_MAX)
        self._heard_s, self.has_answered = time.monotonic(), True
        headers = {name.lower(): value for name, value in response.getheaders()}
        if call.base:
            connection.close()
        elif response.will_close:
            self.close()
        return HttpReply(status=response.status, body=body, headers=headers)

    def _open(self, timeout_s: float) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection = _connect(self._url, timeout_s)
        elif self._connection.sock is not None:
            self._connection.sock.settimeout(timeout_s)
        return self._connection


def _words(error: Exception) -> str:
    """Return what the operating system says; a library's own words may repeat what was sent."""
    return (error.strerror or "") if isinstance(error, OSError) else ""


def fetch(url: str, timeout_s: float = TIMEOUT_S) -> bytes:
    """Return a public document; OSError when it does not come, with status and address where one is refused."""
    parts = urlsplit(url)
    connection = _connect(parts, timeout_s)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
        response = connection.getresponse()
        body = response.read(REPLY_BYTES_MAX)
        if response.status != http.client.OK:
            raise OSError(f"{parts.scheme}://{parts.netloc}{parts.path}: status {response.status}")
        return body
    except http.client.HTTPException as error:
        raise OSError(f"{parts.scheme}://{parts.netloc}{parts.path}: {type(error).__name__}") from None
    finally:
        connection.close()


def _connect(parts: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=timeout_s)
