"""What a search leaves behind for people and programs: `report.json`, and the best set as a settings file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from native.config import JsonObject
from streaming.cli.grammar import time_text
from streaming.errors import BadDataError, TraderError
from streaming.optimize.plan import Plan
from streaming.optimize.request import Places
from streaming.optimize.search import FoldSearch
from streaming.optimize.space import with_values
from streaming.optimize.verdict import TriedSet, Verdict, tried_set
from streaming.overlay import toml_text
from warehouse.files import write_atomically

BEST_TOLD = 10
"""Sets that a report lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizeReport:
    """A finished search."""

    name: str
    grid: str
    bundle: str | None
    ts_from_ns: int
    ts_to_ns: int
    seed: int
    period_ns: int
    """Length of one return."""
    forecasts: int
    withheld: int
    """Forecasts not given since their context touches a ledgered gap."""
    verdict: Verdict
    best_sets: tuple[TriedSet, ...]
    """Of all folds, best objective first."""
    default_values: dict[str, bool | int | float | str | None]
    """The searched keys as the settings have them."""
    overlay: str
    """The settings file of the set chosen last."""


def report_of(plan: Plan, verdict: Verdict, searches: Sequence[FoldSearch], overlay: str) -> OptimizeReport:
    """Return the report of a search whose folds are all judged."""
    tried = [
        tried_set(fold, trial)
        for fold, search in enumerate(searches)
        for trial in search.trials()
        if trial.result is not None
    ]
    tried.sort(key=lambda item: (-item.objective, item.fold, item.number))
    return OptimizeReport(
        name=plan.request.name,
        grid=plan.grid.name,
        bundle=plan.bundle,
        ts_from_ns=plan.material.ts_from_ns,
        ts_to_ns=plan.material.ts_to_ns,
        seed=plan.request.seed,
        period_ns=plan.period_ns,
        forecasts=plan.material.forecasts,
        withheld=plan.material.withheld,
        verdict=verdict,
        best_sets=tuple(tried[:BEST_TOLD]),
        default_values=dict(plan.default_values),
        overlay=overlay,
    )


def write_report(places: Places, plan: Plan, report: OptimizeReport) -> None:
    """Write the report, and the settings with the best set in them, which `LOB_SETTINGS` may name."""
    write_atomically(places.best, (_head(report) + toml_text(_best_settings(plan, report))).encode())
    write_atomically(places.report, TypeAdapter(OptimizeReport).dump_json(report, indent=2))


def read_report(places: Places) -> OptimizeReport:
    """Return what `write_report` wrote; TraderError when no search of that name has ended yet."""
    if not places.report.is_file():
        raise TraderError(f"{places.report}: expected a finished search, found none; next: trader optimize")
    try:
        return TypeAdapter(OptimizeReport).validate_json(places.report.read_bytes())
    except ValidationError as error:
        raise BadDataError(
            f"{places.report}: not a search's report; remove it and run trader optimize again"
        ) from error


def report_document(report: OptimizeReport) -> JsonObject:
    """Return the report as JSON."""
    document: Any = TypeAdapter(OptimizeReport).dump_python(report, mode="json")
    found: JsonObject = document
    return found


def _best_settings(plan: Plan, report: OptimizeReport) -> JsonObject:
    document: JsonObject = plan.settings.model_dump(mode="json", exclude_none=True)
    best = with_values(plan.settings.native, report.verdict.best)
    document["native"] = best.model_dump(mode="json", exclude_none=True)
    return document


def _head(report: OptimizeReport) -> str:
    """Return the comment that a person reads before trading on the file."""
    verdict, test = report.verdict, report.verdict.test
    lines = [
        f"Written by `trader optimize --name {report.name}`: the settings that it was given, with the best set put in.",
        "",
        f"verdict   {verdict.words}",
        f"trials    {verdict.trials} sets in {len(verdict.folds)} folds, seed {report.seed}",
        f"span      {time_text(report.ts_from_ns)} to {time_text(report.ts_to_ns)}, grid {report.grid}",
        f"bundle    {report.bundle or 'none'}",
        f"test      pnl {test.pnl_quote:.4f} quote, {test.fills} fills; as given {verdict.default_test.pnl_quote:.4f}",
        f"Sharpe    {test.sharpe:.5f} per {report.period_ns / 1e9:g} s, a year {_number(test.sharpe_year)}",
        f"deflated  {verdict.deflated:.4f} (probability of more than luck; luck alone {verdict.luck_sharpe:.5f})",
        *(f"{key} = {value!r}, was {report.default_values.get(key)!r}" for key, value in verdict.best.items()),
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + "\n"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"
