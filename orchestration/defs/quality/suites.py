"""Great Expectations judges: a suite made of rules, run in an ephemeral context over one frame."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl
import polars.selectors as cs

from orchestration import environment
from orchestration.defs.quality.rules import Finding, Rule

if TYPE_CHECKING:
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.expectations.expectation import Expectation

EXAMPLES = 3


def judge(table: str, frame: pl.DataFrame, rules: Sequence[Rule]) -> list[Finding]:
    """Return the rules that rows of `frame` break; rules on columns that the frame lacks are passed over."""
    present = [rule for rule in rules if rule.column in frame.columns]
    if frame.is_empty() or not present:
        return []
    environment.silence()  # Great Expectations reads the variables when it is imported
    import great_expectations as gx  # heavy: 3 s, so only where rows are judged

    suite = gx.ExpectationSuite(name=table, expectations=[_expectation(rule) for rule in present])
    columns = sorted({rule.column for rule in present})
    judged = frame.select(columns).with_columns(
        # Great Expectations compares these two types as arrays, and all others value by value in Python.
        cs.integer().cast(pl.Int64),
        cs.boolean().cast(pl.Int64),
        cs.float().cast(pl.Float64),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside Great Expectations are not ours to act on
        outcome = _batch(judged).validate(
            suite, result_format={"result_format": "BASIC", "partial_unexpected_count": EXAMPLES}
        )
    by_name = {result.expectation_config.meta["rule"]: result for result in outcome.results}
    return [
        _finding(table, rule, by_name[rule.name], frame.height) for rule in present if not by_name[rule.name].success
    ]


def _batch(frame: pl.DataFrame) -> "Batch":
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("lake").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame.to_pandas()})


def _expectation(rule: Rule) -> "Expectation":
    import great_expectations.expectations as gxe

    severity = "critical" if rule.severity == "error" else "warning"
    meta = {"rule": rule.name}
    if rule.allowed:
        return gxe.ExpectColumnValuesToBeInSet(
            column=rule.column, value_set=list(rule.allowed), severity=severity, meta=meta
        )
    return gxe.ExpectColumnValuesToBeBetween(
        column=rule.column, min_value=rule.low, max_value=rule.high, severity=severity, meta=meta
    )


def _finding(table: str, rule: Rule, outcome: Any, rows: int) -> Finding:  # noqa: ANN401  # the result's type is private
    if outcome.exception_info.get("raised_exception", False) or "unexpected_count" not in outcome.result:
        raise RuntimeError(f"{table}: rule {rule.name} could not be judged: {outcome.exception_info}")
    examples = tuple(f"{rule.column}={value}" for value in outcome.result["partial_unexpected_list"][:EXAMPLES])
    return Finding(table, rule.name, rule.severity, int(outcome.result["unexpected_count"]), rows, examples)
