"""docs/metrics.md, written from the catalogue: `python -m streaming.metrics`."""

from collections.abc import Iterator
from pathlib import Path

from streaming.metrics.catalogue import MEASUREMENTS
from streaming.metrics.measurement import Field, Measurement

DOCS = Path(__file__).resolve().parents[2] / "docs"
NAME = "metrics.md"

INTRODUCTION = """\
# Metrics: series in InfluxDB, boards in Grafana

Written by `python -m streaming.metrics` from the catalogue that the code writes by; a test compares.

Trader and recorder tell how they fare once a second. With `[streaming.metrics] url` set, a thread of theirs writes the
same status as points, in the line protocol of InfluxDB 1.x, which 2.x and 3.x take on the same path (there the password
is the token):

```sh
export LOB_STREAMING__METRICS__URL=http://127.0.0.1:8086     # http://USER:PASSWORD@HOST:PORT where it is guarded
trader doctor                                                # says whether the server would take our points
trader status --json                                         # "metrics": written, spilled, refused, dropped, problem
```

The database (`lob`) is made where it is missing. Nothing that trades or records waits for any of it:

- What is told goes into a queue of `queue_max` documents. Full, it drops the oldest and counts it.
- While the server is down, hangs (`timeout_ms`) or refuses our password, points go to `data/run/metrics/PROCESS/`, in
  order, gzipped, and are sent from there once it is back, by this process or by the next one. A second of a trader is
  about 90 points and 3 kB there: `spill_mib = 64` holds some six hours. Beyond it the oldest go, and are counted.
- Nothing is lost by sending twice: the same measurement, tags and time is the same point. Points that the server will
  never take (a field of another kind, older than its retention) are counted as refused and are not sent again.
- A killed process leaves what was on the disk to the next one; a power cut may cost the last seconds of it.

Times are those of the process's clock: under an emulator a second holds several market seconds. Money, prices and sizes
are floats here, for looking at; accounts are in the lake. What is not known yields no point, never a zero. Counters
count up from the session's start.

## Boards

`dashboards/grafana/` is what Grafana is provisioned with: the data source and six boards (Overview, Latency, Market
data quality, Model & drift, Risk & pnl, Data platform), with annotations of states, trips, promotions and drift. The
boards are written by `python -m dashboards.grafana_boards`; a test compares, and another one runs every query of every
panel against an InfluxDB that a session of trader and recorder has filled. `docker compose up` mounts them where their
files say: `provisioning` at `/etc/grafana/provisioning`, `boards` at `/etc/grafana/boards`, the database at
`http://influxdb:8086`. A Grafana of your own needs those three places, or its own in the two files.

A board shows one session or all of them (`session` at its top) in the time range chosen; sessions of an emulated market
lie where its clock says. A dash is no data; points more than a minute apart are not joined.

## Measurements

A point's fields keep their kind for ever, as InfluxDB asks it. A flag is 1 or 0. Tags with no value are left out.
"""


def metrics_page() -> str:
    """Return the page."""
    return "\n".join([INTRODUCTION, *(line for found in MEASUREMENTS for line in _section(found))])


def write_pages(folder: Path) -> None:
    """Write the page into a folder."""
    (folder / NAME).write_text(metrics_page(), encoding="utf-8")


def _section(found: Measurement) -> Iterator[str]:
    yield f"### `{found.name}`\n"
    yield f"{found.words} Tags: {', '.join(f'`{tag}`' for tag in found.tags)}.\n"
    yield "| field | kind | unit | what |\n| --- | --- | --- | --- |"
    yield from (_row(field) for field in found.fields)
    yield ""


def _row(field: Field) -> str:
    return f"| `{field.name}` | {field.kind} | {field.unit} | {field.words} |"
