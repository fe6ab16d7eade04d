"""What a token is told about itself: its value, when it was, whether it was given, and which variable it is.

The paper replaces one embedding row per variable by one small table per attribute; a variable's vector is their sum:
e_v = (1 / sqrt(A)) * sum over attributes a of gamma_a * E_a[index_a(v)]. A new venue needs one new row, not twenty.

Shapes: A attributes, N variables, D width, J time features, K waves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor, nn

from ml.layout import (
    IMBALANCE_L5,
    LEVEL_COUNT,
    LOG_SIZE,
    MICRO_BPS,
    OFI_L1,
    PRICE_BPS,
    PRICE_PCT,
    SIZE_BASE,
    TRADE_FLOW,
)

SIDES: Final = ("bid", "ask", "both")
MARKET_TYPES: Final = ("perpetual", "spot")
FEATURES: Final = ("price", "volume", "ofi_l1", "imbalance_l5", "micro_bps", "trade_flow", "readout")
FLOW_COLUMNS: Final = (OFI_L1, IMBALANCE_L5, MICRO_BPS, TRADE_FLOW)
NO_LEVEL: Final = LEVEL_COUNT
BOOK_VARIABLES: Final = 4 * LEVEL_COUNT

EmbeddingKind = Literal["compound", "per_variable", "none"]


@dataclass(frozen=True, slots=True)
class Variable:
    """One observed quantity of one venue: its attributes (indices into the tables) and its feature column."""

    venue: int
    market_type: int
    side: int
    level: int
    feature: int
    column: int

    @property
    def attributes(self) -> tuple[int, int, int, int, int]:
        """Return the indices into the five attribute tables."""
        return (self.venue, self.market_type, self.side, self.level, self.feature)


def attribute_sizes(venues: int) -> tuple[int, int, int, int, int]:
    """Return the number of rows of each attribute table."""
    return (venues, len(MARKET_TYPES), len(SIDES), LEVEL_COUNT + 1, len(FEATURES))


def book_variables(venue: int, market_type: str, *, price: slice, volume: slice) -> list[Variable]:
    """Return a venue's ten price and ten volume variables, bid 1-5 then ask 1-5 in each."""
    market = MARKET_TYPES.index(market_type)
    return [
        Variable(venue, market, side, level, feature, block.start + side * LEVEL_COUNT + level)
        for feature, block in enumerate((price, volume))
        for side in (0, 1)
        for level in range(LEVEL_COUNT)
    ]


def nano_variables(venue: int, market_type: str) -> list[Variable]:
    """Return a venue's 20 book variables (distance to its own mid, log size) and its four flow variables."""
    market, both = MARKET_TYPES.index(market_type), SIDES.index("both")
    flows = [
        Variable(venue, market, both, NO_LEVEL, FEATURES.index("ofi_l1") + i, column)
        for i, column in enumerate(FLOW_COLUMNS)
    ]
    return book_variables(venue, market_type, price=PRICE_BPS, volume=LOG_SIZE) + flows


def paper_variables(venue: int, market_type: str) -> list[Variable]:
    """Return a venue's 20 book variables in the paper's inputs: percent change of price, volume."""
    return book_variables(venue, market_type, price=PRICE_PCT, volume=SIZE_BASE)


def readout_variable(venue: int, market_type: str) -> Variable:
    """Return the variable of a venue's read-out token, which has no column of its own."""
    market = MARKET_TYPES.index(market_type)
    return Variable(venue, market, SIDES.index("both"), NO_LEVEL, FEATURES.index("readout"), -1)


class Time2Vec(nn.Module):
    """Kazemi et al.: of each time feature one linear and K-1 sine waves with learned frequency and phase."""

    def __init__(self, time_features: int, waves: int) -> None:
        super().__init__()
        self.weight_JK = nn.Parameter(torch.randn(time_features, waves))
        self.bias_JK = nn.Parameter(torch.randn(time_features, waves))

    def forward(self, x_J: Tensor) -> Tensor:
        """Return [..., J*K] for time features [..., J] scaled to about [-1, 1]."""
        phase = x_J.unsqueeze(-1) * self.weight_JK + self.bias_JK
        waves = torch.cat([phase[..., :1], torch.sin(phase[..., 1:])], dim=-1)
        return waves.flatten(-2)


class CompoundEmbedding(nn.Module):
    """A vector per variable: a scaled sum over attribute tables, or (for ablation) one free row, or nothing."""

    indices_NA: Tensor

    def __init__(self, variables: Sequence[Variable], venues: int, width: int, kind: EmbeddingKind) -> None:
        super().__init__()
        self.kind = kind
        self.width = width
        indices = torch.tensor([variable.attributes for variable in variables])
        self.register_buffer("indices_NA", indices, persistent=False)
        scale = width**-0.5
        if kind == "compound":
            sizes = attribute_sizes(venues)
            self.tables = nn.ParameterList(nn.Parameter(torch.randn(rows, width) * scale) for rows in sizes)
            self.gamma_A = nn.Parameter(torch.ones(len(sizes)))
        elif kind == "per_variable":
            self.rows_ND = nn.Parameter(torch.randn(len(variables), width) * scale)

    def forward(self) -> Tensor:
        """Return the embedding [N, D]."""
        if self.kind == "per_variable":
            return self.rows_ND
        if self.kind == "none":
            return torch.zeros(len(self.indices_NA), self.width, device=self.indices_NA.device)
        parts = [self.gamma_A[a] * table[self.indices_NA[:, a]] for a, table in enumerate(self.tables)]
        return torch.stack(parts).sum(dim=0) / math.sqrt(len(parts))
