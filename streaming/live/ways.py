"""How each venue's private side is reached: which sockets it has, and what they need. Data, no dialect.

binance_usdm  orders over the WebSocket API; events on a socket of their own, whose path holds a listen key
binance_spot  orders and events over one connection to the WebSocket API, which is subscribed to events
bybit_spot    orders over the trade socket; events on the private socket after a logon
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from streaming.venues.gateway import Way


@dataclass(frozen=True, slots=True)
class VenueWays:
    """The private sockets of a venue."""

    sockets: tuple[Way, ...]
    events: Way
    """Over which the account's own events come."""
    has_listen_key: bool = False
    lists_trades_by_time: bool = False
    """Trades are listed from a time on and not from a trade id."""


WAYS: Final[Mapping[str, VenueWays]] = {
    "binance_usdm": VenueWays((Way.order_socket, Way.user_socket), Way.user_socket, has_listen_key=True),
    "binance_spot": VenueWays((Way.order_socket,), Way.order_socket),
    "bybit_spot": VenueWays((Way.order_socket, Way.user_socket), Way.user_socket, lists_trades_by_time=True),
}
