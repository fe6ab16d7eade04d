"""The only door for the trader: load a verified bundle, give it a window, get a forecast. torch is imported on load."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.bundle import Bundle, feature_schema_hash, open_bundle
from ml.errors import BundleError, ForecastError, MlError, RegistryError
from ml.layout import FEATURE_COUNT, FORECAST_WIDTH, SHAPE_COLUMNS, SHAPE_COUNT, BoolArray, FloatArray, pack_forecast
from ml.predictor import Predictor
from ml.registry import Pointer, read_pointer

__all__ = [
    "BundleError",
    "ForecastError",
    "Forecaster",
    "MlError",
    "Pointer",
    "RegistryError",
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

    def forecast(self, features: FloatArray, valid: NDArray[np.uint8] | BoolArray) -> FloatArray:
        """Forecast from un-normalised features [L, V, 58] and validity [L, V]: float32[H, V*20] as the engine reads it.

        A slot gets zero return and its mean book (one-tick gaps and no size where there is no mean) when it was absent
        in training, is not valid in the last row, or is valid on less of the window than training asked for: such a
        window the model has never seen. A row that holds NaN counts as not valid, as in a dataset. The result is never
        NaN: ForecastError when a window's shape is wrong.
        """
        slots = len(self.bundle.slot_instruments)
        expected = (self.context_steps, slots, FEATURE_COUNT)
        if features.shape != expected or valid.shape != expected[:2]:
            raise ForecastError(
                f"expected features {expected} and valid {expected[:2]}, found {features.shape} and {valid.shape}"
            )
        is_valid = valid.astype(np.bool_) & np.isfinite(features).all(axis=2)
        is_valid &= is_valid.sum(axis=0) >= self.bundle.context_valid_fraction_min * self.context_steps
        features = np.where(is_valid[:, :, None], features, np.float32(0.0))
        normalised = self.predictor.normaliser.apply(features, is_valid)
        last = features[-1][self.present][:, SHAPE_COLUMNS]
        result = self.predictor.forecast_windows(
            normalised[None][:, :, self.present], is_valid[None][:, :, self.present], last[None]
        )
        mid_VH = np.zeros((slots, self.horizon_steps), dtype=np.float32)
        shape_VSH = np.zeros((slots, SHAPE_COUNT, self.horizon_steps), dtype=np.float32)
        mid_VH[self.present] = result.mid_bps_BPH[0]
        shape_VSH[self.present] = result.shape_BPSH[0]
        values = pack_forecast(mid_VH, shape_VSH)
        assert values.shape == (self.horizon_steps, slots * FORECAST_WIDTH), "the engine reads this layout"
        if not np.isfinite(values).all():
            raise ForecastError(f"bundle {self.bundle.hash[:12]} gave a forecast that is not finite; roll back")
        return values
