"""A paper trader with its watchdog, as a process for tests that stop it: the argument is the settings file."""

import sys
from dataclasses import replace
from pathlib import Path

from paper_house import House, eager
from paper_process import tell

from streaming.shell.trader import run_paper


def main(settings_file: str) -> None:
    file = Path(settings_file)
    house = House(file, file.parent / "emulator.json")
    summary = run_paper(replace(house.request(eager()), watchdog=house.settings.streaming.watchdog), tell)
    assert summary is not None
    tell(f"sealed {summary.journal}")


if __name__ == "__main__":
    main(sys.argv[1])
