"""Every service of compose.yaml but Grafana, run by its own command and wired as the file wires them."""

import http.cookiejar
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
import redis
from compose_native import NativeHouse, running_house
from paper_house import emulator

REDIS_PASSWORD, POSTGRES_PASSWORD = "word-of-redis", "word-of-postgres"
WAIT_S = 60.0


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NativeHouse]:
    folder = tmp_path_factory.mktemp("compose")
    addresses = folder / "emulator.json"
    variables = {
        "REDIS_PASSWORD": REDIS_PASSWORD,
        "POSTGRES_PASSWORD": POSTGRES_PASSWORD,
        "RECORDER_WORDS": f"--emulator {addresses}",
        "TRADER_WORDS": f"--emulator {addresses} --no-model --no-watchdog",  # a machine this busy may hang for seconds
    }
    with emulator(addresses, speed=1.0), running_house(folder, variables) as house:
        yield house


def until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


def get(house: NativeHouse, service: str, path: str, body: bytes | None = None) -> bytes:
    address = f"http://127.0.0.1:{house.port(service)}{path}"
    request = urllib.request.Request(address, data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: bytes = answer.read()
    return found


def test_processes_speak_over_a_redis_that_wants_its_password(house: NativeHouse):
    bus = redis.Redis(port=house.port("redis"), password=REDIS_PASSWORD)

    def speakers() -> set[str]:
        return {json.loads(next(iter(fields.values())))["process"] for _, fields in bus.xrevrange("lob:telemetry")}

    until(lambda: {"trader", "recorder"} <= speakers())
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=house.port("redis")).ping()


def test_trader_and_recorder_write_their_series_into_influxdb(house: NativeHouse):
    query = urllib.parse.urlencode({"db": "lob", "q": "show tag values with key = process"})

    def writers() -> set[str]:
        found = json.loads(get(house, "influxdb", f"/query?{query}"))["results"][0].get("series", ())
        return {value for series in found for _, value in series["values"]}

    until(lambda: {"trader", "recorder"} <= writers())


def test_dagster_keeps_its_runs_in_postgres_and_no_password_on_disk(house: NativeHouse):
    asked = json.dumps({"query": "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"})
    found = json.loads(get(house, "dagster-webserver", "/graphql", asked.encode()))
    with psycopg2.connect(
        host="127.0.0.1",
        port=house.port("postgres"),
        user="dagster",
        password=POSTGRES_PASSWORD,
        dbname="dagster",
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("select count(*) from daemon_heartbeats")
        beats = cursor.fetchone()
    connection.close()

    assert found["data"]["repositoriesOrError"]["nodes"]
    assert beats is not None and beats[0] > 0
    assert not list((house.data_dir / "dagster").rglob("*.db"))
    written = [path for path in house.data_dir.rglob("*") if path.is_file() and path.stat().st_size < 1 << 20]
    assert not [path for path in written if POSTGRES_PASSWORD.encode() in path.read_bytes()]


def test_mlflow_shows_the_experiments_of_the_shared_data_folder(house: NativeHouse):
    found = json.loads(get(house, "mlflow", "/ajax-api/2.0/mlflow/experiments/search", b'{"max_results": 10}'))

    assert "experiments" in found
    assert (house.data_dir / "mlflow" / "mlflow.db").is_file()


def test_the_dashboard_asks_for_its_token_and_shows_the_mode(house: NativeHouse):
    address = f"http://127.0.0.1:{house.port('dashboard')}"
    token = (house.data_dir / "run" / "dashboard.token").read_text().strip()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    with pytest.raises(urllib.error.HTTPError, match="401"):
        opener.open(f"{address}/", timeout=10)
    form = urllib.parse.urlencode({"token": token}).encode()
    opener.open(urllib.request.Request(f"{address}/login", data=form, headers={"Origin": address}), timeout=10)
    page = opener.open(f"{address}/", timeout=10).read().decode()

    assert "Overview" in page


def test_every_service_ends_well_when_it_is_told_to(house: NativeHouse):
    codes = house.stop_all()

    assert codes == dict.fromkeys(codes, 0), {name: house.log(name)[-1_000:] for name, code in codes.items() if code}
    assert set(codes) == set(house.services)
    sealed = [path for path in Path(house.data_dir / "journal").iterdir() if not path.name.endswith(".part")]
    assert sealed, "the trader's session was not sealed"
