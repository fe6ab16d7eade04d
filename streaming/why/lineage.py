"""Table `bundle_lineage`: the grid files that a sealed model learned from, and the raw segments of their hours.

A segment's sha256 is taken when the bundle's lineage is written: from then on `trader why` tells a segment that was
altered from one that was not, and `order_lineage` which orders a segment influenced.
"""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ml.runtime import BundleFacts, bundle_facts
from streaming.why.links import OK
from streaming.why.raw import sha256_of
from streaming.why.training import LINEAGE_TABLE, segments_behind
from warehouse.lake import Lake
from warehouse.schema import table_schema


@dataclass(frozen=True, slots=True)
class WrittenLineage:
    """What was written of one bundle."""

    bundle: str
    files: int
    segments: int


def bundles_waiting(lake: Lake, models_dir: Path) -> list[str]:
    """Return the sealed bundles whose lineage is not written yet, sorted."""
    found = sorted(path.parent.name for path in models_dir.glob("*/manifest.json"))
    return [name for name in found if not name.startswith(".") and not lake.exists(LINEAGE_TABLE, {"bundle": name})]


def write_lineage(lake: Lake, models_dir: Path, bundle: str) -> WrittenLineage | None:
    """Write the lineage of a bundle; None, and nothing written, for one that is missing or altered.

    Call it soon after the bundle was sealed: what the segments were then is what is written. A file of which no segment
    stands keeps one row, with an empty segment.
    """
    facts = bundle_facts(models_dir, bundle)
    if facts.state != OK:
        return None
    rows = _rows(lake, facts)
    lake.write_table(LINEAGE_TABLE, {"bundle": bundle}, rows)
    segments = {name for name in rows["segment"].to_pylist() if name}
    return WrittenLineage(bundle, len(facts.sources or {}), len(segments))


def _digest(path: Path) -> str:
    """Return a segment's sha256, nothing for one that is gone already."""
    return sha256_of(path) if path.is_file() else ""


def _rows(lake: Lake, facts: BundleFacts) -> pa.Table:
    digests: dict[str, str] = {"": ""}
    found = []
    for file, file_sha256 in (facts.sources or {}).items():
        for segment in segments_behind(lake, file, facts.instruments) or [""]:
            digests.setdefault(segment, _digest(lake.root / segment) if segment else "")
            found.append((file, file_sha256, segment, digests[segment]))
    schema = table_schema(LINEAGE_TABLE).columns
    model_id = int(facts.hash[:8], 16)
    names = ("file", "file_sha256", "segment", "segment_sha256")
    columns = {name: [row[place] for row in found] for place, name in enumerate(names)}
    return pa.table({"model_id": [model_id] * len(found), **columns}, schema=schema)
