"""Section `[native.matching]` and what the core makes of it."""

import orjson
import pytest
from pydantic import ValidationError

import native
from native.matching_settings import MatchingSettings, matching_document

INSTRUMENT = {
    "id": 0,
    "venue": "binance_usdm",
    "symbol": "BTCUSDT",
    "market_type": "perpetual",
    "tick": "0.1",
    "size_unit": "0.001",
    "lot": "0.001",
    "maker_fee_bps": "2",
    "taker_fee_bps": "5",
}


def venue_of(section):
    """Return a simulated venue of one perpetual; the core parses the section."""
    document = {"instruments": [INSTRUMENT], "sources": [], "matching": section}
    return native.SimVenue(orjson.dumps(document).decode())


def test_without_the_section_the_document_holds_the_latency_alone():
    assert matching_document(MatchingSettings(), 5) == {"order_latency_ns": 5_000_000}


def test_every_key_reaches_the_core():
    settings = MatchingSettings.model_validate(
        {
            "latency": {"kind": "lognormal", "median_ms": 2.5, "sigma": 0.4, "seed": 7},
            "reply_latency": {"kind": "constant", "median_ms": 1},
            "queue": "front",
            "funding": {"binance_usdm:BTCUSDT": {"rate_bps": "-1.0"}},
        }
    )
    document = matching_document(settings, 5)
    assert document == {
        "order_latency_ns": 5_000_000,
        "latency": {"kind": "lognormal", "median_ns": 2_500_000, "sigma": 0.4, "seed": 7},
        "reply_latency": {"kind": "constant", "median_ns": 1_000_000},
        "queue": "front",
        "funding": {"binance_usdm:BTCUSDT": {"rate_bps": "-1.0", "every_h": 8}},
    }
    assert venue_of(document).next_ts_ns() is None


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"latency": {"kind": "lognormal", "sigma": 0.4}}, "expected sigma and seed"),
        ({"latency": {"kind": "constant", "seed": 4}}, "expected no sigma and no seed"),
        ({"latency": {"median_ms": -1}}, "latency.median_ms"),
        ({"reply_latency": {"kind": "gamma"}}, "reply_latency.kind"),
        ({"queue": "last"}, "queue"),
        ({"funding": {"BTCUSDT": {"rate_bps": "1"}}}, "expected 'venue:SYMBOL'"),
        ({"funding": {"binance_usdm:BTCUSDT": {"rate_bps": 0.1}}}, "expected a decimal in quotes"),
        ({"funding": {"binance_usdm:BTCUSDT": {"rate_bps": "1", "every_h": 0}}}, "every_h"),
        ({"latencies": {}}, "latencies"),
    ],
)
def test_a_wrong_key_is_refused_by_name(section, words):
    with pytest.raises(ValidationError, match=words):
        MatchingSettings.model_validate(section)


def test_the_core_refuses_a_wrong_section_by_its_key():
    with pytest.raises(ValueError, match=r"matching\.queue: expected pessimistic, proportional or front"):
        venue_of({"order_latency_ns": 1, "queue": "last"})
