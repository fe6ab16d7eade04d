"""Requests to a running process over Redis: signed, one at a time, answered within seconds or not at all."""

import asyncio
import time
import uuid
from typing import Final

from dashboards.errors import DeskError
from dashboards.surroundings import Surroundings
from dashboards.wire import FAILURES, FIRST_ID, Wire
from streaming.bus import (
    REPLIES,
    BusMessageError,
    ControlReply,
    ControlRequest,
    message_from_json,
)

ANSWER_S: Final = 5.0
BLOCK_MS: Final = 200

Answer = dict[str, object]


async def ask(surroundings: Surroundings, process: str, op: str, reason: str, words: Answer) -> Answer:
    """Ask `process` and return its answer; DeskError with its words when it refuses, or why none came."""
    request = ControlRequest.model_validate(
        {
            "id": uuid.uuid4().hex,
            "op": op,
            "reason": reason,
            "by": surroundings.user,
            "ts_ns": time.time_ns(),
            "to": process,
            "arguments": words,
        }
    ).signed(bytes.fromhex(surroundings.control_key.get_secret_value()))
    try:
        async with Wire(surroundings) as wire:
            reply = await asyncio.wait_for(_exchange(wire, request), ANSWER_S)
    except TimeoutError as error:
        raise DeskError(f"{process}: no answer in {ANSWER_S:g} s; ask on the command line: trader {op}") from error
    except FAILURES as error:
        raise DeskError(f"Redis does not answer; ask on the command line, which needs none: trader {op}") from error
    if not reply.ok:
        raise DeskError(reply.error)
    return {**reply.body}


async def _exchange(wire: Wire, request: ControlRequest) -> ControlReply:
    """Send a request and wait for the reply of its id."""
    newest = await wire.newest(REPLIES, 1)
    position = newest[-1].id if newest else FIRST_ID
    await wire.add(request)
    while True:
        for entry in await wire.read({REPLIES: position}, BLOCK_MS):
            position = entry.id
            reply = _reply_of(entry.payload)
            if reply is not None and reply.id == request.id:
                return reply


def _reply_of(payload: bytes) -> ControlReply | None:
    try:
        return message_from_json(ControlReply, payload)
    except BusMessageError:  # somebody else's affair
        return None
