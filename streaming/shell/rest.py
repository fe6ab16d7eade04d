"""GET requests through aiohttp, each with a limit of time and size. What a reply is worth is judged elsewhere."""

import aiohttp
from yarl import URL

from streaming.errors import TraderError
from streaming.venues.dialect import RestRequest
from streaming.venues.replies import Reply

REPLY_BYTES_MAX = 64 << 20
CHUNK_BYTES = 1 << 16
ERROR_SIGNS_MAX = 300
NUMBER_DIGITS_MAX = 9
"""Of a number in a header; a longer one is nonsense and stands for none."""


class RestError(TraderError):
    """No whole reply came; the text says why in half a line."""


class RestClient:
    """Asks one venue. `close` it."""

    def __init__(self, base_url: str, timeout_s: float) -> None:
        self._base_url = base_url
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout_s), headers={"Accept": "application/json"}
        )

    async def get(self, request: RestRequest) -> Reply:
        """Return the reply, whatever its status; RestError where none came whole."""
        url = f"{self._base_url}{request.target}"
        try:
            async with self._session.get(URL(url, encoded=True), allow_redirects=False) as response:
                body = await read_whole(response)
                return Reply(
                    status=response.status,
                    body=body,
                    used_weight=_whole(response.headers.get("X-MBX-USED-WEIGHT-1M")),
                    retry_after_s=_seconds(response.headers.get("Retry-After")),
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RestError(plain_text(f"{url}: {str(error) or type(error).__name__}")) from error

    async def close(self) -> None:
        """Close its connections."""
        await self._session.close()


def plain_text(text: str) -> str:
    """Return what a peer made an error say as one bounded line that can be written anywhere."""
    return " ".join(text.encode("utf-8", "replace").decode()[:ERROR_SIGNS_MAX].split())


async def read_whole(response: aiohttp.ClientResponse) -> bytes:
    """Return the body; ClientPayloadError for one of more than `REPLY_BYTES_MAX` bytes."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        size += len(chunk)
        if size > REPLY_BYTES_MAX:
            raise aiohttp.ClientPayloadError(f"more than {REPLY_BYTES_MAX} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _whole(text: str | None) -> int | None:
    is_number = text is not None and text.isdecimal() and len(text) <= NUMBER_DIGITS_MAX
    return int(text) if text is not None and is_number else None


def _seconds(text: str | None) -> float | None:
    """Return the seconds of Retry-After; its other form, a date, is not used by the venues."""
    whole = _whole(text)
    return None if whole is None else float(whole)
