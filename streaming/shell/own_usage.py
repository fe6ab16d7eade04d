"""What this process takes of its machine, as the kernel counts it."""

import resource
import shutil
import threading
from pathlib import Path

from native.config import JsonObject

KIB = 1_024
"""Linux counts the resident set in these."""


def own_usage(folder: Path) -> JsonObject:
    """Return processor time, memory at its highest, threads, and room where `folder` is or will be."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    place = next(found for found in (folder, *folder.parents) if found.exists())
    return {
        "cpu_s": used.ru_utime + used.ru_stime,
        "rss_bytes": used.ru_maxrss * KIB,
        "threads": threading.active_count(),
        "disk_free_bytes": shutil.disk_usage(place).free,
    }
