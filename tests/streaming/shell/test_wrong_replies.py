"""What a venue must never send, sent over real sockets: one clear error or a counted retry, never a crash."""

import asyncio
import gzip

import pytest
from recorded_session import ALL, reading, record
from small_venue import BYBIT, INFO
from wrong_venue import WrongVenue, http, upgraded

from streaming.errors import TraderError
from streaming.shell.rest import RestClient, RestError
from streaming.venues.dialects import DIALECTS
from streaming.venues.replies import Reply, problem_of

INFO_PATH = "/v5/market/instruments-info"
GOOD = http(200, INFO[INFO_PATH])
HTML = b"<html><body>Access denied</body></html>"

REPLIES = [
    ("an HTML page", http(200, HTML, "Content-Type: text/html"), "expected JSON, found <html>"),
    ("an empty body", http(200, b""), "empty reply"),
    ("truncated JSON", http(200, INFO[INFO_PATH][:100]), "expected JSON, found"),
    ("an error object", http(200, b'{"code":-1000,"msg":"unknown"}'), "error -1000: unknown"),
    ("a Bybit error", http(200, b'{"retCode":10006,"retMsg":"Too many"}'), "retCode 10006: Too many"),
    ("other JSON", http(200, b'{"hello":"world"}'), "expected"),
    ("a list", http(200, b"[]"), "expected a JSON object"),
    ("binary", http(200, bytes(range(256))), "expected JSON"),
    ("JSON too deep", http(200, b"[" * 100_000), "expected JSON"),
    ("500 with HTML", http(500, HTML), "HTTP 500 <html>"),
    ("503 without a body", http(503, b""), "HTTP 503"),
    ("404", http(404, b'{"retCode":404}'), "HTTP 404"),
    ("a redirect", http(302, b"", f"Location: {INFO_PATH}"), "HTTP 302"),
    ("a status that is none", http(999, b""), "HTTP 999"),
    ("no status line", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "Bad status line"),
    ("garbage", bytes(range(128, 256)) * 8, ""),
    ("TLS", b"\x15\x03\x01\x00\x02\x02\x46", ""),
    ("nothing", b"", "disconnected"),
    ("less than promised", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "100"),
    ("broken chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}", ""),
    ("broken gzip", http(200, b"no gzip", "Content-Encoding: gzip"), ""),
    ("half a gzip", http(200, gzip.compress(INFO[INFO_PATH])[:60], "Content-Encoding: gzip"), ""),
    ("endless headers", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000, ""),
    ("a header that is too long", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", ""),
    (
        "absurd numbers",
        http(500, b"", f"Retry-After: {'9' * 5_000}", f"X-MBX-USED-WEIGHT-1M: {'9' * 3_000}"),
        "HTTP 500",
    ),
    ("numbers below 0", http(500, b"", "Retry-After: -5", "X-MBX-USED-WEIGHT-1M: -5"), "HTTP 500"),
    ("signs that are no text", http(500, b"\xff\xfe").replace(b" X\r\n", b" \xff\xfe\r\n"), "HTTP 500"),
]


@pytest.mark.parametrize(("name", "reply", "words"), REPLIES, ids=[row[0] for row in REPLIES])
@pytest.mark.parametrize("kind", ["snapshot", "exchange information"])
def test_a_wrong_reply_is_told_in_one_line(kind, name, reply, words):
    dialect = DIALECTS["binance_spot"] if kind == "snapshot" else DIALECTS["bybit_spot"]
    request = dialect.depth("BTCUSDT") or dialect.exchange_info(["BTCUSDT"])

    async def problem(port):
        client = RestClient(f"http://127.0.0.1:{port}", 2.0)
        try:
            return problem_of(request, await client.get(request))
        except RestError as error:
            return str(error)
        finally:
            await client.close()

    with WrongVenue(lambda head, number: reply) as venue:
        found = asyncio.run(problem(venue.port))

    assert found is not None and words in found
    assert len(found) < 400 and "\n" not in found
    found.encode()  # can be written anywhere


def test_a_reply_that_never_ends_is_given_up():
    async def ask(port):
        client = RestClient(f"http://127.0.0.1:{port}", 0.2)
        try:
            with pytest.raises(RestError, match="Timeout"):
                await client.get(DIALECTS["bybit_spot"].exchange_info(["BTCUSDT"]))
        finally:
            await client.close()

    with WrongVenue(lambda head, number: None) as venue:
        asyncio.run(ask(venue.port))


@pytest.mark.parametrize(("name", "reply", "words"), REPLIES, ids=[row[0] for row in REPLIES])
def test_a_recorder_asks_again_until_the_exchange_information_is_right(tmp_path, name, reply, words):
    def answer(head, number):
        return GOOD if INFO_PATH.encode() not in head or number > 2 else reply

    with WrongVenue(answer, ending_path=INFO_PATH, ending_at=3) as venue:
        record(tmp_path, venue, ALL[2:])

    told = [line for line in venue.lines if line.startswith("bybit_spot: exchange information: ")]
    assert venue.requests[INFO_PATH] == 3
    assert len(told) == (1 if name == "nothing" else 2)  # the client asks once more by itself when it is cut off
    assert all(line.endswith("; asking again") and "\n" not in line for line in told)


def frame(opcode, data, *, length=None):
    """A server's websocket frame; `length` may lie."""
    size = len(data) if length is None else length
    word = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2) if size < 1 << 16 else b"\x7f" + size.to_bytes(8)
    return bytes([0x80 | opcode]) + word + data


SOCKETS = [
    ("403", lambda head: http(403, b'{"code":403}'), "403"),
    ("404 with HTML", lambda head: http(404, HTML), "404"),
    ("200 with HTML", lambda head: http(200, HTML), "200"),
    ("a redirect", lambda head: http(301, b"", f"Location: {BYBIT}"), ""),
    ("no answer", lambda head: b"", "no websocket handshake in time"),
    ("garbage", lambda head: bytes(range(128, 256)) * 8, ""),
    ("TLS", lambda head: b"\x15\x03\x01\x00\x02\x02\x46", ""),
    ("another key", lambda head: upgraded(head.replace(b"==", b"=="), b"").replace(b"Accept: ", b"Accept: x"), ""),
    (
        "headers that are no text",
        lambda head: upgraded(head, b"").replace(b"Upgrade: ", b"X: \xff\xfe\r\nUpgrade: "),
        "",
    ),
    ("endless headers", lambda head: b"HTTP/1.1 101 X\r\n" + b"X: y\r\n" * 100_000, ""),
    ("HTML after the handshake", lambda head: upgraded(head, HTML), ""),
    ("garbage after the handshake", lambda head: upgraded(head, bytes(range(128, 256)) * 8), ""),
    ("a frame that is too long", lambda head: upgraded(head, frame(1, b"{}", length=1 << 40)), ""),
    ("a frame longer than sent", lambda head: upgraded(head, frame(1, b"{}", length=100)), ""),
    ("an unknown opcode", lambda head: upgraded(head, frame(11, b"{}")), ""),
    ("a bad end", lambda head: upgraded(head, frame(8, b"\x00\x05\xff\xfe")), ""),
    ("an end of one byte", lambda head: upgraded(head, frame(8, b"\x03")), ""),
    ("a fragment of nothing", lambda head: upgraded(head, frame(0, b"tail")), ""),
    ("a masked frame", lambda head: upgraded(head, b"\x81\x82\x00\x00\x00\x00{}"), ""),
    (
        "an end with words",
        lambda head: upgraded(head, frame(8, b"\x03\xf0try later")),
        "closed by the venue: 1008 try later",
    ),
]


@pytest.mark.parametrize(("name", "reply", "words"), SOCKETS, ids=[row[0] for row in SOCKETS])
def test_a_socket_that_does_not_speak_websocket_is_lost_and_tried_again(tmp_path, name, reply, words):
    def answer(head, number):
        return GOOD if INFO_PATH.encode() in head else reply(head)

    with WrongVenue(answer, ending_path=BYBIT, ending_at=4) as venue:
        summary = record(tmp_path, venue, ALL[2:], watch={"connect_ms": 300, "first_message_ms": 300})

    counts = reading(summary, "bybit_spot")
    assert summary.ended_by == "SIGTERM" and counts.connections_lost >= 2
    assert words in counts.last_problem and "\n" not in counts.last_problem and len(counts.last_problem) < 500


TEXTS = [b"", b"{}", b"[]", b"7", b"null", b'"x"', HTML, b"\xff\xfe", b'{"topic":5}', b'{"op":"auth","success":false}']


def test_messages_that_are_no_stream_are_counted_and_the_connection_is_kept(tmp_path):
    def answer(head, number):
        if INFO_PATH.encode() in head:
            return GOOD
        return upgraded(head, b"".join(frame(1, data) for data in TEXTS) + b"".join(frame(2, data) for data in TEXTS))

    with WrongVenue(answer, ending_path=BYBIT, ending_at=2) as venue:
        summary = record(tmp_path, venue, ALL[2:])

    counts = reading(summary, "bybit_spot")
    assert counts.unknown_messages >= 2 * len(TEXTS)
    assert counts.frames == 1 and counts.rejects == 0  # the exchange information


def test_tls_asked_of_a_plain_port_is_a_counted_retry(tmp_path):
    def answer(head, number):
        return GOOD if INFO_PATH.encode() in head else http(400, b"speak plainly")

    with WrongVenue(answer, ending_path="", ending_at=3) as venue:
        summary = record(tmp_path, venue, ALL[2:], websocket=f"wss://127.0.0.1:{venue.port}")

    assert reading(summary, "bybit_spot").connections_lost >= 2
    assert "wss://127.0.0.1" in reading(summary, "bybit_spot").last_problem


@pytest.mark.parametrize("place", ["https://127.0.0.1:{port}", "http://127.0.0.1:1", "http://no.such.host.invalid"])
def test_an_address_that_does_not_answer_ends_with_one_clear_error(tmp_path, place):
    with WrongVenue(lambda head, number: http(400, b"")) as venue:
        rest_url = place.format(port=venue.port)
        with pytest.raises(TraderError) as caught:
            record(tmp_path, venue, ALL[2:], rest_url=rest_url, rest={"start_timeout_ms": 300})

    text = str(caught.value)
    assert text.startswith(f"bybit_spot: exchange information: {rest_url}/v5") and "\n" not in text
    assert "check the network, and streaming.record.addresses.bybit_spot" in text
    assert not list((tmp_path / "lake").rglob("*.part"))


def test_a_reply_to_an_unknown_question_is_no_reply():
    request = DIALECTS["bybit_spot"].exchange_info(["BTCUSDT"])
    assert problem_of(request, Reply(200, INFO[INFO_PATH])) is None
