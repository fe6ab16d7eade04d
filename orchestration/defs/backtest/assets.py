"""Backtest: what the sealed bundle would have earned on data that it never saw, before anybody promotes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from orchestration.defs.resources import House
from orchestration.defs.validate.assets import sealed_hash, validation
from orchestration.settings import Settings

E8 = 1e8


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a backtest; `problem` says why there is no document."""

    bundle: str
    document: Mapping[str, Any]
    problem: str = ""

    @property
    def metadata(self) -> dict[str, dg.MetadataValue[Any]]:
        """What people read of it."""
        if self.problem:
            return {"bundle": dg.MetadataValue.text(self.bundle), "not_known": dg.MetadataValue.text(self.problem)}
        earned, execution = self.document["earnings"], self.document["execution"]
        interval = earned["pnl_interval"] or {}
        figures = {
            "pnl": earned["pnl_e8"] / E8,
            "pnl_low": interval.get("low", float("nan")) / E8,
            "pnl_high": interval.get("high", float("nan")) / E8,
            "max_drawdown": earned["max_drawdown_e8"] / E8,
            "fill_rate": execution["fill_rate"],
            "sharpe": earned["sharpe"],
            "masked_share": self.document["masked_share"],
        }
        words = {
            "bundle": self.bundle,
            "run": self.document["run"],
            "queue_model": self.document["queue"],
            "order_latency": self.document["latency"],
            "leak_warning": self.document["leak"]["warning"] or "none",
        }
        shown = {name: dg.MetadataValue.text(str(word)) for name, word in words.items()}
        return {
            **shown,
            **{name: dg.MetadataValue.float(float(value)) for name, value in figures.items() if value is not None},
        }


def try_bundle(settings: Settings, bundle_hash: str) -> Tried:
    """Backtest a bundle on the test part of its data, in a process of its own, and return what its document says.

    A model that cannot be judged by money (no limits are set, say) is no failure here: promotion asks itself.
    """
    from ml.bundle import open_bundle
    from orchestration.defs.promote.backtests import MoneyError, report_path, run_backtest
    from orchestration.defs.promote.money import span_of_test

    try:
        run_backtest(settings, bundle_hash, span_of_test(open_bundle(settings.folders.models_dir, bundle_hash, None)))
    except MoneyError as error:
        return Tried(bundle_hash, {}, str(error))
    return Tried(bundle_hash, json.loads(report_path(settings, bundle_hash).read_bytes()))


@dg.asset(group_name="backtest", kinds={"duckdb", "mlflow"}, deps=[validation])
def backtest(house: House) -> dg.MaterializeResult[None]:
    """The sealed bundle traded over the test part of its data in the simulated market; a page stands in the reports."""
    settings = house.settings()
    return dg.MaterializeResult(metadata=try_bundle(settings, sealed_hash(settings)).metadata)
