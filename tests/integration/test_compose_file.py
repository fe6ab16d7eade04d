"""compose.yaml and Dockerfile, as far as they can be judged without starting anything."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from compose_file import FILE, ROOT, VARIABLE, in_order, read_compose

from orchestration.settings import load_settings

LIVE_FILE = ROOT / "compose.live.yaml"
OWN_IMAGE = "lob-platform"
WANTED = {
    *("redis", "influxdb", "postgres", "grafana", "dagster-webserver", "dagster-daemon", "mlflow"),
    *("recorder", "trader", "dashboard", "alerts"),
}
PINNED = re.compile(r"^[a-z/-]+:\d+\.\d+\.\d+[a-z-]*$|^postgres:\d+\.\d+-[a-z]+$")
SECRETS = {"REDIS_PASSWORD": "secret-of-redis", "POSTGRES_PASSWORD": "secret-of-postgres"}


def check_schema(file: Path) -> "subprocess.CompletedProcess[str]":
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", file]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_file_keeps_to_the_compose_specification(tmp_path: Path):
    document = read_compose()
    document["services"]["redis"]["comand"] = ["redis-server"]
    (tmp_path / "misspelt.yaml").write_text(yaml.safe_dump(document))

    assert check_schema(FILE).returncode == 0
    assert "comand" in check_schema(tmp_path / "misspelt.yaml").stdout


def test_every_service_that_the_house_needs_is_there_and_can_begin():
    services = read_compose()["services"]

    assert set(services) == WANTED
    assert len(in_order(services)) == len(WANTED)
    for name, service in services.items():
        assert all(
            service["depends_on"][other] == {"condition": "service_healthy"} for other in service.get("depends_on", ())
        )
        assert service["restart"] == "unless-stopped", name


@pytest.mark.parametrize("name", sorted(WANTED))
def test_each_service_is_pinned_watched_and_may_do_little(name: str):
    service = read_compose()["services"][name]

    assert PINNED.match(service["image"]), service["image"]
    assert service["user"].split(":")[0] not in ("", "0", "root")
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert "privileged" not in service and "network_mode" not in service
    assert {"test", "interval", "timeout", "start_period"} <= set(service["healthcheck"])


def test_nothing_is_published_beyond_this_machine_and_servers_of_data_are_not_published_at_all():
    document = read_compose({**SECRETS})
    published = {name: service["ports"] for name, service in document["services"].items() if "ports" in service}

    assert set(published) == {"grafana", "dagster-webserver", "mlflow", "dashboard"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert document["networks"]["inside"] == {"internal": True}
    assert all(document["services"][name]["networks"] == ["inside"] for name in ("redis", "influxdb", "postgres"))


def test_no_password_has_a_default_and_none_stands_in_the_file():
    text = FILE.read_text()
    asked = {found["name"]: found["how"] for found in VARIABLE.finditer(text) if found["how"]}
    passwords = {name for name in (found["name"] for found in VARIABLE.finditer(text)) if "PASSWORD" in name}

    assert passwords == set(SECRETS)
    assert all(asked[name] == ":?" for name in passwords)
    with pytest.raises(AssertionError, match="REDIS_PASSWORD"):
        read_compose({})
    assert all(".env" in (ROOT / name).read_text().split() for name in (".gitignore", ".dockerignore"))


def test_what_is_mounted_from_the_project_stands_there():
    services = read_compose()["services"]
    mounted = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", ())}
    folders = {name for name in mounted if name.startswith("./")}

    assert folders and all((ROOT / name).exists() for name in folders), folders
    assert mounted - folders == set(read_compose()["volumes"])


def test_the_services_settings_are_known_ones_and_never_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOB_SETTINGS", str(ROOT / "settings.toml"))
    services = read_compose(SECRETS)["services"].values()
    ours = [service["environment"] for service in services if service["image"].startswith(OWN_IMAGE)]

    for environment in ours:
        with monkeypatch.context() as patch:
            for key in set(environment) - {"LOB_SETTINGS"}:
                patch.setenv(key, environment[key])
            settings = load_settings()
        assert settings.streaming.redis.shown == "redis://redis:6379/0"
        assert settings.streaming.metrics.shown == "http://influxdb:8086"
        assert settings.orchestration.storage_url.get_secret_value().startswith("postgresql://dagster:secret")
        assert not any(secret in repr(settings) for secret in SECRETS.values())


def test_the_image_is_built_from_what_is_there_and_runs_as_the_user_of_compose():
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    words = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    bases = {line[1] for line in words if line[0] == "FROM"}
    (user,) = (line[1] for line in words if line[0] == "USER")
    sources = {name for line in words if line[0] == "COPY" and "--from=build" not in line for name in line[1:-1]}

    assert len(bases) == 1 and all(PINNED.match(base) for base in bases)
    assert {s["user"] for s in read_compose()["services"].values() if s["image"].startswith(OWN_IMAGE)} == {user}
    assert all((ROOT / name).exists() for name in sources)
    assert not {"settings.toml", "workspace.yaml", "dbt", "pyproject.toml"} & set(
        (ROOT / ".dockerignore").read_text().split()
    )


def test_the_document_names_the_services_and_their_ports():
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    chapter = text[text.index("## In containers") :]
    services = read_compose(SECRETS)["services"]
    ports = {port.split(":")[1] for service in services.values() for port in service.get("ports", ())}
    variables = {found["name"] for found in VARIABLE.finditer(FILE.read_text())}

    assert set(re.findall(r"docker compose (?:exec|logs --follow|stop) ([a-z-]+)", chapter)) <= set(services)
    assert set(re.findall(r"http://127\.0\.0\.1:(\d+)", chapter)) == ports
    assert all(name in chapter for name in services)
    assert all(name in chapter for name in variables)


# --- compose.live.yaml, which is put over it ---


def test_live_trading_is_asked_for_by_a_second_file_with_keys_as_a_mounted_file(tmp_path: Path):
    text = LIVE_FILE.read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    (service,) = document["services"].values()
    guide = (ROOT / "docs" / "live.md").read_text(encoding="utf-8")
    ignored = {"keys.toml", "*.pem", "emulator.json"}

    assert check_schema(LIVE_FILE).returncode == 0
    assert set(document["services"]) == {"trader"} and "environment" not in service
    assert (service["restart"], service["secrets"]) == ("no", ["venue_keys"])
    assert "live" not in str(read_compose()["services"]["trader"]["command"])
    assert all(found["name"] in guide for found in VARIABLE.finditer(text))
    assert {found["name"] for found in VARIABLE.finditer(text) if found["how"] == ":?"} == {
        "TRADER_MODE",
        "VENUE_KEYS_FILE",
    }
    assert all(ignored <= set((ROOT / name).read_text().split()) for name in (".gitignore", ".dockerignore"))


@pytest.mark.parametrize(("end", "code"), [(signal.SIGTERM, 7), (signal.SIGKILL, 128 + signal.SIGKILL)])
def test_the_live_container_lasts_until_its_watchdog_has_seen_to_what_is_left(tmp_path: Path, end: int, code: int):
    lock, pids, seen = tmp_path / "data" / "run" / "watchdog.lock", tmp_path / "pids", tmp_path / "seen_to"
    lock.parent.mkdir(parents=True)
    program = tmp_path / "trader"  # starts what holds the watchdog's lock, as a trader does, and waits for its end
    program.write_text(
        "#!/bin/sh\n"
        f'setsid flock {lock} sh -c "echo up > {pids}.up; while kill -0 $$ 2> /dev/null; do sleep 0.02; done; '
        f'sleep 0.3; echo done > {seen}" &\n'
        f"until [ -e {pids}.up ]; do sleep 0.02; done\n"
        f"trap 'exit 7' TERM\necho $$ > {pids}\nwhile :; do sleep 0.02; done\n"
    )
    program.chmod(0o700)
    command = yaml.safe_load(LIVE_FILE.read_text())["services"]["trader"]["command"]
    words = [VARIABLE.sub("live", word).replace("$$", "$") for word in command]
    path = f"{tmp_path}:/usr/bin:/bin"
    container = subprocess.Popen(words, cwd=tmp_path, env={"PATH": path}, stdin=subprocess.DEVNULL)
    deadline_s = time.monotonic() + 20.0
    while not (pids.exists() and pids.read_text().strip()):
        assert time.monotonic() < deadline_s and container.poll() is None
        time.sleep(0.02)

    if end == signal.SIGTERM:  # compose tells the container's first process
        container.send_signal(end)
    else:
        os.kill(int(pids.read_text()), end)

    assert container.wait(20.0) == code
    assert seen.exists(), "the container ended before its watchdog"
