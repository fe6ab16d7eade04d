"""Names of unix sockets: the kernel takes 107 bytes, and folders of data may lie deeper."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATH_BYTES_MAX = 100
"""Longer places are reached through their folder's descriptor."""


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """Yield a name of `path` that the kernel takes as a socket's; it is good inside the block only.

    FileNotFoundError when the folder of a long path is not there.
    """
    text = str(path)
    if len(os.fsencode(text)) <= PATH_BYTES_MAX:
        yield text
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
