"""The key by which processes know a control request as one of this data folder's owner: `data/run/control.key`.

Whoever can write to Redis need not be whoever may halt or resume a trader: a Redis of your own may serve others, and
listens on TCP. So a request over Redis is signed, and the key lies where the control socket lies, readable by the owner
alone. It is made by whoever needs it first, and read anew each time: one that was replaced counts at once.
"""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from streaming.errors import RefusedError

NAME: Final = "control.key"
KEY_BYTES: Final = 32
_SIGNS: Final = 2 * KEY_BYTES
_NEW_KEY: Final = "remove it and a new one is made; running dashboards must then be started again"


def control_key(run_dir: Path) -> bytes:
    """Return the key of a run folder, made where there is none; 32 bytes.

    RefusedError, without a word of the key, where the file is a link, another's, readable by others, no key, or where
    none can be made.
    """
    return own_key(run_dir / NAME)


def own_key(path: Path) -> bytes:
    """Return the 32 bytes in a file of this user's own, made where there is none; RefusedError as `control_key`."""
    try:
        if not os.path.lexists(path):
            _make(path)
        return _read(path)
    except OSError as error:
        raise RefusedError(f"{path}: no key can be kept there: {error.strerror or error}") from error


def _make(path: Path) -> None:
    """Write a key beside its place and link it in: of two that make one at once, the first stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_hex(KEY_BYTES)}\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    """Return the key in a file that nobody else may read or write."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
            raise RefusedError(f"{path}: expected a file of this user's own, found another's; {_NEW_KEY}")
        if found.st_mode & 0o077:
            mode = stat.S_IMODE(found.st_mode)
            raise RefusedError(f"{path}: expected mode 600, found {mode:o}: others may have read it; {_NEW_KEY}")
        text = file.read(_SIGNS + 2).strip()
    try:
        key = bytes.fromhex(text.decode("ascii")) if len(text) == _SIGNS else b""
    except ValueError:  # its words are not repeated: they may be part of a key
        key = b""
    if len(key) != KEY_BYTES:
        raise RefusedError(f"{path}: expected {_SIGNS} hexadecimal digits; {_NEW_KEY}")
    return key
