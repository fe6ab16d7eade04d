"""Asking a running recorder from another process, over its control socket."""

from pathlib import Path

from native.config import JsonObject
from streaming.errors import NotRunningError, refusal_of
from streaming.shell.control import ask
from streaming.shell.recorder_names import SOCKET_NAME


def recorder_status(run_dir: Path) -> JsonObject | None:
    """Return what the recorder of `run_dir` says of itself, None where none runs. See `RecorderDesk` for the keys."""
    try:
        return ask_recorder(run_dir, {"op": "status"})
    except NotRunningError:
        return None


def ask_recorder(run_dir: Path, request: JsonObject) -> JsonObject:
    """Return the answer to one request; a refusal is raised as what it was over there.

    NotRunningError when no recorder runs or it does not answer in time.
    """
    answer = ask(run_dir / SOCKET_NAME, request)
    if answer.pop("ok", False) is not True:
        raise refusal_of(str(answer.get("error", "no reason was given")), answer.get("exit_code"))
    return answer
