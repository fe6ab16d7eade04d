"""Section `[streaming.record]`: what `trader record` captures, from where, and how patient it is.

Every host is a value here; without one the venue's production address is used. Durations are real ones: where an
emulator's clock runs faster, they are stretched on its scale, so that a machine's hiccup is no outage.
"""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, PositiveInt, field_validator, model_validator

from native.config import VENUES, InstrumentText, Section


class VenueAddresses(Section):
    """Where one venue is; empty means production."""

    rest: str = ""
    """Such as `http://127.0.0.1:8081`; the venue's paths are added."""
    websocket: tuple[str, ...] = ()
    """Such as `ws://127.0.0.1:8081`; a route's path is added. The second copy of a stream takes the second one."""

    @field_validator("rest")
    @classmethod
    def check_rest(cls, text: str) -> str:
        """Accept http and https."""
        return _check_address(text, ("http", "https")) if text else text

    @field_validator("websocket")
    @classmethod
    def check_websocket(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        """Accept ws and wss."""
        return tuple(_check_address(text, ("ws", "wss")) for text in texts)


class WatchSettings(Section):
    """When a connection is given up, and how the next is tried."""

    connect_ms: int = Field(default=10_000, gt=0)
    first_message_ms: int = Field(default=10_000, gt=0)
    """Every book must have spoken by then; an acknowledgement proves nothing."""
    stale_ms: int = Field(default=15_000, gt=0)
    """Longest silence of a book. What happens then: `recorder/link.py`; the others' connection stays up."""
    stale_ms_by_instrument: dict[InstrumentText, PositiveInt] = Field(default_factory=dict)
    """Of instruments that trade rarely, such as `{"bybit_spot:XYZUSDT" = 60000}`."""
    quiet_ms: int = Field(default=60_000, gt=0)
    """Longest silence of a connection that carries trades alone."""
    probe_ms: int = Field(default=5_000, gt=0)
    """A silent connection is asked once, then given up after this long."""
    backoff_min_ms: int = Field(default=250, gt=0)
    backoff_max_ms: int = Field(default=30_000, gt=0)
    rotate_hours: float = Field(default=23.0, gt=0.0)
    """Binance cuts connections at 24 h; a successor is opened before. In hours of the shared clock."""


class RestSettings(Section):
    """How exchange information and snapshots are asked for."""

    timeout_ms: int = Field(default=10_000, gt=0)
    start_timeout_ms: int = Field(default=120_000, gt=0)
    """A venue whose exchange information cannot be had for so long ends the recorder."""
    weight_share: float = Field(default=0.5, gt=0.0, le=1.0)
    """Our part of the venue's limit on this address."""
    retry_min_ms: int = Field(default=500, gt=0)
    retry_max_ms: int = Field(default=30_000, gt=0)
    check_ms: int = Field(default=5_000, gt=0)
    """A snapshot that has not joined its stream after this long is asked for again."""
    exchange_info_minutes: float = Field(default=60.0, gt=0.0)
    """How often exchange information is read again while recording: a changed tick, size unit or lot begins a new run,
    an instrument that the venue does not trade any more is left in peace."""
    exchange_info_soon_ms: int = Field(default=60_000, gt=0)
    """Upon doubt (a refused subscription, one book silent beside others) it is read at once, but not sooner after the
    last time than this."""


class RecordConfig(Section):
    """Section `[streaming.record]`."""

    instruments: tuple[InstrumentText, ...] = ()
    """What to capture; empty: the instruments of the trader's grid."""
    copies: int = Field(default=1, ge=1, le=2)
    """Connections that carry each stream; frames heard on both are written once."""
    hold_ms: int = Field(default=250, gt=0)
    """With two connections: how long a frame waits for one that the other may yet bring."""
    addresses: dict[str, VenueAddresses] = Field(default_factory=dict)
    watch: WatchSettings = WatchSettings()
    rest: RestSettings = RestSettings()
    flush_ms: int = Field(default=500, ge=10, le=1_000)
    """Frames reach the segment file at least this often: what a kill of the process can cost."""
    fsync_ms: int = Field(default=5_000, ge=100)
    """The file is forced to the disk at least this often: what a power cut can cost."""
    queue_mib: int = Field(default=64, ge=1)
    """Frames waiting for the disk. When full the sockets are not read until half is written: nothing is dropped."""
    seed: int = 1
    """Of the jitter."""

    @property
    def queue_bytes(self) -> int:
        """`queue_mib` in bytes."""
        return self.queue_mib << 20

    @field_validator("addresses")
    @classmethod
    def check_venues(cls, addresses: dict[str, VenueAddresses]) -> dict[str, VenueAddresses]:
        """Every key is a venue that is spoken to."""
        for venue in addresses:
            if venue not in VENUES:
                raise ValueError(f"unknown venue {venue!r}; expected one of: {', '.join(VENUES)}")
        return addresses

    @model_validator(mode="after")
    def check_instruments(self) -> Self:
        """Every instrument is of such a venue and named once."""
        for name in (*self.instruments, *self.watch.stale_ms_by_instrument):
            if name.partition(":")[0] not in VENUES:
                raise ValueError(f"{name}: unknown venue; expected one of: {', '.join(VENUES)}")
        if len(set(self.instruments)) != len(self.instruments):
            raise ValueError("an instrument is named twice")
        return self


def _check_address(text: str, schemes: tuple[str, ...]) -> str:
    parts = urlsplit(text)
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"expected an address such as {schemes[0]}://127.0.0.1:8081, found {text!r}")
    return text.rstrip("/")
