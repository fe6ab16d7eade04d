"""What a token is told about itself."""

import pytest
import torch

from ml.model.embedding import (
    CompoundEmbedding,
    Time2Vec,
    attribute_sizes,
    book_variables,
    nano_variables,
    paper_variables,
    readout_variable,
)


def test_every_variable_of_a_venue_has_its_own_attributes_and_column() -> None:
    variables = nano_variables(0, "perpetual")

    assert len({variable.attributes for variable in variables}) == len(variables) == 24
    assert [variable.column for variable in variables] == [*range(10, 20), *range(30, 40), 50, 52, 53, 54]
    assert [variable.column for variable in paper_variables(0, "spot")] == [*range(10), *range(20, 30)]


def test_a_new_venue_costs_one_row_and_not_twenty() -> None:
    def weights(venues: int, kind: str) -> int:
        variables = [variable for venue in range(venues) for variable in paper_variables(venue, "spot")]
        embedding = CompoundEmbedding(variables, venues, 96, kind)
        return sum(parameter.numel() for parameter in embedding.parameters())

    assert weights(3, "compound") - weights(2, "compound") == 96
    assert weights(3, "per_variable") - weights(2, "per_variable") == 20 * 96


def test_a_variables_vector_is_the_scaled_sum_of_its_attributes_rows() -> None:
    variables = [readout_variable(1, "spot")]
    embedding = CompoundEmbedding(variables, 2, 8, "compound")

    expected = sum(table[i] for table, i in zip(embedding.tables, variables[0].attributes, strict=True)) / 5**0.5

    assert torch.allclose(embedding()[0], expected)
    assert [len(table) for table in embedding.tables] == list(attribute_sizes(2))


def test_bid_and_ask_of_a_level_differ_by_their_side_alone() -> None:
    bid, ask = (book_variables(0, "spot", price=slice(10, 20), volume=slice(30, 40))[i] for i in (2, 7))

    assert bid.side == 0 and ask.side == 1
    assert (bid.venue, bid.market_type, bid.level, bid.feature) == (ask.venue, ask.market_type, ask.level, ask.feature)


@pytest.mark.parametrize("kind", ["compound", "per_variable", "none"])
def test_ablations_have_the_same_shape(kind: str) -> None:
    assert CompoundEmbedding(nano_variables(0, "spot"), 1, 16, kind)().shape == (24, 16)


def test_time2vec_is_one_line_and_waves() -> None:
    time = Time2Vec(2, 4)
    x = torch.tensor([[0.3, -0.7]])

    out = time(x)

    assert out.shape == (1, 8)
    assert torch.allclose(out[0, 0], 0.3 * time.weight_JK[0, 0] + time.bias_JK[0, 0])
    assert torch.allclose(out[0, 5], torch.sin(-0.7 * time.weight_JK[1, 1] + time.bias_JK[1, 1]))
