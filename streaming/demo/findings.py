"""What a demo found out, read from the lake's tables and from the answers of its children: nothing is assumed."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from pydantic import JsonValue

from native.config import GridConfig, JsonObject
from streaming.demo.emulated import Loss
from streaming.report import RunReport
from warehouse.gaps import ledger, masked_spans
from warehouse.lake import Lake

NOT_RECORDED = "not_recorded"
VALID_SHARE_MIN = 0.9
"""A book that was valid at fewer of the recorded grid steps was not recorded: its frames are there, it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One feed gap in the ledger."""

    instrument: str
    cause: str
    ts_from_ns: int
    ts_to_ns: int
    repaired_by: str
    is_closed: bool
    sequence_from: int
    sequence_to: int
    masked_steps: int
    """Grid steps of the instrument inside it that are kept from training."""

    def holds(self, loss: Loss) -> bool:
        """Tell whether this is the hole that `loss` made: by update ids, as frames may come late."""
        return self.instrument == loss.instrument and self.sequence_from == loss.previous_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What was recorded, what was lost on purpose, and what the ledger says."""

    minutes: float
    """Of market time, from the first frame to the last; the shortest of the venues."""
    frames: dict[str, int]
    """By venue."""
    gaps: tuple[Gap, ...]
    holes_between_runs: int
    """Stretches that nobody recorded: before the recorder began, say. No feed gaps."""
    losses: tuple[Loss, ...]
    valid_shares: dict[str, float]
    """By instrument of the grid: at which share of the recorded steps its book was valid."""
    emulator_lag_ms_max: float

    @property
    def are_gaps_the_losses(self) -> bool:
        """Tell whether every loss is one closed gap of the ledger, masked, and the ledger has no other."""
        found = [[gap for gap in self.gaps if gap.holds(loss)] for loss in self.losses]
        return len(self.gaps) == len(self.losses) and all(
            len(gaps) == 1 and gaps[0].is_closed and gaps[0].masked_steps > 0 for gaps in found
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the paper session did and what was found when it was landed."""

    report: RunReport
    status: JsonObject
    """The trader's last status."""
    review: JsonObject
    """The answer of `python -m orchestration session`."""
    regime_ts_ns: int | None
    """When the market was changed on purpose, None when it was not."""
    regime: str
    picture: Path

    @property
    def gaps(self) -> int | None:
        """Return the feed gaps that the trader met, None when it did not tell."""
        gaps = section_of(self.status, "counts").get("gaps_opened")
        return gaps if isinstance(gaps, int) else None

    @property
    def skew_problem(self) -> str:
        """Return how what the model saw differs from what a conversion makes, empty when rows were equal in all."""
        skew = section_of(self.review, "skew")
        rows, different, missing = (skew.get(name) for name in ("rows", "different", "missing"))
        if not isinstance(rows, int) or rows == 0:
            return "skew between trading and conversion: nothing was compared"
        if (different, missing) == (0, 0):
            return ""
        return f"skew between trading and conversion: of {rows} rows {different} differ, {missing} are missing"

    @property
    def has_drifted(self) -> bool | None:
        """Return the drift's verdict on the session, None when there is none."""
        return drift_flag(section_of(self.review, "drift"))


@dataclass(slots=True)
class Findings:
    """All that was found; a part is None where the demo did not come to it."""

    is_clean: bool
    learned: JsonObject | None = None
    bundle: str | None = None
    refusal: str = ""
    """Why the gate refused, empty when it did not."""
    recording: Recording | None = None
    extended: JsonObject | None = None
    session: Session | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time by stage."""

    def problems(self) -> list[str]:
        """Return what is not as it was meant to be, nothing when all is."""
        found = []
        if self.learned is not None and self.bundle is None:
            found.append(f"the gate refused the model: {self.refusal}")
        if self.learned is not None:
            drift = section_of(self.learned, "drift")
            if drift_flag(drift) is not False:
                found.append("drift was not silent before promotion")
            found += _problems_of_comparison(drift, "before promotion")
        if self.recording is not None:
            found += _problems_of_recording(self.recording, 0 if self.is_clean else 1)
        if self.session is not None:
            found += _problems_of_session(self.session, self.is_clean)
        return found


def _problems_of_recording(recording: Recording, losses: int) -> list[str]:
    found = []
    if len(recording.losses) != losses:
        found.append(f"expected {losses} lost stretches, the emulator tells of {len(recording.losses)}")
    if not recording.are_gaps_the_losses:
        found.append("the ledger's gaps are not the frames that were lost, each closed and masked")
    found += [
        f"{name}: its book was valid at only {share:.0%} of the recorded grid steps"
        for name, share in recording.valid_shares.items()
        if share < VALID_SHARE_MIN
    ]
    return found


def _problems_of_session(session: Session, is_clean: bool) -> list[str]:
    found = []
    if session.review.get("identical") is not True:
        found.append("the session does not replay identically")
    elif session.skew_problem:
        found.append(session.skew_problem)
    if not found and (reasons := session.review.get("reasons")):
        found.append(f"the session's checks refused it: {reasons}")
    if session.has_drifted is not (not is_clean):
        words = {True: "was flagged", False: "was not flagged", None: "could not be judged"}
        found.append(f"drift {words[session.has_drifted]} on the session")
    found += _problems_of_comparison(section_of(session.review, "drift"), "on the session")
    if session.gaps != 0:
        told = "did not tell of its" if session.gaps is None else f"met {session.gaps}"
        found.append(f"the trader {told} feed gaps that nobody made")
    return found


def _problems_of_comparison(drift: JsonObject, where: str) -> list[str]:
    missing = drift.get("missing")
    return (
        [f"drift {where} was judged without {len(missing)} features"] if isinstance(missing, list) and missing else []
    )


def feed_gaps(lake: Lake, grid: str, runs: Collection[str]) -> tuple[tuple[Gap, ...], int]:
    """Return the feed gaps of `runs` with the grid steps inside them, and the number of holes between runs."""
    rows = ledger(lake).filter(pl.col("run").is_in(list(runs))).collect()
    is_hole = pl.col("cause_name") == NOT_RECORDED
    steps = lake.scan("grid").filter(pl.col("grid") == grid)
    masks = masked_spans(lake).filter(pl.col("cause_name") != NOT_RECORDED)
    gaps = tuple(_gap(steps, masks, row) for row in rows.filter(~is_hole).iter_rows(named=True))
    return gaps, rows.filter(is_hole).height


def valid_shares(lake: Lake, grid: GridConfig, ts_from_ns: int, ts_to_ns: int) -> dict[str, float]:
    """Return at which share of the grid's steps in a span each instrument's book was valid; 0 where it has no row."""
    within = (pl.col("grid") == grid.name) & pl.col("ts_step_ns").is_between(ts_from_ns, ts_to_ns)
    name = pl.concat_str("venue", "instrument", separator=":").alias("name")
    rows = lake.scan("grid").filter(within).select(name, "is_valid", "ts_step_ns").collect()
    steps = max(rows["ts_step_ns"].n_unique(), 1)
    valid = dict(rows.group_by("name").agg(pl.col("is_valid").cast(pl.Int64).sum()).iter_rows())
    return {name: valid.get(name, 0) / steps for name in grid.instruments}


def _gap(steps: pl.LazyFrame, masks: pl.LazyFrame, row: JsonObject) -> Gap:
    names = ("ts_from_ns", "ts_to_ns", "sequence_from", "sequence_to")
    ts_from_ns, ts_to_ns, sequence_from, sequence_to = (number_of(row[name]) for name in names)
    own = (pl.col("venue") == row["venue"]) & (pl.col("instrument") == row["instrument"])
    inside = pl.col("ts_step_ns").is_between(ts_from_ns, ts_to_ns, closed="right")
    masked_there = pl.col("ts_step_ns").is_between("ts_from_ns", "ts_to_ns", closed="right")
    kept_away = steps.filter(own & inside).select("ts_step_ns").join(masks.filter(own), how="cross")
    masked = kept_away.filter(masked_there).select(pl.col("ts_step_ns").n_unique()).collect().item()
    return Gap(
        instrument=f"{row['venue']}:{row['instrument']}",
        cause=str(row["cause_name"]),
        repaired_by=str(row["repaired_by_name"]),
        is_closed=bool(row["is_closed"]),
        masked_steps=int(masked),
        ts_from_ns=ts_from_ns,
        ts_to_ns=ts_to_ns,
        sequence_from=sequence_from,
        sequence_to=sequence_to,
    )


def planted_shares(table: str, step: str) -> tuple[float, float] | None:
    """Return what share of the planted signal model and ridge found at `step` of a skill table, None if it is not told.

    The table is markdown; its part on the planted signal has a row a step: name, oracle's R2, share, ridge's share.
    """
    for line in table.partition("**Planted signal**")[2].splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[0].startswith(f"{step} (") and len(cells) == 4:
            try:
                return float(cells[2]), float(cells[3])
            except ValueError:  # too little to tell
                return None
    return None


def drift_flag(drift: JsonObject) -> bool | None:
    """Return a drift verdict, None when nothing was judged."""
    flagged = drift.get("flagged")
    return flagged if isinstance(flagged, bool) and not drift.get("not_judged") else None


def section_of(document: JsonObject, name: str) -> JsonObject:
    """Return an object inside a JSON answer, an empty one where it is not there."""
    section = document.get(name)
    return section if isinstance(section, dict) else {}


def number_of(value: JsonValue) -> int:
    """Return a whole number of a JSON answer, 0 where it is none."""
    return value if isinstance(value, int) else 0
