"""The server: NiceGUI's pages behind the gate, on one socket."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import uvicorn
from fastapi import FastAPI
from nicegui import app, ui

from dashboards.board import Board
from dashboards.config import LOOPBACK
from dashboards.desk import Desk
from dashboards.errors import DashboardError
from dashboards.feed import Feed, LiveFeed
from dashboards.frame import draw
from dashboards.gate import App, Gate, Message, Receive, Scope, Send
from dashboards.pages_table import PAGES
from dashboards.reports import add_reports
from dashboards.surroundings import Surroundings
from dashboards.tape import Tape, TapeFeed

STATIC = Path(__file__).parent / "static"
RECONNECT_S = 30.0
"""For a connection on a busy machine; the page itself says within 3 s that it hears nothing."""
HEAD = (
    '<link rel="stylesheet" href="/static/lob.css"><script src="/static/lob.js"></script>'
    '<meta name="color-scheme" content="dark light">'
)


def serve(surroundings: Surroundings, on_ready: Callable[[str], None]) -> None:
    """Serve until told to end; `on_ready` hears the address. DashboardError when the port is taken."""
    listening = _listen(surroundings.dashboards.host, surroundings.dashboards.port)
    port = listening.getsockname()[1]
    asyncio.run(_run(surroundings, listening, lambda: on_ready(f"http://{_shown(surroundings)}:{port}")))


async def _run(surroundings: Surroundings, listening: socket.socket, on_ready: Callable[[], None]) -> None:
    feed = LiveFeed(surroundings) if surroundings.tape is None else TapeFeed(Tape(surroundings.tape))
    feed.start()
    application = make_application(surroundings, feed)
    config = uvicorn.Config(
        application,
        log_level="error",
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    _end_with_input(server)
    if not serving.done():
        on_ready()
    try:
        await serving
    finally:
        await feed.stop()


def _end_with_input(server: uvicorn.Server) -> None:
    """Serve no longer than whoever started us holds our standard input open: nothing else tells of a kill -9."""
    loop, place = asyncio.get_running_loop(), sys.stdin.fileno()

    def look() -> None:
        if not os.read(place, 1):
            loop.remove_reader(place)
            server.should_exit = True

    loop.add_reader(place, look)


def make_application(surroundings: Surroundings, feed: Feed) -> Gate:
    """Return the whole application: every page, behind the gate."""
    logging.getLogger("nicegui").setLevel(logging.ERROR)  # it warns of every address that is none, with all its words
    for page in PAGES:
        _add_page(page, surroundings, feed)
    app.add_static_files("/static", STATIC, max_cache_age=0)
    site = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    add_reports(site, surroundings.warehouse.reports_dir)
    ui.run_with(
        site,
        title="order books",
        dark=True,
        language="en-GB",
        tailwind=False,
        binding_refresh_interval=None,
        message_history_length=0,
        reconnect_timeout=RECONNECT_S,
        show_welcome_message=False,
    )
    ticket = surroundings.ticket
    return Gate(
        until_given_up(site),
        token=surroundings.token.get_secret_value(),
        ticket="" if ticket is None else ticket.get_secret_value(),
        hosts=(*LOOPBACK, surroundings.dashboards.host, *surroundings.dashboards.hosts),
    )


def until_given_up(application: App) -> App:
    """Return the application without the complaint that a request whose asker is gone was not answered.

    Layers of Starlette raise it when a browser gives a page up before it was begun. All other errors pass.
    """

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        is_given_up = False

        async def heard() -> Message:
            nonlocal is_given_up
            message = await receive()
            is_given_up = is_given_up or message["type"] == "http.disconnect"
            return message

        try:
            await application(scope, heard, send)
        except RuntimeError as error:
            if not is_given_up or str(error) != "No response returned.":
                raise

    return run


def _add_page(page: ModuleType, surroundings: Surroundings, feed: Feed) -> None:
    refresh_s = surroundings.dashboards.refresh_ms / 1_000

    @ui.page(page.PATH)
    def open_page() -> None:
        ui.add_head_html(HEAD)
        client = ui.context.client
        board = Board(client)
        player = feed if isinstance(feed, TapeFeed) else None
        update = draw(page, Desk(board, surroundings, feed.snapshot, player))

        def tick() -> None:
            if client.has_socket_connection:  # one that was closed is kept for `RECONNECT_S`, and is nobody's to see
                update(feed.snapshot())

        ui.timer(refresh_s, tick)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise DashboardError(
            f"{host}:{port}: {error.strerror or error}; is a dashboard running already? next: trader dashboard --port 0"
        ) from error
    return listening


def _shown(surroundings: Surroundings) -> str:
    host = surroundings.dashboards.host
    return f"[{host}]" if ":" in host else host


def say_ready(address: str) -> None:
    """Tell who started us that pages can be opened."""
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
