"""Alerts as the lake has them, for when nobody watches: how each stood last."""

from pathlib import Path
from typing import Final

from native.config import JsonObject
from warehouse.lake import Lake
from warehouse.views import connect

NEWEST_SQL: Final = """
select
    id, rule, subject, severity, state, title, words, seen_count as count, ts_first_ns, ts_ns,
    acknowledged_by as "by", delivered
from alerts_newest
order by ts_first_ns desc
limit ?
"""
ROWS_MAX: Final = 1_000


def alerts_in_lake(lake_root: Path) -> list[JsonObject]:
    """Return how each alert stood last; those that were open when nobody watched any more still are."""
    connection = connect(Lake(lake_root))
    try:
        found = connection.execute(NEWEST_SQL, [ROWS_MAX])
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    finally:
        connection.close()
