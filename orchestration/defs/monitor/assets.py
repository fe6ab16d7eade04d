"""Monitor: the long-lived processes as assets that Dagster does not make, and whether they are fresh."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import dagster as dg

from orchestration.defs.monitor.watch import SIGHTS, Sighting
from orchestration.defs.resources import House

FRESH_FOR = timedelta(minutes=5)
"""Dagster's own freshness: a sighting is reported as a materialisation only while the process runs and writes."""

DESCRIPTIONS = {
    "recorder": "`trader record`: the process that writes raw segments. Dagster only looks at it.",
    "trader": "`trader start --mode paper`: the process that writes a journal a session. Dagster only looks at it.",
}

recorder, trader = (
    dg.AssetSpec(
        name,
        group_name="monitor",
        kinds={"python"},
        description=text,
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=FRESH_FOR),
    )
    for name, text in DESCRIPTIONS.items()
)


def check_name(process: str) -> str:
    """Return the name of a process's freshness check."""
    return f"{process}_is_fresh"


def sighting_metadata(seen: Sighting) -> dict[str, dg.MetadataValue[Any]]:
    """Return what people read of a sighting."""
    metadata: dict[str, dg.MetadataValue[Any]] = {
        "state": dg.MetadataValue.text(seen.state),
        "found": dg.MetadataValue.text(seen.words),
        **{name: dg.MetadataValue.int(count) for name, count in seen.counts.items()},
    }
    texts = {"run": seen.run, "process_state": seen.process_state, "pnl": seen.pnl}
    metadata |= {name: dg.MetadataValue.text(text) for name, text in texts.items() if text}
    if seen.newest_file is not None and seen.age_s is not None:
        metadata["newest_file"] = dg.MetadataValue.path(str(seen.newest_file))
        metadata["age_s"] = dg.MetadataValue.float(round(seen.age_s, 1))
    return metadata


def _freshness_check(process: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=process,
        name=check_name(process),
        description="The process answers on its control socket, and has written within the last minute.",
    )
    def is_fresh(house: House) -> dg.AssetCheckResult:
        seen = SIGHTS[process](house.settings())
        return dg.AssetCheckResult(
            passed=seen.is_fresh,
            severity=dg.AssetCheckSeverity.WARN,
            description=seen.words,
            metadata=sighting_metadata(seen),
        )

    return is_fresh


_make: Callable[[str], dg.AssetChecksDefinition] = _freshness_check
recorder_is_fresh, trader_is_fresh = (_make(process) for process in DESCRIPTIONS)
