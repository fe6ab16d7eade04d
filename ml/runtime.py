"""The only door for the trader: load a verified bundle, give it a window, get a forecast. torch is imported on load."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.attention_map import AttentionMap, Token
from ml.bundle import Bundle, feature_schema_hash, open_bundle
from ml.bundle_facts import BundleFacts, bundle_facts, bundle_named
from ml.errors import BundleError, ForecastError, MlError, RegistryError
from ml.layout import (
    FEATURE_COUNT,
    FORECAST_WIDTH,
    SHAPE_COLUMNS,
    SHAPE_COUNT,
    BoolArray,
    FloatArray,
    IntArray,
    pack_forecast,
)
from ml.predictor import FORECAST_CHUNK, Predictor
from ml.registry import ROLLBACK, Pointer, read_pointer

__all__ = [
    "ROLLBACK",
    "AttentionMap",
    "BundleError",
    "BundleFacts",
    "ForecastError",
    "Forecaster",
    "MlError",
    "Pointer",
    "RegistryError",
    "Token",
    "bundle_facts",
    "bundle_named",
    "feature_schema_hash",
    "read_pointer",
]


@dataclass(frozen=True)
class Forecaster:
    """A model that forecasts one window at a time, always on the CPU: the same window gives the same bytes."""

    bundle: Bundle
    predictor: Predictor
    present: NDArray[np.int64]

    @staticmethod
    def load(
        models_dir: Path,
        bundle_hash: str,
        feature_schema: str,
        now_ns: int,
        *,
        instruments: Sequence[str] | None = None,
        expires_after_ns: int | None = None,
        threads: int = 1,
    ) -> "Forecaster":
        """Open a bundle for trading; BundleError when it is altered, of another feature schema or grid, or expired.

        `now_ns` is engine time. `instruments` are the grid's slots in order: the schema knows venues only, and a model
        of one symbol must not trade another. Sets torch's thread count for the process: one thread repeats bit for bit.
        """
        bundle = open_bundle(models_dir, bundle_hash, feature_schema, now_ns=now_ns, expires_after_ns=expires_after_ns)
        if instruments is not None:
            bundle.require_instruments(instruments)
        import torch

        torch.set_num_threads(threads)
        forecaster = Forecaster(bundle, bundle.predictor(), np.array(bundle.present_slots, dtype=np.int64))
        # The first call of torch is tens of times slower than the next: pay for it here, not on the first step.
        slots = len(bundle.slot_instruments)
        zeros = np.zeros((forecaster.context_steps, slots, FEATURE_COUNT), dtype=np.float32)
        forecaster.forecast(zeros, np.ones((forecaster.context_steps, slots), dtype=np.uint8))
        return forecaster

    @property
    def context_steps(self) -> int:
        """Return L, the rows that a window must have."""
        return self.bundle.preset.context

    @property
    def horizon_steps(self) -> int:
        """Return H, the steps that a forecast reaches ahead."""
        return self.bundle.preset.horizon

    @property
    def expires_ns(self) -> int:
        """Return the UTC ns after which the bundle is refused."""
        return self.bundle.expires_ns

    def outside_training(self, features_VF: FloatArray, valid_V: NDArray[np.uint8] | BoolArray) -> BoolArray:
        """Return which features [V, 58] of a row lie outside of what the training part could have shown.

        That is what the normaliser clips: beyond ten standard deviations, or beyond the least and greatest value of the
        features that it brings to [0, 1]. False in slots that are not valid, and for features that never moved.
        """
        constants = self.predictor.normaliser
        with np.errstate(invalid="ignore"):  # rows that are not valid may hold anything
            values = (features_VF - constants.offset) * constants.scale
            is_outside = (values < constants.lo) | (values > constants.hi)
        return np.asarray(is_outside & valid_V.astype(np.bool_)[:, None], dtype=np.bool_)

    @property
    def fitted_until_ns(self) -> int:
        """Return the last moment that it was fitted on: its test part begins later. Of an older bundle: all data."""
        validation = self.bundle.manifest.get("validation")
        first_ns = validation.get("test_first_step_ns") if isinstance(validation, dict) else None
        return self.bundle.trained_until_ns if first_ns is None else int(str(first_ns)) - 1

    def forecast(self, features: FloatArray, valid: NDArray[np.uint8] | BoolArray) -> FloatArray:
        """Forecast from un-normalised features [L, V, 58] and validity [L, V]: float32[H, V*20] as the engine reads it.

        A slot gets zero return and its mean book (one-tick gaps and no size where there is no mean) when it was absent
        in training, is not valid in the last row, or is valid on less of the window than training asked for: such a
        window the model has never seen. A row that holds NaN counts as not valid, as in a dataset. The result is never
        NaN: ForecastError when a window's shape is wrong.
        """
        is_valid = self._require_window(features, valid)
        values: FloatArray = self._forecast_windows(features[None], is_valid[None])[0]
        return values

    def attention(self, features: FloatArray, valid: NDArray[np.uint8] | BoolArray) -> AttentionMap:
        """Return where the model looks as it forecasts that window; arguments and errors as in `forecast`.

        It costs about what a forecast does. A slot that `forecast` gives nothing but zero return is no reader.
        """
        shown, is_valid = self._shown(features[None], self._require_window(features, valid)[None])
        is_given = is_valid[:, :, self.present]
        weights_PNS = self.predictor.attention_windows(self._present_windows(shown, is_valid), is_given)[0]
        reads = is_given[0, -1]
        readers = tuple(int(slot) for slot in self.present[reads])
        return AttentionMap(readers, self.predictor.tokens(self.present), weights_PNS[reads])

    def forecast_batch(
        self, features: FloatArray, valid: NDArray[np.uint8] | BoolArray, steps: IntArray | Sequence[int]
    ) -> FloatArray:
        """Forecast at rows `steps` of features [T, V, 58] and validity [T, V]: float32[N, H, V*20].

        The window of a step is the L rows that end with it, and the caller owes that they follow each other in time. As
        `forecast` but for the last bits: many windows in one product are summed in another order. ForecastError when a
        shape is wrong or a step has no whole window.
        """
        anchors, slots = np.asarray(steps, dtype=np.int64), len(self.bundle.slot_instruments)
        shapes = (features.shape, valid.shape)
        if features.ndim != 3 or shapes != ((len(features), slots, FEATURE_COUNT), (len(features), slots)):
            raise ForecastError(
                f"expected features (T, {slots}, {FEATURE_COUNT}) and valid (T, {slots}), found {shapes}"
            )
        if len(anchors) and not self.context_steps - 1 <= anchors.min() <= anchors.max() < len(features):
            raise ForecastError(
                f"expected steps from {self.context_steps - 1} to {len(features) - 1}, found {anchors.min()} to "
                f"{anchors.max()}: a window needs {self.context_steps} rows"
            )
        is_valid = valid.astype(np.bool_) & np.isfinite(features).all(axis=2)
        values = np.empty((len(anchors), self.horizon_steps, slots * FORECAST_WIDTH), dtype=np.float32)
        for begin in range(0, len(anchors), FORECAST_CHUNK):
            rows = anchors[begin : begin + FORECAST_CHUNK, None] + np.arange(1 - self.context_steps, 1)
            values[begin : begin + FORECAST_CHUNK] = self._forecast_windows(features[rows], is_valid[rows])
        return values

    def _require_window(self, features: FloatArray, valid: NDArray[np.uint8] | BoolArray) -> BoolArray:
        """Return which rows [L, V] of a window hold something; ForecastError when its shape is wrong."""
        expected = (self.context_steps, len(self.bundle.slot_instruments), FEATURE_COUNT)
        if features.shape != expected or valid.shape != expected[:2]:
            raise ForecastError(
                f"expected features {expected} and valid {expected[:2]}, found {features.shape} and {valid.shape}"
            )
        return np.asarray(valid.astype(np.bool_) & np.isfinite(features).all(axis=2), dtype=np.bool_)

    def _shown(self, features_BLVF: FloatArray, is_valid_BLV: BoolArray) -> tuple[FloatArray, BoolArray]:
        """Return what the model is shown: nothing of slots valid on too little of the window, zeros where not valid."""
        enough = is_valid_BLV.sum(axis=1) >= self.bundle.context_valid_fraction_min * self.context_steps
        is_valid = is_valid_BLV & enough[:, None, :]
        return np.where(is_valid[..., None], features_BLVF, np.float32(0.0)), is_valid

    def _present_windows(self, features_BLVF: FloatArray, is_valid_BLV: BoolArray) -> FloatArray:
        """Return the network's windows [B, L, P, F], normalised."""
        rows = (-1, is_valid_BLV.shape[2])
        flat = features_BLVF.reshape(*rows, FEATURE_COUNT)
        normalised = self.predictor.normaliser.apply(flat, is_valid_BLV.reshape(rows))
        return normalised.reshape(features_BLVF.shape)[:, :, self.present]

    def _forecast_windows(self, features_BLVF: FloatArray, is_valid_BLV: BoolArray) -> FloatArray:
        """Return float32[B, H, V*20]: the one way from windows to what the engine reads."""
        batch, _length, slots = is_valid_BLV.shape
        features, is_valid = self._shown(features_BLVF, is_valid_BLV)
        windows = self._present_windows(features, is_valid)
        last = features[:, -1][:, self.present][..., SHAPE_COLUMNS]
        result = self.predictor.forecast_windows(windows, is_valid[:, :, self.present], last)
        mid_BVH = np.zeros((batch, slots, self.horizon_steps), dtype=np.float32)
        shape_BVSH = np.zeros((batch, slots, SHAPE_COUNT, self.horizon_steps), dtype=np.float32)
        mid_BVH[:, self.present] = result.mid_bps_BPH
        shape_BVSH[:, self.present] = result.shape_BPSH
        values = np.stack([pack_forecast(mid, shape) for mid, shape in zip(mid_BVH, shape_BVSH, strict=True)])
        assert values.shape == (batch, self.horizon_steps, slots * FORECAST_WIDTH), "the engine reads this layout"
        if not np.isfinite(values).all():
            raise ForecastError(f"bundle {self.bundle.hash[:12]} gave a forecast that is not finite; roll back")
        return values
