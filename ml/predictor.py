"""One fitted model as a whole: normaliser, baselines, network and blend, and how they make a forecast together.

mid      = s1_h * ridge + s2_h * net            (bps; s1, s2 in [0, 1], fitted on validation)
log gap  = AR + g_h * (ordered head - AR)       (stays >= 0: a mix of two such values)
log size = AR + v_h * net residual

Training, validation and the live runtime all call `forecast_windows`: there is no second path.

Shapes: B batch, L context, H horizon, P present slots, F features, S shape values (19), R flow inputs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from safetensors.numpy import load_file, save

from ml.attention_map import NO_LEVEL, Token
from ml.baselines import Baselines, RidgeFlow, ShrinkAr, chunks, flow_inputs, flow_width, scale_of
from ml.errors import CandidateError
from ml.layout import GAP_COUNT, LEVEL_COUNT, SIZE_COUNT, BoolArray, DoubleArray, FloatArray, IntArray
from ml.model.presets import Preset
from ml.normaliser import Normaliser

if TYPE_CHECKING:
    from torch import nn

    from ml.dataset import Dataset
    from ml.model.network import Window

WEIGHTS_NAME: Final = "weights.safetensors"
CONSTANTS_NAME: Final = "constants.safetensors"
FORECAST_CHUNK: Final = 64


@dataclass(frozen=True, slots=True)
class Blend:
    """Weights in [0, 1] per horizon: of ridge and net in the mid, of the net in gaps and in sizes."""

    ridge_H: DoubleArray
    net_H: DoubleArray
    gap_H: DoubleArray
    size_H: DoubleArray

    @staticmethod
    def whole(horizon: int) -> "Blend":
        """Return the blend that shrinks nothing."""
        ones = np.ones(horizon)
        return Blend(ones, ones, ones, ones)


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Forecasts of B windows and the parts that they were blended of."""

    mid_bps_BPH: DoubleArray
    shape_BPSH: DoubleArray
    ridge_bps_BPH: DoubleArray
    net_bps_BPH: DoubleArray
    ar_BPSH: DoubleArray


@dataclass(frozen=True)
class Predictor:
    """Everything that a forecast needs; `network` is on the CPU or the device it was moved to, in eval mode."""

    preset: Preset
    market_types: tuple[str, ...]
    normaliser: Normaliser
    baselines: Baselines
    blend: Blend
    network: "nn.Module"

    def forecast_windows(self, x_BLPF: FloatArray, valid_BLP: BoolArray, last_BPS: FloatArray) -> Forecasts:
        """Forecast from normalised windows; a slot not valid in the last row gets zero return and the mean book."""
        import torch

        from ml.model.head import shape_forecast

        given_BP = valid_BLP[:, -1]
        window, ridge_bps = make_window(self, x_BLPF, given_BP)
        ar = self.baselines.ar.predict(last_BPS)
        with torch.inference_mode():
            residuals = self.network(window)
            shape = shape_forecast(residuals, torch.from_numpy(ar.astype(np.float32)).to(window.x_BLPF.device))
            net = residuals.mid_BPH.cpu().numpy().astype(np.float64)
            shape_net = shape.cpu().numpy().astype(np.float64)
        scale = scale_of(self.baselines.sigma_bps, self.preset.horizon)
        net_bps = net * scale
        mid = self.blend.ridge_H * ridge_bps + self.blend.net_H * net_bps
        share = np.concatenate([np.tile(self.blend.gap_H, (GAP_COUNT, 1)), np.tile(self.blend.size_H, (SIZE_COUNT, 1))])
        blended = ar + share * (shape_net - ar)
        mean = np.broadcast_to(self.baselines.ar.mean[..., None], blended.shape)
        return Forecasts(
            mid_bps_BPH=mid * given_BP[..., None],
            shape_BPSH=np.where(given_BP[..., None, None], blended, mean),
            ridge_bps_BPH=ridge_bps,
            net_bps_BPH=net_bps,
            ar_BPSH=ar,
        )

    def attention_windows(self, x_BLPF: FloatArray, valid_BLP: BoolArray) -> FloatArray:
        """Return [B, P, N, S]: where the network looks as it forecasts those windows, over `tokens` and their steps."""
        import torch

        window, _ridge_bps = make_window(self, x_BLPF, valid_BLP[:, -1])
        with torch.inference_mode():
            weights: FloatArray = self.network.attention(window).cpu().numpy()  # type: ignore[operator]
        return weights

    def tokens(self, slots: IntArray) -> tuple[Token, ...]:
        """Return what the network's N tokens stand for; `slots` are the grid's, of the present ones in order."""
        from ml.model.embedding import FEATURES, SIDES, Variable

        variables: tuple[Variable, ...] = self.network.variables  # type: ignore[assignment]  # both networks have it
        return tuple(
            Token(
                slot=int(slots[variable.venue]),
                side=SIDES[variable.side],
                level=variable.level + 1 if variable.level < LEVEL_COUNT else NO_LEVEL,
                feature=FEATURES[variable.feature],
            )
            for variable in variables
        )

    def forecast_anchors(self, dataset: "Dataset", anchors: IntArray) -> Forecasts:
        """Forecast at many anchors of a dataset, in chunks."""
        parts = []
        for chunk in chunks(anchors, FORECAST_CHUNK):
            x_BLPF, valid_BLP = dataset.windows(chunk)
            parts.append(self.forecast_windows(x_BLPF, valid_BLP, dataset.last_shape(chunk)))
        fields = ("mid_bps_BPH", "shape_BPSH", "ridge_bps_BPH", "net_bps_BPH", "ar_BPSH")
        return Forecasts(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def make_window(predictor: Predictor, x_BLPF: FloatArray, given_BP: BoolArray) -> "tuple[Window, DoubleArray]":
    """Return the network's input and the ridge forecast in bps; slots not given are hidden from both."""
    import torch

    from ml.model.network import Window

    x_BLPF = np.ascontiguousarray(x_BLPF * given_BP[:, None, :, None], dtype=np.float32)
    flow_BPR = flow_inputs(x_BLPF)
    ridge_bps = predictor.baselines.ridge.predict(flow_BPR) * given_BP[..., None]
    scale = scale_of(predictor.baselines.sigma_bps, predictor.preset.horizon)
    device = next(predictor.network.parameters()).device
    window = Window(
        x_BLPF=torch.from_numpy(x_BLPF).to(device),
        given_BP=torch.from_numpy(given_BP.astype(np.int64)).to(device),
        flow_BPR=torch.from_numpy(flow_BPR).to(device),
        ridge_BPH=torch.from_numpy((ridge_bps / scale).astype(np.float32)).to(device),
    )
    return window, ridge_bps


def save_predictor(predictor: Predictor, directory: Path) -> None:
    """Write weights and constants as safetensors; equal predictors give equal bytes."""
    state = predictor.network.state_dict()
    weights = {name: np.ascontiguousarray(tensor.detach().cpu().numpy()) for name, tensor in state.items()}
    (directory / WEIGHTS_NAME).write_bytes(save(weights))
    (directory / CONSTANTS_NAME).write_bytes(save(_constants(predictor)))


def load_predictor(directory: Path, preset: Preset, market_types: tuple[str, ...]) -> Predictor:
    """Read what `save_predictor` wrote, network on the CPU; CandidateError when the files do not fit the preset."""
    import torch

    from ml.model.network import make_network

    try:
        weights, constants = load_file(directory / WEIGHTS_NAME), load_file(directory / CONSTANTS_NAME)
        network = make_network(preset, market_types, flow_width(preset.context))
        network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
        tables = {name: constants[f"normaliser.{name}"] for name in ("offset", "scale", "lo", "hi")}
        baselines = Baselines(
            RidgeFlow(constants["ridge.weights"]),
            ShrinkAr(constants["ar.mean"], constants["ar.beta"], constants["ar.sd"]),
            constants["sigma_bps"],
        )
        shares = (constants[f"blend.{name}"] for name in ("ridge", "net", "gap", "size"))
        return Predictor(preset, market_types, Normaliser(**tables), baselines, Blend(*shares), network.eval())
    except (OSError, KeyError, RuntimeError) as error:
        raise CandidateError(
            f"{directory}: weights do not fit preset {preset.name!r} ({error}); train again"
        ) from error


def _constants(predictor: Predictor) -> dict[str, np.ndarray]:
    baselines, blend, normaliser = predictor.baselines, predictor.blend, predictor.normaliser
    arrays = {
        "normaliser.offset": normaliser.offset,
        "normaliser.scale": normaliser.scale,
        "normaliser.lo": normaliser.lo,
        "normaliser.hi": normaliser.hi,
        "ridge.weights": baselines.ridge.weights,
        "ar.mean": baselines.ar.mean,
        "ar.beta": baselines.ar.beta,
        "ar.sd": baselines.ar.sd,
        "sigma_bps": baselines.sigma_bps,
        "blend.ridge": blend.ridge_H,
        "blend.net": blend.net_H,
        "blend.gap": blend.gap_H,
        "blend.size": blend.size_H,
    }
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}
