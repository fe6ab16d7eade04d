"""A lake for page Data: three instruments of which something is lost, checks' verdicts, and a report."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pyarrow as pa

from warehouse.lake import Lake, hour_keys
from warehouse.schema import table_schema

FIRST = datetime(2026, 1, 4, 20, tzinfo=UTC)
HOURS = 4
SECOND = 1_000_000_000
START_NS = int(FIRST.timestamp()) * SECOND
END_NS = START_NS + HOURS * 3_600 * SECOND
NAMES = ("binance_spot:BTCUSDT", "binance_usdm:BTCUSDT", "bybit_spot:BTCUSDT")
RUN_ID = "11112222-3333-4444-5555-666677778888"
REPORT = """<!doctype html><title>drift</title><p id=words>before</p>
<script>document.getElementById("words").textContent = "drift report, drawn by its script"</script>
<script>
  fetch("/data").then(answer => { document.title = "asked" }, () => { document.title = "could not ask" })
</script>"""


def rows_of(table: str, rows: list[dict[str, object]]) -> pa.Table:
    """Return rows of a lake's table; what is not given is zero or empty."""
    schema = table_schema(table).columns
    zero = {pa.string(): "", pa.bool_(): False}
    blank = {field.name: zero.get(field.type, 0) for field in schema}
    return pa.Table.from_pylist([{**blank, "run": "rec-1", **row} for row in rows], schema=schema)


def write_lake(lake: Lake) -> None:
    """Four hours of three instruments; the third was not recorded in the third hour."""
    for name in NAMES:
        venue, _, instrument = name.partition(":")
        for hour in range(HOURS):
            if (name, hour) == (NAMES[2], 2):
                continue
            keys = {"venue": venue, "instrument": instrument, **hour_keys(FIRST + timedelta(hours=hour))}
            begin_ns = START_NS + hour * 3_600 * SECOND
            times = [{"ts_recv_ns": begin_ns}, {"ts_recv_ns": begin_ns + 3_600 * SECOND - 1}]
            lake.write_table("book_updates", keys, rows_of("book_updates", times))
    _write_gaps(lake)


def _write_gaps(lake: Lake) -> None:
    repaired = {
        "gap_id": 1,
        "ts_from_ns": START_NS + 600 * SECOND,
        "ts_to_ns": START_NS + 600 * SECOND + 258_000_000,
        "cause_name": "sequence_break",
        "repaired_by_name": "rest_snapshot",
        "sequence_from": 10_535_157_124_159,
        "sequence_to": 10_535_157_124_215,
        "is_closed": True,
    }
    opened = {
        "gap_id": 2,
        "ts_from_ns": START_NS + 1_800 * SECOND,
        "cause_name": "crossed_book",
        "repaired_by_name": "none",
    }
    keys = hour_keys(FIRST)
    usdm = {"venue": "binance_usdm", "instrument": "BTCUSDT", **keys}
    lake.write_table("gaps", usdm, rows_of("gaps", [repaired, opened]))
    synced = {"ts_recv_ns": START_NS + 2_160 * SECOND, "state_to_name": "synced"}
    lake.write_table("feed_events", usdm, rows_of("feed_events", [synced]))


def write_reports(folder: Path) -> None:
    """A file of checks, and a drift report with its verdict."""
    checks = [
        _check("rows_present", {"2026-01-04-20|binance_usdm": "clean", "2026-01-04-20|bybit_spot": "clean"}, []),
        _check(
            "gaps_ledgered",
            {"2026-01-04-20|binance_usdm": "warned", "2026-01-04-20|bybit_spot": "clean"},
            ["2026-01-04-20|binance_usdm: warning: gaps: ledgered_gap: 2 of 2 rows"],
        ),
        _check("trades_sane", {"2026-01-04-20|binance_usdm": "refused"}, ["2026-01-04-20: error: trades: price"]),
    ]
    document = {"asset": "captured_books", "run_id": RUN_ID, "ts_ns": END_NS, "judged": 2, "checks": checks}
    _write(folder / "checks" / "captured_books.json", orjson.dumps(document))
    verdict = {"level": 1, "flagged": True, "action": "halve the size", "features": [{"name": "a"}, {"name": "b"}]}
    _write(folder / "drift" / "watch-1.json", orjson.dumps(verdict))
    _write(folder / "drift" / "watch-1.html", REPORT.encode())


def _check(name: str, partitions: dict[str, str], findings: list[str]) -> dict[str, object]:
    return {"name": name, "meaning": "What it asks.", "rows": 10, "partitions": partitions, "findings": findings}


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
