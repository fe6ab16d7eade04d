"""The emulator and a bare websocket echo of the same library, as a process of its own: the argument is the place for
the addresses. It ends when its standard input does.
"""

import asyncio
import sys
from pathlib import Path

import orjson
from aiohttp import WSMsgType, web

from streaming.emulator.market import MarketEmulator
from streaming.emulator.serve import serving
from streaming.emulator.source import EndlessMarket

START_NS = 1_767_571_200_000_000_000


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Send back what comes."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket


async def main(place: Path) -> None:
    """Serve until nobody listens any more."""
    app = web.Application()
    app.router.add_get("/echo", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with serving(MarketEmulator(EndlessMarket(5, START_NS)), speed=1.0) as served:
        document = {**served.to_json(), "echo": f"127.0.0.1:{port}"}
        temporary = place.with_suffix(".tmp")
        temporary.touch(mode=0o600)
        temporary.write_bytes(orjson.dumps(document))
        temporary.replace(place)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
