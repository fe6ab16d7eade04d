"""What windows show of a running trader, about five times a second: one `View` an entry of `lob:view`. No I/O.

Prices, sizes and money are decimal text, times int64 UTC ns of the session's clock. A view is whole in itself: whoever
misses one needs nothing but the next. Replayed sessions are told in the same form (see `streaming.view`).
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streaming.bus import VIEW, BusMessageError, Message, MoneyText, ShortText, TsNs, unreadable

Price = MoneyText
Size = MoneyText
Level = tuple[Price, Size]
Bps = float


class _Part(BaseModel):
    """A part of a message; frozen and strict as the message is."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class OwnOrder(_Part):
    """One of our orders that has not ended."""

    client_order_id: ShortText
    side: Literal["buy", "sell"]
    price: Price
    size: Size
    filled: Size
    state: ShortText
    purpose: ShortText = ""
    strategy: ShortText = ""
    ts_sent_ns: TsNs
    queue_ahead: Size | None = None
    """Estimated size that trades before ours (`streaming.view.queue` has the formula); None where nothing says it."""


class PublicTrade(_Part):
    """A trade that the venue printed."""

    ts_ns: TsNs
    """When it was received."""
    price: Price
    size: Size
    side: Literal["buy", "sell"]
    """Of the taker."""


class MarketView(_Part):
    """One instrument: its feed, book, and what is ours in it."""

    instrument: ShortText
    feed: ShortText
    """State of the feed machine: unsynced, buffering, synced, gap."""
    is_valid: bool
    """In the grid step that closed last."""
    ts_book_ns: TsNs = 0
    """When the last frame of its book was received; 0 before the first."""
    lag_ms: float | None = None
    """Received less the venue's own time, of the newest frame that tells one."""
    update_id: int = 0
    """Sequence number of the book as the venue counts; 0 where it tells none."""
    bids: tuple[Level, ...] = ()
    """Best first."""
    asks: tuple[Level, ...] = ()
    tick: Price
    position: Size
    average_price: Price | None = None
    pnl: MoneyText
    realised: MoneyText
    unrealised: MoneyText
    fees: MoneyText
    funding: MoneyText
    orders: tuple[OwnOrder, ...] = ()
    trades: tuple[PublicTrade, ...] = ()
    """Newest first."""


class ForecastView(_Part):
    """The newest forecast that was acted on."""

    model: ShortText
    """Beginning of the bundle's hash."""
    ts_step_ns: TsNs
    step_ns: int = Field(gt=0)
    instruments: tuple[ShortText, ...]
    """Of the grid's slots, in order; empty text for a slot without one."""
    mid_bps: tuple[tuple[Bps, ...], ...]
    """[slot][h]: cumulative log return of the mid forecast for step h + 1 ahead."""
    mids: tuple[Price | None, ...]
    """[slot]: mid when the step closed."""
    horizons: tuple[int, ...] = ()
    """Steps ahead for which `band_bps` is known."""
    band_bps: tuple[tuple[Bps | None, ...], ...] = ()
    """[slot][horizon]: root of the live mean squared error there; None before anything was scored."""


class AttentionReader(_Part):
    """Where the forecast of one instrument's mid looked: shares by the instrument looked at. All of them sum to 1."""

    instrument: ShortText
    books: dict[str, tuple[tuple[float, ...], tuple[float, ...]]]
    """Bid, then ask: each by level from the best on, price and size together."""
    rest: dict[str, float]
    """Its flows, and what it gathered for its own forecast."""


class AttentionView(_Part):
    """Where the live model looked in its newest window that was asked about. Each list of shares sums to 1."""

    model: ShortText
    ts_step_ns: TsNs
    venues: dict[str, float]
    """By instrument. This and what follows is the mean over readers."""
    sides: dict[str, float]
    levels: dict[str, float]
    """1 is the best; `none` is of no level."""
    features: dict[str, float]
    even: dict[str, dict[str, float]] = Field(default_factory=dict)
    """The same four by their names: what each share were, had the model looked at all it sees alike."""
    lags: tuple[float, ...] = ()
    """By age in steps, newest first; empty for a model that reads a whole path as one."""
    readers: tuple[AttentionReader, ...] = ()
    note: ShortText = ""
    """Why there is none, such as a model that is not of a bundle; the shares are empty then."""


class View(Message):
    """See the head of the file."""

    stream: ClassVar[str] = VIEW
    process: ShortText = "trader"
    run: ShortText
    mode: ShortText
    """replay, paper, shadow, live."""
    ts_ns: TsNs
    number: int = Field(ge=0)
    """Counts up within a process."""
    state: ShortText
    """Trading state: active, reducing, flattening, halted, starting."""
    since_ns: TsNs = 0
    trigger: ShortText = ""
    reason: Annotated[str, Field(max_length=1_000)] = ""
    open_orders: int = Field(default=0, ge=0)
    pnl: MoneyText
    """Of all instruments, after fees and funding."""
    equity: MoneyText | None = None
    steps: int = Field(default=0, ge=0)
    frames: int = Field(default=0, ge=0)
    orders: int = Field(default=0, ge=0)
    fills: int = Field(default=0, ge=0)
    ts_step_ns: TsNs = 0
    """The grid step that closed last."""
    markets: tuple[MarketView, ...] = ()
    forecast: ForecastView | None = None
    attention: AttentionView | None = None


def view_from_json(payload: bytes) -> View:
    """Return the view in an entry of `lob:view`; BusMessageError says what is wrong with it."""
    try:
        return View.model_validate_json(payload)
    except ValidationError as error:
        raise BusMessageError(unreadable(View.__name__, error)) from error
