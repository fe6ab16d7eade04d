"""Messages through apprise to real receivers on this machine; addresses are never told."""

import threading
import time

import pytest
from alert_receivers import http_receiver, mail_receiver
from pydantic import SecretStr

from streaming.alerts.post import Delivery, Item
from streaming.errors import SettingsError
from streaming.shell.alerts_sender import Sender

ITEM = Item("0123456789ab", "begun", "critical", "The trader died", "process 1 is gone", 1_767_600_000 * 10**9)


def sender(url: str, send_s_max: float = 5.0) -> Sender:
    return Sender({"there": SecretStr(url)}, send_s_max)


def test_webhook_is_sent_title_words_and_gravity() -> None:
    with http_receiver() as hook:
        assert sender(hook.url).send(Delivery("there", (ITEM,))) == ""

    assert hook.got[0]["title"] == "[CRITICAL] The trader died"
    assert "process 1 is gone" in hook.got[0]["message"] and "trader alerts ack 0123456789ab" in hook.got[0]["message"]
    assert hook.got[0]["type"] == "failure"


def test_mail_arrives_with_its_subject_and_receiver() -> None:
    with mail_receiver() as letters:
        assert sender(letters.url).send(Delivery("there", (ITEM,))) == ""

    sent_by, receivers, subject, text = letters.got[0]
    assert (sent_by, receivers, subject) == ("house@example.org", ["ann@example.org"], "[CRITICAL] The trader died")
    assert "process 1 is gone" in text


def test_refusal_is_told_without_the_address() -> None:
    with http_receiver() as hook:
        hook.status = 500
        problem = sender(hook.url).send(Delivery("there", (ITEM,)))

    assert "500" in problem
    assert "secret-word" not in problem and hook.url not in problem


def test_nobody_listening_is_a_problem_and_not_a_failure() -> None:
    with http_receiver() as hook:
        url = hook.url

    problem = sender(url).send(Delivery("there", (ITEM,)))

    assert problem and "secret-word" not in problem


def test_receiver_that_hangs_is_given_up_in_time() -> None:
    with http_receiver() as hook:
        hook.hold = threading.Event()
        begun_s = time.monotonic()

        problem = sender(hook.url, send_s_max=0.3).send(Delivery("there", (ITEM,)))

        assert problem.startswith("timeout")
        assert time.monotonic() - begun_s < 15.0


@pytest.mark.parametrize("url", ["nothing://secret-word", "json://", "mailto://secret-word"])
def test_address_that_nobody_understands_is_named_and_not_shown(url: str) -> None:
    with pytest.raises(SettingsError, match=r"streaming\.alerts\.urls\.there") as caught:
        sender(url)

    assert "secret-word" not in str(caught.value)
