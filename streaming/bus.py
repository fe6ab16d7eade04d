"""Messages between processes over Redis: telemetry, control, promotions, drift, trading events. No I/O, no clock.

Each is one entry of a Redis stream with a single field, `json`. Streams are trimmed: they are a window on what runs,
not a record; the record is the journal and the lake. Times are int64 UTC ns, prices, sizes and money decimals as text.
Redis is never between a tick and an order: a message may be lost, and nothing may rest on its arrival.
"""

import hmac
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Annotated, ClassVar, Final, Literal, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from native.config import JsonObject
from streaming.errors import BadDataError, TraderError, mistake_text

VERSION: Final = 1
FIELD: Final = "json"
"""Name of the one field of an entry."""

TELEMETRY: Final = "lob:telemetry"
CONTROL: Final = "lob:control"
REPLIES: Final = "lob:control:replies"
PROMOTIONS: Final = "lob:promotions"
DRIFT: Final = "lob:drift"
EVENTS: Final = "lob:events"
VIEW: Final = "lob:view"
ALERTS: Final = "lob:alerts"
STREAM_LENGTHS: Final = {
    TELEMETRY: 1_000,
    CONTROL: 200,
    REPLIES: 200,
    PROMOTIONS: 100,
    DRIFT: 100,
    EVENTS: 10_000,
    VIEW: 50,
    ALERTS: 1_000,
}
"""Entries kept of each stream, about (Redis trims whole nodes)."""
MESSAGE_BYTES_MAX: Final = {
    TELEMETRY: 128 << 10,
    CONTROL: 64 << 10,
    REPLIES: 256 << 10,
    PROMOTIONS: 8 << 10,
    DRIFT: 8 << 10,
    EVENTS: 8 << 10,
    VIEW: 128 << 10,
    ALERTS: 8 << 10,
}
"""Bytes of one message; a longer one is not sent. All streams at their longest fit into the embedded server."""

ALERT_OPS: Final = ("list", "ack", "silence", "unsilence", "test")
CONTROL_OPS: Final = ("status", "orders", "positions", "reduce", "halt", "flatten", "resume", "stop", *ALERT_OPS)
"""Words of control, the same over the socket and Redis. A process may know fewer."""
ID_SIGNS_MAX: Final = 64
DEFAULT_PROCESS: Final = "trader"

TEXT_SIGNS_MAX: Final = 1_000
ShortText = Annotated[str, Field(max_length=TEXT_SIGNS_MAX)]
CutText = Annotated[str, AfterValidator(lambda text: text[:TEXT_SIGNS_MAX])]
"""Of what we tell, not ask: words of others that are too long are cut, as telling must not fail."""
TsNs = Annotated[int, Field(ge=0, lt=1 << 63)]


class BusMessageError(BadDataError):
    """An entry of a stream is not the message that it should be."""


def check_signed_decimal(text: str) -> str:
    """Return `text` when it is a finite decimal; raise ValueError otherwise."""
    try:
        is_finite = Decimal(text).is_finite()
    except InvalidOperation:
        is_finite = False
    if not is_finite:
        raise ValueError(f"expected a decimal as text such as '-0.01', found {text!r}")
    return text


MoneyText = Annotated[str, AfterValidator(check_signed_decimal)]


class Message(BaseModel):
    """What all messages share. Frozen; whoever hands one out no longer changes its body."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    stream: ClassVar[str]
    """That carries it."""

    version: Literal[1] = VERSION

    def to_json(self) -> bytes:
        """Return it as one JSON object."""
        return orjson.dumps(self.model_dump())


class Telemetry(Message):
    """What a process says about itself, about once a second. `body` is its status document."""

    stream: ClassVar[str] = TELEMETRY
    process: ShortText
    """`trader` or `recorder`."""
    run: ShortText
    mode: ShortText
    ts_ns: TsNs
    """Of the process's own clock: an emulator's may run faster than the world's."""
    body: JsonObject


class ControlRequest(Message):
    """A request to a running process. Acted upon once, within seconds of `ts_ns`, or not at all."""

    stream: ClassVar[str] = CONTROL
    id: str = Field(min_length=1, max_length=ID_SIGNS_MAX)
    """Chosen by the asker, unique; a second request of the same id is not heard."""
    op: ShortText
    reason: ShortText = ""
    by: ShortText = ""
    ts_ns: TsNs
    """Of the world's clock (never an emulator's): when it was asked."""
    to: ShortText = DEFAULT_PROCESS
    """Process that it is meant for; the others pass over it."""
    arguments: JsonObject = Field(default_factory=dict)
    """Further words of the op, such as `limit` of `orders`."""
    signature: ShortText = ""
    """HMAC-SHA256, hex, of the request without it."""

    def signed(self, key: bytes) -> "ControlRequest":
        """Return the request with its signature by `key`."""
        return self.model_copy(update={"signature": self._signature(key)})

    def is_signed_by(self, key: bytes) -> bool:
        """Tell whether who made it had `key`, and nothing was changed since."""
        return hmac.compare_digest(self.signature.encode(), self._signature(key).encode())

    def _signature(self, key: bytes) -> str:
        # Of what was read, not of the bytes that came: what is acted upon is what was signed, however it was written.
        signed = orjson.dumps(self.model_dump(exclude={"signature"}), option=orjson.OPT_SORT_KEYS)
        return hmac.new(key, signed, "sha256").hexdigest()

    def to_control(self) -> JsonObject:
        """Return it as the control socket's request: {"op": …, "reason": …, …arguments}."""
        return {**self.arguments, "reason": self.reason, "op": self.op}


class ControlReply(Message):
    """The one answer to a request."""

    stream: ClassVar[str] = REPLIES
    id: str = Field(max_length=ID_SIGNS_MAX)
    """Of the request; of its stream entry where the request had no readable id."""
    ok: bool
    error: str = ""
    exit_code: int = 0
    """That the command line ends with: 0 when `ok`."""
    body: JsonObject = Field(default_factory=dict)

    def to_answer(self) -> JsonObject:
        """Return it as the control socket answers."""
        if self.ok:
            return {**self.body, "ok": True}
        return {"ok": False, "error": self.error, "exit_code": self.exit_code}


class Promotion(Message):
    """The champion pointer has moved. A hint to read the pointer now: the pointer's file is the truth."""

    stream: ClassVar[str] = PROMOTIONS
    hash: ShortText
    generation: int
    by: CutText
    reason: CutText
    ts_ns: TsNs


class Drift(Message):
    """How far newer data are from those a model was trained on; a trader heeds the newest one of the model it runs.

    A hint: the same stands in the verdict's file, `reports/drift/<name>.json`, written before it.
    """

    stream: ClassVar[str] = DRIFT
    hash: ShortText
    """Of the model whose training span was compared with."""
    level: int = Field(ge=0, le=3)
    """0 none, 1 halve the size, 2 reduce only, 3 halt."""
    severity: float = Field(ge=0.0)
    """In multiples of what that span taught to be chance."""
    name: ShortText
    """Of the verdict's file in the reports."""
    words: CutText
    first_step_ns: TsNs
    last_step_ns: TsNs
    """Of the newer data."""
    ts_ns: TsNs
    """Of the world's clock: when it was judged."""


class TradingEvent(Message):
    """What a trading session's events share."""

    stream: ClassVar[str] = EVENTS
    run: ShortText
    ts_ns: TsNs
    """Of the session's clock."""


class FillEvent(TradingEvent):
    """An order was filled, wholly or in part."""

    kind: Literal["fill"] = "fill"
    instrument: ShortText
    side: Literal["buy", "sell"]
    price: MoneyText
    size: MoneyText
    fee: MoneyText
    client_order_id: ShortText
    bundle: ShortText = ""
    """Beginning of the hash of the model that caused the order; empty for none."""


class OrderRefusedEvent(TradingEvent):
    """Risk or the venue refused an order."""

    kind: Literal["order_refused"] = "order_refused"
    instrument: ShortText
    side: Literal["buy", "sell"]
    price: MoneyText
    size: MoneyText
    reason: CutText
    bundle: ShortText = ""
    """As of a fill."""


class StateEvent(TradingEvent):
    """The trading state changed: ACTIVE, REDUCE, HALTED, FLATTEN."""

    kind: Literal["state"] = "state"
    state: ShortText
    reason: CutText


class GapEvent(TradingEvent):
    """A book broke (`is_open`) or is whole again."""

    kind: Literal["gap"] = "gap"
    instrument: ShortText
    is_open: bool
    reason: CutText = ""


class ModelSwapEvent(TradingEvent):
    """Another model forecasts from now on; empty text stands for none."""

    kind: Literal["model_swap"] = "model_swap"
    hash_from: ShortText
    hash_to: ShortText
    reason: CutText = ""


Severity = Literal["info", "warning", "critical"]
AlertState = Literal["firing", "acknowledged", "resolved"]


class AlertNotice(Message):
    """An alert began, goes on, was acknowledged or is over. The newest notice of an `id` is how it stands."""

    stream: ClassVar[str] = ALERTS
    id: ShortText
    """One episode of one rule and subject."""
    rule: ShortText
    subject: ShortText = ""
    """What it is about: an instrument, venue, model, run, process."""
    severity: Severity
    state: AlertState
    title: CutText
    words: CutText = ""
    """What is the matter, with figures, and what to do next."""
    count: int = Field(default=1, ge=1)
    """How often it was seen in this episode."""
    ts_first_ns: TsNs
    """Of the world's clock, as `ts_ns`."""
    ts_ns: TsNs
    by: CutText = ""
    """Who acknowledged it."""
    delivered: CutText = ""
    """What became of its delivery: sent, held back (why), failed (why)."""


Outcome = Literal["begun", "passed", "failed", "rolled_back", "not_rolled_back"]


class ProbationEvent(TradingEvent):
    """A promoted model is watched, has passed, has failed and gave way, or is champion no more by its failure."""

    kind: Literal["probation"] = "probation"
    hash: ShortText
    outcome: Outcome
    reason: CutText = ""


class AccountEvent(TradingEvent):
    """Something about our account at a venue: heard or not, as known here or not, halted, limited, an order unknown."""

    kind: Literal["account"] = "account"
    venue: ShortText
    told: ShortText
    """A word of `streaming.live.words.Told`."""
    words: CutText
    instrument: ShortText = ""
    client_order_id: ShortText = ""


AnyEvent = Annotated[
    FillEvent | OrderRefusedEvent | StateEvent | GapEvent | ModelSwapEvent | ProbationEvent | AccountEvent,
    Field(discriminator="kind"),
]

_EVENT: Final[TypeAdapter[TradingEvent]] = TypeAdapter(AnyEvent)
MessageT = TypeVar("MessageT", bound=Message)


def message_from_json(kind: type[MessageT], payload: bytes) -> MessageT:
    """Return the message in an entry; BusMessageError says what is wrong with it."""
    try:
        return kind.model_validate(_object(payload))
    except ValidationError as error:
        raise BusMessageError(unreadable(kind.__name__, error)) from error


def event_from_json(payload: bytes) -> TradingEvent:
    """Return the trading event in an entry of `lob:events`; BusMessageError says what is wrong with it."""
    try:
        return _EVENT.validate_python(_object(payload))
    except ValidationError as error:
        raise BusMessageError(unreadable("TradingEvent", error)) from error


def address_of(payload: bytes) -> tuple[str, str]:
    """Return id and addressee of a request, however wrong the rest of it: empty and `trader` where unreadable."""
    try:
        found = _object(payload)
    except BusMessageError:
        return "", DEFAULT_PROCESS
    request_id, process = found.get("id"), found.get("to", DEFAULT_PROCESS)
    is_readable = isinstance(request_id, str) and len(request_id) <= ID_SIGNS_MAX
    return str(request_id) if is_readable else "", process if isinstance(process, str) else DEFAULT_PROCESS


def reply_to(request: ControlRequest, answer: Callable[[JsonObject], JsonObject]) -> ControlReply:
    """Return the reply made by `answer`, the function that answers the control socket; its TraderError refuses."""
    try:
        return ControlReply(id=request.id, ok=True, body=answer(request.to_control()))
    except TraderError as error:
        return refusal(request.id, str(error), error.exit_code)
    except Exception as error:  # whoever asked must not think that the process has ended
        return refusal(request.id, mistake_text(error), TraderError.exit_code)


def refusal(request_id: str, error: str, exit_code: int) -> ControlReply:
    """Return a reply that says no."""
    return ControlReply(id=request_id, ok=False, error=error, exit_code=exit_code)


def _object(payload: bytes) -> dict[str, JsonValue]:
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise BusMessageError(f"bus: expected one JSON object, found {payload[:40]!r}") from error
    if not isinstance(found, dict):
        raise BusMessageError(f"bus: expected one JSON object, found {payload[:40]!r}")
    return found


def unreadable(kind: str, error: ValidationError) -> str:
    """Return the words about the first thing that is wrong with a message of `kind`."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "message"
    return f"bus: {kind}: {key}: {first['msg']}"
