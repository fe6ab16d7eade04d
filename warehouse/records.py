"""The core's output records (numpy structured arrays) as Arrow tables of the lake."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from warehouse.schema import FEATURE_NAMES, PRICE_TICKS_NAMES, SIZE_UNITS_NAMES, TableSchema, table_schema

Records = NDArray[np.void]
InstrumentNames = Sequence[tuple[str, str]]
"""(venue, symbol) by the engine's instrument id."""
NO_INSTRUMENT = 2**32 - 1
"""Where a record is about all instruments; its venue and instrument are empty."""

_NAME = "_name"
_ARENA_COLUMNS = ("text", "reason")


def to_table(
    table: str,
    records: Records,
    *,
    constants: Mapping[str, str] | None = None,
    instruments: InstrumentNames | None = None,
    quotes: Sequence[str] = (),
    arena: bytes = b"",
) -> pa.Table:
    """Return the rows of `records` with the columns of lake table `table`.

    `constants` gives columns of one value (`run`, `stream`); `instruments` is owed by tables with venue and
    instrument columns, `quotes` (the quote currency by instrument id) by those with a quote column, `arena` by tables
    with text. KeyError names a column that nothing gives.
    """
    schema = table_schema(table)
    columns = {
        field.name: _column(field, schema, records, constants or {}, instruments, quotes, arena)
        for field in schema.columns
    }
    return pa.table(columns, schema=schema.columns)


def grid_table(records: Records, instruments: InstrumentNames, slots: Sequence[int | None]) -> pa.Table:
    """Return grid rows; `slots` gives the engine's instrument id of each slot, None where it is masked."""
    schema = table_schema("grid").columns
    slot_of = {instrument: slot for slot, instrument in enumerate(slots) if instrument is not None}
    ids = records["instrument"]
    columns: dict[str, pa.Array] = {
        "slot": pa.array(np.array([slot_of[int(item)] for item in ids], dtype=np.uint32)),
        "venue": _spelled(ids, [venue for venue, _ in instruments]),
        "instrument": _spelled(ids, [symbol for _, symbol in instruments]),
    }
    for name in ("ts_step_ns", "seq", "is_valid", "is_first"):
        columns[name] = _numbers(records[name], schema.field(name).type)
    for names, block in (
        (PRICE_TICKS_NAMES, records["price_ticks"]),
        (SIZE_UNITS_NAMES, records["size_units"]),
        (FEATURE_NAMES, records["features"]),
    ):
        columns |= {name: pa.array(np.ascontiguousarray(block[:, index])) for index, name in enumerate(names)}
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def _column(
    field: pa.Field,
    schema: TableSchema,
    records: Records,
    constants: Mapping[str, str],
    instruments: InstrumentNames | None,
    quotes: Sequence[str],
    arena: bytes,
) -> pa.Array:
    name = field.name
    if name in constants:
        return pa.repeat(pa.scalar(constants[name], type=field.type), len(records))
    source = name.removesuffix(_NAME)
    if source != name and source in schema.enums:
        return _spelled(records[source], schema.enums[source])
    part, _, which = name.partition("_")
    if instruments is not None and part in ("venue", "instrument") and which in ("", "a", "b"):
        ids = records["instrument" if not which else f"instrument_{which}"]
        return _instrument_names(ids, [pair[part == "instrument"] for pair in instruments])
    if name == "quote":
        return _spelled(records["quote_group"], quotes)
    if name in _ARENA_COLUMNS and pa.types.is_string(field.type):
        return _texts(records, arena)
    return _numbers(records[_stored_name(name, records)], field.type)


def _stored_name(name: str, records: Records) -> str:
    names = records.dtype.names or ()
    if name not in names:
        raise KeyError(f"column {name}: expected a field of the record or a constant, found neither in {names}")
    return name


def _numbers(values: NDArray[np.generic], kind: pa.DataType) -> pa.Array:
    dense = np.ascontiguousarray(values)
    return pa.array(dense.astype(bool) if pa.types.is_boolean(kind) else dense, type=kind)


def _spelled(codes: NDArray[np.generic], names: Sequence[str]) -> pa.Array:
    """Return `names[code]` for each code; IndexError when a code has no name."""
    return pa.array(names, type=pa.string()).take(pa.array(np.ascontiguousarray(codes)))


def _instrument_names(ids: NDArray[np.generic], names: Sequence[str]) -> pa.Array:
    dense = ids.astype(np.int64)
    return _spelled(np.where(dense == NO_INSTRUMENT, len(names), dense), [*names, ""])


def _texts(records: Records, arena: bytes) -> pa.Array:
    spans = zip(records["text_offset"].tolist(), records["text_length"].tolist(), strict=True)
    return pa.array(
        [arena[start : start + length].decode("utf-8", "replace") for start, length in spans], type=pa.string()
    )
