"""May trading with real keys begin? Each "no" has a name, what was found and what to do. Pure: facts in, refusals out.

Two rounds: of the settings alone, before anything is asked, and of what each venue says of the account behind its key.
That state is reconciled is not asked here: the trader places nothing before its first reconciliation is clean.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Final

from native.config import NS_PER_MS, EngineSettings, JsonObject
from native.risk_settings import missing_limits
from streaming.live.config import ADDRESSES, LiveConfig, VenueAccount
from streaming.live.hosts import PRETENDED, environment_of, is_loopback, tells_permissions
from streaming.trader.modes import Mode
from streaming.venues.gateway import AccountInfo, Balance, Fees, Permissions

OFFSET_REFUSED_NS: Final = 1_000 * NS_PER_MS
"""A venue refuses what is signed further ahead than this (all three venues' "timing security")."""
COUNTDOWN_VENUE: Final = "binance_usdm"
"""Its dead-man's switch is the account's: see `dead_man`."""
DEMO_WITHOUT_STREAM: Final = frozenset({"bybit_spot"})
"""Venues whose demo accounts hear the production market (Bybit v5, "Demo Trading Service")."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason not to begin."""

    name: str
    found: str
    fix: str

    def to_json(self) -> JsonObject:
        """Return it as one JSON object."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.name}: {self.found}; {self.fix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSettings:
    """What the first round looks at."""

    mode: Mode
    engine: EngineSettings
    live: LiveConfig
    venues: Sequence[str]
    """Those that the grid trades at."""
    instruments: Sequence[str]
    """Of the grid, as `venue:SYMBOL`."""
    market_addresses: Mapping[str, Sequence[str]]
    """By venue: where its public market is heard."""
    clock_speed: float
    is_watched: bool
    """A watchdog will be started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What one venue says of the account behind a key; None: it did not say, and `problem` is why."""

    venue: str
    which: str
    """`api_key` or `watchdog_api_key`."""
    offset_ns: int | None = None
    permissions: Permissions | None = None
    info: AccountInfo | None = None
    fees: tuple[Fees, ...] = ()
    balances: tuple[Balance, ...] = ()
    strangers: tuple[str, ...] = ()
    """Client ids of open orders that are not ours."""
    problem: str = ""


def check_settings(start: StartSettings) -> list[Refusal]:
    """Return why the settings do not allow to begin."""
    return [refusal for check in _SETTINGS_CHECKS for refusal in check(start)]


def check_account(facts: AccountFacts, live: LiveConfig, mode: Mode) -> list[Refusal]:
    """Return why one account does not allow to begin."""
    return [refusal for check in _ACCOUNT_CHECKS for refusal in check(facts, live.account_of(facts.venue), mode)]


def check_name(typed: str, live: LiveConfig) -> list[Refusal]:
    """Return why a typed account name does not allow live orders."""
    if typed == live.account:
        return []
    return [Refusal("confirmation", f"expected the account name {live.account!r}, found {typed!r}", "type it exactly")]


# --- of the settings ---


def _name(start: StartSettings) -> Iterator[Refusal]:
    if not start.live.account:
        fix = 'set streaming.live.account = "main-testnet" or the like; it is what you type to confirm'
        yield Refusal("account name", "streaming.live.account has no value", fix)


def _keys(start: StartSettings) -> Iterator[Refusal]:
    for venue in start.venues:
        account = start.live.account_of(venue)
        if not account.api_key:
            where = f"streaming.live.accounts.{venue}"
            yield Refusal(
                "keys", f"{where}: no key is named", f'set {where}.api_key and .secret = "env:NAME" or another'
            )


def _watchdog_keys(start: StartSettings) -> Iterator[Refusal]:
    if start.mode is not Mode.live:
        return
    if not start.is_watched:
        yield Refusal(
            "watchdog", "--no-watchdog with live orders", "leave --no-watchdog out: it is the dead-man's switch"
        )
    for venue in start.venues:
        account = start.live.account_of(venue)
        where = f"streaming.live.accounts.{venue}"
        if not account.watchdog_api_key:
            fix = f"make a second key at the venue, then set {where}.watchdog_api_key and .watchdog_secret"
            yield Refusal("watchdog keys", f"{where}: the watchdog has no key of its own", fix)
        elif account.watchdog_api_key == account.api_key:
            found = f"{where}: trader and watchdog share a key: one blocked key would disarm both"
            yield Refusal("watchdog keys", found, "make a second key at the venue")


def _limits(start: StartSettings) -> Iterator[Refusal]:
    missing = missing_limits(start.engine)
    missing += [f'native.limits."{name}"' for name in start.instruments if name not in start.engine.limits]
    if missing and start.mode is Mode.live:
        fix = "set each of them in settings.toml: docs/risk.md and trader limits say what each asks"
        yield Refusal("limits", f"off or without a limit: {', '.join(missing)}", fix)


def _speed(start: StartSettings) -> Iterator[Refusal]:
    real = [venue for venue in start.venues if not _is_emulated(start, venue)]
    if start.clock_speed != 1.0 and real:
        found = f"clock speed {start.clock_speed:g} with {', '.join(real)} at a real address"
        yield Refusal("clock speed", found, "use speed 1, or an emulator on this machine for all of them")


def _environments(start: StartSettings) -> Iterator[Refusal]:
    for venue in start.venues:
        account = start.live.account_of(venue)
        private = {environment_of(address) for address in _addresses(account)}
        public = {environment_of(address) for address in start.market_addresses.get(venue, ())}
        is_demo = private == {"demo"} and public == {"production"} and venue in DEMO_WITHOUT_STREAM
        if len(private | public) > 1 and not is_demo:
            found = f"{venue}: market from {_words(public)}, orders to {_words(private)}: two markets that do not meet"
            fix = f"set streaming.record.addresses.{venue} and streaming.live.accounts.{venue} to the same environment"
            yield Refusal("addresses", found, fix)


def _worlds(start: StartSettings) -> Iterator[Refusal]:
    """Real and made-up money, or an emulator and a venue, are never traded against each other."""
    worlds: dict[str, list[str]] = {}
    for venue in start.venues:
        words = {environment_of(address) for address in _addresses(start.live.account_of(venue))}
        if len(words) == 1:  # a venue that is a mixture itself is refused above
            (word,) = words
            worlds.setdefault("test systems" if word in PRETENDED else word, []).append(venue)
    if len(worlds) > 1:
        found = "; ".join(f"{', '.join(venues)} at {word}" for word, venues in sorted(worlds.items()))
        fix = "in streaming.live.accounts let all venues be production, all test systems, or all an emulator's"
        yield Refusal("addresses", f"orders go to {found}", fix)


def _transport(start: StartSettings) -> Iterator[Refusal]:
    for venue in start.venues:
        for address in _addresses(start.live.account_of(venue)):
            if address.startswith(("http://", "ws://")) and not is_loopback(address):
                found = f"{venue}: {address} is not encrypted: whoever carries it reads the key"
                yield Refusal("addresses", found, "use https:// and wss://")


def _is_emulated(start: StartSettings, venue: str) -> bool:
    addresses = (*_addresses(start.live.account_of(venue)), *start.market_addresses.get(venue, ()))
    return all(is_loopback(address) for address in addresses)


def _addresses(account: VenueAccount) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address for name in ADDRESSES if (address := getattr(account, name))))


def _words(found: set[str]) -> str:
    return " and ".join(sorted(found)) or "nowhere"


_SETTINGS_CHECKS = (_name, _keys, _watchdog_keys, _limits, _speed, _environments, _worlds, _transport)


# --- of an account ---


def _answers(facts: AccountFacts, account: VenueAccount, mode: Mode) -> Iterator[Refusal]:
    if facts.problem:
        fix = "check address, key and the addresses that the key is bound to; then trader doctor --live"
        yield Refusal("account", f"{facts.venue} {facts.which}: {facts.problem}", fix)


def _withdrawal(facts: AccountFacts, account: VenueAccount, mode: Mode) -> Iterator[Refusal]:
    found, what = facts.permissions, f"{facts.venue} {facts.which}"
    if found is None:
        if not facts.problem and tells_permissions(account.rest):
            fix = "set permissions_rest to where the venue tells it; then trader doctor --live"
            yield Refusal("withdrawal", f"{what}: the venue did not say what the key may do", fix)
        return
    if found.may_withdraw:
        yield Refusal(
            "withdrawal", f"{what}: the key may withdraw", "take that right away at the venue, or make another key"
        )
    if not found.may_trade and mode is Mode.live:
        yield Refusal("permission", f"{what}: the key may not trade", "allow it at the venue")


def _identity(facts: AccountFacts, account: VenueAccount, mode: Mode) -> Iterator[Refusal]:
    if facts.info is None:
        if not facts.problem:
            found = f"{facts.venue} {facts.which}: the venue did not say whose key it is"
            yield Refusal("identity", found, "then trader doctor --live")
        return
    where = f"streaming.live.accounts.{facts.venue}.account_id"
    if not account.account_id or account.account_id != facts.info.account:
        named = facts.info.account or "without an id"
        found = f"{facts.venue} {facts.which}: the key is of account {named}, {where} says "
        found += repr(account.account_id) if account.account_id else "nothing"
        yield Refusal("identity", found, f'if that is the one: {where} = "{facts.info.account}"')
    for problem in facts.info.problems:
        yield Refusal("account setup", f"{facts.venue}: {problem}", "change it at the venue, with no position open")


def _clock(facts: AccountFacts, account: VenueAccount, mode: Mode) -> Iterator[Refusal]:
    if facts.offset_ns is None or is_loopback(account.rest):  # an emulator's clock is its own
        return
    if abs(facts.offset_ns) > OFFSET_REFUSED_NS:
        found = f"{facts.venue}: our clock and the venue's differ by {facts.offset_ns / NS_PER_MS:.0f} ms"
        yield Refusal("clock", found, "let this machine keep time: timedatectl set-ntp true")


_ACCOUNT_CHECKS = (_answers, _withdrawal, _identity, _clock)


def account_lines(facts: AccountFacts) -> list[str]:
    """Return what a person is shown of an account before confirming."""
    lines = []
    if facts.info is not None:
        lines.append(f"{facts.venue}: account {facts.info.account}")
    held = [f"{_amount(one.free + one.locked)} {one.asset}" for one in facts.balances if one.free + one.locked]
    if held:
        lines.append(f"{facts.venue}: holds {', '.join(held)}")
    lines += [
        f"{facts.venue}:{one.symbol}: maker {_bps(one.maker)} bps, taker {_bps(one.taker)} bps" for one in facts.fees
    ]
    if facts.strangers:
        fate = "the countdown cancels them with ours" if facts.venue == COUNTDOWN_VENUE else "they are left alone"
        lines.append(f"{facts.venue}: {len(facts.strangers)} open orders of others on our symbols: {fate}")
    if facts.permissions is not None and not facts.permissions.is_bound_to_address:
        lines.append(f"{facts.venue} {facts.which}: the key is not bound to an address; bind it at the venue")
    return lines


def _amount(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _bps(rate: Decimal) -> str:
    return f"{(rate * 10_000).normalize():f}"
