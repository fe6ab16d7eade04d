"""Private REST requests through aiohttp: a gateway's call goes out, what came goes back.

No error says what was asked: path, headers and body may hold key and signature.
"""

from typing import Final

import aiohttp
from yarl import URL

from streaming.shell.rest import RestError, read_whole
from streaming.venues.gateway import Call, HttpReply

BODY_TYPE: Final = "application/json"
CONNECTIONS_MAX: Final = 32


class OrderRest:
    """Asks one venue for one account. `close` it."""

    def __init__(self, base_url: str, timeout_s: float) -> None:
        self._base_url = base_url
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=60.0),
            headers={"Accept": "application/json"},
        )

    async def send(self, call: Call) -> HttpReply:
        """Return the reply, whatever its status; RestError where none came whole."""
        url = URL(f"{call.base or self._base_url}{call.target}", encoded=True)
        headers = {**call.headers, **({"Content-Type": BODY_TYPE} if call.body else {})}
        try:
            async with self._session.request(
                call.method, url, data=call.body or None, headers=headers, allow_redirects=False
            ) as response:
                body = await read_whole(response)
                return HttpReply(
                    status=response.status,
                    body=body,
                    headers={name.lower(): value for name, value in response.headers.items()},
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RestError(_words(error)) from None  # a chained error may show the address

    async def close(self) -> None:
        """Close its connections."""
        await self._session.close()


def _words(error: Exception) -> str:
    """Return what the operating system says; a library's own words may repeat what was sent."""
    told = (error.strerror or "") if isinstance(error, OSError) else ""
    return f"{type(error).__name__}: {told}".rstrip(": ")
