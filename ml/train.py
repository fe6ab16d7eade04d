"""Train one candidate: baselines on train, network on what ridge leaves over, blend on validation.

Steps are fixed, not seconds, and one torch thread is the default: the same data, settings and seed give the same bytes.

Shapes: B batch, L context, H horizon, P present slots, F features, G 9 gaps, S shape values (19).
"""

import copy
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ml.baselines import fit_baselines, flow_width, scale_of
from ml.code_stamp import code_stamp
from ml.config import MlConfig
from ml.dataset import Dataset, Labels, load
from ml.errors import CandidateError
from ml.files import JsonObject, canonical_json, sha256_of_file
from ml.layout import GAP_COUNT, DoubleArray, IntArray
from ml.model.presets import PRESETS, Preset
from ml.predictor import (
    CONSTANTS_NAME,
    WEIGHTS_NAME,
    Blend,
    Forecasts,
    Predictor,
    load_predictor,
    make_window,
    save_predictor,
)
from ml.tracking import RunLog
from warehouse.files import write_atomically

if TYPE_CHECKING:
    from torch import Tensor, nn

CANDIDATE_NAME: Final = "candidate.json"
PROGRESS_PARTS: Final = 10

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trained model on disk, not yet judged. `document` is its candidate.json; `files` the sha256 of its arrays."""

    directory: Path
    document: JsonObject
    files: dict[str, str]

    @property
    def preset(self) -> Preset:
        """Return the whole preset that the network was made with."""
        return Preset(**self.document["preset"])  # type: ignore[arg-type]

    @property
    def market_types(self) -> tuple[str, ...]:
        """Return the market types of the present slots."""
        return tuple(self.document["market_types"])  # type: ignore[arg-type]


def silent(_line: str) -> None:
    """Take a progress line and show it to nobody."""


def train(
    dataset_dir: Path,
    config: MlConfig,
    out_dir: Path,
    progress: Progress = silent,
    *,
    tracking_uri: str | None = None,
) -> Candidate:
    """Train on a stored dataset and write the candidate to `out_dir`; DatasetError when the dataset is not whole.

    `progress` gets one line per part; with `tracking_uri` parameters and losses go to MLflow.
    """
    return train_dataset(load(dataset_dir), config, out_dir, progress, tracking_uri=tracking_uri)


def train_dataset(
    dataset: Dataset, config: MlConfig, out_dir: Path, progress: Progress = silent, *, tracking_uri: str | None = None
) -> Candidate:
    """Do what `train` does with a dataset already in memory."""
    parameters = {**config.model_dump(exclude={"gate", "split"}), "dataset": dataset.manifest.hash}
    log = RunLog(tracking_uri, f"{config.preset}-{dataset.manifest.hash[:8]}", parameters)
    try:
        predictor = fit_predictor(dataset, config, progress, log)
        candidate = _write(dataset, config, predictor, out_dir, log.run_id)
    except BaseException:
        log.finish("FAILED")
        raise
    log.finish("FINISHED")
    return candidate


def load_candidate(directory: Path) -> Candidate:
    """Read a candidate's description; CandidateError when it is missing or its arrays were changed."""
    path = directory / CANDIDATE_NAME
    try:
        document = json.loads(path.read_bytes())
        files = {str(name): str(digest) for name, digest in document.pop("files").items()}
    except FileNotFoundError as error:
        raise CandidateError(f"{path}: expected a trained candidate, found no file; train first") from error
    except (ValueError, KeyError, AttributeError) as error:
        raise CandidateError(f"{path}: not a candidate of this version ({error}); train again") from error
    for name, digest in files.items():
        if not (directory / name).is_file() or sha256_of_file(directory / name) != digest:
            raise CandidateError(f"{directory / name}: missing or not the bytes that training wrote; train again")
    return Candidate(directory, document, files)


def open_predictor(candidate: Candidate) -> Predictor:
    """Load a candidate's predictor on the CPU."""
    return load_predictor(candidate.directory, candidate.preset, candidate.market_types)


def fit_predictor(dataset: Dataset, config: MlConfig, progress: Progress, log: RunLog) -> Predictor:
    """Fit baselines, network and blend; leaves torch's thread count and seed as they were."""
    preset = PRESETS[config.preset]
    present = dataset.present
    market_types = tuple(dataset.manifest.slots[i].market_type for i in present)
    progress(f"baselines: {len(dataset.anchors['train']):,} anchors, {len(present)} venues")
    baselines = fit_baselines(dataset, dataset.anchors["train"])
    with _torch_settings(config):
        from ml.model.network import make_network

        network = make_network(preset, market_types, flow_width(preset.context)).to(_device(config))
        predictor = Predictor(preset, market_types, dataset.normaliser, baselines, Blend.whole(preset.horizon), network)
        averaged = _optimise(predictor, dataset, config, progress, log)
        predictor = replace(predictor, network=averaged.eval())
        progress("blend: ridge and network on the validation part")
        blend = fit_blend(predictor, dataset, config.validation_anchors_max)
        predictor = replace(predictor, network=averaged.to("cpu"), blend=blend)
    gate_step = min(config.gate.horizon_step, preset.horizon) - 1
    log.metrics({"blend_ridge": blend.ridge_H[gate_step], "blend_net": blend.net_H[gate_step]}, config.steps)
    return predictor


def fit_blend(predictor: Predictor, dataset: Dataset, anchors_max: int) -> Blend:
    """Fit the weights in [0, 1] that make validation errors least, on anchors spread evenly over the part."""
    anchors = dataset.anchors["validation"]
    anchors = anchors[:: max(1, math.ceil(len(anchors) / anchors_max))]
    forecasts, labels = predictor.forecast_anchors(dataset, anchors), dataset.labels(anchors)
    scale = scale_of(predictor.baselines.sigma_bps, predictor.preset.horizon)
    weight = labels.scored_BP[..., None]
    parts = (forecasts.ridge_bps_BPH, forecasts.net_bps_BPH, labels.mid_bps_BPH)
    ridge, net, outcome = (part / scale * weight for part in parts)
    pairs = np.array([box_least_squares(ridge[..., h], net[..., h], outcome[..., h]) for h in range(ridge.shape[2])])
    gap, size = _shape_shares(forecasts, labels, predictor)
    return Blend(pairs[:, 0], pairs[:, 1], gap, size)


def box_least_squares(ridge: DoubleArray, net: DoubleArray, outcome: DoubleArray) -> tuple[float, float]:
    """Return (s1, s2) in [0, 1]^2 that minimise sum (y - s1 ridge - s2 net)^2: inside, or on one of four edges."""
    rr, nn_, rn = float((ridge * ridge).sum()), float((net * net).sum()), float((ridge * net).sum())
    ry, ny = float((ridge * outcome).sum()), float((net * outcome).sum())

    def excess(s1: float, s2: float) -> float:
        return s1 * s1 * rr + s2 * s2 * nn_ + 2 * s1 * s2 * rn - 2 * s1 * ry - 2 * s2 * ny

    def clip(top: float, bottom: float) -> float:
        return min(max(top / bottom, 0.0), 1.0) if bottom > 0 else 0.0

    choices = [(edge, clip(ny - edge * rn, nn_)) for edge in (0.0, 1.0)]
    choices += [(clip(ry - edge * rn, rr), edge) for edge in (0.0, 1.0)]
    determinant = rr * nn_ - rn * rn
    if determinant > 1e-12 * max(rr * nn_, 1e-300):
        inside = ((ry * nn_ - ny * rn) / determinant, (ny * rr - ry * rn) / determinant)
        if all(0.0 <= share <= 1.0 for share in inside):
            choices.append(inside)
    return min(choices, key=lambda pair: excess(*pair))


def _shape_shares(forecasts: Forecasts, labels: Labels, predictor: Predictor) -> tuple[DoubleArray, DoubleArray]:
    sd = predictor.baselines.ar.sd[..., None]
    weight = labels.scored_BP[..., None, None]
    net = (forecasts.shape_BPSH - forecasts.ar_BPSH) / sd * weight
    wanted = (labels.shape_BPSH - forecasts.ar_BPSH) / sd * weight
    shares = []
    for block in (slice(0, GAP_COUNT), slice(GAP_COUNT, None)):
        cross = (net[:, :, block] * wanted[:, :, block]).sum(axis=(0, 1, 2))
        square = (net[:, :, block] ** 2).sum(axis=(0, 1, 2))
        shares.append(np.clip(np.where(square > 0, cross / np.maximum(square, 1e-12), 0.0), 0.0, 1.0))
    return shares[0], shares[1]


@contextmanager
def _torch_settings(config: MlConfig) -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    is_deterministic = torch.are_deterministic_algorithms_enabled()
    # One CPU thread repeats by itself, and asking torch for it imports its compiler: 1.6 s.
    asks = _device(config) == "cuda"
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        torch.set_num_threads(config.threads)
        if asks:
            torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            if asks:
                torch.use_deterministic_algorithms(is_deterministic)


def _device(config: MlConfig) -> str:
    import torch

    if config.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return config.device


def learning_rate_share(step: int, steps: int, warmup_fraction: float) -> float:
    """Return the share of the peak rate at `step`: linear warm-up, then a cosine to zero."""
    warmup = max(1, round(steps * warmup_fraction))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def _optimise(predictor: Predictor, dataset: Dataset, config: MlConfig, progress: Progress, log: RunLog) -> "nn.Module":
    import torch

    network = predictor.network.train()
    averaged = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: learning_rate_share(step, config.steps, config.warmup_fraction)
    )
    random = np.random.default_rng(config.seed)
    batches = _anchor_batches(dataset.anchors["train"], config, random)
    part = max(1, config.steps // PROGRESS_PARTS)
    losses: list[float] = []
    for step in range(1, config.steps + 1):
        loss = batch_loss(predictor, dataset, next(batches), config, random)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), config.clip_norm)
        optimiser.step()
        schedule.step()
        _average(averaged, network, config.ema_decay)
        losses.append(float(loss.detach()))
        if step % part == 0 or step == config.steps:
            mean = sum(losses) / len(losses)
            progress(f"train: step {step}/{config.steps}, loss {mean:.4f}")
            log.metrics({"loss": mean, "learning_rate": float(schedule.get_last_lr()[0])}, step)
            losses = []
    return averaged


def _anchor_batches(anchors: IntArray, config: MlConfig, random: np.random.Generator) -> Iterator[IntArray]:
    while True:
        order = random.permutation(anchors)
        size = min(config.batch, len(order))
        for start in range(0, len(order) - size + 1, size):
            yield order[start : start + size]


def batch_loss(
    predictor: Predictor, dataset: Dataset, anchors: IntArray, config: MlConfig, random: np.random.Generator
) -> "Tensor":
    """Return the loss of one batch: mid in units of sigma sqrt(h) on what ridge leaves, gaps and sizes in train sd.

    Whole venues are hidden at random; a hidden venue's own outcome is not asked for.
    """
    import torch

    from ml.model.head import shape_forecast

    x_BLPF, valid_BLP = dataset.windows(anchors)
    given_BP = valid_BLP[:, -1] & (random.random(valid_BLP[:, -1].shape) >= config.venue_dropout)
    window, ridge_bps = make_window(predictor, x_BLPF, given_BP)
    labels = dataset.labels(anchors)
    baselines, device = predictor.baselines, window.x_BLPF.device
    scale = scale_of(baselines.sigma_bps, predictor.preset.horizon)
    weight_BP = torch.from_numpy((labels.scored_BP & given_BP).astype(np.float32)).to(device)
    count = weight_BP.sum().clamp_min(1.0)
    wanted_mid = torch.from_numpy(((labels.mid_bps_BPH - ridge_bps) / scale).astype(np.float32)).to(device)
    residuals = predictor.network(window)
    loss: Tensor = (((residuals.mid_BPH - wanted_mid) ** 2).mean(dim=-1) * weight_BP).sum() / count
    ar = torch.from_numpy(baselines.ar.predict(dataset.last_shape(anchors)).astype(np.float32)).to(device)
    sd = torch.from_numpy(baselines.ar.sd[..., None].astype(np.float32)).to(device)
    wanted = torch.from_numpy(labels.shape_BPSH).to(device)
    error = ((shape_forecast(residuals, ar) - wanted) / sd) ** 2
    gaps, sizes = error[:, :, :GAP_COUNT].mean(dim=(2, 3)), error[:, :, GAP_COUNT:].mean(dim=(2, 3))
    return loss + config.auxiliary_weight * (((gaps + sizes) * weight_BP).sum() / count)


def _average(averaged: "nn.Module", network: "nn.Module", decay: float) -> None:
    import torch

    with torch.no_grad():
        torch._foreach_lerp_(list(averaged.parameters()), list(network.parameters()), 1 - decay)


def _write(dataset: Dataset, config: MlConfig, predictor: Predictor, out_dir: Path, run_id: str) -> Candidate:
    out_dir.mkdir(parents=True, exist_ok=True)
    (out_dir / CANDIDATE_NAME).unlink(missing_ok=True)
    save_predictor(predictor, out_dir)
    files = {name: sha256_of_file(out_dir / name) for name in (WEIGHTS_NAME, CONSTANTS_NAME)}
    manifest = dataset.manifest
    document: JsonObject = {
        "preset": json.loads(json.dumps(asdict(predictor.preset))),
        "market_types": list(predictor.market_types),
        "config": config.model_dump(mode="json"),
        "dataset": manifest.as_json(),
        "dataset_hash": manifest.hash,
        "parameters": sum(parameter.numel() for parameter in predictor.network.parameters()),
        "mlflow_run": run_id,
        "code": {**code_stamp()},
    }
    write_atomically(out_dir / CANDIDATE_NAME, canonical_json({**document, "files": dict(files)}))
    return Candidate(out_dir, document, files)
