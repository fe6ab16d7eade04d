"""A backtest from request to report: the pass, its figures, and everything that is written of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from native.config import JsonObject
from streaming.backtest.document import document_of, page_path, write_document, write_row
from streaming.backtest.evaluate import Evaluation, evaluate
from streaming.backtest.page import page
from streaming.backtest.request import BacktestRequest
from streaming.backtest.run import BacktestRun, run_backtest
from streaming.settings import Settings
from warehouse.files import write_atomically

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Backtested:
    """A finished backtest and where its report stands."""

    run: BacktestRun
    evaluation: Evaluation
    document: JsonObject
    page: Path
    document_path: Path


def backtest(settings: Settings, request: BacktestRequest, command: str, progress: Progress) -> Backtested:
    """Run, judge and write: the page, the document that promotion reads, and the lake's row.

    `command` is shown as what makes the run again. Raises what `run_backtest` does.
    """
    run = run_backtest(settings, request, progress)
    progress("backtest: figures and report")
    evaluation = evaluate(run)
    document, place = document_of(run, evaluation), page_path(settings, run)
    write_atomically(place, page(run, evaluation, command).encode())
    written = write_document(settings, run, document)
    write_row(settings, run, evaluation)
    return Backtested(run, evaluation, document, place, written)
