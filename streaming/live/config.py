"""Section `[streaming.live]`: whose accounts are traded, where they are, and how patient the trader is with them.

Production, testnet, demo and emulator are addresses and nothing else. An address is a base such as
`wss://ws-fapi.binance.com`; the venue's own paths are added. All durations are of the shared clock, but for sockets'
and requests' own patience, which is real.
"""

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from native.config import VENUES, Section
from streaming.live.hosts import PRODUCTION
from streaming.secret_keys import SCHEMES, KeyReferenceError, parse_reference
from streaming.venues.client_ids import PREFIX

OFF = "off"
ADDRESSES = ("rest", "order_socket", "user_socket", "permissions_rest")
Rule = Literal["book", "cancel", "halt", "tell"]
"""What follows from a difference between us and the venue: the venue's word is booked; the order is cancelled there;
it is booked and trading halts; it is told and nothing else."""


class VenueAccount(Section):
    """Section `[streaming.live.accounts.VENUE]`: one account at one venue."""

    account_id: str = ""
    """As the venue states it of the key (a person finds it in the account's own pages). Live mode refuses a key of
    another account; empty: live mode refuses, and names the id that it found."""
    api_key: str = Field(default="", repr=False)
    """Where the key is kept, never the key: `env:NAME`, `keyring:SERVICE/NAME` or `file:/PATH`, `file:/PATH#KEY.KEY`
    for one value of a TOML or JSON file. Files must be of mode 600 and this user's own."""
    secret: str = Field(default="", repr=False)
    """Where the secret is kept: text for HMAC, or an Ed25519 private key in PEM."""
    watchdog_api_key: str = Field(default="", repr=False)
    """Of a key of its own for the watchdog process and `trader kill`, so that these work with the trader's blocked."""
    watchdog_secret: str = Field(default="", repr=False)
    rest: str = ""
    """Empty: production, as of all addresses."""
    order_socket: str = ""
    """`off` where there is none (Bybit's demo): orders then go over REST."""
    user_socket: str = ""
    """Of venues whose account events have a socket of their own (Binance USD-M, Bybit)."""
    permissions_rest: str = ""
    """Where the key's permissions are asked, which USD-M's own address does not tell: production asks spot's. Empty
    elsewhere: at `rest`."""
    recv_window_ms: int = Field(default=5_000, ge=100, le=60_000)
    """A request that reaches the venue later than this is refused there: a delayed order dies instead of trading."""

    @field_validator("api_key", "secret", "watchdog_api_key", "watchdog_secret")
    @classmethod
    def check_reference(cls, text: str) -> str:
        """Accept a place, never a key itself; whatever stands there is not repeated."""
        try:
            return str(parse_reference(text)) if text else text
        except KeyReferenceError as error:
            raise ValueError(f"{error} (what was found is not shown: it may be a key); one of: {SCHEMES}") from None

    @field_validator("rest", "order_socket", "user_socket", "permissions_rest")
    @classmethod
    def check_address(cls, text: str) -> str:
        """Accept a base address without credentials."""
        if text in {"", OFF}:
            return text
        parts = urlsplit(text)
        known = parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname
        if not known or parts.username is not None or parts.query:
            raise ValueError("expected a base address such as wss://ws-api.binance.com:443, found another form")
        return text.rstrip("/")

    @model_validator(mode="after")
    def check_pairs(self) -> Self:
        """A key has its secret."""
        for key, secret in (("api_key", "secret"), ("watchdog_api_key", "watchdog_secret")):
            if bool(getattr(self, key)) != bool(getattr(self, secret)):
                raise ValueError(f"expected {key} and {secret} together, found one alone")
        return self


class DifferenceRules(Section):
    """Section `[streaming.live.differences]`: what follows when the venue's word differs from ours.

    The venue's orders and fills are always booked first, whatever the rule says further.
    """

    missing_fill: Rule = "book"
    """A fill of ours that we were never told."""
    ghost_order: Rule = "book"
    """Open here, and not at the venue, though nothing told its end."""
    foreign_order: Rule = "cancel"
    """Open at the venue with our prefix, and unknown here."""
    position: Rule = "halt"
    balance: Rule = "tell"


class ShutdownSettings(Section):
    """Section `[streaming.live.shutdown]`: how a live session ends."""

    flatten: bool = False
    """Close every position before the end; without it positions stay, and are named."""
    cancel_s: float = Field(default=10.0, gt=0)
    """For every order to be cancelled and confirmed by a query."""
    flatten_s: float = Field(default=30.0, gt=0)
    """For positions to close, after which the rest is named and left."""


class LiveConfig(Section):
    """Section `[streaming.live]`."""

    account: str = Field(default="", pattern=r"^[A-Za-z0-9_.-]{0,64}$")
    """Our own name of what is traded, such as `main-testnet`: typed by a person, or given to `--yes-live`, before live
    orders leave."""
    id_prefix: str = "lob"
    """Begins every client order id of ours; nothing else is ever cancelled by itself. Two traders on one account need
    two prefixes."""
    accounts: dict[str, VenueAccount] = Field(default_factory=dict)
    answer_ms: int = Field(default=2_000, gt=0)
    """A request about an order without an answer for so long has an unknown outcome."""
    ask_ms: int = Field(default=5_000, gt=0)
    """The same of every other request, which is then asked again."""
    connect_ms: int = Field(default=10_000, gt=0)
    private_silence_ms: int = Field(default=30_000, gt=0)
    """A private socket that neither spoke nor answered a ping for so long is opened anew."""
    ping_ms: int = Field(default=10_000, gt=0)
    """How often private sockets are asked for a sign of life."""
    backoff_min_ms: int = Field(default=250, gt=0)
    backoff_max_ms: int = Field(default=15_000, gt=0)
    rotate_hours: float = Field(default=23.0, gt=0)
    """Venues cut connections at 24 h; another one is opened before."""
    listen_key_minutes: float = Field(default=30.0, gt=0, lt=60)
    """How often a listen key, which lives an hour, is renewed."""
    clock_s: float = Field(default=60.0, gt=0)
    """How often the venue's clock is asked for."""
    reconcile_s: float = Field(default=30.0, gt=0)
    absent_after_ms: int = Field(default=5_000, ge=1_000)
    """A venue that says "no such order" sooner than this after the order was sent may only be late itself."""
    dead_man_s: float = Field(default=30.0, ge=5.0, le=600.0)
    """USD-M: the venue cancels all orders of a symbol itself when it has not heard from us for so long."""
    weight_share: float = Field(default=0.8, gt=0, le=1)
    """Our part of the venue's limits on this address, all processes together."""
    cancel_reserve_share: float = Field(default=0.2, ge=0, lt=1)
    """Of that part, what only cancels and queries of orders may use."""
    dust_quote: str = Field(default="1", pattern=r"^\d{1,12}(\.\d{1,18})?$")
    """Balances that differ by less than this are not told."""
    differences: DifferenceRules = DifferenceRules()
    shutdown: ShutdownSettings = ShutdownSettings()

    @field_validator("id_prefix")
    @classmethod
    def check_prefix(cls, text: str) -> str:
        """It is one that all venues take."""
        if PREFIX.fullmatch(text) is None:
            raise ValueError("expected 1 to 12 letters and digits")
        return text

    @field_validator("accounts")
    @classmethod
    def check_venues(cls, accounts: dict[str, VenueAccount]) -> dict[str, VenueAccount]:
        """Every key is a venue that is spoken to."""
        for venue in accounts:
            if venue not in VENUES:
                raise ValueError(f"unknown venue {venue!r}; expected one of: {', '.join(VENUES)}")
        return accounts

    def account_of(self, venue: str) -> VenueAccount:
        """Return a venue's account with every address filled in; one without a section has no key.

        An empty address then means that the venue has no such socket.
        """
        found = self.accounts.get(venue, VenueAccount())
        own = {name: value for name in ADDRESSES if (value := getattr(found, name))}
        if found.rest and found.rest != PRODUCTION[venue]["rest"]:
            own.setdefault("permissions_rest", found.rest)
        places = {name: "" if value == OFF else value for name, value in {**PRODUCTION[venue], **own}.items()}
        return found.model_copy(update=places)
