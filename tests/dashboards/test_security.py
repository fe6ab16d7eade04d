"""A dashboard that runs, attacked: without the token, with a wrong one, from other origins, under other names."""

import http.client
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest
from browser import Chrome
from dashboard_house import DashboardHouse
from redis import Redis
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from dashboards.pages_table import PAGES
from streaming.bus import CONTROL

SOCKET_PATH = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
POLL_PATH = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"
WAIT_S = 20.0


class Asker:
    """Asks the dashboard as its words say, and shows what came back."""

    def __init__(self, house: DashboardHouse) -> None:
        self.place = urlsplit(house.url)
        assert self.place.hostname is not None and self.place.port is not None
        self.origin = house.url
        self.cookie = self.get("/login", method="POST", body=f"token={house.token}", origin=house.url)[2]
        assert "lob_dashboard" in self.cookie
        self.cookie = self.cookie.partition(";")[0]

    def get(
        self, path: str, *, method: str = "GET", body: str = "", host: str = "", origin: str = "", cookie: str = ""
    ) -> tuple[int, bytes, str]:
        """Return status, body and the cookie that was set."""
        connection = http.client.HTTPConnection(str(self.place.hostname), self.place.port, timeout=WAIT_S)
        connection.putrequest(method, path, skip_host=True)
        words = {"Host": host or self.place.netloc, "Origin": origin, "Cookie": cookie}
        for name, value in words.items():
            if value:
                connection.putheader(name, value)
        if body:
            connection.putheader("Content-Type", "application/x-www-form-urlencoded")
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body.encode() if body else None)
        answer = connection.getresponse()
        found = answer.status, answer.read(), answer.getheader("set-cookie", "")
        connection.close()
        return found

    def socket_opens(self, *, host: str = "", origin: str = "", cookie: str = "") -> bool:
        """Tell whether the websocket of the pages lets this asker in."""
        raw = socket.create_connection((str(self.place.hostname), int(self.place.port or 0)), WAIT_S)
        headers = {"Cookie": cookie} if cookie else {}
        try:
            with connect(
                f"ws://{host or self.place.netloc}{SOCKET_PATH}",
                sock=raw,
                origin=origin or None,  # type: ignore[arg-type]  # a type of its own for plain text
                additional_headers=headers,
                open_timeout=WAIT_S,
            ):
                return True
        except InvalidStatus as error:
            assert error.response.status_code == 403
            return False


@pytest.fixture(scope="module")
def asker(house: DashboardHouse) -> Asker:
    return Asker(house)


@pytest.fixture(scope="module")
def paths(asker: Asker) -> list[str]:
    """Every page, every file that the first page names, and what is below the sockets and reports."""
    _, body, _ = asker.get("/", cookie=asker.cookie)
    files = re.findall(r'(?:src|href)="(/[^"/][^"]*)"', body.decode())
    found = [page.PATH for page in PAGES] + files + [POLL_PATH, "/reports/", "/no-such-page"]
    assert any(path.startswith("/_nicegui/") for path in files) and "/static/lob.js" in files
    return sorted(set(found))


def test_with_the_cookie_pages_and_files_answer_and_the_socket_opens(asker: Asker, paths: list[str]) -> None:
    """What makes the refusals below mean something."""
    statuses = {path: asker.get(path, cookie=asker.cookie)[0] for path in paths}

    assert {statuses[page.PATH] for page in PAGES} == {200} == {statuses["/static/lob.js"]}
    assert asker.socket_opens(origin=asker.origin, cookie=asker.cookie)


@pytest.mark.parametrize("kind", ["none", "empty", "token itself", "of another token"])
def test_without_the_right_cookie_nothing_answers(
    asker: Asker, paths: list[str], house: DashboardHouse, kind: str
) -> None:
    name = asker.cookie.partition("=")[0]
    cookie = {"none": "", "empty": f"{name}=", "token itself": f"{name}={house.token}",
              "of another token": f"{name}={'ab' * 32}"}[kind]  # fmt: skip

    answers = {path: asker.get(path, origin=asker.origin, cookie=cookie) for path in paths}
    assert {status for status, _, _ in answers.values()} == {401}, answers
    assert not any(b"nicegui" in body or b"lob." in body for _, body, _ in answers.values())
    assert not asker.socket_opens(origin=asker.origin, cookie=cookie)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("", "http://evil.example"),
        ("", "null"),
        ("", "http://127.0.0.1:1"),
        ("evil.example", ""),
        ("evil.example", "http://evil.example"),
        ("127.0.0.1.evil.example", "http://127.0.0.1.evil.example"),
    ],
)
def test_another_origin_or_name_is_answered_by_nothing_even_with_the_cookie(
    asker: Asker, paths: list[str], house: DashboardHouse, host: str, origin: str
) -> None:
    asked = {"host": host, "origin": origin, "cookie": asker.cookie}

    assert {asker.get(path, **asked)[0] for path in paths} == {403}
    status, _, cookie = asker.get("/login", method="POST", body=f"token={house.token}", **asked)
    assert (status, cookie) == (403, "")
    assert not asker.socket_opens(**asked)


def test_a_socket_that_does_not_say_where_it_comes_from_stays_shut(asker: Asker) -> None:
    assert not asker.socket_opens(cookie=asker.cookie)


FOREIGN = """<!doctype html><title>foreign</title><body><script>
const target = %r;
const outcome = {};
const socket = new Promise(done => {
  const opened = new WebSocket(target.replace("http", "ws") + %r);
  opened.onopen = () => done("opened");
  opened.onerror = () => done("refused");
});
const script = new Promise(done => {
  const made = document.createElement("script");
  made.src = target + "/static/lob.js";
  made.onload = () => done("loaded");
  made.onerror = () => done("refused");
  document.head.append(made);
});
const read = fetch(target + "/", {credentials: "include"}).then(a => a.text(), () => "refused");
const blind = fetch(target + "/login", {method: "POST", mode: "no-cors", credentials: "include", body: "token=x"});
window.found = Promise.all([socket, script, read, blind.then(a => a.type, () => "refused")]);
</script></body>"""


@contextmanager
def foreign_page(target: str) -> Iterator[str]:
    """Serve a page of another port of this machine: to cookies, the same site."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (FOREIGN % (target, SOCKET_PATH)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_page_of_another_port_in_the_browser_that_holds_the_cookie_gets_nothing(
    house: DashboardHouse, chrome: Chrome
) -> None:
    """Cookies know no ports: the browser sends ours along, and only origins tell the two apart."""
    context = chrome.context(1440, "dark")
    house.prepare(context, "dark")
    with foreign_page(house.url) as address:
        page = context.new_page()
        page.goto(address)
        opened, loaded, read, _ = page.evaluate("window.found")
        framed = context.new_page()
        framed.goto(address)
        framed.evaluate(f"document.body.innerHTML = '<iframe src=\"{house.url}/\"></iframe>'")
        framed.wait_for_function("document.querySelector('iframe').contentDocument === null")
        inside = [frame.content() for frame in framed.frames[1:]]
    context.close()

    assert (opened, loaded, read) == ("refused", "refused", "refused")
    assert not any("data-testid" in content for content in inside)


def test_the_token_is_for_its_owner_alone_and_in_no_log_whatever_is_tried(house: DashboardHouse, asker: Asker) -> None:
    for path in (f"/login?ticket={house.token}", f"/?token={house.token}", f"/no-such-page/{house.token}"):
        asker.get(path)
        asker.get(path, cookie=asker.cookie)
    asker.get("/login", method="POST", body=f"token={house.token}", origin="http://evil.example")
    logs = [path for path in house.folder.rglob("*") if path.is_file() and path.suffix in ("", ".log", ".out", ".err")]

    assert stat.S_IMODE((house.run_dir / "dashboard.token").stat().st_mode) == 0o600
    assert stat.S_IMODE((house.run_dir / "control.key").stat().st_mode) == 0o600
    secrets = [house.token, asker.cookie.partition("=")[2], (house.run_dir / "control.key").read_text().strip()]
    told = [house.log(name) for name in ("dashboard", "trader", "emulator")]
    told += [path.read_text(errors="replace") for path in logs if path.name not in ("dashboard.token", "control.key")]
    leaks = [text[-400:] for secret in secrets for text in told if secret in text]
    assert leaks == []


def test_nothing_of_all_that_reached_the_trader(house: DashboardHouse, asker: Asker) -> None:
    with Redis(unix_socket_path=str(house.run_dir / "redis.sock")) as redis:
        before = redis.xlen(CONTROL)
        for cookie in ("", "lob_dashboard=1"):
            asker.get(POLL_PATH, method="POST", body='42["event",{"op":"halt"}]', origin=asker.origin, cookie=cookie)
            asker.socket_opens(origin=asker.origin, cookie=cookie)
        asker.get(POLL_PATH, method="POST", body="42", origin="http://evil.example", cookie=asker.cookie)
        assert redis.xlen(CONTROL) == before

    assert house.ask("status")["state"] == "active"
