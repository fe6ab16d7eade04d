"""The fixtures of page tests notice what they are there to notice."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from browser import Chrome, Pages, cut_texts, serious_findings, sideways_px
from playwright.sync_api import BrowserContext, Page

PLAIN = (
    "<!doctype html><html lang=en><head><title>plain</title></head><body><main><h1>Plain</h1>{}</main></body></html>"
)


class Served:
    """One page at every path. An `Address`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def prepare(self, context: BrowserContext, theme: str) -> None:
        """Nothing is asked for here."""

    def until_shown(self, page: Page) -> None:
        page.wait_for_selector("h1")


@contextmanager
def serving(body: str) -> Iterator[Served]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = b"" if self.path == "/favicon.ico" else PLAIN.format(body).encode()
            self.send_response(404 if self.path == "/missing.js" else 200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def problems_of(chrome: Chrome, body: str, *, allowed: tuple[str, ...] = ()) -> list[str]:
    """Return what is noted of a page with this body."""
    pages = Pages(chrome)
    with serving(body) as served:
        pages.open(served, allowed=allowed).wait_for_load_state("load")
        return pages.close()


def test_a_page_without_problems_has_none(chrome: Chrome) -> None:
    assert problems_of(chrome, "<p>fine</p>") == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<script>console.error('broken')</script>", "console: broken"),
        ("<script>throw new Error('thrown')</script>", "script: thrown"),
        ("<script src=/missing.js></script>", "404"),
        ("<img alt=x src=http://example.org/x.png>", "asked of another address: http://example.org/x.png"),
        ("<script>new WebSocket('ws://127.0.0.1:1/x')</script>", "asked of another address: ws://127.0.0.1:1/x"),
    ],
)
def test_a_page_that_errs_or_asks_elsewhere_is_noted(chrome: Chrome, body: str, words: str) -> None:
    assert any(words in problem for problem in problems_of(chrome, body))


def test_what_a_test_breaks_on_purpose_is_not_held_against_it(chrome: Chrome) -> None:
    body = "<script>console.error('on purpose')</script>"

    assert problems_of(chrome, body, allowed=("on purpose",)) == []


def test_names_of_other_machines_lead_nowhere(chrome: Chrome) -> None:
    pages = Pages(chrome)
    with serving("<p>fine</p>") as served:
        page = pages.open(served, allowed=("example.org", "Failed to load resource", "Access to fetch"))
        outcome = page.evaluate("fetch('http://example.org/').then(() => 'answered', error => `${error}`)")
        assert pages.close() == [] and "Failed to fetch" in outcome


def test_findings_name_the_rule_the_element_and_the_reason(chrome: Chrome) -> None:
    pages = Pages(chrome)
    with serving("<p style='color:#bbb;background:#fff'>pale</p><button></button>") as served:
        found = serious_findings(pages.open(served))
        pages.close()

    assert [line.partition(" ")[0] for line in found] == ["button-name", "color-contrast"]
    assert "pale" in found[1] and "1.91" in found[1]


def test_a_page_wider_than_its_window_is_measured(chrome: Chrome) -> None:
    pages = Pages(chrome)
    with serving("<div style='width:500px'>wide</div>") as served:
        page = pages.open(served, width=390)
        assert sideways_px(page) >= 110
        pages.close()


def test_a_text_that_is_cut_and_told_nowhere_is_found(chrome: Chrome) -> None:
    style = "width:40px;overflow:hidden;white-space:nowrap"
    pages = Pages(chrome)
    with serving(f"<p style='{style}'>much too long</p><p style='{style}' title='all'>told in a title</p>") as served:
        found = cut_texts(pages.open(served))
        pages.close()

    assert [line.strip() for line in found] == [": much too long"]
