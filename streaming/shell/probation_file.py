"""What a trader remembers of its champion's probation: `data/run/probation.json`, written whole, read at the start."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson

from streaming.errors import BadDataError
from streaming.trader.probation import ProbationRecord
from warehouse.files import write_atomically

NAME = "probation.json"


def read_record(run_dir: Path) -> ProbationRecord:
    """Return what was remembered, a fresh record where nothing was; BadDataError for a file that says nothing."""
    path = run_dir / NAME
    try:
        return ProbationRecord.from_json(orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return ProbationRecord()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadDataError(
            f"{path}: expected the record of a probation ({error}); move it away: what failed is forgotten then"
        ) from error


class ProbationFile:
    """Writes the record in a thread of its own, one after the other: a slow disk holds no step up."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / NAME
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="probation")
        self.last_problem = ""

    def write(self, record: ProbationRecord) -> None:
        """Have the record written as it is now."""
        self._writer.submit(self._write, orjson.dumps(record.to_json()))

    def close(self) -> None:
        """Wait until what was handed over is written."""
        self._writer.shutdown()

    def _write(self, data: bytes) -> None:
        try:
            write_atomically(self._path, data)
        except OSError as error:
            self.last_problem = f"{self._path}: {error}"
