"""A page that its browser gave up is no error; anything else that goes wrong is."""

import asyncio

import pytest

from dashboards.gate import Message, Receive, Scope, Send
from dashboards.serve import until_given_up

UNANSWERED = "No response returned."


def asked(words: str, message: str) -> None:
    """Ask an application that hears one message, then fails."""

    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        raise RuntimeError(words)

    async def receive() -> Message:
        return {"type": message}

    async def send(message: Message) -> None:
        raise AssertionError(f"expected nothing to be sent, found {message}")

    asyncio.run(until_given_up(fails)({"type": "http"}, receive, send))


def test_a_request_whose_asker_is_gone_may_stay_unanswered() -> None:
    asked(UNANSWERED, "http.disconnect")


@pytest.mark.parametrize(("words", "message"), [(UNANSWERED, "http.request"), ("another", "http.disconnect")])
def test_every_other_failure_is_told(words: str, message: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        asked(words, message)
