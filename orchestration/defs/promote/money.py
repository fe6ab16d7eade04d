"""What challenger and champion earn in the simulator on the same data that neither learned from.

The span is the test part of the challenger's data; where the champion was trained into it, what lies after that. Both
are backtested on exactly this span with the settings in force. A report of an earlier backtest stands for it when its
span is this one, and both were made on the same terms; else they are run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.bundle import Bundle, open_bundle
from ml.config import MoneyConfig
from ml.errors import BundleError
from ml.files import canonical_json
from ml.gate import MoneyOutcome, MoneyVerdict, RuleResult, judge_money, not_compared
from ml.registry import read_pointer
from orchestration.defs.drift.samples import SECOND_NS, Span
from orchestration.defs.ingest.assets import moment
from orchestration.defs.promote.backtests import BacktestReport, MoneyError, run_backtest, stored
from orchestration.progress import say
from orchestration.settings import Settings
from warehouse.files import replacing, write_atomically

Backtest = Callable[[Settings, str, Span], BacktestReport]


@dataclass(frozen=True, slots=True)
class Money:
    """What was found about money. `rules` are of kind `money`; without a champion there is none."""

    rules: tuple[RuleResult, ...]
    told: tuple[str, ...]
    """What a reader must know: that the span was cut, or why nothing was measured."""
    verdict: MoneyVerdict | None = None
    span: Span | None = None
    backtests: tuple[BacktestReport, ...] = ()

    @property
    def weaknesses(self) -> tuple[str, ...]:
        """What speaks against the challenger; a person may override it."""
        return tuple(f"{rule.name}: {rule.reason}" for rule in self.rules if not rule.passed)

    @property
    def table(self) -> str:
        """Everything as markdown."""
        from ml.report import money_table

        told = [
            f"- {line}" for line in (*self.told, *(line for report in self.backtests[:1] for line in report.header))
        ]
        measured = [money_table(self.verdict)] if self.verdict is not None else []
        return "\n".join([*measured, *told, *(f"- {line}" for line in self.weaknesses if self.verdict is None), ""])

    @property
    def words(self) -> str:
        """The finding in one line."""
        if self.verdict is None:
            return "; ".join((*self.told, *self.weaknesses))
        earned, difference = self.verdict.earned, self.verdict.difference
        line = f"earns {_quote(earned.value, earned.lower, earned.upper)} after fees out of sample"
        if difference is None:
            return f"{line}; no champion to compare with"
        return f"{line}, {_quote(difference.value, difference.lower, difference.upper)} more than the champion"

    def as_json(self) -> Mapping[str, object]:
        """Return it for machines; bounds that too few blocks leave open are null."""
        found: dict[str, object] = {"told": list(self.told), "passed": not self.weaknesses, "words": self.words}
        found["rules"] = [{"name": r.name, "passed": r.passed, "reason": r.reason} for r in self.rules]
        if self.span is not None:
            found["span"] = {"first_ns": self.span.first_ns, "last_ns": self.span.last_ns}
        if self.verdict is not None:
            for name in ("earned", "champion_earned", "difference"):
                interval = getattr(self.verdict, name)
                values = None if interval is None else [interval.value, interval.lower, interval.upper]
                found[f"{name}_quote"] = values and [value if np.isfinite(value) else None for value in values]
        return found


def weigh_money(settings: Settings, bundle: Bundle, backtest: Backtest = run_backtest) -> Money:
    """Compare a bundle with the champion of this moment; what stops the comparison is a failing rule, or told.

    With no champion, or where the bundle is the champion itself, money decides nothing.
    """
    pointer = read_pointer(settings.folders.models_dir, "champion")
    rival = pointer.hash if pointer is not None and pointer.hash != bundle.hash else None
    try:
        return measured(settings, bundle, rival, backtest)
    except (MoneyError, BundleError) as error:
        if rival is None:
            return Money((), (f"what it would have earned after fees is not known: {error}",))
        return Money((not_compared(str(error)),), ())


def measured(settings: Settings, bundle: Bundle, rival: str | None, backtest: Backtest = run_backtest) -> Money:
    """Return what `bundle` makes, beside `rival` where one is named; MoneyError or BundleError when it cannot be."""
    champion = None if rival is None else open_bundle(settings.folders.models_dir, rival, None)
    span, told = out_of_sample(bundle, champion, settings.ml.gate.money)
    names = [bundle.hash] if rival is None else [bundle.hash, rival]
    reports = [_stored_or_run(settings, name, span, backtest) for name in names]
    if rival is not None and not reports[0].is_like(reports[1]):
        say("promotion: backtests of other settings; both are run again")
        reports = [backtest(settings, name, span) for name in names]
        if not reports[0].is_like(reports[1]):
            raise MoneyError(f"the backtests differ in span or settings: {reports[0].terms} and {reports[1].terms}")
    outcomes = paired(reports)
    verdict = judge_money(settings.ml.gate.money, outcomes[0], outcomes[1] if rival is not None else None)
    return Money(verdict.rules, told, verdict, span, tuple(reports))


def out_of_sample(challenger: Bundle, champion: Bundle | None, config: MoneyConfig) -> tuple[Span, tuple[str, ...]]:
    """Return the span that neither was fitted on, and what is to be said of it; MoneyError when too little is left."""
    part = span_of_test(challenger)
    first_ns, last_ns = part.first_ns, part.last_ns
    told: tuple[str, ...] = ()
    if champion is not None and (fitted_ns := fitted_until_ns(champion)) >= first_ns:
        first_ns = fitted_ns + 1
        told = (
            f"the champion was fitted on data until {moment(fitted_ns)}, within the challenger's test part: only what "
            "lies after it is compared",
        )
    needed_s = config.block_s * config.blocks_min
    left_s = max(0, last_ns - first_ns) // SECOND_NS
    if left_s < needed_s:
        raise MoneyError(
            f"{left_s:,} s lie after the training of both, at least {needed_s:,} s are needed; record longer"
        )
    return Span(first_ns, last_ns), told


def span_of_test(bundle: Bundle) -> Span:
    """Return the test part of a bundle's data; MoneyError for one sealed before bundles said so."""
    validation = bundle.manifest["validation"]
    assert isinstance(validation, Mapping), "a sealed manifest holds its validation"
    if "test_first_step_ns" not in validation:
        raise MoneyError(f"bundle {bundle.hash[:12]} does not say where its test part lies; train again")
    return Span(*(int(str(validation[name])) for name in ("test_first_step_ns", "test_last_step_ns")))


def fitted_until_ns(bundle: Bundle) -> int:
    """Return the last moment that a bundle was fitted on: its test part, purged, begins after it."""
    try:
        return span_of_test(bundle).first_ns - 1
    except MoneyError:  # an older bundle: all of its data, which is too much and never too little
        return bundle.trained_until_ns


def paired(reports: list[BacktestReport]) -> list[MoneyOutcome]:
    """Return the outcomes on the seconds that all reports have; MoneyError when they share fewer than two."""
    shared = reports[0].ts_ns
    for report in reports[1:]:
        shared = np.intersect1d(shared, report.ts_ns)
    if len(shared) < 2:
        raise MoneyError("the backtests share fewer than two seconds of equity")
    return [
        MoneyOutcome(
            report.bundle,
            shared,
            report.equity_e8[np.isin(report.ts_ns, shared)],
            report.max_drawdown_e8,
            report.gross_exposure_max_e8,
        )
        for report in reports
    ]


def write_money(settings: Settings, bundle: str, money: Money) -> Path | None:
    """Write table, figures and picture to `<data>/reports/promotion/<bundle>.*`; return the picture where one is."""
    place = settings.folders.reports_dir / "promotion" / bundle
    place.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(place.with_suffix(".md"), money.table.encode())
    write_atomically(place.with_suffix(".json"), canonical_json(dict(money.as_json())))  # type: ignore[arg-type]
    picture = place.with_suffix(".png")
    if money.verdict is None:
        picture.unlink(missing_ok=True)
        return None
    from ml.plots import draw_money

    with replacing(picture) as temporary:
        draw_money(money.verdict, temporary)
    return picture


def _stored_or_run(settings: Settings, bundle: str, span: Span, backtest: Backtest) -> BacktestReport:
    found = stored(settings, bundle)
    if found is not None and found.covers(span):
        return found
    say(f"promotion: backtest of {bundle[:12]} on {moment(span.first_ns)} .. {moment(span.last_ns)}")
    return backtest(settings, bundle, span)


def _quote(value: float, lower: float, upper: float) -> str:
    return f"{value:+,.2f} [{lower:+,.2f}, {upper:+,.2f}] quote"
