"""Which control requests are acted upon. No I/O; the time is an argument, the key comes from a function.

- One that is not signed with the key of our run folder is refused: whoever can write to Redis may not command a trader.
- A request is heard once: a second one of its id is passed over.
- One asked more than 10 s ago by its `ts_ns`, or more than 10 s in the future, is refused. A stream keeps its entries:
  without this rule a `halt` or `resume` would act again hours later, after a restart or a restored Redis.
- What cannot be read, and a word that nobody knows, is answered with an error.
"""

from collections.abc import Callable
from typing import Final

from streaming.bus import (
    CONTROL,
    CONTROL_OPS,
    MESSAGE_BYTES_MAX,
    BusMessageError,
    ControlReply,
    ControlRequest,
    address_of,
    message_from_json,
    refusal,
)
from streaming.errors import RefusedError, TraderError, UsageError

NS_PER_S: Final = 1_000_000_000
STALE_NS: Final = 10 * NS_PER_S
HEARD_MAX: Final = 10_000
"""Ids remembered. More fresh ones within the time in which they count are refused: forgetting one might act twice."""


class ControlDesk:
    """Takes the entries of the control stream for the process called `name`.

    `key` returns the key that signs (see `streaming.control_key`), or raises TraderError: nobody is heard then.
    """

    def __init__(self, name: str, key: Callable[[], bytes]) -> None:
        self._name = name
        self._key = key
        self._heard: dict[str, int] = {}

    def take(self, entry_id: str, payload: bytes, now_ns: int) -> ControlRequest | ControlReply | None:
        """Return the request to act upon, or the refusal to send, or None where there is nothing to say.

        `now_ns` is the world's time, UTC.
        """
        if len(payload) > MESSAGE_BYTES_MAX[CONTROL]:
            found = f"{len(payload)} bytes, expected at most {MESSAGE_BYTES_MAX[CONTROL]}"
            return refusal(entry_id, f"control: a request of {found}", UsageError.exit_code)
        request_id, process = address_of(payload)
        if process != self._name or request_id in self._heard:
            return None
        try:
            request = message_from_json(ControlRequest, payload)
        except BusMessageError as error:
            return refusal(request_id or entry_id, str(error), UsageError.exit_code)
        return self._forgery(request) or self._refusal(request, now_ns) or request

    def _forgery(self, request: ControlRequest) -> ControlReply | None:
        """Refuse what nobody who may ask has signed; its id is not remembered, or others could use ids up."""
        try:
            key = self._key()
        except TraderError as error:
            return refusal(request.id, f"control: {error}", error.exit_code)
        if request.is_signed_by(key):
            return None
        found = "a wrong signature" if request.signature else "none"
        error_text = f"control: {request.op[:40]}: expected a request signed with our control.key, found {found}"
        return refusal(request.id, error_text, RefusedError.exit_code)

    def _refusal(self, request: ControlRequest, now_ns: int) -> ControlReply | None:
        age_ns = now_ns - request.ts_ns
        if abs(age_ns) > STALE_NS:
            moment = f"{abs(age_ns) / NS_PER_S:.1f} s {'ago' if age_ns > 0 else 'in the future'}"
            error = f"control: {request.op} was asked {moment}, expected within {STALE_NS // NS_PER_S} s; ask again"
            return refusal(request.id, error, RefusedError.exit_code)
        self._forget(now_ns)
        if len(self._heard) >= HEARD_MAX:
            error = f"control: more than {HEARD_MAX} requests within {2 * STALE_NS // NS_PER_S} s; ask again later"
            return refusal(request.id, error, RefusedError.exit_code)
        self._heard[request.id] = request.ts_ns
        if request.op not in CONTROL_OPS:
            error = f"control: unknown op {request.op[:40]!r}; expected one of: {', '.join(CONTROL_OPS)}"
            return refusal(request.id, error, UsageError.exit_code)
        return None

    def _forget(self, now_ns: int) -> None:
        """Drop ids whose requests would be refused as stale now."""
        if len(self._heard) >= HEARD_MAX:
            self._heard = {key: ts_ns for key, ts_ns in self._heard.items() if now_ns - ts_ns <= STALE_NS}
