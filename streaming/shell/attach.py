"""Attaching to a running emulator: its addresses and its clock, read from the file that it keeps while it runs."""

from pathlib import Path

import orjson

from native.config import VENUES
from streaming.errors import NotRunningError, UsageError
from streaming.record_config import RecordConfig, VenueAddresses
from streaming.shell.clock import Clock


def attach(config: RecordConfig, path: Path) -> tuple[RecordConfig, Clock]:
    """Return `config` with the emulator's addresses, and its clock.

    NotRunningError when the file is not there, UsageError when it is not an emulator's.
    """
    try:
        document = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise NotRunningError(f"{path}: no emulator has written its addresses there; start one first") from error
    except (OSError, orjson.JSONDecodeError) as error:
        raise UsageError(f"{path}: expected the addresses of an emulator: {error}") from error
    try:
        places: dict[str, str] = document["addresses"]
        addresses = {
            venue: VenueAddresses(rest=f"http://{place}", websocket=(f"ws://{place}",))
            for venue, place in places.items()
            if venue in VENUES
        }
        clock = Clock.from_json(document["clock"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(f"{path}: expected the addresses of an emulator: {error!r}") from error
    return config.model_copy(update={"addresses": {**config.addresses, **addresses}}), clock
