"""Writing and naming files so that nothing half-written looks whole."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

JsonObject = dict[str, JsonValue]


def sha256_of_bytes(data: bytes) -> str:
    """Return the hex digest of `data`."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the hex digest of a file's bytes; OSError as `open` raises it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(document: Mapping[str, JsonValue]) -> bytes:
    """Return the one byte form of a document: sorted keys, no spaces but line breaks for people."""
    return (json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def write_array(path: Path, array: NDArray[np.generic]) -> str:
    """Write an array as .npy (no pickle) and return the sha256 of the file."""
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    return sha256_of_file(path)
