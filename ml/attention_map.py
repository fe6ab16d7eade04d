"""Where a model looked while it forecast one window: its own attention weights, named by what each token stands for.

Nothing is estimated: these are the numbers with which the last look of the network mixed values into the mid forecast
(see `attention` of the two networks), mean over heads. What a token holds by then it gathered in the layers before, so
a weight says where the last look went, and not how much a price of that level moved the forecast.

Shapes: R readers, N tokens, S steps of a token (1 where a token is a whole path).
"""

from dataclasses import dataclass

from ml.layout import FloatArray

NO_LEVEL = 0


@dataclass(frozen=True, slots=True)
class Token:
    """What one token stands for; `level` counts from 1, `NO_LEVEL` is a token of no level."""

    slot: int
    """Of the grid."""
    side: str
    """bid, ask or both."""
    level: int
    feature: str
    """price, volume, a flow, or readout: what a venue gathers for its own forecast."""


@dataclass(frozen=True, slots=True)
class AttentionMap:
    """See the head of the file. Each reader's weights are 0 or more and sum to 1."""

    readers: tuple[int, ...]
    """Grid slots whose mid was forecast: in training present, and valid in the window."""
    tokens: tuple[Token, ...]
    weights_RNS: FloatArray
    """Steps oldest first."""
