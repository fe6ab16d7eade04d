"""Attention blocks, pre-norm and residual: softmax (SDPA) or Performer's linear ReLU kernel; local and global.

Local attention lets each variable look along its own time only: [B, N, T, D] viewed as [B*N, T, D]. Global attention
sees all tokens. Nothing is causal: targets are decoded in one pass from zeros, flags and times.

Shapes: B batch, N variables, T steps of a stack, S tokens attended to, D width, E head width, M random features.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

AttentionKind = Literal["sdpa", "performer"]
KERNEL_OFFSET = 1e-3


def orthogonal_features(count: int, width: int, generator: torch.Generator) -> Tensor:
    """Return [M, E] Gaussian rows, orthogonal within blocks of E, with chi-distributed norms (Choromanski et al.)."""
    blocks = []
    for _ in range(math.ceil(count / width)):
        q, _upper = torch.linalg.qr(torch.randn(width, width, generator=generator))
        blocks.append(q.T)
    rows = torch.cat(blocks)[:count]
    norms = torch.randn(count, width, generator=generator).norm(dim=1, keepdim=True)
    features: Tensor = rows * norms
    return features


class Attention(nn.Module):
    """Multi-head attention of queries [B, T, D] over memory [B, S, D]."""

    features_ME: Tensor

    def __init__(self, width: int, heads: int, kind: AttentionKind, features: int) -> None:
        super().__init__()
        self.heads = heads
        self.kind = kind
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        if kind == "performer":
            seed = torch.Generator().manual_seed(width * 1000 + features)
            self.register_buffer("features_ME", orthogonal_features(features, width // heads, seed))

    def forward(self, x_BTD: Tensor, memory_BSD: Tensor) -> Tensor:
        """Return [B, T, D]."""
        batch, steps, width = x_BTD.shape
        query, key, value = self._heads(x_BTD, memory_BSD)
        if self.kind == "sdpa":
            mixed = functional.scaled_dot_product_attention(query, key, value)
        else:
            mixed = self._linear(query, key, value)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, steps, width))
        return out

    def weights(self, x_BTD: Tensor, memory_BSD: Tensor) -> Tensor:
        """Return the weights [B, heads, T, S] with which `forward` mixes the memory's values; each row sums to 1.

        Of softmax what it is known for; of the linear kernel the matrix that it never writes down, so it takes T x S of
        memory here: ask for few rows.
        """
        query, key, _value = self._heads(x_BTD, memory_BSD)
        if self.kind == "sdpa":
            return torch.softmax(query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5, dim=-1)
        query, key = self._kernel(query), self._kernel(key)
        return query @ key.transpose(-2, -1) / (query @ key.sum(dim=-2).unsqueeze(-1))

    def _heads(self, x_BTD: Tensor, memory_BSD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries [B, heads, T, E], keys and values [B, heads, S, E]."""
        batch, steps, _width = x_BTD.shape
        query = self.query(x_BTD).view(batch, steps, self.heads, -1).transpose(1, 2)
        pair = self.key_value(memory_BSD).view(batch, memory_BSD.shape[1], 2, self.heads, -1)
        key, value = pair.permute(2, 0, 3, 1, 4).unbind(0)
        return query, key, value

    def _linear(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        query, key = self._kernel(query), self._kernel(key)
        context = key.transpose(-2, -1) @ value
        norm = query @ key.sum(dim=-2).unsqueeze(-1)
        return (query @ context) / norm

    def _kernel(self, x: Tensor) -> Tensor:
        return functional.relu(x * x.shape[-1] ** -0.25 @ self.features_ME.T) + KERNEL_OFFSET


class FeedForward(nn.Module):
    """D -> D_ff -> D with GELU; dropout after both."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width), nn.Dropout(dropout)
        )

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return [B, T, D]."""
        out: Tensor = self.layers(x_BTD)
        return out


class TokenLayer(nn.Module):
    """Encoder layer where a token is a whole variable: global self-attention, then feed-forward."""

    def __init__(self, width: int, heads: int, hidden: int, kind: AttentionKind, features: int, dropout: float) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads, kind, features)
        self.norm_feed_forward = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, hidden, dropout)

    def forward(self, x_BND: Tensor) -> Tensor:
        """Return [B, N, D]."""
        normed = self.norm_attention(x_BND)
        x_BND = x_BND + self.attention(normed, normed)
        out: Tensor = x_BND + self.feed_forward(self.norm_feed_forward(x_BND))
        return out

    def weights(self, x_BND: Tensor, first: int) -> Tensor:
        """Return [B, N - first, N]: with what weights the tokens from `first` on mix all tokens, mean over heads."""
        normed = self.norm_attention(x_BND)
        found: Tensor = self.attention.weights(normed[:, first:], normed).mean(dim=1)
        return found


class SpacetimeLayer(nn.Module):
    """Spacetimeformer layer on [B, N, T, D]: local self, global self, and with memory local cross, global cross."""

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int,
        kind: AttentionKind,
        features: int,
        dropout: float,
        *,
        is_decoder: bool,
    ) -> None:
        super().__init__()
        count = 4 if is_decoder else 2
        self.is_decoder = is_decoder
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(count + 1))
        self.attentions = nn.ModuleList(Attention(width, heads, kind, features) for _ in range(count))
        self.feed_forward = FeedForward(width, hidden, dropout)

    def forward(self, x_BNTD: Tensor, memory_BNSD: Tensor | None = None) -> Tensor:
        """Return [B, N, T, D]; a decoder layer needs the encoder's output as memory."""
        assert self.is_decoder == (memory_BNSD is not None), "a decoder layer, and only that, takes memory"
        for index in range(len(self.attentions)):
            x_BNTD = self._attend(index, x_BNTD, memory_BNSD)
        out: Tensor = x_BNTD + self.feed_forward(self.norms[-1](x_BNTD))
        return out

    def memory_weights(self, x_BNTD: Tensor, memory_BNSD: Tensor, variables: Tensor) -> Tensor:
        """Return [B, len(variables), T, N, S]: a decoder layer's global look at the memory, mean over heads."""
        assert self.is_decoder, "only a decoder layer takes memory"
        last = len(self.attentions) - 1
        for index in range(last):
            x_BNTD = self._attend(index, x_BNTD, memory_BNSD)
        query = self.norms[last](x_BNTD)[:, variables]
        attention = self.attentions[last]
        assert isinstance(attention, Attention), "made so"
        found = attention.weights(query.flatten(1, 2), memory_BNSD.flatten(1, 2)).mean(dim=1)
        return found.view(*query.shape[:3], *memory_BNSD.shape[1:3])

    def _attend(self, index: int, x_BNTD: Tensor, memory_BNSD: Tensor | None) -> Tensor:
        normed = self.norms[index](x_BNTD)
        # 0 and 2 are local (a variable with itself), 1 and 3 global; 2 and 3 look at the encoder.
        first, last = (0, 1) if index % 2 == 0 else (1, 2)
        query = normed.flatten(first, last)
        memory = query if index < 2 or memory_BNSD is None else memory_BNSD.flatten(first, last)
        out: Tensor = x_BNTD + self.attentions[index](query, memory).view(x_BNTD.shape)
        return out
