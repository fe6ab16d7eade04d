"""`trader record` as a process of its own, for tests that kill it.

Arguments: the lake, the run folder, the port, and how large a file may grow (0: as it likes).
"""

import os
import resource
import sys
from pathlib import Path

from small_venue import START_NS

from native.config import EngineSettings
from streaming.record_config import RecordConfig
from streaming.shell.clock import Clock
from streaming.shell.recorder import RecordRequest, run_recorder
from streaming.shell.segment_queue import RunFiles


def tell(line: str) -> None:
    """Print a line in one piece: two threads do."""
    os.write(1, f"{line}\n".encode())


def main(lake: str, run_dir: str, port: int, limit_bytes: int) -> None:
    if limit_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
    address = {"rest": f"http://127.0.0.1:{port}", "websocket": [f"ws://127.0.0.1:{port}"]}
    request = RecordRequest(
        lake_root=Path(lake),
        run_dir=Path(run_dir),
        instruments=("bybit_spot:BTCUSDT",),
        config=RecordConfig(addresses={"bybit_spot": address}, flush_ms=10),
        engine=EngineSettings(),
        clock=Clock.starting_at(START_NS, 1.0),
        progress_s=0.02,
    )
    write = RunFiles.write

    def write_and_tell(self: RunFiles, hour: int, block: bytes, records: int) -> None:
        write(self, hour, block, records)
        tell(f"acknowledged {self.written_records}")

    RunFiles.write = write_and_tell  # type: ignore[method-assign]
    try:
        summary = run_recorder(request, tell)
    except OSError as error:
        tell(str(error))
        sys.exit(1)
    tell(str(summary.to_json()))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
