"""The lake on disk: where tables, segments and checkpoints stand, and how they are written and scanned.

A file appears whole or not at all (temporary name in the same folder, fsync, rename), and the same rows give the
same bytes: fixed row groups and compression, no times in the metadata. Hours are UTC `datetime`s on the hour.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.errors import SchemaMismatchError, TornFileError
from warehouse.files import replacing
from warehouse.schema import TableSchema, table_schema

PART = "part.parquet"
ROW_GROUP_ROWS = 131_072
ZSTD_LEVEL = 3
RAW = "raw"
CHECKPOINTS = "checkpoints"

_PARTITION_TYPES: Mapping[str, type[pl.DataType]] = {"date": pl.Date, "hour": pl.Int8}


def hour_keys(hour_start: datetime) -> dict[str, str]:
    """Return the partition keys `date` and `hour` of the UTC hour that begins at `hour_start`."""
    at = check_hour(hour_start)
    return {"date": f"{at:%Y-%m-%d}", "hour": f"{at:%H}"}


def check_hour(hour_start: datetime) -> datetime:
    """Return `hour_start` in UTC; ValueError when it is naive or not on the hour."""
    if hour_start.tzinfo is None:
        raise ValueError(f"expected a time with a zone, found naive {hour_start.isoformat()}")
    at = hour_start.astimezone(UTC)
    if at.minute or at.second or at.microsecond:
        raise ValueError(f"expected a time on the hour, found {at.isoformat()}")
    return at


@dataclass(frozen=True, slots=True)
class Lake:
    """One lake. Holds no open file and may be shared by threads."""

    root: Path

    def partition_path(self, table: str, keys: Mapping[str, str]) -> Path:
        """Return the file of one partition; `keys` are the table's partition keys, e.g. `hour_keys(...)`."""
        schema = table_schema(table)
        if set(keys) != set(schema.partition):
            raise SchemaMismatchError(f"lake table {table}: expected keys {schema.partition}, found {tuple(keys)}")
        folder = self.root / table
        for key in schema.partition:
            folder /= f"{key}={_check_key(key, keys[key])}"
        return folder / PART

    def write_table(
        self, table: str, keys: Mapping[str, str], data: pa.Table, metadata: Mapping[str, str] | None = None
    ) -> Path:
        """Replace one partition by `data` and return its file.

        `data` holds the table's columns (any order; types are cast when no value changes); `metadata` is stored with
        the schema (tick, size_unit, lot). SchemaMismatchError names the column that does not fit.
        """
        path = self.partition_path(table, keys)
        _write_parquet(path, _conform(table_schema(table), data, metadata or {}))
        return path

    def read_partition(self, table: str, keys: Mapping[str, str]) -> pa.Table:
        """Return the stored columns of one partition; empty when it has no file, TornFileError when damaged."""
        path = self.partition_path(table, keys)
        if not path.is_file():
            return table_schema(table).columns.empty_table()
        try:
            with pq.ParquetFile(path) as file:
                return file.read()
        except (pa.ArrowInvalid, OSError) as error:
            raise TornFileError(f"{path}: not a whole Parquet file ({error}); remove it and make it again") from error

    def remove_partition(self, table: str, keys: Mapping[str, str]) -> None:
        """Remove one partition's file when there is one."""
        self.partition_path(table, keys).unlink(missing_ok=True)

    def exists(self, table: str, keys: Mapping[str, str] | None = None) -> bool:
        """Tell whether the partition, or without `keys` any partition of the table, has a file."""
        if keys is not None:
            return self.partition_path(table, keys).is_file()
        return next(self.files(table), None) is not None

    def files(self, table: str) -> Iterator[Path]:
        """Yield the table's files in order of their paths."""
        pattern = "/".join(f"{key}=*" for key in table_schema(table).partition)
        yield from sorted((self.root / table).glob(f"{pattern}/{PART}"))

    def scan(self, table: str) -> pl.LazyFrame:
        """Return a lazy scan with partition columns first (date as Date, hour as Int8); typed when empty."""
        schema = table_schema(table)
        partition = {key: _PARTITION_TYPES.get(key, pl.String) for key in schema.partition}
        if not self.exists(table):
            stored = pl.from_arrow(schema.columns.empty_table())
            assert isinstance(stored, pl.DataFrame)
            return pl.LazyFrame(schema=partition | dict(stored.schema))
        frame = pl.scan_parquet(self.glob(table), hive_partitioning=True, hive_schema=partition)
        return frame.select(*schema.partition, *schema.columns.names)

    def glob(self, table: str) -> str:
        """Return the pattern of the table's files, for readers that take one."""
        pattern = "/".join(f"{key}=*" for key in table_schema(table).partition)
        return str(self.root / table / pattern / PART)

    def venues(self) -> list[str]:
        """Return the venues that have raw segments."""
        return sorted(path.name.removeprefix("venue=") for path in (self.root / RAW).glob("venue=*"))

    def hours(self, venue: str) -> list[datetime]:
        """Return the UTC hours for which the venue has raw segments, ascending."""
        folders = (self.root / RAW / f"venue={venue}").glob("date=*/hour=*")
        return sorted(_hour_of(folder) for folder in folders if any(folder.glob("*.seg.zst")))

    def segments(self, venue: str, hour_start: datetime) -> list[Path]:
        """Return the raw segments of one venue-hour in order of their names."""
        return sorted(self._hour_folder(RAW, f"venue={venue}", hour_start).glob("*.seg.zst"))

    def checkpoint_path(self, venue: str, hour_start: datetime, run: str) -> Path:
        """Return where the engine's state of `run` at the end of a venue-hour stands."""
        return self._hour_folder(CHECKPOINTS, f"venue={venue}", hour_start) / f"{_check_key('run', run)}.checkpoint"

    def grid_checkpoint_path(self, grid: str, hour_start: datetime) -> Path:
        """Return where the engine's state of a grid at the end of an hour stands."""
        return self._hour_folder(CHECKPOINTS, f"grid={_check_key('grid', grid)}", hour_start) / "grid.checkpoint"

    def _hour_folder(self, kind: str, owner: str, hour_start: datetime) -> Path:
        keys = hour_keys(hour_start)
        return self.root / kind / owner / f"date={keys['date']}" / f"hour={keys['hour']}"


def _write_parquet(path: Path, data: pa.Table) -> None:
    with replacing(path) as temporary:
        pq.write_table(data, temporary, row_group_size=ROW_GROUP_ROWS, compression="zstd", compression_level=ZSTD_LEVEL)


def _conform(schema: TableSchema, data: pa.Table, metadata: Mapping[str, str]) -> pa.Table:
    """Return `data` with exactly the table's columns, order, types and metadata."""
    expected, found = set(schema.columns.names), set(data.column_names)
    if expected != found:
        raise SchemaMismatchError(
            f"lake table {schema.name}: missing columns {sorted(expected - found)}, unknown {sorted(found - expected)}"
        )
    try:
        cast = data.select(schema.columns.names).cast(schema.columns)
    except (pa.ArrowInvalid, ValueError) as error:
        raise SchemaMismatchError(f"lake table {schema.name}: {error}") from error
    words = {"lob_table": schema.name, "lob_schema_version": str(schema.version), **metadata}
    return cast.replace_schema_metadata({key: words[key] for key in sorted(words)}).combine_chunks()


def _check_key(key: str, value: str) -> str:
    if not value or value.startswith(".") or any(sign in value for sign in "/\\=*?[]"):
        raise SchemaMismatchError(f"partition key {key}: expected a plain name, found {value!r}")
    return value


def _hour_of(folder: Path) -> datetime:
    date, hour = folder.parent.name.removeprefix("date="), folder.name.removeprefix("hour=")
    return datetime.fromisoformat(f"{date}T{hour}:00:00+00:00")
