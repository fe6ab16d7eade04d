"""Receivers of alerts on this machine: an HTTP one that answers as told, and a mail server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
from aiosmtpd.controller import Controller


class Hook:
    """What an HTTP receiver got; `status` is what it answers, `hold` keeps it from answering until set."""

    def __init__(self) -> None:
        self.got: list[dict[str, str]] = []
        self.status = 200
        self.hold: threading.Event | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"json://user:secret-word@127.0.0.1:{self.port}/hook"

    @property
    def titles(self) -> list[str]:
        return [item["title"] for item in self.got]


@contextmanager
def http_receiver() -> Iterator[Hook]:
    """Serve one."""
    hook = Hook()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if hook.hold is not None:
                hook.hold.wait(20.0)
            if hook.status == 200:
                hook.got.append(orjson.loads(body))
            self.send_response(hook.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    hook.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        if hook.hold is not None:
            hook.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()


class Letters:
    """What a mail server got: (sender, receivers, subject, text)."""

    def __init__(self) -> None:
        self.got: list[tuple[str, list[str], str, str]] = []
        self.port = 0

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802  # aiosmtpd's name
        letter = message_from_bytes(envelope.content, policy=policy.default)
        text = letter.get_body(preferencelist=("plain", "html")).get_content()
        self.got.append((envelope.mail_from, envelope.rcpt_tos, str(letter["subject"]), text))
        return "250 taken"

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}/?from=house@example.org&to=ann@example.org&mode=insecure"


class _Server(Controller):
    """On a port that the system chooses."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_receiver() -> Iterator[Letters]:
    """Serve one."""
    letters = Letters()
    server = _Server(letters, hostname="127.0.0.1", port=0)
    server.start()
    letters.port = server.port
    try:
        yield letters
    finally:
        server.stop()
