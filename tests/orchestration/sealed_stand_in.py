"""Sealed bundles and reports of backtests as promotion reads them, without a model in them or a market behind them."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ml.bundle import FORMAT, VERSION, Bundle, open_bundle
from ml.files import canonical_json
from ml.predictor import CONSTANTS_NAME, WEIGHTS_NAME
from orchestration.defs.drift.samples import SECOND_NS, Span
from orchestration.defs.promote.backtests import report_path
from orchestration.settings import Settings

START_NS = 1_767_571_200_000_000_000


def at(seconds: float) -> int:
    return START_NS + int(seconds * SECOND_NS)


def seal_stand_in(models_dir: Path, word: str, test_s: tuple[float, float] | None, until_s: float) -> Bundle:
    """Seal a bundle of data until `until_s` whose test part is `test_s`; None: sealed before bundles said so."""
    files = {name: f"{name} {word}".encode() for name in (WEIGHTS_NAME, CONSTANTS_NAME)}
    tested = {} if test_s is None else {"test_first_step_ns": at(test_s[0]), "test_last_step_ns": at(test_s[1])}
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "grid": "main",
        "config": {"split": {"train": 0.6}},
        "validation": {**tested, "gate": {"rules": []}},
        "trained_until_ns": at(until_s),
        "expires_ns": at(until_s + 3_600),
        "lineage": {"first_step_ns": START_NS, "dataset": "d", "sources": {}, "mlflow_run": ""},
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    data = canonical_json(manifest)
    folder = models_dir / hashlib.sha256(data).hexdigest()
    folder.mkdir(parents=True)
    for name, content in {**files, "manifest.json": data}.items():
        (folder / name).write_bytes(content)
    return open_bundle(models_dir, folder.name, None)


def write_report(settings: Settings, bundle: str, span: Span, changes_quote: Sequence[float], **other: object) -> None:
    """Write the report of a backtest whose equity changes so, a second each."""
    equity_e8 = np.rint(1e8 * np.concatenate([[0.0], np.cumsum(changes_quote)])).astype(np.int64)
    moments = [span.first_ns + SECOND_NS * second for second in range(len(equity_e8))]
    document = {
        "run": f"backtest-{bundle[:8]}",
        "bundle": bundle,
        "grid": "main",
        "span": {"ts_from_ns": span.first_ns, "ts_to_ns": span.last_ns},
        "queue": "pessimistic",
        "latency": "constant 5 ms",
        "on_gap": "mask",
        "settings_hash": "5e77",
        "leak": {"warning": ""},
        "equity_e8": {str(ts_ns): int(equity) for ts_ns, equity in zip(moments, equity_e8, strict=True)},
        "max_drawdown_e8": 100,
        "gross_exposure_max_e8": 1_000,
    }
    path = report_path(settings, bundle)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**document, **other}))
