"""Requests that wait for their time: held back by a budget, or to go again. One a kind and order; bounded by them."""

import heapq
from dataclasses import dataclass, field

from streaming.live.links import NEVER_NS
from streaming.live.words import OrderRequest, RequestKind


@dataclass(slots=True)
class Waiting:
    """A request that is put again while it waits replaces itself: it goes when the later one is due."""

    _requests: dict[tuple[RequestKind, int], tuple[int, int, OrderRequest]] = field(default_factory=dict)
    _times: list[tuple[int, tuple[RequestKind, int]]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._requests)

    def put(self, due_ns: int, ts_first_ns: int, request: OrderRequest) -> None:
        """Keep a request until `due_ns`."""
        key = (request.kind, request.spec.client_order_id)
        self._requests[key] = (due_ns, ts_first_ns, request)
        heapq.heappush(self._times, (due_ns, key))

    def drop(self, kind: RequestKind, client_order_id: int) -> OrderRequest | None:
        """Forget a request that waits, and return it; None where none does."""
        kept = self._requests.pop((kind, client_order_id), None)
        return None if kept is None else kept[2]

    def take(self, ts_ns: int) -> list[tuple[int, OrderRequest]]:
        """Return (when it was made first, request) of those whose time has come, in the order of their times."""
        found = []
        while self._times and self._times[0][0] <= ts_ns:
            due_ns, key = heapq.heappop(self._times)
            kept = self._requests.get(key)
            if kept is not None and kept[0] == due_ns:
                found.append(self._requests.pop(key)[1:])
        return found

    def next_ns(self) -> int:
        """Return when the first is due."""
        return self._times[0][0] if self._times else NEVER_NS
