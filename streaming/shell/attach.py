"""Attaching to a running emulator: its addresses and its clock, read from the file that it keeps while it runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson

from native.config import VENUES
from streaming.errors import NotRunningError, UsageError
from streaming.live.config import LiveConfig, VenueAccount
from streaming.record_config import RecordConfig, VenueAddresses
from streaming.shell.clock import Clock

EMULATOR: Final = "emulator"
"""Name of the account at an emulator, where the settings name none."""
KEY_FIELDS: Final = ("api_key", "secret", "watchdog_api_key", "watchdog_secret")


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


def attach_live(live: LiveConfig, path: Path) -> LiveConfig:
    """Return `live` with the private addresses and accounts of a running emulator.

    Keys stay in the emulator's file and are named by their place in it. Raises as `attach`.
    """
    try:
        document = orjson.loads(path.read_bytes())
        places: dict[str, str] = document["addresses"]
        keys: dict[str, dict[str, str]] = document["accounts"]
        accounts = {
            venue: live.accounts.get(venue, VenueAccount()).model_copy(
                update=_emulated(path, venue, places[venue], own)
            )
            for venue, own in keys.items()
        }
    except FileNotFoundError as error:
        raise NotRunningError(f"{path}: no emulator has written its addresses there; start one first") from error
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(f"{path}: expected addresses and accounts of an emulator: {type(error).__name__}") from None
    return live.model_copy(update={"account": live.account or EMULATOR, "accounts": {**live.accounts, **accounts}})


def _emulated(path: Path, venue: str, place: str, own: Mapping[str, str]) -> dict[str, str]:
    named = {name: f"file:{path.absolute()}#accounts.{venue}.{name}" for name in KEY_FIELDS if own.get(name)}
    socket = f"ws://{place}"
    return {
        **named,
        "account_id": str(own["account_id"]),
        "rest": f"http://{place}",
        "permissions_rest": f"http://{place}",
        "order_socket": socket,
        "user_socket": socket,
    }
