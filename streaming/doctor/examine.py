"""The doctor's round: every check in turn; a check that breaks is itself a finding, and the others go on."""

from collections.abc import Callable, Iterable, Iterator

from streaming.doctor.data import check_disk, check_lake, check_locks, check_model, check_redis
from streaming.doctor.findings import Finding, fail, warn
from streaming.doctor.machine import check_clock, check_gpu, check_open_files, check_ports
from streaming.doctor.metrics import check_metrics
from streaming.doctor.project import check_core, check_packages, check_python, check_settings
from streaming.emulator.ports import PORTS
from streaming.settings import PROJECT_ROOT, Settings, load_settings

DAGSTER_PORT = 3000
"""Where `make dagster` listens."""


def examine() -> Iterator[Finding]:
    """Yield findings as they are made; takes about a second and changes nothing."""
    yield from _guarded("python", check_python)
    yield from _guarded("packages", lambda: check_packages(PROJECT_ROOT))
    yield from _guarded("core", lambda: check_core(PROJECT_ROOT))
    finding, settings = check_settings(load_settings)
    yield finding
    if settings is None:
        yield warn("data", "disk, lake, Redis and model not looked at: their settings are not known", "settings first")
    else:
        yield from _examine_data(settings)
    ports = {"emulator": sorted(PORTS.values()), "Dagster": [DAGSTER_PORT]}
    yield from _guarded("ports", lambda: check_ports(ports))
    yield from _guarded("gpu", check_gpu)
    yield from _guarded("clock", check_clock)
    yield from _guarded("open files", check_open_files)


def _examine_data(settings: Settings) -> Iterator[Finding]:
    run_dir = settings.warehouse.run_dir
    yield from _guarded("disk", lambda: check_disk(settings.data_dir))
    yield from _guarded("lake", lambda: check_lake(settings))
    yield from _guarded("locks", lambda: check_locks(run_dir))
    yield from _guarded("redis", lambda: check_redis(settings.streaming.redis, run_dir))
    yield from _guarded("metrics", lambda: check_metrics(settings.streaming.metrics))
    yield from _guarded("model", lambda: check_model(settings))


def _guarded(name: str, check: Callable[[], Finding | Iterable[Finding]]) -> Iterator[Finding]:
    try:
        found = check()
    except Exception as error:  # a doctor does not die of a symptom, whatever it is
        text = " ".join(str(error).split())
        yield fail(name, f"cannot be looked at: {type(error).__name__}: {text}", "make setup; if it stays, report it")
        return
    yield from [found] if isinstance(found, Finding) else found
