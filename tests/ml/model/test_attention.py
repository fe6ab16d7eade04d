"""Softmax and linear attention; local layers keep variables apart, global ones mix them."""

import pytest
import torch

from ml.model.attention import Attention, SpacetimeLayer, TokenLayer, orthogonal_features


def test_performer_weights_are_positive_and_sum_to_one() -> None:
    torch.manual_seed(1)
    attention = Attention(12, 3, "performer", 16)
    with torch.no_grad():
        attention.key_value.weight[12:] = 0.0
        attention.key_value.bias[12:] = 1.0
    x = torch.randn(2, 5, 12)

    out = attention(x, x)

    ones = attention.out(torch.ones(2, 5, 12))
    assert torch.allclose(out, ones, atol=1e-5), "a mean of equal values is that value"


def test_random_features_are_orthogonal_within_a_block() -> None:
    rows = orthogonal_features(8, 4, torch.Generator().manual_seed(1))

    unit = rows / rows.norm(dim=1, keepdim=True)
    assert torch.allclose(unit[:4] @ unit[:4].T, torch.eye(4), atol=1e-5)


@pytest.mark.parametrize("kind", ["sdpa", "performer"])
def test_a_token_layer_keeps_its_shape_and_follows_a_permutation_of_tokens(kind: str) -> None:
    torch.manual_seed(1)
    layer = TokenLayer(12, 3, 24, kind, 16, 0.0).eval()
    x = torch.randn(2, 7, 12)
    order = torch.randperm(7)

    assert torch.allclose(layer(x)[:, order], layer(x[:, order]), atol=1e-5)


def test_a_decoder_layer_reads_the_memory_and_an_encoder_layer_takes_none() -> None:
    torch.manual_seed(1)
    layer = SpacetimeLayer(12, 3, 24, "sdpa", 16, 0.0, is_decoder=True).eval()
    x, memory = torch.randn(2, 4, 3, 12), torch.randn(2, 4, 5, 12)

    out = layer(x, memory)

    assert out.shape == x.shape and not torch.allclose(out, layer(x, memory + 1.0))
    with pytest.raises(AssertionError, match="takes memory"):
        layer(x)
