"""A trader's end of the bus: what it tells, and how words from there reach its loop. Nothing of it holds trading up.

With `streaming.redis.url = "off"` there is no bus, and every call does nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from ml.runtime import Pointer
from native.config import JsonObject
from streaming.bus import (
    AccountEvent,
    ControlRequest,
    FillEvent,
    GapEvent,
    Message,
    ModelSwapEvent,
    OrderRefusedEvent,
    Outcome,
    ProbationEvent,
    Promotion,
    StateEvent,
    Telemetry,
    TradingEvent,
    reply_to,
)
from streaming.bus_config import RedisSettings
from streaming.bus_view import View
from streaming.live.words import LiveEvent
from streaming.shell.bus_client import BusClient
from streaming.shell.control import Answer
from streaming.shell.trader_names import PROCESS
from streaming.trader.modes import mode_of
from streaming.trader.standing import SessionEvent


class TraderBus:
    """Use it on the event loop. `answer` answers control, `look` looks at pointers and verdicts about models.

    `hear_event` hears of every event that is told, also where Redis is off.
    """

    def __init__(
        self,
        config: RedisSettings,
        run_dir: Path,
        loop: asyncio.AbstractEventLoop,
        answer: Answer,
        look: Callable[[], None],
        hear_event: Callable[[TradingEvent], None] = lambda event: None,
    ) -> None:
        self._loop = loop
        self._answer = answer
        self._look = look
        self._hear_event = hear_event
        self._client: BusClient | None = None
        if not config.is_off:
            self._client = BusClient(config, run_dir, PROCESS, self._hear_control, self._hear_news, self._hear_news)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        if self._client is not None:
            self._client.start()

    def stop(self) -> None:
        """Send what waits, for a few seconds at most; blocks."""
        if self._client is not None:
            self._client.stop()

    def to_json(self) -> JsonObject | None:
        """Return how the bus fares, None when it is off."""
        return None if self._client is None else asdict(self._client.reading())

    @property
    def is_on(self) -> bool:
        """Whether anybody can be told anything."""
        return self._client is not None

    def tell_view(self, view: View) -> None:
        """Tell windows how things stand now."""
        if self._client is not None:
            self._client.publish(view)

    def tell_status(self, run: str, ts_ns: int, body: JsonObject) -> None:
        """Tell a status document."""
        if self._client is not None:
            self._client.publish(Telemetry(process=PROCESS, run=run, mode=mode_of(run), ts_ns=ts_ns, body=body))

    def tell_events(self, run: str, events: Sequence[SessionEvent]) -> None:
        """Tell what happened in the session."""
        for event in events:
            self._tell_event(bus_event(run, event))

    def tell_account(self, run: str, event: LiveEvent, instrument: str) -> None:
        """Tell something about our account at a venue; `instrument` may be empty."""
        number = event.client_order_id
        self._tell_event(
            AccountEvent(
                run=run,
                ts_ns=event.ts_ns,
                venue=event.venue,
                told=event.told.value,
                words=event.text,
                instrument=instrument,
                client_order_id=str(number) if number else "",
            )
        )

    def tell_swap(self, run: str, ts_ns: int, hash_from: str, hash_to: str, reason: str) -> None:
        """Tell that another model forecasts from now on."""
        self._tell_event(ModelSwapEvent(run=run, ts_ns=ts_ns, hash_from=hash_from, hash_to=hash_to, reason=reason))

    def tell_probation(self, run: str, ts_ns: int, bundle: str, outcome: Outcome, reason: str) -> None:
        """Tell what became of a model on probation."""
        self._tell_event(ProbationEvent(run=run, ts_ns=ts_ns, hash=bundle, outcome=outcome, reason=reason))

    def tell_promotion(self, pointer: Pointer) -> None:
        """Tell others of a champion pointer that this trader had moved back."""
        if self._client is not None:
            self._client.publish(Promotion(**asdict(pointer)))

    def _tell_event(self, event: TradingEvent) -> None:
        """Tell others over Redis, where it is on, and who hears beside us in this process."""
        self._hear_event(event)
        if self._client is not None:
            self._client.publish(event)

    # --- called in the bus's thread ---

    def _hear_control(self, asked: ControlRequest) -> None:
        self._hop(self._reply, asked)

    def _hear_news(self, _: Message) -> None:
        self._hop(self._look)

    def _hop(self, call: Callable[..., None], *words: object) -> None:
        self._loop.call_soon_threadsafe(call, *words)

    # --- called on the loop ---

    def _reply(self, asked: ControlRequest) -> None:
        assert self._client is not None, "it brought the request"
        self._client.reply(reply_to(asked, self._answer))


def bus_event(run: str, event: SessionEvent) -> TradingEvent:
    """Return the message of an event."""
    body, ts_ns = event.body, event.ts_ns
    match event.kind:
        case "fill":
            words = {name: value for name, value in body.items() if name != "is_maker"}
            return FillEvent.model_validate({**words, "run": run, "ts_ns": ts_ns})
        case "order_refused":
            words = {name: body[name] for name in ("instrument", "side", "price", "size", "bundle")}
            reason = str(body["refused_by"])
            return OrderRefusedEvent.model_validate({**words, "reason": reason, "run": run, "ts_ns": ts_ns})
        case "state":
            return StateEvent(run=run, ts_ns=ts_ns, state=str(body["state"]), reason=str(body["reason"]))
        case "gap":
            return GapEvent(
                run=run,
                ts_ns=ts_ns,
                instrument=str(body["instrument"]),
                is_open=not body["is_closed"],
                reason=str(body["cause"]),
            )
    raise AssertionError(f"no message for an event of kind {event.kind}")
