"""Is the data folder in order: disk, interrupted files, locks, Redis, the champion."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import orjson

from native.config import JsonObject
from streaming.bus import STREAM_LENGTHS
from streaming.bus_config import RedisSettings
from streaming.cli.children import environment
from streaming.doctor.findings import Finding, fail, ok, warn
from streaming.doctor.machine import PROC, process_text
from streaming.errors import TraderError
from streaming.live_segments import PART_SUFFIX
from streaming.redis_server import EmbeddedRedis, RedisServerError, answers, socket_path
from streaming.settings import Settings
from streaming.shell.bus_client import problem_text
from streaming.shell.bus_connection import BUS_FAILURES, BusConnection

FREE_MIN = 500 << 20
FREE_WISHED = 5 << 30
CHILD_S = 20.0
NS_PER_S = 1_000_000_000
NS_PER_HOUR = 3_600 * NS_PER_S


def check_disk(data_dir: Path) -> Finding:
    """Write into the data folder, or where it would be made, and see how much room there is."""
    place = next(folder for folder in (data_dir, *data_dir.parents) if folder.exists())
    elsewhere = "name another folder by warehouse.data_dir"
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        return fail("disk", f"{place}: {error.strerror or error}", f"make it writable, or {elsewhere}")
    free = shutil.disk_usage(place).free
    found = f"{data_dir}{'' if place == data_dir else ' (not made yet)'}, {free / 1e9:.1f} GB free"
    if free < FREE_MIN:
        return fail("disk", f"{found}, expected {FREE_MIN / 1e9:.1f} or more", f"free some space, or {elsewhere}")
    if free < FREE_WISHED:
        return warn("disk", f"{found}, {FREE_WISHED / 1e9:.1f} are wished", f"free some space, or {elsewhere}")
    return ok("disk", found)


def check_lake(settings: Settings) -> list[Finding]:
    """Find files that a recorder or a trader began and did not end."""
    run_dir = settings.warehouse.run_dir
    raw = settings.lake_root / "raw"
    live = sorted(raw.glob(f"venue=*/date=*/hour=*/*{PART_SUFFIX}"))
    segments = len(list(raw.glob("venue=*/date=*/hour=*/*.seg.zst")))
    journals = sorted(settings.warehouse.journal_dir.glob(f"*{PART_SUFFIX}"))
    return [
        _live_files(
            "lake",
            f"{segments} raw segments",
            live,
            run_dir / "record.lock",
            "trader record: it cuts torn tails and seals them at its start",
        ),
        _live_files(
            "journal",
            str(settings.warehouse.journal_dir),
            journals,
            run_dir / "trader.lock",
            "trader start --mode paper resumes the session; --new-session seals it as it is",
        ),
    ]


def _live_files(name: str, found: str, live: list[Path], lock: Path, fix: str) -> Finding:
    if not live:
        return ok(name, f"{found}, nothing interrupted")
    holder = lock_holder(lock)
    if holder is not None:
        return ok(name, f"{found}, {len(live)} files being written by process {holder}")
    return warn(
        name, f"{found}, {len(live)} files of a process that died: {live[0].name}{', …' if live[1:] else ''}", fix
    )


def check_locks(run_dir: Path) -> Finding:
    """Say which of our processes run on this data folder."""
    holders = {path.stem: lock_holder(path) for path in sorted(run_dir.glob("*.lock"))}
    running = {name: pid for name, pid in holders.items() if pid is not None}
    stopped = [pid for pid in running.values() if is_stopped(pid)]
    text = "; ".join(f"{name}: {process_text(pid)}" for name, pid in running.items())
    if stopped:
        fix = f"kill -CONT {stopped[0]} to let it go on, or kill -9 {stopped[0]}"
        return warn("locks", f"{text}; process {stopped[0]} is suspended", fix)
    return ok("locks", text or "none held: no recorder or trader runs here")


def lock_holder(path: Path) -> int | None:
    """Return the process that holds a lock file, None when nobody does. Takes nothing itself: see proc(5), locks."""
    try:
        status = path.stat()
        lines = (PROC / "locks").read_text().splitlines()
    except OSError:
        return None
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for words in map(str.split, lines):
        if words[1] == "FLOCK" and words[5] == wanted:  # a waiting one has "->" before it
            return int(words[4])
    return None


def is_stopped(pid: int) -> bool:
    """Return whether a process is suspended (Ctrl-Z, SIGSTOP)."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def check_redis(config: RedisSettings, run_dir: Path) -> Finding:
    """Reach the user's Redis, or start the embedded one in a folder for the try."""
    if config.is_off:
        return ok("redis", "off by streaming.redis.url; control over the sockets in data/run")
    if not config.is_embedded:
        return _check_reachable(config)
    socket = socket_path(run_dir)
    try:
        if socket.exists() and answers(socket):
            return ok("redis", f"embedded, running at {socket}")
        begin_s = time.monotonic()
        with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder)):
            pass
    except RedisServerError as error:
        return fail("redis", f"embedded: {error.problem}", error.fix)
    return ok("redis", f"embedded, not running; started for a try in {(time.monotonic() - begin_s) * 1_000:.0f} ms")


def _check_reachable(config: RedisSettings) -> Finding:
    """Read every stream: a port that accepts us may be no Redis, or one that lets us do nothing."""
    try:
        connection = BusConnection(config, Path())
        try:
            for stream in STREAM_LENGTHS:
                connection.last_id(stream)
        finally:
            connection.close()
    except BUS_FAILURES as error:
        fix = 'start it, correct streaming.redis.url, or set that to "" (embedded) or "off"'
        return fail("redis", problem_text(config, error), fix)
    return ok("redis", f"{config.shown} answers")


def check_model(settings: Settings) -> Finding:
    """Let `python -m ml` verify the champion's bytes, and compare its features with this core and grid."""
    models_dir = settings.warehouse.models_dir
    grid = settings.grid_named(settings.streaming.grid)
    if not (models_dir / "champion.json").exists():
        return warn(
            "model", "no champion yet: a trader trades nothing", "trader demo, or train and trader models promote"
        )
    back = "trader models list, then trader models rollback --reason TEXT"
    try:
        manifest = _champion(models_dir)
    except TraderError as error:
        return fail("model", str(error), back)
    from ml.runtime import feature_schema_hash

    schema = feature_schema_hash(grid.instruments, grid.step_ns)
    name, made_for = f"champion {str(manifest['hash'])[:12]}", str(manifest["feature_schema"])
    if made_for != schema:
        return fail("model", f"{name} is made for features {made_for[:12]}, core and grid have {schema[:12]}", back)
    slots = tuple(str(slot["instrument"]) for slot in manifest["slots"])  # type: ignore[union-attr, index, call-overload]
    if any(slot and slot != wanted for slot, wanted in zip(slots, grid.instruments, strict=True)):
        return fail("model", f"{name} is made for {', '.join(slots)}, grid {grid.name} has others", back)
    return _age_finding(name, int(str(manifest["expires_ns"])), time.time_ns())


def _age_finding(name: str, expires_ns: int, now_ns: int) -> Finding:
    until = datetime.fromtimestamp(expires_ns // NS_PER_S, tz=UTC).strftime("%Y-%m-%d %H:%M")
    if now_ns > expires_ns:
        found = f"{name} fits the grid, expired {(now_ns - expires_ns) / NS_PER_HOUR:.0f} h ago"
        return warn(
            "model", found, "train on newer data: python -m orchestration learn (a market of the past may use it)"
        )
    return ok("model", f"{name} whole, fits the grid, good until {until} UTC")


def _champion(models_dir: Path) -> JsonObject:
    words = ["models", "show", "champion", "--models", str(models_dir), "--json"]
    command = [sys.executable, "-m", "ml", *words]
    try:
        done = subprocess.run(command, env=environment(), capture_output=True, timeout=CHILD_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise TraderError(f"python -m ml did not answer within {CHILD_S:g} s") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise TraderError(lines[-1].removeprefix("error: ") if lines else f"python -m ml: exit code {done.returncode}")
    answer = orjson.loads(done.stdout)
    return {**answer["manifest"], "hash": answer["hash"]}
