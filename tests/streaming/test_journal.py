"""The hash chain of outputs does not depend on how often they were drained."""

from typing import Any

import numpy as np

import native
from streaming.journal import OutputChain


def outputs(fill_seqs: list[int], texts: list[bytes]) -> dict[str, Any]:
    drained: dict[str, Any] = {name: np.zeros(0, dtype=dtype) for name, dtype in native.dtypes.items()}
    drained["fills"] = np.zeros(len(fill_seqs), dtype=native.dtypes["fills"])
    drained["fills"]["seq"] = fill_seqs
    rejects = np.zeros(len(texts), dtype=native.dtypes["rejects"])
    rejects["text_length"] = [len(text) for text in texts]
    rejects["text_offset"] = np.cumsum([0, *rejects["text_length"][:-1].tolist()])[: len(texts)]
    drained["rejects"] = rejects
    drained["arena"] = b"".join(texts)
    return drained


def chain(*drains: dict[str, Any]) -> bytes:
    made = OutputChain()
    for drained in drains:
        made.add(drained)
    return made.close_step()


def test_chain_is_the_same_for_one_drain_or_several() -> None:
    whole = chain(outputs([1, 2, 3], [b"one", b"two"]))

    assert chain(outputs([1], [b"one"]), outputs([2, 3], [b"two"])) == whole


def test_chain_tells_records_and_texts_apart() -> None:
    whole = chain(outputs([1, 2], [b"one"]))

    assert chain(outputs([2, 1], [b"one"])) != whole
    assert chain(outputs([1, 2], [b"two"])) != whole
    assert chain(outputs([1, 2], [])) != whole


def test_step_without_outputs_still_moves_the_chain() -> None:
    made = OutputChain()

    assert made.close_step() != made.close_step()
