"""Optimised settings: strategy and risk parameters searched on what came after the champion's training data."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from orchestration.defs.resources import House
from orchestration.errors import OrchestrationError
from orchestration.settings import Settings
from streaming.cli.children import environment

NAME = "auto"
"""Of a search that is named after everything that decides it: a run that was cut off goes on, new data begin anew."""


class SearchError(OrchestrationError):
    """The search ended without a report; the message is its last line."""


class OptimizeWords(dg.Config):
    """Numbers that replace the ones of `[streaming.optimize]`."""

    trials: int | None = None
    folds: int | None = None
    jobs: int | None = None
    model: str = "champion"
    """A bundle's hash, or empty for strategies that need no forecast."""


@dg.asset(group_name="backtest", kinds={"optuna"}, deps=["champion"])
def optimized_settings(house: House, config: OptimizeWords) -> dg.MaterializeResult[None]:
    """The best set of the declared search space as a settings file, with the verdict whether it is more than luck."""
    return dg.MaterializeResult(metadata=search_metadata(search(house.settings(), words_of(config))))


def words_of(config: OptimizeWords) -> list[str]:
    """Return the options of `trader optimize` that a run's config stands for."""
    numbers = {"--trials": config.trials, "--folds": config.folds, "--jobs": config.jobs}
    words = [word for option, value in numbers.items() if value is not None for word in (option, str(value))]
    return [*words, *(["--model", config.model] if config.model else ["--no-model"])]


def search(settings: Settings, words: Sequence[str]) -> Mapping[str, Any]:
    """Run the search in a process of its own and return its report; SearchError with what it complained of."""
    command = [sys.executable, "-m", "streaming", "optimize", "--json", "--name", NAME]
    command += ["--grid", settings.orchestration.grid, *words]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        last = next(iter(reversed(done.stderr.strip().splitlines())), "no word")
        raise SearchError(f"trader optimize ended with {done.returncode}: {last}")
    report: Mapping[str, Any] = json.loads(done.stdout)
    return report


def search_metadata(report: Mapping[str, Any]) -> dict[str, dg.MetadataValue[Any]]:
    """Return what people read of a search."""
    verdict, test = report["verdict"], report["verdict"]["test"]
    interval = test["pnl_interval"] or {"low": float("nan"), "high": float("nan")}
    figures = {
        "deflated_sharpe": verdict["deflated"],
        "sharpe_per_return": test["sharpe"],
        "luck_sharpe": verdict["luck_sharpe"],
        "pnl": test["pnl_quote"],
        "pnl_low": interval["low"],
        "pnl_high": interval["high"],
        "pnl_of_settings_as_given": verdict["default_test"]["pnl_quote"],
    }
    shares = [fold["overfitting"] for fold in verdict["folds"]]
    best = verdict["folds"][-1]["chosen"]["values"]
    return {
        "verdict": dg.MetadataValue.text(verdict["words"]),
        "is_better": dg.MetadataValue.bool(verdict["word"] == "better"),
        "trials": dg.MetadataValue.int(verdict["trials"]),
        "folds": dg.MetadataValue.int(len(verdict["folds"])),
        "bundle": dg.MetadataValue.text(report["bundle"] or "none"),
        "best_set": dg.MetadataValue.json({"chosen": best, "as_given": report["default_values"]}),
        "overfitting_by_fold": dg.MetadataValue.json(shares),
        "settings_file": dg.MetadataValue.path(report["overlay"]),
        **{name: dg.MetadataValue.float(float(value)) for name, value in figures.items()},
    }
