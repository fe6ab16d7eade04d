"""A live trader as a process of its own, for tests that kill it: the argument is the settings file."""

import sys
from pathlib import Path

from live_house import LiveHouse
from paper_house import eager
from paper_process import tell

from streaming.shell.trader import run_paper


def main(settings_file: str) -> None:
    file = Path(settings_file)
    house = LiveHouse(file, file.parent / "emulator.json")
    summary = run_paper(house.request(eager(period=2)), tell)
    assert summary is not None
    tell(f"sealed {summary.journal}")
    sys.exit(summary.exit_code)


if __name__ == "__main__":
    main(sys.argv[1])
