"""Is the machine fit: ports, clock, GPU, descriptors."""

import ctypes
import errno
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from streaming.doctor.findings import Finding, fail, ok, warn

HOST = "127.0.0.1"
PROC = Path("/proc")
OPEN_FILES_MIN = 1_024
GPU_S = 2.0
GPU_QUERY = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
TIME_ERROR = 5
"""State of adjtimex(2): the clock is not synchronised."""
STA_NANO = 0x2000
COMMAND_SIGNS_MAX = 60


def check_ports(ports: Mapping[str, Sequence[int]]) -> Finding:
    """See whether the ports that the commands take by default are free, and who has them if not."""
    wanted = [(name, port) for name, numbers in ports.items() for port in numbers]
    taken = [(name, port) for name, port in wanted if not is_free(port)]
    if not taken:
        shown = ", ".join(f"{name} {' '.join(map(str, numbers))}" for name, numbers in ports.items())
        return ok("ports", f"{shown}: all free")
    holders = {port: listener_of(port) for _, port in taken}
    texts = [f"{name}'s {port} by {_holder_text(holders[port])}" for name, port in taken]
    pids = " ".join(str(pid) for pid in sorted({pid for pid in holders.values() if pid is not None}))
    kill = f"kill {pids}" if pids else "end who listens there"
    fix = f"none if that is meant; else {kill}, or name other ports (trader emulate --port N)"
    return warn("ports", f"taken: {'; '.join(texts)}", fix)


def _holder_text(pid: int | None) -> str:
    return "a process that we may not see" if pid is None else process_text(pid)


def is_free(port: int) -> bool:
    """Return whether a server could listen on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def listener_of(port: int) -> int | None:
    """Return the process that listens on a port, None when it cannot be seen."""
    wanted = {f"socket:[{inode}]" for inode in listening_inodes(port)}
    for folder in PROC.glob("[0-9]*/fd"):
        with suppress(OSError):  # another user's, or gone
            if any(str(link.readlink()) in wanted for link in folder.iterdir()):
                return int(folder.parent.name)
    return None


def listening_inodes(port: int) -> Iterator[str]:
    """Yield the inodes of sockets that listen on a port; see proc(5), /proc/net/tcp."""
    for table in ("tcp", "tcp6"):
        with suppress(FileNotFoundError):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port:
                    yield words[9]


def process_text(pid: int) -> str:
    """Return `process 12 (command)`."""
    try:
        command = (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return f"process {pid}"
    short = command if len(command) <= COMMAND_SIGNS_MAX else f"{command[:COMMAND_SIGNS_MAX]}…"
    return f"process {pid} ({short})"


class _Timex(ctypes.Structure):
    """`struct timex` of adjtimex(2), as long as the kernel's."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("rest", ctypes.c_long * 32),
    ]


def check_clock() -> Finding:
    """See whether anybody keeps the machine's clock: lags are differences between it and the venues'."""
    before_ns = time.monotonic_ns()
    if time.monotonic_ns() < before_ns or not time.get_clock_info("monotonic").monotonic:
        return fail(
            "clock", "the monotonic clock goes back", "use another machine or kernel: nothing can be timed here"
        )
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    found = _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(found))
    except AttributeError:
        state = -1
    return clock_finding(now, state, found.offset, found.esterror, found.status)


def clock_finding(now: str, state: int, offset: int, esterror_us: int, status: int) -> Finding:
    """Judge what adjtimex says; `state` -1 where it says nothing."""
    fix = "start chrony or systemd-timesyncd (timedatectl set-ntp true), or see that the host keeps it"
    if state == -1:
        return warn("clock", f"{now}; the kernel does not say whether it is synchronised, offset unknown", fix)
    if state == TIME_ERROR:
        return warn("clock", f"{now}; nobody synchronises it, offset unknown", fix)
    offset_us = offset / 1_000 if status & STA_NANO else offset
    return ok(
        "clock", f"{now}, synchronised, offset {offset_us / 1_000:+.3f} ms, error about {esterror_us / 1_000:.3f} ms"
    )


def check_gpu() -> Finding:
    """Say which GPU there is. None is no problem: the trader forecasts on the CPU, and training can."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return ok("gpu", "none (no nvidia-smi); training and trading use the CPU")
    fix = "nothing to use the CPU; else mend the driver until nvidia-smi answers"
    try:
        done = subprocess.run([command, *GPU_QUERY], capture_output=True, text=True, timeout=GPU_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return warn("gpu", f"nvidia-smi: {type(error).__name__}", fix)
    lines = (done.stdout if done.returncode == 0 else done.stdout + done.stderr).strip().splitlines()
    if done.returncode or not lines:
        return warn("gpu", f"nvidia-smi: {lines[-1] if lines else f'exit code {done.returncode}'}", fix)
    return ok("gpu", "; ".join(lines))


def check_open_files() -> Finding:
    """Compare the limit on open files with what recorder, trader and Dagster need together."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = f"{'no limit' if soft == resource.RLIM_INFINITY else soft} for one process"
    if soft == resource.RLIM_INFINITY or soft >= OPEN_FILES_MIN:
        return ok("open files", found)
    way = (
        f"ulimit -n {OPEN_FILES_MIN}"
        if hard == resource.RLIM_INFINITY or hard >= OPEN_FILES_MIN
        else "raise nofile in /etc/security/limits.conf"
    )
    return warn("open files", f"{found}, expected {OPEN_FILES_MIN} or more", way)
