"""The desk across a restart: open alerts, silences and what waits for addresses, as one JSON document. No I/O."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import orjson
from pydantic import TypeAdapter, ValidationError

from streaming.alerts.desk import AlertDesk
from streaming.alerts.episode import Episode, Silence
from streaming.alerts.post import Box, Outcomes
from streaming.errors import BadDataError


@dataclass(frozen=True, slots=True)
class DeskState:
    """What a desk remembers."""

    open: list[Episode] = field(default_factory=list)
    ended: list[Episode] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    boxes: dict[str, Box] = field(default_factory=dict)
    outcomes: dict[str, Outcomes] = field(default_factory=dict)


_STATE: Final = TypeAdapter(DeskState)


def state_to_json(desk: AlertDesk) -> bytes:
    """Return what `desk` remembers. Addresses are named in it, never written."""
    post = desk.post
    return orjson.dumps(
        DeskState([*desk.open.values()], [*desk.ended], [*desk.silences.values()], post.boxes, post.outcomes)
    )


def restore(desk: AlertDesk, payload: bytes) -> None:
    """Have a new desk go on where the one of the document ended; BadDataError for what is no such document."""
    try:
        state = _STATE.validate_json(payload)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "file"
        raise BadDataError(f"alerts state: {key}: {first['msg']}") from error
    desk.open = {(episode.rule, episode.subject): episode for episode in state.open}
    desk.ended = deque(state.ended)
    desk.silences = {silence.id: silence for silence in state.silences}
    desk.post.take_over(state.boxes, state.outcomes)
