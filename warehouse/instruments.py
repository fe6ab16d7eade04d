"""The lake's instrument table: one row per instrument and time from which its steps hold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext

import pyarrow as pa

from warehouse.errors import InstrumentError
from warehouse.lake import Lake
from warehouse.schema import DECIMAL_STEP, table_schema

_STEPS = ("tick", "size_unit", "lot", "multiplier", "maker_fee_bps", "taker_fee_bps")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentVersion:
    """Steps and fees of one instrument from `valid_from_ns` on. Decimals are text, as the venue prints them."""

    venue: str
    symbol: str
    valid_from_ns: int
    market_type: str
    base: str
    quote: str
    tick: str
    size_unit: str
    lot: str
    multiplier: str = "1"
    maker_fee_bps: str = "0"
    taker_fee_bps: str = "0"

    @property
    def name(self) -> str:
        """`venue:SYMBOL`."""
        return f"{self.venue}:{self.symbol}"

    @property
    def step_metadata(self) -> dict[str, str]:
        """What files of this instrument carry in their schema's metadata."""
        return {"tick": self.tick, "size_unit": self.size_unit, "lot": self.lot}

    def has_steps_of(self, other: "InstrumentVersion") -> bool:
        """Tell whether prices and sizes of both count the same tick and size unit."""
        return (Decimal(self.tick), Decimal(self.size_unit)) == (Decimal(other.tick), Decimal(other.size_unit))


def read_versions(lake: Lake) -> list[InstrumentVersion]:
    """Return every version in order of venue, symbol and time."""
    versions: list[InstrumentVersion] = []
    for path in lake.files("instruments"):
        venue, symbol = (part.partition("=")[2] for part in path.parts[-3:-1])
        versions += _stored(lake, venue, symbol)
    return sorted(versions, key=lambda item: (item.venue, item.symbol, item.valid_from_ns))


def version_at(versions: Iterable[InstrumentVersion], name: str, ts_ns: int) -> InstrumentVersion | None:
    """Return the version of instrument `name` (`venue:SYMBOL`) that holds at `ts_ns`.

    The latest `valid_from_ns` not after `ts_ns` wins; before the first one the first holds. None when unknown.
    """
    own = sorted((item for item in versions if item.name == name), key=lambda item: item.valid_from_ns)
    held = [item for item in own if item.valid_from_ns <= ts_ns]
    return held[-1] if held else (own[0] if own else None)


def record_version(lake: Lake, version: InstrumentVersion) -> None:
    """Add one version to the table, or replace the one of the same `valid_from_ns`.

    InstrumentError when that one counts another tick or size unit: its files would change their meaning.
    """
    stored = _stored(lake, version.venue, version.symbol)
    for other in stored:
        if other.valid_from_ns == version.valid_from_ns and not version.has_steps_of(other):
            raise InstrumentError(
                f"instrument {version.name}: expected tick {other.tick} and size unit {other.size_unit} as stored for"
                f" valid_from_ns {other.valid_from_ns}, found {version.tick} and {version.size_unit};"
                " a change needs a later valid_from_ns"
            )
    rows = [other for other in stored if other.valid_from_ns != version.valid_from_ns] + [version]
    rows.sort(key=lambda item: item.valid_from_ns)
    if rows != stored:
        lake.write_table("instruments", _keys(version.venue, version.symbol), _table(rows))


def forget_versions(lake: Lake, venue: str, symbol: str, ts_from_ns: int, ts_to_ns: int) -> None:
    """Remove the versions whose `valid_from_ns` lies in the span, both ends included."""
    stored = _stored(lake, venue, symbol)
    rows = [item for item in stored if not ts_from_ns <= item.valid_from_ns <= ts_to_ns]
    if rows and rows != stored:
        lake.write_table("instruments", _keys(venue, symbol), _table(rows))
    elif not rows:
        lake.remove_partition("instruments", _keys(venue, symbol))


def _keys(venue: str, symbol: str) -> dict[str, str]:
    return {"venue": venue, "instrument": symbol}


def _stored(lake: Lake, venue: str, symbol: str) -> list[InstrumentVersion]:
    rows = lake.read_partition("instruments", _keys(venue, symbol)).to_pylist()
    return [
        InstrumentVersion(
            venue=venue,
            symbol=symbol,
            valid_from_ns=row["valid_from_ns"],
            **{key: row[key] for key in ("market_type", "base", "quote")},
            **{key: _text(row[key]) for key in _STEPS},
        )
        for row in rows
    ]


def _table(versions: Sequence[InstrumentVersion]) -> pa.Table:
    schema = table_schema("instruments").columns
    columns = {}
    for field in schema:
        values = [getattr(version, field.name) for version in versions]
        steps = [_step(versions[0].name, field.name, value) for value in values] if field.name in _STEPS else values
        columns[field.name] = pa.array(steps, type=field.type)
    return pa.table(columns, schema=schema)


def _step(instrument: str, column: str, text: str) -> Decimal:
    """Return the decimal that `text` writes; InstrumentError when the table could not hold it exactly."""
    try:
        with localcontext(prec=DECIMAL_STEP.precision) as context:
            context.traps[InvalidOperation] = True
            exact = Decimal(text).quantize(Decimal(1).scaleb(-DECIMAL_STEP.scale))
    except InvalidOperation:
        exact = None
    if exact is None or exact != Decimal(text):
        raise InstrumentError(
            f"instrument {instrument}: {column}: expected a decimal of at most 6 digits before and"
            f" {DECIMAL_STEP.scale} after the point, found {text!r}"
        )
    return exact


def _text(value: Decimal) -> str:
    """Return the shortest plain text of a decimal: 0.010000000000 is 0.01."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
