"""The accounts that a served emulator opens, one a venue, with keys made from a seed: for traders, watchdogs and tests.

Nothing here is worth anything: the coins are made up and the keys open no other door. They are written to the
emulator's addresses file all the same as if they were real, mode 600, so that what reads them is used to it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypedDict

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from streaming.emulator.exchange.accounts import ApiKey, FeeRates, KeyKind
from streaming.emulator.listing import coins
from streaming.emulator.venue import Venue
from streaming.segments import InstrumentEntry


class Rights(TypedDict, total=False):
    """What a key may do other than the usual."""

    may_trade: bool
    may_withdraw: bool


FIRST_ACCOUNT: Final = 900_000_001
QUOTE_HELD: Final = Decimal(1_000_000)
BASE_HELD: Final = Decimal(20)
FEE_ASSET_HELD: Final = Decimal(10)
"""Of a third asset that fees are paid in."""
USDM: Final = "binance_usdm"
VENUES: Final = ("binance_usdm", "binance_spot", "bybit_spot")
SPOT_FEES: Final = FeeRates(maker=Decimal("0.001"), taker=Decimal("0.001"))
FEES: Final[Mapping[str, FeeRates]] = {
    "binance_usdm": FeeRates(maker=Decimal("0.0002"), taker=Decimal("0.0005")),
    "binance_spot": SPOT_FEES,
    "bybit_spot": SPOT_FEES,
}
"""What an account without a level pays there ("Fee Schedule" of each venue)."""
SOCKETS: Final[Mapping[str, Mapping[str, str]]] = {
    "binance_usdm": {"order": "/ws-fapi/v1", "user": "/private/ws?listenKey="},
    "binance_spot": {"order": "/ws-api/v3"},
    "bybit_spot": {"order": "/v5/trade", "user": "/v5/private"},
}
"""Paths of private sockets, by what they carry; spot's order socket carries the account's events too."""
HMAC_KEYS: Final[Mapping[str, Rights]] = {
    "": {},
    "watchdog_": {},
    "read_": {"may_trade": False},
    "withdraw_": {"may_withdraw": True},
}
"""By what stands before `api_key` and `secret` in the file: what sets the key apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorAccount:
    """One account as the addresses file tells of it."""

    account_id: str
    keys: Mapping[str, str] = field(repr=False)
    """`api_key` and `secret` (HMAC), and the same behind `watchdog_`, `read_` (may not trade), `withdraw_` (may
    withdraw, which live mode refuses), and on Binance `ed25519_` (the secret is a private key in PEM)."""

    def to_json(self) -> dict[str, str]:
        """Return it as the file holds it."""
        return {"account_id": self.account_id, **self.keys}


def open_account(venue: Venue, seed: int, now_ns: int, fees: FeeRates | None = None) -> EmulatorAccount:
    """Open the venue's account with its coins and keys; ValueError where it is open already.

    `fees` is what it pays on everything; by default what the market states of an instrument, and where that is nothing
    (the generated market has no fees) what the venue takes of everybody.
    """
    account_id = str(FIRST_ACCOUNT + VENUES.index(venue.name))
    entries = venue.rest.venue.entries
    third = {fees.asset: FEE_ASSET_HELD} if fees is not None and fees.asset else {}
    venue.exchange.open_account(account_id, third | _held(venue.name, entries), now_ns)
    for entry in entries:
        if fees is not None or not (Decimal(entry.maker_fee_bps) or Decimal(entry.taker_fee_bps)):
            venue.exchange.set_fees(account_id, entry.symbol, fees or FEES[venue.name])
    keys: dict[str, str] = {}
    for prefix, rights in HMAC_KEYS.items():
        api_key, secret = (_text(seed, venue.name, prefix, name) for name in ("key", "secret"))
        venue.exchange.add_key(ApiKey(key=api_key, account=account_id, secret=secret, made_ns=now_ns, **rights))
        keys |= {f"{prefix}api_key": api_key, f"{prefix}secret": secret}
    if venue.name != "bybit_spot":
        keys |= _ed25519_key(venue, account_id, seed, now_ns)
    return EmulatorAccount(account_id=account_id, keys=keys)


def _held(venue: str, entries: Sequence[InstrumentEntry]) -> dict[str, Decimal]:
    named = [coins(entry) for entry in entries]
    held = {} if venue == USDM else {base: BASE_HELD for base, _ in named}
    return held | {quote: QUOTE_HELD for _, quote in named}


def _ed25519_key(venue: Venue, account_id: str, seed: int, now_ns: int) -> dict[str, str]:
    api_key = _text(seed, venue.name, "ed25519_", "key")
    private = Ed25519PrivateKey.from_private_bytes(_digest(seed, venue.name, "ed25519_", "secret")[:32])
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key = ApiKey(key=api_key, account=account_id, kind=KeyKind.ed25519, public_key=public, made_ns=now_ns)
    venue.exchange.add_key(key)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {"ed25519_api_key": api_key, "ed25519_secret": pem}


def _text(seed: int, venue: str, prefix: str, name: str) -> str:
    """Return 64 letters and digits."""
    return _digest(seed, venue, prefix, name).hex()[:64]


def _digest(seed: int, venue: str, prefix: str, name: str) -> bytes:
    return hashlib.sha512(f"emulator {seed} {venue} {prefix} {name}".encode()).digest()
