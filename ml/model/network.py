"""The two networks: `NanoNetwork` (a token per variable) and `PaperNetwork` (a token per variable and step).

Both take the same window and give the same `Residuals`, all zero before training, so that whatever is trained around
them (ridge skip, blend, bundle) does not care which one it holds.

Shapes: B batch, L context, H horizon, P present slots, F features, N variables of a slot, T tokens, D width,
R flow inputs of a slot's read-out token.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.layout import AGE_MS
from ml.model.attention import SpacetimeLayer, TokenLayer
from ml.model.embedding import (
    BOOK_VARIABLES,
    CompoundEmbedding,
    Time2Vec,
    Variable,
    nano_variables,
    paper_variables,
    readout_variable,
)
from ml.model.head import Residuals, gap_residuals
from ml.model.presets import Preset

PRICE_TOKENS = BOOK_VARIABLES // 2


@dataclass(frozen=True, slots=True)
class Window:
    """One batch: normalised features, what was given of them, and the read-out's flow and ridge inputs."""

    x_BLPF: Tensor
    given_BP: Tensor  # 1 where the venue is visible, 0 where it is hidden or invalid; long
    flow_BPR: Tensor
    ridge_BPH: Tensor  # ridge forecast in units of sigma * sqrt(h)


class NanoNetwork(nn.Module):
    """Encoder only: each variable's whole path is one token; each venue reads its mid out of a token of its own."""

    columns_N: Tensor

    def __init__(self, preset: Preset, market_types: Sequence[str], flow_width: int) -> None:
        super().__init__()
        width, venues = preset.width, len(market_types)
        per_venue = [nano_variables(venue, market_type) for venue, market_type in enumerate(market_types)]
        readouts = [readout_variable(venue, market_type) for venue, market_type in enumerate(market_types)]
        self.count = len(per_venue[0])
        columns = torch.tensor([variable.column for variable in per_venue[0]])
        self.register_buffer("columns_N", columns, persistent=False)
        variables = [variable for group in per_venue for variable in group] + readouts
        self.variables = tuple(variables)
        self.embedding = CompoundEmbedding(variables, venues, width, preset.embedding)
        self.time = Time2Vec(1, preset.time_waves)
        self.given = nn.Embedding(2, width)
        self.path = nn.Linear(preset.context + preset.time_waves, width)
        self.readout = GatedReadout(flow_width + preset.horizon + preset.time_waves, width)
        self.drop = nn.Dropout(preset.dropout_embedding)
        self.layers = nn.ModuleList(
            TokenLayer(
                width,
                preset.heads,
                preset.feed_forward,
                preset.attention,
                preset.performer_features,
                preset.dropout_feed_forward,
            )
            for _ in range(preset.encoder_layers)
        )
        self.norm = nn.LayerNorm(width)
        self.mid = zero_linear(2 * width, preset.horizon)
        self.price = zero_linear(width, preset.horizon)
        self.volume = zero_linear(width, preset.horizon)

    def forward(self, window: Window) -> Residuals:
        """Return residuals for every slot, also for hidden ones (from what the others show)."""
        batch, _context, slots, _features = window.x_BLPF.shape
        x_BTD, own = self._tokens(window)
        for layer in self.layers:
            x_BTD = layer(x_BTD)
        x_BTD = self.norm(x_BTD)
        book = x_BTD[:, : slots * self.count].view(batch, slots, self.count, -1)
        price = self.price(book[:, :, :PRICE_TOKENS])
        volume = self.volume(book[:, :, PRICE_TOKENS:BOOK_VARIABLES])
        mid = self.mid(torch.cat([x_BTD[:, slots * self.count :], own], dim=-1))
        return Residuals(mid, gap_residuals(price), volume)

    def attention(self, window: Window) -> Tensor:
        """Return [B, P, N, 1]: where each slot's read-out token looks in the last layer, mean over heads.

        By then a token holds what it saw itself in the layers before. `variables` names the N tokens.
        """
        x_BTD, _own = self._tokens(window)
        for layer in self.layers[:-1]:
            x_BTD = layer(x_BTD)
        last = self.layers[-1]
        assert isinstance(last, TokenLayer), "made so"
        return last.weights(x_BTD, window.x_BLPF.shape[2] * self.count).unsqueeze(-1)

    def _tokens(self, window: Window) -> tuple[Tensor, Tensor]:
        """Return what the first layer reads [B, T, D], and of each slot what its read-out knows of itself [B, P, D]."""
        path = window.x_BLPF[..., self.columns_N].permute(0, 2, 3, 1)
        time = self.time(window.x_BLPF[:, -1, :, AGE_MS : AGE_MS + 1])
        flag = self.given(window.given_BP)
        path = torch.cat([path, time.unsqueeze(2).expand(-1, -1, self.count, -1)], dim=-1)
        tokens = (self.path(path) + flag.unsqueeze(2)).flatten(1, 2)
        own = self.readout(torch.cat([window.flow_BPR, window.ridge_BPH, time], dim=-1))
        return self.drop(torch.cat([tokens, own + flag], dim=1) + self.embedding()), own


class GatedReadout(nn.Module):
    """A venue's own flows, spread, basis and ridge forecast, mixed by products: how much of a basis is caught up in one
    step depends on the spread, and a product says that with far fewer samples than a sum of bent lines does.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.value = nn.Linear(inputs, width)
        self.gate = nn.Linear(inputs, width)
        self.out = nn.Linear(width, width)

    def forward(self, x_BPR: Tensor) -> Tensor:
        """Return [B, P, D]."""
        out: Tensor = self.out(self.value(x_BPR) * self.gate(x_BPR))
        return out


class PaperNetwork(nn.Module):
    """Spacetimeformer with compound embedding: an encoder over the context, a decoder over zeros and flags.

    Time features are the step's place in the window (-1 .. 0 seen, 0 .. 1 to come) and the feed's age. Calendar time is
    left out: hours of data cannot teach hours of the day, and what was learned of them would be extrapolated.
    """

    columns_N: Tensor
    time_seen_L: Tensor
    time_ahead_H: Tensor

    def __init__(self, preset: Preset, market_types: Sequence[str]) -> None:
        super().__init__()
        width, venues = preset.width, len(market_types)
        per_venue = [paper_variables(venue, market_type) for venue, market_type in enumerate(market_types)]
        self.register_buffer(
            "columns_N", torch.tensor([variable.column for variable in per_venue[0]]), persistent=False
        )
        seen = torch.linspace(-1, 0, preset.context)
        ahead = torch.arange(1, preset.horizon + 1) / preset.horizon
        self.register_buffer("time_seen_L", seen, persistent=False)
        self.register_buffer("time_ahead_H", ahead, persistent=False)
        variables = [variable for group in per_venue for variable in group]
        self.variables = tuple(variables)
        self.encoder = _Stack(preset, variables, venues, preset.context, preset.encoder_layers, is_decoder=False)
        self.decoder = _Stack(preset, variables, venues, preset.horizon, preset.decoder_layers, is_decoder=True)
        self.out = zero_linear(width, 1)

    def scaled(self, window: Window) -> Tensor:
        """Return the decoder's raw outputs [B, P, 20, H]: the paper's forecast in scaled units."""
        batch, _context, slots, _features = window.x_BLPF.shape
        decoded = self.decoder(*self._ahead(window), self._memory(window))
        out: Tensor = self.out(decoded).squeeze(-1)
        return out.view(batch, slots, BOOK_VARIABLES, -1)

    def attention(self, window: Window) -> Tensor:
        """Return [B, P, N, L]: where a mid looks in the context: the decoder's last global look, mean over heads.

        A mid is read from the tokens of its two best prices at every step to come, so it is their mean. By then a token
        of the context holds what it saw itself in the encoder. `variables` names the N variables.
        """
        slots = window.x_BLPF.shape[2]
        first = torch.arange(slots, device=window.x_BLPF.device) * BOOK_VARIABLES
        best = torch.stack([first, first + PRICE_TOKENS // 2], dim=1).flatten()
        found = self.decoder.memory_weights(*self._ahead(window), self._memory(window), best)
        return found.view(found.shape[0], slots, 2, *found.shape[2:]).mean(dim=(2, 3))

    def _memory(self, window: Window) -> Tensor:
        """Return the encoder's output [B, N, L, D]."""
        value = window.x_BLPF[..., self.columns_N].permute(0, 2, 3, 1).flatten(1, 2)
        age = window.x_BLPF[..., AGE_MS].permute(0, 2, 1).repeat_interleave(BOOK_VARIABLES, dim=1)
        time = torch.stack([self.time_seen_L.expand_as(age), age], dim=-1)
        memory: Tensor = self.encoder(value, time, window.given_BP.repeat_interleave(BOOK_VARIABLES, dim=1), None)
        return memory

    def _ahead(self, window: Window) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the decoder is told: values [B, N, H], times [B, N, H, 2] and flags [B, N], none of them seen."""
        batch, _context, slots, _features = window.x_BLPF.shape
        ahead = self.time_ahead_H.expand(batch, slots * BOOK_VARIABLES, -1)
        given = torch.zeros_like(window.given_BP.repeat_interleave(BOOK_VARIABLES, dim=1))
        return torch.zeros_like(ahead), torch.stack([ahead, torch.zeros_like(ahead)], -1), given

    def forward(self, window: Window) -> Residuals:
        """Return residuals: the mid's is the running sum of the two best prices' changes."""
        scaled = self.scaled(window)
        price, volume = scaled[:, :, :PRICE_TOKENS], scaled[:, :, PRICE_TOKENS:]
        change = (price[:, :, 0] + price[:, :, PRICE_TOKENS // 2]) / 2
        steps = torch.arange(1, change.shape[-1] + 1, device=change.device)
        return Residuals(change.cumsum(-1) / steps.sqrt(), gap_residuals(price), volume)


class _Stack(nn.Module):
    def __init__(
        self, preset: Preset, variables: Sequence[Variable], venues: int, steps: int, layers: int, *, is_decoder: bool
    ) -> None:
        super().__init__()
        width = preset.width
        self.time = Time2Vec(2, preset.time_waves)
        self.value = nn.Linear(2 * preset.time_waves + 1, width)
        self.place_TD = nn.Parameter(torch.randn(steps, width) * width**-0.5)
        self.given = nn.Embedding(2, width)
        self.embedding = CompoundEmbedding(variables, venues, width, preset.embedding)
        self.drop = nn.Dropout(preset.dropout_embedding)
        self.layers = nn.ModuleList(
            SpacetimeLayer(
                width,
                preset.heads,
                preset.feed_forward,
                preset.attention,
                preset.performer_features,
                preset.dropout_feed_forward,
                is_decoder=is_decoder,
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, value_BNT: Tensor, time_BNTJ: Tensor, given_BN: Tensor, memory: Tensor | None) -> Tensor:
        x_BNTD = self._tokens(value_BNT, time_BNTJ, given_BN)
        for layer in self.layers:
            x_BNTD = layer(x_BNTD, memory)
        out: Tensor = self.norm(x_BNTD)
        return out

    def memory_weights(
        self, value_BNT: Tensor, time_BNTJ: Tensor, given_BN: Tensor, memory: Tensor, variables: Tensor
    ) -> Tensor:
        """Return the last layer's look at the memory; see `SpacetimeLayer.memory_weights`."""
        x_BNTD = self._tokens(value_BNT, time_BNTJ, given_BN)
        for layer in self.layers[:-1]:
            x_BNTD = layer(x_BNTD, memory)
        last = self.layers[-1]
        assert isinstance(last, SpacetimeLayer), "made so"
        return last.memory_weights(x_BNTD, memory, variables)

    def _tokens(self, value_BNT: Tensor, time_BNTJ: Tensor, given_BN: Tensor) -> Tensor:
        token = self.value(torch.cat([self.time(time_BNTJ), value_BNT.unsqueeze(-1)], dim=-1)) + self.place_TD
        token = token + self.given(given_BN).unsqueeze(2)
        # The variable's vector is dropped out apart from the rest, as in the original.
        out: Tensor = self.drop(token) + self.drop(self.embedding()).unsqueeze(1)
        return out


def zero_linear(inputs: int, outputs: int) -> nn.Linear:
    """Return a linear layer that gives zero before training."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def make_network(preset: Preset, market_types: Sequence[str], flow_width: int) -> nn.Module:
    """Return the preset's network for the present slots' market types, weights drawn from torch's current seed."""
    if preset.token == "variable":
        return NanoNetwork(preset, market_types, flow_width)
    return PaperNetwork(preset, market_types)
