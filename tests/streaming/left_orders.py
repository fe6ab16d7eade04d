"""Orders left at an emulator's venues, as by a live trader that died: placed by hand, and told in the venues file."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from streaming.live.config import LiveConfig
from streaming.live.gateways import make_gateway
from streaming.live.venues_file import AtVenue, AtVenues, traded, write_venues_file
from streaming.secret_keys import read_credentials
from streaming.shell.attach import attach_live
from streaming.shell.clock import Clock
from streaming.shell.live_access import exchange_instruments
from streaming.shell.private_rest import PrivateRest
from streaming.venues.gateway import Call, CallKind, OrderSpec, TimeInForce, VenueOrder, Way

VENUES = ("binance_usdm", "binance_spot", "bybit_spot")
SYMBOL = "BTCUSDT"


class VenueByHand:
    """One venue's account with the trader's key: places orders that rest, as a trader or a stranger would."""

    def __init__(self, live: LiveConfig, venue: str, clock: Clock, id_prefix: str) -> None:
        account = live.account_of(venue)
        self.venue = venue
        self.instruments = exchange_instruments(venue, [SYMBOL], account.rest)
        credentials = read_credentials(account.api_key, account.secret)
        self._gateway = make_gateway(venue, credentials, self.instruments, id_prefix, account)
        self._rest = PrivateRest(self._gateway, account.rest, clock.now_ns)
        self._clock = clock
        assert self._rest.learn_clock().is_accepted
        assert self._rest.ask(CallKind.rules).is_accepted

    def place(self, number: int, price: str, size: str = "0.01") -> None:
        """Place a buy that rests."""
        one = self.instruments[0]
        spec = OrderSpec(
            client_order_id=number,
            instrument=one.id,
            price_ticks=one.tick.count(price),
            size_units=one.size_unit.count(size),
            time_in_force=TimeInForce.post_only,
        )
        call = self._gateway.order(CallKind.place, spec, Way.rest, self._clock.now_ns())
        assert isinstance(call, Call), call
        outcome = self._rest.send(call)
        assert outcome.is_accepted, outcome

    def open_texts(self) -> list[str]:
        """Return the client ids that the venue lists."""
        outcome = self._rest.ask(CallKind.open_orders, symbol=SYMBOL)
        assert outcome.is_accepted and isinstance(outcome.document, tuple), outcome
        return sorted(row.client_text for row in outcome.document if isinstance(row, VenueOrder) and row.is_open)

    def close(self) -> None:
        """Close the connection."""
        self._rest.close()


def leave_orders(addresses: Path, run_dir: Path, clock: Clock) -> LiveConfig:
    """Write the venues file of a trader with an emulator's accounts; return its settings."""
    live = attach_live(LiveConfig(), addresses)
    venues = tuple(
        AtVenue(
            venue=venue,
            account=live.account_of(venue),
            instruments=traded(exchange_instruments(venue, [SYMBOL], live.account_of(venue).rest)),
        )
        for venue in VENUES
    )
    numbers = {"epoch_ns": clock.epoch_ns, "speed": clock.speed, "start_ns": clock.start_ns}
    left = AtVenues(
        run="live-20260105T000000.000",
        pid=os.getpid(),
        account=live.account,
        id_prefix=live.id_prefix,
        clock=numbers,
        venues=venues,
    )
    write_venues_file(run_dir, left)
    return live


def until_listed(venue: VenueByHand, texts: Sequence[str]) -> None:
    """Wait until a venue lists exactly these orders: Bybit takes an order later than it says so."""
    end_s = time.monotonic() + 10.0
    while (found := venue.open_texts()) != sorted(texts):
        assert time.monotonic() < end_s, found
        time.sleep(0.02)
