"""A local server that answers with whatever bytes a test wants: the wrong ones."""

import base64
import hashlib
import os
import re
import signal
import socket
import socketserver
import threading
from contextlib import suppress

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def http(status, body, *headers):
    """A whole HTTP reply."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def upgraded(head, data):
    """A good websocket handshake, followed by `data`."""
    found = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
    key = base64.b64encode(hashlib.sha1(found.group(1) + GUID).digest())
    lines = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return lines + b"Sec-WebSocket-Accept: " + key + b"\r\n\r\n" + data


class WrongVenue:
    """Answers each connection once with `answer(head, number)`, where `number` counts the requests of its path.

    `answer` may return None to leave the connection open and silent. After `ending_at` requests of `ending_path` the
    process is told to end by SIGTERM.
    """

    def __init__(self, answer, *, ending_path="", ending_at=0):
        self._answer, self._ending = answer, (ending_path, ending_at)
        self.requests, self.lines = {}, []
        self._lock, self._open = threading.Lock(), threading.Event()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with suppress(OSError):
                    outer._serve(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def __enter__(self):
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.01), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._open.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _serve(self, connection):
        connection.settimeout(5)
        head = b""
        while b"\r\n\r\n" not in head and not head.startswith(b"\x16"):  # a TLS client never ends its head
            part = connection.recv(1 << 16)
            if not part:
                return
            head += part
        path = head.split(b" ")[1].partition(b"?")[0].decode() if b" " in head and head[:1] == b"G" else ""
        with self._lock:
            number = self.requests[path] = self.requests.get(path, 0) + 1
        data = self._answer(head, number)
        if data is not None:
            with suppress(OSError):  # the client had enough
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
        if (path, number) == self._ending:
            os.kill(os.getpid(), signal.SIGTERM)
        if data is None:
            self._open.wait(5)
