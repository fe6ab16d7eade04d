"""The data that a sealed model learned from, which newer data are held against."""

from collections.abc import Mapping

from orchestration.defs.drift.samples import Span


def training_span(manifest: Mapping[str, object]) -> Span:
    """Return the training part of a sealed bundle's data; the parts follow time."""
    lineage, config = manifest["lineage"], manifest["config"]
    assert isinstance(lineage, Mapping) and isinstance(config, Mapping), "a sealed manifest holds both"
    first_ns, last_ns = int(lineage["first_step_ns"]), int(str(manifest["trained_until_ns"]))
    return Span(first_ns, first_ns + int(config["split"]["train"] * (last_ns - first_ns)))
