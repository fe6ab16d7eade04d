"""Shapes, the zero start, hidden venues, and that the paper's class can learn one batch by heart."""

from dataclasses import replace

import pytest
import torch

from ml.baselines import flow_width
from ml.layout import FEATURE_COUNT
from ml.model.head import paper_loss
from ml.model.network import NanoNetwork, PaperNetwork, Window, make_network
from ml.model.presets import PRESETS, Preset

MARKETS = ("perpetual", "spot", "spot")


def window(preset: Preset, batch: int = 2, slots: int = 3) -> Window:
    torch.manual_seed(1)
    return Window(
        torch.randn(batch, preset.context, slots, FEATURE_COUNT),
        torch.ones(batch, slots, dtype=torch.long),
        torch.randn(batch, slots, flow_width(preset.context)),
        torch.randn(batch, slots, preset.horizon),
    )


def small(name: str) -> Preset:
    """Return the preset's class at a size that a test can afford."""
    if name == "paper":
        return replace(
            PRESETS["paper"], context=8, horizon=4, width=24, feed_forward=48, encoder_layers=1, decoder_layers=1
        )
    return PRESETS[name]


@pytest.mark.parametrize("name", ["nano", "nano_short", "paper"])
def test_residuals_have_the_shape_of_a_forecast_and_are_zero_before_training(name: str) -> None:
    preset = small(name)
    network = make_network(preset, MARKETS, flow_width(preset.context)).eval()

    residuals = network(window(preset))

    assert residuals.mid_BPH.shape == (2, 3, preset.horizon)
    assert residuals.gap_BPGH.shape == (2, 3, 9, preset.horizon)
    assert residuals.size_BPSH.shape == (2, 3, 10, preset.horizon)
    assert not any(part.any() for part in (residuals.mid_BPH, residuals.gap_BPGH, residuals.size_BPSH))


def test_nano_has_the_size_that_was_tried() -> None:
    preset = PRESETS["nano"]
    network = make_network(preset, MARKETS, flow_width(preset.context))

    assert isinstance(network, NanoNetwork)
    assert 240_000 < sum(parameter.numel() for parameter in network.parameters()) < 270_000


def test_the_paper_preset_at_full_size_takes_a_slice_of_one_window() -> None:
    preset = replace(PRESETS["paper"], encoder_layers=1, decoder_layers=1)
    network = make_network(preset, MARKETS[:1], flow_width(preset.context)).eval()

    with torch.inference_mode():
        residuals = network(window(preset, batch=1, slots=1))

    assert isinstance(network, PaperNetwork) and residuals.mid_BPH.shape == (1, 1, 24)


def test_what_a_hidden_venue_shows_cannot_matter_when_its_values_are_masked() -> None:
    preset = PRESETS["nano_short"]
    network = make_network(preset, MARKETS, flow_width(preset.context)).eval()
    torch.nn.init.normal_(network.mid.weight)
    seen = window(preset)
    hidden = replace(seen, given_BP=torch.tensor([[1, 0, 1], [1, 1, 1]]))

    before, after = network(seen).mid_BPH, network(hidden).mid_BPH

    assert not torch.allclose(before[0], after[0]) and torch.equal(before[1], after[1])


@pytest.mark.parametrize("attention", ["performer", "sdpa"])
def test_the_papers_network_learns_one_batch_by_heart(attention: str) -> None:
    preset = replace(
        small("paper"), attention=attention, performer_features=32, dropout_embedding=0.0, dropout_feed_forward=0.0
    )
    torch.manual_seed(3)
    network = make_network(preset, MARKETS[:1], flow_width(preset.context))
    seen = window(preset, batch=2, slots=1)
    target = torch.rand(2, 1, 20, preset.horizon)
    target[:, :, :10] = torch.tensor([0.5, 0.4, 0.3, 0.2, 0.1, 0.6, 0.7, 0.8, 0.9, 1.0]).view(1, 1, 10, 1)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    first = float(paper_loss(network.scaled(seen), target).detach())

    for _step in range(160):
        loss = paper_loss(network.scaled(seen), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    assert float(loss.detach()) < 0.1 * first
