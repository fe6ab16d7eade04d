"""The weights that are told are those that the forecast was made with, computed here once more by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ml.baselines import flow_width
from ml.layout import FEATURE_COUNT
from ml.model.attention import Attention
from ml.model.network import NanoNetwork, PaperNetwork, Window
from ml.model.presets import PRESETS, Preset

MARKETS = ("perpetual", "spot")
NANO = replace(PRESETS["nano"], context=6, horizon=3, width=12, feed_forward=24)
PAPER = replace(PRESETS["paper"], context=5, horizon=3, width=12, feed_forward=24, encoder_layers=1, decoder_layers=2)


def window(preset: Preset) -> Window:
    slots = len(MARKETS)
    return Window(
        torch.randn(2, preset.context, slots, FEATURE_COUNT),
        torch.tensor([[1, 1], [1, 0]]),
        torch.randn(2, slots, flow_width(preset.context)),
        torch.randn(2, slots, preset.horizon),
    )


class Overheard:
    """What an attention was given and gave while the network forecast."""

    def __init__(self, attention: nn.Module) -> None:
        self._hook = attention.register_forward_hook(self._hear)
        self.x = self.memory = self.out = torch.empty(0)

    def _hear(self, _module: nn.Module, given: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
        self.x, self.memory, self.out = given[0], given[1], out


def softmax_by_hand(attention: Attention, x_TD: np.ndarray, memory_SD: np.ndarray) -> np.ndarray:
    """Return [heads, T, S] from the layer's matrices alone, one number at a time."""
    width = attention.query.in_features
    size = width // attention.heads
    wq, bq = (part.detach().double().numpy() for part in (attention.query.weight, attention.query.bias))
    wk, bk = (part.detach().double().numpy()[:width] for part in (attention.key_value.weight, attention.key_value.bias))
    weights = np.empty((attention.heads, len(x_TD), len(memory_SD)))
    for head in range(attention.heads):
        rows = slice(head * size, (head + 1) * size)
        for t, x in enumerate(x_TD):
            query = wq[rows] @ x + bq[rows]
            raised = [np.exp(query @ (wk[rows] @ seen + bk[rows]) / np.sqrt(size)) for seen in memory_SD]
            weights[head, t] = np.array(raised) / sum(raised)
    return weights


@pytest.mark.parametrize("kind", ["sdpa", "performer"])
def test_weights_times_values_is_what_the_attention_gives(kind: str) -> None:
    torch.manual_seed(1)
    attention = Attention(12, 3, kind, 16)
    x, memory = torch.randn(2, 4, 12), torch.randn(2, 7, 12)

    weights = attention.weights(x, memory)

    value = attention.key_value(memory)[..., 12:].view(2, 7, 3, 4).transpose(1, 2)
    mixed = (weights @ value).transpose(1, 2).reshape(2, 4, 12)
    assert torch.allclose(attention.out(mixed), attention(x, memory), atol=1e-6)
    assert weights.shape == (2, 3, 4, 7) and (weights >= 0).all()
    assert torch.allclose(weights.sum(-1), torch.ones(2, 3, 4), atol=1e-6)


def test_the_read_outs_look_is_the_last_layers_softmax_worked_out_by_hand() -> None:
    torch.manual_seed(2)
    network = NanoNetwork(NANO, MARKETS, flow_width(NANO.context)).eval()
    asked = window(NANO)
    overheard = Overheard(network.layers[-1].attention)
    with torch.inference_mode():
        network(asked)
        x, memory = overheard.x[1].double().numpy(), overheard.memory[1].double().numpy()
        told = network.attention(asked)

    by_hand = softmax_by_hand(network.layers[-1].attention, x[-2:], memory).mean(axis=0)
    assert told.shape == (2, 2, 50, 1) and len(network.variables) == 50
    assert np.allclose(told[1, :, :, 0].numpy(), by_hand, atol=1e-6)


def test_a_paper_networks_look_is_its_decoders_last_softmax_over_the_context_worked_out_by_hand() -> None:
    torch.manual_seed(3)
    network = PaperNetwork(replace(PAPER, attention="sdpa"), MARKETS).eval()
    asked = window(PAPER)
    overheard = Overheard(network.decoder.layers[-1].attentions[-1])
    with torch.inference_mode():
        network(asked)
        x, memory = overheard.x[0].double().numpy(), overheard.memory[0].double().numpy()
        told = network.attention(asked)

    ahead = x.reshape(40, PAPER.horizon, 12)
    of_second_slot = np.concatenate([ahead[20], ahead[25]])  # its best bid and its best ask
    by_hand = softmax_by_hand(network.decoder.layers[-1].attentions[-1], of_second_slot, memory).mean(axis=(0, 1))
    assert told.shape == (2, 2, 40, 5) and len(network.variables) == 40
    assert np.allclose(told[0, 1].numpy(), by_hand.reshape(40, 5), atol=1e-6)


def test_a_linear_kernels_look_sums_to_one_as_well() -> None:
    torch.manual_seed(4)
    network = PaperNetwork(PAPER, MARKETS).eval()

    with torch.inference_mode():
        told = network.attention(window(PAPER))

    assert torch.allclose(told.sum(dim=(2, 3)), torch.ones(2, 2), atol=1e-5)


def test_asking_where_it_looks_leaves_the_forecast_as_it_was() -> None:
    torch.manual_seed(5)
    network = NanoNetwork(NANO, MARKETS, flow_width(NANO.context)).eval()
    nn.init.normal_(network.mid.weight)
    asked = window(NANO)

    with torch.inference_mode():
        before = network(asked).mid_BPH
        network.attention(asked)

        assert torch.equal(network(asked).mid_BPH, before)
