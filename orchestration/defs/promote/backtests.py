"""Reports of backtests as promotion reads them, and the command that makes one.

The newest report of a bundle is `<data>/reports/backtest/<bundle>.json`.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestration.defs.drift.samples import SECOND_NS, Span
from orchestration.errors import OrchestrationError
from orchestration.settings import Settings
from streaming.cli.children import environment

SLACK_NS = 5 * SECOND_NS
"""The first and last frame of a span lie this near its ends, or the span is another one."""
REASON_SIGNS_MAX = 300


class MoneyError(OrchestrationError):
    """What a bundle would have earned could not be found out."""


@dataclass(frozen=True, slots=True)
class BacktestReport:
    """What promotion needs of a backtest. Money in 10^-8 quote."""

    bundle: str
    run: str
    span: Span
    terms: str
    """Grid, queue model, latency, gaps and settings in words: equal where two backtests can be compared."""
    header: tuple[str, ...]
    """What must be said wherever the figures are shown."""
    ts_ns: NDArray[np.int64]
    equity_e8: NDArray[np.int64]
    """Sampled every second."""
    max_drawdown_e8: int
    gross_exposure_max_e8: int

    def covers(self, span: Span) -> bool:
        """Tell whether the backtest was over exactly this span, up to the seconds in which no frame came."""
        ends = (self.span.first_ns - span.first_ns, self.span.last_ns - span.last_ns)
        return all(abs(off_ns) <= SLACK_NS for off_ns in ends)

    def is_like(self, other: "BacktestReport") -> bool:
        """Tell whether both were run over the same span on the same terms."""
        return self.terms == other.terms and self.covers(other.span)


def report_path(settings: Settings, bundle: str) -> Path:
    """Return where the newest backtest of a bundle stands."""
    return settings.folders.reports_dir / "backtest" / f"{bundle}.json"


def stored(settings: Settings, bundle: str) -> BacktestReport | None:
    """Return the newest backtest of a bundle, None where there is none that can be read."""
    try:
        return read_backtest(report_path(settings, bundle))
    except MoneyError:
        return None


def read_backtest(path: Path) -> BacktestReport:
    """Read a report; MoneyError when it is missing or not one."""
    try:
        document = json.loads(path.read_bytes())
        span = document["span"]
        samples = sorted((int(ts_ns), int(equity)) for ts_ns, equity in document["equity_e8"].items())
        series = np.array(samples, dtype=np.int64).reshape(-1, 2)
        conditions = {name: str(document[name]) for name in ("grid", "queue", "latency", "on_gap", "settings_hash")}
        simulated = f"simulated: queue model {conditions['queue']}, order latency {conditions['latency']}"
        return BacktestReport(
            bundle=str(document["bundle"]),
            run=str(document["run"]),
            span=Span(int(span["ts_from_ns"]), int(span["ts_to_ns"])),
            terms=", ".join(f"{name} {value}" for name, value in conditions.items()),
            header=tuple(filter(None, (simulated, str(document["leak"]["warning"])))),
            ts_ns=series[:, 0],
            equity_e8=series[:, 1],
            max_drawdown_e8=int(document["max_drawdown_e8"]),
            gross_exposure_max_e8=int(document["gross_exposure_max_e8"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"{type(error).__name__}: {error}" if not isinstance(error, OSError) else error.strerror
        raise MoneyError(f"{path}: expected the report of a backtest ({problem}); run `trader backtest`") from error


def run_backtest(settings: Settings, bundle: str, span: Span) -> BacktestReport:
    """Backtest a bundle on a span in a process of its own and return its report; MoneyError says why it could not."""
    words = [
        "backtest",
        "--grid",
        settings.orchestration.grid,
        "--model",
        bundle,
        "--from",
        str(span.first_ns),
        "--to",
        str(span.last_ns),
        "--json",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "streaming", *words],
        env=environment(),
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise MoneyError(f"the backtest of {bundle[:12]} failed: {reason[:REASON_SIGNS_MAX]}")
    report = read_backtest(report_path(settings, bundle))
    if report.bundle != bundle:
        raise MoneyError(f"{report_path(settings, bundle)}: expected bundle {bundle[:12]}, found {report.bundle[:12]}")
    return report
