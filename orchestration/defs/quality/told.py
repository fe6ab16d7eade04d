"""What the checks found, as a file for the windows: `<data>/reports/checks/<asset>.json`.

Dagster's event log is the truth, and promotion asks it; this is its newest word, partition by partition, for those who
read the warehouse alone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from orchestration.defs.quality.partition import Verdict
from orchestration.defs.quality.verdicts import Recorded
from warehouse.files import write_atomically

FINDINGS_TOLD = 20
FOLDER = "checks"


def tell_checks(
    reports_dir: Path,
    asset: str,
    states: Mapping[str, Mapping[str, Recorded]],
    judged: Sequence[Verdict],
    meanings: Mapping[str, str],
    run_id: str,
    ts_ns: int,
) -> Path:
    """Write the newest verdicts of an asset, `states` by check and partition, and return the file.

    Findings are those of the partitions judged in this run; `ts_ns` is when, by the world's clock.
    """
    path = reports_dir / FOLDER / f"{asset}.json"
    checks = [_check(name, meanings[name], found, judged) for name, found in states.items()]
    document = {"asset": asset, "run_id": run_id, "ts_ns": ts_ns, "judged": len(judged), "checks": checks}
    write_atomically(path, orjson.dumps(document, option=orjson.OPT_INDENT_2))
    return path


def _check(name: str, meaning: str, states: Mapping[str, Recorded], judged: Sequence[Verdict]) -> dict[str, object]:
    findings = [f"{verdict.key}: {finding.line}" for verdict in judged for finding in verdict.findings[name]]
    return {
        "name": name,
        "meaning": meaning,
        "rows": sum(record.rows for record in states.values()),
        "partitions": {key: record.state for key, record in sorted(states.items())},
        "findings": findings[:FINDINGS_TOLD],
        "findings_left_out": max(0, len(findings) - FINDINGS_TOLD),
    }
