"""What a live trader has at venues, in `data/run/trader.venues.json`: enough for another process to cancel it.

Written before the first order may leave, removed when a session ended with nothing left to see to. So as long as it
stands there may be orders of ours, and the watchdog and `trader kill` know where: which accounts, at which addresses,
under which prefix, counted in which ticks. It names the places of keys and holds none.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson
from pydantic import ValidationError

from native.config import JsonObject, Section
from streaming.errors import BadDataError
from streaming.live.config import VenueAccount
from streaming.venues.instruments import Instrument, Step

FILE_NAME: Final = "trader.venues.json"


class TradedInstrument(Section):
    """One instrument as the engine counts it; steps are decimal text."""

    id: int
    symbol: str
    tick: str
    size_unit: str
    base: str
    quote: str
    market_type: str

    @classmethod
    def of(cls, instrument: Instrument) -> "TradedInstrument":
        """Return what is written of an instrument."""
        return cls(
            id=instrument.id,
            symbol=instrument.symbol,
            tick=instrument.tick.text(1),
            size_unit=instrument.size_unit.text(1),
            base=instrument.base,
            quote=instrument.quote,
            market_type=instrument.market_type,
        )

    def instrument(self) -> Instrument:
        """Return the instrument."""
        return Instrument(
            id=self.id,
            symbol=self.symbol,
            tick=Step.of(self.tick),
            size_unit=Step.of(self.size_unit),
            base=self.base,
            quote=self.quote,
            market_type=self.market_type,
        )


class AtVenue(Section):
    """One venue's part."""

    venue: str
    account: VenueAccount
    """With its addresses filled in."""
    instruments: tuple[TradedInstrument, ...]


class AtVenues(Section):
    """The whole file."""

    run: str
    pid: int
    account: str
    """Our own name of what is traded."""
    id_prefix: str
    clock: dict[str, int | float]
    """The trader's, as `Clock.to_json`: an emulator's may not be the machine's."""
    venues: tuple[AtVenue, ...]

    def to_json(self) -> JsonObject:
        """Return the document."""
        return self.model_dump(mode="json")


def write_venues_file(run_dir: Path, left: AtVenues) -> Path:
    """Write the file whole, for this user alone, and put it on the disk: it must outlive a crash."""
    path = run_dir / FILE_NAME
    run_dir.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{FILE_NAME}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(left.to_json()))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return path


def read_venues_file(run_dir: Path) -> AtVenues | None:
    """Return what stands there, None without a file; BadDataError for one that cannot be understood."""
    path = run_dir / FILE_NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return AtVenues.model_validate_json(data)
    except ValidationError as error:
        raise BadDataError(
            f"{path}: expected what a live trader left there, found another form ({error.error_count()} problems); "
            "look at the venues' own pages for orders of ours, then remove the file"
        ) from None


def remove_venues_file(run_dir: Path) -> None:
    """Remove the file: nothing of ours is left to see to."""
    with suppress(FileNotFoundError):
        (run_dir / FILE_NAME).unlink()


def traded(instruments: Sequence[Instrument]) -> tuple[TradedInstrument, ...]:
    """Return what is written of instruments."""
    return tuple(TradedInstrument.of(instrument) for instrument in instruments)
