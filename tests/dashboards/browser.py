"""Chromium for tests of pages, and the fixtures that every such test uses.

A test of a page is a plain function:

    from playwright.sync_api import expect

    def test_each_limit_is_a_bar(house: DashboardHouse, open_page: OpenPage) -> None:
        page = open_page(house, "/risk")
        expect(page.get_by_test_id("limit-max_position")).to_be_visible()

`house` is one emulator, one trader and one dashboard, each a process, shared by all tests of a worker: read from it,
and leave it as it was. A test that halts, kills or freezes anything takes a house of its own by `make_own_house()`
(see `dashboard_house.py`; it starts in a few seconds and ends with the test). `open_page(house, path, width=390,
theme="light")` opens a page in a fresh context and waits until it shows numbers of the trader.

When a test ends, its pages fail it if anything was written to the console as an error, if a script threw, or if
anything was asked of another address than the dashboard's. A test that breaks things on purpose says so beforehand:
`open_page(house, "/", allowed=("ERR_CONNECTION_REFUSED",))`.

`PAGE_PICTURES=/tmp/pictures pytest tests/dashboards/test_every_page.py` keeps a picture of every page at both widths in
both themes; `take_picture(page, name)` does so anywhere else.

Playwright's waiting assertions (`expect(locator).to_have_text(...)`) wait for a condition; never sleep instead. Find
elements by test id. Playwright's synchronous interface wants one thread and no event loop in it, so tests that use
`open_page` are run in the browser's own thread; other fixtures of theirs are set up where pytest runs them.
"""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from shared import Shared

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
PATIENCE_MS = 20_000
HEIGHTS = {1440: 900, 390: 844}
SERIOUS = ("serious", "critical")
OWN_SCHEMES = ("data", "blob", "about")

T = TypeVar("T")


class Address(Protocol):
    """What `open_page` needs of whoever serves pages."""

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, without a path."""

    def prepare(self, context: BrowserContext, theme: str) -> None:
        """Put the token, and the choice of a theme, where the page finds them."""

    def until_shown(self, page: Page) -> None:
        """Wait until a page that was opened shows what it is to show."""


class OpenPage(Protocol):
    """See the head of the file."""

    def __call__(
        self,
        house: Address,
        path: str = "/",
        *,
        width: int = 1440,
        theme: str = "dark",
        allowed: tuple[str, ...] = (),
        is_waiting: bool = True,
    ) -> Page:
        """Open a page of a house; with `is_waiting=False` do not wait until it shows numbers."""


class Chrome:
    """One Chromium and the thread that drives it."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="chrome")
        self._thread = self._pool.submit(threading.get_ident).result()
        self._playwright, self._browser = self.do(self._launch)

    def do(self, call: Callable[..., T], *words: object, **named: object) -> T:
        """Run something in the browser's thread."""
        if threading.get_ident() == self._thread:
            return call(*words, **named)
        return self._pool.submit(call, *words, **named).result()

    def context(self, width: int, theme: str) -> BrowserContext:
        """Return a fresh profile: no cookies, nothing kept."""
        context: BrowserContext = self._browser.new_context(
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            color_scheme="light" if theme == "light" else "dark",
            timezone_id="UTC",
            locale="en-GB",
        )
        context.set_default_timeout(PATIENCE_MS)
        return context

    def close(self) -> None:
        """End Chromium and the thread."""
        self.do(self._end)
        self._pool.shutdown()

    def _launch(self) -> tuple[Any, Any]:
        playwright = sync_playwright().start()
        expect.set_options(timeout=PATIENCE_MS)
        return playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))

    def _end(self) -> None:
        self._browser.close()
        self._playwright.stop()


class Watched:
    """A page's problems, noted as they come."""

    def __init__(self, page: Page, home: str, allowed: tuple[str, ...]) -> None:
        self.problems: list[str] = []
        self._home = urlsplit(home).netloc
        self._allowed = allowed
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._note(f"script: {error}"))
        page.on("request", lambda request: self._on_address(request.url))
        page.on("websocket", lambda socket: self._on_address(socket.url))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"console: {message.text} ({message.location.get('url', '')})")

    def _on_address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in OWN_SCHEMES and parts.netloc != self._home:
            self._note(f"asked of another address: {url}")

    def _note(self, problem: str) -> None:
        if not any(word in problem for word in self._allowed):
            self.problems.append(problem)


class Pages:
    """The pages of one test."""

    def __init__(self, chrome: Chrome) -> None:
        self._chrome = chrome
        self._opened: list[tuple[BrowserContext, Watched]] = []

    def open(
        self,
        house: Address,
        path: str = "/",
        *,
        width: int = 1440,
        theme: str = "dark",
        allowed: tuple[str, ...] = (),
        is_waiting: bool = True,
    ) -> Page:
        """See `OpenPage`."""
        context = self._chrome.context(width, theme)
        house.prepare(context, theme)
        page = context.new_page()
        self._opened.append((context, Watched(page, house.url, allowed)))
        page.goto(f"{house.url}{path}")
        if is_waiting:
            house.until_shown(page)
        return page

    def close(self) -> list[str]:
        """Close them and return what went wrong on them."""
        problems = []
        for context, watched in self._opened:
            context.close()
            problems += watched.problems
        return problems


def serious_findings(page: Page, *rules: str) -> list[str]:
    """Return what axe finds serious or critical on a page, a line a rule, with the elements; by `rules` alone, if any.

    It takes a second of the page's own thread or so: ask once what does not change with width and theme.
    """
    chosen = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    found = Axe().run(page, options={"resultTypes": ["violations"], **chosen}).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: " + "; ".join(_place(node) for node in rule["nodes"][:5])
        for rule in found
        if rule["impact"] in SERIOUS
    ]


def _place(node: dict[str, Any]) -> str:
    reasons = [item["message"] for item in (*node["any"], *node["all"], *node["none"])]
    return f"{node['target'][0]} {node['html'][:120]} {reasons[:1]}"


def sideways_px(page: Page) -> int:
    """Return by how many pixels a page can be scrolled sideways; 0 on a page that fits."""
    found: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found


def until_ticks(page: Page, count: int = 3) -> None:
    """Wait until a page was brought up to date this often from now on."""
    page.wait_for_function(
        """([begun, count]) => Number(document.documentElement.dataset.ticks || 0) >= begun + count""",
        arg=[ticks_of(page), count],
    )


def ticks_of(page: Page) -> int:
    """Return how often a page was brought up to date since it was opened."""
    return int(page.evaluate("Number(document.documentElement.dataset.ticks || 0)"))


def set_theme(page: Page, theme: str) -> None:
    """Choose `dark` or `light` as a person does."""
    if page.evaluate("document.documentElement.dataset.theme") != theme:
        page.get_by_test_id("theme").click()
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)


def take_picture(page: Page, name: str) -> None:
    """Keep a picture of the whole page as NAME.png in the folder that PAGE_PICTURES names; without it do nothing.

    The window is made as high as the page meanwhile, so that what sticks to its edges covers nothing.
    """
    folder, size = os.environ.get("PAGE_PICTURES"), page.viewport_size
    if not folder or size is None:
        return
    height = max(size["height"], page.evaluate("document.documentElement.scrollHeight"))
    page.set_viewport_size({"width": size["width"], "height": height})
    page.screenshot(path=Path(folder) / f"{name}.png")
    page.set_viewport_size(size)


def cut_texts(page: Page) -> list[str]:
    """Return texts of shown elements that do not fit into their element and have no title that tells the whole."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(element => {
             const style = getComputedStyle(element);
             return element.childElementCount === 0 && element.textContent.trim() && element.offsetParent
               && ['hidden', 'clip'].includes(style.overflowX) && style.whiteSpace.startsWith('nowrap')
               && element.scrollWidth > element.clientWidth + 1 && !element.closest('[title]');
           }).map(element => `${element.dataset.testid || element.className}: ${element.textContent.trim()}`)"""
    )
    return found


# --- fixtures; conftest.py names them ---


@pytest.fixture(scope="session")
def shared_chrome(request: pytest.FixtureRequest) -> Shared[Chrome]:
    """The browser of `chrome`, which ends behind the last page test."""
    return Shared(request.session, lambda: closing(Chrome()))


@pytest.fixture(scope="module")
def chrome(shared_chrome: Shared[Chrome]) -> Chrome:
    """One Chromium for all tests of a worker."""
    return shared_chrome.get()


@pytest.fixture
def open_page(chrome: Chrome) -> Iterator[OpenPage]:
    """A way to open pages that are watched; see the head of the file."""
    pages = Pages(chrome)
    yield lambda *words, **named: chrome.do(pages.open, *words, **named)
    problems = chrome.do(pages.close)
    assert not problems, "\n".join(problems)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that uses the browser in the browser's thread."""
    chrome = pyfuncitem.funcargs.get("chrome")
    if not isinstance(chrome, Chrome):
        return None
    words = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    chrome.do(pyfuncitem.obj, **words)
    return True
