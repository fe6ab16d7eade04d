"""`trader record` as a process of its own, for tests that kill it: arguments are the lake, the run folder, the port."""

import os
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


def main(lake: str, run_dir: str, port: int) -> None:
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
    summary = run_recorder(request, tell)
    tell(str(summary.to_json()))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
