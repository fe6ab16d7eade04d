"""Judge a candidate on the test part: skill against every baseline with intervals, book order, and the gate.

Shapes: B anchors, H horizon, P present slots, S shape values (9 log gaps, 10 log sizes).
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from ml.baselines import scale_of
from ml.config import MlConfig
from ml.dataset import Dataset, Labels, load
from ml.errors import CandidateError, DatasetError
from ml.files import JsonObject, canonical_json
from ml.gate import GateInputs, GateVerdict, OracleCheck, judge
from ml.layout import GAP_COUNT, BoolArray, DoubleArray, IntArray, rebuild_price_ticks
from ml.metrics import (
    BlockBootstrap,
    Direction,
    Interval,
    block_rank_ic,
    diebold_mariano_p,
    direction,
    order_violations,
    planted_share,
    pooled_squares,
    rank_ic,
)
from ml.plots import draw_plots
from ml.predictor import Forecasts, Predictor
from ml.report import skill_table
from ml.train import load_candidate, open_predictor
from warehouse.files import write_atomically

VALIDATION_NAME: Final = "validation.json"
TABLE_NAME: Final = "skill.md"
TABLE_HORIZONS: Final = (1, 5, 10, 20)
STEPS_PER_MINUTE_AT_100_MS: Final = 600


@dataclass(frozen=True, slots=True)
class MidSkill:
    """The mid at one horizon, pooled over venues in units of sigma sqrt(h)."""

    horizon_step: int
    vs_persistence: Interval
    ridge_vs_persistence: Interval
    vs_ridge: Interval
    p_vs_persistence: float
    p_vs_ridge: float
    rank_ic: float
    minute_rank_ic: float
    direction: Direction
    oracle_r2: Interval | None
    share: float | None
    ridge_share: float | None


@dataclass(frozen=True, slots=True)
class ShapeSkill:
    """Log gaps or log volumes at one horizon, in units of their train spread."""

    target: str
    horizon_step: int
    vs_ar: Interval
    vs_persistence: Interval
    vs_climatology: Interval


@dataclass(frozen=True, slots=True)
class VenueSkill:
    """R2 of the mid of one venue at the gate's horizon, ridge-flow beside it."""

    instrument: str
    horizon_step: int
    r2: Interval
    ridge_r2: Interval


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """Everything that was measured. `plots` lie in the candidate's folder."""

    step_ms: float
    horizon_step: int
    test_anchors: int
    contiguous_test_steps: int
    test_first_step_ns: int
    test_last_step_ns: int
    """First and last step that was forecast from on the test part: neither was learned from."""
    block_steps: int
    blocks: int
    mid: tuple[MidSkill, ...]
    shape: tuple[ShapeSkill, ...]
    venues: tuple[VenueSkill, ...]
    blend_ridge: tuple[float, ...]
    blend_net: tuple[float, ...]
    violations: dict[str, int]
    gate: GateVerdict
    plots: tuple[Path, ...] = ()

    @property
    def skill_table_markdown(self) -> str:
        """Return the tables that people read: model, baselines and intervals side by side."""
        return skill_table(self)

    @property
    def skill(self) -> dict[str, float]:
        """Return the headline numbers by name: R2 of the mid, model and ridge, at every horizon of the table."""
        rows = {f"r2_step_{row.horizon_step}": row.vs_persistence.value for row in self.mid}
        ridge = {f"ridge_r2_step_{row.horizon_step}": row.ridge_vs_persistence.value for row in self.mid}
        lower = next(row.vs_persistence.lower for row in self.mid if row.horizon_step == self.horizon_step)
        measured = {**rows, **ridge, "r2_lower_bound_at_gate": lower}
        return {name: value for name, value in measured.items() if math.isfinite(value)}

    def as_json(self) -> JsonObject:
        """Return the report for files and manifests; bounds that are infinite become null."""
        document = _finite(asdict(self))
        assert isinstance(document, dict), "a report is an object"
        return {**document, "gate": self.gate.as_json(), "plots": [path.name for path in self.plots]}


@dataclass(frozen=True, slots=True)
class _Scored:
    """Forecasts and outcomes of the test part, and the unit in which mids are pooled."""

    forecasts: Forecasts
    labels: Labels
    last_BPS: DoubleArray
    scale_PH: DoubleArray
    truth_BPH: DoubleArray | None  # NaN at horizons that the truth file does not hold


def validate(
    candidate_dir: Path,
    dataset_dir: Path,
    config: MlConfig,
    truth: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> ValidationReport:
    """Judge a stored candidate on the dataset that it was trained on; write table, plots and verdict beside it.

    `truth` is the generator's side file, or None. Raises CandidateError when the candidate is of another dataset.
    """
    candidate, dataset = load_candidate(candidate_dir), load(dataset_dir)
    if candidate.document["dataset_hash"] != dataset.manifest.hash:
        raise CandidateError(f"{candidate_dir}: trained on another dataset than {dataset_dir}; train on this one first")
    if progress is not None:
        progress(f"validate: {len(dataset.anchors['test']):,} test windows")
    report = validate_predictor(open_predictor(candidate), dataset, config, truth)
    plots = draw_plots(report, candidate_dir)
    report = replace(report, plots=plots)
    write_atomically(candidate_dir / TABLE_NAME, report.skill_table_markdown.encode())
    write_atomically(candidate_dir / VALIDATION_NAME, canonical_json(report.as_json()))
    return report


def validate_predictor(
    predictor: Predictor, dataset: Dataset, config: MlConfig, truth: Path | None = None
) -> ValidationReport:
    """Do what `validate` does with a predictor and a dataset in memory, without files."""
    anchors = dataset.anchors["test"]
    horizon = predictor.preset.horizon
    gate_step = min(config.gate.horizon_step, horizon)
    scored = _Scored(
        predictor.forecast_anchors(dataset, anchors),
        dataset.labels(anchors),
        dataset.last_shape(anchors).astype(np.float64),
        scale_of(predictor.baselines.sigma_bps, horizon),
        None if truth is None else _read_truth(truth, dataset, anchors),
    )
    block = 2 * (predictor.preset.context + horizon)
    gate = config.gate
    boot = BlockBootstrap(
        len(anchors), block, resamples=gate.bootstrap_resamples, confidence=gate.confidence, seed=gate.bootstrap_seed
    )
    steps = sorted({h for h in (*TABLE_HORIZONS, gate_step) if h <= horizon})
    mid = tuple(_mid_skill(scored, boot, h) for h in steps)
    shape = tuple(_shape_skill(scored, boot, predictor, name, h) for name in ("gap", "volume") for h in steps)
    violations = _violations(scored, dataset, anchors)
    contiguous = dataset.manifest.contiguous_test_steps
    at_gate = next(row for row in mid if row.horizon_step == gate_step)
    inputs = GateInputs(
        horizon_step=gate_step,
        contiguous_test_steps=contiguous,
        blocks=contiguous // block,
        mid_vs_persistence=at_gate.vs_persistence,
        mid_vs_ridge=at_gate.vs_ridge,
        volume_vs_ar=next(row.vs_ar for row in shape if row.target == "volume" and row.horizon_step == gate_step),
        order_violations=violations["model"],
        non_finite_forecasts=_non_finite(scored.forecasts),
        oracle=_oracle_check(scored, boot, at_gate),
    )
    return ValidationReport(
        step_ms=dataset.manifest.step_ns / 1e6,
        horizon_step=gate_step,
        test_anchors=len(anchors),
        contiguous_test_steps=contiguous,
        test_first_step_ns=int(dataset.ts_step_ns[anchors[0]]),
        test_last_step_ns=int(dataset.ts_step_ns[anchors[-1]]),
        block_steps=block,
        blocks=contiguous // block,
        mid=mid,
        shape=shape,
        venues=_venue_skills(scored, dataset, boot, gate_step),
        blend_ridge=tuple(float(share) for share in predictor.blend.ridge_H),
        blend_net=tuple(float(share) for share in predictor.blend.net_H),
        violations=violations,
        gate=judge(gate, inputs),
    )


def _mid_squares(scored: _Scored, forecast_BPH: DoubleArray | float, step: int) -> DoubleArray:
    h = step - 1
    forecast = forecast_BPH[:, :, h] if isinstance(forecast_BPH, np.ndarray) else forecast_BPH
    error = (forecast - scored.labels.mid_bps_BPH[:, :, h]) / scored.scale_PH[:, h]
    return pooled_squares(error, scored.labels.scored_BP)


def _mid_skill(scored: _Scored, boot: BlockBootstrap, step: int) -> MidSkill:
    h, keep = step - 1, scored.labels.scored_BP
    unit = scored.scale_PH[:, h]
    model = scored.forecasts.mid_bps_BPH[:, :, h] / unit
    outcome = scored.labels.mid_bps_BPH[:, :, h] / unit
    model_loss = _mid_squares(scored, scored.forecasts.mid_bps_BPH, step)
    ridge_loss = _mid_squares(scored, scored.forecasts.ridge_bps_BPH, step)
    zero_loss = _mid_squares(scored, 0.0, step)
    lags = boot.block // 2
    oracle, share, ridge_share = None, None, None
    if scored.truth_BPH is not None and np.isfinite(scored.truth_BPH[:, :, h]).all():
        truth = scored.truth_BPH[:, :, h] / unit
        oracle = boot.ratio(_mid_squares(scored, scored.truth_BPH, step), zero_loss)
        share = planted_share(model[keep], truth[keep])
        ridge_share = planted_share((scored.forecasts.ridge_bps_BPH[:, :, h] / unit)[keep], truth[keep])
    return MidSkill(
        horizon_step=step,
        vs_persistence=boot.ratio(model_loss, zero_loss),
        ridge_vs_persistence=boot.ratio(ridge_loss, zero_loss),
        vs_ridge=boot.ratio(model_loss, ridge_loss),
        p_vs_persistence=diebold_mariano_p(model_loss, zero_loss, lags),
        p_vs_ridge=diebold_mariano_p(model_loss, ridge_loss, lags),
        rank_ic=rank_ic(model[keep], outcome[keep]),
        minute_rank_ic=block_rank_ic(model, outcome, keep, STEPS_PER_MINUTE_AT_100_MS),
        direction=direction(model[keep], outcome[keep]),
        oracle_r2=oracle,
        share=share,
        ridge_share=ridge_share,
    )


def _shape_skill(scored: _Scored, boot: BlockBootstrap, predictor: Predictor, target: str, step: int) -> ShapeSkill:
    h = step - 1
    block = slice(0, GAP_COUNT) if target == "gap" else slice(GAP_COUNT, None)
    sd = predictor.baselines.ar.sd[:, block]
    outcome = scored.labels.shape_BPSH[:, :, block, h]

    def squares(forecast_BPS: DoubleArray) -> DoubleArray:
        error = ((forecast_BPS - outcome) / sd * scored.labels.scored_BP[..., None]) ** 2
        return np.asarray(error.sum(axis=(1, 2)), dtype=np.float64)

    model = squares(scored.forecasts.shape_BPSH[:, :, block, h])
    return ShapeSkill(
        target,
        step,
        vs_ar=boot.ratio(model, squares(scored.forecasts.ar_BPSH[:, :, block, h])),
        vs_persistence=boot.ratio(model, squares(scored.last_BPS[:, :, block])),
        vs_climatology=boot.ratio(
            model, squares(np.broadcast_to(predictor.baselines.ar.mean[:, block], outcome.shape))
        ),
    )


def _venue_skills(scored: _Scored, dataset: Dataset, boot: BlockBootstrap, step: int) -> tuple[VenueSkill, ...]:
    rows = []
    h = step - 1
    outcome = scored.labels.mid_bps_BPH[:, :, h]
    for place, slot in enumerate(dataset.present):
        only: BoolArray = np.zeros_like(scored.labels.scored_BP)
        only[:, place] = scored.labels.scored_BP[:, place]
        zero = pooled_squares(outcome, only)
        model = pooled_squares(scored.forecasts.mid_bps_BPH[:, :, h] - outcome, only)
        ridge = pooled_squares(scored.forecasts.ridge_bps_BPH[:, :, h] - outcome, only)
        instrument = dataset.manifest.slots[int(slot)].instrument
        rows.append(VenueSkill(instrument, step, boot.ratio(model, zero), boot.ratio(ridge, zero)))
    return tuple(rows)


def _violations(scored: _Scored, dataset: Dataset, anchors: IntArray) -> dict[str, int]:
    """Count broken books over all horizons of scored slots; truth and persistence must both give 0."""
    keep = scored.labels.scored_BP
    mid_ticks = dataset.mid_ticks(anchors)
    persistence = rebuild_price_ticks(mid_ticks, np.zeros_like(mid_ticks), scored.last_BPS[:, :, :GAP_COUNT])
    counts = {"model": 0, "persistence": order_violations(persistence[keep]), "truth": 0}
    for h in range(scored.scale_PH.shape[1]):
        gaps = scored.forecasts.shape_BPSH[:, :, :GAP_COUNT, h]
        prices = rebuild_price_ticks(mid_ticks, scored.forecasts.mid_bps_BPH[:, :, h], gaps)
        counts["model"] += order_violations(prices[keep])
        counts["truth"] += order_violations(dataset.price_ticks[anchors + h + 1][:, dataset.present][keep])
    return counts


def _non_finite(forecasts: Forecasts) -> int:
    return sum(int((~np.isfinite(array)).sum()) for array in (forecasts.mid_bps_BPH, forecasts.shape_BPSH))


def _oracle_check(scored: _Scored, boot: BlockBootstrap, row: MidSkill) -> OracleCheck | None:
    if row.oracle_r2 is None or scored.truth_BPH is None:
        return None
    step = row.horizon_step
    model = _mid_squares(scored, scored.forecasts.mid_bps_BPH, step)
    oracle = _mid_squares(scored, scored.truth_BPH, step)
    excess = boot.ratio_difference(model, oracle, _mid_squares(scored, 0.0, step))
    return OracleCheck(row.vs_persistence.value, row.oracle_r2, excess)


def _read_truth(path: Path, dataset: Dataset, anchors: IntArray) -> DoubleArray:
    try:
        table = pl.read_parquet(path).sort("ts_step_ns")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DatasetError(
            f"{path}: expected the generator's truth file ({error}); leave it out for recorded data"
        ) from error
    times, wanted = table["ts_step_ns"].to_numpy(), dataset.ts_step_ns[anchors]
    rows = np.minimum(np.searchsorted(times, wanted), len(times) - 1)
    if not np.array_equal(times[rows], wanted):
        missing = int(wanted[times[rows] != wanted][0])
        raise DatasetError(f"{path}: expected a row for step {missing}, found none; it is of another generated market")
    truth = np.full((len(anchors), len(dataset.present), dataset.manifest.horizon), np.nan)
    for place, slot in enumerate(dataset.present):
        for h in range(dataset.manifest.horizon):
            name = f"m_{slot}_h{h + 1}_bps"
            if name in table.columns:
                truth[:, place, h] = table[name].to_numpy()[rows]
    return truth


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
