"""A live session's venues, made of its plan, the settings and the keys. No I/O."""

import random
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from native.config import NS_PER_MS
from streaming.live.config import LiveConfig
from streaming.live.desk import LiveDesk
from streaming.live.gateways import make_gateway
from streaming.live.links import NEVER_NS
from streaming.live.venue import LiveVenue
from streaming.live.words import LiveLimits
from streaming.reconcile.rules import ReconcileRules
from streaming.reconcile.words import DifferenceKind, Rule
from streaming.secret_keys import Credentials
from streaming.segments import InstrumentEntry, SegmentHeader
from streaming.venues.client_ids import ClientIds
from streaming.venues.instruments import Instrument, Instruments, Step
from streaming.venues.rate_budget import Budget

NS_PER_S: Final = 1_000 * NS_PER_MS
PINGS_AN_AGE: Final = 3
MakeBudget = Callable[[str], Budget]
"""Returns the budget of a venue."""


def live_limits(live: LiveConfig, speed: float = 1.0, private_age_max_ns: int | None = None) -> LiveLimits:
    """Return the spans of every venue on a clock of `speed`: real patience is stretched, as the recorder's is.

    `private_age_max_ns`: the age at which a risk rule holds that an account's events are not heard; private sockets are
    asked for a sign of life so often that a quiet account never grows as old.
    """

    def real_ns(ms: float) -> int:
        return int(ms * NS_PER_MS * max(1.0, speed))

    return LiveLimits(
        order_timeout_ns=real_ns(live.answer_ms),
        call_timeout_ns=real_ns(live.ask_ms),
        absent_after_ns=real_ns(live.absent_after_ms),
        connect_ns=real_ns(live.connect_ms),
        pong_ns=real_ns(live.private_silence_ms),
        ping_every_ns=min(real_ns(live.ping_ms), (private_age_max_ns or NEVER_NS) // PINGS_AN_AGE),
        backoff_min_ns=real_ns(live.backoff_min_ms),
        backoff_max_ns=real_ns(live.backoff_max_ms),
        rotate_ns=int(live.rotate_hours * 3_600 * NS_PER_S),
        listen_key_every_ns=int(live.listen_key_minutes * 60 * NS_PER_S),
        reconcile_ns=int(live.reconcile_s * NS_PER_S),
        clock_every_ns=int(live.clock_s * NS_PER_S),
    )


def instruments_of(header: SegmentHeader, venue: str) -> Instruments:
    """Return a venue's instruments as the engine of a session counts them."""
    return Instruments([_instrument(entry) for entry in header.instruments if entry.venue == venue])


def make_desk(
    header: SegmentHeader,
    live: LiveConfig,
    credentials: Mapping[str, Credentials],
    make_budget: MakeBudget,
    seed: str,
    now_ns: int,
    speed: float = 1.0,
) -> LiveDesk:
    """Return the desk of a session; RefusedError for a key that is none."""
    venues = list(dict.fromkeys(entry.venue for entry in header.instruments))
    made = []
    for venue in venues:
        instruments, account = instruments_of(header, venue), live.account_of(venue)
        made.append(
            LiveVenue(
                make_gateway(venue, credentials[venue], instruments.all, live.id_prefix, account),
                instruments,
                ClientIds(live.id_prefix),
                live_limits(live, speed, _private_age_max_ns(header)),
                make_budget(venue),
                random.Random(f"{seed}:{venue}"),
                now_ns,
                has_order_socket=bool(account.order_socket),
            )
        )
    rules = {venue.gateway.venue: _rules(venue.instruments, live) for venue in made}
    return LiveDesk(made, rules)


def _private_age_max_ns(header: SegmentHeader) -> int | None:
    risk = (header.engine or {}).get("risk")
    age_ns = risk.get("private_age_max_ns") if isinstance(risk, dict) else None
    return age_ns if isinstance(age_ns, int) else None


def _rules(instruments: Instruments, live: LiveConfig) -> ReconcileRules:
    chosen = live.differences.model_dump()
    table = {DifferenceKind(name): Rule(word) for name, word in chosen.items()}
    dust = {asset: Decimal(live.dust_quote) for asset in _quotes(instruments.all)}
    return ReconcileRules(ids=ClientIds(live.id_prefix), instruments=instruments, table=table, dust=dust)


def _quotes(instruments: Sequence[Instrument]) -> frozenset[str]:
    return frozenset(each.quote for each in instruments)


def _instrument(entry: InstrumentEntry) -> Instrument:
    return Instrument(
        id=entry.id,
        symbol=entry.symbol,
        tick=Step.of(entry.tick),
        size_unit=Step.of(entry.size_unit),
        base=entry.base or "",
        quote=entry.quote or "",
        market_type=entry.market_type,
    )
