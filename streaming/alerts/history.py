"""How alerts stood, row by row, for the lake's table `alerts`: the newest row of an id is how it stands. No I/O."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa

from streaming.bus import AlertNotice
from warehouse.schema import table_schema

TABLE = "alerts"


def notice_rows(notices: Sequence[AlertNotice]) -> pa.Table:
    """Return one row a notice, in their order."""
    schema = table_schema(TABLE).columns
    columns = {
        "ts_ns": [notice.ts_ns for notice in notices],
        "ts_first_ns": [notice.ts_first_ns for notice in notices],
        "id": [notice.id for notice in notices],
        "rule": [notice.rule for notice in notices],
        "subject": [notice.subject for notice in notices],
        "severity": [notice.severity for notice in notices],
        "state": [notice.state for notice in notices],
        "title": [notice.title for notice in notices],
        "words": [notice.words for notice in notices],
        "acknowledged_by": [notice.by for notice in notices],
        "delivered": [notice.delivered for notice in notices],
        "seen_count": [notice.count for notice in notices],
    }
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def day_of(ts_ns: int) -> str:
    """Return the UTC day of a time: the table's partition."""
    return f"{datetime.fromtimestamp(ts_ns // 1_000_000_000, tz=UTC):%Y-%m-%d}"
