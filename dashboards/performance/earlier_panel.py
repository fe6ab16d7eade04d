"""The panel of earlier sessions: what the lake holds of them, read anew while its page is open."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from dashboards.board import Align
from dashboards.desk import Desk
from dashboards.errors import DeskError
from dashboards.panels import panel

EARLIER_S: Final = 30.0

Found = Mapping[str, object]


def draw_earlier(
    desk: Desk,
    sql: str,
    columns: Sequence[str | tuple[str, Align]],
    rows_of: Callable[[Iterable[Found]], list[list[JsonValue]]],
    *,
    test_id: str,
    source: str,
) -> None:
    """Draw the table of what `sql` finds, a row a `run`; `source` says beside the title where it is from."""
    with panel(desk.board, "Earlier sessions", is_wide=True) as note:
        rows = desk.board.rows(columns, test_id=test_id, caption="As they landed in the lake, newest first")

    async def read() -> None:
        try:
            found: list[Found] = [*await desk.query(sql)]
        except DeskError as error:
            note.put(f"the lake could not be asked: {error}", state="bad")
            return
        note.put(source)
        rows.put(rows_of(found), keys=[str(row["run"]) for row in found], empty="no session has landed yet")

    desk.on_interval(EARLIER_S, read)
