"""DuckDB over the lake: a view per table, `order_lineage`, `book_at`, and the published marts attached read-only.

Nothing is copied: a view reads the Parquet files at the time of the query, so that it works while dbt builds or an
hour is converted. A table without files is an empty view of the right types. DuckDB extensions are never loaded
(the network is not asked).
"""

from pathlib import Path

import duckdb
import pyarrow as pa

from warehouse.errors import MartsError, TornFileError
from warehouse.lake import Lake
from warehouse.schema import TABLES, WINDOW_VENUES, TableSchema, table_schema

MARTS_CATALOG = "lob"
_PARTITION_SQL = {"date": "DATE", "hour": "TINYINT"}
_ARROW_SQL = {
    pa.uint64(): "UBIGINT",
    pa.int64(): "BIGINT",
    pa.uint32(): "UINTEGER",
    pa.int32(): "INTEGER",
    pa.uint16(): "USMALLINT",
    pa.uint8(): "UTINYINT",
    pa.float64(): "DOUBLE",
    pa.float32(): "FLOAT",
    pa.bool_(): "BOOLEAN",
    pa.string(): "VARCHAR",
}


ORDER_LINEAGE_SQL = """
create or replace view order_lineage as
with sent as (
    select run, venue, instrument, client_order_id, model_id, min(ts_ns) as ts_ns
    from orders
    group by all
)
select
    sent.run,
    sent.venue,
    sent.instrument,
    sent.client_order_id,
    sent.ts_ns,
    sent.model_id,
    bundle_lineage.bundle,
    bundle_lineage.file,
    bundle_lineage.file_sha256,
    bundle_lineage.segment,
    bundle_lineage.segment_sha256
from sent
inner join bundle_lineage on sent.model_id = bundle_lineage.model_id
"""
"""`trader why` the other way round: a row an order, grid file and raw segment that its model learned from. Orders that
rest on no sealed model are not in it."""


ALERTS_NEWEST_SQL = """
create or replace view alerts_newest as
select * from alerts
qualify row_number() over (partition by id order by ts_ns desc) = 1
"""
"""How each alert stood last."""


def connect(lake: Lake, marts: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Return an in-memory connection that sees the lake's tables and, where `marts` is a file, its tables by name.

    The caller closes it. TornFileError names a damaged file of the lake, MartsError says that the marts cannot be
    opened to read.
    """
    connection = duckdb.connect(config={"autoload_known_extensions": False, "autoinstall_known_extensions": False})
    connection.execute("set timezone = 'UTC'")
    try:
        create_views(connection, lake)
        connection.execute(ORDER_LINEAGE_SQL)
        connection.execute(ALERTS_NEWEST_SQL)
        connection.execute(book_at_sql(lake))
    except duckdb.Error as error:
        first = str(error).strip().splitlines()[0]
        raise TornFileError(f"{lake.root}: {first}; remove that file and make it again") from error
    if marts is not None and marts.is_file():
        _attach(connection, marts)
    return connection


def create_views(connection: duckdb.DuckDBPyConnection, lake: Lake, schema: str = "main") -> None:
    """Create one view per lake table in `schema` of the connection's database, replacing older ones."""
    for name in TABLES:
        connection.execute(f"create or replace view {schema}.{name} as {view_sql(lake, name)}")


def view_sql(lake: Lake, table: str) -> str:
    """Return the select that reads one table; the ledger `gaps` with closed rows in place of open ones."""
    if table != "gaps":
        return relation_sql(lake, table)
    return (
        f"select * from ({relation_sql(lake, table)}) qualify row_number() over ("
        "partition by venue, instrument, run, cause, gap_id order by is_closed desc, date desc, hour desc) = 1"
    )


def relation_sql(lake: Lake, table: str, *, with_ordinal: bool = False) -> str:
    """Return the select of the table's files; `with_ordinal` adds `ordinal`, which grows as rows were written."""
    schema = table_schema(table)
    if not lake.exists(table):
        return _empty_sql(schema, with_ordinal=with_ordinal)
    names = [*schema.partition, *schema.columns.names]
    if with_ordinal:
        names.append("((((date - date '1970-01-01') * 24 + hour)::bigint << 32) + file_row_number) as ordinal")
    types = ", ".join(f"'{key}': {_PARTITION_SQL.get(key, 'VARCHAR')}" for key in schema.partition)
    return (
        f"select {', '.join(names)} from read_parquet({_literal(lake.glob(table))}, union_by_name = true,"
        f" hive_partitioning = true, hive_types = {{{types}}}, file_row_number = {str(with_ordinal).lower()})"
    )


def book_at_sql(lake: Lake) -> str:
    """Return the statement that creates `book_at(venue, instrument, ts)`.

    `ts` is a receive time: a BIGINT of UTC nanoseconds, or a TIMESTAMP in UTC. The result is the whole book as the
    core held it then, as far as it is known (its horizon): side, level (1 = best), price and size (exact decimals),
    price_ticks, size_units, ts_last_update_ns. It has no rows where the feed was not
    synchronised or nothing was recorded.
    """
    overloads = (("BIGINT", "ts"), ("TIMESTAMP", "epoch_ns(ts)"), ("TIMESTAMP WITH TIME ZONE", "epoch_ns(ts)"))
    bodies = ", ".join(
        f"(venue_name VARCHAR, instrument_name VARCHAR, ts {kind}) as table ({_book_sql(lake, expression)})"
        for kind, expression in overloads
    )
    return f"create or replace macro book_at {bodies}"


def _book_sql(lake: Lake, ts_ns: str) -> str:
    """Return the book's query.

    A snapshot, and the frames that waited for it, carry the times of their own receipt and the `seq` of the input
    with which they were applied: the latest time under that `seq`. The book is the last snapshot applied up to
    `ts_ns` and what was written after it, up to the next snapshot and `ts_ns`.
    """
    own = f"venue = venue_name and instrument = instrument_name and date <= make_timestamp_ns({ts_ns})::date"
    windows = ", ".join(_literal(venue) for venue in WINDOW_VENUES)
    return f"""
    with updates as not materialized (
        select * from ({relation_sql(lake, "book_updates", with_ordinal=True)}) where {own}
    ),
    feed as (
        select arg_max(state_to_name, ordinal) as state
        from ({relation_sql(lake, "feed_events", with_ordinal=True)}) where {own} and ts_recv_ns <= {ts_ns}
    ),
    hole as (
        select count(*) as holes from ({view_sql(lake, "gaps")})
        where venue = venue_name and instrument = instrument_name and cause_name = 'not_recorded'
            and ts_from_ns < {ts_ns} and {ts_ns} < ts_to_ns
    ),
    {_span_sql(ts_ns)},
    levels as (
        select
            updates.side,
            updates.price_ticks,
            arg_max(updates.size_units, updates.ordinal) as size_units,
            max(updates.ts_recv_ns) as ts_recv_ns,
            any_value(
                case
                    when venue_name in ({windows}) then true
                    when updates.side = 0 then updates.price_ticks >= coalesce(span.bid_horizon_ticks, 0)
                    else updates.price_ticks <= coalesce(span.ask_horizon_ticks, 9223372036854775807)
                end
            ) as is_known
        from updates, span
        where updates.ordinal >= span.from_ordinal and updates.ordinal < span.to_ordinal
            and updates.ts_recv_ns <= {ts_ns}
        group by updates.side, updates.price_ticks
    ),
    steps as (
        select tick, size_unit from ({relation_sql(lake, "instruments")})
        where venue = venue_name and instrument = instrument_name
        order by valid_from_ns <= {ts_ns} desc, abs(valid_from_ns - {ts_ns}) limit 1
    )
    select
        case side when 0 then 'bid' else 'ask' end as side,
        row_number() over (
            partition by side order by case side when 0 then -price_ticks else price_ticks end
        ) as level,
        price_ticks::decimal(20, 0) * (select tick from steps) as price,
        size_units::decimal(20, 0) * (select size_unit from steps) as size,
        price_ticks,
        size_units,
        (select max(ts_recv_ns) from levels) as ts_last_update_ns
    from levels
    where size_units > 0 and is_known and (select state from feed) = 'synced' and (select holes from hole) = 0
    order by side desc, level
    """


def _span_sql(ts_ns: str) -> str:
    """Return the steps that find the span of rows, by ordinal, which the book of `ts_ns` is made of."""
    return f"""
    snapshots as (
        select
            min(ordinal) filter (where is_snapshot) as from_ordinal,
            max(ts_recv_ns) as ts_applied_ns,
            min(price_ticks) filter (where is_snapshot and side = 0) as bid_horizon_ticks,
            max(price_ticks) filter (where is_snapshot and side = 1) as ask_horizon_ticks
        from updates
        where (run, seq) in (select (run, seq) from updates where is_snapshot)
        group by run, seq
    ),
    spans as (
        select
            *,
            coalesce(lead(from_ordinal) over (order by from_ordinal), 9223372036854775807) as to_ordinal
        from snapshots
    ),
    span as (select * from spans where ts_applied_ns <= {ts_ns} order by from_ordinal desc limit 1)
    """


def _attach(connection: duckdb.DuckDBPyConnection, marts: Path) -> None:
    try:
        connection.execute(f"attach {_literal(str(marts))} as {MARTS_CATALOG} (read_only)")
    except duckdb.Error as error:
        raise MartsError(f"{marts}: expected published marts that can be read: {error}") from error
    connection.execute(f"set search_path = 'memory.main,{MARTS_CATALOG}.main'")


def _empty_sql(schema: TableSchema, *, with_ordinal: bool) -> str:
    types = {key: _PARTITION_SQL.get(key, "VARCHAR") for key in schema.partition}
    types |= {field.name: _sql_type(field.type) for field in schema.columns}
    if with_ordinal:
        types["ordinal"] = "BIGINT"
    columns = ", ".join(f"null::{kind} as {name}" for name, kind in types.items())
    return f"select {columns} where false"


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    return _ARROW_SQL[kind]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
