"""Section `[native.matching]`: how the simulated venue answers, beside `native.order_latency_ms`.

Latency, queue models and funding are described in the heads of `lob/latency.hpp`, `lob/instrument_matcher.hpp` and
`lob/matching_desk.hpp`. Without this section every message takes `order_latency_ms`, and queues are pessimistic.
"""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from native.section import NS_PER_MS, InstrumentText, JsonObject, Section

QueueModel = Literal["pessimistic", "proportional", "front"]

LATENCY_MAX_MS = 3_600_000.0


def check_rate_text(text: object) -> str:
    """Return `text` when it is a finite decimal of either sign; raise ValueError otherwise."""
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    try:
        is_finite = isinstance(text, str) and Decimal(text).is_finite()
    except InvalidOperation:
        is_finite = False
    if not is_finite:
        raise ValueError(f"expected a decimal in quotes such as '1.0' or '-0.5', found {text!r}")
    return str(text)


RateText = Annotated[str, BeforeValidator(check_rate_text)]


class LatencySettings(Section):
    """How long a message is on its way: always the median, or drawn around it by a seed."""

    kind: Literal["constant", "lognormal"] = "constant"
    median_ms: float | None = Field(default=None, ge=0.0, le=LATENCY_MAX_MS)
    """None: `native.order_latency_ms`."""
    sigma: float | None = Field(default=None, ge=0.0, le=5.0)
    """Standard deviation of the logarithm; of `lognormal` alone."""
    seed: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def check_drawn(self) -> Self:
        """Sigma and seed belong to a drawn latency, and it needs both."""
        given = (self.sigma is not None, self.seed is not None)
        if self.kind == "lognormal" and not all(given):
            raise ValueError("expected sigma and seed beside kind 'lognormal', found none")
        if self.kind == "constant" and any(given):
            raise ValueError("expected no sigma and no seed beside kind 'constant'")
        return self

    def document(self) -> JsonObject:
        """Return the section of the engine's document."""
        out: JsonObject = {"kind": self.kind}
        if self.median_ms is not None:
            out["median_ns"] = round(self.median_ms * NS_PER_MS)
        if self.kind == "lognormal":
            out |= {"sigma": self.sigma, "seed": self.seed}
        return out


class FundingSettings(Section):
    """Funding of a perpetual whose mark price was not recorded: `rate_bps` of the position every `every_h` hours."""

    rate_bps: RateText
    every_h: int = Field(default=8, ge=1, le=168)


class MatchingSettings(Section):
    """Section `[native.matching]`."""

    latency: LatencySettings | None = None
    """Of requests, and of replies where `reply_latency` does not say otherwise."""
    reply_latency: LatencySettings | None = None
    queue: QueueModel = "pessimistic"
    funding: dict[InstrumentText, FundingSettings] = Field(default_factory=dict)


def matching_document(settings: MatchingSettings, order_latency_ms: int) -> JsonObject:
    """Return the section "matching" of the engine's document; what was left out is left out there too."""
    out: JsonObject = {"order_latency_ns": order_latency_ms * NS_PER_MS}
    if settings.latency is not None:
        out["latency"] = settings.latency.document()
    if settings.reply_latency is not None:
        out["reply_latency"] = settings.reply_latency.document()
    if settings.queue != "pessimistic":
        out["queue"] = settings.queue
    if settings.funding:
        funding: dict[str, JsonValue] = {name: entry.model_dump() for name, entry in settings.funding.items()}
        out["funding"] = funding
    return out
