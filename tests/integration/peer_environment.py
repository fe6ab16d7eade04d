"""The environment in which another backtester runs: made once, by the versions in peers.txt, kept in build/peers."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("peers.txt")
FOLDER = Path(__file__).resolve().parents[2] / "build" / "peers"


def peer_python() -> Path:
    """Return the interpreter that has the peers, installing them where they are missing."""
    place = FOLDER / hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]
    python, whole = place / "bin" / "python", place / "installed"
    if not whole.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=True)
        whole.touch()
    return python


def run_peer(script: Path, folder: Path) -> None:
    """Run a peer's script on the cores that we may use; CalledProcessError when it fails, its words on stderr."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run([str(peer_python()), str(script), str(folder)], check=True, env=environment, timeout=900)
