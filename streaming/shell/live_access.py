"""Access to the accounts that a shadow or live trader works with: every check before it begins, and the keys.

All of it happens before the trader's loop turns and before anything of a session is written. Each refusal is said with
what to do; one of them is enough to end here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

from native.config import GridConfig
from streaming.errors import RefusedError, TraderError
from streaming.live.config import LiveConfig
from streaming.live.gateways import make_gateway
from streaming.live.hosts import tells_permissions
from streaming.live.start_checks import (
    AccountFacts,
    Refusal,
    StartSettings,
    account_lines,
    check_account,
    check_name,
    check_settings,
)
from streaming.record_config import RecordConfig
from streaming.recorder.plan import venue_targets
from streaming.secret_keys import Credentials
from streaming.settings import Settings
from streaming.shell.clock import Clock
from streaming.shell.private_rest import PrivateRest, fetch
from streaming.shell.venue_hands import Which, credentials_of, shared_budget
from streaming.trader.modes import Mode
from streaming.venues.client_ids import ClientIds
from streaming.venues.dialects import DIALECTS
from streaming.venues.exchange_info import VENUE_FACTS, listings
from streaming.venues.gateway import AccountInfo, Balance, CallKind, Fees, Permissions, VenueOrder
from streaming.venues.instruments import Instrument, Step
from streaming.venues.rate_budget import Use

Fact = TypeVar("Fact")
Say = Callable[[str], None]
Confirm = Callable[[str], str]
"""Shows a question and returns what a person typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAccess:
    """What a trader in mode shadow or live needs of its accounts. Shows no key."""

    live: LiveConfig
    credentials: Mapping[str, Credentials] = field(repr=False)
    """By venue."""
    is_watched: bool = False
    """Nothing is opened at a venue where the watchdog could not cancel it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """What access is asked for."""

    mode: Mode
    settings: Settings
    grid: GridConfig
    live: LiveConfig
    record: RecordConfig
    clock: Clock
    is_watched: bool


def open_access(request: AccessRequest, say: Say, confirm: Confirm) -> LiveAccess:
    """Return access to every account of the grid's venues; RefusedError after every refusal was said.

    `confirm` is asked last, in live mode alone, when a person has seen the accounts.
    """
    venues = venues_of(request.grid)
    _end_if(settings_refusals(request, venues), say)
    credentials, refusals = _read_keys(request.live, venues, "trader")
    watch_credentials: dict[str, Credentials] = {}
    if request.mode is Mode.live:
        watch_credentials, more = _read_keys(request.live, venues, "watchdog")
        refusals += more
        refusals += _shared_keys(credentials, watch_credentials)
    _end_if(refusals, say)
    facts = _look(request, {"api_key": credentials, "watchdog_api_key": watch_credentials})
    for found in facts:
        for line in account_lines(found):
            say(line)
    _end_if([refusal for found in facts for refusal in check_account(found, request.live, request.mode)], say)
    if request.mode is Mode.live:
        _end_if(check_name(confirm(request.live.account), request.live), say)
    return LiveAccess(live=request.live, credentials=credentials, is_watched=request.is_watched)


def venues_of(grid: GridConfig) -> tuple[str, ...]:
    """Return the venues that a grid trades at, in its order."""
    return tuple(dict.fromkeys(name.partition(":")[0] for name in grid.instruments))


def settings_refusals(request: AccessRequest, venues: Sequence[str]) -> list[Refusal]:
    """Return why the settings do not allow to begin; nothing is asked."""
    targets = venue_targets(request.record, request.grid.instruments)
    return check_settings(
        StartSettings(
            mode=request.mode,
            engine=request.settings.native,
            live=request.live,
            venues=venues,
            instruments=request.grid.instruments,
            market_addresses={target.dialect.venue: (target.rest_url, *target.websocket_urls) for target in targets},
            clock_speed=request.clock.speed,
            is_watched=request.is_watched,
        )
    )


def account_facts(request: AccessRequest, which: Which) -> list[AccountFacts | Refusal]:
    """Return what each venue says of one of its keys, a refusal where it could not be asked. For the doctor."""
    found: list[AccountFacts | Refusal] = []
    for venue in venues_of(request.grid):
        credentials, refusals = _read_keys(request.live, [venue], which)
        found += refusals or _look(request, {f"{'watchdog_' if which == 'watchdog' else ''}api_key": credentials})
    return found


def _read_keys(live: LiveConfig, venues: Sequence[str], which: Which) -> tuple[dict[str, Credentials], list[Refusal]]:
    found: dict[str, Credentials] = {}
    refusals: list[Refusal] = []
    for venue in venues:
        try:
            found[venue] = credentials_of(live.account_of(venue), which)
            found[venue].signer()
        except RefusedError as error:
            refusals.append(Refusal("keys", f"{venue}: {error}", "see docs/live.md, step 2"))
    return found, refusals


def _shared_keys(own: Mapping[str, Credentials], watchdog: Mapping[str, Credentials]) -> list[Refusal]:
    """Refuse one key that stands at two places: what blocks the trader must not disarm the watchdog."""
    shared = [venue for venue in own if venue in watchdog and own[venue].api_key == watchdog[venue].api_key]
    found = "trader and watchdog share a key, though its places differ"
    return [Refusal("watchdog keys", f"{venue}: {found}", "make a second key at the venue") for venue in shared]


def _look(request: AccessRequest, keys: Mapping[str, Mapping[str, Credentials]]) -> list[AccountFacts]:
    """Ask every venue of every key at once."""
    asked = [(venue, which, own) for which, of_venues in keys.items() for venue, own in of_venues.items()]
    with ThreadPoolExecutor(max(1, len(asked))) as pool:
        return list(pool.map(lambda one: _facts(request, *one), asked))


def _facts(request: AccessRequest, venue: str, which: str, credentials: Credentials) -> AccountFacts:
    account = request.live.account_of(venue)
    symbols = [name.partition(":")[2] for name in request.grid.instruments if name.partition(":")[0] == venue]
    try:
        instruments = exchange_instruments(venue, symbols, account.rest)
        gateway = make_gateway(venue, credentials, instruments, request.live.id_prefix, account)
        budget = shared_budget(venue, account, request.settings.warehouse.run_dir)
        rest = PrivateRest(gateway, account.rest, request.clock.now_ns, budget=budget, use=Use.order)
        try:
            return _AccountLook(rest, request.live, venue, which).facts(symbols)
        finally:
            rest.close()
    except (TraderError, OSError, ValueError) as error:
        return AccountFacts(venue=venue, which=which, problem=str(error))


class _AccountLook:
    """Asks one venue about one key; the first answer that does not come ends it."""

    def __init__(self, rest: PrivateRest, live: LiveConfig, venue: str, which: str) -> None:
        self._rest = rest
        self._ids = ClientIds(live.id_prefix)
        self._venue = venue
        self._which = which
        self._is_silent = not tells_permissions(live.account_of(venue).rest)

    def facts(self, symbols: Sequence[str]) -> AccountFacts:
        """Return what the venue says; TraderError with its words where it says nothing."""
        clock = self._rest.learn_clock()
        if not clock.is_accepted:
            raise TraderError(f"time: {clock.code} {clock.text}")
        info = self._account()
        is_own = self._which == "api_key"
        return AccountFacts(
            venue=self._venue,
            which=self._which,
            offset_ns=self._rest.clock_offset_ns,
            permissions=self._permissions(),
            info=info,
            fees=tuple(fee for symbol in symbols for fee in self._rows(CallKind.fees, Fees, symbol)) if is_own else (),
            balances=tuple(self._rows(CallKind.balances, Balance)) if is_own else (),
            strangers=tuple(self._strangers(symbols)) if is_own else (),
        )

    def _account(self) -> AccountInfo:
        info = self._one(CallKind.account, AccountInfo)
        if self._venue != "binance_usdm":
            return info
        mode = self._one(CallKind.position_mode, AccountInfo)  # told apart there
        return replace(info, problems=info.problems + mode.problems)

    def _permissions(self) -> Permissions | None:
        try:
            return self._one(CallKind.permissions, Permissions)
        except TraderError:
            if self._is_silent:
                return None
            raise

    def _strangers(self, symbols: Sequence[str]) -> Iterator[str]:
        for symbol in symbols:
            for order in self._rows(CallKind.open_orders, VenueOrder, symbol):
                if self._ids.number(order.client_text) is None:
                    yield order.client_text

    def _one(self, kind: CallKind, wanted: type[Fact]) -> Fact:
        outcome = self._rest.ask(kind)
        if not outcome.is_accepted or not isinstance(outcome.document, wanted):
            raise TraderError(f"{kind}: {outcome.code} {outcome.text}".rstrip())
        return outcome.document

    def _rows(self, kind: CallKind, wanted: type[Fact], symbol: str = "") -> list[Fact]:
        outcome = self._rest.ask(kind, symbol=symbol)
        if not outcome.is_accepted or not isinstance(outcome.document, tuple):
            raise TraderError(f"{kind}: {outcome.code} {outcome.text}".rstrip())
        return [row for row in outcome.document if isinstance(row, wanted)]


def exchange_instruments(venue: str, symbols: Sequence[str], base_url: str) -> list[Instrument]:
    """Return the instruments as the venue lists them; TraderError when it does not."""
    body = fetch(f"{base_url}{DIALECTS[venue].exchange_info(symbols).target}")
    listed = listings(venue, symbols, body)
    missing = [symbol for symbol in symbols if symbol not in listed]
    if missing:
        raise TraderError(f"{venue} does not list {', '.join(missing)}")
    return [
        Instrument(
            id=number,
            symbol=symbol,
            tick=Step.of(listed[symbol].rules.tick),
            size_unit=Step.of(listed[symbol].rules.size_unit),
            base=listed[symbol].rules.base,
            quote=listed[symbol].rules.quote,
            market_type=VENUE_FACTS[venue].market_type,
        )
        for number, symbol in enumerate(symbols)
    ]


def _end_if(refusals: Sequence[Refusal], say: Say) -> None:
    """Say every refusal, and end here when there is one."""
    for refusal in refusals:
        say(f"refused  {refusal.name}: {refusal.found}")
        say(f"         fix: {refusal.fix}")
    if refusals:
        names = ", ".join(dict.fromkeys(refusal.name for refusal in refusals))
        count = "a reason" if len(refusals) == 1 else f"{len(refusals)} reasons"
        raise RefusedError(f"{count} not to begin ({names}); apply the fixes above; nothing was sent")
