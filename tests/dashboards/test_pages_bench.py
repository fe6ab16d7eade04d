"""What an open page costs the dashboard, and how often it is brought up to date; printed, never asserted.

A page on which nothing changes is sent nothing, so its rate is lower: views of the trader come five times a second, a
status once.
"""

import time

import psutil
import pytest
from bench_table import Row, show
from browser import OpenPage, ticks_of, until_ticks
from dashboard_house import DashboardHouse

from dashboards.pages_table import PAGES

SPAN_MS = 15_000


def used_s(process: psutil.Process) -> float:
    """Return the processor seconds that a process has used."""
    found = process.cpu_times()
    return float(found.user + found.system)


@pytest.mark.bench
def test_rate_and_processor_share_of_every_page(house: DashboardHouse, open_page: OpenPage) -> None:
    process = house.process("dashboard")
    rows: list[Row] = []
    for module in PAGES:
        page = open_page(house, module.PATH)
        until_ticks(page, 10)
        begun_s, begun_used_s, begun = time.monotonic(), used_s(process), ticks_of(page)
        page.wait_for_timeout(SPAN_MS)
        span_s = time.monotonic() - begun_s
        rows.append(
            {
                "page": module.TITLE,
                "updates a second": round((ticks_of(page) - begun) / span_s, 2),
                "share of a core, %": round((used_s(process) - begun_used_s) / span_s * 100, 1),
            }
        )
        page.context.close()
    show("pages", "one open page of the dashboard, beside a trader and an emulator", rows)
