"""A process's end of the bus: a thread of its own beside the event loop, which Redis can never hold up.

Publishing is at most once: what was under way when the connection broke is counted as dropped, though it may have
arrived. Control is read from the moment of the first connection on; `bus_desk.py` has its rules.
"""

import getpass
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from native.config import JsonObject
from streaming.bus import (
    CONTROL,
    DRIFT,
    MESSAGE_BYTES_MAX,
    PROMOTIONS,
    REPLIES,
    BusMessageError,
    ControlReply,
    ControlRequest,
    Drift,
    Message,
    MessageT,
    Promotion,
    message_from_json,
    refusal,
)
from streaming.bus_config import RedisSettings
from streaming.bus_desk import NS_PER_S, STALE_NS, ControlDesk
from streaming.control_key import control_key
from streaming.errors import NotRunningError, TraderError, UsageError
from streaming.redis_server import EmbeddedRedis, socket_path
from streaming.shell.bus_connection import BUS_FAILURES, FIRST_ID, BusConnection, Entry, id_order
from streaming.shell.bus_outbox import BATCH_MAX, QUEUE_MAX, Outbox

if TYPE_CHECKING:
    from ml.runtime import Pointer
    from streaming.settings import Settings

BLOCK_MS: Final = 50
"""Longest wait for control before what was published meanwhile is sent."""
BACKOFF_MIN_S: Final = 0.1
BACKOFF_MAX_S: Final = 3.0
JOIN_S: Final = 3.0
LAST_BATCHES_MAX: Final = 2 * QUEUE_MAX // BATCH_MAX + 1
"""Sent at the end; who goes on publishing then is not heard for ever."""
ASK_BLOCK_MS: Final = 200


@dataclass(frozen=True, slots=True)
class BusReading:
    """How the bus fares."""

    is_connected: bool
    published: int
    dropped: int
    """Given up: pushed out of the full queue, refused by Redis, or under way when the connection broke."""
    reconnects: int
    last_problem: str
    """Empty when there was none; it may be over."""

    def to_json(self) -> JsonObject:
        """Return it as one JSON object."""
        return asdict(self)


class BusClient:
    """Publishes, and hears control and promotions. Callbacks run in the bus's thread: hop with call_soon_threadsafe.

    `name` is the process that control is meant for, such as `trader`. Without `on_control` no request is read: they
    would be answered by nobody.
    """

    def __init__(
        self,
        config: RedisSettings,
        run_dir: Path,
        name: str,
        on_control: Callable[[ControlRequest], None] | None = None,
        on_promotion: Callable[[Promotion], None] | None = None,
        on_drift: Callable[[Drift], None] | None = None,
        ears: Mapping[str, Callable[[bytes], None]] | None = None,
    ) -> None:
        """`ears` hear the payloads of further streams, read or not, from now on."""
        self._config = config
        self._embedded = EmbeddedRedis(run_dir)
        self._desk = ControlDesk(name, lambda: control_key(run_dir))
        self._on_control = on_control
        self._on_promotion = on_promotion
        self._on_drift = on_drift
        self._ears = dict(ears or {})
        self._outbox = Outbox()
        self._ended = threading.Event()
        self._positions: dict[str, str] = {}
        self._connects = 0
        self._is_connected = False
        self._last_problem = ""
        # A daemon: a name server that hangs for a minute must not hold up the end of the process.
        self._thread = threading.Thread(target=self._run, name="bus", daemon=True)

    def start(self) -> None:
        """Start the thread; returns at once, connected or not. Nothing happens where Redis is off."""
        if not self._config.is_off:
            self._thread.start()

    def stop(self) -> None:
        """Send what waits if Redis is there, and end the thread; within about 3 s whatever Redis does."""
        self._ended.set()
        self._outbox.filled.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def publish(self, message: Message) -> None:
        """Queue a message and return at once; when 1,000 wait the oldest is dropped and counted."""
        if not self._config.is_off:
            self._outbox.put(message)

    def reply(self, reply: ControlReply) -> None:
        """Queue the answer to a request; answers go before other messages."""
        self.publish(reply)

    def reading(self) -> BusReading:
        """Return how the bus fares now."""
        outbox = self._outbox
        return BusReading(
            is_connected=self._is_connected,
            published=outbox.published,
            dropped=outbox.dropped,
            reconnects=max(0, self._connects - 1),
            last_problem=self._last_problem,
        )

    def _run(self) -> None:
        """Connect, converse, and wait before the next try, until told to end."""
        wait_s = BACKOFF_MIN_S
        try:
            while not self._ended.is_set():
                try:
                    with self._connected() as connection:
                        wait_s = BACKOFF_MIN_S
                        self._converse(connection)
                except (*BUS_FAILURES, TraderError) as error:
                    self._note(error)
                except Exception as error:  # a callback's or our own mistake must not silence the bus for good
                    self._note(error)
                self._ended.wait(wait_s)
                wait_s = min(BACKOFF_MAX_S, 2 * wait_s)
        finally:
            self._outbox.abandon()
            self._embedded.close()

    @contextmanager
    def _connected(self) -> Iterator[BusConnection]:
        socket = self._embedded.ensure() if self._config.is_embedded else self._embedded.socket
        connection = BusConnection(self._config, socket)
        try:
            self._find_positions(connection)
            self._connects += 1
            self._is_connected = True
            yield connection
        finally:
            self._is_connected = False
            connection.close()

    def _converse(self, connection: BusConnection) -> None:
        """Send and hear until told to end; what waited then is sent."""
        while not self._ended.is_set():
            is_more_likely = self._send(connection) == BATCH_MAX
            if not self._positions:
                self._outbox.filled.wait(BLOCK_MS / 1_000)
                continue
            for entry in connection.read(self._positions, 0 if is_more_likely else BLOCK_MS):
                self._positions[entry.stream] = entry.id
                self._hear(entry)
        for _ in range(LAST_BATCHES_MAX):
            if not self._send(connection):
                break

    def _find_positions(self, connection: BusConnection) -> None:
        """Read from now on at first, then from where we were: at the beginning where Redis has lost its streams."""
        wanted = {CONTROL: self._on_control, PROMOTIONS: self._on_promotion, DRIFT: self._on_drift, **self._ears}
        for stream in (stream for stream, hearer in wanted.items() if hearer is not None):
            newest = connection.last_id(stream)
            known = self._positions.get(stream, newest)
            self._positions[stream] = known if id_order(known) <= id_order(newest) else FIRST_ID

    def _send(self, connection: BusConnection) -> int:
        """Send one batch and return how many messages it had."""
        batch = self._outbox.take()
        sent = 0
        try:
            entries = [entry for message in batch if (entry := self._entry(message)) is not None]
            refusals = connection.add(entries) if entries else []
            sent = len(entries) - len(refusals)
            if refusals:
                self._last_problem = f"Redis refused: {refusals[-1]}"
        finally:
            self._outbox.count(published=sent, dropped=len(batch) - sent)
        return len(batch)

    def _entry(self, message: Message) -> tuple[str, bytes] | None:
        """Return stream and payload; None, noted, when it is too large or holds what JSON does not."""
        stream, name = message.stream, type(message).__name__
        try:
            payload = message.to_json()
        except TypeError as error:  # orjson's: an integer of more than 64 bits
            self._last_problem = f"a {name} was dropped: {error}"
            return None
        if len(payload) <= MESSAGE_BYTES_MAX[stream]:
            return stream, payload
        problem = f"{len(payload)} bytes, expected at most {MESSAGE_BYTES_MAX[stream]}"
        if isinstance(message, ControlReply):  # whoever asked waits for it
            error_text = f"the answer is too long for Redis ({problem}); ask for less, or without --via redis"
            return stream, refusal(message.id, error_text, TraderError.exit_code).to_json()
        self._last_problem = f"a {name} was dropped: {problem}"
        return None

    def _hear(self, entry: Entry) -> None:
        if entry.stream in self._ears:
            self._ears[entry.stream](entry.payload)
            return
        if entry.stream == PROMOTIONS:
            self._hear_news(entry, Promotion, self._on_promotion)
            return
        if entry.stream == DRIFT:
            self._hear_news(entry, Drift, self._on_drift)
            return
        heard = self._desk.take(entry.id, entry.payload, time.time_ns())
        if isinstance(heard, ControlReply):
            self.reply(heard)
        elif heard is not None and self._on_control is not None:
            self._on_control(heard)

    def _hear_news(self, entry: Entry, kind: type[MessageT], ear: Callable[[MessageT], None] | None) -> None:
        try:
            message = message_from_json(kind, entry.payload)
        except BusMessageError as error:  # nobody waits for an answer, and a file is the truth
            self._last_problem = str(error)
            return
        if ear is not None:
            ear(message)

    def _note(self, error: Exception) -> None:
        self._last_problem = problem_text(self._config, error)


def problem_text(config: RedisSettings, error: Exception) -> str:
    """Return an error in one line without the server's password, whatever the library put into it."""
    if isinstance(error, TraderError):
        return str(error)
    text = " ".join(str(error).split()) or type(error).__name__
    return config.without_secrets(f"Redis ({config.shown}): {text}")


def warn_on_stderr(line: str) -> None:
    """Tell a person in one line."""
    print(f"warning: {line}", file=sys.stderr)


def publish_promotion(settings: "Settings", pointer: "Pointer", warn: Callable[[str], None] = warn_on_stderr) -> None:
    """Tell running traders that the champion moved; never fails the promotion: `warn` is told in one line.

    Without it a trader sees the pointer's file within a second or so. Nobody is told where the embedded server is not
    running: then nobody listens.
    """
    problem = _tell(settings, Promotion(**asdict(pointer)))
    if problem:
        warn(f"traders were not told of the promotion, they see it when they next look: {problem}")


def publish_drift(settings: "Settings", drift: Drift, warn: Callable[[str], None] = warn_on_stderr) -> None:
    """Tell running traders how far newer data are from their model's; never fails: `warn` is told in one line.

    The file that `orchestration` writes before it is the truth; this is the hint to read it now.
    """
    problem = _tell(settings, drift)
    if problem:
        warn(f"traders were not told of the drift, they see it when they next look: {problem}")


def _tell(settings: "Settings", message: Message) -> str:
    """Send one message to whoever listens and return what went wrong; nothing is where nobody can be listening."""
    config = settings.streaming.redis
    socket = socket_path(settings.warehouse.run_dir)
    if config.is_off or (config.is_embedded and not socket.exists()):
        return ""
    try:
        connection = BusConnection(config, socket)
        try:
            refusals = connection.add([(message.stream, message.to_json())])
        finally:
            connection.close()
    except BUS_FAILURES as error:
        return problem_text(config, error)
    return refusals[0] if refusals else ""


def ask_over_redis(
    config: RedisSettings, run_dir: Path, process: str, request: JsonObject, timeout_s: float = 5.0
) -> JsonObject:
    """Ask `process` over Redis as `shell.control.ask` asks over its socket: same request, same answer.

    NotRunningError when Redis is off or not there, or when no answer came in time; RefusedError without a usable
    `control.key` to sign with. A refusal is returned, not raised.
    """
    if config.is_off:
        raise NotRunningError('Redis is off by streaming.redis.url = "off"; ask without --via redis')
    socket = socket_path(run_dir)
    if config.is_embedded and not socket.exists():
        raise NotRunningError(f"{socket}: nothing is running there")
    message = control_request(process, request).signed(control_key(run_dir))
    try:
        connection = BusConnection(config, socket)
        try:
            return _exchange(connection, message, timeout_s)
        finally:
            connection.close()
    except BUS_FAILURES as error:
        text = problem_text(config, error)
        raise NotRunningError(f"{text}; is {process} running? Ask it without --via redis") from error


def control_request(process: str, request: JsonObject) -> ControlRequest:
    """Return a control socket's request as a message to sign, asked now by this user; UsageError when too long."""
    words = dict(request)
    op, reason = str(words.pop("op")), str(words.pop("reason", ""))
    try:
        return ControlRequest(
            id=uuid.uuid4().hex,
            op=op,
            reason=reason,
            by=asking_user(),
            ts_ns=time.time_ns(),
            to=process,
            arguments=words,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"control over Redis: {first['loc'][0]}: {first['msg']}") from error


def asking_user() -> str:
    """Return who we are, as far as the system knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def _exchange(connection: BusConnection, message: ControlRequest, timeout_s: float) -> JsonObject:
    """Send a request and wait for the reply of its id."""
    position = connection.last_id(REPLIES)
    end_s = time.monotonic() + timeout_s
    refusals = connection.add([(CONTROL, message.to_json())])
    if refusals:
        raise NotRunningError(f"Redis refused the request: {refusals[0]}")
    while time.monotonic() < end_s:
        for entry in connection.read({REPLIES: position}, ASK_BLOCK_MS):
            position = entry.id
            reply = _reply_of(entry)
            if reply is not None and reply.id == message.id:
                return reply.to_answer()
    error = f"{message.to}: no answer over Redis in {timeout_s:g} s; it is not running, or hangs"
    raise NotRunningError(f"{error}: until {STALE_NS // NS_PER_S} s after you asked it may still do as told")


def _reply_of(entry: Entry) -> ControlReply | None:
    try:
        return message_from_json(ControlReply, entry.payload)
    except BusMessageError:  # somebody else's affair
        return None
