"""A paper trader as a process of its own, for tests that kill it: the argument is the settings file."""

import os
import sys
from pathlib import Path

from paper_house import House, eager

from streaming.shell.trader import run_paper


def tell(line: str) -> None:
    """Print a line in one piece: two threads do."""
    os.write(1, f"{line}\n".encode())


def main(settings_file: str) -> None:
    file = Path(settings_file)
    house = House(file, file.parent / "emulator.json")
    summary = run_paper(house.request(eager()), tell)
    assert summary is not None
    tell(f"sealed {summary.journal}")


if __name__ == "__main__":
    main(sys.argv[1])
