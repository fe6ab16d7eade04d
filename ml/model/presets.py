"""Named sizes of the network. A preset is a frozen value: what a run used is stored whole in its manifest."""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Shape of one network; `token` says what one token is: a variable with its whole path, or a (variable, step)."""

    name: str
    context: int
    horizon: int
    token: Literal["variable", "variable_step"]
    width: int
    heads: int
    feed_forward: int
    encoder_layers: int
    decoder_layers: int = 0
    attention: Literal["sdpa", "performer"] = "sdpa"
    embedding: Literal["compound", "per_variable", "none"] = "compound"
    dropout_embedding: float = 0.0
    dropout_feed_forward: float = 0.0
    time_waves: int = 6
    performer_features: int = 128


PRESETS: Final[dict[str, Preset]] = {
    "nano": Preset(
        name="nano",
        context=60,
        horizon=20,
        token="variable",
        width=96,
        heads=3,
        feed_forward=384,
        encoder_layers=2,
    ),
    # For short recordings and tests: a window of one second, a horizon of half a second.
    "nano_short": Preset(
        name="nano_short",
        context=10,
        horizon=5,
        token="variable",
        width=48,
        heads=3,
        feed_forward=96,
        encoder_layers=1,
    ),
    # The paper's shape on our grid: 120 -> 24 steps, a token per variable and step, encoder and decoder.
    "paper": Preset(
        name="paper",
        context=120,
        horizon=24,
        token="variable_step",
        width=96,
        heads=3,
        feed_forward=384,
        encoder_layers=3,
        decoder_layers=3,
        attention="performer",
        dropout_embedding=0.2,
        dropout_feed_forward=0.3,
    ),
}


@dataclass(frozen=True, slots=True)
class WindowShape:
    """Rows seen and rows forecast, in grid steps."""

    context: int
    horizon: int


def preset_shape(name: str) -> WindowShape:
    """Return a preset's window; KeyError for a name that settings would have refused."""
    preset = PRESETS[name]
    return WindowShape(preset.context, preset.horizon)
