"""What a page gets: the board that it draws on, the lake's answers, and requests to the trader."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import duckdb
from nicegui import ui

from dashboards.asking import Answer, ask
from dashboards.board import Board
from dashboards.errors import DeskError, first_line
from dashboards.snapshot import Snapshot
from dashboards.surroundings import Surroundings
from dashboards.tape import TapeFeed
from warehouse.errors import WarehouseError
from warehouse.lake import Lake
from warehouse.views import connect

QUERY_S: Final = 5.0
ROWS_MAX: Final = 5_000

Row = dict[str, object]
Update = Callable[[Snapshot], None]
"""Brings a page up to date; called `refresh_ms` apart while it is open."""


class Desk:
    """One open page's surroundings."""

    def __init__(
        self,
        board: Board,
        surroundings: Surroundings,
        snapshot: Callable[[], Snapshot],
        player: TapeFeed | None = None,
    ) -> None:
        self.board = board
        self.surroundings = surroundings
        self.snapshot = snapshot
        """Returns what is known now, for handlers of events; `Update` is given it."""
        self.player = player
        """Of the journal that is shown; None for a running trader."""

    @property
    def is_replay(self) -> bool:
        """Whether a journal is shown: there is no trader to ask."""
        return self.surroundings.tape is not None

    async def ask(self, op: str, reason: str = "", *, to: str = "trader", **words: object) -> Answer:
        """Ask a running process; DeskError with its words when it refuses, or why no answer came."""
        if self.is_replay:
            raise DeskError("this is a replay: there is no trader to ask")
        return await ask(self.surroundings, to, op, reason, words)

    async def query(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return rows of a question to the lake, at most `ROWS_MAX`; DeskError when it fails or takes over 5 s."""
        return await asyncio.to_thread(run_query, self.surroundings, sql, parameters)

    def on_interval(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do something now and every so many seconds while the page is open."""
        ui.timer(seconds, work, immediate=True)


def run_query(surroundings: Surroundings, sql: str, parameters: Sequence[object]) -> list[Row]:
    """Return rows of a question to the lake; see `Desk.query`. Blocks."""
    folders = surroundings.warehouse
    try:
        connection = connect(Lake(folders.lake_dir), folders.marts_path)
    except (WarehouseError, duckdb.Error, OSError) as error:
        raise DeskError(first_line(error)) from error
    alarm = threading.Timer(QUERY_S, connection.interrupt)
    alarm.daemon = True
    alarm.start()
    try:
        found = connection.execute(sql, list(parameters))
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchmany(ROWS_MAX)]
    except duckdb.InterruptException as error:
        raise DeskError(f"the lake did not answer within {QUERY_S:g} s") from error
    except duckdb.Error as error:
        raise DeskError(first_line(error)) from error
    finally:
        alarm.cancel()
        connection.close()
