"""Client order ids: written, read again, and told from strangers' ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.venues.client_ids import PREFIX_SIGNS_MAX, ClientIds

NUMBERS = st.integers(0, 2**64 - 1)
REVISIONS = st.integers(0, 999_999)


@given(NUMBERS, REVISIONS)
def test_every_number_and_revision_is_read_as_it_was_written(number: int, revision: int) -> None:
    ids = ClientIds("a" * PREFIX_SIGNS_MAX)
    text = ids.text(number, revision)

    assert len(text) <= 36
    assert (ids.number(text), ids.revision(text)) == (number, revision)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lob-",
        "lob-12",
        "lob-00000000000000G1",
        "web_0000000000000001",
        "lob-0000000000000001x",
        "LOB-0000000000000001",
    ],
)
def test_stranger_is_not_ours(text: str) -> None:
    assert ClientIds("lob").number(text) is None


@pytest.mark.parametrize("end", ["r", "r0", "r01", "r1234567", "r1\n", "\n"])
def test_revision_of_another_form_is_not_ours(end: str) -> None:
    ids = ClientIds("lob")

    assert ids.number(f"{ids.text(7)}{end}") is None


def test_prefix_that_begins_another_one_is_told_apart() -> None:
    assert ClientIds("lob").number(ClientIds("lob2").text(7)) is None


@pytest.mark.parametrize("prefix", ["", "a" * 13, "a-b", "ä"])
def test_prefix_that_a_venue_would_refuse_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="expected 1 to 12 letters and digits"):
        ClientIds(prefix)
