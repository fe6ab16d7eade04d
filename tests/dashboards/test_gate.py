"""The gate lets in who brings the token, asks under our name and comes from our page; everybody else meets a wall."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from dashboards.gate import BODY_BYTES_MAX, TICKET_S, TRIES_MAX, TRIES_S, Gate, Message, Receive, Scope, Send

TOKEN = "7e" * 32
HOST = "127.0.0.1:8080"
OURS = {"host": HOST, "origin": f"http://{HOST}"}


@dataclass
class Answer:
    """What came back; `status` 0 stands for a websocket that was let in."""

    status: int
    headers: dict[str, str]
    body: bytes


class Desk:
    """A gate before an application that says how often it was reached; the clock is moved by hand."""

    def __init__(self, ticket: str = "") -> None:
        self.reached = 0
        self.now_s = 100.0
        self.gate = Gate(
            self._app, token=TOKEN, ticket=ticket, hosts=("127.0.0.1", "localhost", "::1"), now_s=lambda: self.now_s
        )

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached += 1
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b"secret figures"})

    def ask(
        self,
        path: str = "/",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        *,
        method: str = "GET",
        kind: str = "http",
        body: bytes = b"",
    ) -> Answer:
        """Ask once, as a server would hand it on."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        path, _, query = path.partition("?")
        scope: Scope = {
            "type": kind,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in pairs],
            "server": ("127.0.0.1", 8080),
            "scheme": "ws" if kind == "websocket" else "http",
            **({"method": method} if kind == "http" else {}),
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self.gate(scope, receive, send))
        first = sent[0]
        found = {name.decode(): value.decode() for name, value in first.get("headers", ())}
        status = {"websocket.accept": 0, "websocket.close": 403}.get(first["type"], first.get("status", -1))
        return Answer(status, found, b"".join(message.get("body", b"") for message in sent))

    def log_in(self, token: str = TOKEN, **headers: str) -> Answer:
        """Send the form."""
        return self.ask("/login", {**OURS, **headers}, method="POST", body=f"token={quote(token)}".encode())

    def cookie(self) -> str:
        """Log in and return the cookie as a browser sends it."""
        return self.log_in().headers["set-cookie"].partition(";")[0]


PATHS = ["/", "/risk", "/static/lob.js", "/_nicegui/3.18.0/static/nicegui.js", "/_nicegui_ws/socket.io/", "/nothing"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_without_the_cookie_no_page_file_or_socket_answers(path: str, kind: str) -> None:
    desk = Desk()
    for words in (OURS, {**OURS, "cookie": "lob_dashboard_8080="}, {**OURS, "cookie": f"lob_dashboard_8080={TOKEN}"}):
        answer = desk.ask(path, words, kind=kind)
        assert answer.status in (401, 403) and b"secret" not in answer.body
    assert desk.reached == 0


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_with_the_cookie_they_do(path: str, kind: str) -> None:
    desk = Desk()

    assert desk.ask(path, {**OURS, "cookie": desk.cookie()}, kind=kind).status in (200, 0)
    assert desk.reached == 1


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "",
        "http://127.0.0.1:9999",
        "http://localhost:8080",
        "http://127.0.0.1:8080.evil.example",
        "http://evil@127.0.0.1:8080",
        "http://127.0.0.1:8080/",
        "file://",
        "http://[",
        "ftp://127.0.0.1:8080",
        "http://127.0.0.1:8080\xe4",
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_another_origin_is_refused_even_with_the_cookie(origin: str, kind: str) -> None:
    desk = Desk()
    words = {"host": HOST, "origin": origin, "cookie": desk.cookie()}

    assert desk.ask("/", words, kind=kind).status == 403
    assert desk.ask("/login", {**words, "origin": origin}, method="POST", body=f"token={TOKEN}".encode()).status == 403
    assert desk.reached == 0


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "", "127.0.0.1.evil.example", "127.0.0.1:8080@evil", "[::1", "[::1]x:1"],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_another_name_is_refused_even_with_the_cookie(host: str, kind: str) -> None:
    """As a name of a foreign site that points at loopback would be."""
    desk = Desk()
    words = {"host": host, "origin": f"http://{host}", "cookie": desk.cookie()}

    assert desk.ask("/", words, kind=kind).status == 403
    assert desk.ask("/login", words, method="POST", body=f"token={TOKEN}".encode()).status == 403
    assert desk.reached == 0


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "[::1]:8080", "localhost"])
def test_every_name_of_ours_is_let_in(host: str) -> None:
    desk = Desk()
    words = {"host": host, "origin": f"http://{host}", "cookie": desk.cookie()}

    assert desk.ask("/", words, kind="websocket").status == 0


def test_what_may_change_something_must_say_where_it_comes_from() -> None:
    desk = Desk()
    unsaid = {"host": HOST, "cookie": desk.cookie()}

    assert desk.ask("/", unsaid).status == 200
    assert desk.ask("/", unsaid, kind="websocket").status == 403
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert desk.ask("/", unsaid, method=method).status == 403
    assert desk.ask("/login", {"host": HOST}, method="POST", body=f"token={TOKEN}".encode()).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_or_port_can_link_here_and_nothing_else(site: str) -> None:
    desk = Desk()
    words = {"host": HOST, "cookie": desk.cookie(), "sec-fetch-site": site}

    link = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert desk.ask("/", {**words, **link}).status == 200
    for mode, dest in (("no-cors", "script"), ("no-cors", "image"), ("navigate", "iframe"), ("cors", "empty")):
        assert desk.ask("/", {**words, "sec-fetch-mode": mode, "sec-fetch-dest": dest}).status == 403


def test_a_cookie_that_another_port_put_beside_ours_shuts_nobody_out() -> None:
    desk = Desk()
    ours = desk.cookie()

    for cookie in (f"lob_dashboard_8080=x; {ours}", f"{ours}; lob_dashboard_8080=x", f"a=b;{ours}"):
        assert desk.ask("/", {**OURS, "cookie": cookie}).status == 200


def test_the_cookie_is_not_the_token_and_no_script_or_other_site_gets_it() -> None:
    desk = Desk()
    plain, behind_tls = desk.log_in(), desk.log_in(origin=f"https://{HOST}")

    words = plain.headers["set-cookie"]
    assert (plain.status, plain.headers["location"]) == (303, "/")
    assert TOKEN not in words and "HttpOnly" in words and "SameSite=Strict" in words and "Secure" not in words
    assert behind_tls.headers["set-cookie"].endswith("; Secure")


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN}0", TOKEN.upper(), "ä", "\udc80", "x" * 10_000])
def test_a_wrong_token_opens_nothing(token: str) -> None:
    desk = Desk()
    answer = desk.ask(
        "/login", OURS, method="POST", body=f"token={quote(token, errors='surrogatepass')}".encode()
    )  # fmt: skip

    assert answer.status == 401 and "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"token", b"other=1", b"token=%E4%FF", b"&" * BODY_BYTES_MAX * 3])
def test_a_form_that_is_none_opens_nothing_and_breaks_nothing(body: bytes) -> None:
    assert Desk().ask("/login", OURS, method="POST", body=body).status == 401


def test_after_many_wrong_tokens_nobody_is_heard_for_a_minute() -> None:
    desk = Desk()
    for _ in range(TRIES_MAX):
        assert desk.log_in("wrong").status == 401

    assert desk.log_in().status == 429
    desk.now_s += TRIES_S + 1
    assert desk.log_in().status == 303


def test_many_guesses_at_once_are_counted_one_by_one() -> None:
    """Each sends its body only when all have been let begin."""
    desk, statuses = Desk(), []

    async def guess(gate: asyncio.Event) -> None:
        async def receive() -> Message:
            await gate.wait()
            return {"type": "http.request", "body": b"token=wrong"}

        async def send(message: Message) -> None:
            if "status" in message:
                statuses.append(message["status"])

        headers = [(name.encode(), value.encode()) for name, value in OURS.items()]
        await desk.gate({"type": "http", "method": "POST", "path": "/login", "headers": headers}, receive, send)

    async def all_at_once() -> None:
        gate = asyncio.Event()
        guesses = [asyncio.create_task(guess(gate)) for _ in range(3 * TRIES_MAX)]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*guesses)

    asyncio.run(all_at_once())
    assert statuses.count(401) == TRIES_MAX and statuses.count(429) == 2 * TRIES_MAX


def test_a_ticket_opens_once_and_not_for_ever() -> None:
    desk = Desk(ticket="once")
    assert desk.ask("/login?ticket=other", {"host": HOST}).status == 200
    first, second = desk.ask("/login?ticket=once", {"host": HOST}), desk.ask("/login?ticket=once", {"host": HOST})
    assert (first.status, "set-cookie" in first.headers) == (303, True)
    assert (second.status, "set-cookie" in second.headers) == (200, False)

    late = Desk(ticket="once")
    late.now_s += TICKET_S + 1
    assert late.ask("/login?ticket=once", {"host": HOST}).status == 200


@pytest.mark.parametrize("ticket", ["", "%E4", "%FF%FF", "a&ticket="])
def test_no_ticket_is_no_key(ticket: str) -> None:
    assert "set-cookie" not in Desk().ask(f"/login?ticket={ticket}", {"host": HOST}).headers


def test_a_person_without_a_token_is_asked_for_it_and_a_script_is_told() -> None:
    desk = Desk()
    shown = desk.ask("/risk", {**OURS, "sec-fetch-dest": "document"})
    told = desk.ask("/risk", OURS)

    assert shown.status == told.status == 401
    assert b'<form method="post" action="/login">' in shown.body
    assert told.headers["content-type"].startswith("text/plain")


def test_every_answer_forbids_frames_and_foreign_scripts_and_reports_run_outside_of_our_origin() -> None:
    desk = Desk()
    inside = {**OURS, "cookie": desk.cookie()}
    answers = [desk.ask("/", inside), desk.ask("/login", OURS), desk.ask("/", OURS), desk.log_in("wrong")]

    for answer in answers:
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    report = desk.ask("/reports/drift/week.html", inside).headers["content-security-policy"]
    assert report.startswith("sandbox allow-scripts; default-src 'none'") and "allow-same-origin" not in report
