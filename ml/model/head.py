"""The ordered residual head, and the paper's own loss for reproduction.

A forecast is a residual on a baseline: mid on ridge-flow, gaps and volumes on AR(1)-shrink. A gap is
1 + softplus(z + r) ticks with z chosen so that r = 0 gives the baseline exactly: no forecast can cross or
reorder a book.

Shapes: B batch, P present slots, G 9 gaps, S 10 sizes, H horizon, K levels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ml.layout import GAP_COUNT, LEVEL_COUNT

# Below this many ticks above one, the inverse of softplus leaves float32; the gap is one tick for all purposes.
GAP_EXCESS_MIN = 1e-3
ORDER_PENALTY_WEIGHT = 0.01


@dataclass(frozen=True, slots=True)
class Residuals:
    """What a network adds to the baselines; all zero before training."""

    mid_BPH: Tensor  # in units of sigma * sqrt(h)
    gap_BPGH: Tensor  # inside softplus
    size_BPSH: Tensor  # in log size


def ordered_log_gaps(baseline_log: Tensor, residual: Tensor) -> Tensor:
    """Return log gaps (in ticks, never below log 1) for baseline log gaps of zero or more and free residuals."""
    excess = (torch.exp(baseline_log) - 1.0).clamp_min(GAP_EXCESS_MIN)
    start = excess + torch.log(-torch.expm1(-excess))
    return torch.log1p(functional.softplus(start + residual))


def shape_forecast(residuals: Residuals, ar_BPSH: Tensor) -> Tensor:
    """Return log gaps and log sizes [B, P, 9 + 10, H] from the AR(1)-shrink baseline and the residuals."""
    gaps = ordered_log_gaps(ar_BPSH[:, :, :GAP_COUNT], residuals.gap_BPGH)
    return torch.cat([gaps, ar_BPSH[:, :, GAP_COUNT:] + residuals.size_BPSH], dim=2)


def gap_residuals(price_token_BPTH: Tensor) -> Tensor:
    """Turn the outputs of ten price tokens (bid 1-5, ask 1-5) into nine gaps: spread, bid gaps, ask gaps."""
    bid, ask = price_token_BPTH[:, :, :LEVEL_COUNT], price_token_BPTH[:, :, LEVEL_COUNT:]
    spread = (bid[:, :, :1] + ask[:, :, :1]) / 2
    return torch.cat([spread, bid[:, :, 1:], ask[:, :, 1:]], dim=2)


def order_penalty(bid_K: Tensor, ask_K: Tensor) -> Tensor:
    """The paper's S: by how much prices [..., K] break bid_1 > bid_2 > ..., ask_1 < ask_2 < ..., bid_1 < ask_1."""
    asks = functional.relu(ask_K[..., :-1] - ask_K[..., 1:]).sum(-1)
    bids = functional.relu(bid_K[..., 1:] - bid_K[..., :-1]).sum(-1)
    return asks + bids + functional.relu(bid_K[..., 0] - ask_K[..., 0])


def paper_loss(scaled_BPNH: Tensor, target_BPNH: Tensor) -> Tensor:
    """Return MSE + 0.01 S in scaled space for N = 20 variables: prices bid 1-5, ask 1-5, then volumes likewise."""
    bid = scaled_BPNH[:, :, :LEVEL_COUNT].movedim(2, -1)
    ask = scaled_BPNH[:, :, LEVEL_COUNT : 2 * LEVEL_COUNT].movedim(2, -1)
    penalty = order_penalty(bid, ask).mean()
    return functional.mse_loss(scaled_BPNH, target_BPNH) + ORDER_PENALTY_WEIGHT * penalty
