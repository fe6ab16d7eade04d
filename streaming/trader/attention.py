"""Where the live model looks, as windows show it: shares by venue, side, level and feature. No I/O, no clock."""

from collections.abc import Callable, Sequence

import numpy as np

from ml.runtime import AttentionMap, Token
from streaming.bus_view import AttentionReader, AttentionView

SHARE_DIGITS = 6
SIDES = ("bid", "ask")
NO_LEVEL = "none"


def attention_view(model: str, ts_step_ns: int, found: AttentionMap, instruments: Sequence[str]) -> AttentionView:
    """Return what a model's attention says of one window; `instruments` are the grid's, by slot."""
    if not found.readers:
        return no_attention(model, ts_step_ns, "no instrument was valid in that window")
    shares_RN = found.weights_RNS.sum(axis=2, dtype=np.float64)
    mean_N = shares_RN.mean(axis=0)

    even_N = np.full(len(found.tokens), 1.0 / len(found.tokens))
    kinds: dict[str, Callable[[Token], str]] = {
        "venues": lambda token: instruments[token.slot],
        "sides": lambda token: token.side,
        "levels": lambda token: str(token.level) if token.level else NO_LEVEL,
        "features": lambda token: token.feature,
    }
    names = {kind: [name(token) for token in found.tokens] for kind, name in kinds.items()}
    steps = found.weights_RNS.shape[2]
    lags = found.weights_RNS.sum(axis=1, dtype=np.float64).mean(axis=0)[::-1] if steps > 1 else ()
    return AttentionView(
        model=model,
        ts_step_ns=ts_step_ns,
        venues=_added(mean_N, names["venues"]),
        sides=_added(mean_N, names["sides"]),
        levels=_added(mean_N, names["levels"]),
        features=_added(mean_N, names["features"]),
        even={kind: _added(even_N, each) for kind, each in names.items()},
        lags=tuple(round(float(share), SHARE_DIGITS) for share in lags),
        readers=tuple(
            _reader(instruments[slot], shares, found.tokens, instruments)
            for slot, shares in zip(found.readers, shares_RN, strict=True)
        ),
    )


def no_attention(model: str, ts_step_ns: int, why: str) -> AttentionView:
    """Return a view that says why there is nothing to show."""
    note = why[:200]
    return AttentionView(model=model, ts_step_ns=ts_step_ns, venues={}, sides={}, levels={}, features={}, note=note)


Shares = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def _added(shares_N: Shares, names: Sequence[str]) -> dict[str, float]:
    """Return the sum of each name's shares, in order of first appearance."""
    sums: dict[str, float] = {}
    for share, name in zip(shares_N, names, strict=True):
        sums[name] = sums.get(name, 0.0) + float(share)
    return {name: round(share, SHARE_DIGITS) for name, share in sums.items()}


def _reader(instrument: str, shares_N: Shares, tokens: Sequence[Token], instruments: Sequence[str]) -> AttentionReader:
    depth = max((token.level for token in tokens), default=0)
    ladders = {instruments[token.slot]: np.zeros((2, depth)) for token in tokens}
    rest = dict.fromkeys(ladders, 0.0)
    for share, token in zip(shares_N, tokens, strict=True):
        place = instruments[token.slot]
        if token.level:
            ladders[place][SIDES.index(token.side), token.level - 1] += share
        else:
            rest[place] += float(share)
    books = {place: (_rounded(ladder[0]), _rounded(ladder[1])) for place, ladder in ladders.items()}
    return AttentionReader(
        instrument=instrument,
        books=books,
        rest={place: round(share, SHARE_DIGITS) for place, share in rest.items()},
    )


def _rounded(shares: Shares) -> tuple[float, ...]:
    return tuple(round(float(share), SHARE_DIGITS) for share in shares)
