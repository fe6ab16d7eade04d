"""From the lake's `grid` table to windows and labels that never look ahead and never cross a gap.

Rules, each tested:
- the step axis holds every `ts_step_ns` that any slot has; a slot without a row, with `is_valid` 0, or within a span of
  the gap ledger, is masked there;
- a slot is *present* when it is valid on at least `slot_valid_fraction_min` of the first steps, as many as the train
  share of all: which venues a model knows is not decided by data that it is tested on; others are absent;
- step i is an *anchor* when rows i-L+1 .. i+H follow each other by exactly one step, every present slot is valid at i
  and on at least `context_valid_fraction_min` of the context, and at least one slot is scored;
- a slot is *scored* at an anchor when it is valid on all of i-L+1 .. i+H: no gap inside its window or label;
- anchors are split in time 60/20/20, and the first L+H steps after each cut are dropped: the parts share no row.

Shapes: T steps, B anchors, L context, H horizon, V slots, P present slots, F features (58), S shape values (19).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml.config import MlConfig
from ml.errors import DatasetError
from ml.files import JsonObject, canonical_json, sha256_of_bytes, sha256_of_file, write_array
from ml.layout import SHAPE_COLUMNS, BoolArray, DoubleArray, FloatArray, IntArray, grid_price_columns
from ml.ledger_mask import ledgered_rows
from ml.model.presets import preset_shape
from ml.normaliser import Normaliser, fit_normaliser
from warehouse.files import write_atomically

MANIFEST_NAME: Final = "manifest.json"
ARRAY_NAMES: Final = ("ts_step_ns", "features", "valid", "price_ticks")
NORMALISER_NAMES: Final = ("offset", "scale", "lo", "hi")
PART_NAMES: Final = ("train", "validation", "test")

PartName = Literal["train", "validation", "test"]


class HasRoot(Protocol):
    """What this module needs of `warehouse.lake.Lake`: where the lake lies."""

    @property
    def root(self) -> Path: ...


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of the grid; venue and instrument are empty where the grid has nothing there."""

    venue: str
    instrument: str
    market_type: str
    is_present: bool


@dataclass(frozen=True, slots=True)
class DatasetManifest:
    """What a stored dataset is: spans in UTC ns, counts, and the sha256 of every file and source."""

    grid: str
    step_ns: int
    context: int
    horizon: int
    slots: tuple[Slot, ...]
    feature_names: tuple[str, ...]
    step_count: int
    first_step_ns: int
    last_step_ns: int
    train_last_step_ns: int
    anchor_counts: dict[str, int]
    contiguous_test_steps: int
    files: dict[str, str]
    sources: dict[str, str]

    @property
    def hash(self) -> str:
        """Return the sha256 of the manifest: it names the dataset in a bundle's lineage."""
        return sha256_of_bytes(canonical_json(self.as_json()))

    def as_json(self) -> JsonObject:
        """Return the manifest as it is stored."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Labels:
    """Outcomes at B anchors for P present slots: cumulative mid log return in bps, log gaps and log sizes."""

    mid_bps_BPH: DoubleArray
    shape_BPSH: FloatArray
    scored_BP: BoolArray


@dataclass(frozen=True)
class Dataset:
    """Loaded arrays; `normalised` is `features` through the train-fitted constants. Treat all as read-only."""

    manifest: DatasetManifest
    ts_step_ns: IntArray
    features: FloatArray
    normalised: FloatArray
    valid: BoolArray
    price_ticks: IntArray
    normaliser: Normaliser
    anchors: dict[str, IntArray]

    @property
    def present(self) -> IntArray:
        """Return the indices of the present slots."""
        return np.array([i for i, slot in enumerate(self.manifest.slots) if slot.is_present], dtype=np.int64)

    def mid_ticks(self, steps: IntArray) -> DoubleArray:
        """Return the mids of the present slots at `steps`, in ticks."""
        prices = self.price_ticks[steps][..., self.present, :]
        return np.asarray((prices[..., 0] + prices[..., 5]) / 2.0, dtype=np.float64)

    def windows(self, anchors: IntArray) -> tuple[FloatArray, BoolArray]:
        """Return normalised features [B, L, P, F] and validity [B, L, P] of the context rows."""
        rows = anchors[:, None] + np.arange(1 - self.manifest.context, 1)
        present = self.present
        return self.normalised[rows][:, :, present], self.valid[rows][:, :, present]

    def last_shape(self, anchors: IntArray) -> FloatArray:
        """Return un-normalised log gaps and log sizes [B, P, S] at the anchors."""
        return self.features[anchors][:, self.present][:, :, SHAPE_COLUMNS]

    def labels(self, anchors: IntArray) -> Labels:
        """Return outcomes; where a slot is not scored, its values mean nothing (they are zeros)."""
        context, horizon, present = self.manifest.context, self.manifest.horizon, self.present
        span = anchors[:, None] + np.arange(1 - context, horizon + 1)
        scored = self.valid[span][:, :, present].all(axis=1)
        future = anchors[:, None] + np.arange(1, horizon + 1)
        mid_now, mid_then = self.mid_ticks(anchors), self.mid_ticks(future)
        with np.errstate(divide="ignore", invalid="ignore"):
            returns = 1e4 * np.log(mid_then / mid_now[:, None])
        returns = np.where(scored[:, None], returns, 0.0).transpose(0, 2, 1)
        shape = self.features[future][:, :, present][..., SHAPE_COLUMNS].transpose(0, 2, 3, 1)
        return Labels(returns, shape * scored[:, :, None, None], scored)


def build(
    lake: HasRoot | Path,
    grid: str,
    config: MlConfig,
    out_dir: Path,
    *,
    instruments: Sequence[str] = (),
    from_ns: int | None = None,
    to_ns: int | None = None,
) -> DatasetManifest:
    """Make a dataset of the grid's rows with from_ns <= ts_step_ns < to_ns and write it to `out_dir`.

    `instruments` are the grid's slots in order (`venue:SYMBOL`, as settings name them); without it they are those met
    in the table. Raises DatasetError when there are no rows, no valid slot, or too few steps for one anchor a part.
    """
    root = lake if isinstance(lake, Path) else lake.root
    sources = sorted((root / "grid" / f"grid={grid}").rglob("*.parquet"))
    if not sources:
        raise DatasetError(f"grid {grid!r}: expected Parquet files under {root}/grid, found none; convert data first")
    table = _scan(sources, from_ns, to_ns)
    if table.is_empty():
        raise DatasetError(
            f"grid {grid!r}: no rows between {from_ns} and {to_ns}; widen the span or convert more hours"
        )
    names = _feature_names(table)
    venues = _slot_instruments(table, instruments)
    ts_step_ns = np.unique(table["ts_step_ns"].to_numpy())
    features, valid, price_ticks = _arrays(table, ts_step_ns, len(venues), names)
    valid &= ~ledgered_rows(root, venues, ts_step_ns)
    features[~valid] = 0.0
    present = _present(valid, config)
    if not present.any():
        raise DatasetError(
            f"grid {grid!r}: expected a slot that is valid on {config.slot_valid_fraction_min:.0%} of the first "
            f"{config.split.train:.0%} of {len(ts_step_ns):,} steps, found none; choose a span or record longer"
        )
    shape = preset_shape(config.preset)
    step_ns = _step_ns(ts_step_ns)
    anchors = _anchors(ts_step_ns, valid[:, present], step_ns, shape.context, shape.horizon, config)
    parts = _split(anchors, shape.context + shape.horizon, config)
    cut = int(parts["train"][-1]) + 1
    normaliser = fit_normaliser(features[:cut], valid[:cut] & present)
    files = _write(out_dir, (ts_step_ns, features, valid, price_ticks), normaliser, parts)
    manifest = DatasetManifest(
        grid=grid,
        step_ns=step_ns,
        context=shape.context,
        horizon=shape.horizon,
        slots=tuple(_slot(text, bool(is_present)) for text, is_present in zip(venues, present, strict=True)),
        feature_names=tuple(names),
        step_count=len(ts_step_ns),
        first_step_ns=int(ts_step_ns[0]),
        last_step_ns=int(ts_step_ns[-1]),
        train_last_step_ns=int(ts_step_ns[cut - 1]),
        anchor_counts={name: len(part) for name, part in parts.items()},
        contiguous_test_steps=longest_stretch(parts["test"]),
        files=files,
        sources={str(path.relative_to(root)): sha256_of_file(path) for path in sources},
    )
    write_atomically(out_dir / MANIFEST_NAME, canonical_json(manifest.as_json()))
    return manifest


def load(directory: Path) -> Dataset:
    """Load a dataset and check every file against its manifest; DatasetError names the file that differs."""
    manifest = read_manifest(directory)
    for name, digest in manifest.files.items():
        path = directory / name
        if not path.is_file():
            raise DatasetError(f"{path}: expected by {MANIFEST_NAME}, found no file; build the dataset again")
        if sha256_of_file(path) != digest:
            raise DatasetError(f"{path}: its bytes are not those of {MANIFEST_NAME}; build the dataset again")
    arrays = {name: np.load(directory / f"{name}.npy", allow_pickle=False) for name in ARRAY_NAMES}
    constants = {name: np.load(directory / f"normaliser_{name}.npy", allow_pickle=False) for name in NORMALISER_NAMES}
    normaliser = Normaliser(**constants)
    present = np.array([slot.is_present for slot in manifest.slots])
    return Dataset(
        manifest=manifest,
        ts_step_ns=arrays["ts_step_ns"],
        features=arrays["features"],
        normalised=normaliser.apply(arrays["features"], arrays["valid"] & present),
        valid=arrays["valid"] & present,
        price_ticks=arrays["price_ticks"],
        normaliser=normaliser,
        anchors={name: np.load(directory / f"anchors_{name}.npy", allow_pickle=False) for name in PART_NAMES},
    )


def read_manifest(directory: Path) -> DatasetManifest:
    """Read a dataset's manifest without its arrays; DatasetError when it is missing or not one."""
    path = directory / MANIFEST_NAME
    try:
        document = json.loads(path.read_bytes())
        slots = tuple(Slot(**slot) for slot in document.pop("slots"))
        names = tuple(document.pop("feature_names"))
        return DatasetManifest(slots=slots, feature_names=names, **document)
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: expected a dataset's manifest, found no file; build the dataset first") from error
    except (ValueError, TypeError, KeyError) as error:
        raise DatasetError(f"{path}: not a dataset manifest of this version ({error}); build it again") from error


def longest_stretch(anchors: IntArray) -> int:
    """Return the length of the longest run of consecutive steps among sorted anchors."""
    if not len(anchors):
        return 0
    ends = np.flatnonzero(np.diff(anchors) != 1)
    return int(np.diff(np.concatenate([[-1], ends, [len(anchors) - 1]])).max())


def market_type_of(venue: str) -> str:
    """Return what a venue of ours trades: perpetuals on USD-M, spot elsewhere."""
    return "perpetual" if venue.endswith("_usdm") else "spot"


def _scan(sources: Sequence[Path], from_ns: int | None, to_ns: int | None) -> pl.DataFrame:
    rows = pl.scan_parquet([str(path) for path in sources], hive_partitioning=False)
    if from_ns is not None:
        rows = rows.filter(pl.col("ts_step_ns") >= from_ns)
    if to_ns is not None:
        rows = rows.filter(pl.col("ts_step_ns") < to_ns)
    return rows.collect()


def _feature_names(table: pl.DataFrame) -> list[str]:
    import native

    names = list(native.FEATURE_NAMES)
    missing = [name for name in (*names, *grid_price_columns()) if name not in table.columns]
    if missing:
        raise DatasetError(f"grid table: expected column {missing[0]!r}, found none; convert the hours again")
    return names


def _slot_instruments(table: pl.DataFrame, instruments: Sequence[str]) -> list[str]:
    met = table.select("slot", "venue", "instrument").unique().rows()
    named = {int(slot): text if ":" in text else f"{venue}:{text}" for slot, venue, text in met}
    if not instruments:
        return [named.get(slot, "") for slot in range(max(named) + 1)]
    for slot, text in sorted(named.items()):
        if slot >= len(instruments) or instruments[slot] != text:
            expected = instruments[slot] if slot < len(instruments) else "no such slot"
            raise DatasetError(
                f"grid table, slot {slot}: expected {expected!r}, found {text!r}; convert the grid again"
            )
    return list(instruments)


def _slot(text: str, is_present: bool) -> Slot:
    venue = text.partition(":")[0]
    return Slot(venue, text, market_type_of(venue) if venue else "", is_present)


def _arrays(
    table: pl.DataFrame, ts_step_ns: IntArray, slots: int, names: Sequence[str]
) -> tuple[FloatArray, BoolArray, IntArray]:
    steps = len(ts_step_ns)
    features = np.zeros((steps, slots, len(names)), dtype=np.float32)
    price_ticks = np.zeros((steps, slots, 10), dtype=np.int64)
    valid = np.zeros((steps, slots), dtype=np.bool_)
    index = np.searchsorted(ts_step_ns, table["ts_step_ns"].to_numpy())
    slot = table["slot"].to_numpy().astype(np.int64)
    if len(np.unique(index * slots + slot)) != len(table):
        raise DatasetError("grid table: a step and slot occur twice; two runs overlap, choose a span of one of them")
    is_valid = table["is_valid"].to_numpy().astype(np.bool_)
    features[index, slot] = table.select(names).to_numpy().astype(np.float32)
    price_ticks[index, slot] = table.select(grid_price_columns()).to_numpy()
    valid[index, slot] = (
        is_valid & np.isfinite(features[index, slot]).all(axis=1) & (price_ticks[index, slot] > 0).all(axis=1)
    )
    return features, valid, price_ticks


def _present(valid_TV: BoolArray, config: MlConfig) -> BoolArray:
    first = max(1, int(len(valid_TV) * config.split.train))
    return np.asarray(valid_TV[:first].mean(axis=0) >= config.slot_valid_fraction_min)


def _step_ns(ts_step_ns: IntArray) -> int:
    if len(ts_step_ns) < 2:
        raise DatasetError(f"grid table: expected many steps, found {len(ts_step_ns)}; convert more data")
    spacings, counts = np.unique(np.diff(ts_step_ns), return_counts=True)
    return int(spacings[np.argmax(counts)])


def _anchors(
    ts_step_ns: IntArray, valid_TP: BoolArray, step_ns: int, context: int, horizon: int, config: MlConfig
) -> IntArray:
    steps = len(ts_step_ns)
    candidates = np.arange(context - 1, steps - horizon, dtype=np.int64)
    if not len(candidates):
        return candidates
    first, last = candidates - context + 1, candidates + horizon
    is_contiguous = ts_step_ns[last] - ts_step_ns[first] == (context + horizon - 1) * step_ns
    total = np.concatenate([np.zeros((1, valid_TP.shape[1]), np.int64), np.cumsum(valid_TP, axis=0)])
    in_context = total[candidates + 1] - total[first]
    is_scored = (total[last + 1] - total[first] == context + horizon).any(axis=1)
    is_filled = (in_context >= config.context_valid_fraction_min * context).all(axis=1)
    anchors: IntArray = candidates[is_contiguous & valid_TP[candidates].all(axis=1) & is_filled & is_scored]
    return anchors


def _split(anchors: IntArray, purge: int, config: MlConfig) -> dict[str, IntArray]:
    first_cut = int(len(anchors) * config.split.train)
    second_cut = int(len(anchors) * (config.split.train + config.split.validation))
    if first_cut == 0 or second_cut <= first_cut or second_cut >= len(anchors):
        raise DatasetError(f"expected more than {5 * purge} usable steps to split, found {len(anchors)}; record longer")
    start_validation, start_test = anchors[first_cut], anchors[second_cut]
    after_train, after_validation = anchors >= start_validation + purge, anchors >= start_test + purge
    parts = {
        "train": anchors[:first_cut],
        "validation": anchors[after_train & (anchors < start_test)],
        "test": anchors[after_validation],
    }
    empty = [name for name, part in parts.items() if not len(part)]
    if empty:
        raise DatasetError(
            f"{empty[0]} part: empty after a purge of {purge} steps, {len(anchors)} usable in all; record longer"
        )
    return parts


def _write(
    out_dir: Path,
    arrays: tuple[NDArray[np.generic], ...],
    normaliser: Normaliser,
    parts: dict[str, IntArray],
) -> dict[str, str]:
    out_dir.mkdir(parents=True, exist_ok=True)
    # A manifest left from an earlier build must not vouch for the arrays that are being replaced.
    (out_dir / MANIFEST_NAME).unlink(missing_ok=True)
    named = dict(zip(ARRAY_NAMES, arrays, strict=True))
    named |= {f"normaliser_{name}": getattr(normaliser, name) for name in NORMALISER_NAMES}
    named |= {f"anchors_{name}": part for name, part in parts.items()}
    return {f"{name}.npy": write_array(out_dir / f"{name}.npy", array) for name, array in named.items()}
