"""What happens to accounts, numbered and kept, and sent to whoever subscribed, as far as faults let it through."""

from collections.abc import Mapping

from streaming.emulator.exchange.event_feed import EventFeed
from streaming.emulator.exchange.holder import Holder
from streaming.emulator.exchange.order_faults import OrderFaults
from streaming.emulator.exchange.words import AccountEvent, EventKind
from streaming.emulator.session import NEVER_NS


class AccountEvents:
    """The events of one venue's accounts."""

    def __init__(self, faults: OrderFaults) -> None:
        self.holders: Mapping[str, Holder] = {}
        """The venue's accounts, by name."""
        self._faults = faults
        self._feeds: dict[str, list[EventFeed]] = {}

    def subscribe(self, account: str) -> EventFeed:
        """Return a feed of what happens to an account from now on; KeyError for one that is not open."""
        feed = EventFeed(self.holders[account].account.name)
        self._feeds.setdefault(account, []).append(feed)
        return feed

    def unsubscribe(self, feed: EventFeed) -> None:
        """End a feed."""
        feeds = self._feeds.get(feed.account, [])
        if feed in feeds:
            feeds.remove(feed)

    def next_due_ns(self) -> int:
        """Return when an event reaches a client, NEVER_NS where none is on its way."""
        return min((feed.next_due_ns() for feeds in self._feeds.values() for feed in feeds), default=NEVER_NS)

    def tell(self, event: AccountEvent, late_ns: int = 0) -> None:
        """Number an event, keep it, and send it on its way."""
        account = self.holders[event.account].account
        numbered = account.note(event)
        if event.kind is EventKind.funding:
            account.funding.append(numbered)
        feeds = self._feeds.get(event.account)
        if not feeds:
            return
        symbol = _symbol_of(event)
        if self._faults.is_stream_expired(symbol, event.ts_ns):
            for feed in feeds:
                feed.is_expired = True
        for copy_ns in self._faults.copies(event.kind, symbol, event.ts_ns):
            for feed in feeds:
                feed.push(numbered, event.ts_ns + copy_ns + late_ns)


def _symbol_of(event: AccountEvent) -> str:
    """Return the symbol that an event is about; balances are about none."""
    if event.order is not None:
        return event.order.symbol
    return event.position.symbol if event.position is not None else ""
