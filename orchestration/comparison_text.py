"""A comparison of two models as a table for people."""

from collections.abc import Iterator

from ml.gate import E8
from ml.metrics import Interval
from orchestration.comparison import Comparison, Model, Numbers
from orchestration.defs.drift.samples import Span
from orchestration.defs.ingest.assets import moment

SKILL_WORDS = {
    "mid_vs_persistence": "mid against persistence",
    "mid_vs_ridge": "mid against ridge-flow",
    "volume_vs_ar": "volume against AR(1)",
    "rank_ic": "rank IC of the mid",
}
Row = tuple[str, str, str]


def comparison_lines(comparison: Comparison) -> list[str]:
    """Return the table, the rules that failed, and the findings."""
    rows = [*_facts(*comparison.models), *_skill(*comparison.models), *_money(comparison)]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = [f"{name:<{widths[0]}}  {one:<{widths[1]}}  {other}".rstrip() for name, one, other in rows]
    failed = [
        f"{model.bundle[:12]} {rule.kind} rule {rule.name}: {rule.reason}"
        for model in comparison.models
        for rule in model.rules
        if not rule.passed
    ]
    told = [] if comparison.money is None else [*comparison.money.told, *comparison.money.weaknesses]
    return [*lines, "", *failed, *told, f"skill  {comparison.skill.words}", f"money  {comparison.earned.words}"]


def _facts(one: Model, other: Model) -> Iterator[Row]:
    both = (one, other)
    yield _row("model", *(model.bundle[:12] for model in both))
    yield _row("role", *(" ".join(model.roles) or "-" for model in both))
    yield _row("preset", *(model.preset for model in both))
    yield _row("data (UTC)", *(_span(model.data) for model in both))
    yield _row("tested on", *("not recorded" if model.tested is None else _span(model.tested) for model in both))
    yield _row("parameters", *(f"{model.parameters:,}" for model in both))
    yield _row("size", *(f"{model.size_bytes / 1e6:.2f} MB" for model in both))
    yield _row("forecast p50 / p99", *(f"{m.latency_ms['p50']:.2f} / {m.latency_ms['p99']:.2f} ms" for m in both))
    yield _row("gate", *("passed" if model.is_gate_open else "refused" for model in both))
    passed = (f"{sum(rule.passed for rule in model.rules)} of {len(model.rules)}" for model in both)
    yield _row("rules passed", *passed)


def _skill(one: Model, other: Model) -> Iterator[Row]:
    for name, words in SKILL_WORDS.items():
        yield _row(words, _numbers(one.skill[name]), _numbers(other.skill[name]))


def _money(comparison: Comparison) -> Iterator[Row]:
    verdict = None if comparison.money is None else comparison.money.verdict
    if verdict is None or verdict.champion is None or verdict.champion_earned is None:
        return
    earned = {verdict.challenger.bundle: verdict.earned, verdict.champion.bundle: verdict.champion_earned}
    outcomes = {item.bundle: item for item in (verdict.challenger, verdict.champion)}
    hashes = [model.bundle for model in comparison.models]
    yield _row("earned after fees", *(_quote(earned[name]) for name in hashes))
    yield _row("largest drawdown", *(f"{outcomes[name].max_drawdown_e8 / E8:,.4f} quote" for name in hashes))
    yield _row("largest exposure", *(f"{outcomes[name].gross_exposure_max_e8 / E8:,.2f} quote" for name in hashes))


def _row(name: str, *cells: str) -> Row:
    one, other = cells
    return name, one, other


def _span(span: Span) -> str:
    return f"{moment(span.first_ns)} .. {moment(span.last_ns)}"


def _numbers(numbers: Numbers) -> str:
    value, lower, upper = numbers
    return f"{value:+.4f}" if lower == upper else f"{value:+.4f} [{lower:+.4f}, {upper:+.4f}]"


def _quote(interval: Interval) -> str:
    return f"{interval.value:+,.4f} [{interval.lower:+,.4f}, {interval.upper:+,.4f}] quote"
