"""Faults of orders: what goes wrong between a request and its answer, and on the account's own events.

They are armed like all faults of the emulator, by the control port, a schedule or a test, and strike at the first
request or event that they can. Front ends ask before they execute a request (`OrderFaults.of_request`); the exchange
itself asks for the rest.
"""

from dataclasses import dataclass
from enum import StrEnum

from streaming.emulator.exchange.words import EventKind
from streaming.emulator.faults import Fault, FaultKind, VenueFaults

NS_PER_MS = 1_000_000


class RequestKind(StrEnum):
    """Requests that a fault can hit."""

    place = "place"
    amend = "amend"
    cancel = "cancel"


class BadAnswer(StrEnum):
    """What a request that a fault hit is answered."""

    unknown = "unknown"
    """The venue's error for `the outcome is not known`: -1007, HTTP 503, 10016."""
    cut = "cut"
    """Nothing: the connection ends without a closing handshake."""
    refused = "refused"
    """`status` 429 or 418 with Retry-After; the request is not executed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFault:
    """How a front end treats a request: execute it or not, throw its answer away, and answer this instead."""

    answer: BadAnswer
    is_executed: bool
    status: int = 503
    retry_after_s: int = 0


REQUEST_FAULTS = {
    FaultKind.order_unknown_done: (BadAnswer.unknown, True),
    FaultKind.order_unknown_lost: (BadAnswer.unknown, False),
    FaultKind.order_cut_done: (BadAnswer.cut, True),
    FaultKind.order_cut_lost: (BadAnswer.cut, False),
    FaultKind.order_refused: (BadAnswer.refused, False),
}
"""How the request is answered, and whether it is executed all the same."""


class OrderFaults:
    """The faults of one venue that concern its orders."""

    def __init__(self, faults: VenueFaults) -> None:
        self._faults = faults
        self._silent_until_ns = 0

    def of_request(self, kind: RequestKind, symbol: str, ts_ns: int) -> RequestFault | None:
        """Return, and use up, the fault that hits a request; None where none does."""
        for fault_kind, (answer, is_executed) in REQUEST_FAULTS.items():
            fault = self._strike(fault_kind, symbol, ts_ns, kind)
            if fault is not None:
                is_limit = answer is BadAnswer.refused
                status = fault.status if is_limit else 503
                wait_s = fault.retry_after_s if is_limit else 0
                return RequestFault(answer=answer, is_executed=is_executed, status=status, retry_after_s=wait_s)
        return None

    def once(self, kind: FaultKind, symbol: str, ts_ns: int) -> Fault | None:
        """Return, and use up, an armed fault of one kind."""
        return self._strike(kind, symbol, ts_ns)

    def is_stream_expired(self, symbol: str, ts_ns: int) -> bool:
        """Tell whether a fault ends the account's subscriptions as an event comes."""
        return self._strike(FaultKind.stream_expired, symbol, ts_ns) is not None

    def copies(self, kind: EventKind, symbol: str, ts_ns: int) -> tuple[int, ...]:
        """Return by how much each copy of an event reaches clients late, in ns; empty: it never does."""
        if self._is_silent(symbol, ts_ns):
            return ()
        late = self._strike(FaultKind.stream_late, symbol, ts_ns) if kind is EventKind.order_trade else None
        late_ns = 0 if late is None else late.duration_ms * NS_PER_MS
        return (late_ns,) * (2 if self._strike(FaultKind.stream_repeated, symbol, ts_ns) is not None else 1)

    def _is_silent(self, symbol: str, ts_ns: int) -> bool:
        if ts_ns < self._silent_until_ns:
            return True
        fault = self._strike(FaultKind.stream_silent, symbol, ts_ns)
        if fault is None:
            return False
        self._silent_until_ns = ts_ns + fault.duration_ms * NS_PER_MS
        return True

    def _strike(self, kind: FaultKind, symbol: str, ts_ns: int, request: RequestKind | None = None) -> Fault | None:
        armed = self._faults.waiting(kind, symbol)
        if armed is None or (request is not None and armed.fault.request not in ("any", request.value)):
            return None
        self._faults.strike(armed, ts_ns)
        return armed.fault
