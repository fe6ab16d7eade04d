"""What the lake holds, for people: SQL answers, the gap ledger, the instruments of raw segments."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from native.config import JsonObject
from streaming.errors import UsageError
from streaming.segments import InstrumentEntry, read_header
from streaming.settings import load_settings
from streaming.tables import print_table
from warehouse.lake import Lake

if TYPE_CHECKING:
    import duckdb

WAKE_S = 0.1
GAPS_SQL = """
select venue, instrument, stream, cause_name as cause, make_timestamp_ns(ts_from_ns) as from_utc,
    case when is_closed then make_timestamp_ns(ts_to_ns) end as to_utc, sequence_from, sequence_to,
    repaired_by_name as repaired_by, levels_touched, run
from gaps
where ($venue is null or venue = $venue) and ($instrument is null or instrument = $instrument)
order by ts_from_ns, venue, instrument
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """A query's columns and rows."""

    columns: tuple[str, ...]
    rows: list[tuple[object, ...]]

    def as_documents(self) -> list[JsonValue]:
        """Return one JSON object a row; decimals and times as text, so that nothing is rounded; NaN is null."""
        return [{name: _json_value(value) for name, value in zip(self.columns, row, strict=True)} for row in self.rows]


def query(sql: str, parameters: dict[str, str | None] | None = None) -> Answer:
    """Run one statement over the lake's views and the published marts; UsageError names what is wrong with it."""
    import duckdb

    from warehouse.views import connect

    if not sql.strip(" \t\r\n;"):
        raise UsageError('query: expected a statement, found nothing; see the tables with: trader sql "show tables"')
    places = load_settings().warehouse
    with connect(Lake(places.lake_dir), places.marts_path) as connection:
        try:
            done = _run(connection, sql, parameters)
            columns = tuple(str(column[0]) for column in done.description or ())
            return Answer(columns, done.fetchall() if columns else [])
        except duckdb.Error as error:
            first = str(error).strip().splitlines()[0]
            raise UsageError(f'query: {first}; see the tables with: trader sql "show tables"') from error


def _run(
    connection: "duckdb.DuckDBPyConnection", sql: str, parameters: dict[str, str | None] | None
) -> "duckdb.DuckDBPyConnection":
    """Run a statement in a thread of its own: DuckDB itself looks for Ctrl-C seldom, some queries never do."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(connection.execute, sql, parameters)
        try:
            while not wait([done], timeout=WAKE_S).done:  # the signal may reach a thread of DuckDB's and wake nobody
                continue
            return done.result()
        except KeyboardInterrupt:
            connection.interrupt()
            raise


def gap_rows(venue: str | None, symbol: str | None) -> Answer:
    """Return the ledger in order of time, of one venue or symbol when given."""
    return query(GAPS_SQL, {"venue": venue, "instrument": symbol})


def instruments_in(lake_root: Path) -> list[JsonObject]:
    """Return the instruments of all raw segments with their steps and hours, by name; the latest run's steps stand."""
    found: dict[str, JsonObject] = {}
    runs: dict[str, set[str]] = {}
    lake = Lake(lake_root)
    hours = sorted((hour, venue) for venue in lake.venues() for hour in lake.hours(venue))
    for hour, venue in hours:
        for path in lake.segments(venue, hour):
            header = read_header(path)
            for entry in header.instruments:
                runs.setdefault(entry.name, set()).add(header.run)
                first = found.get(entry.name, {}).get("first_hour", hour.isoformat())
                found[entry.name] = _row(entry, header.generated, str(first), hour.isoformat())
    return [{**found[name], "runs": len(runs[name])} for name in sorted(found)]


def show_rows(answer: Answer, rows_max: int) -> None:
    """Print an answer as a table of at most `rows_max` rows, and say what was left out."""
    print_table(answer.columns, answer.rows[:rows_max])
    if len(answer.rows) > rows_max:
        print(f"{rows_max} of {len(answer.rows)} rows shown; --rows N shows more, --json all")


def _row(entry: InstrumentEntry, generated: bool, first_hour: str, last_hour: str) -> JsonObject:
    return {
        "instrument": entry.name,
        "market_type": entry.market_type,
        "tick": entry.tick,
        "size_unit": entry.size_unit,
        "lot": entry.lot,
        "base": entry.base,
        "quote": entry.quote,
        "generated": generated,
        "first_hour": first_hour,
        "last_hour": last_hour,
    }


def _json_value(value: object) -> JsonValue:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Sequence):
        return [_json_value(item) for item in value]
    return str(value)
