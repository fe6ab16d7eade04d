"""Who may ask: a gate before every page, file and socket of the dashboard.

Three questions, of http and websocket alike, in this order:

1. Is it asked under a name that is ours (Host)? Otherwise a foreign site could point a name of its own at loopback.
2. Does it come from a page of ours (Origin, Sec-Fetch-Site)? A websocket, and whatever may change something, must say;
   a request that says must say one of ours. Another port of this machine is another site: cookies know no ports.
3. Does it bring the cookie that the token was exchanged for?

The token is exchanged at `/login` alone, by POST; a ticket is good once, for two minutes, for the browser that was
started for it. Wrong words are counted, and after `TRIES_MAX` in a minute none is heard for the rest of it. Nothing
here is ever logged. Reports are files that other tools wrote: their scripts run in an origin of their own, without the
cookie.
"""

import hashlib
import hmac
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOGIN: Final = "/login"
TRIES_MAX: Final = 10
TRIES_S: Final = 60.0
TICKET_S: Final = 120.0
BODY_BYTES_MAX: Final = 4_096
HOST: Final = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?")
SAFE_METHODS: Final = ("GET", "HEAD")
REPORTS: Final = "/reports/"
"""Below it lie pages that are not ours."""
CLOSE_POLICY: Final = 1008
"""Of a websocket that is refused."""
OWN_POLICY: Final = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-src 'self'; object-src 'none'; "
    b"frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)
REPORT_POLICY: Final = (
    b"sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
    b"style-src 'unsafe-inline'; img-src data: blob:; font-src data:; frame-ancestors 'none'; form-action 'none'"
)
HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
PAGE: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in</title>
<link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body{{font:16px/1.5 system-ui,sans-serif;background:#10151c;color:#e8edf2;display:grid;place-items:center;
min-height:100vh;margin:0}}form{{width:min(26rem,88vw)}}label,p{{display:block;margin:.5rem 0}}
input,button{{font:inherit;width:100%;box-sizing:border-box;padding:.6rem;border-radius:6px;border:1px solid #5b6b7c}}
input{{background:#18202a;color:inherit}}button{{background:#2f7de1;color:#fff;border:0;margin-top:.6rem}}
.problem{{color:#ffb4a9}}</style></head><body><main><form method="post" action="/login"><h1>Order books</h1>
<label for="token">Token</label><input id="token" name="token" type="password" autocomplete="current-password"
autofocus required><p>It stands in <code>dashboard.token</code> in the folder <code>run</code> of your data.</p>
<p class="problem" role="alert">{problem}</p><button>Open</button></form></main></body></html>"""


class Gate:
    """An ASGI application before another one; see the head of the file."""

    def __init__(
        self,
        app: App,
        *,
        token: str,
        hosts: Iterable[str],
        ticket: str = "",
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`hosts` are the names under which it may be asked, without ports."""
        self._app = app
        self._token = token.encode()
        self._tickets = {ticket.encode()} if ticket else set()
        self._tickets_end_s = now_s() + TICKET_S
        self._hosts = frozenset(host.lower() for host in hosts)
        self._now_s = now_s
        self._wrong_s: deque[float] = deque(maxlen=TRIES_MAX)
        self._pass = hmac.new(self._token, b"dashboard cookie", hashlib.sha256).hexdigest().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        words = {name.lower(): value for name, value in scope.get("headers", ())}
        is_http = scope["type"] == "http"
        if not self._is_ours(words, must_say=not is_http or scope["method"] not in SAFE_METHODS):
            await _refuse(scope, send, 403, b"asked under a name, or from a page, that is not this dashboard's\n")
        elif is_http and scope["path"] == LOGIN:
            await self._log_in(scope, receive, send, words)
        elif not self._has_cookie(words, _cookie_name(scope)):
            await _ask_for_token(scope, send, words)
        else:
            policy = REPORT_POLICY if is_http and scope["path"].startswith(REPORTS) else OWN_POLICY
            await self._app(scope, receive, _with_headers(send, policy))

    # --- who asks ---

    def _is_ours(self, words: dict[bytes, bytes], *, must_say: bool) -> bool:
        host = words.get(b"host", b"").decode("latin-1").lower()
        named = HOST.fullmatch(host)
        if named is None or (named[1] or named[2]) not in self._hosts or not _is_from_here(words):
            return False
        origin = words.get(b"origin")
        if origin is None:
            return not must_say
        return origin.decode("latin-1").lower() in (f"http://{host}", f"https://{host}")

    def _has_cookie(self, words: dict[bytes, bytes], name: bytes) -> bool:
        # Any of that name: pages of other ports may set one too, and must not be able to shut us out.
        parts = (part.strip().partition(b"=") for part in words.get(b"cookie", b"").split(b";"))
        return any(hmac.compare_digest(value, self._pass) for key, _, value in parts if key == name)

    # --- the exchange ---

    async def _log_in(self, scope: Scope, receive: Receive, send: Send, words: dict[bytes, bytes]) -> None:
        if scope["method"] == "GET":
            ticket = _field(scope.get("query_string", b""), "ticket")
            if ticket and self._take_ticket(ticket):
                await self._welcome(scope, send, words)
            else:
                await _answer(send, 200, _page("That ticket was used already." if ticket else ""), html=True)
            return
        if scope["method"] != "POST":
            await _refuse(scope, send, 403, b"expected the form of /login\n")
            return
        token = _field(await _body(receive), "token").strip()
        if self._is_tired():  # asked after the body came: many that come at once must not all pass here
            await _answer(send, 429, _page("Too many wrong tokens; wait a minute."), html=True)
        elif hmac.compare_digest(token, self._token):
            await self._welcome(scope, send, words)
        else:
            self._wrong_s.append(self._now_s())
            await _answer(send, 401, _page("That is not the token."), html=True)

    def _take_ticket(self, ticket: bytes) -> bool:
        if self._now_s() > self._tickets_end_s:
            self._tickets.clear()
        for known in list(self._tickets):
            if hmac.compare_digest(known, ticket):
                self._tickets.discard(known)
                return True
        return False

    def _is_tired(self) -> bool:
        return len(self._wrong_s) == TRIES_MAX and self._now_s() - self._wrong_s[0] < TRIES_S

    async def _welcome(self, scope: Scope, send: Send, words: dict[bytes, bytes]) -> None:
        cookie = _cookie_name(scope) + b"=" + self._pass + b"; Path=/; HttpOnly; SameSite=Strict"
        if scope.get("scheme") == "https" or words.get(b"origin", b"").startswith(b"https:"):
            cookie += b"; Secure"
        await _answer(send, 303, b"", ((b"location", b"/"), (b"set-cookie", cookie)))


def _cookie_name(scope: Scope) -> bytes:
    """Return a name with the port in it: browsers share cookies between the ports of a host."""
    server = scope.get("server") or ("", 0)
    return f"lob_dashboard_{server[1]}".encode()


def _is_from_here(words: dict[bytes, bytes]) -> bool:
    """Tell by what browsers say of the page that asks; a link in another page may lead here, nothing else."""
    if words.get(b"sec-fetch-site", b"none") in (b"none", b"same-origin"):
        return True
    return (words.get(b"sec-fetch-mode"), words.get(b"sec-fetch-dest")) == (b"navigate", b"document")


async def _body(receive: Receive) -> bytes:
    """Return the beginning of a request's body; what is longer than a token's form is cut."""
    body = b""
    while len(body) <= BODY_BYTES_MAX:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body", False):
            break
    return body[:BODY_BYTES_MAX]


def _field(form: bytes, name: str) -> bytes:
    """Return a field of a form or query; empty where it is missing."""
    return parse_qs(form.decode("latin-1")).get(name, [""])[0].encode("utf-8", "replace")


def _page(problem: str) -> bytes:
    return PAGE.format(problem=problem).encode()


def _with_headers(send: Send, policy: bytes) -> Send:
    async def send_with(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *HEADERS, (b"content-security-policy", policy)]
        await send(message)

    return send_with


async def _ask_for_token(scope: Scope, send: Send, words: dict[bytes, bytes]) -> None:
    """Refuse for want of the cookie; a person is shown where the token is asked for."""
    if scope["type"] == "http" and scope["method"] == "GET" and words.get(b"sec-fetch-dest") == b"document":
        await _answer(send, 401, _page(""), html=True)
    else:
        await _refuse(scope, send, 401, b"no token was brought; open /login\n")


async def _refuse(scope: Scope, send: Send, status: int, words: bytes) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": CLOSE_POLICY, "reason": ""})
        return
    await _answer(send, status, words)


async def _answer(
    send: Send, status: int, body: bytes, more: Iterable[tuple[bytes, bytes]] = (), *, html: bool = False
) -> None:
    kind = b"text/html; charset=utf-8" if html else b"text/plain; charset=utf-8"
    policy = (b"content-security-policy", OWN_POLICY)
    headers = [(b"content-type", kind), (b"cache-control", b"no-store"), *HEADERS, policy, *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
